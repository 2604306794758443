"""Where P&L comes from: part by part, by market and by currency; and how much depends on one event."""

from collections.abc import Iterable, Sequence
from statistics import fmean

import numpy as np
from msgspec import Struct

from datasets.arrays import Floats
from datasets.prices.bars import Bars
from engine.account.records import Account, Trade


class Attribution(Struct, frozen=True):
    """The parts of one trade's P&L, in the account's currency; they sum to ``pnl``.

    ``asset`` is what the market did for the position from the last close known at the decision to the exit, before
    costs and at the entry's exchange rate; ``gap`` what of it was gone before the fill (negative: the price had run
    away); ``fx`` what the change of the exchange rate did (0: hedged); ``carry`` what a pair earned of short rates;
    ``costs`` commission, slippage, borrow fee and rolls (negative). Without a close before the decision ``gap`` is None
    and ``asset`` begins at the entry.
    """

    event_id: str
    instrument: str
    asset: float
    gap: float | None
    fx: float
    carry: float
    costs: float
    pnl: float

    def parts(self) -> tuple[float, ...]:
        """Return the parts in order, a missing one as 0."""
        return self.asset, self.gap or 0.0, self.fx, self.carry, self.costs


def attribution(trade: Trade) -> Attribution:
    """Return the parts of a trade's P&L."""
    gap = None
    if trade.decision_price is not None and trade.gap is not None:
        sign = 1 if trade.side == "long" else -1
        gap = -sign * trade.units * trade.decision_price * trade.gap * trade.entry_rate
    asset = trade.pnl + trade.costs - trade.carry - trade.fx - (gap or 0.0)
    return Attribution(trade.event_id, trade.instrument, asset, gap, trade.fx, trade.carry, -trade.costs, trade.pnl)


def total_of(each: Sequence[Attribution], instrument: str = "") -> Attribution:
    """Return the sums of the parts of several trades; the gap is None where none of them has one."""
    gaps = [a.gap for a in each if a.gap is not None]
    sums = {name: sum(getattr(a, name) for a in each) for name in ("asset", "fx", "carry", "costs", "pnl")}
    return Attribution(event_id="", instrument=instrument, gap=sum(gaps) if gaps else None, **sums)


def in_cents(parts: Sequence[float], total: float) -> list[float]:
    """Return the parts rounded to cents so that they sum to the total rounded to cents; the largest takes the rest.

    >>> in_cents([0.004, 0.004, 0.004], 0.012)
    [0.01, 0.0, 0.0]
    """
    cents = [round(p * 100) for p in parts]
    largest = max(range(len(parts)), key=lambda n: abs(parts[n]))
    cents[largest] += round(total * 100) - sum(cents)
    return [c / 100 for c in cents]


class WithoutEvent(Struct, frozen=True):
    """What is left of a run's trades when those of one event are taken away.

    ``mean_trade`` is the mean net return of the others, None when none is left; ``change`` is that less the mean of
    all; ``pnl`` is the sum of the P&L of the others.
    """

    event_id: str
    n_trades: int
    mean_trade: float | None
    change: float | None
    pnl: float


def leave_one_out(trades: Sequence[Trade]) -> list[WithoutEvent]:
    """Return for each event with trades what is left without it, in the order of the trades."""
    return [_without(event_id, trades) for event_id in dict.fromkeys(t.event_id for t in trades)]


def _without(event_id: str, trades: Sequence[Trade]) -> WithoutEvent:
    rest = [t for t in trades if t.event_id != event_id]
    mean, all_ = (sum(t.return_ for t in some) / len(some) if some else None for some in (rest, trades))
    change = None if mean is None or all_ is None else mean - all_
    return WithoutEvent(event_id, len(rest), mean, change, sum(t.pnl for t in rest))


class MarketResult(Struct, frozen=True):
    """What the trades of one market made: the parts of their P&L, and their mean net return, open ones at the mark."""

    instrument: str
    trades: int
    closed: int
    won: int
    mean_trade: float
    parts: Attribution


class Exposure(Struct, frozen=True):
    """The value held of a market or a currency over equity, long less short, at the marks of the days it was held.

    ``kind`` is market or currency; ``mean`` is over the ``sessions`` it was held at, ``largest`` the one farthest
    from 0. A fund is exposed to its quote currency, a pair to its base currency less its quote currency, and a future
    to none.
    """

    kind: str
    name: str
    mean: float
    largest: float
    sessions: int


def by_market(trades: Sequence[Trade]) -> list[MarketResult]:
    """Return the result of each market, in the order in which they were first traded."""
    return [_result(s, [t for t in trades if t.instrument == s]) for s in dict.fromkeys(t.instrument for t in trades)]


def _result(symbol: str, trades: Sequence[Trade]) -> MarketResult:
    mean, closed = fmean(t.return_ for t in trades), sum(t.is_closed for t in trades)
    parts = total_of([attribution(t) for t in trades], symbol)
    return MarketResult(symbol, len(trades), closed, sum(t.pnl > 0 for t in trades), mean, parts)


def exposures(account: Account, bars: Iterable[Bars]) -> tuple[Exposure, ...]:
    """Return the exposure of an account to each market and currency its trades held."""
    values: dict[tuple[str, str], Floats] = {}
    for each in bars:
        held = _held(account, each)
        if held is None:
            continue
        base, quote = each.instrument.base_currency, each.instrument.currency
        signs = {("market", each.symbol): 1.0}
        if not each.instrument.is_future:
            signs["currency", base or quote] = 1.0
        for key, sign in {**signs, **({("currency", quote): -1.0} if base else {})}.items():
            values[key] = values.get(key, 0.0) + sign * held
    return tuple(e for kind in ("market", "currency") for e in _found(values, kind, account.equity))


def _held(account: Account, bars: Bars) -> Floats | None:
    """Return the value of what the trades held of an instrument at each day's mark; None if nothing was traded."""
    trades = [t for t in account.trades if t.instrument == bars.symbol]
    if not trades:
        return None
    marked_at = account.days.marked_at
    row = np.maximum(np.searchsorted(bars.close_at, marked_at, side="right") - 1, 0)
    price = bars.close[row] * (1.0 if bars.close_rate is None else np.nan_to_num(bars.close_rate[row]))
    quantity = np.zeros(len(marked_at) + 1)
    for t in trades:
        units = t.units if t.side == "long" else -t.units
        quantity[np.searchsorted(marked_at, t.entry_at)] += units
        quantity[np.searchsorted(marked_at, t.exit_at) if t.is_closed else len(marked_at)] -= units
    return np.asarray(np.round(np.cumsum(quantity[:-1]), 9) * price)


def _found(values: dict[tuple[str, str], Floats], kind: str, equity: Floats) -> list[Exposure]:
    found = []
    for (which, name), held in values.items():
        days = np.flatnonzero((held != 0) & (equity > 0))
        if which == kind and len(days):
            share = held[days] / equity[days]
            largest = float(share[np.argmax(np.abs(share))])
            found.append(Exposure(kind, name, float(share.mean()), largest, len(days)))
    return found
