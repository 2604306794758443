"""W3 and W4: thousands of plans at once, by vectorbt, backtrader, backtesting.py, and by our grid.

Ours are works of ``benchmarks/grid.py``: ``combinations(how)`` and ``placebos(how)``, where ``how`` is ``numpy`` or
``fast``; each returns a callable that plans and evaluates all of it, and returns the final equities in the order of
``worlds.grid()`` and ``worlds.calendars()``.
"""

from benchmarks.one_plan import WHOLE_UNITS, peer
from benchmarks.page import Page
from benchmarks.race import Entrant, race
from benchmarks.worlds import BARS, CALENDARS, EVENTS, HOLD, grid

EVERY = 97
"""One combination of so many is run by the peers that walk bar by bar: a prime, so that all values are met."""
OURS = ["numpy", "fast"]


def combinations(page: Page) -> None:
    """Print W3."""
    page.title(
        f"W3: {len(grid()):,} combinations of hold, delay, stop and target on W1's {BARS:,} bars, {EVENTS} events"
    )
    every = (str(EVERY),)
    page.race(
        race(
            [
                *(Entrant(how, "benchmarks.grid:combinations", (how,)) for how in OURS),
                peer(
                    "vectorbt", "with_vectorbt:combinations", why="the fastest block size and engine, found anew here."
                ),
                peer("backtesting.py", "with_backtesting:combinations", every, every=EVERY, why=WHOLE_UNITS),
                peer("backtrader", "with_backtrader:combinations", every, every=EVERY, rounds=3),
            ]
        ),
        ours=OURS,
    )
    page.say("- bt: n/a, it has no stops inside the bar.")


def placebos(page: Page) -> None:
    """Print W4."""
    page.title(f"W4: {CALENDARS:,} placebo calendars of {EVENTS} dates on W1's {BARS:,} bars, held for {HOLD}")
    page.race(
        race(
            [
                *(Entrant(how, "benchmarks.grid:placebos", (how,)) for how in OURS),
                peer("vectorbt", "with_vectorbt:placebos", why="the fastest block size and engine, found anew here."),
            ]
        ),
        ours=OURS,
    )
