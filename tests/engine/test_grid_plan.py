"""The plans of a sweep are those that ``make_plan`` makes, whatever the rule does with its parameters."""

import dataclasses
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent, bundled_events
from datasets.markets.instruments import bundled_instruments
from engine.account.bar_matrix import BarMatrix, bar_matrix
from engine.account.trade_table import BlockTable, TradeTable
from engine.plan.plan import NO_TICK, BarPrice, Plan
from engine.plan.plan_grid import Kept, PlanGrid, plan_grid
from engine.strategy import (
    After,
    BeforeVote,
    Clock,
    Delay,
    Entry,
    Leg,
    NextClose,
    NextOpen,
    OptionalDistance,
    Phase,
    Sessions,
    Strategy,
    Symbols,
    strategy,
)
from engine.strategy.contract import LEVELS
from engine.strategy.market import Market, MarketView
from engine.strategy.placeholders import (
    Placeholder,
    PlaceholderRead,
    can_be_traced,
    grid_space,
    placeholder_places,
    with_placeholders,
)
from strategies import REGISTRY
from strategies.buy_after_event import BuyAfterEvent
from strategies.loading import find_strategy
from tests.engine.markets import bars, builtin_bars, days, event, flat_day, instrument, market_of, real_bars
from tests.engine.test_properties import World, worlds

Row = tuple[Any, ...]


def of_plan(plan: Plan) -> list[Row]:
    return [(t.instrument, t.weight, t.entry, t.exit, *(getattr(t, name) for name in LEVELS)) for t in plan.trades]


def of_grid(grid: PlanGrid, i: int) -> list[Row]:
    """Return the trades of one combination as the table of its block has them."""
    block = next(b for b in grid.blocks if i in b.rows)
    matrix = bar_matrix(grid.market.loaded(block.instruments))
    p = list(block.rows).index(i)
    table = BlockTable(block, grid, matrix).of(np.arange(len(block.rows)))
    return [_trade(table, matrix, n) for n in range(int(table.start[p]), int(table.start[p + 1]))]


def _trade(table: TradeTable, matrix: BarMatrix, n: int) -> Row:
    entry, exit_ = int(table.entry[n]), int(table.exit[n])
    instrument = int(table.instrument[entry])
    fractions = np.full(len(LEVELS), np.nan) if table.level[n] < 0 else table.fractions[:, table.level[n]]
    return (
        matrix.bars[instrument].symbol,
        float(table.weight[entry]),
        _bar_price(matrix, instrument, int(table.tick[entry])),
        None if exit_ == NO_TICK else _bar_price(matrix, instrument, exit_),
        *(None if np.isnan(f) else float(f) for f in fractions),
    )


def _bar_price(matrix: BarMatrix, instrument: int, tick: int) -> BarPrice:
    return BarPrice((tick >> 1) - int(matrix.base[instrument]), Phase.OPEN if tick & 1 else Phase.CLOSE)


def same_plans(grid: PlanGrid) -> None:
    """Hold the plan of every combination to make_plan's, the failing ones to its error."""
    for i in range(len(grid)):
        if i in grid.failed:
            with pytest.raises(UserError) as refused:
                grid.plan(i)
            assert str(refused.value) == grid.failed[i]
            continue
        plan = grid.plan(i)
        assert of_grid(grid, i) == of_plan(plan), grid.combos.parameters(i)
        block = next(b for b in grid.blocks if i in b.rows)
        assert block.instruments == plan.instruments
        assert grid.trades(block, i) == [replace(t, exit_reason="", notes=()) for t in plan.trades]
    assert sorted([*grid.failed, *(int(i) for b in grid.blocks for i in b.rows)]) == list(range(len(grid)))


