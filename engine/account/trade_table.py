"""The planned trades of many plans, or of one block of a sweep, in one table: what they share is stored once."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict, replace
from numpy.typing import NDArray

from datasets.arrays import Flags, Floats
from engine.account.bar_matrix import BarMatrix
from engine.plan.bar_prices import BarPrices, Slot
from engine.plan.plan import NO_TICK, Numbers64, Plan, PlannedTrade
from engine.plan.plan_grid import Block, PlanGrid
from engine.strategy import BeforeVote
from engine.strategy.contract import LEVELS
from engine.strategy.placeholders import Which

Index = NDArray[np.int32]
CELLS = 1 << 15
"""So many days of all accounts are computed together: arrays that fit the processor's cache."""


class TradeTable(Struct, frozen=True, eq=False):
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
    return np.asarray(np.arange(int(counts.sum())) + np.repeat(first - before, counts))


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


class BlockTable(Struct, frozen=True, eq=False, dict=True):
    """Makes the tables of a block's combinations, some at a time."""

    block: Block
    grid: PlanGrid
    matrix: BarMatrix

    def of(self, some: Which) -> TradeTable:
        """Return the trades of some combinations, by their places in the block, each in the order of its plan."""
        rows = self.block.rows[some]
        which = {name: index[rows] for name, index in self.grid.which.items()}
        pieces = [p.of(which, len(rows)) for p in self._pieces]
        if not pieces:
            nothing = np.zeros(0, dtype=np.int64)
            return self.shared.with_trades(np.zeros(len(rows), dtype=np.int64), nothing, nothing, nothing)
        entry, exit_, level, skip = (self._joined([p[k] for p in pieces]) for k in range(4))
        real = ~skip
        return self.shared.with_trades(real.sum(axis=1), entry[real], exit_[real], level[real])

    def _joined(self, pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return arrays of combinations x slots joined in the order of the block's slots."""
        if len(pieces) == 1:
            return pieces[0]
        joined = np.empty((len(pieces[0]), len(self.block.slots)), dtype=pieces[0].dtype)
        for piece, made in zip(self._pieces, pieces, strict=True):
            joined[:, piece.prices.slots] = made
        return joined

    @cached_property
    def events(self) -> dict[str, int]:
        """The number of each event of the block."""
        return {name: n for n, name in enumerate(dict.fromkeys(s.event.event_id for s in self.block.slots))}

    @cached_property
    def _pieces(self) -> list["_Piece"]:
        pieces: list[_Piece] = []
        entries = levels = 0
        for prices in self.block.prices:
            piece = _Piece(prices, self, entries, levels)
            pieces.append(piece)
            entries, levels = entries + piece.entry_tick.size, levels + piece.n_levels
        return pieces

    @cached_property
    def shared(self) -> TradeTable:
        """A table without trades: the entries and levels that all tables of the block share."""
        nothing = asdict(table_of_plans([], self.matrix))
        pieces = [p.shared for p in self._pieces]
        names = ("instrument", "tick", "weight", "event", "after_event", "level_entry", "fractions", "last_row")
        joined = {n: np.concatenate([nothing[n], *(p[n] for p in pieces)], axis=-1) for n in names}
        return TradeTable(**{**nothing, **joined})


class _Piece:
    """The slots of one ``BarPrices`` on the matrix. An entry's number: its place in (values of entry_by x slots)."""

    def __init__(self, prices: BarPrices, table: BlockTable, first_entry: int, first_level: int) -> None:
        self.prices, self._matrix, self._first_entry, self._first_level = prices, table.matrix, first_entry, first_level
        slots = [table.block.slots[n] for n in prices.slots]
        place = {b.symbol: n for n, b in enumerate(self._matrix.bars)}
        self._instrument = np.array([place[s.symbol] for s in slots])
        self._weight = np.array([s.leg.weight for s in slots])
        self._event = np.array([table.events[s.event.event_id] for s in slots])
        self._after_event = np.array([not isinstance(s.leg.entry, BeforeVote) for s in slots])
        base = 2 * self._matrix.base[self._instrument]
        self.entry_tick = prices.entry + base
        self.exit_tick = np.where(prices.exit == NO_TICK, NO_TICK, prices.exit + base)
        self._set_levels(slots[0], table)

    def _set_levels(self, slot: Slot, table: BlockTable) -> None:
        """Set the fractions of the levels, a row for each of ``LEVELS`` and a column a set: the slots' are alike."""
        self._level_by = [slot.places.get(name) for name in LEVELS]
        each = [_distances(by, getattr(slot.leg, n), table) for by, n in zip(self._level_by, LEVELS, strict=True)]
        values, self._number = zip(*each, strict=True)
        self._sizes = [len(v) for v in values]
        fractions: Floats = np.array([grid.ravel() for grid in np.meshgrid(*values, indexing="ij")])
        self._fractions = fractions[:, :0] if np.isnan(fractions).all() else fractions
        self.n_levels = self._fractions.shape[1] * self.entry_tick.size

    def of(self, which: dict[str, Which], n: int) -> tuple[NDArray[Any], ...]:
        """Return entries, exits, levels and what is skipped of some combinations: arrays of combinations x slots."""
        none = np.zeros(n, dtype=np.intp)
        e, x = (none if by is None else which[by] for by in (self.prices.entry_by, self.prices.exit_by))
        many = self.entry_tick.shape[1]
        entry = e[:, None] * many + np.arange(many)
        exit_ = self.exit_tick.reshape(-1, many)[e * self.exit_tick.shape[1] + x]
        level = np.full(entry.shape, -1)
        if self.n_levels:
            sets = [n if by is None else n[which[by]] for by, n in zip(self._level_by, self._number, strict=True)]
            chosen = np.ravel_multi_index(np.broadcast_arrays(none, *sets)[1:], self._sizes)
            level = chosen[:, None] * self.entry_tick.size + entry + self._first_level
        return entry + self._first_entry, exit_, level, self.prices.skip[e, x]

    @property
    def shared(self) -> dict[str, NDArray[Any]]:
        """All entries of these slots, and each set of levels at each entry, searched for up to the last exit there is.

        By the names of the fields of ``TradeTable``.
        """
        shape, n, sets = self.entry_tick.shape, self.entry_tick.size, self._fractions.shape[1]
        none = np.where((self.exit_tick == NO_TICK) & ~self.prices.skip, np.iinfo(np.int64).max, self.exit_tick)
        last = np.minimum(none.max(axis=1, initial=0) >> 1, self._matrix.last_row[self._instrument]).ravel()
        return {
            "instrument": np.broadcast_to(self._instrument, shape).ravel().astype(np.int32),
            "tick": self.entry_tick.ravel(),
            "weight": np.broadcast_to(self._weight, shape).ravel().astype(float),
            "event": np.broadcast_to(self._event, shape).ravel().astype(np.int32),
            "after_event": np.broadcast_to(self._after_event, shape).ravel(),
            "level_entry": np.tile(np.arange(n) + self._first_entry, sets).astype(np.int32),
            "fractions": np.repeat(self._fractions, n, axis=1),
            "last_row": np.tile(last, sets),
        }


def _distances(by: str | None, own: float | None, table: BlockTable) -> tuple[Floats, Which]:
    """Return the distances of a level (NaN: none), and of each value of its parameter the number of its distance."""
    if by is None:
        return np.array([np.nan if own is None else own]), np.zeros(1, dtype=np.intp)
    values = table.grid.combos.axes[by]
    used = np.unique(table.grid.which[by][table.block.rows])
    number = np.zeros(len(values), dtype=np.intp)
    number[used] = np.arange(len(used))
    return np.array([values[u] for u in used], dtype=float), number
