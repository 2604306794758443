"""The planned trades of many plans in one table: what they share is held once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.instants import to_datetime
from datasets.prices.bars import Floats
from engine.account.bar_matrix import NO_MOMENT, BarMatrix, Numbers64
from engine.account.records import OPEN_AT_END
from engine.plan.plan import BarPrice, Plan, PlannedTrade
from engine.strategy import Phase

Index = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Entries:
    """Where trades are entered: the instrument's number, the moment on the tape, and the signed weight."""

    instrument: Index
    moment: Numbers64
    weight: Floats


@dataclass(frozen=True, eq=False)
class Levels:
    """Stops and targets to look for: of which entry, as fractions of its price (NaN: none), up to which row."""

    entry: Index
    stop: Floats
    target: Floats
    last_row: Numbers64


@dataclass(frozen=True, eq=False)
class TradeTable:
    """Trades plan by plan, in the order of each plan: those of plan p are ``start[p]`` up to ``start[p + 1]``.

    ``entry`` and ``level`` are numbers in the tables of what trades share (level -1: neither stop nor target);
    ``exit`` is the moment of the planned exit, or NO_MOMENT.
    """

    start: Numbers64
    entry: Index
    exit: Numbers64
    level: Index
    entries: Entries
    levels: Levels

    @property
    def n_plans(self) -> int:
        """How many plans there are."""
        return len(self.start) - 1

    def __len__(self) -> int:
        return len(self.entry)


def spans(first: Numbers64, counts: Numbers64) -> Numbers64:
    """Return the numbers of several stretches one after the other.

    >>> spans(np.array([3, 10]), np.array([2, 3])).tolist()
    [3, 4, 10, 11, 12]
    """
    before = np.cumsum(counts) - counts
    found: Numbers64 = np.arange(int(counts.sum())) + np.repeat(first - before, counts)
    return found


def moment_on(tape: BarMatrix, instrument: int, moment: BarPrice | None) -> int:
    """Return the number of a moment of one instrument on the tape."""
    if moment is None:
        return NO_MOMENT
    return (int(tape.base[instrument]) + moment.bar) * 2 + (moment.phase is Phase.OPEN)


def table_of_plans(plans: Sequence[Plan], tape: BarMatrix) -> TradeTable:
    """Return the trades of plans whose rows refer to the bars of a tape."""
    place = {b.symbol: n for n, b in enumerate(tape.bars)}
    trades = [t for p in plans for t in p.trades]
    where = np.array([place[t.instrument] for t in trades], dtype=np.int32)
    exits = [moment_on(tape, i, t.exit) for i, t in zip(where, trades, strict=True)]
    entries = Entries(
        instrument=where,
        moment=np.array([moment_on(tape, i, t.entry) for i, t in zip(where, trades, strict=True)], dtype=np.int64),
        weight=np.array([t.weight for t in trades], dtype=float),
    )
    counts = [len(p.trades) for p in plans]
    return _with_levels(
        np.concatenate(([0], np.cumsum(counts))), entries, np.array(exits, dtype=np.int64), trades, tape
    )


def _with_levels(
    start: Numbers64, entries: Entries, exits: Numbers64, trades: Sequence[PlannedTrade], tape: BarMatrix
) -> TradeTable:
    own = np.array([n for n, t in enumerate(trades) if t.stop_loss or t.take_profit], dtype=np.int32)
    level = np.full(len(trades), -1, dtype=np.int32)
    level[own] = np.arange(len(own))
    levels = Levels(
        entry=own,
        stop=np.array([np.nan if trades[n].stop_loss is None else trades[n].stop_loss for n in own], dtype=float),
        target=np.array([np.nan if trades[n].take_profit is None else trades[n].take_profit for n in own], dtype=float),
        last_row=np.where(exits[own] >= 0, exits[own] >> 1, tape.last_row[entries.instrument[own]]),
    )
    return TradeTable(start.astype(np.int64), np.arange(len(trades), dtype=np.int32), exits, level, entries, levels)


def plan_of_table(table: TradeTable, tape: BarMatrix, p: int) -> Plan:
    """Return one plan of a table whose trades come of no event: each is decided just before its entry."""
    trades = [_planned(table, tape, n) for n in range(int(table.start[p]), int(table.start[p + 1]))]
    return Plan(tuple(trades), (), tuple(b.symbol for b in tape.bars), len(trades))


def _planned(table: TradeTable, tape: BarMatrix, n: int) -> PlannedTrade:
    entry, level = int(table.entry[n]), int(table.level[n])
    instrument, moment = int(table.entries.instrument[entry]), int(table.entries.moment[entry])
    stop, target = (None if level < 0 or np.isnan(a[level]) else float(a[level]) for a in _distances(table))
    exit_ = int(table.exit[n])
    return PlannedTrade(
        event_id="",
        instrument=tape.bars[instrument].symbol,
        decided_at=to_datetime((int(tape.order[moment]) >> 1) - 1_000),
        weight=float(table.entries.weight[entry]),
        entry=_moment_of(tape, instrument, moment),
        exit=None if exit_ == NO_MOMENT else _moment_of(tape, instrument, exit_),
        exit_reason=OPEN_AT_END if exit_ == NO_MOMENT else "planned",
        stop_loss=stop,
        take_profit=target,
    )


def _distances(table: TradeTable) -> tuple[Floats, Floats]:
    return table.levels.stop, table.levels.target


def _moment_of(tape: BarMatrix, instrument: int, moment: int) -> BarPrice:
    return BarPrice((moment >> 1) - int(tape.base[instrument]), Phase.OPEN if moment & 1 else Phase.CLOSE)
