"""Accounts whose trades share no day: what a trade does to equity does not hang on the account then.

With neither lots nor interest, and one trade at a time, each trade multiplies equity by a factor of its own, and each
day of it does. What happens from an entry on is reckoned once, day by day, and serves every trade that begins there,
whenever it ends: sums of the returns up to a day, the highest and lowest equity up to it. An account is then one pass
over its trades.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from datasets.prices.bars import Flags, Floats
from engine.account.bar_matrix import BarMatrix, CostModel, Numbers64
from engine.account.exits import HELD, Priced
from engine.account.trade_table import Entries

_CELLS = 1 << 15


@dataclass(frozen=True, eq=False)
class Factors:
    """What the trades of a table do to equity, as shares of it just before the entry.

    One value an entry: ``size`` is the signed quantity for 1 of equity, ``rest`` the cash left. One value a trade:
    ``factor`` is equity after it (marked at the last day, if it is held to the end).
    """

    priced: Priced
    first_day: Numbers64
    last_day: Numbers64
    size: Floats
    rest: Floats
    factor: Floats


@dataclass(frozen=True, eq=False)
class Shares:
    """What 1 of equity becomes at each entry of a table where nothing is held beside it.

    ``size`` is the signed quantity and ``rest`` the cash left; ``rate`` the commission of a value; ``closing`` what
    slippage makes of a price at the exit; ``first_day`` that at whose mark the entry is first seen.
    """

    size: Floats
    rest: Floats
    rate: Floats
    closing: Floats
    first_day: Numbers64


def shares_of(entries: Entries, paid: Floats, tape: BarMatrix, money: CostModel) -> Shares:
    """Return what 1 of equity becomes at each entry."""
    weight, sign, instrument = np.abs(entries.weight), np.sign(entries.weight), entries.instrument
    rate = money.commission[instrument]
    wanted = weight * (1 + rate)
    scale = np.minimum(1.0, np.divide(money.terms.max_gross, wanted, out=np.zeros(len(wanted)), where=wanted > 0))
    share = weight * scale
    return Shares(
        size=sign * share / paid,
        rest=1 - sign * share - share * rate,
        rate=rate,
        closing=np.where(sign > 0, money.sell[instrument], money.buy[instrument]),
        first_day=tape.day[entries.moment],
    )


def factors_of(priced: Priced, tape: BarMatrix, money: CostModel) -> Factors:
    """Return what the trades of a table do to equity where none is held beside them.

    ``first_day`` (one an entry) is the day at whose mark an entry is first seen, ``last_day`` (one a trade) that of its
    exit; the number of days where it has none.
    """
    entry, entries = priced.table.entry, priced.table.entries
    shares = shares_of(entries, priced.paid, tape, money)
    size, got = shares.size[entry], priced.got
    factor = shares.rest[entry] + size * got - np.abs(size) * shares.rate[entry] * got
    last_day = tape.day[np.maximum(priced.out, 0)]
    held = np.flatnonzero(priced.reason == HELD)
    if len(held):
        entry = entry[held]
        last_day[held] = tape.n_days
        factor[held] = shares.rest[entry] + shares.size[entry] * tape.marks[entries.instrument[entry], tape.n_days - 1]
    return Factors(priced, shares.first_day, last_day, shares.size, shares.rest, factor)


def may_stand_apart(entries: Entries, money: CostModel) -> bool:
    """Return whether nothing but prices matters: no lots, interest, credit or shorts (engine/account/accounts.py)."""
    matters = money.pays_interest or np.any(money.lot > 0) or money.terms.max_gross > 1 or np.any(entries.weight < 0)
    return not matters


def stands_apart(factors: Factors, money: CostModel) -> Flags:
    """Return the plans whose trades share no day and keep equity above zero: none where more than prices matters."""
    table = factors.priced.table
    if not may_stand_apart(table.entries, money):
        return np.zeros(table.n_plans, dtype=bool)
    first = factors.first_day[table.entry]
    wrong = (factors.last_day <= first) | ~(factors.factor > 0)
    follows = np.ones(len(first), dtype=bool)
    follows[table.start[:-1][np.diff(table.start) > 0]] = False
    wrong[1:] |= follows[1:] & (first[1:] <= factors.last_day[:-1])
    apart = np.ones(table.n_plans, dtype=bool)
    apart[np.searchsorted(table.start, np.flatnonzero(wrong), side="right") - 1] = False
    return apart


@dataclass(frozen=True, eq=False)
class Windows:
    """What happens day by day from each entry on, for as long as any trade that begins there is held.

    Arrays over the days of all entries, those of entry e from ``begin[e]`` on. ``equity`` at a day's mark; ``plain``,
    ``square`` and ``loss`` the sums up to it of the returns, their squares and the squares of the negative ones;
    ``high`` and ``low`` the highest and lowest equity up to it; ``below`` the lowest it stood as a share of ``high``.
    """

    begin: Numbers64
    equity: Floats
    plain: Floats
    square: Floats
    loss: Floats
    high: Floats
    low: Floats
    below: Floats


def windows_of(factors: Factors, tape: BarMatrix) -> Windows:
    """Return the windows of all entries of a table."""
    table, entries = factors.priced.table, factors.priced.table.entries
    until = np.zeros(len(factors.size), dtype=np.int64)
    np.maximum.at(until, table.entry, factors.last_day)
    days = np.maximum(until - factors.first_day, 0)
    begin = np.cumsum(days) - days
    arrays = [np.empty(int(days.sum())) for _ in range(7)]
    for some in _alike(days):
        day = factors.first_day[some, None] + np.arange(int(days[some].max()))
        inside = day < until[some, None]
        price = tape.marks[entries.instrument[some, None], np.minimum(day, tape.n_days - 1)]
        equity = factors.rest[some, None] + factors.size[some, None] * price
        place = begin[some, None] + np.arange(day.shape[1])
        for array, values in zip(arrays, _running(equity), strict=True):
            array[place[inside]] = values[inside]
    return Windows(begin, *arrays)


def _alike(days: Numbers64) -> Iterator[Numbers64]:
    """Yield entries of like length together, so many that they fill ``_CELLS`` cells."""
    by = np.argsort(days, kind="stable")
    by = by[days[by] > 0]
    at = len(by)
    while at > 0:
        take = max(1, _CELLS // int(days[by[at - 1]]))
        yield by[max(0, at - take) : at]
        at -= take


def _running(equity: Floats) -> Iterator[Floats]:
    """Yield, along the days, what the fields of Windows say after ``begin``."""
    before = np.concatenate((np.ones((len(equity), 1)), equity[:, :-1]), axis=1)
    returns = equity / before - 1
    losses = np.minimum(returns, 0.0)
    high = np.maximum.accumulate(equity, axis=1)
    yield equity
    yield np.cumsum(returns, axis=1)
    yield np.cumsum(returns * returns, axis=1)
    yield np.cumsum(losses * losses, axis=1)
    yield high
    yield np.minimum.accumulate(equity, axis=1)
    yield np.minimum.accumulate(equity / high, axis=1)


@dataclass(frozen=True, eq=False)
class Course:
    """Accounts of plans that stand apart: equity before each trade, and at the end."""

    before: Floats
    final: Floats


def courses_of(factors: Factors, money: CostModel) -> Course:
    """Return the accounts of all plans of a table: equity times one factor after the other."""
    before = np.zeros(len(factors.factor))
    equity = np.full(factors.priced.table.n_plans, money.terms.cash)
    for some, trade in by_turns(factors.priced.table.start):
        before[trade] = equity[some]
        equity[some] *= factors.factor[trade]
    return Course(before, equity)


def by_turns(start: Numbers64) -> Iterator[tuple[Numbers64 | slice, Numbers64]]:
    """Yield for the first trade of each plan, then the second and so on, the plans and the trades' numbers."""
    first, counts = start[:-1], np.diff(start)
    if not len(counts):
        return
    if counts.min() == counts.max():
        for k in range(int(counts[0])):
            yield slice(None), first + k
        return
    by = np.argsort(-counts, kind="stable")
    first, down = first[by], -counts[by]
    for k in range(int(counts.max())):
        n = int(np.searchsorted(down, -k))
        yield by[:n], first[:n] + k


