"""The accounts and numbers of ``engine.account.grid`` compiled by numba (extra ``fast``): one arithmetic, plan by plan.

This module is imported only where the work repays the loading of numba. What it compiles is cached on disk. It is held
to ``engine.account.accounts``, ``engine.account.exits``, ``engine.account.numbers`` and ``engine.account.windows`` by
tests/engine/test_grid.py and test_grid_plan.py, over random plans.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from datasets.prices.bars import Floats
from engine.account.accounts import Steps
from engine.account.bar_matrix import NO_MOMENT, BarMatrix, CostModel, Numbers64
from engine.account.exits import HELD, Hits, Priced, Reached
from engine.account.grid_table import Lines
from engine.account.numbers import Calm, Daily
from engine.account.sizing import SMALLEST_SCALE
from engine.account.trade_table import Entries, TradeTable
from engine.account.windows import Course, Factors, Outline, Windows, shares_of
from engine.plan.costs import MAINTENANCE

compiled: Callable[..., Any] = njit(cache=True, nogil=True, error_model="numpy")
THREADED_ABOVE = 10_000_000
"""So many nanoseconds of work, guessed, are shared out to threads."""
_HELD, _NONE, _SCALE, _MAINTENANCE = HELD, NO_MOMENT, SMALLEST_SCALE, MAINTENANCE


def in_threads(kernel: Callable[..., None], n: int, *given: Any, cost_ns: float) -> None:
    """Run a kernel over the plans 0 to n, shared out to threads where the work is worth it.

    A plan's results hang on nothing of other plans: the number of threads changes no byte.
    """
    workers = min(os.cpu_count() or 1, n)
    if cost_ns < THREADED_ABOVE or workers < 2:
        kernel(0, n, *given)
        return
    edges = np.linspace(0, n, 4 * workers + 1).astype(np.int64)
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(kernel, int(a), int(b), *given) for a, b in pairwise(edges)]:
            done.result()


# ---- where trades leave ----------------------------------------------------------------------------------------------


def exits(table: TradeTable, tape: BarMatrix, hits: Hits) -> tuple[Numbers64, Floats, Numbers64]:
    """Return what ``engine.account.exits`` returns of every trade: the moment, the price and the reason of its exit."""
    n = len(table)
    out, reason, reference = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n)
    ends = tape.last_row[table.entries.instrument] * 2
    given = (table.entry, table.exit, table.level, ends, hits.moment, hits.price, hits.reason, tape.price)
    in_threads(_exits, n, *given, out, reference, reason, cost_ns=10.0 * n)
    return out, reference, reason


def first_outside(tape: BarMatrix, first: Numbers64, last: Numbers64, floor: Floats, ceiling: Floats) -> Numbers64:
    """Return what ``engine.account.exits.first_outside`` returns."""
    found = np.empty(len(first), np.int64)
    in_threads(
        _first_outside, len(first), first, last, floor, ceiling, tape.low, tape.high, found, cost_ns=50.0 * len(first)
    )
    return found


@compiled
def _first_outside(
    begin: int, end: int, first: Any, last: Any, floor: Any, ceiling: Any, low: Any, high: Any, found: Any
) -> None:
    for n in range(begin, end):
        found[n] = -1
        for row in range(first[n], last[n] + 1):
            if low[row] <= floor[n] or high[row] >= ceiling[n]:
                found[n] = row
                break


@compiled
def _exits(
    first: int,
    last: int,
    entry: Any,
    planned: Any,
    level: Any,
    ends: Any,
    hit: Any,
    hit_price: Any,
    hit_reason: Any,
    price: Any,
    out: Any,
    reference: Any,
    reason: Any,
) -> None:
    for t in range(first, last):
        exit_, at = planned[t], level[t]
        touched = hit[at] if at >= 0 else _NONE
        row, meant = touched >> 1, exit_ >> 1
        early = exit_ == _NONE or row < meant or (row == meant and exit_ & 1 == 0)
        if touched != _NONE and early:
            out[t], reference[t], reason[t] = touched, hit_price[at], hit_reason[at]
        elif exit_ == _NONE:
            out[t], reference[t], reason[t] = _NONE, price[ends[entry[t]]], _HELD
        else:
            out[t], reference[t], reason[t] = exit_, price[exit_], 0


# ---- accounts whose trades share no day ------------------------------------------------------------------------------


def finals_apart(table: TradeTable, tape: BarMatrix, money: CostModel, reached: Reached) -> tuple[Floats, Any]:
    """Return the final equity of each plan, and whether it is right: whether its trades share no day."""
    n, given = table.n_plans, (table.start, table.entry, table.exit, table.level)
    arrays = _known_of(table.entries, tape, money, reached)
    final, apart = np.empty(n), np.empty(n, dtype=bool)
    in_threads(_finals_apart, n, *given, arrays, money.terms.cash, final, apart, cost_ns=12.0 * len(table))
    return final, apart


def finals_of_lines(
    lines: Lines, entries: Entries, tape: BarMatrix, money: CostModel, reached: Reached
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the same of trades that are not written out."""
    n, given = len(lines.entry), (lines.exits, lines.entry, lines.exit, lines.level)
    arrays = _known_of(entries, tape, money, reached)
    final, apart = np.empty(n), np.empty(n, dtype=bool)
    cost = 10.0 * n * lines.exits.shape[1]
    in_threads(_finals_of_lines, n, *given, arrays, money.terms.cash, final, apart, cost_ns=cost)
    return final, apart


