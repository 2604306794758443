"""W3 and W4 by hustings, by numpy or compiled by numba; from the plans on, or from the events on."""

from collections.abc import Callable
from typing import Any

from engine.account.calendars import calendar_equities, evaluate_calendars
from engine.account.grid import Backend, evaluate_grid, final_equities

from benchmarks.ours import FREE, bars_of, event_after, market_of
from benchmarks.worlds import DELAYS, HOLD, HOLDS, STOPS, TARGETS, WEIGHT, calendars, event_rows, prices
from datasets.events import EventCatalogue
from datasets.prices.bars import Bars
from engine.plan.plan_grid import PlanGrid, plan_grid
from engine.strategy import Phase
from engine.strategy.combinations import Combinations, product_of
from engine.study.shapes import Shape
from strategies.buy_after_event import BuyAfterEvent

AXES = {"hold": HOLDS, "delay": DELAYS, "stop_loss": STOPS, "take_profit": TARGETS}
SHAPE = Shape("M0", 1, Phase.OPEN, Phase.OPEN, HOLD)


def combinations(how: str) -> Callable[[], Any]:
    """Return W3 from its plans on: their final equities. A peer, too, is given the rows at which it trades."""
    grid = _planned()

    def work() -> Any:
        grid.forget()
        return final_equities(grid, FREE, backend=Backend(how))

    return work


def asked_and_planned(how: str) -> Callable[[], Any]:
    """Return W3 from its events on: the rule asked, all combinations planned, their final equities."""
    bars = bars_of(prices())
    events, market = _events(bars), market_of([bars])
    return lambda: final_equities(plan_grid(_combos(bars), events, market), FREE, backend=Backend(how))


def all_numbers(how: str) -> Callable[[], Any]:
    """Return W3 from its plans on: all twelve numbers of every combination, of which the final equities are told."""
    grid = _planned()

    def work() -> Any:
        grid.forget()
        return evaluate_grid(grid, FREE, backend=Backend(how)).final_equity

    return work


def _planned() -> PlanGrid:
    bars = bars_of(prices())
    return plan_grid(_combos(bars), _events(bars), market_of([bars]))


def _combos(bars: Bars) -> Combinations:
    return product_of(BuyAfterEvent, {"instrument": bars.symbol, "weight": WEIGHT}, AXES)


def _events(bars: Bars) -> EventCatalogue:
    return EventCatalogue(event_after(bars, r, f"E{n}") for n, r in enumerate(event_rows().tolist()))


def placebos(how: str) -> Callable[[], Any]:
    """Return W4: the final equities of given rows, for drawing them is no part of it.

    A product of factors looked up: there is nothing left to compile, and ``fast`` is numpy too.
    """
    bars, rows = bars_of(prices()), calendars() + 1
    return lambda: calendar_equities(bars, SHAPE, rows, FREE, weight=WEIGHT)


def placebos_all_numbers(how: str) -> Callable[[], Any]:
    """Return W4: all twelve numbers of every calendar, of which the final equities are told."""
    bars, rows = bars_of(prices()), calendars() + 1
    return lambda: evaluate_calendars(bars, SHAPE, rows, FREE, weight=WEIGHT, backend=Backend(how)).final_equity
