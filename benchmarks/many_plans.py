"""W3 and W4: thousands of plans at once, by vectorbt, backtrader, backtesting.py, and by our grid.

Ours are works of ``benchmarks/grid.py``, told ``numpy`` or ``fast``; they return the final equities in the order of
``worlds.grid()`` and ``worlds.calendars()``.
"""

from collections.abc import Sequence

from benchmarks.one_plan import WHOLE_UNITS, against, peer
from benchmarks.page import Page
from benchmarks.race import Entrant, Outcome, race
from benchmarks.worlds import CALENDARS, EVENTS, HOLD, grid

EVERY = 97
"""One combination of so many is run by the peers that walk bar by bar: a prime, so that all values are met."""
OURS = ["numpy", "fast"]
TUNED = "the fastest of its block sizes and engines (numba, Rust), found anew here."
PLANNED = "from the plans on, as the peers begin at the rows they are given."
TWELVE = "returns, ratios, drawdown and trade figures of each; the peers give the final equity only."
LOOKED_UP = "what a trade does to equity is reckoned once a bar and looked up; there is nothing left to compile."
A_BAR = 2.5e-9
"""Seconds for a running extreme and a division."""


def combinations(page: Page) -> None:
    """Print W3."""
    page.title(f"W3: {len(grid()):,} combinations of hold, delay, stop and target on W1's bars and events")
    every = (str(EVERY),)
    outcomes = race(
        [
            *(Entrant(how, "benchmarks.grid:combinations", (how,), why=PLANNED) for how in OURS),
            *(Entrant(f"{how}, the rule asked too", "benchmarks.grid:asked_and_planned", (how,)) for how in OURS),
            *(Entrant(f"{how}, all numbers", "benchmarks.grid:all_numbers", (how,), why=TWELVE) for how in OURS),
            peer("vectorbt", "with_vectorbt:combinations", why=TUNED),
            peer("backtesting.py", "with_backtesting:combinations", every, every=EVERY, why=WHOLE_UNITS),
            peer("backtrader", "with_backtrader:combinations", every, every=EVERY, rounds=3),
        ]
    )
    page.race(outcomes, ours=OURS)
    page.say("- bt: n/a, it has no stops inside the bar.")
    page.asked(
        [
            *against(outcomes, "vectorbt", numpy=20, fast=400),
            *against(outcomes, "backtesting.py", numpy=800, fast=800),
            *against(outcomes, "backtrader", numpy=10_000, fast=200_000),
        ]
    )
    _limit(page, outcomes)


def placebos(page: Page) -> None:
    """Print W4."""
    page.title(f"W4: {CALENDARS:,} placebo calendars of {EVENTS} dates on W1's bars, held for {HOLD}")
    outcomes = race(
        [
            *(Entrant(how, "benchmarks.grid:placebos", (how,), why=LOOKED_UP) for how in OURS),
            *(
                Entrant(f"{how}, all numbers", "benchmarks.grid:placebos_all_numbers", (how,), why=TWELVE)
                for how in OURS
            ),
            peer("vectorbt", "with_vectorbt:placebos", why=TUNED),
        ]
    )
    page.race(outcomes, ours=OURS)
    page.asked(against(outcomes, "vectorbt", numpy=400, fast=800))


def _limit(page: Page, outcomes: Sequence[Outcome]) -> None:
    """Print how far from the machine's own limit it is: every bar of every trade touched once."""
    bars = EVENTS * sum(c.hold for c in grid())
    least = bars * A_BAR
    ratios = ", ".join(f"{o.entrant.name} takes {o.seconds / least:.1f} times that" for o in outcomes[: len(OURS)])
    page.say(
        f"\nA running extreme and a division per bar of every trade ({bars:,}, {A_BAR * 1e9:.1f} ns each) would take"
    )
    page.say(f"{least * 1e3:.1f} ms on one core; {ratios}.")
