"""Accounts as stretches: a trade alone, or trades that overlap, multiply equity by the same factor in every account.

Without lots, interest, credit and shorts, what a stretch does to equity does not depend on the equity before it. What
happens from an entry on is computed once and serves every trade alone that begins there, whenever it ends: sums of the
returns up to a day, the highest and lowest equity up to it. Trades that overlap go from fill to fill
(``engine.account.accounts``), as an account of their own. An account is then one pass over its stretches.
"""

from functools import cached_property

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict

from datasets.arrays import Flags, Floats
from engine.account.accounts import positions_of
from engine.account.bar_matrix import CostModel
from engine.account.exits import HELD, PricedTrades
from engine.account.records import change
from engine.account.trade_table import Index, TradeTable, of_like_size, spans
from engine.metrics.daily_sums import IdleDays, daily_sums
from engine.plan.plan import Numbers64


def only_prices_matter(table: TradeTable, costs: CostModel) -> bool:
    """Return whether a stretch's factor depends on prices alone: no lots, futures, interest, credit or shorts."""
    by_size = costs.has_futures or np.any(costs.lot > 0)
    return not (costs.pays_interest or by_size or costs.terms.max_gross > 1 or np.any(table.weight < 0))


class Stretches(Struct, frozen=True, eq=False, dict=True):
    """The stretches of many accounts: those of plan p are ``start[p]`` up to ``start[p + 1]``.

    One value a stretch in ``course``, as shares of the equity before it: ``factor`` that after it, ``high`` and ``low``
    the extremes at marks; ``below`` the lowest as a share of the highest before; ``plain``, ``square`` and ``loss`` the
    sums of daily returns, of their squares and of the squares of negative ones; ``lost`` is 1 where it leaves no equity
    or meets a margin call. One value a trade: its ``stretch``, and its quantity as a ``share`` of the equity before.
    """

    start: Numbers64
    course: dict[str, Floats]
    stretch: Numbers64
    share: Floats
    cash: float

    @cached_property
    def _turns(self) -> list[tuple[Numbers64 | slice, Numbers64]]:
        """The first stretch of each plan, then the second and so on: the plans, and the numbers of the stretches."""
        first, counts = self.start[:-1], np.diff(self.start)
        most = int(counts.max(initial=0))
        if counts.min(initial=most) == most:
            return [(slice(None), first + k) for k in range(most)]
        by = np.argsort(-counts, kind="stable")
        ends = np.searchsorted(-counts[by], -np.arange(most)).tolist()
        return [(by[:n], first[by[:n]] + k) for k, n in enumerate(ends)]

    @cached_property
    def _equity(self) -> tuple[Floats, Floats]:
        before, equity = np.zeros(len(self.course["factor"])), np.full(len(self.start) - 1, self.cash)
        for some, each in self._turns:
            before[each] = equity[some]
            equity[some] *= self.course["factor"][each]
        return before, equity

    @property
    def final(self) -> Floats:
        """The final equity of each plan."""
        return self._equity[1]

    @property
    def quantity(self) -> Floats:
        """The quantity of each trade."""
        return self.share * self._equity[0][self.stretch]

    def summed(self, *names: str) -> Floats:
        """Return (names, plans) the sums of values of the course, added one after the other."""
        values = np.stack([self.course[name] for name in names])
        total = np.zeros((len(names), len(self.start) - 1))
        for some, each in self._turns:
            total[:, some] += values[:, each]
        return total

    def deepest(self) -> Floats:
        """Return the deepest drawdown of each plan, <= 0."""
        peak, deepest = np.full(len(self.final), self.cash), np.ones(len(self.final))
        factor, high, low, below = (self.course[name] for name in ("factor", "high", "low", "below"))
        for some, each in self._turns:
            equity, top = self._equity[0][each], peak[some]
            least = np.minimum(equity * low[each] / top, below[each])
            top = np.maximum(top, equity * high[each])
            after = equity * factor[each]
            deepest[some] = np.minimum(deepest[some], np.minimum(least, after / top))
            peak[some] = np.maximum(top, after)
        return np.minimum(deepest - 1, 0.0)


def stretches_of(priced: PricedTrades, idle: IdleDays) -> Stretches:
    """Return the stretches of all plans of a table."""
    paths, table, cash = _Paths(priced, idle.costs), priced.table, idle.costs.terms.cash
    first = np.flatnonzero(paths.leads())
    counts = np.diff(np.append(first, len(table)))
    alone = (counts == 1) & paths.whole[first]
    course, share, together = paths.courses(first[alone]), paths.size[table.entry], np.flatnonzero(~alone)
    if len(together):
        positions = positions_of(priced.parts(first[together], counts[together]), idle.costs)
        sums = daily_sums(positions, idle)
        share[spans(first[together], counts[together])] = positions.quantity / cash
        lost = (sums.called | sums.lost | (positions.final <= 0)).astype(float)
        own = {**asdict(sums), "factor": positions.final / cash, "high": sums.high / cash, "low": sums.low / cash}
        own |= {"below": 1 + sums.below, "lost": lost}
        for name, singly in course.items():
            course[name] = np.empty(len(first))
            course[name][alone], course[name][together] = singly, own[name]
    stretch = np.repeat(np.arange(len(first)), counts)
    return Stretches(np.searchsorted(first, table.start), course, stretch, share, cash)


