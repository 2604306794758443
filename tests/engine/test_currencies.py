"""Accounts of several currencies: replay and arrays agree, and equity is cash and positions at every mark."""

from datetime import datetime

import pytest
from hypothesis import given, settings

from datasets.prices.bars import Bars
from engine.account.records import Trade
from tests.engine.currencies import currency_worlds
from tests.engine.test_evaluate import check as replay_and_arrays_agree
from tests.engine.test_many_plans import LONG, check_both, check_many
from tests.engine.test_properties import World, _passed, _session_ends

CENT = 0.01


@settings(max_examples=300)
@given(currency_worlds())
def test_replay_and_arrays_agree(world: World) -> None:
    check_both(world)


@settings(max_examples=150)
@given(currency_worlds(max_gross=(1.0,), exits=("after", "never"), lots=False))
def test_replay_and_arrays_agree_within_the_cash(world: World) -> None:
    replay_and_arrays_agree(world)


@settings(max_examples=40)
@given(currency_worlds(**LONG))
def test_replay_and_many_plans_of_long_accounts_agree(world: World) -> None:
    check_many(world, *world.run())


def _last(bars: Bars, at: int) -> tuple[float, float, float]:
    """Return the price, the exchange rate and the carry of the last open before an instant or close up to it."""
    found = (0, 0.0, 1.0, 0.0)
    for n in range(len(bars)):
        opened = int(bars.open_at[n]) if bool(bars.open_is_real[n]) else at
        carry = 0.0 if bars.carry is None else float(bars.carry[n])
        for made_at, price, rate in (
            (opened, bars.open, bars.open_rate),
            (int(bars.close_at[n]), bars.close, bars.close_rate),
        ):
            known = made_at < at or (made_at == at and price is bars.close)
            if known and made_at >= found[0]:
                found = (made_at, float(price[n]), 1.0 if rate is None else float(rate[n]), carry)
    return found[1:]


def _is_pair(bars: Bars) -> bool:
    return bars.instrument.symbol.endswith("JPY")


def _value(trade: Trade, bars: Bars, at: int) -> float:
    """Return what a trade is valued at: its price at the rate; of a pair the entry's value and the P&L at the rate."""
    sign = 1 if trade.side == "long" else -1
    price, rate, _ = _last(bars, at)
    if _is_pair(bars):
        return sign * trade.quantity * (trade.entry_price * trade.entry_rate + (price - trade.entry_price) * rate)
    return sign * trade.quantity * price * rate


@settings(max_examples=150)
@given(currency_worlds())
def test_equity_is_cash_and_positions_in_account_currency_at_every_mark(world: World) -> None:
    """And in the end it is the start, the trades' P&L and the interest on what was idle."""
    _, account = world.run()
    days, ends, interest = [datetime.fromisoformat(str(s)) for s in account.days.sessions], _session_ends(world), 0.0
    for n, (_, at) in enumerate(ends):
        values = []
        for t in account.trades:
            bars = world.of(t.instrument)
            left = t.is_closed and _passed(t.exit_session, t.exit_at, bars, at)
            if _passed(t.entry_session, t.entry_at, bars, at) and not left:
                values.append(_value(t, bars, at))
        assert account.equity[n] == pytest.approx(account.cash[n] + sum(values), abs=CENT)
        if n + 1 < len(days):
            growth = (1 + world.terms.cash_rate) ** ((days[n + 1] - days[n]).days / 365) - 1
            interest += (float(account.equity[n]) - sum(map(abs, values))) * growth
    expected = world.terms.cash + sum(t.pnl for t in account.trades) + interest
    assert account.equity[-1] == pytest.approx(expected, abs=CENT)


@settings(max_examples=150)
@given(currency_worlds())
def test_what_a_trade_paid_and_earned_is_its_pnl(world: World) -> None:
    """Prices at their rates, less commission, less the borrow fee of funds, and the carry of pairs, day by day."""
    _, account = world.run()
    days, ends = [datetime.fromisoformat(str(s)) for s in account.days.sessions], _session_ends(world)
    for t in account.trades:
        bars, sign, borrow, carry = world.of(t.instrument), 1 if t.side == "long" else -1, 0.0, 0.0
        pair = _is_pair(bars)
        for n, (_, at) in enumerate(ends[:-1]):
            left = t.is_closed and _passed(t.exit_session, t.exit_at, bars, at)
            if not _passed(t.entry_session, t.entry_at, bars, at) or left:
                continue
            price, rate, differential = _last(bars, at)
            value, gap = t.quantity * price * rate, (days[n + 1] - days[n]).days
            borrow += value * world.terms.borrow_rate * gap / 365 if sign < 0 and not pair else 0.0
            carry += sign * value * differential * gap / 360 if pair else 0.0
        paid_at = t.exit_rate if pair and bars.close_rate is not None else t.entry_rate
        gross = sign * t.quantity * (t.exit_price * t.exit_rate - t.entry_price * paid_at)
        closed = t.exit_price * t.exit_rate if t.is_closed else 0.0
        assert world.terms.commission_bps is not None
        commission = world.terms.commission_bps * 1e-4 * t.quantity * (t.entry_price * t.entry_rate + closed)
        assert t.borrow == pytest.approx(borrow, abs=1e-3)
        assert t.carry == pytest.approx(carry, abs=1e-3)
        assert t.pnl == pytest.approx(gross - commission - borrow + carry, abs=CENT)
