"""How much the observations share sessions with each other and with placebo dates, and the factor of a t-statistic.

Observations do not overlap, but they depend on each other where they lie close: events within 120 sessions of each
other share sessions of their estimation windows, and so the error of the estimate. Where events fill much of the
calendar, the placebo dates are a small sample with an error of its own. Both make the mean of the observations vary
more than the mean of N independent ones. Sessions are taken as independent and equally volatile, as in the variance of
a CAR (Patell 1976), so that each mean is a weighted sum of sessions and its variance the sum of the squared weights.
"""

import numpy as np

from datasets.arrays import Flags, Floats
from engine.statistics.abnormal import Model
from engine.study.returns import Rows, clipped_sums
from engine.study.sample import Observation, Sample
from engine.study.settings import ESTIMATION

Spans = tuple[tuple[int, int], ...]


def shared_sessions(sample: Sample) -> float:
    """Return the factor (at most 1) of a t-statistic of the observations for the sessions they share.

    The root of (1 - r) / (1 + (N - 1) r), r the mean correlation of the observations (Kolari and Pynnönen 2010).
    """
    if len(sample.usable) < 2:
        return 1.0
    own = _mean_weights(sample, sample.rows[None, :])
    return _factor(len(sample.usable), own=float(own @ own), distance=float(own @ own))


def against_placebo(sample: Sample, rows: Rows) -> float:
    """Return the factor of the distance of the t-statistic from those of drawn placebo lists (lists x observations)."""
    if len(sample.usable) < 2:
        return 1.0
    own, others = (_mean_weights(sample, r) for r in (sample.rows[None, :], rows))
    away = own - others
    return _factor(len(sample.usable), own=float(own @ own), distance=float(away @ away))


def _factor(n: int, *, own: float, distance: float) -> float:
    """Return the factor, from the variance of the observations' mean and that of its distance from the reference value.

    Both in units of the variance of one observation: 1 / N for independent observations and a reference without error.
    """
    r = (n * own - 1) / (n - 1)
    return float(min(1.0, np.sqrt(max(1 - r, 0.0) / (n * distance)))) if distance > 0 else 1.0


def _mean_weights(sample: Sample, rows: Rows) -> Floats:
    """Return the weight of each session in the mean of the standardized observations, over lists of their rows.

    Observations with the same spans are standardized alike, by the mean of their variances.
    """
    total = np.zeros(len(sample.reference))
    for held in dict.fromkeys(o.held for o in sample.usable):
        columns = [n for n, o in enumerate(sample.usable) if o.held == held]
        at = np.zeros(len(total), dtype=np.int64)
        for n in columns:
            at += np.bincount(rows[:, n], minlength=len(total))[: len(total)]
        variance = sum(_variance(sample, sample.usable[n]) for n in columns) / len(columns)
        total += _weights(sample.counterfactual, sample.clean, held, at / rows.size) / np.sqrt(variance or 1.0)
    return total


def _variance(sample: Sample, one: Observation) -> float:
    """Return the sum of one observation's squared weights: its variance in units of that of a session."""
    begin = max(one.row + min(0, *(first for first, _ in one.held)) + ESTIMATION[0], 0)
    end = one.row + max(0, *(last for _, last in one.held)) + 1
    clean = sample.clean[begin:end]
    alone = np.zeros(len(clean))
    alone[one.row - begin : one.row - begin + 1] = 1.0
    weights = _weights(sample.counterfactual, clean, one.held, alone)
    return float(weights @ weights)


def _weights(counterfactual: Model | None, clean: Flags, held: Spans, at: Floats) -> Floats:
    """Return the weight of each session where observations have the weights ``at`` at their rows.

    The weight of the sessions held, less that of the estimation window; of the market model the error of alpha counts
    and that of beta does not.
    """
    weights = np.zeros(len(at))
    for first, last in held:
        weights += clipped_sums(at, -last, -first)
        if counterfactual in (Model.MEAN, Model.MARKET_MODEL):
            weights -= _of_estimation(clean, at * (last - first + 1))
    return weights / max(len(held), 1)


def _of_estimation(clean: Flags, at: Floats) -> Floats:
    """Return the weight of each clean session in the means of the estimation windows of rows with weights ``at``."""
    first, last = ESTIMATION
    count = clipped_sums(clean, first, last)
    share = np.divide(at, count, out=np.zeros(len(at)), where=count > 0)
    return np.where(clean, clipped_sums(share, -last, -first), 0.0)
