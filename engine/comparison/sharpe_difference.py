"""The confidence interval of the difference of two Sharpe ratios, or of two means: studentized, in circular blocks.

Ledoit, O. and Wolf, M. (2008), Robust performance hypothesis testing with the Sharpe ratio, Journal of Empirical
Finance 15, 850-859. The difference over its standard error is resampled, not the difference alone: an interval from the
difference alone is too narrow for returns with fat tails and clustered volatility.
"""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Floats
from engine.comparison.resampling import LEVEL, MIN_BLOCKS, RESAMPLES, SEED, share_above

_UNDEFINED_SHARE = 0.01
_ROUNDING = 1e-12

Blocks = tuple[NDArray[np.int64], int]
"""The first observation of the blocks of each draw, (RESAMPLES, blocks), and the length of a block."""


def draw_blocks(n: int, length: int) -> Blocks:
    """Return blocks of ``length`` observations (at most n / 10) of a circular series of ``n``; only whole blocks."""
    size = max(1, min(length, n // MIN_BLOCKS))
    return np.random.default_rng(SEED).integers(0, n, size=(RESAMPLES, n // size)), size


@dataclass(frozen=True, eq=False)
class BlockDraws:
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
    varies = np.where(variance > _ROUNDING * np.asarray(square), variance, np.nan)
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
