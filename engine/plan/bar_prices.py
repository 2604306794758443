"""Where the legs of a sweep are entered and left, for all delays and holding periods at once.

Entries are those of ``engine.plan.plan``, one a delay. The exits after holding periods are found on arrays, by the same
rule; every other kind of leg is planned by ``engine.plan.plan`` itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datasets.arrays import Flags
from datasets.events import PoliticalEvent
from datasets.instants import NS_PER_DAY
from datasets.prices.bars import Bars
from engine.plan.plan import NO_TICK, Numbers64, PlannedTrade, Skip, close_with_bars, entry_of, plan_leg
from engine.strategy import After, Leg, NextClose, NextOpen, Phase
from engine.strategy.contract import LEVELS
from engine.strategy.gaps import MAX_GAP_DAYS, broken_before
from engine.strategy.market import Market
from engine.strategy.placeholders import with_values

Values = tuple[Any, ...]
_MOST_KEPT = 200_000
"""Entries kept from one chunk of a sweep to the next: some 50 MB."""


class Slot(Struct, frozen=True, eq=False):
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
    def exit_by(self) -> str | None:
        """The parameter that moves the exit."""
        return self.places.get("sessions")


class BarPrices(Struct, frozen=True, eq=False):
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
    """Finds prices for the blocks of one sweep; an entry is not looked for again, nor one that was found before."""

    def __init__(
        self, market: Market, events: list[PoliticalEvent], values: Mapping[str, Values], entered: dict[Any, int]
    ) -> None:
        self._market, self._events, self._values = market, events, values
        self._entered = entered
        if len(entered) > _MOST_KEPT:
            entered.clear()

    def of(self, slots: Sequence[Slot], instruments: Sequence[str]) -> list[BarPrices]:
        """Return the prices of all slots of a block whose account has certain instruments."""
        end = max((int(self._market.bars(s).close_at[-1]) for s in instruments), default=0)
        groups: dict[Any, list[int]] = {}
        for n, slot in enumerate(slots):
            groups.setdefault(_sort(slot, n), []).append(n)
        prices = []
        for which in groups.values():
            some = [slots[n] for n in which]
            found = self._plain(some, end) if _is_plain(some[0].leg) else self._planned(some[0], end)
            prices.append(BarPrices(np.array(which), some[0].entry_by, some[0].exit_by, *found))
        return prices

    def _plain(self, slots: list[Slot], end: int) -> tuple[Numbers64, Numbers64, Flags]:
        """Return entries one by one, and the exits of each after all holding periods at once."""
        by, moves, bars = slots[0].exit_by, slots[0].entry_by, self._market.bars(slots[0].symbol)
        delays = (None,) if moves is None else self._values[moves]
        found = np.array([[self._entry(s, delay, bars) for s in slots] for delay in delays])
        skip, ticks = found == NO_TICK, np.maximum(found, 0)
        if by is None:
            held = np.array([[s.leg.exit.sessions for s in slots]])  # type: ignore[union-attr]
        else:
            held = np.array([[1 if v is None else v] for v in self._values[by]])
        return ticks, *_exits(slots[0].leg.exit, ticks[:, None, :], skip[:, None, :], held[None], bars, end)

    def _entry(self, slot: Slot, delay: int | None, bars: Bars) -> int:
        """Return the tick of an entry after so many sessions (None: those of its leg); NO_TICK where there is none."""
        own: Any = slot.leg.entry
        key = (slot.symbol, slot.decided_at, own if delay is None else (type(own), own.after, delay))
        if key not in self._entered:
            entry = own if delay is None else replace(own, delay=delay)
            try:
                self._entered[key] = entry_of(entry, slot.event, slot.decided_at, bars)[0].tick
            except Skip:
                self._entered[key] = NO_TICK
        return self._entered[key]

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


def _exits(exit_: Any, ticks: Numbers64, skip: Flags, held: Numbers64, bars: Bars, end: int) -> tuple[Numbers64, Flags]:
    """Return the prices of exit (delays x holding periods x slots), and which trades are skipped."""
    days, row, opens = bars.days, ticks >> 1, ticks & 1
    entered = np.where(opens, bars.open_at[row], bars.close_at[row])
    day = days.of[row]
    first = np.where(bars.close_at[days.last[day]] > entered, day, day + 1)
    at_open = exit_.at is Phase.OPEN
    rows, instants = (days.first, bars.open_at) if at_open else (days.last, bars.close_at)
    leaves = first + held - (not at_open)
    never, last = leaves >= len(rows), len(bars) - 1
    to = np.where(never, last, rows[np.minimum(leaves, len(rows) - 1)])
    gaps = np.cumsum(broken_before(bars))
    skip = skip | ~never & (instants[to] <= entered) | (gaps[to] != gaps[row])
    tick = np.where(never, NO_TICK, to * 2 + (bars.has_separate_open[to] & at_open))
    if bars.is_settled:
        tick = np.where(to == last, last * 2 + 1, tick)
    elif end - int(bars.close_at[-1]) > MAX_GAP_DAYS * NS_PER_DAY:  # engine.plan.plan.close_with_bars
        tick = np.where(never & (ticks != last * 2), last * 2, tick)
    return tick, np.broadcast_to(skip, tick.shape)


def _is_plain(leg: Leg) -> bool:
    return type(leg.entry) in (NextOpen, NextClose) and type(leg.exit) is After


def _sort(slot: Slot, n: int) -> Any:
    """Return what slots found together have in common; a slot that is not plain has it with none."""
    leg = slot.leg
    if not _is_plain(leg):
        return n
    levels = (slot.places.get(name, getattr(leg, name)) for name in LEVELS)
    return (slot.symbol, type(leg.entry), leg.exit.at, slot.entry_by, slot.exit_by, *levels)  # type: ignore[union-attr]
