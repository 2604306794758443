"""The legs of an event: its closed trades as shapes, placed on the reference calendar."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from datasets.errors import UserError
from datasets.instants import to_ns
from datasets.prices.bars import Bars, Flags, Floats
from engine.account.records import Trade
from engine.plan.plan import Plan, PlannedTrade
from engine.strategy import Phase
from engine.study.desk import CounterfactualReturns, ReturnModel
from engine.study.shapes import Rows, Shape, shape_of

BEFORE_ENTRY = 10
"""So many sessions before an entry, at most, are taken to lie in the event's window: those since the decision."""


@dataclass(frozen=True)
class PlacedLeg:
    """One closed trade: its shape, the row of its entry (with a window: of session 0), its weight, its net return."""

    shape: Shape
    row: int
    weight: float
    net: float
    began_at: int
    ended_at: int
    decided_at: int


@dataclass(frozen=True, eq=False)
class EventLegs:
    """The legs of one event; ``row`` is where the event stands in the reference calendar.

    ``waited`` is how many rows that is after the first session to open after the decision. ``net`` is the mean of its
    legs by weight; ``began_at`` and ``ended_at`` are instants (ns), ``began`` and ``ended``
    sessions of the reference.
    """

    event_id: str
    legs: tuple[PlacedLeg, ...]
    row: int
    waited: int
    net: float
    began_at: int
    ended_at: int
    began: str
    ended: str

    def anywhere(self, desk: ReturnModel) -> CounterfactualReturns:
        """Return what the event's legs would have returned together at every row of the reference calendar."""
        places = self._places(desk)
        key = tuple((leg.shape, leg.weight, place) for leg, place in zip(self.legs, places, strict=True))
        return desk.shared(key, lambda: self._together(desk))

    @property
    def side(self) -> int:
        """1 where its legs are long by weight, -1 where short."""
        return 1 if sum(leg.weight * leg.shape.side for leg in self.legs) >= 0 else -1

    def held(self, desk: ReturnModel, origin: int) -> list[tuple[int, int]]:
        """Return the first and last session whose return each leg earns, counted from a row of the reference."""
        return [
            (at + first, at + last)
            for at, (first, last) in (
                (self.row - origin + place, desk.span(leg.shape))
                for leg, place in zip(self.legs, self._places(desk), strict=True)
            )
        ]

    def _places(self, desk: ReturnModel) -> list[int]:
        """Return how many sessions from the event's row, of its own instrument, each leg stands."""
        row = min(self.row, len(desk.reference) - 1)
        return [leg.row - int(desk.base(leg.shape.instrument)[row]) for leg in self.legs]

    def _together(self, desk: ReturnModel) -> CounterfactualReturns:
        moved = [self._leg(leg, desk) for leg in self.legs]
        weights = np.array([leg.weight for leg in self.legs])
        if len(moved) == 1:
            return moved[0]
        net, expected = (np.average([getattr(a, n) for a in moved], axis=0, weights=weights) for n in _MEANS)
        signed = np.array([leg.weight * leg.shape.side for leg in self.legs])
        related = desk.related(leg.shape.instrument for leg in self.legs) * overlaps(self.legs)
        sds = np.array([a.sd for a in moved]) * signed[:, None]
        variance = np.einsum("ir,jr,ij->r", sds, sds, related)
        return CounterfactualReturns(net, expected, np.sqrt(np.maximum(variance, 0.0)) / weights.sum())

    def _leg(self, leg: PlacedLeg, desk: ReturnModel) -> CounterfactualReturns:
        """Return one leg at every row of the reference: as many sessions from it as it truly was."""
        base = desk.base(leg.shape.instrument)
        if self.row >= len(base):
            return desk.anywhere(leg.shape).taken(np.full(len(base), -1))
        rows: Rows = base + (leg.row - base[self.row])
        straight = leg.shape.instrument == desk.reference.symbol and rows[-1] == len(base) - 1
        return desk.anywhere(leg.shape) if straight else desk.anywhere(leg.shape).taken(rows)


_MEANS = ("net", "expected")


def closed_pairs(plan: Plan, trades: Iterable[Trade], bars: dict[str, Bars]) -> list[tuple[PlannedTrade, Trade]]:
    """Return the closed trades of a run, each with its plan.

    Raises:
        UserError: intraday bars, whose sessions have more than one row.
    """
    left: dict[tuple[str, str, int, float | None], list[PlannedTrade]] = {}
    for planned in plan.trades:
        if bars[planned.instrument].intraday:
            raise UserError(f"a study reads daily bars; those of {planned.instrument} are intraday")
        key = (planned.event_id, planned.instrument, planned.entry.at(bars[planned.instrument]), planned.weight)
        left.setdefault(key, []).append(planned)
    pairs = [(left[t.event_id, t.instrument, t.entry_at, t.weight].pop(0), t) for t in trades]
    return [(p, t) for p, t in pairs if t.is_closed and p.exit is not None]


def reference_of(traded: Sequence[str], instruments: Sequence[str]) -> str:
    """Return the instrument traded most often; the first of all among equals."""
    return max(instruments, key=lambda s: (traded.count(s), -instruments.index(s)))


