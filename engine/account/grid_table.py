"""The trades of one block of a sweep as a table: what combinations share is stored once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Floats
from engine.account.bar_matrix import BarMatrix
from engine.account.trade_table import TradeTable, table_of_plans
from engine.plan.bar_prices import BarPrices
from engine.plan.plan import NO_TICK
from engine.plan.plan_grid import Block, PlanGrid
from engine.strategy import Leg
from engine.strategy.combinations import Which
from engine.strategy.contract import LEVELS


@dataclass(frozen=True, eq=False)
class BlockTable:
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
        nothing = vars(table_of_plans([], self.matrix))
        pieces = [p.shared for p in self._pieces]
        names = ("instrument", "tick", "weight", "level_entry", "fractions", "last_row")
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
        base = 2 * self._matrix.base[self._instrument]
        self.entry_tick = prices.entry + base
        self.exit_tick = np.where(prices.exit == NO_TICK, NO_TICK, prices.exit + base)
        self._sets = _LevelSets(slots[0].leg, slots[0].places, table)
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
        return entry + self._first_entry, exit_, level, self.prices.skip[e, x]

    @property
    def shared(self) -> dict[str, NDArray[Any]]:
        """All entries of these slots, and each set of levels at each entry, searched for up to the last exit there is.

        By the names of the fields of ``TradeTable``.
        """
        shape, n, sets = self.entry_tick.shape, self.entry_tick.size, len(self._sets)
        none = np.where((self.exit_tick == NO_TICK) & ~self.prices.skip, np.iinfo(np.int64).max, self.exit_tick)
        last = np.minimum(none.max(axis=1, initial=0) >> 1, self._matrix.last_row[self._instrument]).ravel()
        return {
            "instrument": np.broadcast_to(self._instrument, shape).ravel().astype(np.int32),
            "tick": self.entry_tick.ravel(),
            "weight": np.broadcast_to(self._weight, shape).ravel().astype(float),
            "level_entry": np.tile(np.arange(n) + self._first_entry, sets).astype(np.int32),
            "fractions": np.repeat(self._sets.fractions, n, axis=1),
            "last_row": np.tile(last, sets),
        }


class _LevelSets:
    """The sets of stop, target and trailing stop among the combinations of a block, for slots whose levels are alike.

    ``fractions`` has a row for each of ``LEVELS``, and a column a set.
    """

    def __init__(self, leg: Leg, places: dict[str, str], table: BlockTable) -> None:
        self._by = [places.get(name) for name in LEVELS]
        each = [_distances(by, getattr(leg, name), table) for by, name in zip(self._by, LEVELS, strict=True)]
        values, self._number = zip(*each, strict=True)
        self._sizes = [len(v) for v in values]
        self.fractions: Floats = np.array([grid.ravel() for grid in np.meshgrid(*values, indexing="ij")])
        if np.isnan(self.fractions).all():
            self.fractions = self.fractions[:, :0]

    def __len__(self) -> int:
        return int(self.fractions.shape[1])

    def of(self, which: dict[str, Which], n: int) -> Which:
        """Return the number of each combination's set, -1 where the slots have no level."""
        if not len(self):
            return np.full(n, -1)
        each = [
            number[which[by]] if by else np.zeros(n, dtype=np.intp)
            for by, number in zip(self._by, self._number, strict=True)
        ]
        return np.ravel_multi_index(each, self._sizes)


def _distances(by: str | None, own: float | None, table: BlockTable) -> tuple[Floats, Which]:
    """Return the distances of a level (NaN: none), and of each value of its parameter the number of its distance."""
    if by is None:
        return np.array([np.nan if own is None else own]), np.zeros(1, dtype=np.intp)
    values = table.grid.combos.axes[by]
    used = np.unique(table.grid.which[by][table.block.rows])
    number = np.zeros(len(values), dtype=np.intp)
    number[used] = np.arange(len(used))
    return np.array([values[u] for u in used], dtype=float), number
