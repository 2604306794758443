"""W5: how time grows with bars, events, instruments and combinations, as the exponent of a log-log fit."""

from collections.abc import Sequence

import numpy as np

from benchmarks.page import Page, took
from benchmarks.race import Entrant, measured

SIZES = {
    "bars": (30_000, 100_000, 300_000, 1_000_000),
    "events": (300, 1_000, 3_000, 10_000),
    "instruments": (20, 60, 180, 500),
    "combinations": (10_000, 100_000, 1_000_000),
}
ROUNDS = {"bars": 15, "events": 15, "instruments": 15, "combinations": 5}
"""A slope that may be no more than MOST needs many repetitions; combinations take seconds each, and get five."""
MOST = 1.05


def main(page: Page) -> None:
    """Print the times, the peak memory and the exponents."""
    page.title("W5: growth")
    page.say(
        "Planning and evaluation together. The exponent is the slope of a least-squares line through the logarithms"
    )
    page.say(f"of all sizes; that of the last step is next to it. Required: at most {MOST}.")
    page.say(f"Medians of {', '.join(f'{n} rounds ({variable})' for variable, n in ROUNDS.items())}.\n")
    for variable, sizes in SIZES.items():
        _one(page, variable, sizes)


def _one(page: Page, variable: str, sizes: Sequence[int]) -> None:
    outcomes = measured([_entrant(variable, n) for n in sizes])
    rows = [[f"{n:,}", took(o.seconds), f"{o.peak_mib:,.0f} MiB"] for n, o in zip(sizes, outcomes, strict=True)]
    page.table([variable, "time", "peak memory"], rows)
    slope, last = (_slope(sizes[i:], [o.seconds for o in outcomes[i:]]) for i in (0, -2))
    page.say(f"\nexponent {slope:.2f}, of the last step {last:.2f}: {'yes' if slope <= MOST else 'NO'}\n")


def _entrant(variable: str, n: int) -> Entrant:
    return Entrant(f"{n} {variable}", f"benchmarks.growing:{variable}", (str(n),), rounds=ROUNDS[variable])


def _slope(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
