"""Every executor handles or refuses every field of a ``Leg`` and of a ``PlannedTrade``.

The test walks the fields. For each there is a change that must change what an executor returns; a new field without
one fails in every executor.
"""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from datasets.events import EventCatalogue, PoliticalEvent
from engine.account.evaluate import evaluate
from engine.account.records import Account
from engine.account.replay import replay
from engine.metrics.many_plans import PlanResults, evaluate_grid
from engine.plan.costs import Costs, Terms
from engine.plan.plan import BarPrice, Plan, PlannedTrade, make_plan
from engine.plan.plan_grid import plan_grid
from engine.run.orders import order_of
from engine.run.parameter_sensitivity import parameter_sensitivity
from engine.strategy import After, Leg, NextClose, NextOpen, Phase, Strategy, Symbols, strategy
from engine.strategy.contract import GAINS, LEVELS
from engine.strategy.market import MarketView
from engine.strategy.placeholders import grid_space
from engine.study.legs import return_model_of
from engine.study.shapes import net_returns, shape_of
from tests.engine.markets import bars, days, evaluate_plans, event, instrument, market_of, scripted, utc

CLOSES = (100, 104, 110, 107, 112, 104, 97, 101, 99, 103, 108, 106)
ROWS = [(d, c - 1.0, c + 1.5, c - 2.0, float(c)) for d, c in zip(days("2024-01-01", 12), CLOSES, strict=True)]
ONE = bars(instrument("AAA"), ROWS)
OTHER = bars(instrument("BBB"), [(d, 2 * o + 9, 2 * h + 9, 2 * lo, 2 * c + 1) for d, o, h, lo, c in ROWS])
WIDE = Terms(event_slippage_bps=20.0)
EVENT = event("E", "2024-01-01T12:00")

TRADE = PlannedTrade(
    event_id="E",
    instrument="AAA",
    decided_at=utc("2024-01-01T12:00"),
    weight=0.5,
    entry=BarPrice(1, Phase.OPEN),
    exit=BarPrice(8, Phase.OPEN),
    exit_reason="planned",
)
TRADE_CHANGES: dict[str, Any] = {
    "event_id": "F",
    "instrument": "BBB",
    "decided_at": TRADE.decided_at + timedelta(hours=1),
    "weight": -0.5,
    "entry": BarPrice(2, Phase.CLOSE),
    "exit": BarPrice(7, Phase.CLOSE),
    "exit_reason": "otherwise",
    "stop_loss": 0.04,
    "take_profit": 0.05,
    "trailing_stop": 0.03,
    "notes": ("entry late",),
    "after_event": False,
}
RECORDED = {"event_id", "decided_at", "exit_reason", "notes"}
"""Fields that only executors with records of trades return; they move no money."""

LEG = Leg("AAA", 0.5, NextOpen(), After(7))
LEG_CHANGES: dict[str, Any] = {
    "instrument": "BBB",
    "weight": -0.5,
    "entry": NextClose(delay=1),
    "exit": After(6, at=Phase.CLOSE),
    "stop_loss": 0.04,
    "take_profit": 0.05,
    "trailing_stop": 0.03,
}


def plan_of(trade: PlannedTrade) -> Plan:
    return Plan((trade,), (), ("AAA", "BBB"), 1)


def records(account: Account) -> Any:
    return account.fills, account.trades, account.skipped, account.equity.tolist()


def numbers(results: PlanResults) -> Any:
    return results.final_equity.tolist(), {n: c.tolist() for n, c in results.columns.items()}


def studied(trade: PlannedTrade) -> Any:
    of = {"AAA": ONE, "BBB": OTHER}[trade.instrument]
    return net_returns(of, shape_of(trade), Costs(0.0, 0.0, event_slippage_bps=20.0))[trade.entry.bar]


EXECUTORS: dict[str, Callable[[PlannedTrade], Any]] = {
    "replay": lambda t: records(replay(plan_of(t), [ONE, OTHER], WIDE)),
    "arrays, one plan": lambda t: records(evaluate(plan_of(t), [ONE, OTHER], WIDE)),
    "arrays, many plans": lambda t: numbers(evaluate_plans([plan_of(t)] * 2, [ONE, OTHER], WIDE)),
    "study": studied,
}


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("name", PlannedTrade.__struct_fields__)
def test_every_executor_handles_every_field_of_a_planned_trade(name: str, executor: str) -> None:
    assert name in TRADE_CHANGES, f"PlannedTrade.{name} is new: say in TRADE_CHANGES what must change a result"
    if name in RECORDED and executor in ("arrays, many plans", "study"):
        pytest.skip("this executor returns no records of trades")
    run = EXECUTORS[executor]
    assert repr(run(TRADE)) != repr(run(replace(TRADE, **{name: TRADE_CHANGES[name]})))


@pytest.mark.parametrize("name", LEVELS)
def test_every_level_ends_shapes_and_lies_on_its_side_of_an_order(name: str) -> None:
    """A rule of one more level needs no change where shapes are counted or orders are shown."""
    level = replace(TRADE, **{name: TRADE_CHANGES[name]})
    model = return_model_of({"AAA": ONE}, [level], Terms())
    assert model.stopped(shape_of(level)) > model.stopped(shape_of(TRADE)) == 0
    for weight in (0.5, -0.5):
        order = order_of(replace(level, weight=weight), ONE, ONE, cash=1e6)
        close, at = order.last_close, order.levels[name]
        assert close is not None
        assert at is not None
        assert (at > close) == ((name in GAINS) == (weight > 0))


def rule_of(leg: Leg) -> type[Strategy]:
    @strategy
    class TradesOneLeg(Strategy):
        """Trades the leg it was made with."""

        markets: Symbols = ("AAA", "BBB")

        def wants(self, event: PoliticalEvent) -> bool:
            return True

        def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
            return [leg]

    return TradesOneLeg


def planned(leg: Leg) -> PlannedTrade:
    rule = scripted([leg], markets=("AAA", "BBB"))
    (trade,) = make_plan(rule, EventCatalogue([EVENT]), market_of(ONE, OTHER)).trades
    return trade


def swept(leg: Leg) -> Any:
    return numbers(evaluate_grid(plan_grid(grid_space(rule_of(leg), {}, {}), [EVENT], market_of(ONE, OTHER)), Terms()))


def varied(leg: Leg) -> Any:
    return parameter_sensitivity(rule_of(leg)(), EventCatalogue([EVENT]), market_of(ONE, OTHER), terms=Terms())


READERS: dict[str, Callable[[Leg], Any]] = {"plan": planned, "sweep": swept, "parameter sensitivity": varied}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(Leg)])
def test_every_field_of_a_leg_reaches_the_result(name: str, reader: str) -> None:
    assert name in LEG_CHANGES, f"Leg.{name} is new: say in LEG_CHANGES what must change a result"
    read = READERS[reader]
    assert repr(read(LEG)) != repr(read(dataclasses.replace(LEG, **{name: LEG_CHANGES[name]})))
