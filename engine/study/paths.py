"""Abnormal returns session by session around the entry: of each observation, and of placebo dates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.prices.bars import Floats
from engine.study.desk import ReturnModel
from engine.study.expectation import Estimates
from engine.study.legs import EventLegs, PlacedLeg
from engine.study.shapes import Rows, close_returns
from engine.study.views import Drawn

BEFORE, AFTER_AT_LEAST, AFTER_AT_MOST = 10, 10, 60
PATH_BEFORE, PATH_AFTER = 20, 60
BAND_LISTS = 500
BAND = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class AveragePath:
    """Cumulative abnormal returns by session, 0 at the close before the first session held.

    ``sessions`` counts from the first session held, which is 0. ``each`` is observations x sessions, ``mean`` their
    mean; ``low`` and ``high`` hold nine of ten of the means on placebo dates, session by session; None without them.
    NaN where an observation has no such session.
    """

    sessions: NDArray[np.int64]
    each: Floats
    mean: Floats
    low: Floats | None
    high: Floats | None


def event_path(groups: Sequence[Sequence[EventLegs]], desk: ReturnModel, drawn: Drawn | None) -> AveragePath:
    """Return the path of observations, each given by its events, and the band of the placebo dates."""
    longest = max((leg.shape.last for g in groups for e in g for leg in e.legs), default=0)
    sessions = np.arange(-BEFORE, min(max(longest, AFTER_AT_LEAST), AFTER_AT_MOST) + 1)
    each = np.array([cumulated(abnormal_of(g, desk, sessions), sessions) for g in groups])
    band = None if drawn is None else _band(groups, desk, drawn, sessions)
    low, high = (None, None) if band is None else (band[0], band[1])
    return AveragePath(sessions, each, mean_there(each), low, high)


def market_band(
    groups: Sequence[Sequence[EventLegs]], known_at: Mapping[str, int], desk: ReturnModel, drawn: Drawn
) -> list[tuple[int, float, float]]:
    """Return session, 5 % and 95 % quantile of the mean path of the markets on placebo dates, the positions' way.

    Session 0 is the first to close after an event was known, as in ``run.event_paths``; each leg is sent where its
    observation is, as many sessions from it as it truly was. Sessions that some list does not have are left out.

    Args:
        groups: the events of each observation.
        known_at: when each event was known (ns).
        desk: with the bars.
        drawn: the placebo dates.
    """
    sessions = np.arange(-PATH_BEFORE, PATH_AFTER + 1)
    picked = _picked(drawn)
    paths = [
        _market(leg, zero, rows, desk, sessions)
        for n, events in enumerate(groups)
        for leg, zero, rows in _sent(events, known_at, picked[:, n], desk)
    ]
    mean = mean_there(np.array(paths))
    whole = np.isfinite(mean).all(axis=0)
    low, high = np.quantile(mean[:, whole], BAND, axis=0)
    return [(int(s), float(a), float(b)) for s, a, b in zip(sessions[whole], low, high, strict=True)]


def _sent(
    events: Sequence[EventLegs], known_at: Mapping[str, int], rows: Rows, desk: ReturnModel
) -> Iterator[tuple[PlacedLeg, int, Rows]]:
    """Yield each leg, the sessions from its bar to session 0, and its own bars where it is sent to rows."""
    first = min(e.row for e in events)
    for event in events:
        there = np.clip(rows + event.row - first, 0, len(desk.reference) - 1)
        for leg in event.legs:
            bars, base = desk.bars[leg.shape.instrument], desk.base(leg.shape.instrument)
            zero = int(np.searchsorted(bars.close_at, known_at[event.event_id], side="right"))
            yield leg, zero - leg.row, base[there] + (leg.row - int(base[min(event.row, len(base) - 1)]))


def _market(leg: PlacedLeg, zero: int, rows: Rows, desk: ReturnModel, sessions: NDArray[np.int64]) -> Floats:
    close = desk.bars[leg.shape.instrument].close
    at = rows[:, None] + zero + sessions
    before = rows + zero - 1
    inside = (at >= 0) & (at < len(close)) & (before >= 0)[:, None] & (before < len(close))[:, None]
    since = close[np.clip(before, 0, len(close) - 1)][:, None]
    moved: Floats = np.where(inside, leg.shape.side * (close[np.clip(at, 0, len(close) - 1)] / since - 1), np.nan)
    return moved


def _picked(drawn: Drawn) -> Rows:
    rows = drawn.calendars.rows
    picked: Rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), BAND_LISTS)).astype(int)]
    return picked


def mean_there(values: Floats) -> Floats:
    """Return the mean over the first axis of what is there; NaN where nothing is."""
    there = np.isfinite(values)
    count = there.sum(axis=0)
    total = np.where(there, values, 0.0).sum(axis=0)
    mean: Floats = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


def cumulated(abnormal: Floats, sessions: NDArray[np.int64]) -> Floats:
    """Return the running sum along the last axis, 0 at session -1."""
    total = np.cumsum(abnormal, axis=-1)
    before = int(np.flatnonzero(sessions == -1)[0])
    return np.asarray(total - total[..., before : before + 1], dtype=np.float64)


def abnormal_of(events: Sequence[EventLegs], desk: ReturnModel, sessions: NDArray[np.int64]) -> Floats:
    """Return the abnormal return of each session around the entry: the mean of the events, of each its legs."""
    here = [np.array([e.row]) for e in events]
    found: Floats = _together(events, desk, here, sessions)[0]
    return found


def _together(
    events: Sequence[EventLegs], desk: ReturnModel, rows: Sequence[Rows], sessions: NDArray[np.int64]
) -> Floats:
    """Return dates x sessions: the mean of several events, each sent to a row of the reference calendar a date."""
    mean: Floats = np.mean([_event(e, desk, r, sessions) for e, r in zip(events, rows, strict=True)], axis=0)
    return mean


def _event(event: EventLegs, desk: ReturnModel, rows: Rows, sessions: NDArray[np.int64]) -> Floats:
    moved = []
    for leg in event.legs:
        base = desk.base(leg.shape.instrument)
        own = base[np.clip(rows, 0, len(base) - 1)] + (leg.row - base[min(event.row, len(base) - 1)])
        moved.append(_leg(leg, desk, own, sessions))
    found: Floats = np.average(moved, axis=0, weights=[leg.weight for leg in event.legs])
    return found


def _leg(leg: PlacedLeg, desk: ReturnModel, rows: Rows, sessions: NDArray[np.int64]) -> Floats:
    bars = desk.bars[leg.shape.instrument]
    at = rows[:, None] + leg.shape.first + sessions
    inside = (at >= 0) & (at < len(bars))
    at, entry = np.clip(at, 0, len(bars) - 1), np.clip(rows, 0, len(bars) - 1)
    returns = close_returns(bars)[at] - _usual(desk.estimates(bars.symbol), entry, at)
    return np.where(inside, leg.shape.side * returns, np.nan)


def _usual(given: Estimates, entry: Rows, at: Rows) -> Floats:
    if given.model is None:
        return np.zeros(at.shape)
    alpha, beta = given.alpha[entry][:, None], given.beta[entry][:, None]
    usual: Floats = alpha + np.where(beta == 0, 0.0, beta * given.market[at])
    return usual


def _band(
    groups: Sequence[Sequence[EventLegs]], desk: ReturnModel, drawn: Drawn, sessions: NDArray[np.int64]
) -> Floats:
    """Return the 5 % and 95 % quantiles of the mean path over placebo dates."""
    picked = _picked(drawn)
    paths = []
    for n, events in enumerate(groups):
        first = min(e.row for e in events)
        moved = _together(events, desk, [picked[:, n] + (e.row - first) for e in events], sessions)
        paths.append(cumulated(moved, sessions))
    mean = mean_there(np.array(paths))
    whole = np.isfinite(mean).all(axis=1)
    found: Floats = np.quantile(mean[whole], BAND, axis=0) if whole.any() else np.full((2, len(sessions)), np.nan)
    return found
