"""The difference of one number of two runs, with an interval of a stated kind, or the reason why there is none."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from scipy.special import stdtrit

from datasets.arrays import Floats
from engine.comparison.resampling import LEVEL, percentiles, share_above
from engine.comparison.sharpe_difference import BlockDraws, studentized


class ConfidenceInterval(StrEnum):
    """What the two ends of a difference are."""

    NONE = "none"
    T = "t(N - 1)"
    STUDENTIZED = "block bootstrap, studentized"
    RESAMPLED = "resampled"


@dataclass(frozen=True)
class Difference:
    """A number of two runs and ``value``, second less first. What is None has its reason in ``note``.

    ``low`` and ``high`` enclose LEVEL of what ``interval`` says; ``better`` is the share of resamples in
    which the second is better, ties counting half: no probability that it is better.
    """

    name: str
    first: float | None
    second: float | None
    value: float | None
    low: float | None = None
    high: float | None = None
    interval: ConfidenceInterval = ConfidenceInterval.NONE
    better: float | None = None
    note: str = ""


def without_interval(name: str, first: float | None, second: float | None, note: str) -> Difference:
    """Return a difference without an interval, and the reason why there is none."""
    return Difference(name, first, second, None if first is None or second is None else second - first, note=note)


def with_t_interval(difference: Difference, pairs: Floats) -> Difference:
    """Return a difference with Student's interval of n paired differences (or of pseudo-values), n at least 2."""
    n = len(pairs)
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2) * np.std(pairs, ddof=1) / np.sqrt(n))
    return _around(difference, half, ConfidenceInterval.T)


def resampled(difference: Difference, draws: Floats) -> Difference:
    """Return a difference with the percentiles of its draws (RESAMPLES,) and the share where the second is better."""
    low, high = percentiles(draws)
    return replace(difference, low=low, high=high, interval=ConfidenceInterval.RESAMPLED, better=share_above(draws))


def with_studentized(difference: Difference, first: BlockDraws, second: BlockDraws, *, scale: float) -> Difference:
    """Return a difference of means or Sharpe ratios with its studentized interval; ``scale`` annualises it."""
    result = studentized(first, second)
    if isinstance(result, str):
        return replace(difference, note=result)
    half_width, better = result
    return replace(_around(difference, half_width * scale, ConfidenceInterval.STUDENTIZED), better=better)


def _around(difference: Difference, half: float, kind: ConfidenceInterval) -> Difference:
    value = difference.value or 0.0
    return replace(difference, low=value - half, high=value + half, interval=kind)