@dataclass(frozen=True, eq=False)
class Outline:
    """Of plans that stand apart the sums of daily returns (plain, square, loss) and the deepest drawdown (<= 0)."""

    plain: Floats
    square: Floats
    loss: Floats
    below: Floats


@dataclass(frozen=True, eq=False)
class _Ways:
    """Of every trade: its last held day in the windows, and the return of the day it is left (0: it is not)."""

    factors: Factors
    windows: Windows

    @cached_property
    def last(self) -> Numbers64:
        """The place of the last held day of each trade in the windows."""
        entry = self.factors.priced.table.entry
        place: Numbers64 = self.windows.begin[entry] + self.factors.last_day - self.factors.first_day[entry] - 1
        return place

    @cached_property
    def leaving(self) -> Floats:
        """The return of the day on which each trade is left."""
        left = self.factors.factor / self.windows.equity[self.last] - 1
        leaving: Floats = np.where(self.factors.priced.reason == HELD, 0.0, left)
        return leaving


def outline_of(course: Course, factors: Factors, windows: Windows, money: CostModel) -> Outline:
    """Return sums and drawdowns of the accounts of a table."""
    ways = _Ways(factors, windows)
    start, plans = factors.priced.table.start, course.final
    leaving, last = ways.leaving, ways.last
    losing = np.minimum(leaving, 0.0)
    sums = [
        windows.plain[last] + leaving,
        windows.square[last] + leaving * leaving,
        windows.loss[last] + losing * losing,
    ]
    totals = [np.zeros(len(plans)) for _ in sums]
    peak, below = np.full(len(plans), money.terms.cash), np.ones(len(plans))
    high, low, deep = windows.high[last], windows.low[last], windows.below[last]
    for some, trade in by_turns(start):
        for total, each in zip(totals, sums, strict=True):
            total[some] += each[trade]
        equity, top = course.before[trade], peak[some]
        least = np.minimum(equity * low[trade] / top, deep[trade])
        top = np.maximum(top, equity * high[trade])
        after = equity * factors.factor[trade]
        below[some] = np.minimum(below[some], np.minimum(least, after / top))
        peak[some] = np.maximum(top, after)
    plain, square, loss = totals
    return Outline(plain, square, loss, np.minimum(below - 1, 0.0))
