"""The difference of one number of two runs with its interval, by block bootstrap: the same blocks for both.

Ledoit, O. and Wolf, M. (2008), Robust performance hypothesis testing with the Sharpe ratio, Journal of Empirical
Finance 15, 850-859. The difference over its standard error is resampled, not the difference alone: an interval from the
difference alone is too narrow for returns with fat tails and clustered volatility.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from math import ceil, log10, sqrt

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.special import stdtrit

from datasets.arrays import Floats

SEED = 20_260_208
RESAMPLES = 1_000
LEVEL = 0.95
MIN_BLOCKS = 10
"""A series has at least so many blocks: fewer would be drawn almost whole."""
_ROUNDING = 1e-12
_ELEMENTS = 12_500  # elements processed together

Rows = NDArray[np.intp]


def block_length(series: Sequence[Floats], *, least: float = 1.0) -> int:
    """Return the mean length of a block, one for all of some series of one length T.

    The longest of `optimal_block_length` over the series, at least ``least``, rounded up, and at most T / 10 and
    3 sqrt(T). Fewer than 20 observations are drawn one by one.
    """
    n = len(series[0])
    longest = min(n // MIN_BLOCKS, ceil(3 * sqrt(n)))
    if longest < 2:
        return 1
    return min(longest, ceil(max([1.0, least, *map(optimal_block_length, series)])))


def optimal_block_length(values: Floats) -> float:
    """Return the block length of the stationary bootstrap that best estimates the variance of the mean of ``values``.

    Politis and White (2004), Econometric Reviews 23(1), as corrected by Patton, Politis and White (2009), ibid. 28(4):
    (G^2 / g^2)^(1/3) n^(1/3) from the autocovariances up to twice the lag after which none is significant, at most
    min(3 sqrt(n), n / 3). 0 where nothing varies.
    """
    n, away = len(values), values - values.mean()
    if np.ptp(values) <= _ROUNDING * np.max(np.abs(values), initial=0.0):
        return 0.0
    beyond = max(5, int(log10(n)))
    lags = np.arange(ceil(sqrt(n)) + beyond + 1)
    covariance = np.array([away[lag:] @ away[: n - lag] for lag in lags]) / n
    small = np.abs(covariance / covariance[0]) < 2 * sqrt(log10(n) / n)
    followed = (lag for lag in range(len(small) - beyond) if small[lag : lag + beyond].all())
    last = min(2 * next(followed, len(small) - 1), len(lags) - 1)
    weight = np.minimum(1.0, 2 * (1 - lags[1 : last + 1] / last))
    spectrum = covariance[0] + 2 * float(weight @ covariance[1 : last + 1])
    slope = 2 * float((weight * lags[1 : last + 1]) @ covariance[1 : last + 1])
    return float(min((slope**2 / spectrum**2 * n) ** (1 / 3), ceil(min(3 * sqrt(n), n / 3))))


@lru_cache(maxsize=8)
def bootstrap_rows(n: int, block: int) -> Rows:
    """Return RESAMPLES x n rows of a series: the stationary bootstrap (Politis and Romano 1994, JASA 89).

    Blocks are ``block`` long on average: a new one begins at each row with probability 1 / ``block``, and continues at
    the beginning of the series after its end.
    """
    rng, place = np.random.default_rng(SEED), np.arange(n)
    rows = rng.integers(0, n, (RESAMPLES, n))
    for row in rows:  # at first where a block would begin; one by one they stay in the processor's cache
        began = np.maximum.accumulate(np.where(rng.random(n) < 1 / block, place, 0))
        row[:] = (row[began] + place - began) % n
    rows.flags.writeable = False
    return rows


def bootstrap_drawdowns(returns: Floats, rows: Rows) -> Floats:
    """Return the maximum drawdown of each draw of each series (series, RESAMPLES), as a fraction <= 0.

    ``returns`` is (series, T); starting capital is included, and a return of -1 or less is the loss of all. The draws
    show other orders of the days, not a confidence in the observed drawdown: blocks break up long declines, so that the
    observed drawdown is often deeper than most draws.
    """
    with np.errstate(divide="ignore"):
        growth = np.ascontiguousarray(np.log1p(np.maximum(returns, -1.0)).T)
    parts = np.array_split(rows, ceil(len(rows) * len(returns) / _ELEMENTS))
    return np.asarray(np.expm1(np.concatenate([_lowest(growth, part) for part in parts])).T)


def _lowest(growth: Floats, rows: Rows) -> Floats:
    """Return how far each path falls below its maximum: day by day, all draws and series of a day at once."""
    path, highest, lowest = (np.zeros((len(rows), growth.shape[1])) for _ in range(3))
    for day in np.ascontiguousarray(rows.T):
        path += growth[day]
        np.maximum(highest, path, out=highest)
        np.minimum(lowest, path - highest, out=lowest)
    return lowest


def percentiles(draws: Floats) -> tuple[float, float]:
    """Return the percentiles that enclose LEVEL of the draws."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def share_above(draws: Floats) -> float:
    """Return the share of draws above 0; one at 0 counts half."""
    return float(np.mean((draws > 0) + 0.5 * (draws == 0)))


_UNDEFINED_SHARE = 0.01
_SHARPE_ROUNDING = 1e-12

Blocks = tuple[NDArray[np.int64], int]
"""The first observation of the blocks of each draw, (RESAMPLES, blocks), and the length of a block."""


