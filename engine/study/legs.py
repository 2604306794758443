"""The legs of an event: its closed trades as shapes, placed on the reference calendar."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.arrays import Flags, Floats
from datasets.errors import UserError
from datasets.instants import to_ns
from datasets.prices.bars import Bars
from engine.account.records import Trade
from engine.plan.costs import Terms
from engine.plan.plan import Plan, PlannedTrade
from engine.strategy import Phase
from engine.study.return_model import CounterfactualReturns, ReturnModel
from engine.study.returns import Rows
from engine.study.settings import Anchor, Model
from engine.study.shapes import Shape, shape_of

BEFORE_ENTRY = 10
"""An event window begins at the decision, but at most so many sessions before the entry."""


class PlacedLeg(Struct, frozen=True):
    """One closed trade: its shape, the row of its entry (with a window: of session 0), its net return.

    ``weight`` is its share of the value of its event's legs at entry; ``span`` are the instants (ns) at which it
    begins and ends.
    """

    shape: Shape
    row: int
    weight: float
    net: float
    span: tuple[int, int]
    decided_at: int


class EventLegs(Struct, frozen=True, eq=False):
    """The legs of one event; ``row`` is the place of the event in the reference calendar.

    ``delay`` is how many rows that is after the first session to open after the decision. ``net`` is the mean of its
    legs by weight. ``span`` are the instants (ns) of the first entry and the last exit, ``began`` and ``ended`` their
    sessions of the reference.
    """

    event_id: str
    legs: tuple[PlacedLeg, ...]
    row: int
    delay: int
    net: float
    span: tuple[int, int]
    began: str
    ended: str

    @property
    def side(self) -> int:
        """1 where its legs are long by weight, -1 where short."""
        return 1 if sum(leg.weight * leg.shape.side for leg in self.legs) >= 0 else -1

    def by_row(self, model: ReturnModel) -> CounterfactualReturns:
        """Return what the event's legs return together at each row of the reference calendar."""
        key = tuple((leg.shape, leg.weight, n) for leg, n in zip(self.legs, self._offsets(model), strict=True))
        return model.cached(key, lambda: self._mean_by_row(model))

    def spans(self, model: ReturnModel, origin: int) -> list[tuple[int, int]]:
        """Return the first and last session whose return each leg earns, counted from a row of the reference."""
        starts = (self.row - origin + offset for offset in self._offsets(model))
        earned = (model.span(leg.shape) for leg in self.legs)
        return [(at + first, at + last) for at, (first, last) in zip(starts, earned, strict=True)]

    def bars_of(self, leg: PlacedLeg, rows: Rows, model: ReturnModel) -> Rows:
        """Return a leg's own bars where the event is placed at rows of the reference, as many sessions from each."""
        aligned = model.aligned_rows(leg.shape.instrument)
        last = len(aligned) - 1
        return np.asarray(aligned[np.clip(rows, 0, last)] + (leg.row - aligned[min(self.row, last)]), dtype=np.intp)

    def _offsets(self, model: ReturnModel) -> list[int]:
        """Return how many sessions of its own instrument each leg lies from the event's row."""
        row = min(self.row, len(model.reference) - 1)
        return [leg.row - int(model.aligned_rows(leg.shape.instrument)[row]) for leg in self.legs]

    def _mean_by_row(self, model: ReturnModel) -> CounterfactualReturns:
        each = [self._leg_by_row(leg, model) for leg in self.legs]
        if len(each) == 1:
            return each[0]
        weights = np.array([leg.weight for leg in self.legs])

        def estimate() -> tuple[Floats, Floats]:
            signed, spans = weights * [leg.shape.side for leg in self.legs], [leg.span for leg in self.legs]
            related = model.correlations(leg.shape.instrument for leg in self.legs) * overlaps(spans)
            sds = np.array([r.sd for r in each]) * signed[:, None]
            variance = np.einsum("ir,jr,ij->r", sds, sds, related)
            expected = np.average([r.expected for r in each], axis=0, weights=weights)
            return expected, np.sqrt(np.maximum(variance, 0.0)) / weights.sum()

        return CounterfactualReturns(np.average([r.net for r in each], axis=0, weights=weights), estimate)

    def _leg_by_row(self, leg: PlacedLeg, model: ReturnModel) -> CounterfactualReturns:
        n = len(model.reference)
        if self.row >= n:
            return model.by_bar(leg.shape).at(np.full(n, -1))
        rows = self.bars_of(leg, np.arange(n), model)
        same = leg.shape.instrument == model.reference.symbol and rows[-1] == n - 1
        return model.by_bar(leg.shape) if same else model.by_bar(leg.shape).at(rows)


