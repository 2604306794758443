"""Parity: what is reckoned for many plans at once is what the replay on backtrader leaves for each, to 1e-9."""

from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.events import bundled_events
from datasets.markets.instruments import bundled_instruments
from datasets.prices.bars import Bars
from datasets.prices.sources.builtin import BuiltinSource
from datasets.prices.sources.files import DirectorySource
from engine.account.accounts import settled, steps_of
from engine.account.bar_matrix import BarMatrix, bar_matrix, cost_model
from engine.account.calendars import calendar_equities, evaluate_calendars
from engine.account.exits import HELD, STOPPED, TARGET, Priced, priced
from engine.account.grid import (
    Backend,
    Results,
    evaluate_grid,
    evaluate_plans,
    final_equities,
)
from engine.account.grid_table import calendar_table
from engine.account.records import OPEN_AT_END, Account
from engine.account.replay import replay
from engine.account.sizing import MARGIN_CALL, STOP_LOSS, TAKE_PROFIT
from engine.account.trade_table import plan_of_table, table_of_plans
from engine.metrics.metrics import compute_metrics
from engine.metrics.table import Metrics
from engine.plan.costs import Terms
from engine.plan.plan import Plan
from engine.plan.plan_grid import plan_grid
from engine.strategy import Leg, Never, NextOpen, Phase, Strategy
from engine.strategy.combinations import listed, product_of
from engine.strategy.market import Market
from engine.study.shapes import Shape
from strategies import REGISTRY
from strategies.buy_after_event import BuyAfterEvent
from strategies.loading import find_strategy
from tests.engine.markets import bars, days, event, flat_day, instrument, market_of, plan_and_replay
from tests.engine.test_properties import World, worlds

RELATIVE = 1e-9


def replayed_numbers(account: Account, terms: Terms) -> Metrics:
    """Return the numbers of a replayed account, as ``engine.run.backtest`` has them."""
    previous = np.concatenate(([terms.cash], account.equity[:-1]))
    returns = np.divide(account.equity, previous, out=np.ones_like(previous), where=previous != 0) - 1
    return compute_metrics(account.days.sessions, returns, account.trades, cash_rate=terms.cash_rate)


def same_numbers(found: Metrics, expected: Metrics) -> None:
    assert found.notes == expected.notes
    assert list(found.values) == list(expected.values)
    for name, value in expected.values.items():
        ours = found.values[name]
        assert (ours is None) == (value is None), name
        assert value is None or ours == pytest.approx(value, rel=RELATIVE, abs=1e-11), name


def trades_of(prices: Priced, quantity: Any, tape: BarMatrix, bars: list[Bars], p: int) -> list[tuple[Any, ...]]:
    """Return the trades of one plan: (instrument, signed quantity, entry at, paid, exit at, got, reason)."""
    table, found = prices.table, []
    for t in range(int(table.start[p]), int(table.start[p + 1])):
        if quantity[t] == 0:
            continue
        entry = table.entry[t]
        b = bars[table.entries.instrument[entry]]
        reason = int(prices.reason[t])
        into, out = int(table.entries.moment[entry]), int(prices.out[t])
        left = int(b.close_at[-1]) if reason == HELD else int(tape.order[out]) >> 1
        got = float(b.close[-1]) if reason == HELD else float(prices.got[t])
        word = {HELD: OPEN_AT_END, STOPPED: STOP_LOSS, TARGET: TAKE_PROFIT}.get(reason, "planned")
        found.append(
            (
                b.symbol,
                float(quantity[t]),
                int(tape.order[into]) >> 1,
                float(prices.paid[entry]),
                left,
                got,
                word,
            )
        )
    return found


def replayed_trades(account: Account) -> list[tuple[Any, ...]]:
    words = (OPEN_AT_END, STOP_LOSS, TAKE_PROFIT)
    return [
        (
            t.instrument,
            t.quantity * (1 if t.side == "long" else -1),
            t.entry_at,
            t.entry_price,
            t.exit_at,
            t.exit_price,
            t.exit_reason if t.exit_reason in words else "planned",
        )
        for t in account.trades
    ]


