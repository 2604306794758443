"""What the metrics of many accounts are computed from, by looking only at days on which something is held or changes.

On all other days an account earns what its cash earns, the same in all accounts: the sums over all idle days are
computed once, and the days looked at are subtracted from them. Conventions: CONVENTIONS.md.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct

from datasets.arrays import Flags, Floats
from engine.account.accounts import Positions
from engine.account.bar_matrix import CostModel
from engine.account.exits import HELD, PricedTrades, financing
from engine.account.records import change
from engine.account.trade_table import CELLS, of_like_size, spans
from engine.metrics.metrics import session_rate, sessions_per_year, span_days
from engine.plan.costs import MAINTENANCE
from engine.plan.plan import Numbers64


class IdleDays(Struct, frozen=True, eq=False, dict=True):
    """The days of an account that holds nothing."""

    costs: CostModel

    @cached_property
    def per_year(self) -> float:
        """The realised number of sessions a year."""
        return sessions_per_year(self.costs.matrix.days.sessions)

    @cached_property
    def rate(self) -> float:
        """The cash rate of one session."""
        return session_rate(self.costs.terms.cash_rate, self.per_year)

    @cached_property
    def span(self) -> int:
        """Calendar days from the first session to the last."""
        return span_days(self.costs.matrix.days.sessions)

    @cached_property
    def excess(self) -> Floats:
        """The return of each day less the cash rate."""
        return self.costs.earned - self.rate


_POWERS: dict[str, Callable[[Floats], Floats]] = {
    "plain": lambda x: x,
    "square": lambda x: x * x,
    "loss": lambda x: np.minimum(x, 0.0) ** 2,
}


class DailySums(Struct, frozen=True, eq=False):
    """Sums over the days of each account: of the excess return, its square and that of its losses.

    ``below`` is the deepest drawdown; ``high`` and ``low`` are the highest and lowest equity at the days looked at;
    ``called`` plans meet a margin call, ``lost`` ones fall to zero or below.
    """

    plain: Floats
    square: Floats
    loss: Floats
    below: Floats
    high: Floats
    low: Floats
    called: Flags
    lost: Flags


def daily_sums(positions: Positions, idle: IdleDays) -> DailySums:
    """Return the sums over the days of all accounts of a table."""
    n, steps = len(positions.final), positions.steps
    cells = _cells_of_steps(positions, idle.costs.matrix.n_days)
    total = np.concatenate(([0], np.cumsum(cells)))
    sums = DailySums(*np.zeros((6, n)), *np.zeros((2, n), dtype=bool))
    for plans in of_like_size(total[steps.start[1:]] - total[steps.start[:-1]]):
        _Days(np.sort(plans), cells, positions, idle).add_to(sums)
    for name, power in _POWERS.items():
        getattr(sums, name)[:] += power(idle.excess).sum()
    return sums


def _cells_of_steps(positions: Positions, days: int) -> Numbers64:
    """Return of each step how many days to look at: to the next step if something is held, else the day itself."""
    steps = positions.steps
    until = np.append(steps.day[1:], days)
    until[steps.start[1:][np.diff(steps.start) > 0] - 1] = days
    length = until - steps.day
    traded = positions.quantity[steps.trade] != 0
    held = traded & steps.opens if steps.one_at_a_time else np.cumsum(np.where(steps.opens, 1, -1) * traded) > 0
    return np.where(held, length, np.minimum(length, 1))


class _Days:
    """The days looked at of some plans, one after the other: a cell is one day of one plan, after one step.

    ``begin`` is the first cell of each step, ``edge`` that of each plan.
    """

    def __init__(self, plans: Numbers64, cells: Numbers64, positions: Positions, idle: IdleDays) -> None:
        self.plans, self.positions, self.idle = plans, positions, idle
        self.costs, self.matrix, steps = idle.costs, idle.costs.matrix, positions.steps
        counts = steps.start[plans + 1] - steps.start[plans]
        self.step = spans(steps.start[plans], counts)
        self.length = cells[self.step]
        self.begin = np.concatenate(([0], np.cumsum(self.length)))
        place = np.repeat(np.arange(len(self.step)), self.length)
        self.day = steps.day[self.step][place] + np.arange(self.begin[-1]) - self.begin[place]
        self.cash = positions.cash[self.step][place]
        self.edge = self.begin[np.concatenate(([0], np.cumsum(counts)))]

    def add_to(self, sums: DailySums) -> None:
        """Add the sums of these plans over their days, less those of idle days; mark plans that are called or lost."""
        net, needed = self._values()
        pays = self.costs.pays_interest
        equity = self.cash * self.costs.grown[self.day + 1] + net if pays else self.cash + net
        before, first = self._before(equity), self.edge[:-1]
        with np.errstate(invalid="ignore"):  # 0 over 0: what has lost all is left to the replay
            excess = change(equity / before) - self.idle.rate
        for name, power in _POWERS.items():
            x = power(excess) - power(self.idle.excess[self.day]) if pays else power(excess)
            getattr(sums, name)[self.plans] = np.add.reduceat(x, first)
        sums.below[self.plans] = self._below(equity, before)
        sums.high[self.plans] = np.maximum.reduceat(equity, first)
        sums.low[self.plans] = np.minimum.reduceat(equity, first)
        sums.called[self.plans] = np.logical_or.reduceat((needed > 0) & (equity < needed), first)
        sums.lost[self.plans] = np.minimum.reduceat(np.minimum(equity, before), first) <= 0

    def _values(self) -> tuple[Floats, Floats]:
        """Return net value and maintenance margin held at each cell; its cash is charged what holding costs."""
        positions, since = self.positions, self.positions.steps.day[self.step]
        at, trade = self._held_after_steps()
        cell, length = spans(self.begin[at], self.length[at]), self.length[at]
        held = np.repeat(trade, length)
        quantity, priced = positions.quantity[held], positions.priced
        self._charge(cell, held, quantity, np.repeat(since[at], length))
        value = quantity * priced.at_marks(self.matrix, priced.table.entry[held], self.day[cell])
        share = self.costs.maintenance[positions.instrument[held]] if self.costs.has_futures else MAINTENANCE
        margin = np.abs(value) * share
        net, needed = (np.bincount(cell, v, len(self.day)).astype(float) for v in (value, margin))
        return net, needed

    def _charge(self, cell: Numbers64, held: Numbers64, quantity: Floats, since: Numbers64) -> None:
        """Take off the cash of cells what the trades held are charged since the day of a step."""
        if self.costs.charges_for(quantity):
            charges = self.costs.charges
            for row, units in self.positions.priced.charged(held, quantity, self.costs):
                np.add.at(self.cash, cell, -units * (charges[row, self.day[cell]] - charges[row, since]))

    def _held_after_steps(self) -> tuple[Numbers64, Numbers64]:
        """Return all pairs of a step (its place among those looked at) and a trade held after it."""
        steps, positions = self.positions.steps, self.positions
        opens, trade = steps.opens[self.step], steps.trade[self.step]
        by = np.argsort(trade * 2 + ~opens, kind="stable")
        opening, closing, trade = by[::2], by[1::2], trade[by[::2]]
        real = positions.quantity[trade] != 0
        opening, closing, trade = opening[real], closing[real], trade[real]
        return spans(opening, closing - opening), np.repeat(trade, closing - opening)

    def _before(self, equity: Floats) -> Floats:
        """Return the equity of the day before each cell; where that day was not looked at, cash was all there was."""
        day, first = self.day, self.edge[:-1]
        before = np.empty(len(day))
        before[1:] = equity[:-1]
        flat = np.ones(len(day), dtype=bool)
        flat[1:] = day[1:] != day[:-1] + 1
        flat[first] = True
        cash = np.concatenate(([0.0], self.cash[:-1]))
        cash[first] = self.costs.terms.cash
        before[flat] = cash[flat] * self.costs.grown[day[flat]]
        return before

    def _below(self, equity: Floats, before: Floats) -> Floats:
        """Return the deepest drawdown of each plan, <= 0: below the highest equity so far, the start included."""
        cash, counts = self.costs.terms.cash, np.diff(self.edge)
        inside = np.arange(int(counts.max())) < counts[:, None]
        peaks = np.zeros(inside.shape)
        peaks[inside] = np.maximum(equity, before)
        peaks[:, 0] = np.maximum(peaks[:, 0], cash)
        np.maximum.accumulate(peaks, axis=1, out=peaks)
        deepest = np.minimum.reduceat(equity / peaks[inside], self.edge[:-1])
        if self.costs.terms.cash_rate < 0:  # cash itself falls from day to day
            earlier = np.concatenate((np.full((len(counts), 1), cash), peaks[:, :-1]), axis=1)[inside]
            deepest = np.minimum(deepest, np.minimum.reduceat(before / earlier, self.edge[:-1]))
            deepest = np.minimum(deepest, self.positions.final[self.plans] / peaks[:, -1])
        return np.asarray(np.minimum(deepest - 1, 0.0))


def held_sessions_of(priced: PricedTrades, quantity: Floats, costs: CostModel) -> Numbers64:
    """Return the number of sessions in which each plan holds something at any time."""
    table, matrix = priced.table, costs.matrix
    real = np.flatnonzero(quantity)
    entry = table.entry[real]
    ends = matrix.last_row[table.instrument[entry]]
    left = np.where(priced.reason[real] == HELD, ends, priced.out[real] >> 1)
    first, after = matrix.sessions[0][table.tick[entry] >> 1], matrix.sessions[1][left]
    plan = np.searchsorted(table.start, real, side="right") - 1
    if np.any((np.diff(first) < 0) & (np.diff(plan) == 0)):
        by = np.lexsort((first, plan))
        first, after, plan = first[by], after[by], plan[by]
    sessions = np.maximum(after - np.maximum(first, _latest_before(after, plan)), 0)
    return np.bincount(plan, weights=sessions, minlength=table.n_plans).astype(np.int64)


def _latest_before(after: Numbers64, plan: Numbers64) -> Numbers64:
    """Return for each range of sessions the latest end of those before it in its plan, 0 for the first."""
    wide = int(after.max(initial=0)) + 1
    latest = np.maximum.accumulate(after + plan * wide) - plan * wide  # whole numbers: nothing is lost
    before = np.concatenate(([0], latest[:-1]))
    before[np.flatnonzero(np.diff(plan, prepend=-1))] = 0
    return before


def trade_sums(priced: PricedTrades, quantity: Floats, costs: CostModel) -> dict[str, Any]:
    """Return the figures of the trades of each plan, by the name of the field of ``MetricInputs``."""
    table, n = priced.table, priced.table.n_plans
    real = np.flatnonzero(quantity != 0)
    plan = np.repeat(np.arange(n), np.diff(table.start))[real]
    pnl, fraction = _results(real, priced, quantity[real], costs)
    count = np.bincount(plan, minlength=n)

    def counted(flags: Flags) -> Numbers64:
        return np.bincount(plan, weights=flags, minlength=n).astype(np.int64)

    with np.errstate(invalid="ignore"):
        mean = _summed(fraction, count) / np.where(count > 0, count, np.nan)
    return {
        "traded": count,
        "observations": _observations(real, plan, priced, costs),
        "won": counted(pnl > 0),
        "lost": counted(pnl < 0),
        "gains": _summed(np.maximum(pnl, 0.0), count),
        "losses": _summed(np.maximum(-pnl, 0.0), count),
        "mean_trade": mean,
        "sd_trade": _spread(fraction, mean, count),
        "median_trade": _medians(fraction, count),
    }


def _results(trade: Numbers64, priced: PricedTrades, quantity: Floats, costs: CostModel) -> tuple[Floats, Floats]:
    """Return the P&L of trades net of costs, and as a fraction of the value at entry; one still held is at its mark."""
    entry, held = priced.table.entry[trade], priced.reason[trade] == HELD
    last = costs.matrix.n_days - 1
    paid = priced.paid[entry]
    got = np.where(held, priced.at_marks(costs.matrix, entry, last), priced.got[trade])
    sold = np.where(held, 0.0, priced.sold[trade])
    instrument = priced.table.instrument[entry]
    opening, closing = (costs.commission_at(instrument, t) for t in (priced.table.tick[entry], priced.out[trade]))
    borrow, carry, roll = financing(priced, costs, trade, quantity)
    pnl = quantity * (got - paid) - np.abs(quantity) * (paid * opening + sold * closing) - borrow - roll + carry
    return pnl, pnl / np.abs(quantity * paid)


def _observations(trade: Numbers64, plan: Numbers64, priced: PricedTrades, costs: CostModel) -> Numbers64:
    """Return how many observations the trades of each plan are, as ``engine.account.records`` groups them."""
    table, matrix, n = priced.table, costs.matrix, priced.table.n_plans
    if not len(trade):
        return np.zeros(n, dtype=np.int64)
    entry = table.entry[trade]
    out = np.where(priced.reason[trade] == HELD, 2 * matrix.last_row[table.instrument[entry]], priced.out[trade])
    times = np.stack([matrix.order[table.tick[entry]] >> 1, matrix.order[out] >> 1])
    began, ended = np.unique(times, return_inverse=True)[1].reshape(times.shape).astype(np.int64)
    by = np.lexsort((table.event[entry], plan))
    first = np.flatnonzero(np.diff(plan[by] * (table.event.max() + 1) + table.event[entry][by], prepend=-1))
    plan = plan[by][first]
    later = plan * (int(ended.max()) + 2)  # the instants of a plan are after all of the plans before it
    began, ended = np.minimum.reduceat(began[by], first) + later, np.maximum.reduceat(ended[by], first) + later
    by = np.lexsort((ended, began))
    until = np.concatenate(([-1], np.maximum.accumulate(ended[by])[:-1]))
    return np.bincount(plan[by][began[by] >= until], minlength=n)


def _summed(values: Floats, count: Numbers64) -> Floats:
    """Return the sums of consecutive ranges of the given lengths."""
    some = count > 0
    sums = np.zeros(len(count))
    if some.any():
        sums[some] = np.add.reduceat(values, (np.cumsum(count) - count)[some])
    return sums


def _spread(values: Floats, mean: Floats, count: Numbers64) -> Floats:
    """Return the standard deviations (n - 1) of ranges of the given lengths, NaN of those shorter than 2."""
    away = values - np.repeat(mean, count)
    return np.sqrt(_summed(away * away, count) / np.where(count > 1, count - 1, np.nan))


def _medians(values: Floats, count: Numbers64) -> Floats:
    """Return the medians of ranges of the given lengths, NaN of an empty one."""
    medians = np.full(len(count), np.nan)
    first = np.cumsum(count) - count
    for size in np.unique(count[count > 0]):
        alike = np.flatnonzero(count == size)
        step = max(1, CELLS // int(size))
        for part in (alike[k : k + step] for k in range(0, len(alike), step)):
            medians[part] = np.median(values[first[part, None] + np.arange(size)], axis=1)
    return medians
