"""The planned trades of many plans in one table: what they share is stored once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Flags, Floats
from engine.account.bar_matrix import BarMatrix
from engine.plan.plan import Numbers64, Plan, PlannedTrade
from engine.strategy.contract import LEVELS

Index = NDArray[np.int32]
CELLS = 1 << 15
"""So many days of all accounts are computed together: arrays that fit the processor's cache."""


@dataclass(frozen=True, eq=False)
class TradeTable:
    """Trades plan by plan, in the order of each plan: those of plan p are ``start[p]`` up to ``start[p + 1]``.

    One value a trade: ``entry`` and ``level`` are numbers of what trades share (level -1: no stop or target); ``exit``
    is the tick of the planned exit, or NO_TICK. One value an entry: the ``instrument``'s number, the ``tick``, and the
    signed ``weight``, the ``event``'s number, and whether it is the first fill ``after_event``. One value a level to
    search for: the entry it belongs to (``level_entry``), the ``last_row`` that is searched, and ``fractions`` of a
    price, with one row for each of ``LEVELS`` (NaN: none).
    """

    start: Numbers64
    entry: Index
    exit: Numbers64
    level: Index
    instrument: Index
    tick: Numbers64
    weight: Floats
    event: Index
    after_event: Flags
    level_entry: Index
    fractions: Floats
    last_row: Numbers64

    @property
    def n_plans(self) -> int:
        """The number of plans."""
        return len(self.start) - 1

    def __len__(self) -> int:
        return len(self.entry)

    def with_trades(self, counts: Numbers64, entry: Any, exit_: Any, level: Any) -> "TradeTable":
        """Return a table of other trades that share the same entries and levels; ``counts`` are those of each plan."""
        start = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        return replace(
            self, start=start, entry=entry.astype(np.int32), exit=exit_.astype(np.int64), level=level.astype(np.int32)
        )


def spans(first: Numbers64, counts: Numbers64) -> Numbers64:
    """Return the numbers of several ranges one after the other.

    >>> spans(np.array([3, 10]), np.array([2, 3])).tolist()
    [3, 4, 10, 11, 12]
    """
    before = np.cumsum(counts) - counts
    numbers: Numbers64 = np.arange(int(counts.sum())) + np.repeat(first - before, counts)
    return numbers


def of_like_size(sizes: Numbers64) -> Iterator[Numbers64]:
    """Yield the places of sizes above 0, those of similar size together, so many that they fill ``CELLS`` cells."""
    by = np.argsort(sizes, kind="stable")
    by = by[sizes[by] > 0]
    at = len(by)
    while at > 0:
        take = max(1, CELLS // int(sizes[by[at - 1]]))
        yield by[max(0, at - take) : at]
        at -= take


def table_of_plans(plans: Sequence[Plan], matrix: BarMatrix) -> TradeTable:
    """Return the trades of plans whose rows refer to the bars of a matrix."""
    place = {b.symbol: n for n, b in enumerate(matrix.bars)}
    trades = [t for p in plans for t in p.trades]
    where = [place[t.instrument] for t in trades]
    events = {name: n for n, name in enumerate(dict.fromkeys(t.event_id for t in trades))}
    exits = np.array([matrix.tick(i, t.exit) for i, t in zip(where, trades, strict=True)], dtype=np.int64)
    own = np.array([n for n, t in enumerate(trades) if any(_levels(t))], dtype=np.int32)
    level = np.full(len(trades), -1, dtype=np.int32)
    level[own] = np.arange(len(own))
    instrument = np.array(where, dtype=np.int32)
    return TradeTable(
        start=np.concatenate(([0], np.cumsum([len(p.trades) for p in plans]))).astype(np.int64),
        entry=np.arange(len(trades), dtype=np.int32),
        exit=exits,
        level=level,
        instrument=instrument,
        tick=np.array([matrix.tick(i, t.entry) for i, t in zip(where, trades, strict=True)], dtype=np.int64),
        weight=np.array([t.weight for t in trades], dtype=float),
        event=np.array([events[t.event_id] for t in trades], dtype=np.int32),
        after_event=np.array([t.after_event for t in trades], dtype=bool),
        level_entry=own,
        fractions=np.array([_levels(trades[n]) for n in own], dtype=float).reshape(-1, len(LEVELS)).T,
        last_row=np.where(exits[own] >= 0, exits[own] >> 1, matrix.last_row[instrument[own]]),
    )


def _levels(trade: PlannedTrade) -> list[float | None]:
    return [getattr(trade, name) for name in LEVELS]
