"""Parity: what arrays compute for one plan is what the replay on backtrader leaves, to 1e-9."""

import numpy as np
import pytest
from hypothesis import given, settings
from msgspec.structs import astuple

from datasets.events import bundled_events
from datasets.markets.instruments import bundled_instruments
from engine.account.evaluate import evaluate
from engine.account.records import Account
from engine.account.replay import replay
from engine.account.sizing import MARGIN_CALL
from engine.plan.costs import Terms
from engine.plan.plan import Plan, make_plan
from engine.strategy import build
from engine.strategy.market import Market
from strategies import REGISTRY
from strategies.loading import find_strategy
from tests.engine.markets import builtin_bars, real_bars
from tests.engine.test_properties import World, worlds

RELATIVE = 1e-9


def same(found: tuple[object, ...], expected: tuple[object, ...], scale: float) -> None:
    """Hold every field of two records to be the same, numbers to 1e-9 of themselves or of the account."""
    for ours, theirs in zip(found, expected, strict=True):
        if isinstance(theirs, float) and isinstance(ours, float):
            assert ours == pytest.approx(theirs, rel=RELATIVE, abs=RELATIVE * scale)
        else:
            assert ours == theirs


def agree(found: Account, expected: Account, cash: float) -> None:
    assert found.skipped == expected.skipped
    for ours, theirs in ((found.fills, expected.fills), (found.trades, expected.trades)):
        assert len(ours) == len(theirs)
        for one, two in zip(ours, theirs, strict=True):
            same(astuple(one), astuple(two), cash)
    for name in ("equity", "cash", "exposure"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(ours, theirs, rtol=RELATIVE, atol=RELATIVE * cash, err_msg=name)
    assert np.array_equal(found.days.sessions, expected.days.sessions)


def check(world: World) -> None:
    check_one(world, *world.run())


def check_one(world: World, plan: Plan, expected: Account) -> None:
    """Compare what arrays compute for one plan with its replay."""
    agree(evaluate(plan, list(world.bars), world.terms), expected, world.terms.cash)


# ``test_many_plans.py`` compares this evaluation with the replay over the other random worlds.


@settings(max_examples=200)
@given(worlds(rates=True, max_gross=(1.0,), exits=("after", "never")))
def test_random_plans_within_the_cash_agree(world: World) -> None:
    check(world)


@pytest.mark.parametrize("name", list(REGISTRY))
def test_every_rule_agrees_on_the_built_in_bars(name: str) -> None:
    rule_agrees(name, Market(builtin_bars(), bundled_instruments()))


@pytest.mark.parametrize("name", list(REGISTRY))
def test_every_rule_agrees_on_real_bars(name: str, market_dir) -> None:
    rule_agrees(name, Market(real_bars(market_dir), bundled_instruments()))


def rule_agrees(name: str, market: Market) -> None:
    plan = make_plan(build(find_strategy(name), {}), bundled_events(), market)
    bars, terms = market.loaded(plan.instruments), Terms(cash_rate=0.01)
    agree(evaluate(plan, bars, terms), replay(plan, bars, terms), terms.cash)


def test_stops_and_targets_agree_on_real_nasdaq_bars() -> None:
    market = Market(builtin_bars(), bundled_instruments())
    given = {"instrument": "IXIC", "hold": 60, "stop_loss": 0.03, "take_profit": 0.05}
    plan = make_plan(build(find_strategy("buy-after-event"), given), bundled_events(), market)
    bars, terms = market.loaded(plan.instruments), Terms()
    found, expected = evaluate(plan, bars, terms), replay(plan, bars, terms)
    assert {t.exit_reason for t in expected.trades} >= {"stop_loss", "take_profit"}
    agree(found, expected, terms.cash)


def test_a_margin_call_closes_at_the_next_price_as_in_the_replay() -> None:
    from engine.strategy import Leg, Never, NextOpen
    from tests.engine.markets import bars, event, flat_day, instrument, plan_and_replay

    rising = bars(
        instrument("A"), [flat_day(f"2024-01-0{d}", p) for d, p in ((2, 100.0), (3, 100.0), (4, 190.0), (5, 190.0))]
    )
    terms = Terms(cash=10_000.0)
    plan, account = plan_and_replay(
        [Leg("A", -1.0, NextOpen(), Never())], [event("E", "2024-01-02T12:00")], rising, terms=terms
    )
    assert account.trades[0].exit_reason == MARGIN_CALL
    agree(evaluate(plan, [rising], terms), account, terms.cash)