def draw_blocks(n: int, length: int) -> Blocks:
    """Return blocks of ``length`` observations (at most n / 10) of a circular series of ``n``; only whole blocks."""
    size = max(1, min(length, n // MIN_BLOCKS))
    return np.random.default_rng(SEED).integers(0, n, size=(RESAMPLES, n // size)), size


class BlockDraws(Struct, frozen=True, eq=False):
    """A number of a series (its mean, or its Sharpe ratio per observation), observed and of each draw, and its error.

    A ratio divides by n. ``influence`` (n,) is the first-order contribution of each observation to the observed
    number; ``drawn_values`` (RESAMPLES,) and ``block_influence`` (RESAMPLES, blocks) are those of the draws, NaN where
    one does not vary. ``drawn`` is the number of observations of a draw.
    """

    observed: float
    influence: Floats
    drawn_values: Floats
    block_influence: Floats
    drawn: int


def mean_draws(values: Floats, blocks: Blocks) -> BlockDraws:
    """Return the draws of the mean of a series (n,)."""
    starts, size = blocks
    drawn = int(starts.shape[1]) * size
    sums = _circular_sums(values, size)[starts]
    mean = sums.sum(axis=1, keepdims=True) / drawn
    observed = float(values.mean())
    return BlockDraws(observed, values - observed, mean[:, 0], (sums - size * mean) / sqrt(size), drawn)


def sharpe_draws(excess: Floats, blocks: Blocks) -> BlockDraws:
    """Return the draws of a series of excess returns (n,); both sides of a difference use the same blocks."""
    starts, size = blocks
    drawn = int(starts.shape[1]) * size
    observed, influence = linearised(excess)
    sums, squares = (_circular_sums(v, size)[starts] for v in (excess, excess**2))
    mean, square = (s.sum(axis=1, keepdims=True) / drawn for s in (sums, squares))
    ratios, by_mean, by_square = _sharpe_and_slopes(mean, square)
    block_influence = by_mean * (sums - size * mean) + by_square * (squares - size * square)
    return BlockDraws(observed, influence, ratios[:, 0], block_influence / sqrt(size), drawn)


def linearised(excess: Floats) -> tuple[float, Floats]:
    """Return the Sharpe ratio of a series (n,), dividing by n, and each observation's contribution to first order."""
    mean, square = excess.mean(), (excess**2).mean()
    observed, by_mean, by_square = _sharpe_and_slopes(mean, square)
    return float(observed), by_mean * (excess - mean) + by_square * (excess**2 - square)


def _circular_sums(values: Floats, size: int) -> Floats:
    """Return the sum of ``size`` values from each place on, continuing at the beginning after the end."""
    total = np.cumsum(np.concatenate(([0.0], values, values[: size - 1])))
    return np.asarray(total[size:] - total[:-size])


def _sharpe_and_slopes(mean: Floats, square: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the Sharpe ratio of a mean and a mean square, and its derivatives by them; NaN where nothing varies."""
    variance = np.asarray(square - mean**2)
    varies = np.where(variance > _SHARPE_ROUNDING * np.asarray(square), variance, np.nan)
    return mean / np.sqrt(varies), square / varies**1.5, -0.5 * mean / varies**1.5


def studentized(first: BlockDraws, second: BlockDraws) -> tuple[float, float] | str:
    """Return half the width of the interval of the difference, and the share of draws above 0; or why there is none.

    The difference is second less first, per observation. Half the width is the LEVEL quantile over the draws of the
    absolute studentized difference, times the observed standard error (delta method, Parzen kernel with the automatic
    bandwidth of Newey and West 1994). The error of a draw comes from its blocks. Draws at 0 count half.
    """
    if np.array_equal(first.influence, second.influence):
        return 0.0, 0.5
    difference = second.drawn_values - first.drawn_values
    error = np.sqrt(np.mean((second.block_influence - first.block_influence) ** 2, axis=1) / first.drawn)
    known = np.isfinite(difference) & (error > 0)
    if np.mean(~known) > _UNDEFINED_SHARE:
        return f"{int((~known).sum()):,} of {RESAMPLES:,} draws do not vary"
    away = np.abs(difference[known] - (second.observed - first.observed)) / error[known]
    half_width = float(np.quantile(away, LEVEL)) * long_run_error(second.influence - first.influence)
    return half_width, share_above(difference[known])


def long_run_error(values: Floats) -> float:
    """Return the standard error of the mean of dependent values (n,): Parzen kernel, automatic bandwidth.

    Andrews (1991), Econometrica 59; the bandwidth of Newey and West (1994), Review of Economic Studies 61.
    """
    n, away = len(values), values - values.mean()
    reach = ceil(4 * (n / 100) ** (4 / 25))
    covariance = np.array([away[lag:] @ away[: n - lag] for lag in range(reach + 1)]) / n
    twice = covariance * np.where(np.arange(reach + 1) > 0, 2, 1)
    curvature = (float(np.arange(reach + 1) ** 2 @ twice) / float(twice.sum())) ** 2 if twice.sum() else 0.0
    bandwidth = min(2.6614 * (curvature * n) ** 0.2, n - 1.0)
    x = np.arange(int(bandwidth) + 1) / (bandwidth + 1)
    weight = np.where(x <= 0.5, 1 - 6 * x**2 * (1 - x), 2 * (1 - x) ** 3)  # Parzen's
    lagged = [w * float(away[lag:] @ away[: n - lag]) for lag, w in enumerate(weight)]
    return sqrt(max(0.0, 2 * sum(lagged) - lagged[0])) / n


class ConfidenceInterval(StrEnum):
    """What the two ends of a difference are."""

    NONE = "none"
    T = "t(N - 1)"
    STUDENTIZED = "block bootstrap, studentized"
    RESAMPLED = "resampled"


class Difference(Struct, frozen=True):
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
