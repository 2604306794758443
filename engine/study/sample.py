"""The observations of a study: a strategy's closed trades, one observation for what overlaps in time.

Trades on several markets after one event, and events whose holding windows overlap, share their days: they are one
observation, never several. Each observation carries what the same trades would have returned at any other date, so that
what happened and what a placebo calendar gives are read from the same vectors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from datasets.instants import to_date
from datasets.prices.bars import Bars, Flags, Floats
from engine.statistics.abnormal import Model
from engine.study.desk import CounterfactualReturns, ReturnModel
from engine.study.expectation import ESTIMATION, MIN_CLEAN
from engine.study.legs import EventLegs, PlacedLeg, overlaps

NOT_ENOUGH = ESTIMATION[1] - ESTIMATION[0] + 1


@dataclass(frozen=True, eq=False)
class Observation:
    """One independent observation: the events of a group, its row in the reference calendar, and what it returned.

    ``net`` is after costs, ``abnormal`` less what was expected without the event, ``sd`` the standard deviation that
    the estimation window gives it: all of the equal-weighted mean of its events, an event being the mean of its legs
    by weight. ``reach`` is how many rows it spans. ``reason`` says why a lost one has no abnormal return. ``held`` are
    the first and last session whose return each leg earns, counted from its row; ``waited`` is how many rows that is
    after the first session to open after the decision.
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
    anywhere: CounterfactualReturns
    reason: str = ""
    held: tuple[tuple[int, int], ...] = ((0, 0),)
    waited: int = 0

    @property
    def standardized(self) -> float:
        """The abnormal return over its standard deviation (Boehmer, Musumeci and Poulsen 1991)."""
        return self.abnormal / self.sd


@dataclass(frozen=True, eq=False)
class Sample:
    """The observations of a study in order of time. ``usable`` have an abnormal return; ``lost`` have none.

    ``inside`` are the sessions of the reference in events' own windows, which no estimation window counts.
    """

    reference: Bars
    model: Model | None
    usable: tuple[Observation, ...]
    lost: tuple[Observation, ...]
    inside: Flags | None = None

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
    def rows(self) -> NDArray[np.intp]:
        """Rows of the usable observations in the reference calendar."""
        return np.array([o.row for o in self.usable], dtype=np.intp)

    @cached_property
    def clean(self) -> Flags:
        """The sessions of the reference that an estimation window counts."""
        return np.ones(len(self.reference), dtype=bool) if self.inside is None else ~self.inside

    @property
    def n_events(self) -> int:
        """How many events stand behind the usable observations."""
        return sum(len(o.events) for o in self.usable)


def make_sample(events: Sequence[EventLegs], desk: ReturnModel, groups: Mapping[str, int] | None = None) -> Sample:
    """Return the observations of events with their legs, one for each group of events.

    Args:
        events: with their legs, placed on the reference calendar.
        desk: what they are reckoned with.
        groups: which events are one observation; those whose windows overlap where none are given.
    """
    groups = grouped([events]) if groups is None else groups
    members: dict[int, list[EventLegs]] = {}
    for event in events:
        members.setdefault(groups[event.event_id], []).append(event)
    made = [_observation(g, members[g], desk) for g in sorted(members)]
    usable = tuple(o for o in made if not o.reason)
    lost = tuple(o for o in made if o.reason)
    return Sample(desk.reference, desk.model, usable, lost, desk.inside[desk.reference.symbol])


def grouped(views: Sequence[Sequence[EventLegs]]) -> dict[str, int]:
    """Return a number for each event, the same for events whose windows overlap in any of several views.

    An event that begins before all of a group have ended joins it: eight markets on one day are one observation.
    """
    spans: dict[str, tuple[int, int]] = {}
    for event in (e for view in views for e in view):
        began, ended = spans.get(event.event_id, (event.began_at, event.ended_at))
        spans[event.event_id] = min(began, event.began_at), max(ended, event.ended_at)
    found: dict[str, int] = {}
    group, end = -1, -(2**63)
    for event_id, (began, ended) in sorted(spans.items(), key=lambda s: (s[1], s[0])):
        group += began >= end
        end = max(end, ended)
        found[event_id] = group
    return found


