"""Confidence intervals for the mean of few events. Percentiles of resamples are too narrow for them and not given."""

from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.special import stdtrit

from datasets.arrays import Floats
from engine.statistics.event_tests import flipped, no_draws
from engine.statistics.significance import no_spread, why_not


class Interval(Struct, frozen=True):
    """An interval at a ``level`` such as 0.95; ``low`` and ``high`` are None where there is none, with a ``reason``.

    ``n`` counts the observations; ``method`` describes it.
    """

    name: str
    n: int
    level: float
    low: float | None
    high: float | None
    method: str
    reason: str = ""


def event_interval(values: Floats, level: float, *, draws: int, seed: int, factor: float = 1.0) -> tuple[Interval, ...]:
    """Return two intervals for the mean of one number an event (N,): by t, and by sign-flips.

    For observations that share sessions each is longer by 1 / ``factor``, the factor of their t-statistic
    (engine/study/dependence.py).
    """
    intervals = t_interval(values, level), sign_flip_interval(values, level, draws=draws, seed=seed)
    return intervals if factor == 1.0 else tuple(_longer(i, factor) for i in intervals)


def _longer(interval: Interval, factor: float) -> Interval:
    if interval.low is None or interval.high is None:
        return interval
    middle = (interval.low + interval.high) / 2
    half = (interval.high - interval.low) / 2 / factor
    return replace(interval, low=middle - half, high=middle + half)


def t_interval(values: Floats, level: float) -> Interval:
    """Return the interval of the mean by standard errors and t(N - 1) (Student 1908)."""
    name, n = "t", len(values)
    reason = why_not(values, least=2, test="a t interval") or no_spread(values)
    if reason:
        return _none(name, n, level, reason)
    half = float(stdtrit(n - 1, (1 + level) / 2) * np.std(values, ddof=1) / np.sqrt(n))
    mean = float(np.mean(values))
    return Interval(name, n, level, mean - half, mean + half, f"mean and t({n - 1}) standard errors")


def sign_flip_interval(values: Floats, level: float, *, draws: int, seed: int) -> Interval:
    """Return the means that the sign-flip test does not reject at 1 - level (Hartigan 1969), both ends included.

    Against a mean below the sample's, a pattern becomes as extreme as the identity at the mean of the observations it
    flips, or of those it keeps, whichever is less. The p-value is a step function whose steps are these numbers, and
    the end of the interval is the step of rank (1 - level) times the number of patterns. A rank of 0 has no end.
    """
    name, n = "sign-flip", len(values)
    reason = why_not(values, least=2, test="a sign-flip interval") or no_spread(values) or no_draws(n, draws)
    if reason:
        return _none(name, n, level, reason)
    patterns = flipped(values, draws=draws, seed=seed)
    lower, upper = _steps(values, patterns.sums, patterns.sizes)
    rank = int(np.floor(round((1 - level) * (len(lower) + 1), 9)))
    low = np.partition(lower, rank - 1)[rank - 1] if rank else -np.inf
    high = np.partition(upper, -rank)[-rank] if rank else np.inf
    if not (np.isfinite(low) and np.isfinite(high)):
        return _none(name, n, level, f"p of {n} observations is always above {1 - level:.3g}: no mean is rejected")
    how = "all patterns" if patterns.exact else f"{draws:,} drawn patterns"
    return Interval(name, n, level, float(low), float(high), f"means the sign-flip test does not reject, {how}")


def _steps(values: Floats, sums: Floats, sizes: NDArray[Any]) -> tuple[Floats, Floats]:
    """Return the smaller and the larger of the means of the observations that each pattern flips and that it keeps."""
    n, total = len(values), values.sum()
    inner = sums / np.maximum(sizes, 1)
    outer = (total - sums) / np.maximum(n - sizes, 1)
    whole = (sizes == 0) | (sizes == n)  # a drawn pattern may be the identity or its mirror: extreme at every mean
    return np.where(whole, -np.inf, np.minimum(inner, outer)), np.where(whole, np.inf, np.maximum(inner, outer))


def _none(name: str, n: int, level: float, reason: str) -> Interval:
    return Interval(name, n, level, None, None, "", reason=reason)
