"""Returns session by session around the entry: of each observation, and of the same trades on placebo dates."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datasets.arrays import Floats
from engine.run.event_paths import complete
from engine.study.calendars import Calendars
from engine.study.legs import EventLegs, PlacedLeg
from engine.study.return_model import ReturnModel
from engine.study.returns import Rows, close_returns
from engine.study.sample import Observation, Sample

BEFORE, AFTER_AT_LEAST, AFTER_AT_MOST = 10, 10, 60
PATH_BEFORE, PATH_AFTER = 20, 60
BAND_LISTS = 500
BAND = (0.05, 0.95)


class PathRow(Struct, frozen=True):
    """One session of the mean path of cumulative abnormal returns, 0 being the first session held; fractions.

    ``low`` and ``high`` enclose nine of ten placebo lists; ``each`` is one value an observation.
    """

    session: int
    mean: float | None
    low: float | None
    high: float | None
    each: tuple[float | None, ...]


class BandRow(Struct, frozen=True):
    """One session around the events, 0 the first to close after an event was known: nine of ten placebo means.

    Cumulative returns of the markets in the trades' direction, since the close before session 0; fractions.
    """

    session: int
    low: float
    high: float


def event_path(sample: Sample, model: ReturnModel, made: Calendars | None) -> tuple[PathRow, ...]:
    """Return the path of cumulative abnormal returns, 0 at the close before the first session held, session 0.

    Args:
        sample: of the trades.
        model: the return model they were placed with.
        made: the placebo dates, for the band of nine of ten mean paths; None where there are none.
    """
    if not sample.usable:
        return ()
    longest = max(leg.shape.last for o in sample.usable for e in o.members for leg in e.legs)
    sessions = np.arange(-BEFORE, min(max(longest, AFTER_AT_LEAST), AFTER_AT_MOST) + 1)
    abnormal = (_abnormal_at(o, np.array([o.row]), model, sessions)[0] for o in sample.usable)
    each = np.array([_cumulated(a, sessions) for a in abnormal])
    kept = np.flatnonzero(complete(each))
    mean = each[kept].mean(axis=0)
    low, high = np.full((2, len(sessions)), np.nan) if made is None else _band(sample, model, made, sessions, kept)
    return tuple(
        PathRow(int(s), finite(mean[n]), finite(low[n]), finite(high[n]), tuple(map(finite, each[:, n])))
        for n, s in enumerate(sessions)
    )


def market_band(
    sample: Sample, known_at: Mapping[str, int], model: ReturnModel, made: Calendars
) -> tuple[BandRow, ...]:
    """Return the 5 % and 95 % quantiles of the mean path of the markets on placebo dates, in the trades' direction.

    Session 0 is the first to close after an event was known, as in ``run.event_paths``; each leg moves with its
    observation. A list that has no close at some session is left out.

    Args:
        sample: of the trades.
        known_at: when each event was known (ns).
        model: the return model they were placed with.
        made: the placebo dates.
    """
    sessions = np.arange(-PATH_BEFORE, PATH_AFTER + 1)
    rows = made.rows[picked(len(made.rows))]
    mean = _mean(
        _market(leg, zero, bars, model, sessions)
        for n, observation in enumerate(sample.usable)
        for leg, zero, bars in legs_at(observation, known_at, rows[:, n], model)
    )
    whole = np.isfinite(mean).all(axis=1)
    low, high = np.quantile(mean[whole], BAND, axis=0) if whole.any() else ((), ())
    return tuple(BandRow(int(s), float(a), float(b)) for s, a, b in zip(sessions, low, high, strict=False))


def _mean(paths: Iterable[Floats]) -> Floats:
    """Return the mean of arrays, added one by one: those of many events take gigabytes."""
    total, count = np.zeros(()), 0
    for path in paths:
        total, count = total + path, count + 1
    return total / count


def legs_at(
    observation: Observation, known_at: Mapping[str, int], rows: Rows, model: ReturnModel
) -> Iterator[tuple[PlacedLeg, int, Rows]]:
    """Yield each leg, the sessions from its bar to session 0, and its own bars on placebo dates."""
    for event in observation.members:
        for leg in event.legs:
            close_at = model.bars[leg.shape.instrument].close_at
            zero = int(np.searchsorted(close_at, known_at[event.event_id], side="right"))
            yield leg, zero - leg.row, event.bars_of(leg, rows + event.row - observation.row, model)


def _market(leg: PlacedLeg, zero: int, bars: Rows, model: ReturnModel, sessions: NDArray[np.int64]) -> Floats:
    close = model.bars[leg.shape.instrument].close
    at, before = bars[:, None] + zero + sessions, (bars + zero - 1)[:, None]
    last = len(close) - 1
    inside = (at >= 0) & (at <= last) & (before >= 0) & (before <= last)
    moves = leg.shape.side * (close[np.clip(at, 0, last)] / close[np.clip(before, 0, last)] - 1)
    return np.where(inside, moves, np.nan)


def picked(lists: int) -> Rows:
    """Return the numbers of the lists that a band is made of, evenly spread over all."""
    return np.linspace(0, lists - 1, min(lists, BAND_LISTS)).astype(np.intp)


def _cumulated(abnormal: Floats, sessions: NDArray[np.int64]) -> Floats:
    """Return the running sum along the last axis, 0 at session -1."""
    total = np.cumsum(abnormal, axis=-1)
    before = int(np.flatnonzero(sessions == -1)[0])
    return np.asarray(total - total[..., before : before + 1], dtype=np.float64)


def _abnormal_at(observation: Observation, rows: Rows, model: ReturnModel, sessions: NDArray[np.int64]) -> Floats:
    """Return dates x sessions: the mean of the events of an observation that is moved to rows of the reference.

    The abnormal return of each session around the entry, session 0 the first one held.
    """
    events = observation.members
    moved = [_event_abnormal(e, rows + (e.row - observation.row), model, sessions) for e in events]
    return np.asarray(np.mean(moved, axis=0))


def _event_abnormal(event: EventLegs, rows: Rows, model: ReturnModel, sessions: NDArray[np.int64]) -> Floats:
    moved = [_leg_abnormal(leg, event.bars_of(leg, rows, model), model, sessions) for leg in event.legs]
    return np.asarray(np.average(moved, axis=0, weights=[leg.weight for leg in event.legs]))


def _leg_abnormal(leg: PlacedLeg, bars: Rows, model: ReturnModel, sessions: NDArray[np.int64]) -> Floats:
    returns = close_returns(model.bars[leg.shape.instrument])
    at, last = bars[:, None] + leg.shape.first + sessions, len(returns) - 1
    inside, at, entry = (at >= 0) & (at <= last), np.clip(at, 0, last), np.clip(bars, 0, last)
    abnormal = returns[at] - model.estimates(leg.shape.instrument).expected_at(entry, at)
    return np.where(inside, leg.shape.side * abnormal, np.nan)


def _band(
    sample: Sample, model: ReturnModel, made: Calendars, sessions: NDArray[np.int64], kept: NDArray[np.intp]
) -> Floats:
    """Return the 5 % and 95 % quantiles of the mean path of some observations over placebo dates."""
    rows = made.rows[picked(len(made.rows))]
    moved = (_abnormal_at(sample.usable[n], rows[:, n], model, sessions) for n in kept)
    mean = _mean(_cumulated(m, sessions) for m in moved)
    whole = np.isfinite(mean).all(axis=1)
    return np.quantile(mean[whole], BAND, axis=0) if whole.any() else np.full((2, len(sessions)), np.nan)


def finite(value: float) -> float | None:
    """Return a number as JSON has it: None in place of NaN."""
    return float(value) if np.isfinite(value) else None