def _observation(group: int, cluster: list[EventLegs], desk: ReturnModel) -> Observation:
    ref, first = desk.reference, min(e.row for e in cluster)
    anywhere = _together(cluster, first, desk) if len(cluster) > 1 else cluster[0].anywhere(desk)
    ended = max(e.ended_at for e in cluster)
    last = int(np.searchsorted(ref.close_at, ended))
    inside = first < len(ref)
    expected, sd = (float(v[first]) if inside else np.nan for v in (anywhere.expected, anywhere.sd))
    net = sum(e.net for e in cluster) / len(cluster)
    return Observation(
        group=group,
        events=tuple(e.event_id for e in cluster),
        trades=sum(len(e.legs) for e in cluster),
        row=first,
        reach=last - first + 1,
        began=min(e.began for e in cluster),
        ended=max(e.ended for e in cluster),
        net=net,
        abnormal=net - expected,
        sd=sd,
        anywhere=anywhere,
        reason="" if np.isfinite(net - expected) and sd > 0 else _why_lost(cluster, desk),
        held=tuple(span for e in cluster for span in e.held(desk, first)),
        waited=min(cluster, key=lambda e: e.row).waited,
    )


def _together(cluster: Sequence[EventLegs], first: int, desk: ReturnModel) -> CounterfactualReturns:
    offsets = tuple(e.row - first for e in cluster)
    sides = np.array([e.side for e in cluster])
    each, shared = tuple(e.anywhere(desk) for e in cluster), overlaps(cluster) * np.outer(sides, sides)
    return desk.shared((each, offsets, shared.tobytes()), lambda: cluster_anywhere(each, offsets, shared))


def cluster_anywhere(
    each: Sequence[CounterfactualReturns], offsets: Sequence[int], shared: Floats
) -> CounterfactualReturns:
    """Return the mean of several events at any date, each so many rows after the first.

    ``shared`` is the part of their windows that each pair has in common, negative where one is long and one short.
    """
    net, expected = (
        np.mean([ahead(getattr(a, n), o) for a, o in zip(each, offsets, strict=True)], axis=0)
        for n in ("net", "expected")
    )
    sds = np.array([ahead(a.sd, o) for a, o in zip(each, offsets, strict=True)])
    variance = np.einsum("ir,jr,ij->r", sds, sds, shared) / len(each) ** 2
    return CounterfactualReturns(net, expected, np.sqrt(np.maximum(variance, 0.0)))


def ahead(values: Floats, rows: int) -> Floats:
    """Return the values so many rows on, NaN beyond the end."""
    return values if rows == 0 else np.concatenate((values[rows:], np.full(min(rows, len(values)), np.nan)))


def _why_lost(cluster: list[EventLegs], desk: ReturnModel) -> str:
    for event in cluster:
        for leg in event.legs:
            given = desk.estimates(leg.shape.instrument)
            session = to_date(desk.bars[leg.shape.instrument].session[leg.row])
            if np.isnan(given.count[leg.row]):
                return (
                    f"{event.event_id}: fewer than {MIN_CLEAN} of the {NOT_ENOUGH} sessions of the estimation window "
                    f"before {session} have a return outside every event's own window"
                )
    return f"{cluster[0].event_id}: {_what_lacks(cluster, desk)}"


def _what_lacks(cluster: list[EventLegs], desk: ReturnModel) -> str:
    if sum(len(e.legs) for e in cluster) > 1 and all(_spread(leg, desk) > 0 for e in cluster for leg in e.legs):
        return "its legs hedge each other: what is left has no spread"
    what = "the benchmark lacks sessions" if desk.benchmark is not None else "the returns before it do not vary"
    return f"{what} in its window or in the estimation window"


def _spread(leg: PlacedLeg, desk: ReturnModel) -> float:
    return float(desk.anywhere(leg.shape).sd[leg.row])
