"""Parity: what arrays compute for many plans at once is what the replay on backtrader leaves for each, to 1e-9."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from msgspec.structs import asdict, replace

from datasets.events import bundled_events
from datasets.markets.instruments import bundled_instruments
from engine.account.daily_ledger import account_start
from engine.account.records import Account
from engine.account.replay import replay
from engine.account.sizing import MARGIN_CALL
from engine.metrics.many_plans import PlanResults, evaluate_grid
from engine.metrics.metrics import compute_metrics
from engine.metrics.table import METRICS, MetricInputs, Metrics, metrics_of
from engine.plan.costs import Terms
from engine.plan.plan import Plan
from engine.plan.plan_grid import plan_grid
from engine.strategy import After, Leg, Never, NextOpen, Strategy
from engine.strategy.contract import LEVELS
from engine.strategy.market import Market
from engine.strategy.placeholders import grid_space
from strategies import REGISTRY
from strategies.buy_after_event import BuyAfterEvent
from strategies.loading import find_strategy
from tests.engine.markets import (
    bars,
    builtin_bars,
    days,
    evaluate_plans,
    event,
    flat_day,
    instrument,
    market_of,
    plan_and_replay,
    real_bars,
)
from tests.engine.test_evaluate import check_one
from tests.engine.test_properties import World, worlds

RELATIVE = 1e-9


def replayed_numbers(account: Account, terms: Terms) -> Metrics:
    """Return the numbers of a replayed account, as ``engine.run.backtest`` has them."""
    previous = np.concatenate(([terms.cash], account.equity[:-1]))
    returns = np.divide(account.equity, previous, out=np.ones_like(previous), where=previous != 0) - 1
    returns[np.abs(returns) < 1e-13] = 0.0  # CONVENTIONS.md, daily return
    return compute_metrics(account.days.sessions, returns, account.trades, cash_rate=terms.cash_rate)


def numbers_of(found: PlanResults, p: int) -> Metrics:
    """Return the metrics of one plan, with the reasons of those that are n/a."""
    return metrics_of(METRICS, MetricInputs(**{n: v[p : p + 1] for n, v in asdict(found.inputs).items()}))


def same_numbers(found: Metrics, expected: Metrics) -> None:
    assert found.notes == expected.notes
    assert list(found.values) == list(expected.values)
    for name, value in expected.values.items():
        ours = found.values[name]
        assert (ours is None) == (value is None), name
        assert value is None or ours == pytest.approx(value, rel=RELATIVE, abs=1e-11), name


def check_many(world: World, plan: Plan, expected: Account) -> None:
    """Compare what arrays compute for many plans with the replay of each."""
    check_plan(evaluate_plans([plan], list(world.bars), world.terms), 0, plan, expected, world.terms)


def check_both(world: World) -> None:
    """Compare both evaluations, of one plan and of many, with one replay."""
    plan, expected = world.run()
    check_one(world, plan, expected)
    check_many(world, plan, expected)


def check_plan(found: PlanResults, p: int, plan: Plan, expected: Account, terms: Terms) -> None:
    """Compare a plan with its replay: trades, skipped, final equity, metrics and their reasons."""
    assert found.final_equity[p] == pytest.approx(expected.equity[-1], rel=RELATIVE, abs=RELATIVE * terms.cash)
    assert len(plan.trades) - found.inputs.traded[p] == len(expected.skipped)
    same_numbers(numbers_of(found, p), replayed_numbers(expected, terms))


@settings(max_examples=400)
@given(worlds(rates=True))
def test_random_plans_agree(world: World) -> None:
    check_both(world)


@settings(max_examples=400)
@given(worlds(max_gross=(1.0,), exits=("after", "never"), before_vote=False))
def test_random_plans_within_the_cash_agree(world: World) -> None:
    check_both(world)


LONG: dict[str, Any] = {"sizes": (60, 220), "most_events": 40}


@settings(max_examples=150)
@given(worlds(rates=True, **LONG))
def test_numbers_of_long_accounts_agree(world: World) -> None:
    check_many(world, *world.run())


@settings(max_examples=400)
@given(worlds(lots=False, max_gross=(1.0,), exits=("after",), before_vote=False, sizes=(60, 220), most_events=5))
def test_numbers_of_accounts_that_are_mostly_flat_agree(world: World) -> None:
    """Long only, fractions, no interest: what ``engine.metrics.stretches`` computes."""
    long = {
        name: [dataclasses.replace(leg, weight=abs(leg.weight)) for leg in legs] for name, legs in world.legs.items()
    }
    world = replace(world, legs=long)
    check_many(world, *world.run())


@settings(max_examples=150)
@given(worlds(rates=True, max_gross=(1.0,), exits=("after",), before_vote=False, most_markets=1, **LONG))
def test_numbers_of_long_accounts_in_one_market_agree(world: World) -> None:
    check_many(world, *world.run())


# ---- sweeps ------------------------------------------------------------------------------------------------------------

AXES: dict[str, list[Any]] = {
    "hold": [1, 3, 20],
    "delay": [0, 2],
    "stop_loss": [None, 0.02],
    "take_profit": [None, 0.03],
    "trailing_stop": [None, 0.015],
}


def test_every_level_is_swept() -> None:
    assert set(LEVELS) <= set(AXES)


def check_grid(
    kind: type[Strategy], fixed: dict[str, Any], axes: dict[str, list[Any]], market: Market, terms: Terms
) -> None:
    """Compare every combination of a rule with the replay of its plan."""
    grid = plan_grid(grid_space(kind, fixed, axes), bundled_events(), market)
    found = evaluate_grid(grid, terms)
    for i in range(len(grid)):
        plan = grid.plan(i)
        loaded = market.loaded(plan.instruments)
        start = account_start(loaded, plan.wanted)
        check_plan(found, i, plan, replay(plan, loaded, terms, since=start), terms)


FREE_OR_NOT = [Terms(), Terms(cash_rate=0.02, borrow_rate=0.01)]


@pytest.mark.parametrize("terms", FREE_OR_NOT, ids=["no interest", "interest"])
@pytest.mark.parametrize("name", list(REGISTRY))
def test_every_rule_agrees_on_the_built_in_bars(name: str, terms: Terms) -> None:
    kind = find_strategy(name)
    axes = {n: v for n, v in {"hold": [2, 15], "sessions": [3, 8]}.items() if n in kind.__dataclass_fields__}
    check_grid(kind, {}, axes, Market(builtin_bars(), bundled_instruments()), terms)


@pytest.mark.parametrize("name", list(REGISTRY))
def test_every_rule_agrees_on_real_bars(name: str, market_dir) -> None:
    check_grid(find_strategy(name), {}, {}, Market(real_bars(market_dir), bundled_instruments()), Terms(cash_rate=0.01))


@pytest.mark.parametrize(
    "fixed",
    [{"instrument": "IXIC"}, {"instrument": "EWY"}, {"instrument": "SPX", "side": "short"}],
    ids=["long", "lots", "short"],
)
def test_a_sweep_agrees_on_real_bars(fixed: dict[str, Any], market_dir) -> None:
    market = Market(real_bars(market_dir), bundled_instruments())
    check_grid(BuyAfterEvent, {**fixed, "country": "US", "kind": "presidential_election"}, AXES, market, Terms())


def test_results_depend_on_no_other_combination() -> None:
    market, terms = Market(builtin_bars(), bundled_instruments()), Terms(cash_rate=0.01)
    combos = grid_space(BuyAfterEvent, {"instrument": "IXIC", "country": "US"}, AXES)
    events = bundled_events()
    for terms in FREE_OR_NOT:
        whole = evaluate_grid(plan_grid(combos, events, market), terms)
        for some in (slice(0, 5), slice(5, len(combos))):
            part = evaluate_grid(plan_grid(combos.part(some.start, some.stop), events, market), terms)
            assert part.final_equity.tobytes() == whole.final_equity[some].tobytes()
            for name, column in part.columns.items():
                assert column.tobytes() == whole.columns[name][some].tobytes(), name


def test_a_failed_combination_holds_nan_and_says_why() -> None:
    one = bars(instrument("AAA"), [flat_day(d, 100.0) for d in days("2024-01-01", 9)])
    other = bars(instrument("BBB", tradable=False), [flat_day(d, 100.0) for d in days("2024-01-01", 9)])
    combos = grid_space(BuyAfterEvent, {}, {"instrument": ["AAA", "BBB"]})
    found = evaluate_grid(plan_grid(combos, [event("E", "2024-01-02T12:00")], market_of(one, other)), Terms())
    assert np.isfinite(found.final_equity[0])
    assert np.isnan(found.final_equity[1])
    assert found.failed[1].startswith("BBB cannot be bought")


def test_trades_that_overlap_and_one_alone_are_what_they_are_by_hand() -> None:
    """A: 50 at 100. B: 0.4 of 10,500 at 110, both sold at 121: 800 + 4,200 / 110 x 121 + 6,050. C: all of it, x 1.1."""
    prices = [100.0, 100.0, 110.0, 121.0, 121.0, 121.0, 96.8, 133.1, 133.1]
    one = bars(instrument("AAA"), [flat_day(d, p) for d, p in zip(days("2024-01-01", 9), prices, strict=True)])
    given = {
        "A": [Leg("AAA", 0.5, NextOpen(), After(3))],
        "B": [Leg("AAA", 0.4, NextOpen(), After(2))],
        "C": [Leg("AAA", 1.0, NextOpen(), After(3))],
    }
    events = [event(name, f"2024-01-0{day}T12:00") for name, day in (("A", 1), ("B", 2), ("C", 5))]
    terms = Terms(cash=10_000.0)
    plan, account = plan_and_replay(given, events, one, terms=terms)
    found = evaluate_plans([plan], [one], terms)
    assert found.final_equity[0] == pytest.approx(12_617.0, rel=1e-12)
    assert found.columns["max_drawdown"][0] == pytest.approx(-0.2, rel=1e-12)
    assert found.columns["expectancy"][0] == pytest.approx(2_617 / 3, rel=1e-12)
    check_plan(found, 0, plan, account, terms)


@pytest.mark.parametrize("weight", [0.1, 0.3, 0.37, 0.49])
@pytest.mark.parametrize(("apart", "hold"), [(0, 60), (7, 60), (40, 30)], ids=["together", "overlapping", "alone"])
def test_a_market_that_never_falls_has_the_losing_sessions_of_the_replay(weight: float, apart: int, hold: int) -> None:
    """What rounding alone makes a loss decides between no Sortino ratio and a vast one."""
    dates = days("2024-01-01", 100)
    one = bars(instrument("AAA"), [flat_day(d, 100 * 1.01 ** (n // 3)) for n, d in enumerate(dates)])
    events = [event(f"E{n}", f"{dates[3 + n * apart]}T12:00") for n in range(2)]
    plan, account = plan_and_replay([Leg("AAA", weight, NextOpen(), After(hold))], events, one, terms=Terms())
    check_plan(evaluate_plans([plan], [one], Terms()), 0, plan, account, Terms())


def test_a_margin_call_is_followed_as_in_the_replay() -> None:
    rising = bars(
        instrument("A"), [flat_day(f"2024-01-0{d}", p) for d, p in ((2, 100.0), (3, 100.0), (4, 190.0), (5, 190.0))]
    )
    terms = Terms(cash=10_000.0)
    plan, account = plan_and_replay(
        [Leg("A", -1.0, NextOpen(), Never())], [event("E", "2024-01-02T12:00")], rising, terms=terms
    )
    assert account.trades[0].exit_reason == MARGIN_CALL
    check_plan(evaluate_plans([plan], [rising], terms), 0, plan, account, terms)
