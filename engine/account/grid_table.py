"""The trades of one block of a sweep as a table: what combinations share is stored once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Flags, Floats
from engine.account.bar_matrix import BarMatrix
from engine.account.trade_table import Entries, Levels, TradeTable
from engine.plan.bar_prices import BarPrices, Slot
from engine.plan.plan import NO_TICK, Numbers64
from engine.plan.plan_grid import Block
from engine.strategy.combinations import Combinations, Which
from engine.strategy.contract import LEVELS


@dataclass(frozen=True, eq=False)
class BlockTable:
    """Makes the tables of a block's combinations, some at a time."""

    block: Block
    combos: Combinations
    matrix: BarMatrix

    def of(self, some: Which) -> TradeTable:
        """Return the trades of some combinations, by their places in the block, each in the order of its plan."""
        which = {n: c.which[self.block.rows[some]] for n, c in self.combos.columns.items()}
        n = len(self.block.rows[some])
        pieces = [p.of(which, n) for p in self._pieces]
        if not pieces:
            nothing = np.zeros(0, dtype=np.int64)
            return _table(np.zeros(n, dtype=np.int64), nothing, nothing, nothing, self.shared)
        entry, exit_, level, skip = (self._joined([p[k] for p in pieces]) for k in range(4))
        if not skip.any():
            return _table(np.full(n, entry.shape[1]), entry.ravel(), exit_.ravel(), level.ravel(), self.shared)
        real = ~skip
        return _table(real.sum(axis=1), entry[real], exit_[real], level[real], self.shared)

    def _joined(self, pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return arrays of combinations x slots joined in the order of the block's slots."""
        if len(pieces) == 1:
            return pieces[0]
        joined = np.empty((len(pieces[0]), len(self.block.slots)), dtype=pieces[0].dtype)
        for piece, made in zip(self._pieces, pieces, strict=True):
            joined[:, piece.prices.slots] = made
        return joined

    @cached_property
    def _pieces(self) -> list["_Piece"]:
        pieces: list[_Piece] = []
        entries = levels = 0
        for prices in self.block.prices:
            slots = [self.block.slots[n] for n in prices.slots]
            piece = _Piece(prices, slots, self.matrix, self.combos, self.block.rows, entries, levels)
            pieces.append(piece)
            entries, levels = entries + piece.entry_tick.size, levels + piece.n_levels
        return pieces

    @cached_property
    def shared(self) -> tuple[Entries, Levels]:
        """The entries and levels that all tables of the block share."""
        entries, levels = [p.entries for p in self._pieces], [p.levels for p in self._pieces]
        return (
            Entries(
                np.concatenate([np.zeros(0, np.int32), *(e.instrument for e in entries)]),
                np.concatenate([np.zeros(0, np.int64), *(e.tick for e in entries)]),
                np.concatenate([np.zeros(0), *(e.weight for e in entries)]),
            ),
            Levels(
                np.concatenate([np.zeros(0, np.int32), *(v.entry for v in levels)]),
                np.concatenate([np.zeros((len(LEVELS), 0)), *(v.fractions for v in levels)], axis=1),
                np.concatenate([np.zeros(0, np.int64), *(v.last_row for v in levels)]),
            ),
        )


class _Piece:
    """The slots of one ``BarPrices`` on the matrix. An entry's number: its place in (values of entry_by x slots)."""

    def __init__(
        self,
        prices: BarPrices,
        slots: list[Slot],
        matrix: BarMatrix,
        combos: Combinations,
        rows: Which,
        first_entry: int,
        first_level: int,
    ) -> None:
        self.prices, self._matrix, self._first_entry, self._first_level = prices, matrix, first_entry, first_level
        place = {b.symbol: n for n, b in enumerate(matrix.bars)}
        self._instrument = np.array([place[s.symbol] for s in slots])
        self._weight = np.array([s.leg.weight for s in slots])
        base = 2 * matrix.base[self._instrument]
        self.entry_tick = prices.entry + base
        self.exit_tick = np.where(prices.exit == NO_TICK, NO_TICK, prices.exit + base)
        self._skips = bool(prices.skip.any())
        self._sets = _LevelSets(slots, combos, rows)
        self.n_levels = len(self._sets) * self.entry_tick.size

    def of(self, which: dict[str, Which], n: int) -> tuple[NDArray[Any], ...]:
        """Return entries, exits, levels and what is skipped of some combinations: arrays of combinations x slots."""
        none = np.zeros(n, dtype=np.intp)
        e, x = (none if by is None else which[by] for by in (self.prices.entry_by, self.prices.exit_by))
        many = self.entry_tick.shape[1]
        entry = e[:, None] * many + np.arange(many)
        exit_ = self.exit_tick.reshape(-1, many)[e * self.exit_tick.shape[1] + x]
        chosen = self._sets.of(which, n)[:, None]
        level = np.where(chosen >= 0, chosen * self.entry_tick.size + entry + self._first_level, -1)
        skip = self.prices.skip[e, x] if self._skips else np.zeros(entry.shape, dtype=bool)
        return entry + self._first_entry, exit_, level, skip

    @property
    def entries(self) -> Entries:
        """All entries of these slots."""
        shape = self.entry_tick.shape
        instrument, weight = (np.broadcast_to(a, shape).ravel() for a in (self._instrument, self._weight))
        return Entries(instrument.astype(np.int32), self.entry_tick.ravel(), weight.astype(float))

    @property
    def levels(self) -> Levels:
        """Each set of levels, at each entry; searched for up to the last exit there is."""
        none = np.where((self.exit_tick == NO_TICK) & ~self.prices.skip, np.iinfo(np.int64).max, self.exit_tick)
        last = np.minimum(none.max(axis=1, initial=0) >> 1, self._matrix.last_row[self._instrument]).ravel()
        n, sets = self.entry_tick.size, len(self._sets)
        entry = np.tile(np.arange(n) + self._first_entry, sets).astype(np.int32)
        return Levels(entry, np.repeat(self._sets.fractions, n, axis=1), np.tile(last, sets))


class _LevelSets:
    """The sets of stop, target and trailing stop among the combinations of a block, for slots whose levels are alike.

    ``fractions`` has a row for each of ``LEVELS``, and a column a set.
    """

    def __init__(self, slots: list[Slot], combos: Combinations, rows: Which) -> None:
        leg, places = slots[0].leg, slots[0].places
        self._by = [places.get(name) for name in LEVELS]
        values, self._number = [], []
        for by, name in zip(self._by, LEVELS, strict=True):
            own, number = _distances(by, getattr(leg, name), combos, rows)
            values.append(own)
            self._number.append(number)
        self._sizes = [len(v) for v in values]
        self.fractions: Floats = np.array([grid.ravel() for grid in np.meshgrid(*values, indexing="ij")])
        self._none: Flags = np.isnan(self.fractions).sum(axis=0) == len(LEVELS)
        if self._none.all():
            self.fractions = self.fractions[:, :0]

    def __len__(self) -> int:
        return int(self.fractions.shape[1])

    def of(self, which: dict[str, Which], n: int) -> Which:
        """Return the number of each combination's set, -1 where it has no level."""
        if not len(self):
            return np.full(n, -1)
        each = [
            number[which[by]] if by else np.zeros(n, dtype=np.intp)
            for by, number in zip(self._by, self._number, strict=True)
        ]
        chosen = np.ravel_multi_index(each, self._sizes)
        return np.where(self._none[chosen], -1, chosen)


def _distances(by: str | None, own: float | None, combos: Combinations, rows: Which) -> tuple[Floats, Which]:
    """Return the distances of a level (NaN: none), and of each value of its parameter the number of its distance."""
    if by is None:
        return np.array([np.nan if own is None else own]), np.zeros(1, dtype=np.intp)
    column = combos.columns[by]
    used = np.unique(column.which[rows])
    number = np.zeros(len(column.values), dtype=np.intp)
    number[used] = np.arange(len(used))
    return np.array([column.values[u] for u in used], dtype=float), number


def _table(
    counts: Numbers64, entry: Numbers64, exit_: Numbers64, level: Numbers64, shared: tuple[Entries, Levels]
) -> TradeTable:
    start = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return TradeTable(start, entry.astype(np.int32), exit_.astype(np.int64), level.astype(np.int32), *shared)
