"""Accounts whose trades do not overlap: what a trade does to equity is the same in every account.

Without lots, interest, credit and shorts, and with one trade at a time, each trade multiplies equity by a factor of
its own, and so does each day of it. What happens from an entry on is computed once, day by day, and serves every trade
that begins there, whenever it ends: sums of the returns up to a day, the highest and lowest equity up to it. An account
is then one pass over its trades.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from datasets.arrays import Flags, Floats
from engine.account.bar_matrix import CostModel
from engine.account.exits import HELD, PricedTrades
from engine.account.trade_table import TradeTable, of_like_size
from engine.plan.plan import Numbers64


def only_prices_matter(table: TradeTable, costs: CostModel) -> bool:
    """Return whether a trade's factor depends on prices alone: no lots, futures, interest, credit or shorts."""
    by_size = costs.has_futures or np.any(costs.lot > 0)
    return not (costs.pays_interest or by_size or costs.terms.max_gross > 1 or np.any(table.weight < 0))


@dataclass(frozen=True, eq=False)
class _PathAccounts:
    """Accounts of the plans of a table, each trade a factor: what it does to equity, as a share of it before the entry.

    One value an entry: ``size`` is the quantity for 1 of equity, ``rest`` the cash left, ``first_day`` the day at whose
    mark it is first included. One value a trade: ``last_day`` is that of its exit (the number of days: none), and
    ``factor`` equity after it, marked at the last day if it is held to the end. Accounts of plans whose trades overlap
    are wrong, and so is all that follows from them.
    """

    priced: PricedTrades
    costs: CostModel
    first_day: Numbers64
    last_day: Numbers64
    size: Floats
    rest: Floats
    factor: Floats

    def overlapping(self) -> Flags:
        """Return the plans some of whose trades share a day, or do not leave equity above zero."""
        table = self.priced.table
        first = self.first_day[table.entry]
        wrong = (self.last_day <= first) | ~(self.factor > 0)
        follows = np.ones(len(first), dtype=bool)
        follows[table.start[:-1][np.diff(table.start) > 0]] = False
        wrong[1:] |= follows[1:] & (first[1:] <= self.last_day[:-1])
        overlap = np.zeros(table.n_plans, dtype=bool)
        overlap[np.searchsorted(table.start, np.flatnonzero(wrong), side="right") - 1] = True
        return overlap

    @cached_property
    def _course(self) -> tuple[Floats, Floats]:
        before = np.zeros(len(self.factor))
        equity = np.full(self.priced.table.n_plans, self.costs.terms.cash)
        for some, trade in by_turns(self.priced.table.start):
            before[trade] = equity[some]
            equity[some] *= self.factor[trade]
        return before, equity

    @property
    def final(self) -> Floats:
        """The final equity of each plan."""
        return self._course[1]

    @property
    def quantity(self) -> Floats:
        """The quantity of each trade."""
        return self.size[self.priced.table.entry] * self._course[0]

    def daily(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return of each plan the sums of daily returns (plain, square, loss) and the deepest drawdown (<= 0)."""
        begin, paths = _paths(self)
        entry, start = self.priced.table.entry, self.priced.table.start
        last = begin[entry] + self.last_day - self.first_day[entry] - 1
        leaving = np.where(self.priced.reason == HELD, 0.0, self.factor / paths["equity"][last] - 1)
        losing = np.minimum(leaving, 0.0)
        plain = _summed(paths["plain"][last] + leaving, start)
        square = _summed(paths["square"][last] + leaving * leaving, start)
        loss = _summed(paths["loss"][last] + losing * losing, start)
        return plain, square, loss, self._deepest(paths["high"][last], paths["low"][last], paths["below"][last])

    def _deepest(self, high: Floats, low: Floats, below: Floats) -> Floats:
        peak, deepest = np.full(len(self.final), self.costs.terms.cash), np.ones(len(self.final))
        for some, trade in by_turns(self.priced.table.start):
            equity, top = self._course[0][trade], peak[some]
            least = np.minimum(equity * low[trade] / top, below[trade])
            top = np.maximum(top, equity * high[trade])
            after = equity * self.factor[trade]
            deepest[some] = np.minimum(deepest[some], np.minimum(least, after / top))
            peak[some] = np.maximum(top, after)
        return np.minimum(deepest - 1, 0.0)


def path_accounts(priced: PricedTrades, costs: CostModel) -> _PathAccounts:
    """Return the accounts of all plans of a table as if none of their trades overlapped."""
    matrix, table = costs.matrix, priced.table
    entry, instrument = table.entry, table.instrument
    rate, closing = costs.commission_at(instrument, table.tick), costs.commission_at(instrument[entry], priced.out)
    wanted = table.weight * (1 + rate)
    size = table.weight * np.minimum(1.0, costs.terms.max_gross / wanted) / priced.paid
    rest = 1 - size * priced.paid * (1 + rate)
    factor = rest[entry] + size[entry] * (priced.got - priced.sold * closing)
    last_day = matrix.day[np.maximum(priced.out, 0)]
    held = np.flatnonzero(priced.reason == HELD)
    last_day[held] = matrix.n_days
    if len(held):
        at = entry[held]
        factor[held] = rest[at] + size[at] * priced.at_marks(matrix, at, matrix.n_days - 1)
    return _PathAccounts(priced, costs, matrix.day[table.tick], last_day, size, rest, factor)


def _paths(accounts: _PathAccounts) -> tuple[Numbers64, dict[str, Floats]]:
    """Return what follows each entry of a table, day by day, for as long as any trade that begins there is held.

    Returns:
        The place of the first day of each entry, and arrays over the days of all entries. ``equity`` at a day's mark;
        ``plain``, ``square`` and ``loss`` the sums up to it of the returns, their squares and the squares of the
        negative ones; ``high`` and ``low`` the highest and lowest equity up to it; ``below`` the lowest it was as a
        share of ``high``.
    """
    matrix, table = accounts.costs.matrix, accounts.priced.table
    until = np.zeros(len(accounts.size), dtype=np.int64)
    np.maximum.at(until, table.entry, accounts.last_day)
    days = np.maximum(until - accounts.first_day, 0)
    begin = np.cumsum(days) - days
    paths: dict[str, Floats] = {name: np.empty(int(days.sum())) for name in _running(np.ones((0, 1)))}
    for some in of_like_size(days):
        day = accounts.first_day[some, None] + np.arange(int(days[some].max()))
        inside = day < until[some, None]
        price = accounts.priced.at_marks(matrix, some[:, None], np.minimum(day, matrix.n_days - 1))
        equity = accounts.rest[some, None] + accounts.size[some, None] * price
        place = begin[some, None] + np.arange(day.shape[1])
        for name, values in _running(equity).items():
            paths[name][place[inside]] = values[inside]
    return begin, paths


def _running(equity: Floats) -> dict[str, Floats]:
    """Return the arrays of ``_paths``, entries x days."""
    before = np.concatenate((np.ones((len(equity), 1)), equity[:, :-1]), axis=1)
    returns = equity / before - 1
    losses = np.minimum(returns, 0.0)
    high = np.maximum.accumulate(equity, axis=1)
    return {
        "equity": equity,
        "plain": np.cumsum(returns, axis=1),
        "square": np.cumsum(returns * returns, axis=1),
        "loss": np.cumsum(losses * losses, axis=1),
        "high": high,
        "low": np.minimum.accumulate(equity, axis=1),
        "below": np.minimum.accumulate(equity / high, axis=1),
    }


def _summed(values: Floats, start: Numbers64) -> Floats:
    """Return the sum of each plan's values, added one after the other."""
    total = np.zeros(len(start) - 1)
    for some, trade in by_turns(start):
        total[some] += values[trade]
    return total


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