def _known_of(entries: Entries, tape: BarMatrix, money: CostModel, reached: Reached) -> "_Known":
    hits, shares = reached.hits, shares_of(entries, reached.paid, tape, money)
    ends = tape.last_row[entries.instrument] * 2
    return _Known(
        tape.n_days, hits.moment, hits.price, ends, tape.price, tape.day,
        shares.size, shares.rest, shares.rate, shares.closing, shares.first_day,
    )  # fmt: skip


class _Known(NamedTuple):
    n_days: int
    hit: Any
    hit_price: Any
    ends: Any
    price: Any
    day: Any
    size: Any
    rest: Any
    rate: Any
    closing: Any
    first_day: Any


@njit(inline="always")
def _factor(a: Any, entry: int, exit_: int, at: int) -> tuple[int, float]:
    """Return the day of a trade's exit, and what the trade does to equity."""
    touched = a.hit[at] if at >= 0 else _NONE
    row, meant = touched >> 1, exit_ >> 1
    early = touched != _NONE and (exit_ == _NONE or row < meant or (row == meant and exit_ & 1 == 0))
    size = a.size[entry]
    if not early and exit_ == _NONE:
        return a.n_days, a.rest[entry] + size * a.price[a.ends[entry]]
    got = (a.hit_price[at] if early else a.price[exit_]) * a.closing[entry]
    day = a.day[touched if early else exit_]
    return day, a.rest[entry] + size * got - abs(size) * a.rate[entry] * got


@compiled
def _finals_apart(
    first: int, last: int, start: Any, entry: Any, planned: Any, level: Any, a: Any, cash: float, final: Any, apart: Any
) -> None:
    for p in range(first, last):
        equity, ended, right = cash, -1, True
        for t in range(start[p], start[p + 1]):
            day, factor = _factor(a, entry[t], planned[t], level[t])
            begun = a.first_day[entry[t]]
            right = right and begun > ended and day > begun and factor > 0
            ended = day
            equity *= factor
        final[p], apart[p] = equity, right


@compiled
def _finals_of_lines(
    first: int, last: int, exits: Any, entry: Any, line: Any, level: Any, a: Any, cash: float, final: Any, apart: Any
) -> None:
    for p in range(first, last):
        equity, ended, right = cash, -1, True
        for s in range(exits.shape[1]):
            day, factor = _factor(a, entry[p] + s, exits[line[p], s], level[p] + s if level[p] >= 0 else -1)
            begun = a.first_day[entry[p] + s]
            right = right and begun > ended and day > begun and factor > 0
            ended = day
            equity *= factor
        final[p], apart[p] = equity, right


