"""Runs the benchmarks: all of them, which makes RESULTS.md anew, or those named (``W1 W3``).

Size, power, coverage, deflated ratios, and the interval and placebo of implied values are run when named: they are
shares of seeded runs, no times, and are in docs/study.md and docs/reference/odds.md.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import (
    commands,
    coverage,
    currencies,
    deflated,
    growth,
    implied,
    many_plans,
    one_plan,
    power,
    report,
    size,
    store,
)
from benchmarks.machine import machine
from benchmarks.page import Page
from benchmarks.race import RUNS
from benchmarks.worker import AT_LEAST

WORKLOADS: dict[str, Callable[[Page], None]] = {
    "W1": one_plan.one_instrument,
    "W2": one_plan.one_account,
    "W3": many_plans.combinations,
    "W5": growth.main,
    "W6": commands.main,
    "W7": currencies.main,
    "store": store.main,
    "report": report.main,
}
WHEN_NAMED: dict[str, Callable[[], None]] = {
    "size": size.main,
    "power": power.main,
    "coverage": coverage.main,
    "deflated": deflated.main,
    "implied": implied.main,
}
RESULTS = Path(__file__).parent / "RESULTS.md"


def main(named: Sequence[str]) -> None:
    """Print the workloads named, or all; only all of them are written down."""
    began, page = time.perf_counter(), Page()
    if any(name not in WHEN_NAMED for name in named or WORKLOADS):
        _begin(page)
    for name in named or WORKLOADS:
        WHEN_NAMED[name]() if name in WHEN_NAMED else WORKLOADS[name](page)
    spent = sum(os.times()[:4]) / 60
    page.say(f"\nAll of it took {(time.perf_counter() - began) / 60:.0f} minutes, {spent:.0f} of processor time.")
    if not named:
        RESULTS.write_text(page.text(), encoding="utf-8")


def _begin(page: Page) -> None:
    """Say how times are measured, and on which machine."""
    page.say("# Benchmarks\n")
    page.say(
        f"What `make bench` printed. Times are medians of {RUNS} interleaved rounds, each entrant in a process of its"
    )
    page.say(f"own; in a round, work of less than {AT_LEAST * 1e3:.0f} ms is repeated so long, and its mean counts.")
    page.say("Results were compared with ours before any time was.\n")
    for line in machine():
        page.say(line)


if __name__ == "__main__":
    main(sys.argv[1:])
