"""Runs every benchmark. Figures are ratios against a peer in the same run."""

from benchmarks import one_plan, report, store

if __name__ == "__main__":
    one_plan.main()
    store.main()
    report.main()
