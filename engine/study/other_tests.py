"""The tests of the event-study literature that are not shown by default, each with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets.arrays import Floats, Sessions
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
from engine.study.legs import PlacedLeg, overlaps
from engine.study.paths import abnormal_of
from engine.study.return_model import ReturnModel
from engine.study.returns import close_returns
from engine.study.sample import Observation, Sample
from engine.study.settings import ESTIMATION

LONG_HELD = 20
"""Trades held for at least so many sessions have skewed returns, for which Johnson's t is made."""


@dataclass(frozen=True)
class OtherTest:
    """A test that is not shown by default, and why."""

    test: Significance
    why: str


def other_tests(sample: Sample, model: ReturnModel, placebo_mean: Significance) -> tuple[OtherTest, ...]:
    """Return the tests that a default report leaves out.

    Args:
        sample: the observations of the trades, with a counterfactual.
        model: the return model they were placed with.
        placebo_mean: the placebo test on the mean.
    """
    abnormal, z, usable = sample.abnormal, sample.standardized, sample.usable
    matrix = _abnormal_matrix(usable, model)
    rates = np.array([_base_rate(o) for o in usable], dtype=float)
    used = ([model.estimates(leg.shape.instrument).count[leg.row] for leg in _legs([o])] for o in usable)
    counts = np.array([min(each) for each in used], dtype=float)  # of several legs the fewest sessions
    variances = np.array([o.sd**2 for o in usable], dtype=float)
    tests = [
        (cross_sectional_t(abnormal), f"weighs events of unequal volatility alike; {_UNCORRECTED}"),
        (patell(abnormal, variances, counts, sample.counterfactual or Model.MEAN), _PATELL),
        (_by_leg(usable, model), _BY_LEG),
        (corrado(matrix, matrix.shape[1] - 1), f"first session only; rejects 7 to 10 % at 5 % {_DOUBLED}"),
        (grank(_scaled(matrix[:, :-1]), z), "rejects 8 to 12 % at 5 % with five events"),
        (sign(abnormal), "assumes an even chance of a gain"),
        (generalized_sign(sample.net, rates), "tests signs only, against the share of gains on all other dates"),
        (wilcoxon(abnormal), f"tests the median under symmetry; {_UNCORRECTED}"),
        (placebo_mean, f"rejects 15 to 19 % at 5 % {_DOUBLED}"),
    ]
    held = [leg.shape.last for leg in _legs(usable)]
    if held and min(held) >= LONG_HELD - 1:
        tests.append((johnson_t(abnormal), "for the skewness of long holding periods"))
    return tuple(OtherTest(test, why) for test, why in tests)


_DOUBLED = "where event variance doubles"
_UNCORRECTED = "not corrected for shared sessions: rejects up to 8 %"
_PATELL = f"assumes that event days are as volatile as others: rejects 12 to 18 % at 5 % {_DOUBLED}"
_BY_LEG = "one leg each, corrected for their correlation, not for shared estimation windows: rejects up to 8 %"


def _legs(observations: Sequence[Observation]) -> list[PlacedLeg]:
    return [leg for o in observations for e in o.members for leg in e.legs]


def _base_rate(observation: Observation) -> float:
    """Return the share of other dates at which the same trades gain."""
    net = observation.by_row.net
    return float(np.mean(net[np.isfinite(net)] > 0))


def _abnormal_matrix(usable: Sequence[Observation], model: ReturnModel) -> Floats:
    """Return observations x (estimation window, first session held): abnormal returns, NaN inside event windows."""
    sessions = np.append(np.arange(ESTIMATION[0], ESTIMATION[1] + 1), 0)
    rows = np.array([abnormal_of(o, model, sessions) for o in usable], dtype=np.float64)
    for row, observation in zip(rows, usable, strict=True):
        for leg in _legs([observation]):
            inside = model.inside[leg.shape.instrument]
            at = leg.row + leg.shape.first + sessions[:-1]
            row[:-1][inside[np.clip(at, 0, len(inside) - 1)]] = np.nan
    return rows.reshape(len(usable), len(sessions))


def _scaled(abnormal: Floats) -> Floats:
    """Return each row over its standard deviation."""
    spread = np.array([np.nanstd(row, ddof=1) if np.isfinite(row).sum() > 1 else np.nan for row in abnormal])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(abnormal / spread[:, None])


def _by_leg(usable: Sequence[Observation], model: ReturnModel) -> Significance:
    """Return Kolari and Pynnönen's test over single legs, by the correlation of their residuals on the same dates."""
    z = [(leg, _leg_z(leg, model)) for leg in _legs(usable)]
    known = [(leg, value) for leg, value in z if np.isfinite(value)]
    windows = [_residuals(leg, model) for leg, _ in known]
    shared = overlaps([leg.span for leg, _ in known]) if known else None
    r = mean_residual_correlation([w[0] for w in windows], [w[1] for w in windows], shared)
    return kolari_pynnonen(np.array([value for _, value in known], dtype=float), r)


def _leg_z(leg: PlacedLeg, model: ReturnModel) -> float:
    by_bar = model.by_bar(leg.shape)
    expected, sd = float(by_bar.expected[leg.row]), float(by_bar.sd[leg.row])
    return (leg.net - expected) / sd if sd > 0 else np.nan


def _residuals(leg: PlacedLeg, model: ReturnModel) -> tuple[Sessions, Floats]:
    bars = model.bars[leg.shape.instrument]
    rows = slice(max(leg.row + ESTIMATION[0], 0), max(leg.row + ESTIMATION[1] + 1, 0))
    values = np.where(model.inside[bars.symbol][rows], np.nan, leg.shape.side * close_returns(bars)[rows])
    return bars.session[rows], values
