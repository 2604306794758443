"""The trades of one block of a sweep, or of many calendars, as a table: what combinations share is held once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.prices.bars import Floats
from engine.account.bar_matrix import NO_MOMENT, BarMatrix, Numbers64
from engine.account.trade_table import Entries, Levels, TradeTable
from engine.plan.bar_prices import BarPrices, Slot
from engine.plan.plan_grid import Block
from engine.strategy.combinations import Combinations, Which
from engine.study.shapes import Shape


@dataclass(frozen=True, eq=False)
class Lines:
    """The trades of combinations, not written out: where each combination's entries, exits and levels lie in a row.

    The trade in slot s of combination p has the entry ``entry[p] + s``, the planned exit ``exits[exit[p], s]`` and the
    level ``level[p] + s``, or none where ``level[p]`` is -1.
    """

    exits: NDArray[np.int64]
    entry: Numbers64
    exit: Numbers64
    level: Numbers64


@dataclass(frozen=True, eq=False)
class BlockTable:
    """Makes the tables of a block's combinations, some at a time."""

    block: Block
    combos: Combinations
    tape: BarMatrix

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

    @property
    def lines(self) -> Lines | None:
        """All trades of the block as lines; None where its slots differ in kind, or some trade is left out."""
        if len(self._pieces) != 1:
            return None
        which = {n: c.which[self.block.rows] for n, c in self.combos.columns.items()}
        return self._pieces[0].lines(which, len(self.block.rows))

    def _joined(self, pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return arrays of combinations x slots put together in the order of the block's slots."""
        if len(pieces) == 1:
            return pieces[0]
        found = np.empty((len(pieces[0]), len(self.block.slots)), dtype=pieces[0].dtype)
        for piece, made in zip(self._pieces, pieces, strict=True):
            found[:, piece.moments.slots] = made
        return found

    @cached_property
    def _pieces(self) -> list["_Piece"]:
        found: list[_Piece] = []
        entries = levels = 0
        for moments in self.block.moments:
            slots = [self.block.slots[n] for n in moments.slots]
            piece = _Piece(moments, slots, self.tape, self.combos, self.block.rows, entries, levels)
            found.append(piece)
            entries, levels = entries + piece.entry_moment.size, levels + piece.n_levels
        return found

    @cached_property
    def shared(self) -> tuple[Entries, Levels]:
        """The entries and levels that all tables of the block share."""
        return _joined_entries([p.entries for p in self._pieces]), _joined_levels([p.levels for p in self._pieces])


class _Piece:
    """The slots of one ``BarPrices`` on the tape. An entry's number: its place in (values of entry_by x slots)."""

    def __init__(
        self,
        moments: BarPrices,
        slots: list[Slot],
        tape: BarMatrix,
        combos: Combinations,
        rows: Which,
        first_entry: int,
        first_level: int,
    ) -> None:
        self.moments, self._tape, self._first_entry, self._first_level = moments, tape, first_entry, first_level
        place = {b.symbol: n for n, b in enumerate(tape.bars)}
        self._instrument = np.array([place[s.symbol] for s in slots])
        self._weight = np.array([s.leg.weight for s in slots])
        base = 2 * tape.base[self._instrument]
        self.entry_moment = moments.entry + base
        self.exit_moment = np.where(moments.exit == NO_MOMENT, NO_MOMENT, moments.exit + base)
        self._skips = bool(moments.skip.any())
        self._pairs = _LevelPairs(slots, combos, rows)
        self.n_levels = len(self._pairs) * self.entry_moment.size

    def _places(self, which: dict[str, Which], n: int) -> tuple[Which, Which]:
        """Return the values that place the entries and the exits of some combinations."""
        by_entry, by_exit = self.moments.entry_by, self.moments.exit_by
        nought = np.zeros(n, dtype=np.intp)
        return nought if by_entry is None else which[by_entry], nought if by_exit is None else which[by_exit]

    def of(self, which: dict[str, Which], n: int) -> tuple[NDArray[Any], ...]:
        """Return entries, exits, levels and what is skipped of some combinations: arrays of combinations x slots."""
        e, x = self._places(which, n)
        many = self.entry_moment.shape[1]
        entry = e[:, None] * many + np.arange(many)
        exit_ = self.exit_moment.reshape(-1, many)[e * self.exit_moment.shape[1] + x]
        pair = self._pairs.of(which, n)
        level = np.where(pair[:, None] >= 0, pair[:, None] * self.entry_moment.size + entry + self._first_level, -1)
        skip = self.moments.skip[e, x] if self._skips else np.zeros(entry.shape, dtype=bool)
        return entry + self._first_entry, exit_, level, skip

    def lines(self, which: dict[str, Which], n: int) -> Lines | None:
        """Return the same as lines, where these are all slots there are; None where some trade is left out."""
        if self._skips:
            return None
        e, x = self._places(which, n)
        many = self.entry_moment.shape[1]
        pair = self._pairs.of(which, n)
        level = np.where(pair >= 0, pair * self.entry_moment.size + e * many, -1)
        exits = self.exit_moment.reshape(-1, many)
        return Lines(exits, e * many, e * self.exit_moment.shape[1] + x, level)

    @property
    def entries(self) -> Entries:
        """All entries of these slots."""
        shape = self.entry_moment.shape
        instrument, weight = (np.broadcast_to(a, shape).ravel() for a in (self._instrument, self._weight))
        return Entries(instrument.astype(np.int32), self.entry_moment.ravel(), weight.astype(float))

    @property
    def levels(self) -> Levels:
        """Each pair of stop and target, at each entry; looked for up to the last exit there is."""
        none = np.where((self.exit_moment == NO_MOMENT) & ~self.moments.skip, np.iinfo(np.int64).max, self.exit_moment)
        last = np.minimum(none.max(axis=1, initial=0) >> 1, self._tape.last_row[self._instrument]).ravel()
        n, pairs = self.entry_moment.size, len(self._pairs)
        entry = np.tile(np.arange(n) + self._first_entry, pairs).astype(np.int32)
        stop, target = (np.repeat(v, n) for v in (self._pairs.stop, self._pairs.target))
        return Levels(entry, stop, target, np.tile(last, pairs))


class _LevelPairs:
    """The pairs of stop and target among the combinations of a block, for slots that share where these come from."""

    def __init__(self, slots: list[Slot], combos: Combinations, rows: Which) -> None:
        first = slots[0]
        self._by = tuple(first.places.get(p) for p in ("stop_loss", "take_profit"))
        sides = [
            _side(by, own, combos, rows)
            for by, own in zip(self._by, (first.leg.stop_loss, first.leg.take_profit), strict=True)
        ]
        stop, target = (s.values for s in sides)
        self._number = [s.number for s in sides]
        self.stop, self.target = np.repeat(stop, len(target)), np.tile(target, len(stop))
        self._n_targets = len(target)
        self._none = np.isnan(self.stop) & np.isnan(self.target)
        self._any = not self._none.all()
        if not self._any:
            self.stop = self.target = np.zeros(0)

    def __len__(self) -> int:
        return len(self.stop)

    def of(self, which: dict[str, Which], n: int) -> Which:
        """Return the number of each combination's pair, -1 where it has neither."""
        if not self._any:
            return np.full(n, -1)
        s, t = (
            number[which[by]] if by else np.zeros(n, dtype=np.intp)
            for by, number in zip(self._by, self._number, strict=True)
        )
        pair = s * self._n_targets + t
        return np.where(self._none[pair], -1, pair)


@dataclass(frozen=True, eq=False)
class _Side:
    values: Floats
    number: Which


def _side(by: str | None, own: float | None, combos: Combinations, rows: Which) -> _Side:
    """Return the distances there are, and of each value of the parameter the number of its distance."""
    if by is None:
        return _Side(np.array([np.nan if own is None else own]), np.zeros(1, dtype=np.intp))
    column = combos.columns[by]
    used = np.unique(column.which[rows])
    number = np.zeros(len(column.values), dtype=np.intp)
    number[used] = np.arange(len(used))
    return _Side(np.array([column.values[u] for u in used], dtype=float), number)


def _joined_entries(parts: list[Entries]) -> Entries:
    if len(parts) == 1:
        return parts[0]
    return Entries(
        np.concatenate([np.zeros(0, np.int32), *(p.instrument for p in parts)]),
        np.concatenate([np.zeros(0, np.int64), *(p.moment for p in parts)]),
        np.concatenate([np.zeros(0), *(p.weight for p in parts)]),
    )


def _joined_levels(parts: list[Levels]) -> Levels:
    if len(parts) == 1:
        return parts[0]
    return Levels(
        np.concatenate([np.zeros(0, np.int32), *(p.entry for p in parts)]),
        np.concatenate([np.zeros(0), *(p.stop for p in parts)]),
        np.concatenate([np.zeros(0), *(p.target for p in parts)]),
        np.concatenate([np.zeros(0, np.int64), *(p.last_row for p in parts)]),
    )


def _table(
    counts: Numbers64, entry: Numbers64, exit_: Numbers64, level: Numbers64, shared: tuple[Entries, Levels]
) -> TradeTable:
    start = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return TradeTable(start, entry.astype(np.int32), exit_.astype(np.int64), level.astype(np.int32), *shared)


def calendar_table(tape: BarMatrix, shape: Shape, weight: float, rows: Numbers64) -> TradeTable:
    """Return the trades of many calendars: one plan a line of ``rows``, the bars at which a shape is entered.

    Entries that would not end within the bars, or would be held across a hole, are the caller's to leave out.
    """
    return some_calendars(bar_by_bar(tape, shape, weight), rows)


def bar_by_bar(tape: BarMatrix, shape: Shape, weight: float) -> TradeTable:
    """Return one plan a bar, of the one trade that is entered there: what all calendars of a shape share."""
    bars = tape.bars[0]
    every = np.arange(len(bars))
    opens = bars.has_separate_open & (shape.entry == "open")
    left = np.minimum(every + shape.held, len(bars) - 1)
    exit_ = left * 2 + (bars.has_separate_open[left] & (shape.exit == "open"))
    entries = Entries(np.zeros(len(bars), np.int32), every * 2 + opens, np.full(len(bars), weight * shape.side))
    has = shape.stop_loss is not None or shape.take_profit is not None
    n = len(bars) if has else 0
    stop, target = (np.full(n, np.nan if d is None else d) for d in (shape.stop_loss, shape.take_profit))
    levels = Levels(every[:n].astype(np.int32), stop, target, left[:n])
    level = every if has else np.full(len(bars), -1)
    return _table(np.ones(len(bars), dtype=np.int64), every, exit_, level, (entries, levels))


def some_calendars(once: TradeTable, rows: Numbers64) -> TradeTable:
    """Return the trades of some calendars, of those entered at each bar (``once``)."""
    flat, counts = rows.ravel(), np.full(len(rows), rows.shape[1])
    return _table(counts, flat, once.exit[flat], once.level[flat].astype(np.int64), (once.entries, once.levels))
