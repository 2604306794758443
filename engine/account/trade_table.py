"""The planned trades of many plans in one table: what they share is stored once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Floats
from engine.account.bar_matrix import BarMatrix
from engine.plan.plan import Numbers64, Plan, PlannedTrade
from engine.strategy.contract import LEVELS

Index = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Entries:
    """Where trades are entered: the instrument's number, the tick, and the signed weight."""

    instrument: Index
    tick: Numbers64
    weight: Floats


@dataclass(frozen=True, eq=False)
class Levels:
    """Stops and targets to search for: of which entry, and up to which row.

    ``fractions`` of a price has one row for each of ``LEVELS`` (NaN: none).
    """

    entry: Index
    fractions: Floats
    last_row: Numbers64


@dataclass(frozen=True, eq=False)
class TradeTable:
    """Trades plan by plan, in the order of each plan: those of plan p are ``start[p]`` up to ``start[p + 1]``.

    ``entry`` and ``level`` are numbers in the tables of what trades share (level -1: no stop or target); ``exit`` is
    the tick of the planned exit, or NO_TICK.
    """

    start: Numbers64
    entry: Index
    exit: Numbers64
    level: Index
    entries: Entries
    levels: Levels

    @property
    def n_plans(self) -> int:
        """The number of plans."""
        return len(self.start) - 1

    def __len__(self) -> int:
        return len(self.entry)


def spans(first: Numbers64, counts: Numbers64) -> Numbers64:
    """Return the numbers of several ranges one after the other.

    >>> spans(np.array([3, 10]), np.array([2, 3])).tolist()
    [3, 4, 10, 11, 12]
    """
    before = np.cumsum(counts) - counts
    numbers: Numbers64 = np.arange(int(counts.sum())) + np.repeat(first - before, counts)
    return numbers


def table_of_plans(plans: Sequence[Plan], matrix: BarMatrix) -> TradeTable:
    """Return the trades of plans whose rows refer to the bars of a matrix."""
    place = {b.symbol: n for n, b in enumerate(matrix.bars)}
    trades = [t for p in plans for t in p.trades]
    where = [place[t.instrument] for t in trades]
    entries = Entries(
        instrument=np.array(where, dtype=np.int32),
        tick=np.array([matrix.tick(i, t.entry) for i, t in zip(where, trades, strict=True)], dtype=np.int64),
        weight=np.array([t.weight for t in trades], dtype=float),
    )
    exits = np.array([matrix.tick(i, t.exit) for i, t in zip(where, trades, strict=True)], dtype=np.int64)
    start = np.concatenate(([0], np.cumsum([len(p.trades) for p in plans]))).astype(np.int64)
    own = np.array([n for n, t in enumerate(trades) if any(_levels(t))], dtype=np.int32)
    level = np.full(len(trades), -1, dtype=np.int32)
    level[own] = np.arange(len(own))
    last_row = np.where(exits[own] >= 0, exits[own] >> 1, matrix.last_row[entries.instrument[own]])
    fractions = np.array([_levels(trades[n]) for n in own], dtype=float).reshape(-1, len(LEVELS)).T
    return TradeTable(
        start, np.arange(len(trades), dtype=np.int32), exits, level, entries, Levels(own, fractions, last_row)
    )


def _levels(trade: PlannedTrade) -> list[float | None]:
    return [getattr(trade, name) for name in LEVELS]
