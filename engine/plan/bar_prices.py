"""Where the legs of a sweep are entered and left, for all delays and holding periods at once.

The rules are those of ``engine.plan.plan``. The common cases are found on arrays; an entry that has to wait, or falls
next to a session for want of bars, and every other kind of leg, is planned by ``engine.plan.plan`` itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Flags
from datasets.events import PoliticalEvent
from datasets.instants import NS_PER_DAY, to_ns
from datasets.prices.bars import Bars
from engine.plan.plan import NO_TICK, Numbers64, PlannedTrade, Skip, close_with_bars, entry_of, plan_leg
from engine.strategy import After, Leg, NextClose, NextOpen, Phase
from engine.strategy.contract import LEVELS
from engine.strategy.gaps import MAX_GAP_DAYS, broken_before
from engine.strategy.market import Market
from engine.strategy.placeholders import leg_key, with_values

Values = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Slot:
    """One leg of one event, and by place the parameters passed on to it; ``leg`` has the values of one combination."""

    symbol: str
    leg: Leg
    event: PoliticalEvent
    decided_at: datetime
    places: dict[str, str]

    @property
    def entry_by(self) -> str | None:
        """The parameter that moves the entry."""
        return self.places.get("delay") or self.places.get("before")

    @property
    def alike_but_for_levels(self) -> Any:
        """All that the planned trades of the slot depend on, except stops and targets."""
        leg = self.leg
        _, weight, entry, exit_, *_ = leg_key(leg)
        moved = (self.entry_by or entry, self.exit_by or exit_, type(leg.entry), type(leg.exit))
        return (self.symbol, self.event.event_id, self.decided_at, weight, *moved, getattr(leg.exit, "at", None))

    @property
    def exit_by(self) -> str | None:
        """The parameter that moves the exit."""
        return self.places.get("sessions")


@dataclass(frozen=True, eq=False)
class BarPrices:
    """Of some slots of a block the prices of entry and exit, numbered on the instrument's own bars.

    ``entry`` is values of ``entry_by`` x slots, ``exit`` and ``skip`` values of ``entry_by`` x of ``exit_by`` x slots
    (one value where nothing moves them).
    """

    slots: NDArray[np.intp]
    entry_by: str | None
    exit_by: str | None
    entry: Numbers64
    exit: Numbers64
    skip: Flags


class BarPriceFinder:
    """Finds prices for the blocks of one sweep; what was found for one block is not looked for again."""

    def __init__(self, market: Market, events: list[PoliticalEvent], values: Mapping[str, Values]) -> None:
        self._market, self._events, self._values = market, events, values
        self._found: dict[Any, tuple[Numbers64, Numbers64, Flags]] = {}
        self._whole: dict[str, _Whole] = {}

    def of(self, slots: Sequence[Slot], instruments: Sequence[str]) -> list[BarPrices]:
        """Return the prices of all slots of a block whose account has certain instruments."""
        end = max((int(self._market.bars(s).close_at[-1]) for s in instruments), default=0)
        groups: dict[Any, list[int]] = {}
        for n, slot in enumerate(slots):
            groups.setdefault(_sort(slot, n), []).append(n)
        return [self._prices(np.array(which), [slots[n] for n in which], end) for which in groups.values()]

    def _prices(self, which: NDArray[np.intp], slots: list[Slot], end: int) -> BarPrices:
        first = slots[0]
        plain = _is_plain(first.leg)
        key = (_sort(first, -1), end, *(_question(s) for s in slots)) if plain else None
        found = self._found.get(key)
        if found is None:
            found = self._plain(slots, end) if plain else self._planned(first, end)
            if plain:
                self._found[key] = found
        return BarPrices(which, first.entry_by, first.exit_by, *found)

    # ---- on arrays -------------------------------------------------------------------------------------------------

    def _plain(self, slots: list[Slot], end: int) -> tuple[Numbers64, Numbers64, Flags]:
        bars = self._market.bars(slots[0].symbol)
        whole = self._whole.setdefault(bars.symbol, _Whole.of(bars))
        delays = self._along(slots[0].entry_by, [s.leg.entry.delay for s in slots])  # type: ignore[union-attr]
        held = self._along(slots[0].exit_by, [s.leg.exit.sessions for s in slots])  # type: ignore[union-attr]
        row, opens, skip = self._entries(slots, delays, whole)
        row, opens = row[:, None, :], opens[:, None, :]
        return row[:, 0] * 2 + opens[:, 0], *_exits(slots[0].leg.exit, row, opens, skip[:, None, :], held, whole, end)

    def _along(self, by: str | None, own: list[int]) -> Numbers64:
        """Return the values of a parameter as a column, or those of the legs as a row."""
        if by is None:
            return np.array([own], dtype=np.int64)
        some = next(v for v in self._values[by] if v is not None)
        return np.array([[some if v is None else v] for v in self._values[by]], dtype=np.int64)

    def _entries(self, slots: list[Slot], delays: Numbers64, whole: "_Whole") -> tuple[Numbers64, Flags, Flags]:
        """Return the bar of each entry (delays x slots), whether it is its open, and whether there is none."""
        bars, phase = whole.bars, Phase.OPEN if type(slots[0].leg.entry) is NextOpen else Phase.CLOSE
        after = np.array([_after(s) for s in slots], dtype=np.int64)
        first = np.searchsorted(bars.open_at if phase is Phase.OPEN else bars.close_at, after, side="right")
        here = np.minimum(first, len(bars) - 1)
        moved = whole.row_of(bars.days.of[here] + delays, phase)
        meant = np.where(delays == 0, np.where(first < len(bars), first, len(bars)), moved)
        odd = (np.maximum(first, meant) >= len(bars)) | whole.odd_between(here, np.minimum(meant, len(bars) - 1))
        odd |= (bars.open_at[here] - after > MAX_GAP_DAYS * NS_PER_DAY) | whole.incomplete[here]
        row = np.minimum(meant, len(bars) - 1)
        opens = bars.has_separate_open[row] if phase is Phase.OPEN else np.zeros(row.shape, dtype=bool)
        skip = np.zeros(row.shape, dtype=bool)
        for e, n in zip(*np.nonzero(odd), strict=True):
            row[e, n], opens[e, n], skip[e, n] = self._odd_entry(slots[n], e, bars)
        return row, opens, skip

    def _odd_entry(self, slot: Slot, e: int, bars: Bars) -> tuple[int, bool, bool]:
        leg = self._leg(slot, e, 0)
        try:
            tick, _ = entry_of(leg.entry, slot.event, slot.decided_at, bars)
        except Skip:
            return 0, False, True
        return tick.bar, tick.phase is Phase.OPEN, False

    # ---- one by one ------------------------------------------------------------------------------------------------

    def _planned(self, slot: Slot, end: int) -> tuple[Numbers64, Numbers64, Flags]:
        shape = tuple(1 if by is None else len(self._values[by]) for by in (slot.entry_by, slot.exit_by))
        entry, exit_ = np.zeros((shape[0], 1), dtype=np.int64), np.full((*shape, 1), NO_TICK)
        skip = np.ones((*shape, 1), dtype=bool)
        bars = self._market.bars(slot.symbol)
        for e, x in np.ndindex(*shape):
            made = plan_leg(self._leg(slot, e, x), slot.event, slot.decided_at, self._market, self._events)
            if isinstance(made, PlannedTrade):
                trade = close_with_bars(made, bars, end)
                entry[e, 0], skip[e, x, 0] = trade.entry.tick, False
                exit_[e, x, 0] = NO_TICK if trade.exit is None else trade.exit.tick
        return entry, exit_, skip

    def _leg(self, slot: Slot, e: int, x: int) -> Leg:
        """Return the leg with one of the values that move its entry, and one of those that move its exit."""
        at = {"delay": e, "before": e, "sessions": x}
        places = {p: n for p, n in slot.places.items() if p in at and self._values[n][at[p]] is not None}
        return with_values(slot.leg, {p: p for p in places}, {p: self._values[n][at[p]] for p, n in places.items()})


def _exits(
    exit_: Any, row: Numbers64, opens: Flags, skip: Flags, held: Numbers64, whole: "_Whole", end: int
) -> tuple[Numbers64, Flags]:
    """Return the prices of exit (delays x holding periods x slots), and which trades are skipped."""
    bars, days = whole.bars, whole.bars.days
    entered = np.where(opens, bars.open_at[row], bars.close_at[row])
    day = days.of[row]
    first = np.where(bars.close_at[days.last[day]] > entered, day, day + 1)
    at_open = exit_.at is Phase.OPEN
    left = whole.row_of(first + (held[None] if len(held) == 1 else held[None, :, :]) - (not at_open), exit_.at)
    never, last = left >= len(bars), len(bars) - 1
    to = np.minimum(left, last)
    instants = bars.open_at if at_open else bars.close_at
    skip = skip | ~never & (instants[to] <= entered) | whole.broken_between(row, to)
    tick = np.where(never, NO_TICK, to * 2 + (bars.has_separate_open[to] & at_open))
    if end - int(bars.close_at[-1]) > MAX_GAP_DAYS * NS_PER_DAY:  # engine.plan.plan.close_with_bars
        tick = np.where(never & (row * 2 + opens != last * 2), last * 2, tick)
    return tick, np.broadcast_to(skip, tick.shape)


@dataclass(frozen=True, eq=False)
class _Whole:
    """Bars, and of each row the number of gaps before it: of those no trade may cross, and of any missing session."""

    bars: Bars
    broken: Numbers64
    gaps: Numbers64
    incomplete: Flags

    @classmethod
    def of(cls, bars: Bars) -> "_Whole":
        incomplete = np.bincount(bars.missing.bar, minlength=len(bars))[: len(bars)] > 0
        return cls(bars, np.cumsum(broken_before(bars)), np.cumsum(incomplete), incomplete)

    def row_of(self, day: Numbers64, phase: Phase) -> Numbers64:
        """Return the row of the open or the close of sessions by their numbers; ``len(bars)`` where there is none."""
        rows = self.bars.days.first if phase is Phase.OPEN else self.bars.days.last
        found: Numbers64 = np.where(day < len(rows), rows[np.minimum(day, len(rows) - 1)], len(self.bars))
        return found

    def broken_between(self, first: Numbers64, last: Numbers64) -> Flags:
        """Return whether a gap that no trade may cross lies between bars."""
        found: Flags = self.broken[last] != self.broken[first]
        return found

    def odd_between(self, first: Numbers64, last: Numbers64) -> Flags:
        """Return whether any session is missing between bars."""
        found: Flags = self.broken_between(first, last) | (self.gaps[last] != self.gaps[first])
        return found


def _is_plain(leg: Leg) -> bool:
    return type(leg.entry) in (NextOpen, NextClose) and type(leg.exit) is After


def _sort(slot: Slot, n: int) -> Any:
    """Return what slots found together have in common; a slot that is not plain has it with none."""
    leg = slot.leg
    if not _is_plain(leg):
        return n
    levels = (slot.places.get(name, getattr(leg, name)) for name in LEVELS)
    return (slot.symbol, type(leg.entry), leg.exit.at, slot.entry_by, slot.exit_by, *levels)  # type: ignore[union-attr]


def _question(slot: Slot) -> Any:
    """Return all that the prices of a plain slot depend on besides its kind."""
    delay = slot.leg.entry.delay if slot.entry_by is None else None  # type: ignore[union-attr]
    held = slot.leg.exit.sessions if slot.exit_by is None else None  # type: ignore[union-attr]
    return _after(slot), delay, held


def _after(slot: Slot) -> int:
    after = slot.leg.entry.after  # type: ignore[union-attr]
    return to_ns(slot.decided_at if after is None else max(slot.decided_at, after))