def courses(factors: Factors, money: CostModel) -> Course:
    """Return what ``engine.account.windows.courses_of`` returns of all plans of a table."""
    start, n = factors.priced.table.start, factors.priced.table.n_plans
    before, final = np.empty(len(factors.factor)), np.empty(n)
    in_threads(_courses, n, start, factors.factor, money.terms.cash, before, final, cost_ns=2.0 * len(before))
    return Course(before, final)


@compiled
def _courses(first: int, last: int, start: Any, factor: Any, cash: float, before: Any, final: Any) -> None:
    for p in range(first, last):
        equity = cash
        for t in range(start[p], start[p + 1]):
            before[t] = equity
            equity *= factor[t]
        final[p] = equity


def outline(course: Course, factors: Factors, windows: Windows, money: CostModel) -> Outline:
    """Return what ``engine.account.windows.outline_of`` returns of all plans of a table."""
    table, n = factors.priced.table, factors.priced.table.n_plans
    found = np.empty((4, n))
    arrays = _Outlined(
        table.start, table.entry, factors.first_day, factors.last_day, factors.factor, factors.priced.reason,
        windows.begin, windows.equity, windows.plain, windows.square, windows.loss, windows.high, windows.low,
        windows.below, course.before,
    )  # fmt: skip
    in_threads(_outline, n, arrays, money.terms.cash, found, cost_ns=30.0 * len(factors.factor))
    return Outline(found[0], found[1], found[2], found[3])


class _Outlined(NamedTuple):
    start: Any
    entry: Any
    first_day: Any
    last_day: Any
    factor: Any
    reason: Any
    begin: Any
    equity: Any
    plain: Any
    square: Any
    loss: Any
    high: Any
    low: Any
    below: Any
    before: Any


@compiled
def _outline(first: int, last: int, a: Any, cash: float, found: Any) -> None:
    for p in range(first, last):
        plain = square = loss = 0.0
        peak, below = cash, 1.0
        for t in range(a.start[p], a.start[p + 1]):
            entry = a.entry[t]
            k = a.begin[entry] + a.last_day[t] - a.first_day[entry] - 1
            leaving = 0.0 if a.reason[t] == _HELD else a.factor[t] / a.equity[k] - 1
            losing = min(leaving, 0.0)
            plain += a.plain[k] + leaving
            square += a.square[k] + leaving * leaving
            loss += a.loss[k] + losing * losing
            below = min(below, a.before[t] * a.low[k] / peak, a.below[k])
            peak = max(peak, a.before[t] * a.high[k])
            after = a.before[t] * a.factor[t]
            below = min(below, after / peak)
            peak = max(peak, after)
        found[0, p], found[1, p], found[2, p], found[3, p] = plain, square, loss, min(below - 1, 0.0)


# ---- all other accounts, day by day ----------------------------------------------------------------------------------


class Walked(NamedTuple):
    """What a walk leaves: the quantity of each trade as in ``Settled``, and one value a plan as in ``Daily``."""

    quantity: Floats
    final: Floats
    plain: Floats
    square: Floats
    loss: Floats
    below: Floats
    called: Any
    lost: Any


class _Market(NamedTuple):
    base: Any
    open_at: Any
    close_at: Any
    has_separate_open: Any
    price: Any
    marks: Any


class _Plans(NamedTuple):
    start: Any
    trade: Any
    opens: Any
    day: Any
    leads: Any
    wanted: Any
    order: Any
    entry: Any
    got: Any
    reason: Any
    instrument: Any
    weight: Any
    paid: Any


class _Terms(NamedTuple):
    cash: float
    max_gross: float
    commission: Any
    lot: Any
    earned: Any
    lent: Any
    grown: Any
    rate: float
    plain: Any
    square: Any
    loss: Any