@strategy
class Tries(Strategy):
    """Does with its parameters what it is given.

    Args:
        markets: what it may trade
        does: what it does with its parameters
        hold: sessions held
        delay: sessions waited
        stop: distance of the stop
        target: distance of the target
        trail: distance of the trailing stop
    """

    markets: Symbols = ("AAA",)
    does: str = "hands on"
    hold: Sessions = 2
    delay: Delay = 0
    stop: OptionalDistance = None
    target: OptionalDistance = None
    trail: OptionalDistance = None

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        if self.does == "decides later" and event.known_at is not None:
            return event.known_at + timedelta(days=self.delay)
        return event.known_at

    def wants(self, event: PoliticalEvent) -> bool:
        match self.does:
            case "wants if without stop":
                return self.stop is None
            case "wants by all it holds":
                return vars(self)["stop"] is None or dataclasses.asdict(self)["hold"] > 1
            case "wants what it would trade":
                return self._leg(self.markets[0], 0).trailing_stop is None
            case "wants as itself":
                return self.__class__ is Tries
            case "wants some of the time":
                return event.event_id != "E2" or self.delay != 1
        return True

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        if self.does == "stops one leg of a market":
            legs = [self._leg(self.markets[0], 0), self._leg(self.markets[0], 1)]
            return [dataclasses.replace(legs[0], stop_loss=0.07), dataclasses.replace(legs[1], stop_loss=0.01)]
        return [self._leg(m, n) for n, m in enumerate(self.markets)]

    def _leg(self, market: str, n: int) -> Leg:
        entry: Entry = NextOpen(delay=self.delay)
        hold: Any = self.hold
        weight = 0.4
        match self.does:
            case "compares" if self.hold > 2:
                weight = -0.4
            case "reckons":
                hold = self.hold * 2
            case "loops":
                hold = len([None for _ in range(self.hold)])
            case "indexes":
                hold = (9, 8, 7, 6, 5, 4, 3)[self.hold]
            case "writes":
                hold = int(f"{self.hold}")
            case "hashes":
                hold = {1: 3, 2: 1}.get(self.hold, 2)
            case "asks for none" if self.stop is None:
                weight = 0.2
            case "swallows":
                try:
                    hold = self.hold + 1
                except BaseException:
                    hold = 7
            case "weighs" if self.stop:
                weight = self.stop
            case "puts a parameter elsewhere":
                return Leg(market, self.stop or 0.3, entry, After(self.hold))
            case "asks twice":
                entry = NextOpen(delay=self.hold)
            case "before the vote":
                entry = BeforeVote(self.hold)
            case "at the close":
                return Leg(market, weight, NextClose(delay=self.delay), After(self.hold, at=Phase.CLOSE), self.stop)
            case "raises" if self.hold == 3:
                raise ZeroDivisionError("three")
            case "sells":
                weight = -0.4
            case "stops on one side" if n % 2:
                return Leg(market, weight, entry, After(hold), 0.05)
        return Leg(market, weight, entry, After(hold), self.stop, self.target, self.trail)


DEEDS = (
    "hands on",
    "compares",
    "reckons",
    "loops",
    "indexes",
    "writes",
    "hashes",
    "asks for none",
    "swallows",
    "weighs",
    "puts a parameter elsewhere",
    "asks twice",
    "before the vote",
    "at the close",
    "raises",
    "sells",
    "stops on one side",
    "stops one leg of a market",
    "decides later",
    "wants if without stop",
    "wants by all it holds",
    "wants what it would trade",
    "wants as itself",
    "wants some of the time",
)
AXES: dict[str, list[Any]] = {
    "hold": [1, 2, 3, 5],
    "delay": [0, 1, 2],
    "stop": [None, 0.03],
    "target": [None, 0.02],
    "trail": [None, 0.01],
}


@pytest.mark.parametrize("does", DEEDS)
def test_the_plans_of_a_sweep_are_those_of_make_plan(does: str) -> None:
    one = bars(instrument("AAA"), [flat_day(d, 100.0 + n) for n, d in enumerate(days("2024-01-01", 25))])
    two = bars(instrument("BBB"), [flat_day(d, 50.0 + n) for n, d in enumerate(days("2024-01-03", 19))])
    events = [
        event(
            f"E{n}",
            f"2024-01-{4 + 5 * n:02}T{9 + n:02}:00",
            announced_at=datetime(2024, 1, 2).astimezone(),
            voted_on=date(2024, 1, 4 + 5 * n),
        )
        for n in range(4)
    ]
    combos = grid_space(Tries, {"does": does, "markets": ("AAA", "BBB")}, AXES)
    same_plans(plan_grid(combos, events, market_of(one, two)))


