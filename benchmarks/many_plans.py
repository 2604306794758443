"""W3: thousands of plans at once, by vectorbt, backtrader, backtesting.py, and by the arrays that a sweep uses."""

from benchmarks.one_plan import WHOLE_UNITS, against, peer
from benchmarks.page import Page
from benchmarks.race import Entrant, race
from benchmarks.worlds import grid

EVERY = 97
"""One combination of so many is run by the peers that walk bar by bar: a prime, so that all values occur."""
SWEEP, PLANNED = "arrays", "arrays, from the plans on"
METRICS = "all metrics of each combination; the peers return the final equity only."
TUNED = "the fastest of its block sizes and engines (numba, Rust), found again here."


def combinations(page: Page) -> None:
    """Print W3."""
    page.title(f"W3: {len(grid()):,} combinations of hold, delay, stop and target on W1's bars and events")
    every = (str(EVERY),)
    outcomes = race(
        [
            Entrant(SWEEP, "benchmarks.grid:called", why=METRICS),
            Entrant(PLANNED, "benchmarks.grid:planned", why=METRICS),
            peer("vectorbt", "with_vectorbt:combinations", why=TUNED),
            peer("backtesting.py", "with_backtesting:combinations", every, every=EVERY, why=WHOLE_UNITS),
            peer("backtrader", "with_backtrader:combinations", every, every=EVERY, rounds=3),
        ]
    )
    page.race(outcomes, ours=[SWEEP, PLANNED])
    page.say("- bt: n/a, it has no stops inside the bar.")
    page.required(against(outcomes, "vectorbt", **{SWEEP: 20}))
