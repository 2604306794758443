"""P&L and exposure of a run by market and by currency."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from datasets.arrays import Floats
from datasets.prices.bars import Bars
from engine.account.records import Account, Trade
from engine.run.attribution import Attribution, attribution, total_of


@dataclass(frozen=True)
class MarketResult:
    """What the trades of one market made: the parts of their P&L, and their mean net return, open ones at the mark."""

    instrument: str
    trades: int
    closed: int
    won: int
    mean_trade: float
    parts: Attribution


@dataclass(frozen=True)
class Exposure:
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