def walk(priced: Priced, steps: Steps, tape: BarMatrix, money: CostModel) -> Walked:
    """Return the accounts of all plans of a table, shorts that pay interest included."""
    table, n = priced.table, priced.table.n_plans
    calm = Calm(tape, money)
    entries = table.entries
    plans = _Plans(
        steps.start, steps.trade, steps.opens, steps.day, steps.leads, steps.wanted,
        tape.order[entries.moment], table.entry, priced.got, priced.reason,
        entries.instrument, entries.weight, priced.paid,
    )  # fmt: skip
    market = _Market(tape.base, tape.open_at, tape.close_at, tape.has_separate_open, tape.price, tape.marks)
    sums = [_running(calm.powered(name)) for name in ("plain", "square", "loss")]
    terms = _Terms(
        money.terms.cash, money.terms.max_gross, money.commission, money.lot, money.earned, money.lent, money.grown,
        calm.rate, *sums,
    )  # fmt: skip
    floats = [np.zeros(n) for _ in range(5)]
    flags = [np.zeros(n, dtype=bool) for _ in range(2)]
    found = Walked(np.zeros(len(table)), floats[0], floats[1], floats[2], floats[3], floats[4], flags[0], flags[1])
    held_days = float(np.sum(np.where(steps.opens, -1, 1) * steps.day))
    in_threads(_walk, n, plans, market, terms, found, cost_ns=10.0 * held_days)
    return found


def _running(values: Floats) -> Floats:
    return np.concatenate(([0.0], np.cumsum(values)))


CASH, IDLE, SHORT, EQUITY, PEAK, BELOW, PLAIN, SQUARE, LOSS, FLAT, CALLED, LOST = range(12)
"""Places in the state of one account: cash; what was idle, lent to it and equity at the last mark; highest equity and
deepest share of it; the three sums; whether it held nothing at the last mark; whether it was called, or lost."""