def closed_pairs(plan: Plan, trades: Iterable[Trade], bars: Mapping[str, Bars]) -> list[tuple[PlannedTrade, Trade]]:
    """Return the closed trades of a run, each with its plan.

    Raises:
        UserError: intraday bars, whose sessions have more than one row.
    """
    planned: dict[tuple[str, str, int, float | None], list[PlannedTrade]] = {}
    for trade in plan.trades:
        if bars[trade.instrument].intraday:
            raise UserError(f"bars of {trade.instrument} are intraday: 'study --instants' compares windows of them")
        key = (trade.event_id, trade.instrument, trade.entry.at(bars[trade.instrument]), trade.weight)
        planned.setdefault(key, []).append(trade)
    pairs = [(planned[t.event_id, t.instrument, t.entry_at, t.weight].pop(0), t) for t in trades]
    return [(p, t) for p, t in pairs if t.is_closed and p.exit is not None]


def return_model_of(
    bars: Mapping[str, Bars],
    trades: Sequence[PlannedTrade],
    terms: Terms,
    *,
    counterfactual: Model | None = None,
    benchmark: Bars | None = None,
) -> ReturnModel:
    """Return the return model of planned trades, the bars of their instruments in the order of the plan.

    The reference is the instrument traded most often, the first of all among equals. Without a counterfactual nothing
    is estimated, and no session is left out.
    """
    traded, instruments = [t.instrument for t in trades], list(bars)
    return ReturnModel(
        bars=bars,
        costs={s: terms.costs(b.instrument) for s, b in bars.items()},
        reference=bars[max(instruments, key=lambda s: (traded.count(s), -instruments.index(s)))],
        inside={s: inside_windows(trades if counterfactual else (), b) for s, b in bars.items()},
        counterfactual=counterfactual,
        benchmark=benchmark,
    )


def inside_windows(trades: Iterable[PlannedTrade], bars: Bars) -> Flags:
    """Return which bars lie in an event window: from the decision (or 10 sessions before the entry) to the exit."""
    inside = np.zeros(len(bars), dtype=bool)
    for trade in trades:
        if trade.instrument == bars.symbol:
            decided = int(np.searchsorted(bars.close_at, to_ns(trade.decided_at), side="right"))
            end = len(bars) if trade.exit is None else trade.exit.bar + 1
            inside[max(decided, trade.entry.bar - BEFORE_ENTRY) : end] = True
    return inside


def place(pairs: Iterable[tuple[PlannedTrade, Trade]], model: ReturnModel) -> list[EventLegs]:
    """Return the closed trades (with a window: the windows) by event, placed on the reference calendar."""
    legs = ((p.event_id, _trade_leg(p, t) if model.window is None else _window_leg(p, model)) for p, t in pairs)
    return _by_event(legs, model)


def place_planned(trades: Iterable[PlannedTrade], model: ReturnModel) -> list[EventLegs]:
    """Return planned trades by event, each with the net return of its prices; trades without an exit are left out."""
    known = (t for t in trades if t.exit is not None and t.instrument in model.bars)
    return _by_event(((t.event_id, _planned_leg(t, model)) for t in known), model)