def inside_windows(plan: Plan, bars: Bars) -> Flags:
    """Return which bars lie in an event's window: from the decision (or 10 sessions before the entry) to the exit."""
    inside = np.zeros(len(bars), dtype=bool)
    for trade in plan.trades:
        if trade.instrument == bars.symbol:
            decided = int(np.searchsorted(bars.close_at, to_ns(trade.decided_at), side="right"))
            end = len(bars) if trade.exit is None else trade.exit.bar + 1
            inside[max(decided, trade.entry.bar - BEFORE_ENTRY) : end] = True
    return inside


def place(pairs: Iterable[tuple[PlannedTrade, Trade]], desk: ReturnModel) -> list[EventLegs]:
    """Return the closed trades by event, placed on the reference calendar."""
    by_event: dict[str, list[PlacedLeg]] = {}
    for planned, trade in pairs:
        leg = _trade_leg(planned, trade) if desk.window is None else _window_leg(planned, desk)
        if leg is not None:
            by_event.setdefault(planned.event_id, []).append(leg)
    return [_event(event_id, tuple(legs), desk) for event_id, legs in by_event.items()]


def place_planned(trades: Iterable[PlannedTrade], desk: ReturnModel) -> list[EventLegs]:
    """Return planned trades by event, each with the net return its prices give it; without those never left."""
    by_event: dict[str, list[PlacedLeg]] = {}
    for planned in trades:
        leg = _planned_leg(planned, desk) if planned.exit is not None and planned.instrument in desk.bars else None
        if leg is not None:
            by_event.setdefault(planned.event_id, []).append(leg)
    return [_event(event_id, tuple(legs), desk) for event_id, legs in by_event.items()]


def _planned_leg(planned: PlannedTrade, desk: ReturnModel) -> PlacedLeg | None:
    bars, shape = desk.bars[planned.instrument], shape_of(planned)
    net = float(desk.anywhere(shape).net[planned.entry.bar])
    ends = None if planned.exit is None else planned.exit.at(bars)
    if ends is None or not np.isfinite(net):
        return None
    return PlacedLeg(
        shape, planned.entry.bar, abs(planned.weight), net, planned.entry.at(bars), ends, to_ns(planned.decided_at)
    )


def _trade_leg(planned: PlannedTrade, trade: Trade) -> PlacedLeg:
    weight = abs(planned.weight)
    decided_at = to_ns(planned.decided_at)
    ends = (trade.entry_at, trade.exit_at)
    return PlacedLeg(shape_of(planned), planned.entry.bar, weight, trade.return_, *ends, decided_at)


def _window_leg(planned: PlannedTrade, desk: ReturnModel) -> PlacedLeg | None:
    """Return the window around session 0 in place of a trade; None where it leaves the bars."""
    bars, window = desk.bars[planned.instrument], desk.window
    row = int(np.searchsorted(bars.open_at, to_ns(planned.decided_at), side="right"))
    if window is None or row + window.first < 0 or row + window.last >= len(bars):
        return None
    days = window.last - window.first + 1
    shape = replace(shape_of(planned), entry=Phase.CLOSE, exit=Phase.CLOSE, held=days, stop_loss=None, take_profit=None)
    net = float(desk.anywhere(shape).net[row])
    began, ended = int(bars.open_at[row + window.first]), int(bars.close_at[row + window.last])
    return PlacedLeg(shape, row, abs(planned.weight), net, began, ended, to_ns(planned.decided_at))


class Spanning(Protocol):
    """What begins and ends at an instant (ns)."""

    @property
    def began_at(self) -> int: ...

    @property
    def ended_at(self) -> int: ...


def overlaps(spans: Sequence[Spanning]) -> Floats:
    """Return for each pair the time in common over the root of the product of their lengths; 1 with itself."""
    began, ended = (np.array([getattr(s, n) for s in spans], dtype=np.float64) for n in ("began_at", "ended_at"))
    both = np.minimum.outer(ended, ended) - np.maximum.outer(began, began)
    length = np.maximum(ended - began, 1.0)
    share: Floats = np.clip(both, 0.0, None) / np.sqrt(np.outer(length, length))
    np.fill_diagonal(share, 1.0)
    return share


def _event(event_id: str, legs: tuple[PlacedLeg, ...], desk: ReturnModel) -> EventLegs:
    ref = desk.reference
    began_at, ended_at = min(leg.began_at for leg in legs), max(leg.ended_at for leg in legs)
    stands_at = began_at if desk.window is None else min(_opens(leg, desk) for leg in legs)
    row = int(np.searchsorted(ref.open_at, stands_at, side="left"))
    last = int(np.searchsorted(ref.close_at, ended_at, side="left"))
    decided = int(np.searchsorted(ref.open_at, min(leg.decided_at for leg in legs), side="right"))
    return EventLegs(
        event_id=event_id,
        legs=legs,
        row=row,
        waited=row - decided,
        net=sum(leg.weight * leg.net for leg in legs) / sum(leg.weight for leg in legs),
        began_at=began_at,
        ended_at=ended_at,
        began=str(ref.session[min(row, len(ref) - 1)]),
        ended=str(ref.session[min(last, len(ref) - 1)]),
    )


def _opens(leg: PlacedLeg, desk: ReturnModel) -> int:
    return int(desk.bars[leg.shape.instrument].open_at[leg.row])
