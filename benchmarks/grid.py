"""W3 and W4 by hustings: planned and reckoned from the events on, by numpy or compiled by numba."""

from collections.abc import Callable
from typing import Any

from benchmarks.ours import FREE, bars_of, event_after, market_of
from benchmarks.worlds import DELAYS, HOLDS, STOPS, TARGETS, WEIGHT, calendars, event_rows, prices
from datasets.events import EventCatalogue
from engine.combinations import product_of
from engine.grid import Backend, evaluate_calendars, final_equities
from engine.grid_plan import plan_grid
from strategies.buy_after_event import BuyAfterEvent

AXES = {"hold": HOLDS, "delay": DELAYS, "stop_loss": STOPS, "take_profit": TARGETS}
SHAPE = Shape("M0", 1, Phase.OPEN, Phase.OPEN, HOLD)


def combinations(how: str) -> Callable[[], Any]:
    """Return W3: the rule asked, all combinations planned, their final equities."""
    bars = bars_of(prices())
    events = EventCatalogue(event_after(bars, r, f"E{n}") for n, r in enumerate(event_rows().tolist()))
    market = market_of([bars])

    def work() -> Any:
        combos = product_of(BuyAfterEvent, {"instrument": bars.symbol, "weight": WEIGHT}, AXES)
        return final_equities(plan_grid(combos, events, market), FREE, backend=Backend(how))

    return work


def placebos(how: str) -> Callable[[], Any]:
    """Return W4: the calendars' rows are given, for drawing them is no part of it."""
    bars, rows = bars_of(prices()), calendars() + 1
    return lambda: evaluate_calendars(bars, SHAPE, rows, FREE, weight=WEIGHT, backend=Backend(how)).final_equity
