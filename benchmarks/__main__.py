"""Runs every benchmark. Times are ratios against a peer in the same run; size and power are shares of seeded runs."""

from benchmarks import one_plan, power, size, store

if __name__ == "__main__":
    one_plan.main()
    store.main()
    size.main()
    power.main()