@settings(max_examples=60)
@given(worlds(exits=("after",)), st.sampled_from(DEEDS))
def test_the_plans_of_a_sweep_over_random_worlds_are_those_of_make_plan(world: World, does: str) -> None:
    """Missing opens, holidays, several markets with their own hours, events before, within and after the bars."""
    whole = grid_space(Tries, {"does": does, "markets": tuple(b.symbol for b in world.bars)}, AXES)
    combos = replace(whole, places=np.arange(0, len(whole), 5))
    same_plans(plan_grid(combos, EventCatalogue(world.events), market_of(*world.bars)))


def test_what_is_only_handed_on_is_asked_once() -> None:
    asked: list[str] = []
    one = bars(instrument("AAA"), [flat_day(d, 100.0) for d in days("2024-01-01", 9)])

    @strategy
    class Counts(BuyAfterEvent):
        """Counts how often it is asked."""

        def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
            asked.append(event.event_id)
            return super().legs(event, market)

    combos = grid_space(Counts, {"instrument": "AAA"}, {"hold": range(1, 51), "delay": range(5)})
    grid = plan_grid(combos, [event("E", "2024-01-02T09:00")], market_of(one))
    assert len(grid.blocks) == 1
    assert len(asked) == 2  # with tokens, and with the values of the last combination


def test_whether_an_event_is_wanted_is_asked_once_for_all_parameters_that_are_not_read_for_it() -> None:
    asked: list[float | None] = []
    one = bars(instrument("AAA"), [flat_day(d, 100.0) for d in days("2024-01-01", 9)])

    @strategy
    class Counts(BuyAfterEvent):
        """Counts how often it is asked."""

        def wants(self, event: PoliticalEvent) -> bool:
            asked.append(self.trailing_stop)
            return super().wants(event)

    axes = {"hold": range(1, 9), "stop_loss": [None, 0.1], "take_profit": [None, 0.1], "trailing_stop": [None, 0.1]}
    combos, kept = grid_space(Counts, {"instrument": "AAA"}, axes), Kept()
    for first in range(0, len(combos), 16):
        some = combos.part(first, first + 16)
        same = plan_grid(some, [event("E", "2024-01-02T09:00")], market_of(one), kept=kept)
        assert not same.failed
    assert asked == [None, 0.1]


def test_combinations_with_and_without_stops_are_planned_alike() -> None:
    one = bars(instrument("AAA"), [flat_day(d, 100.0) for d in days("2024-01-01", 9)])
    axes: dict[str, list[Any]] = {"hold": [1, 2], "stop_loss": [None, 0.1], "take_profit": [None, 0.1]}
    grid = plan_grid(
        grid_space(BuyAfterEvent, {"instrument": "AAA"}, axes), [event("E", "2024-01-02T09:00")], market_of(one)
    )
    assert [len(b.rows) for b in grid.blocks] == [2, 2, 2, 2]
    same_plans(grid)


def test_one_failing_combination_leaves_the_others() -> None:
    one = bars(instrument("AAA"), [flat_day(d, 100.0) for d in days("2024-01-01", 9)])
    combos = grid_space(Tries, {"does": "raises"}, {"hold": [1, 3, 2]})
    grid = plan_grid(combos, [event("E", "2024-01-02T09:00")], market_of(one))
    assert list(grid.failed) == [1]
    assert grid.failed[1].startswith("tries raised ZeroDivisionError: three (test_grid_plan.py line ")
    assert [t.exit for t in grid.plan(2).trades] != [None]


@pytest.mark.parametrize("name", list(REGISTRY))
def test_every_rule_plans_alike_on_the_built_in_bars(name: str) -> None:
    every_rule(name, Market(builtin_bars(), bundled_instruments()))


@pytest.mark.parametrize("name", list(REGISTRY))
def test_every_rule_plans_alike_on_real_bars(name: str, market_dir) -> None:
    every_rule(name, Market(real_bars(market_dir), bundled_instruments()))


NUMBERS: dict[str, list[Any]] = {
    "hold": [1, 20],
    "sessions": [3, 10],
    "weight": [0.3, 0.9],
    "delay": [0, 2],
    "stop_loss": [None, 0.04],
    "take_profit": [0.05],
    "fall": [0.01, 0.02],
    "days_after": [0, 90],
}


def every_rule(name: str, market: Market) -> None:
    kind = find_strategy(name)
    axes = {n: v for n, v in NUMBERS.items() if n in kind.__dataclass_fields__}
    same_plans(plan_grid(grid_space(kind, {}, axes), bundled_events(), market))


