"""The tests of the event-study books that are not shown by default, each with why it is not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets.prices.bars import Floats
from engine.statistics.abnormal import Model
from engine.statistics.event_tests import (
    cross_sectional_t,
    generalized_sign,
    johnson_t,
    kolari_pynnonen,
    mean_residual_correlation,
    patell,
    sign,
    wilcoxon,
)
from engine.statistics.ranks import corrado, grank
from engine.statistics.significance import Significance
from engine.study.desk import ReturnModel
from engine.study.expectation import ESTIMATION
from engine.study.legs import EventLegs, PlacedLeg, overlaps
from engine.study.paths import abnormal_of
from engine.study.sample import Observation, Sample
from engine.study.shapes import close_returns

HELD_FOR_BHAR = 20


@dataclass(frozen=True)
class OtherTest:
    """A test that is not shown by default, and why."""

    test: Significance
    why: str


def other_tests(
    sample: Sample, events: Sequence[EventLegs], desk: ReturnModel, placebo_mean: Significance
) -> tuple[OtherTest, ...]:
    """Return the tests that a default report leaves out.

    Args:
        sample: the observations of the trades; it has a model.
        events: the events with their legs, of the usable observations.
        desk: at which they were reckoned.
        placebo_mean: the placebo test on the mean.
    """
    abnormal, z, usable = sample.abnormal, sample.standardized, sample.usable
    matrix = _abnormal_matrix(usable, events, desk)
    rates = np.array([_base_rate(o) for o in usable], dtype=float)
    counts = np.array([_sessions_used(o, events, desk) for o in usable], dtype=float)
    variances = np.array([o.sd**2 for o in usable], dtype=float)
    first = (
        OtherTest(
            cross_sectional_t(abnormal),
            "events of unequal volatility weighed alike; not corrected for sessions in common: rejects up to 8 %",
        ),
        OtherTest(patell(abnormal, variances, counts, sample.model or Model.MEAN), _PATELL),
        OtherTest(
            _by_leg(events, desk),
            "one leg each, corrected for their correlation, not for estimation windows in common: rejects up to 8 %",
        ),
        OtherTest(
            corrado(matrix, matrix.shape[1] - 1),
            "first session only; rejects 7 to 10 % at 5 % where event variance doubles",
        ),
        OtherTest(grank(_standardized(matrix[:, :-1]), z), "rejects 8 to 12 % at 5 % with five events"),
        OtherTest(sign(abnormal), "takes an even chance of a gain for granted"),
        OtherTest(generalized_sign(sample.net, rates), "of signs only; the chances are those of all other dates"),
        OtherTest(
            wilcoxon(abnormal),
            "asks about the median under symmetry; not corrected for sessions in common: rejects up to 8 %",
        ),
        OtherTest(placebo_mean, "rejects 15 to 19 % at 5 % where event variance doubles"),
    )
    held = [leg.shape.last for e in events for leg in e.legs]
    long = OtherTest(johnson_t(abnormal), "for the skewness of long holding periods")
    return (*first, long) if held and min(held) >= HELD_FOR_BHAR - 1 else first


_PATELL = "takes event days to be as calm as others: rejects 12 to 18 % at 5 % where event variance doubles"


def _sessions_used(observation: Observation, events: Sequence[EventLegs], desk: ReturnModel) -> float:
    """Return how many sessions of its estimation window stand behind an observation; of several legs the fewest."""
    legs = [leg for e in events if e.event_id in observation.events for leg in e.legs]
    return float(min(desk.estimates(leg.shape.instrument).count[leg.row] for leg in legs))


def _base_rate(observation: Observation) -> float:
    """Return the share of other dates at which the same trades would have gained."""
    anywhere = observation.anywhere.net
    return float(np.mean(anywhere[np.isfinite(anywhere)] > 0))


def _abnormal_matrix(usable: Sequence[Observation], events: Sequence[EventLegs], desk: ReturnModel) -> Floats:
    """Return observations x (estimation window, first session held): abnormal returns, NaN inside event windows."""
    sessions = np.append(np.arange(ESTIMATION[0], ESTIMATION[1] + 1), 0)
    rows = []
    for each in usable:
        own = [e for e in events if e.event_id in each.events]
        values = abnormal_of(own, desk, sessions)
        values[:-1][_inside(own, desk, sessions[:-1])] = np.nan
        rows.append(values)
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(sessions))


def _inside(
    events: Sequence[EventLegs], desk: ReturnModel, sessions: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    found = np.zeros(len(sessions), dtype=bool)
    for leg in (leg for e in events for leg in e.legs):
        mask = desk.inside[leg.shape.instrument]
        at = leg.row + leg.shape.first + sessions
        found |= mask[np.clip(at, 0, len(mask) - 1)]
    return found


def _standardized(abnormal: Floats) -> Floats:
    spread = np.array([np.nanstd(row, ddof=1) if np.isfinite(row).sum() > 1 else np.nan for row in abnormal])
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled: Floats = abnormal / spread[:, None]
    return scaled


def _by_leg(events: Sequence[EventLegs], desk: ReturnModel) -> Significance:
    """Return Kolari and Pynnonen's test over single legs, by the correlation of their residuals on the same dates."""
    legs = [leg for e in events for leg in e.legs]
    z = np.array([_leg_z(leg, desk) for leg in legs], dtype=float)
    there = np.isfinite(z)
    kept = [leg for leg, t in zip(legs, there, strict=True) if t]
    windows = [_residuals(leg, desk) for leg in kept]
    r = mean_residual_correlation([w[0] for w in windows], [w[1] for w in windows], overlaps(kept))
    return kolari_pynnonen(z[there], r)


def _leg_z(leg: PlacedLeg, desk: ReturnModel) -> float:
    anywhere = desk.anywhere(leg.shape)
    expected, sd = float(anywhere.expected[leg.row]), float(anywhere.sd[leg.row])
    return (leg.net - expected) / sd if sd > 0 else np.nan


def _residuals(leg: PlacedLeg, desk: ReturnModel) -> tuple[np.ndarray[tuple[int], np.dtype[np.datetime64]], Floats]:
    bars = desk.bars[leg.shape.instrument]
    rows = slice(max(leg.row + ESTIMATION[0], 0), max(leg.row + ESTIMATION[1] + 1, 0))
    values = np.where(desk.inside[bars.symbol][rows], np.nan, leg.shape.side * close_returns(bars)[rows])
    return bars.session[rows], values
