"""Block bootstrap of days and events: the same blocks for everything that is compared.

Days and events depend on their neighbours, so blocks of neighbours are drawn and not single ones. Every draw comes from
``SEED``: the same observations give the same interval.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, log10, sqrt

import numpy as np
from numpy.typing import NDArray

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
    last = min(2 * _first_insignificant(covariance / covariance[0], n, beyond), len(lags) - 1)
    weight = np.minimum(1.0, 2 * (1 - lags[1 : last + 1] / last))
    spectrum = covariance[0] + 2 * float(weight @ covariance[1 : last + 1])
    slope = 2 * float((weight * lags[1 : last + 1]) @ covariance[1 : last + 1])
    return float(min((slope**2 / spectrum**2 * n) ** (1 / 3), ceil(min(3 * sqrt(n), n / 3))))


def _first_insignificant(correlation: Floats, n: int, beyond: int) -> int:
    """Return the first lag after which ``beyond`` correlations are within their bounds; the longest if none is."""
    small = np.abs(correlation) < 2 * sqrt(log10(n) / n)
    return next((lag for lag in range(len(small) - beyond) if small[lag : lag + beyond].all()), len(small) - 1)


@lru_cache(maxsize=8)
def bootstrap_rows(n: int, block: int) -> Rows:
    """Return RESAMPLES x n rows of a series: the stationary bootstrap (Politis and Romano 1994, JASA 89).

    Blocks are ``block`` long on average: a new one begins at each row with probability 1 / ``block``, and continues at
    the beginning of the series after its end.
    """
    rng = np.random.default_rng(SEED)
    start, place = rng.integers(0, n, (RESAMPLES, n)), np.arange(n)
    began = np.where(rng.random((RESAMPLES, n)) < 1 / block, place, 0)
    began = np.maximum.accumulate(began, axis=1)
    rows = (np.take_along_axis(start, began, axis=1) + place - began) % n
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