def _place(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (row[0], row[2], row[4], row[6], round(row[1], 6))


def approx(rows: list[tuple[Any, ...]]) -> Any:
    return [
        tuple(pytest.approx(v, rel=RELATIVE) if isinstance(v, float) else v for v in row)
        for row in sorted(rows, key=_place)
    ]


BACKENDS = [Backend.NUMPY, *([Backend.FAST] if find_spec("numba") else [])]


def check_plans(plans: list[Plan], bars: list[Bars], terms: Terms) -> None:
    """Hold every plan to its replay: trades, skipped, final equity, numbers and their reasons; by each backend."""
    accounts = [replay(plan, bars, terms) for plan in plans]
    for backend in BACKENDS:
        found = evaluate_plans(plans, bars, terms, backend=backend)
        for p, (plan, expected) in enumerate(zip(plans, accounts, strict=True)):
            check_plan(found, p, plan, expected, terms)
    check_trades(plans, accounts, bars, terms)


def check_plan(found: Results, p: int, plan: Plan, expected: Account, terms: Terms) -> None:
    if found.called[p]:
        thin = any(e > 0 and q < 0.25 * e * q for e, q in zip(expected.exposure, expected.equity, strict=True))
        assert thin or any(t.exit_reason == MARGIN_CALL for t in expected.trades) or min(expected.equity) <= 0
        assert list(found.left_to_replay).count(p) == 1
        return
    assert found.final_equity[p] == pytest.approx(expected.equity[-1], rel=RELATIVE)
    assert len(plan.trades) - found.traded[p] == len(expected.skipped)
    same_numbers(found.metrics(p), replayed_numbers(expected, terms))


def check_trades(plans: list[Plan], accounts: list[Account], bars: list[Bars], terms: Terms) -> None:
    """Hold instrument, quantity, instants, prices and reason of every trade to the replay's, by each way of walking."""
    tape = bar_matrix(bars)
    money = cost_model(tape, terms)
    prices = priced(table_of_plans(plans, tape), tape, money)
    steps = steps_of(prices, tape, money)
    found = evaluate_plans(plans, bars, terms, backend=Backend.NUMPY)
    walks = [settled(prices, steps, tape, money).quantity]
    if find_spec("numba"):
        walks.append(import_module("engine.account.fast").walk(prices, steps, tape, money).quantity)
    for p, expected in enumerate(accounts):
        interest = terms.cash_rate != 0 or terms.borrow_rate != 0
        if found.called[p]:
            continue
        short = any(t.side == "short" for t in expected.trades)
        for quantity in walks[
            1 if interest and short else 0 :
        ]:  # numpy leaves shorts that pay to engine.account.vector
            ours = trades_of(prices, quantity, tape, bars, p)
            assert sorted(ours, key=_place) == approx(replayed_trades(expected))


@settings(max_examples=400)
@given(worlds(rates=True))
def test_random_plans_agree(world: World) -> None:
    plan, _ = world.run()
    check_plans([plan], list(world.bars), world.terms)


@settings(max_examples=400)
@given(worlds(max_gross=(1.0,), exits=("after", "never"), before_vote=False))
def test_random_plans_within_the_cash_agree(world: World) -> None:
    plan, _ = world.run()
    check_plans([plan], list(world.bars), world.terms)


LONG: dict[str, Any] = {"sizes": (60, 220), "most_events": 40}


@settings(max_examples=150)
@given(worlds(rates=True, **LONG))
def test_numbers_of_long_accounts_agree(world: World) -> None:
    plan, _ = world.run()
    check_plans([plan], list(world.bars), world.terms)


@settings(max_examples=400)
@given(worlds(lots=False, max_gross=(1.0,), exits=("after",), before_vote=False, sizes=(60, 220), most_events=5))
def test_numbers_of_accounts_that_are_mostly_flat_agree(world: World) -> None:
    """Long only, fractions, no interest: what engine/account/windows.py reckons."""
    long = {name: [replace(leg, weight=abs(leg.weight)) for leg in legs] for name, legs in world.legs.items()}
    world = replace(world, legs=long)
    plan, _ = world.run()
    check_plans([plan], list(world.bars), world.terms)


@settings(max_examples=150)
@given(worlds(rates=True, max_gross=(1.0,), exits=("after",), before_vote=False, most_markets=1, **LONG))
def test_numbers_of_long_accounts_in_one_market_agree(world: World) -> None:
    plan, _ = world.run()
    check_plans([plan], list(world.bars), world.terms)


# ---- sweeps ------------------------------------------------------------------------------------------------------------

AXES: dict[str, list[Any]] = {
    "hold": [1, 3, 20],
    "delay": [0, 2],
    "stop_loss": [None, 0.02],
    "take_profit": [None, 0.03],
}


def check_grid(
    kind: type[Strategy], fixed: dict[str, Any], axes: dict[str, list[Any]], market: Market, terms: Terms
) -> None:
    """Hold every combination of a rule to the replay of its plan, by each backend."""
    grid = plan_grid(product_of(kind, fixed, axes), bundled_events(), market)
    plans = [grid.plan(i) for i in range(len(grid))]
    accounts = [replay(p, market.loaded(p.instruments), terms) for p in plans]
    for backend in BACKENDS:
        found = evaluate_grid(grid, terms, backend=backend)
        finals = final_equities(grid, terms, backend=backend)
        for i, (plan, expected) in enumerate(zip(plans, accounts, strict=True)):
            check_plan(found, i, plan, expected, terms)
            assert finals[i] == pytest.approx(found.final_equity[i], rel=RELATIVE, nan_ok=True)


FREE_OR_NOT = [Terms(), Terms(cash_rate=0.02, borrow_rate=0.01)]


@pytest.mark.parametrize("terms", FREE_OR_NOT, ids=["no interest", "interest"])
@pytest.mark.parametrize("name", list(REGISTRY))
def test_every_rule_agrees_on_the_built_in_bars(name: str, terms: Terms) -> None:
    kind = find_strategy(name)
    axes = {n: v for n, v in {"hold": [2, 15], "sessions": [3, 8]}.items() if n in kind.__dataclass_fields__}
    check_grid(kind, {}, axes, Market(BuiltinSource(), bundled_instruments()), terms)


@pytest.mark.parametrize("name", list(REGISTRY))
def test_every_rule_agrees_on_real_bars(name: str, market_dir) -> None:
    check_grid(
        find_strategy(name), {}, {}, Market(DirectorySource(market_dir), bundled_instruments()), Terms(cash_rate=0.01)
    )


@pytest.mark.parametrize(
    "fixed",
    [{"instrument": "IXIC"}, {"instrument": "EWY"}, {"instrument": "SPX", "side": "short"}],
    ids=["long", "lots", "short"],
)
def test_a_sweep_agrees_on_real_bars(fixed: dict[str, Any], market_dir) -> None:
    market = Market(DirectorySource(market_dir), bundled_instruments())
    check_grid(BuyAfterEvent, {**fixed, "country": "US", "kind": "presidential_election"}, AXES, market, Terms())


def test_results_hang_on_no_other_combination() -> None:
    market, terms = Market(BuiltinSource(), bundled_instruments()), Terms(cash_rate=0.01)
    combos = product_of(BuyAfterEvent, {"instrument": "IXIC", "country": "US"}, AXES)
    events = bundled_events()
    for terms in FREE_OR_NOT:
        for backend in BACKENDS:
            whole = evaluate_grid(plan_grid(combos, events, market), terms, backend=backend)
            for some in (slice(0, 5), slice(5, None)):
                part = evaluate_grid(plan_grid(combos.take(some), events, market), terms, backend=backend)
                assert part.final_equity.tobytes() == whole.final_equity[some].tobytes()
                for name, column in part.columns.items():
                    assert column.tobytes() == whole.columns[name][some].tobytes(), name


def test_a_failed_combination_holds_nan_and_says_why() -> None:
    one = bars(instrument("AAA"), [flat_day(d, 100.0) for d in days("2024-01-01", 9)])
    other = bars(instrument("BBB", tradable=False), [flat_day(d, 100.0) for d in days("2024-01-01", 9)])
    combos = listed(BuyAfterEvent, {}, [{"instrument": "AAA"}, {"instrument": "BBB"}])
    found = evaluate_grid(plan_grid(combos, [event("E", "2024-01-02T12:00")], market_of(one, other)), Terms())
    assert np.isfinite(found.final_equity[0])
    assert np.isnan(found.final_equity[1])
    with pytest.raises(ValueError, match="BBB cannot be bought"):
        found.metrics(1)


def test_a_margin_call_is_left_to_the_replay() -> None:
    rising = bars(
        instrument("A"), [flat_day(f"2024-01-0{d}", p) for d, p in ((2, 100.0), (3, 100.0), (4, 190.0), (5, 190.0))]
    )
    terms = Terms(cash=10_000.0)
    plan, account = plan_and_replay(
        [Leg("A", -1.0, NextOpen(), Never())], [event("E", "2024-01-02T12:00")], rising, terms=terms
    )
    assert account.trades[0].exit_reason == MARGIN_CALL
    for backend in BACKENDS:
        found = evaluate_plans([plan], [rising], terms, backend=backend)
        assert found.left_to_replay.tolist() == [0]
        assert np.isnan(found.final_equity[0])


@settings(max_examples=60)
@given(
    worlds(lots=False, sizes=(30, 120), most_markets=1, most_events=0),
    st.integers(0, 2**32),
    st.sampled_from([None, 0.02]),
    st.sampled_from([0.0, 0.03]),
)
def test_calendars_agree(world: World, seed: int, stop: float | None, rate: float) -> None:
    """Random calendars, some with overlaps, each held to the replay of the same trades."""
    draw, one = np.random.default_rng(seed), world.bars[0]
    shape = Shape(one.symbol, 1, Phase.OPEN, Phase.CLOSE, 3, stop_loss=stop)
    rows = np.sort([draw.choice(len(one) - 4, 4, replace=False) for _ in range(6)], axis=1)
    terms = replace(world.terms, max_gross=1.0, cash_rate=rate)
    tape = bar_matrix([one])
    table = calendar_table(tape, shape, 0.6, rows)
    found = calendar_equities(one, shape, rows, terms, weight=0.6)
    for backend in BACKENDS:
        numbers_too = evaluate_calendars(one, shape, rows, terms, weight=0.6, backend=backend)
        for i in range(len(rows)):
            plan = plan_of_table(table, tape, i)
            expected = replay(plan, [one], terms)
            check_plan(numbers_too, i, plan, expected, terms)
            assert found[i] == pytest.approx(expected.equity[-1], rel=RELATIVE)
