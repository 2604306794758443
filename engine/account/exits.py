"""Where every trade of a table leaves: one search of the bars serves all trades that share an entry and its levels."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from datasets.prices.bars import Flags, Floats
from engine.account.bar_matrix import NO_MOMENT, BarMatrix, CostModel, Numbers64
from engine.account.trade_table import Entries, Levels, TradeTable, spans

PLANNED, STOPPED, TARGET, HELD = 0, 1, 2, 3
"""Why a trade leaves: as planned, at its stop, at its target, or not at all."""
_FIRST_LOOK, _CELLS = 32, 1 << 16


@dataclass(frozen=True, eq=False)
class Priced:
    """The prices of a table's trades, those of the account apart.

    One value an entry: ``paid`` at it, after slippage. One value a trade: the ``out`` moment (NO_MOMENT: held to the
    end), the price there before (``reference``) and after slippage (``got``), and the reason.
    """

    table: TradeTable
    paid: Floats
    out: Numbers64
    reference: Floats
    got: Floats
    reason: Numbers64


def some_plans(of: Priced, plans: Numbers64) -> Priced:
    """Return the prices of the trades of some plans."""
    counts = of.table.start[plans + 1] - of.table.start[plans]
    trades = spans(of.table.start[plans], counts)
    start = np.concatenate(([0], np.cumsum(counts)))
    table = replace(
        of.table, start=start, entry=of.table.entry[trades], exit=of.table.exit[trades], level=of.table.level[trades]
    )
    return Priced(table, of.paid, of.out[trades], of.reference[trades], of.got[trades], of.reason[trades])


@dataclass(frozen=True, eq=False)
class Hits:
    """Of each pair of levels the moment at which one is reached first (NO_MOMENT: neither), its price and reason."""

    moment: Numbers64
    price: Floats
    reason: Numbers64


Exits = tuple[Numbers64, Floats, Numbers64]
"""Of each trade the moment of its exit, the price there before slippage, and the reason."""


def exits_of(table: TradeTable, tape: BarMatrix, hits: Hits) -> Exits:
    """Return where each trade leaves, the price before slippage, and why: what is reached first, or as planned."""
    out = table.exit.copy()
    reason = np.where(out == NO_MOMENT, HELD, PLANNED)
    ends = tape.last_row[table.entries.instrument[table.entry]] * 2
    reference = tape.price[np.where(out == NO_MOMENT, ends, out)]
    if len(table.levels.entry):
        leaves = _leaves_early(table, hits)
        level = table.level[leaves]
        out[leaves], reason[leaves] = hits.moment[level], hits.reason[level]
        reference[leaves] = hits.price[level]
    return out, reference, reason


@dataclass(frozen=True, eq=False)
class Reached:
    """What tables that share their entries and levels share of their prices: those paid, and where levels are hit."""

    paid: Floats
    hits: Hits


def reached_of(entries: Entries, levels: Levels, tape: BarMatrix, money: CostModel, fast: Any = None) -> Reached:
    """Return the prices paid at entries, and where levels are reached; ``fast`` as in `grid.results_of`."""
    paid = paid_at(entries, tape, money)
    return Reached(paid, hits_of(entries, levels, tape, paid, first_outside if fast is None else fast.first_outside))


def priced(
    table: TradeTable,
    tape: BarMatrix,
    money: CostModel,
    reached: Reached | None = None,
    exits: Callable[[TradeTable, BarMatrix, Hits], Exits] = exits_of,
) -> Priced:
    """Return the prices of all trades of a table.

    Args:
        table: the trades.
        tape: the bars.
        money: the terms on that tape.
        reached: what is known of its entries and levels; None finds it.
        exits: this module's, or the compiled one of ``engine.account.fast``.
    """
    reached = reached_of(table.entries, table.levels, tape, money) if reached is None else reached
    paid = reached.paid
    out, reference, reason = exits(table, tape, reached.hits)
    instrument = table.entries.instrument[table.entry]
    closes = np.where(table.entries.weight[table.entry] > 0, money.sell[instrument], money.buy[instrument])
    return Priced(table, paid, out, reference, reference * closes, reason)


def paid_at(entries: Entries, tape: BarMatrix, money: CostModel) -> Floats:
    """Return the price of each entry after slippage."""
    moved = np.where(entries.weight > 0, money.buy[entries.instrument], money.sell[entries.instrument])
    paid: Floats = tape.price[entries.moment] * moved
    return paid


def _leaves_early(table: TradeTable, hits: Hits) -> Flags:
    """Return which trades meet a level before their planned exit; of one bar, its open comes before what it touches."""
    hit = np.where(table.level >= 0, hits.moment[table.level], NO_MOMENT)
    row, planned = hit >> 1, table.exit >> 1
    before = (row < planned) | ((row == planned) & (table.exit & 1 == 0)) | (table.exit == NO_MOMENT)
    early: Flags = (hit != NO_MOMENT) & before
    return early


Search = Callable[[BarMatrix, Numbers64, Numbers64, Floats, Floats], Numbers64]


def hits_of(entries: Entries, levels: Levels, tape: BarMatrix, paid: Floats, search: Search) -> Hits:
    """Return where each pair of levels is reached. Both in one bar: stopped; an open that has passed one: at the open.

    A level that a bar without a real open lies wholly beyond fills at the bar's close.
    """
    entry = levels.entry
    moment, price = entries.moment[entry], paid[entry]
    sign = np.where(entries.weight[entry] > 0, 1.0, -1.0)
    stop = np.where(np.isnan(levels.stop), -sign * np.inf, price * (1 - sign * levels.stop))
    target = np.where(np.isnan(levels.target), sign * np.inf, price * (1 + sign * levels.target))
    first = (moment >> 1) + (moment & 1 == 0)
    floor, ceiling = np.where(sign > 0, stop, target), np.where(sign > 0, target, stop)
    row = search(tape, first, levels.last_row, floor, ceiling)
    return _told(tape, row, stop=stop, target=target, sign=sign, entered=moment)


def first_outside(tape: BarMatrix, first: Numbers64, last: Numbers64, floor: Floats, ceiling: Floats) -> Numbers64:
    """Return the first row from ``first`` to ``last`` with a low at or below a floor or a high at or above a ceiling.

    -1 where there is none. A few bars are looked at first and then ever more: most levels are reached soon or never.
    """
    found = np.full(len(first), -1, dtype=np.int64)
    left, at, look = np.arange(len(first)), first.copy(), _FIRST_LOOK
    while len(left):
        left = left[at[left] <= last[left]]
        step = max(1, _CELLS // look)
        for part in (left[k : k + step] for k in range(0, len(left), step)):
            rows = at[part, None] + np.arange(look)
            inside = rows <= last[part, None]
            rows = np.minimum(rows, last[part, None])
            outside = inside & ((tape.low[rows] <= floor[part, None]) | (tape.high[rows] >= ceiling[part, None]))
            k = outside.argmax(axis=1)
            found[part] = np.where(outside[np.arange(len(part)), k], at[part] + k, -1)
        at[left] += look
        left, look = left[found[left] < 0], min(look * 2, _CELLS)
    return found


def _told(tape: BarMatrix, row: Numbers64, *, stop: Floats, target: Floats, sign: Floats, entered: Numbers64) -> Hits:
    at = np.maximum(row, 0)
    open_ = tape.open[at]
    counts = tape.has_separate_open[at] & (at * 2 + 1 != entered)  # not the open at which it was entered
    stopped_at_open = sign * (open_ - stop) <= 0
    at_open = counts & (stopped_at_open | (sign * (open_ - target) >= 0))
    high, low, close = tape.high[at], tape.low[at], tape.close[at]
    stopped = np.where(at_open, stopped_at_open, sign * (np.where(sign > 0, low, high) - stop) <= 0)
    level = np.where(stopped, stop, target)
    within = np.where((low <= level) & (level <= high), level, close)
    moment = np.where(row < 0, NO_MOMENT, at * 2 + at_open)
    return Hits(moment, np.where(at_open, open_, within), np.where(stopped, STOPPED, TARGET))