def _trade_leg(planned: PlannedTrade, trade: Trade) -> PlacedLeg:
    span = (trade.entry_at, trade.exit_at)
    return _leg(planned, shape_of(planned), planned.entry.bar, trade.return_, span, trade.value)


def _planned_leg(planned: PlannedTrade, model: ReturnModel) -> PlacedLeg | None:
    bars, shape = model.bars[planned.instrument], shape_of(planned)
    net = float(model.by_bar(shape).net[planned.entry.bar])
    if planned.exit is None or not np.isfinite(net):
        return None
    return _leg(planned, shape, planned.entry.bar, net, (planned.entry.at(bars), planned.exit.at(bars)))


def _window_leg(planned: PlannedTrade, model: ReturnModel) -> PlacedLeg | None:
    """Return the window around session 0 in place of a trade; None where it leaves the bars."""
    bars, window = model.bars[planned.instrument], model.window
    if window is None:
        return None
    made_at = bars.close_at if window.anchor is Anchor.REACTION else bars.open_at
    row = int(np.searchsorted(made_at, to_ns(planned.decided_at), side="right"))
    if row + window.first < 0 or row + window.last >= len(bars):
        return None
    days = window.last - window.first + 1
    shape = Shape(planned.instrument, 1 if planned.weight > 0 else -1, Phase.CLOSE, Phase.CLOSE, days)
    span = (int(bars.open_at[row + window.first]), int(bars.close_at[row + window.last]))
    return _leg(planned, shape, row, float(model.by_bar(shape).net[row]), span)


def _leg(
    planned: PlannedTrade, shape: Shape, row: int, net: float, span: tuple[int, int], value: float | None = None
) -> PlacedLeg:
    return PlacedLeg(shape, row, value or abs(planned.weight), net, span, to_ns(planned.decided_at))


def _by_event(legs: Iterable[tuple[str, PlacedLeg | None]], model: ReturnModel) -> list[EventLegs]:
    by_event: dict[str, list[PlacedLeg]] = {}
    for event_id, leg in legs:
        if leg is not None:
            by_event.setdefault(event_id, []).append(leg)
    return [_event(event_id, tuple(each), model) for event_id, each in by_event.items()]


def _event(event_id: str, legs: tuple[PlacedLeg, ...], model: ReturnModel) -> EventLegs:
    ref, whole = model.reference, sum(leg.weight for leg in legs)
    legs = tuple(replace(leg, weight=round(leg.weight / whole, 9)) for leg in legs)
    began_at, ended_at = min(leg.span[0] for leg in legs), max(leg.span[1] for leg in legs)
    opens_at = (int(model.bars[leg.shape.instrument].open_at[leg.row]) for leg in legs)
    placed_at = began_at if model.window is None else min(opens_at)
    row = int(ref.open_at.searchsorted(placed_at))
    last = int(ref.close_at.searchsorted(ended_at))
    decided = int(ref.open_at.searchsorted(min(leg.decided_at for leg in legs), side="right"))
    return EventLegs(
        event_id=event_id,
        legs=legs,
        row=row,
        delay=row - decided,
        net=sum(leg.weight * leg.net for leg in legs) / sum(leg.weight for leg in legs),
        span=(began_at, ended_at),
        began=str(ref.session[min(row, len(ref) - 1)]),
        ended=str(ref.session[min(last, len(ref) - 1)]),
    )


def overlaps(spans: Sequence[tuple[int, int]]) -> Floats:
    """Return for each pair of spans the time in common over the root of the product of their lengths; 1 with itself."""
    began, ended = np.array(spans, dtype=np.float64).T
    both = np.minimum.outer(ended, ended) - np.maximum.outer(began, began)
    length = np.maximum(ended - began, 1.0)
    share: Floats = np.clip(both, 0.0, None) / np.sqrt(np.outer(length, length))
    np.fill_diagonal(share, 1.0)
    return share
