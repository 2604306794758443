"""How sure the difference of two Sharpe ratios is, after Ledoit and Wolf (2008): studentized, drawn in circular blocks.

Ledoit, O. and Wolf, M. (2008), Robust performance hypothesis testing with the Sharpe ratio, Journal of Empirical
Finance 15, 850-859. The difference over its standard error is drawn anew, not the difference alone: ratios of returns
with fat tails and clustered volatility are less sure than an interval from the difference alone would have it.
"""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from datasets.prices.bars import Floats
from engine.comparison.resampling import LEVEL, MIN_BLOCKS, RESAMPLES, SEED, share_above

_UNDEFINED_SHARE = 0.01
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Blocks:
    """Where the blocks of each draw begin, (RESAMPLES, blocks) places, and how many observations a block is long."""

    starts: NDArray[np.int64]
    size: int

    @property
    def drawn(self) -> int:
        """How many observations a draw has: whole blocks only."""
        return int(self.starts.shape[1]) * self.size


def draw_blocks(n: int, length: int) -> Blocks:
    """Return blocks of ``length`` observations (at most n / 10) of a series of ``n`` that is a circle."""
    size = max(1, min(length, n // MIN_BLOCKS))
    starts = np.random.default_rng(SEED).integers(0, n, size=(RESAMPLES, n // size))
    return Blocks(starts, size)


@dataclass(frozen=True, eq=False)
class SharpeDraws:
    """The Sharpe ratio per observation of a series, observed and of each draw, and what its error is made of.

    ``observed`` divides by n. ``pulls`` (n,) is what each observation adds to the observed ratio, to first order;
    ``ratios`` (RESAMPLES,) and ``block_pulls`` (RESAMPLES, blocks) are those of the draws, NaN where one does not vary.
    """

    observed: float
    pulls: Floats
    ratios: Floats
    block_pulls: Floats


def sharpe_draws(excess: Floats, blocks: Blocks) -> SharpeDraws:
    """Return the draws of a series of excess returns (n,); the same blocks must serve both sides of a difference."""
    observed, pulls = linearised(excess)
    sums, squares = (_circular_sums(v, blocks.size)[blocks.starts] for v in (excess, excess**2))
    mean, square = (s.sum(axis=1, keepdims=True) / blocks.drawn for s in (sums, squares))
    ratios, by_mean, by_square = _sharpe_and_slopes(mean, square)
    block_pulls = by_mean * (sums - blocks.size * mean) + by_square * (squares - blocks.size * square)
    return SharpeDraws(observed, pulls, ratios[:, 0], block_pulls / sqrt(blocks.size))


def linearised(excess: Floats) -> tuple[float, Floats]:
    """Return the Sharpe ratio of a series (n,), dividing by n, and what each observation adds to it to first order."""
    mean, square = excess.mean(), (excess**2).mean()
    observed, by_mean, by_square = _sharpe_and_slopes(mean, square)
    return float(observed), by_mean * (excess - mean) + by_square * (excess**2 - square)


def _circular_sums(values: Floats, size: int) -> Floats:
    """Return the sum of the ``size`` values from each place on, going on at the beginning after the end."""
    ran = np.cumsum(np.concatenate(([0.0], values, values[: size - 1])))
    return np.asarray(ran[size:] - ran[:-size])


def _sharpe_and_slopes(mean: Floats, square: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the Sharpe ratio of a mean and a mean square, and its slopes by them; NaN where nothing varies."""
    variance = np.asarray(square - mean**2)
    varies = np.where(variance > _ROUNDING * np.asarray(square), variance, np.nan)
    return mean / np.sqrt(varies), square / varies**1.5, -0.5 * mean / varies**1.5


@dataclass(frozen=True)
class Studentized:
    """The difference per observation, half the width of its interval of LEVEL, and the share of draws above 0."""

    half_width: float
    better: float


def studentized(first: SharpeDraws, second: SharpeDraws, blocks: Blocks) -> Studentized | str:
    """Return how sure the difference of two Sharpe ratios is, second less first and per observation; or why not known.

    The interval is the observed difference plus and minus ``half_width``: the LEVEL quantile over the draws of the
    absolute studentized difference, times the observed standard error (delta method, Parzen kernel with the automatic
    bandwidth of Newey and West 1994). A draw's own error comes from its blocks. Draws at 0 count half in ``better``.
    """
    if np.array_equal(first.pulls, second.pulls):
        return Studentized(0.0, 0.5)
    difference = second.ratios - first.ratios
    error = np.sqrt(np.mean((second.block_pulls - first.block_pulls) ** 2, axis=1) / blocks.drawn)
    known = np.isfinite(difference) & (error > 0)
    if np.mean(~known) > _UNDEFINED_SHARE:
        return f"{int((~known).sum()):,} of {RESAMPLES:,} draws do not vary"
    away = np.abs(difference[known] - (second.observed - first.observed)) / error[known]
    half_width = float(np.quantile(away, LEVEL)) * long_run_error(second.pulls - first.pulls)
    return Studentized(half_width, share_above(difference[known]))


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
    weight = _parzen(np.arange(int(bandwidth) + 1) / (bandwidth + 1))
    lagged = [w * float(away[lag:] @ away[: n - lag]) for lag, w in enumerate(weight)]
    return sqrt(max(0.0, 2 * sum(lagged) - lagged[0])) / n


def _parzen(x: Floats) -> Floats:
    """Return the weights of the Parzen kernel at shares x of its reach, from 0 to 1."""
    return np.where(x <= 0.5, 1 - 6 * x**2 * (1 - x), 2 * (1 - x) ** 3)
