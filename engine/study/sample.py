"""The observations of a study: the closed trades of a strategy, one observation for what overlaps in time.

Trades on several markets after one event, and events whose holding windows overlap, share their days: they are one
observation. Each observation has the returns of the same trades at every other date, so that the real return and the
placebo returns are read from the same vectors.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datasets.arrays import Flags, Floats
from datasets.instants import to_date
from datasets.prices.bars import Bars
from engine.account.records import Trade, overlapping
from engine.plan.plan import PlannedTrade
from engine.statistics.significance import t_by_row
from engine.study.legs import EventLegs, overlaps, place
from engine.study.return_model import CounterfactualReturns, ReturnModel
from engine.study.returns import moved
from engine.study.settings import ESTIMATION, MAX_STOPPED, MIN_CLEAN, EventWindow, Model

LENGTH = ESTIMATION[1] - ESTIMATION[0] + 1
TRADE = "trade"
"""The name of the sample of the trades themselves; another sample has the name of its window."""


class Observation(Struct, frozen=True, eq=False):
    """One independent observation: the events of a group, its row in the reference calendar, and its returns.

    ``net`` is after costs, ``abnormal`` net less expected, ``sd`` the standard deviation from the estimation window:
    all of the equal-weighted mean of its events, an event being the mean of its legs by weight. ``reach`` is the number
    of rows it spans. ``by_row`` are the returns of the same trades at each row of the reference. ``reason`` says why a
    lost observation has no abnormal return. ``held`` are the first and last session whose return each leg earns,
    counted from its row; ``delay`` is how many rows that is after the first session to open after the decision.
    """

    group: int
    events: tuple[str, ...]
    trades: int
    row: int
    reach: int
    began: str
    ended: str
    net: float
    abnormal: float
    sd: float
    by_row: CounterfactualReturns
    reason: str = ""
    held: tuple[tuple[int, int], ...] = ((0, 0),)
    delay: int = 0
    members: tuple[EventLegs, ...] = ()

    @property
    def standardized(self) -> float:
        """The abnormal return over its standard deviation (Boehmer, Musumeci and Poulsen 1991)."""
        return self.abnormal / self.sd


class Sample(Struct, frozen=True, eq=False, dict=True):
    """The observations of a study in order of time. ``usable`` have an abnormal return; ``lost`` have none.

    ``inside`` are the sessions of the reference in event windows, which no estimation window counts. ``window`` is the
    event window; None for the trades themselves. ``stopped`` is the share of the same trades on all dates that a
    stop or target ends.
    """

    reference: Bars
    counterfactual: Model | None
    usable: tuple[Observation, ...]
    lost: tuple[Observation, ...]
    inside: Flags | None = None
    window: EventWindow | None = None
    stopped: float = 0.0

    @property
    def withheld(self) -> str:
        """Why the tests of a mean of zero are withheld; blank where they are not."""
        if self.counterfactual is None:
            return (
                "without a counterfactual the returns include the market's drift; a test of a mean of zero is withheld"
            )
        if self.stopped > MAX_STOPPED:
            return (
                f"a stop or target ends {self.stopped:.0%} of the same trades on all dates: equal returns vary little, "
                "and a test of a mean of zero can reject too often (up to 8 % at 5 %); withheld"
            )
        return ""

    @property
    def name(self) -> str:
        """``trade``, or the window such as ``0:5``."""
        return TRADE if self.window is None else str(self.window)

    @cached_property
    def net(self) -> Floats:
        """Net returns of the usable observations."""
        return np.array([o.net for o in self.usable], dtype=float)

    @cached_property
    def abnormal(self) -> Floats:
        """Abnormal returns of the usable observations."""
        return np.array([o.abnormal for o in self.usable], dtype=float)

    @cached_property
    def standardized(self) -> Floats:
        """Standardized abnormal returns of the usable observations."""
        return np.array([o.standardized for o in self.usable], dtype=float)

    @cached_property
    def t(self) -> float:
        """The t-statistic of the standardized abnormal returns; NaN where there is none."""
        return float(t_by_row(self.standardized[None, :])[0])

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """Rows of the usable observations in the reference calendar."""
        return np.array([o.row for o in self.usable], dtype=np.intp)

    @cached_property
    def clean(self) -> Flags:
        """The sessions of the reference that an estimation window counts."""
        return np.ones(len(self.reference), dtype=bool) if self.inside is None else ~self.inside

    @property
    def n_events(self) -> int:
        """The number of events in the usable observations."""
        return sum(len(o.events) for o in self.usable)


def make_samples(
    pairs: Sequence[tuple[PlannedTrade, Trade]], model: ReturnModel, windows: Sequence[EventWindow]
) -> list[Sample]:
    """Return the sample of the trades, then one of each window, with the same groups of events in all."""
    models = [model, *(model.with_window(w) for w in windows)]
    placed = [place(pairs, m) for m in models]
    groups = grouped(placed, model.episodes)
    return [make_sample(events, m, groups) for events, m in zip(placed, models, strict=True)]


def make_sample(
    events: Sequence[EventLegs], model: ReturnModel, groups: Mapping[str, int] | None = None, *, estimated: bool = True
) -> Sample:
    """Return the observations of events, one for each group of events.

    Args:
        events: with their legs, placed on the reference calendar.
        model: the return model they were placed with.
        groups: the group of each event; by default events whose windows overlap are one group.
        estimated: False where only net returns are read: 0 is expected, with a standard deviation of 1.
    """
    groups = grouped([events], model.episodes) if groups is None else groups
    members: dict[int, list[EventLegs]] = {}
    for event in events:
        members.setdefault(groups[event.event_id], []).append(event)
    made = [_observation(g, members[g], model, estimated) for g in sorted(members)]
    shapes = dict.fromkeys(leg.shape for e in events for leg in e.legs) if model.counterfactual else {}
    return Sample(
        reference=model.reference,
        counterfactual=model.counterfactual,
        usable=tuple(o for o in made if not o.reason),
        lost=tuple(o for o in made if o.reason),
        inside=model.inside[model.reference.symbol],
        window=model.window,
        stopped=sum(map(model.stopped, shapes)) / max(len(shapes), 1),
    )


def grouped(samples: Sequence[Sequence[EventLegs]], episodes: Sequence[Sequence[str]] = ()) -> dict[str, int]:
    """Return the group of each event; events whose windows overlap in any of several samples share a group.

    An event that begins before all events of a group have ended joins it: eight markets on one day are one observation.
    So do the events of one of ``episodes``.
    """
    spans: dict[str, tuple[int, int]] = {}
    for event in (e for events in samples for e in events):
        began, ended = spans.get(event.event_id, event.span)
        spans[event.event_id] = min(began, event.span[0]), max(ended, event.span[1])
    ordered = sorted(spans, key=lambda event_id: (spans[event_id], event_id))
    groups = dict(zip(ordered, overlapping([spans[event_id] for event_id in ordered]), strict=True))
    for episode in episodes:
        joined = {groups[event_id] for event_id in episode if event_id in groups}
        groups = {event_id: min(joined) if group in joined else group for event_id, group in groups.items()}
    return groups


def _observation(group: int, members: list[EventLegs], model: ReturnModel, estimated: bool) -> Observation:
    ref, first = model.reference, min(e.row for e in members)
    by_row = _mean_by_row(members, first, model) if len(members) > 1 else members[0].by_row(model)
    last = int(ref.close_at.searchsorted(max(e.span[1] for e in members)))
    expected, sd = (0.0, 1.0) if first < len(ref) else (np.nan, np.nan)
    if estimated and first < len(ref):
        expected, sd = float(by_row.expected[first]), float(by_row.sd[first])
    net = sum(e.net for e in members) / len(members)
    return Observation(
        group=group,
        events=tuple(e.event_id for e in members),
        trades=sum(len(e.legs) for e in members),
        row=first,
        reach=last - first + 1,
        began=min(e.began for e in members),
        ended=max(e.ended for e in members),
        net=net,
        abnormal=net - expected,
        sd=sd,
        by_row=by_row,
        reason="" if np.isfinite(net - expected) and sd > 0 else _why_lost(members, model),
        held=tuple(span for e in members for span in e.spans(model, first)),
        delay=min(members, key=lambda e: e.row).delay,
        members=tuple(members),
    )


def _mean_by_row(members: Sequence[EventLegs], first: int, model: ReturnModel) -> CounterfactualReturns:
    """Return the mean of several events at each row, each event as many rows after the first as it is."""
    offsets = tuple(e.row - first for e in members)
    sides = np.array([e.side for e in members])
    each = tuple(e.by_row(model) for e in members)
    shared = overlaps([e.span for e in members]) * np.outer(sides, sides)
    return model.cached((each, offsets, shared.tobytes()), lambda: _mean_of(each, offsets, shared))


def _mean_of(each: Sequence[CounterfactualReturns], offsets: Sequence[int], shared: Floats) -> CounterfactualReturns:
    """Return the mean; ``shared`` is the part of their windows a pair has in common, negative on opposite sides."""

    def all_of(name: str) -> Floats:
        return np.array([moved(getattr(r, name), n, beyond=np.nan) for r, n in zip(each, offsets, strict=True)])

    def estimate() -> tuple[Floats, Floats]:
        sds = all_of("sd")
        variance = np.einsum("ir,jr,ij->r", sds, sds, shared) / len(each) ** 2
        return all_of("expected").mean(axis=0), np.sqrt(np.maximum(variance, 0.0))

    return CounterfactualReturns(all_of("net").mean(axis=0), estimate)


def _why_lost(members: list[EventLegs], model: ReturnModel) -> str:
    legs = [(e, leg) for e in members for leg in e.legs]
    for event, leg in legs:
        if np.isnan(model.estimates(leg.shape.instrument).count[leg.row]):
            session = to_date(model.bars[leg.shape.instrument].session[leg.row])
            return (
                f"{event.event_id}: fewer than {MIN_CLEAN} of the {LENGTH} sessions of the estimation window before "
                f"{session} have a return outside every event window"
            )
    if len(legs) > 1 and all(float(model.by_bar(leg.shape).sd[leg.row]) > 0 for _, leg in legs):
        return f"{members[0].event_id}: its legs hedge each other: the remaining return has no spread"
    what = "the benchmark has missing sessions" if model.benchmark is not None else "the returns before it do not vary"
    return f"{members[0].event_id}: {what} in the event window or in the estimation window"
