"""Parity: what is reckoned for many plans at once is what the replay on backtrader leaves for each, to 1e-9."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from datasets.bars import Bars
from engine.account import MARGIN_CALL, STOP_LOSS, TAKE_PROFIT, Account
from engine.costs import Terms
from engine.grid import evaluate_plans
from engine.grid_accounts import Settled, settled, steps_of
from engine.grid_exits import HELD, STOPPED, TARGET, Priced, priced
from engine.metrics import Numbers, numbers
from engine.plan import Plan
from engine.replay import replay
from engine.run import OPEN_AT_END
from engine.tape import Tape, money_of, tape_of
from engine.trade_table import table_of_plans
from tests.engine.test_properties import World, worlds

RELATIVE = 1e-9


def replayed_numbers(account: Account, terms: Terms) -> Numbers:
    """Return the numbers of a replayed account, as ``engine.backtest`` has them."""
    previous = np.concatenate(([terms.cash], account.equity[:-1]))
    returns = np.divide(account.equity, previous, out=np.ones_like(previous), where=previous != 0) - 1
    return numbers(account.days.sessions, returns, account.trades, cash_rate=terms.cash_rate)


def same_numbers(found: Numbers, expected: Numbers) -> None:
    assert found.notes == expected.notes
    assert list(found.values) == list(expected.values)
    for name, value in expected.values.items():
        ours = found.values[name]
        assert (ours is None) == (value is None), name
        assert value is None or ours == pytest.approx(value, rel=RELATIVE, abs=1e-11), name


def trades_of(prices: Priced, done: Settled, tape: Tape, bars: list[Bars], p: int) -> list[tuple[Any, ...]]:
    """Return the trades of one plan: (instrument, signed quantity, entry at, paid, exit at, got, reason)."""
    table, found = prices.table, []
    for t in range(int(table.start[p]), int(table.start[p + 1])):
        if done.quantity[t] == 0:
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
                float(done.quantity[t]),
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


def approx(rows: list[tuple[Any, ...]]) -> Any:
    return [
        tuple(pytest.approx(v, rel=RELATIVE) if isinstance(v, float) else v for v in row)
        for row in sorted(rows, key=lambda r: (r[0], r[2], r[4], r[3], r[5], r[1]))
    ]


def check_plans(plans: list[Plan], bars: list[Bars], terms: Terms) -> None:
    """Hold every plan of a table to its replay: trades, skipped, final equity, numbers and their reasons."""
    found = evaluate_plans(plans, bars, terms)
    tape = tape_of(bars)
    money = money_of(tape, terms)
    prices = priced(table_of_plans(plans, tape), tape, money)
    done = settled(prices, steps_of(prices, tape, money), tape, money)
    for p, plan in enumerate(plans):
        expected = replay(plan, bars, terms)
        if found.called[p]:
            thin = any(e > 0 and q < 0.25 * e * q for e, q in zip(expected.exposure, expected.equity, strict=True))
            assert thin or any(t.exit_reason == MARGIN_CALL for t in expected.trades) or min(expected.equity) <= 0
            continue
        assert found.final_equity[p] == pytest.approx(expected.equity[-1], rel=RELATIVE)
        assert len(plan.trades) - found.traded[p] == len(expected.skipped)
        same_numbers(found.numbers(p), replayed_numbers(expected, terms))
        if p not in found.careful:
            ours = trades_of(prices, done, tape, bars, p)
            assert sorted(ours, key=lambda r: (r[0], r[2], r[4], r[3], r[5], r[1])) == approx(replayed_trades(expected))


@settings(max_examples=300)
@given(worlds(rates=True))
def test_random_plans_agree(world: World) -> None:
    plan, _ = world.run()
    check_plans([plan], list(world.bars), world.terms)


@settings(max_examples=300)
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


@settings(max_examples=150)
@given(worlds(rates=True, max_gross=(1.0,), exits=("after",), before_vote=False, most_markets=1, **LONG))
def test_numbers_of_long_accounts_in_one_market_agree(world: World) -> None:
    plan, _ = world.run()
    check_plans([plan], list(world.bars), world.terms)
