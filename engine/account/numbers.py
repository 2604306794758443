"""The numbers of ``engine.metrics.metrics`` for many accounts, from the days on which something was held or changed.

On all other days an account earns what its cash earns, and that is the same in all accounts: its sums over all days
are had once, and what falls on the days looked at is taken off. Conventions: CONVENTIONS.md.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from datasets.prices.bars import Flags, Floats
from engine.account.accounts import Settled
from engine.account.bar_matrix import BarMatrix, CostModel, Numbers64
from engine.account.exits import HELD, Priced
from engine.account.trade_table import spans
from engine.account.windows import Course, Factors, Outline
from engine.metrics.metrics import session_rate, sessions_per_year, span_days
from engine.plan.costs import MAINTENANCE

_CELLS = 1 << 15
"""So many days of all accounts are looked at together: arrays that stay near the processor."""
_DOUBTFUL = 1e-9
"""A variance below this share of the mean square is left to the careful way: differences would eat its digits."""


@dataclass(frozen=True, eq=False)
class Sums:
    """What the numbers are made of, one value a plan.

    ``mean``, ``variance`` (n - 1) and ``losses`` (mean square of the negative ones) are those of the daily returns less
    the cash rate; ``below`` the deepest drawdown; ``held`` the sessions with a position. Of closed trades: how many,
    how many won and lost, what was gained and lost, mean, spread (n - 1, NaN below two) and median of their returns.
    ``doubtful`` plans want the careful way, ``called`` ones the replay.
    """

    mean: Floats
    variance: Floats
    losses: Floats
    below: Floats
    held: Numbers64
    traded: Numbers64
    closed: Numbers64
    won: Numbers64
    losers: Numbers64
    gained: Floats
    lost: Floats
    mean_trade: Floats
    sd_trade: Floats
    median_trade: Floats
    doubtful: Flags
    called: Flags


@dataclass(frozen=True, eq=False)
class Calm:
    """The days of an account that does nothing: sessions a year, the cash rate of one, sums of the excess return."""

    tape: BarMatrix
    money: CostModel

    @cached_property
    def per_year(self) -> float:
        """The realised number of sessions a year."""
        return sessions_per_year(self.tape.days.sessions)

    @cached_property
    def rate(self) -> float:
        """The cash rate of one session."""
        return session_rate(self.money.terms.cash_rate, self.per_year)

    @cached_property
    def span(self) -> int:
        """Calendar days from the first session to the last."""
        return span_days(self.tape.days.sessions)

    @cached_property
    def excess(self) -> Floats:
        """The return of each day less the cash rate."""
        found: Floats = self.money.earned - self.rate
        return found

    def powered(self, of: str) -> Floats:
        """Return the excess of each day (plain), its square (square), or that of its losses (loss)."""
        return _POWERS[of](self.excess)


def _loss(x: Floats) -> Floats:
    low = np.minimum(x, 0.0)
    return low * low


def _plain(x: Floats) -> Floats:
    return x


def _square(x: Floats) -> Floats:
    return x * x


_POWERS: dict[str, Callable[[Floats], Floats]] = {"plain": _plain, "square": _square, "loss": _loss}


@dataclass(frozen=True, eq=False)
class Daily:
    """Sums over the days of each account: of the excess return, its square and that of its losses.

    ``below`` is the deepest drawdown; ``called`` plans met a margin call, ``lost`` ones stood at zero or below.
    """

    plain: Floats
    square: Floats
    loss: Floats
    below: Floats
    called: Flags
    lost: Flags


def daily_of(priced: Priced, done: Settled, tape: BarMatrix, money: CostModel) -> Daily:
    """Return the sums over the days of all accounts of a table."""
    calm, n = Calm(tape, money), len(done.final)
    cells = _cells_of_steps(done, tape.n_days)
    out = {name: np.zeros(n) for name in ("plain", "square", "loss", "below")}
    called, lost = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    for plans in _in_parts(_per_plan(cells, done.steps.start)):
        _look(plans, cells, priced, done, calm, out, called, lost)
    for name in ("plain", "square", "loss"):
        out[name] += calm.powered(name).sum()
    return Daily(**out, called=called, lost=lost)


def sums_of(priced: Priced, quantity: Floats, final: Floats, daily: Daily, calm: Calm) -> Sums:
    """Return what the numbers of all plans of a table are made of."""
    days = calm.tape.n_days
    mean = daily.plain / days
    variance = (daily.square - daily.plain * mean) / max(days - 1, 1)
    low = (variance <= _DOUBTFUL * daily.square / days) | (daily.loss <= _DOUBTFUL * daily.square)
    trades = _trades(priced, quantity, calm.money)
    doubtful = (low & (trades["traded"] > 0)) | daily.lost | (final <= 0)
    return Sums(
        mean=mean,
        variance=variance,
        losses=daily.loss / days,
        below=daily.below,
        held=_held(priced, quantity, calm.tape),
        **trades,
        doubtful=doubtful & ~daily.called,
        called=daily.called,
    )


def sums_apart(course: Course, factors: Factors, outline: Outline, calm: Calm) -> Sums:
    """Return what the numbers of the plans of a table are made of that all stand apart."""
    days = calm.tape.n_days
    quantity = factors.size[factors.priced.table.entry] * course.before
    mean = outline.plain / days
    variance = (outline.square - outline.plain * mean) / max(days - 1, 1)
    traded = np.diff(factors.priced.table.start) > 0
    return Sums(
        mean=mean - calm.rate,
        variance=variance,
        losses=outline.loss / days,
        below=outline.below,
        held=_held(factors.priced, quantity, calm.tape),
        **_trades(factors.priced, quantity, calm.money),
        doubtful=traded & (variance <= _DOUBTFUL * outline.square / days),
        called=np.zeros(len(mean), dtype=bool),
    )


def together(n: int, parts: Sequence[tuple[Numbers64, Sums]]) -> Sums:
    """Return the sums of n plans of which each part has some."""
    found = {f.name: np.zeros(n, dtype=getattr(parts[0][1], f.name).dtype) for f in fields(Sums)}
    for plans, part in parts:
        for name, values in found.items():
            values[plans] = getattr(part, name)
    return Sums(**found)


def _cells_of_steps(done: Settled, days: int) -> Numbers64:
    """Return of each step how many days to look at: to the next step if something is held, else the day itself."""
    steps = done.steps
    until = np.append(steps.day[1:], days)
    last = steps.start[1:][np.diff(steps.start) > 0] - 1
    until[last] = days
    length = until - steps.day
    cells: Numbers64 = np.where(_something_held(done), length, np.minimum(length, 1))
    return cells


def _something_held(done: Settled) -> Flags:
    traded = done.quantity[done.steps.trade] != 0
    if done.steps.one_at_a_time:
        alone: Flags = traded & done.steps.opens
        return alone
    held: Flags = np.cumsum(np.where(done.steps.opens, 1, -1) * traded) > 0
    return held


def _per_plan(cells: Numbers64, start: Numbers64) -> Numbers64:
    total = np.concatenate(([0], np.cumsum(cells)))
    return total[start[1:]] - total[start[:-1]]


def _in_parts(per_plan: Numbers64) -> Iterator[Numbers64]:
    """Yield plans with something to look at, those of like size together, so many that they fill ``_CELLS`` cells."""
    by = np.argsort(per_plan, kind="stable")
    by = by[per_plan[by] > 0]
    at = len(by)
    while at > 0:
        take = max(1, _CELLS // int(per_plan[by[at - 1]]))
        yield np.sort(by[max(0, at - take) : at])
        at -= take


def _look(
    plans: Numbers64,
    cells: Numbers64,
    priced: Priced,
    done: Settled,
    calm: Calm,
    out: dict[str, Floats],
    called: Flags,
    lost: Flags,
) -> None:
    """Add to ``out`` the sums of some plans over their days, less those of calm days; mark plans that were called."""
    steps, tape, money = done.steps, calm.tape, calm.money
    first, counts = steps.start[plans], steps.start[plans + 1] - steps.start[plans]
    step = spans(first, counts)
    length = cells[step]
    begin = np.concatenate(([0], np.cumsum(length)))
    place = np.repeat(np.arange(len(step)), length)
    day = steps.day[step][place] + np.arange(begin[-1]) - begin[place]
    worth = done.worth[step][place]
    net, gross = _values(step, length, begin, day, priced, done, tape)
    equity = worth * money.grown[day + 1] + net if money.pays_interest else worth + net
    edge = begin[np.concatenate(([0], np.cumsum(counts)))]
    before = _before(day, equity, worth, edge[:-1], money)
    excess = equity / before
    excess -= 1.0 + calm.rate
    for name, power in _POWERS.items():
        x = power(excess)
        if money.pays_interest:
            x = x - power(calm.excess[day])
        out[name][plans] = np.add.reduceat(x, edge[:-1])
    out["below"][plans] = _below(equity, before, edge, done.final[plans], money)
    called[plans] = np.logical_or.reduceat((gross > 0) & (equity < MAINTENANCE * gross), edge[:-1])
    lost[plans] = np.minimum.reduceat(np.minimum(equity, before), edge[:-1]) <= 0


def _values(
    step: Numbers64,
    length: Numbers64,
    begin: Numbers64,
    day: Numbers64,
    priced: Priced,
    done: Settled,
    tape: BarMatrix,
) -> tuple[Floats, Floats]:
    """Return the net and the gross value of what is held at each day looked at."""
    entry, instruments = priced.table.entry, priced.table.entries.instrument
    if done.steps.one_at_a_time:
        trade = done.steps.trade[step]
        quantity = np.where(done.steps.opens[step], done.quantity[trade], 0.0)
        price = (
            tape.marks[0][day] if len(tape.bars) == 1 else tape.marks[np.repeat(instruments[entry[trade]], length), day]
        )
        net = np.repeat(quantity, length) * price
        return net, np.abs(net)
    at, trade = _held_after(step, done)
    cell = spans(begin[at], length[at])
    trade = np.repeat(trade, length[at])
    value = done.quantity[trade] * tape.marks[instruments[entry[trade]], day[cell]]
    return tuple(np.bincount(cell, weights=v, minlength=len(day)) for v in (value, np.abs(value)))  # type: ignore[return-value]


def _held_after(step: Numbers64, done: Settled) -> tuple[Numbers64, Numbers64]:
    """Return all pairs of a step (its place among some) and a trade held after it."""
    steps = done.steps
    opens, trade = steps.opens[step], steps.trade[step]
    by = np.argsort(trade * 2 + ~opens, kind="stable")
    opening, closing, trade = by[::2], by[1::2], trade[by[::2]]
    real = done.quantity[trade] != 0
    opening, closing, trade = opening[real], closing[real], trade[real]
    return spans(opening, closing - opening), np.repeat(trade, closing - opening)


def _before(day: Numbers64, equity: Floats, worth: Floats, first: Numbers64, money: CostModel) -> Floats:
    """Return the equity of the day before each day looked at; where that was not looked at, cash was all there was."""
    before = np.empty(len(day))
    before[1:] = equity[:-1]
    flat = np.ones(len(day), dtype=bool)
    flat[1:] = day[1:] != day[:-1] + 1
    flat[first] = True
    cash = np.concatenate(([0.0], worth[:-1]))
    cash[first] = money.terms.cash
    before[flat] = cash[flat] * money.grown[day[flat]]
    return before


def _below(equity: Floats, before: Floats, edge: Numbers64, final: Floats, money: CostModel) -> Floats:
    """Return the deepest drawdown of each plan, <= 0: below the highest equity so far, the start included."""
    counts = np.diff(edge)
    inside = np.arange(int(counts.max())) < counts[:, None]
    peaks = np.zeros(inside.shape)
    peaks[inside] = np.maximum(equity, before)
    peaks[:, 0] = np.maximum(peaks[:, 0], money.terms.cash)
    np.maximum.accumulate(peaks, axis=1, out=peaks)
    deepest = np.minimum.reduceat(equity / peaks[inside], edge[:-1])
    if money.terms.cash_rate < 0:  # cash itself falls from day to day
        earlier = np.concatenate((np.full((len(counts), 1), money.terms.cash), peaks[:, :-1]), axis=1)[inside]
        deepest = np.minimum(deepest, np.minimum.reduceat(before / earlier, edge[:-1]))
        deepest = np.minimum(deepest, final / peaks[:, -1])
    below: Floats = np.minimum(deepest - 1, 0.0)
    return below


def _held(priced: Priced, quantity: Floats, tape: BarMatrix) -> Numbers64:
    """Return the number of sessions in which each plan held something at any time."""
    table = priced.table
    real = np.flatnonzero(quantity)
    entry = table.entries.moment[table.entry[real]] >> 1
    ends = tape.last_row[table.entries.instrument[table.entry[real]]]
    left = np.where(priced.reason[real] == HELD, ends, priced.out[real] >> 1)
    first, after = tape.session_from[entry], tape.session_to[left]
    plan = np.searchsorted(table.start, real, side="right") - 1
    if np.any((np.diff(first) < 0) & (np.diff(plan) == 0)):
        by = np.lexsort((first, plan))
        first, after, plan = first[by], after[by], plan[by]
    covered = _latest_before(after, plan)
    sessions = np.maximum(after - np.maximum(first, covered), 0)
    return np.bincount(plan, weights=sessions, minlength=table.n_plans).astype(np.int64)


def _latest_before(after: Numbers64, plan: Numbers64) -> Numbers64:
    """Return for each stretch the latest end of those before it in its plan, 0 for the first."""
    wide = int(after.max(initial=0)) + 1
    latest = np.maximum.accumulate(after + plan * wide) - plan * wide  # whole numbers: nothing is lost
    found = np.concatenate(([0], latest[:-1]))
    found[np.flatnonzero(np.diff(plan, prepend=-1))] = 0
    return found


def _trades(priced: Priced, quantity: Floats, money: CostModel) -> dict[str, Any]:
    """Return the figures of the trades of each plan, by the name of the field of Sums."""
    table, n = priced.table, priced.table.n_plans
    real = quantity != 0
    plan = np.repeat(np.arange(n), np.diff(table.start))
    closed = np.flatnonzero(real & (priced.reason != HELD))
    pnl, fraction = _results(closed, priced, quantity[closed], money)
    count = np.bincount(plan[closed], minlength=n)

    def summed(values: Floats) -> Floats:
        return _summed(values, count)

    with np.errstate(invalid="ignore"):
        mean = summed(fraction) / np.where(count > 0, count, np.nan)
    return {
        "traded": np.bincount(plan[real], minlength=n),
        "closed": count,
        "won": np.bincount(plan[closed], weights=pnl > 0, minlength=n).astype(np.int64),
        "losers": np.bincount(plan[closed], weights=pnl < 0, minlength=n).astype(np.int64),
        "gained": summed(np.maximum(pnl, 0.0)),
        "lost": summed(np.maximum(-pnl, 0.0)),
        "mean_trade": mean,
        "sd_trade": _spread(fraction, mean, count),
        "median_trade": _medians(fraction, count),
    }


def _results(trade: Numbers64, priced: Priced, quantity: Floats, money: CostModel) -> tuple[Floats, Floats]:
    """Return the P&L of closed trades net of costs, and as a fraction of the value at entry."""
    entry = priced.table.entry[trade]
    paid, got = priced.paid[entry], priced.got[trade]
    rate = money.commission[priced.table.entries.instrument[entry]]
    pnl = quantity * (got - paid) - np.abs(quantity) * (paid + got) * rate
    return pnl, pnl / np.abs(quantity * paid)


def _summed(values: Floats, count: Numbers64) -> Floats:
    """Return the sums of stretches of the given lengths."""
    some = count > 0
    found = np.zeros(len(count))
    if some.any():
        found[some] = np.add.reduceat(values, (np.cumsum(count) - count)[some])
    return found


def _spread(values: Floats, mean: Floats, count: Numbers64) -> Floats:
    """Return the standard deviations (n - 1) of stretches of the given lengths, NaN of those shorter than 2."""
    away = values - np.repeat(mean, count)
    found: Floats = np.sqrt(_summed(away * away, count) / np.where(count > 1, count - 1, np.nan))
    return found


def _medians(values: Floats, count: Numbers64) -> Floats:
    """Return the medians of stretches of the given lengths, NaN of an empty one."""
    found = np.full(len(count), np.nan)
    first = np.cumsum(count) - count
    for size in np.unique(count[count > 0]):
        alike = np.flatnonzero(count == size)
        step = max(1, _CELLS // int(size))
        for part in (alike[k : k + step] for k in range(0, len(alike), step)):
            middle = np.sort(values[first[part, None] + np.arange(size)], axis=1)[:, [(size - 1) // 2, size // 2]]
            found[part] = (middle[:, 0] + middle[:, 1]) / 2
    return found
