"""W3 by hustings: the path that a sweep takes, from the plans on or from the events on, all metrics of each."""

from collections.abc import Callable
from typing import Any

from benchmarks.ours import FREE, bars_of, event_after, market_of
from benchmarks.worlds import DELAYS, HOLDS, STOPS, TARGETS, WEIGHT, event_rows, prices
from datasets.events import EventCatalogue
from datasets.prices.bars import Bars
from engine.metrics.many_plans import PlanResults, evaluate_grid
from engine.plan.plan_grid import PlanGrid, plan_grid
from engine.strategy.placeholders import Space, grid_space
from strategies.buy_after_event import BuyAfterEvent

AXES = {"hold": HOLDS, "delay": DELAYS, "stop_loss": STOPS, "take_profit": TARGETS}


def planned() -> Callable[[], Any]:
    """Return W3 from its plans on, as the peers begin at the rows they are given; the final equities are compared."""
    bars = bars_of(prices())
    grid = grid_of(bars)
    return lambda: finals(evaluate_grid(grid, FREE))


def called() -> Callable[[], Any]:
    """Return W3 from its events on: the rule called, all combinations planned and evaluated."""
    bars = bars_of(prices())
    return lambda: finals(evaluate_grid(grid_of(bars), FREE))


def finals(results: PlanResults) -> Any:
    """Return the final equities, all metrics computed."""
    assert len(results.columns) > 12  # all metrics are computed
    return results.final_equity


def grid_of(bars: Bars) -> PlanGrid:
    """Return the plans of W3 over bars."""
    events = EventCatalogue(event_after(bars, r, f"E{n}") for n, r in enumerate(event_rows().tolist()))
    return plan_grid(_combos(bars), events, market_of([bars]))


def _combos(bars: Bars) -> Space:
    return grid_space(BuyAfterEvent, {"instrument": bars.symbol, "weight": WEIGHT}, AXES)
