"""The difference of one number of two runs, and how sure it is: an interval of a stated kind, or why there is none."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from scipy.special import stdtrit

from datasets.prices.bars import Floats
from engine.comparison.resampling import LEVEL, percentiles, share_above
from engine.comparison.sharpe_difference import Blocks, SharpeDraws, studentized


class ConfidenceInterval(StrEnum):
    """What the two ends of a difference are."""

    NONE = "none"
    T = "t(N - 1)"
    PERCENTILE = "block bootstrap, percentiles"
    STUDENTIZED = "block bootstrap, studentized"
    RESAMPLED = "resampled"


@dataclass(frozen=True)
class Difference:
    """A number of two runs and ``value``, second less first. What is None has its reason in ``note``.

    ``low`` and ``high`` enclose LEVEL of what ``interval`` says; ``better`` is the share of resamples in which the
    second is better, ties counting half.
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


def bare(name: str, first: float | None, second: float | None, note: str) -> Difference:
    """Return a difference without an interval, and the reason why there is none."""
    return Difference(name, first, second, None if first is None or second is None else second - first, note=note)


def by_t(difference: Difference, pairs: Floats) -> Difference:
    """Return a difference of means with Student's interval of the paired differences (n,), n at least 2."""
    n = len(pairs)
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2) * np.std(pairs, ddof=1) / np.sqrt(n))
    return _around(difference, half, ConfidenceInterval.T)


def by_draws(difference: Difference, draws: Floats, kind: ConfidenceInterval) -> Difference:
    """Return a difference with the percentiles of its draws (RESAMPLES,), and in how many the second is better."""
    low, high = percentiles(draws)
    return replace(difference, low=low, high=high, interval=kind, better=share_above(draws))


def by_studentized(
    difference: Difference, first: SharpeDraws, second: SharpeDraws, blocks: Blocks, *, scale: float
) -> Difference:
    """Return a difference of Sharpe ratios with its studentized interval; ``scale`` makes it yearly."""
    found = studentized(first, second, blocks)
    if isinstance(found, str):
        return replace(difference, note=found)
    return replace(_around(difference, found.half_width * scale, ConfidenceInterval.STUDENTIZED), better=found.better)


def _around(difference: Difference, half: float, kind: ConfidenceInterval) -> Difference:
    value = difference.value or 0.0
    return replace(difference, low=value - half, high=value + half, interval=kind)