def test_since_leaves_out_what_was_decided_before() -> None:
    one = bars(instrument("AAA"), [flat_day(d, 100.0) for d in days("2024-01-01", 20)])
    events = [event("E1", "2024-01-02T09:00"), event("E2", "2024-01-12T09:00")]
    combos = grid_space(BuyAfterEvent, {"instrument": "AAA"}, {"hold": [1, 2]})
    grid = plan_grid(combos, events, market_of(one), since=date(2024, 1, 10))
    assert [len(of_grid(grid, i)) for i in (0, 1)] == [1, 1]


# ---- tokens --------------------------------------------------------------------------------------------------------------


def _case(value: Any) -> str:
    match value:
        case int():
            return "whole"
        case _:
            return "other"


LOOKS: dict[str, Callable[[Any], Any]] = {
    "compares": lambda t: t > 3,
    "equals": lambda t: t == 3,
    "adds": lambda t: t + 1,
    "adds to": lambda t: 1 + t,
    "negates": lambda t: -t,
    "is it true": bool,
    "whole": int,
    "float": float,
    "text": str,
    "shown": repr,
    "formatted": lambda t: f"{t:.2f}",
    "hashed": lambda t: {t: 1},
    "counted": range,
    "indexed": lambda t: "abc"[t],
    "its kind": lambda t: isinstance(t, int),
    "an attribute": lambda t: t.real,
    "its class": lambda t: t.__class__,
    "a case": _case,
    "an array": lambda t: np.array([1.0]) * t,
    "rounded": round,
}


@pytest.mark.parametrize("looks", list(LOOKS))
def test_whatever_looks_at_a_token_is_noticed(looks: str) -> None:
    seen: set[str] = set()
    with pytest.raises((PlaceholderRead, TypeError)):
        LOOKS[looks](Placeholder("hold", seen))
    assert seen == {"hold"} or looks in ("counted", "indexed")  # these raise a TypeError: the rule is asked outright


def test_a_token_may_be_handed_on() -> None:
    rule = with_placeholders(BuyAfterEvent(stop_loss=0.1), ["hold", "delay", "stop_loss"], set())
    [leg] = rule.legs(event("E", None), MarketView(market_of(), datetime(2024, 1, 1).astimezone()))
    assert placeholder_places(leg) == {"delay": "delay", "sessions": "hold", "stop_loss": "stop_loss"}


def test_a_rule_that_asks_for_types_is_not_traced() -> None:
    class Asks(BuyAfterEvent):
        def wants(self, event: PoliticalEvent) -> bool:
            return type(self.hold) is int

    assert can_be_traced(BuyAfterEvent())
    assert not can_be_traced(Asks())


# ---- combinations --------------------------------------------------------------------------------------------------------


def test_a_product_changes_its_last_parameter_fastest() -> None:
    combos = grid_space(BuyAfterEvent, {"side": "short"}, {"hold": [1, 2], "delay": [0, 5, 9]})
    assert len(combos) == 6
    assert combos.parameters(4) == {"side": "short", "hold": 2, "delay": 5}
    assert combos.part(4, 5).parameters(0) == combos.parameters(4)


def test_values_of_a_sweep_are_those_the_rule_holds() -> None:
    combos = grid_space(BuyAfterEvent, {}, {"stop_loss": ["none", "0.03"], "hold": ["7"]})
    assert [combos.parameters(i) for i in (0, 1)] == [{"stop_loss": None, "hold": 7}, {"stop_loss": 0.03, "hold": 7}]


@pytest.mark.parametrize(
    ("axes", "answered"),
    [
        ({"hold": [0]}, "parameter hold of buy-after-event is 0: "),
        ({"hodl": [1]}, "unknown parameter of buy-after-event 'hodl' (did you mean 'hold'?); it has instrument"),
        ({"hold": []}, "parameter hold of buy-after-event has no values to try"),
    ],
)
def test_a_bad_axis_is_answered_in_one_line(axes: dict[str, list[Any]], answered: str) -> None:
    with pytest.raises(UserError) as refused:
        grid_space(BuyAfterEvent, {"side": "long"}, axes)
    assert str(refused.value).startswith(answered)
