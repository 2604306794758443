"""How far observations share sessions with each other and with placebo dates, and what a t-statistic loses by that.

Observations do not overlap, and yet are not independent where they lie close: events within 120 sessions of each other
are held against the same estimation window, and share its error. And where events fill much of the calendar, placebo
dates are what is left of it: a sample themselves, with an error of their own. Both make the mean of the observations
stray further than that of N independent ones. Sessions are taken as independent and equally volatile, as in the
variance of a CAR (Patell 1976), so that each mean is a sum of sessions with weights, and all follows from these.
"""

import numpy as np

from datasets.prices.bars import Flags, Floats
from engine.statistics.abnormal import Model
from engine.study.expectation import ESTIMATION
from engine.study.sample import Observation, Sample
from engine.study.shapes import Rows

Spans = tuple[tuple[int, int], ...]


def shared_sessions(sample: Sample) -> float:
    """Return what to multiply a t-statistic of the observations by, 1 at most, for the sessions they share.

    The root of (1 - r) / (1 + (N - 1) r), r the mean correlation of the observations (Kolari and Pynnönen 2010).
    """
    n = len(sample.usable)
    if n < 2:
        return 1.0
    own = _mean_weights(sample, np.ones((1, n)) * sample.rows)
    return _factor(n, _square(own), _square(own))


def against_placebo(sample: Sample, rows: Rows) -> float:
    """Return the same for the distance of the statistic from those of drawn placebo lists (lists x observations)."""
    n = len(sample.usable)
    if n < 2:
        return 1.0
    own, others = (_mean_weights(sample, r) for r in (np.ones((1, n)) * sample.rows, rows))
    return _factor(n, _square(own), _square(own - others))


def _factor(n: int, own: float, distance: float) -> float:
    """Return the factor, from the variance of the observations' mean and that of its distance from what it is held to.

    Both are in units of one observation's variance: 1 / N were they independent, and the other side without an error.
    """
    r = (n * own - 1) / (n - 1)
    return float(min(1.0, np.sqrt(max(1 - r, 0.0) / (n * distance)))) if distance > 0 else 1.0


def _square(weights: Floats) -> float:
    return float(weights @ weights)


def _mean_weights(sample: Sample, rows: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Floats:
    """Return the weight of each session in the mean of the standardised observations, over lists of their rows.

    Observations that hold alike are standardised alike, by the mean of their variances.
    """
    total = np.zeros(len(sample.reference))
    for held in dict.fromkeys(o.held for o in sample.usable):
        columns = [n for n, o in enumerate(sample.usable) if o.held == held]
        at = np.bincount(rows[:, columns].astype(np.intp).ravel(), minlength=len(total))[: len(total)]
        variance = sum(_variance(sample, sample.usable[n]) for n in columns) / len(columns)
        total += _weights(sample, sample.clean, held, at / rows.size) / np.sqrt(variance or 1.0)
    return total


def _variance(sample: Sample, one: Observation) -> float:
    """Return the summed squares of one observation's weights: its variance, a session's being 1."""
    begin = max(one.row + min(0, *(first for first, _ in one.held)) + ESTIMATION[0], 0)
    end = one.row + max(0, *(last for _, last in one.held)) + 1
    clean = sample.clean[begin:end]
    alone = np.zeros(len(clean))
    alone[one.row - begin : one.row - begin + 1] = 1.0
    return _square(_weights(sample, clean, one.held, alone))


def _weights(sample: Sample, clean: Flags, held: Spans, at: Floats) -> Floats:
    """Return the weight of each session when so much of an observation stands at each row.

    What it holds, less what it expects; of the market model the error of alpha alone counts, not that of beta.
    """
    found = np.zeros(len(at))
    for first, last in held:
        found += _spread_over(at, first, last)
        if sample.model in (Model.MEAN, Model.MARKET_MODEL):
            found -= _of_estimation(clean, at * (last - first + 1))
    return found / max(len(held), 1)


def _of_estimation(clean: Flags, at: Floats) -> Floats:
    """Return the weight of each clean session in the means of the estimation windows of rows of so much weight."""
    first, last = ESTIMATION
    count = _spread_over(clean.astype(np.float64), -last, -first)
    share = np.divide(at, count, out=np.zeros(len(at)), where=count > 0)
    return np.where(clean, _spread_over(share, first, last), 0.0)


def _spread_over(at: Floats, first: int, last: int) -> Floats:
    """Return at each session the sum of what stands at rows from which it is the ``first`` to the ``last`` on.

    >>> _spread_over(np.array([1.0, 0.0, 2.0, 0.0]), 0, 1).tolist()
    [1.0, 1.0, 2.0, 2.0]
    """
    total = np.concatenate(([0.0], np.cumsum(at)))
    session = np.arange(len(at))
    begin, end = (np.clip(session + k, 0, len(at)) for k in (-last, 1 - first))
    summed: Floats = total[end] - total[begin]
    return summed