@compiled
def _walk(first: int, last: int, plans: Any, market: Any, terms: Any, found: Any) -> None:
    for p in range(first, last):
        begin, end = plans.start[p], plans.start[p + 1]
        held, quantity = np.empty((end - begin) // 2, np.int64), np.empty((end - begin) // 2)
        state = np.zeros(12)
        state[CASH] = state[IDLE] = state[EQUITY] = state[PEAK] = terms.cash
        state[BELOW] = state[FLAT] = 1.0
        n_held, day, equity, scale = 0, 0, 0.0, 0.0
        for s in range(begin, end):
            if plans.day[s] > day:
                _days(day, plans.day[s], held, quantity, n_held, market.marks, terms, state)
                day = plans.day[s]
            t = plans.trade[s]
            entry = plans.entry[t]
            instrument = plans.instrument[entry]
            if not plans.opens[s]:
                if plans.reason[t] != _HELD and found.quantity[t] != 0.0:
                    n_held = _drop(instrument, found.quantity[t], held, quantity, n_held)
                    value = -found.quantity[t] * plans.got[t]
                    state[CASH] -= value + abs(value) * terms.commission[instrument]
                continue
            if plans.leads[s]:
                net, gross = _worth(plans.order[entry], held, quantity, n_held, market)
                equity = state[CASH] + net
                wanted = plans.wanted[s] * equity
                scale = min(1.0, (terms.max_gross * equity - gross) / wanted) if wanted > 0 else 0.0
            size = _size(abs(plans.weight[entry]) * equity * scale / plans.paid[entry], scale, terms.lot[instrument])
            if size > 0:
                found.quantity[t] = size if plans.weight[entry] > 0 else -size
                held[n_held], quantity[n_held] = instrument, found.quantity[t]
                n_held += 1
                value = found.quantity[t] * plans.paid[entry]
                state[CASH] -= value + abs(value) * terms.commission[instrument]
        _days(day, len(terms.earned), held, quantity, n_held, market.marks, terms, state)
        found.final[p], found.below[p] = state[EQUITY], min(state[BELOW] - 1, 0.0)
        found.plain[p], found.square[p], found.loss[p] = state[PLAIN], state[SQUARE], state[LOSS]
        found.called[p], found.lost[p] = state[CALLED] > 0, state[LOST] > 0


@compiled
def _size(quantity: float, scale: float, lot: float) -> float:
    """Return whole lots of a quantity, 0 where the exposure limit leaves next to nothing."""
    if lot > 0:
        quantity = np.floor(quantity / lot + 1e-9) * lot
    return quantity if scale >= _SCALE and quantity > 0 else 0.0


@compiled
def _drop(instrument: int, size: float, held: Any, quantity: Any, n_held: int) -> int:
    """Take a position out of those held, in whose order it may be any, and return how many are left."""
    for k in range(n_held):
        if held[k] == instrument and quantity[k] == size:
            held[k : n_held - 1] = held[k + 1 : n_held].copy()
            quantity[k : n_held - 1] = quantity[k + 1 : n_held].copy()
            return n_held - 1
    return n_held


@compiled
def _worth(at: int, held: Any, quantity: Any, n_held: int, market: Any) -> tuple[float, float]:
    """Return the net and the gross value of what is held at a place in time."""
    net = gross = 0.0
    for k in range(n_held):
        value = quantity[k] * _known(held[k], at, market)
        net += value
        gross += abs(value)
    return net, gross


@compiled
def _known(instrument: int, at: int, market: Any) -> Any:
    first, last = market.base[instrument], market.base[instrument + 1]
    closed = np.searchsorted(market.close_at[first:last], at >> 1, side="right") - 1
    if at & 1:
        opened = np.searchsorted(market.open_at[first:last], at >> 1, side="right") - 1
    else:
        opened = np.searchsorted(market.open_at[first:last], at >> 1, side="left") - 1
    if opened > closed and market.has_separate_open[first + opened]:
        return market.price[2 * (first + opened) + 1]
    return market.price[2 * (first + max(closed, 0))]


@compiled
def _days(day: int, until: int, held: Any, quantity: Any, n_held: int, marks: Any, terms: Any, state: Any) -> None:
    """Write the days from one up to another. What holds nothing, and was marked so, is not walked day by day."""
    cash, idle, short, before = state[CASH], state[IDLE], state[SHORT], state[EQUITY]
    peak, below, plain, square, loss = state[PEAK], state[BELOW], state[PLAIN], state[SQUARE], state[LOSS]
    flat, off = state[FLAT] > 0, 1.0 + terms.rate
    while day < until:
        if n_held == 0 and flat and cash == before:
            cash *= terms.grown[until] / terms.grown[day]
            plain += terms.plain[until] - terms.plain[day]
            square += terms.square[until] - terms.square[day]
            loss += terms.loss[until] - terms.loss[day]
            below, peak, idle, short, before = min(below, cash / peak), max(peak, cash), cash, 0.0, cash
            break
        cash += idle * terms.earned[day] - short * terms.lent[day]
        net = gross = 0.0
        for k in range(n_held):
            value = quantity[k] * marks[held[k], day]
            net += value
            gross += abs(value)
        equity = cash + net
        if equity <= 0 or before <= 0:
            state[LOST] = 1.0
        if gross > 0 and equity < _MAINTENANCE * gross:
            state[CALLED] = 1.0
        excess = equity / before - off
        low = min(excess, 0.0)
        plain += excess
        square += excess * excess
        loss += low * low
        below, peak = min(below, equity / peak), max(peak, equity)
        idle, short, before, flat = equity - gross, (gross - net) / 2, equity, n_held == 0
        day += 1
    state[CASH], state[IDLE], state[SHORT], state[EQUITY] = cash, idle, short, before
    state[PEAK], state[BELOW], state[PLAIN], state[SQUARE], state[LOSS] = peak, below, plain, square, loss
    state[FLAT] = 1.0 if flat else 0.0


def daily(walked: Walked) -> Daily:
    """Return the sums over the days of all accounts walked."""
    return Daily(walked.plain, walked.square, walked.loss, walked.below, walked.called, walked.lost)
