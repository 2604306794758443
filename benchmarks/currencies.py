"""W7: an unhedged account against a hedged one: the replay and the arrays of W2, and the combinations of W3."""

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec.structs import replace

from benchmarks.grid import finals, grid_of
from benchmarks.ours import FREE, bars_of, one_account_plan
from benchmarks.page import Page, took
from benchmarks.race import Entrant, measured
from benchmarks.worlds import prices
from datasets.prices.bars import Bars, RateSource
from engine.account.evaluate import evaluate
from engine.metrics.many_plans import evaluate_grid

MOST = 1.3
WORKS = ("replay", "arrays", "combinations")


def main(page: Page) -> None:
    """Print the times, and how many times as long an unhedged account takes."""
    page.title("W7: currencies")
    page.say("W2 as one account by the replay and on arrays, and W3's combinations, without and with exchange rates.")
    page.say(f"Required: at most {MOST} times as long.\n")
    entrants = [
        Entrant(f"{w} {fx}", f"benchmarks.currencies:{w}", (fx,)) for w in WORKS for fx in ("hedged", "unhedged")
    ]
    found = measured(entrants)
    rows = []
    for n, work in enumerate(WORKS):
        hedged, unhedged = found[2 * n], found[2 * n + 1]
        ratio = unhedged.seconds / hedged.seconds
        rows.append(
            [work, took(hedged.seconds), took(unhedged.seconds), f"{ratio:.2f}", "yes" if ratio <= MOST else "NO"]
        )
    page.table(["work", "hedged", "unhedged", "times", "reached"], rows)


def replay(fx: str) -> Callable[[], float]:
    """Return the replay of W2."""
    from engine.account.replay import replay

    plan, bars = one_account_plan()
    used = [_rated(b, fx) for b in bars]
    return lambda: float(replay(plan, used, FREE).equity[-1])


def arrays(fx: str) -> Callable[[], float]:
    """Return the account of W2 on arrays."""
    plan, bars = one_account_plan()
    used = [_rated(b, fx) for b in bars]
    return lambda: float(evaluate(plan, used, FREE).equity[-1])


def combinations(fx: str) -> Callable[[], Any]:
    """Return W3 from its events on."""
    bars = _rated(bars_of(prices()), fx)
    return lambda: finals(evaluate_grid(grid_of(bars), FREE))


def _rated(bars: Bars, fx: str) -> Bars:
    """Return bars with exchange rates of a random walk, or as they are."""
    if fx == "hedged":
        return bars
    rates = 0.01 * np.exp(np.cumsum(0.003 * np.random.default_rng(7).standard_normal(2 * len(bars))))
    return replace(bars, open_rate=rates[::2], close_rate=rates[1::2], rates=RateSource("JPY", "USD", "", ""))
