"""How much the observations share sessions with each other and with placebo dates, and the factor of a t-statistic.

Observations do not overlap, but they depend on each other where they lie close: events within 120 sessions of each
other share sessions of their estimation windows, and so the error of the estimate. Where events fill much of the
calendar, the placebo dates are a small sample with an error of its own. Both make the mean of the observations vary
more than the mean of N independent ones. Sessions are taken as independent and equally volatile, as in the variance of
a CAR (Patell 1976), so that each mean is a weighted sum of sessions and its variance the sum of the squared weights.
"""

from collections import Counter

import numpy as np

from datasets.arrays import Floats
from engine.study.returns import Rows, clipped_sums
from engine.study.sample import Sample
from engine.study.settings import ESTIMATION, Model

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
    clean = clipped_sums(sample.clean, *ESTIMATION)
    for held in dict.fromkeys(o.held for o in sample.usable):
        columns = [n for n, o in enumerate(sample.usable) if o.held == held]
        at = np.bincount(rows[:, columns].ravel(), minlength=len(total))[: len(total)] / rows.size
        weights, sessions = np.zeros(len(total)), _estimated(sample, held)
        for (first, last), times in Counter(held).items():
            weights += clipped_sums(at, -last, -first) * times / len(held)
        if sessions:
            share = np.divide(at * sessions, clean, out=np.zeros(len(at)), where=clean > 0)
            weights -= np.where(sample.clean, clipped_sums(share, -ESTIMATION[1], -ESTIMATION[0]), 0.0)
        total += weights / np.sqrt(_variance(held, sessions, clean[sample.rows[columns]]) or 1.0)
    return total


def _estimated(sample: Sample, held: Spans) -> float:
    """Return over how many sessions the expected return of an observation is summed; 0 where none is estimated.

    Of the market model the error of alpha counts and that of beta does not.
    """
    if sample.counterfactual not in (Model.MEAN, Model.MARKET_MODEL):
        return 0.0
    return sum(last - first + 1 for first, last in held) / max(len(held), 1)


def _variance(held: Spans, sessions: float, clean: Floats) -> float:
    """Return the mean variance of observations with the same spans, in units of that of a session.

    The sum of an observation's squared weights: those of the sessions held, and of its ``clean`` estimation sessions.
    """
    begin = min(first for first, _ in held)
    weights = np.zeros(max(last for _, last in held) - begin + 1)
    for first, last in held:
        weights[first - begin : last - begin + 1] += 1 / len(held)
    return float(weights @ weights + np.mean(sessions**2 / np.maximum(clean, 1)))