class _Paths:
    """What each trade does to equity alone.

    One value an entry: ``size`` is the quantity for 1 of equity, ``rest`` the cash left, ``first_day`` the day at whose
    mark it is first included. One value a trade: ``last_day`` is that of its exit (the number of days: none),
    ``factor`` equity after it, marked at the last day if it is held to the end, and whether it is ``whole``: it lasts
    from one mark to another and leaves equity above zero.
    """

    def __init__(self, priced: PricedTrades, costs: CostModel) -> None:
        self.priced, self.matrix, table = priced, costs.matrix, priced.table
        entry, instrument = table.entry, table.instrument
        rate, closing = costs.commission_at(instrument, table.tick), costs.commission_at(instrument[entry], priced.out)
        wanted = table.weight * (1 + rate)
        self.size = table.weight * np.minimum(1.0, costs.terms.max_gross / wanted) / priced.paid
        self.rest = 1 - self.size * priced.paid * (1 + rate)
        self.first_day = self.matrix.day[table.tick]
        self.last_day = self.matrix.day[np.maximum(priced.out, 0)]
        self.factor = self.rest[entry] + self.size[entry] * (priced.got - priced.sold * closing)
        held = np.flatnonzero(priced.reason == HELD)
        self.last_day[held] = self.matrix.n_days
        if len(held):
            at = entry[held]
            self.factor[held] = self.rest[at] + self.size[at] * priced.at_marks(self.matrix, at, self.matrix.n_days - 1)
        self.whole = (self.last_day > self.first_day[entry]) & (self.factor > 0)

    def leads(self) -> Flags:
        """Return the trades that begin a stretch: those before them end before any day of theirs or of later ones."""
        table = self.priced.table
        plan = np.repeat(np.arange(table.n_plans), np.diff(table.start)) * (self.matrix.n_days + 2)
        first = self.first_day[table.entry] + plan  # after all days of the plans before
        leads = np.ones(len(table), dtype=bool)
        leads[1:] = np.minimum.accumulate(first[:0:-1])[::-1] > np.maximum.accumulate(self.last_day + plan)[:-1]
        return leads

    def courses(self, trade: Numbers64) -> dict[str, Floats]:
        """Return the courses of ``Stretches`` of some trades that are whole."""
        entry, last_day, factor = self.priced.table.entry[trade], self.last_day[trade], self.factor[trade]
        begin, paths = self._from_entries(entry, last_day)
        last = begin[entry] + last_day - self.first_day[entry] - 1
        leaving = np.where(self.priced.reason[trade] == HELD, 0.0, change(factor / paths["equity"][last]))
        course = {name: values[last] for name, values in paths.items() if name != "equity"}
        course["plain"] += leaving
        course["square"] += leaving * leaving
        course["loss"] += np.minimum(leaving, 0.0) ** 2
        return {**course, "factor": factor, "lost": np.zeros(len(trade))}

    def _from_entries(self, entry: Index, last_day: Numbers64) -> tuple[Numbers64, dict[str, Floats]]:
        """Return what follows entries, day by day, for as long as any of some trades that begin there is held.

        Returns:
            The place of the first day of each entry, and arrays over the days of all entries. ``equity`` at a day's
            mark; the others are those of ``Stretches.course`` up to it.
        """
        until = np.zeros(len(self.size), dtype=np.int64)
        np.maximum.at(until, entry, last_day)
        days = np.maximum(until - self.first_day, 0)
        begin = np.cumsum(days) - days
        paths: dict[str, Floats] = {name: np.empty(int(days.sum())) for name in _running(np.ones((0, 1)))}
        for some in of_like_size(days):
            day = self.first_day[some, None] + np.arange(int(days[some].max()))
            inside = day < until[some, None]
            price = self.priced.at_marks(self.matrix, some[:, None], np.minimum(day, self.matrix.n_days - 1))
            equity = self.rest[some, None] + self.size[some, None] * price
            place = begin[some, None] + np.arange(day.shape[1])
            for name, values in _running(equity).items():
                paths[name][place[inside]] = values[inside]
        return begin, paths


def _running(equity: Floats) -> dict[str, Floats]:
    """Return the arrays of ``_Paths._from_entries``, entries x days."""
    before = np.concatenate((np.ones((len(equity), 1)), equity[:, :-1]), axis=1)
    returns = change(equity / before)
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
