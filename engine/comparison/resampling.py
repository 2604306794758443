"""What chance could have made of a difference: observations drawn anew in blocks, the same for everything compared.

Days and events follow each other, so that single ones are not drawn but blocks of neighbours. Every draw comes from
``SEED``: the same observations give the same interval.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, log10, sqrt

import numpy as np
from numpy.typing import NDArray

from datasets.prices.bars import Floats

SEED = 20_260_208
RESAMPLES = 1_000
LEVEL = 0.95
MIN_BLOCKS = 10
"""A series is at least so many blocks long: fewer would be drawn almost whole."""
_ROUNDING = 1e-12
_AT_ONCE = 8  # draws averaged together, and numbers walked together: they fit a processor's cache
_ELEMENTS = 12_500

Rows = NDArray[np.intp]


def block_length(series: Sequence[Floats], *, least: float = 1.0) -> int:
    """Return how many neighbours are drawn together on average, one length for all of some series of one length T.

    The longest of what each series asks for (`asked_length`), at least ``least``, rounded up, and at most T / 10 and
    3 sqrt(T). Of fewer than 20 observations each is drawn alone.
    """
    n = len(series[0])
    longest = min(n // MIN_BLOCKS, ceil(3 * sqrt(n)))
    if longest < 2:
        return 1
    return min(longest, ceil(max([1.0, least, *map(asked_length, series)])))


def asked_length(values: Floats) -> float:
    """Return the block length of the stationary bootstrap that estimates the variance of the mean of ``values`` best.

    Politis and White (2004), Econometric Reviews 23(1), as corrected by Patton, Politis and White (2009), ibid. 28(4):
    (G^2 / g^2)^(1/3) n^(1/3) from the autocovariances up to twice the lag from which on none is significant, at most
    min(3 sqrt(n), n / 3). 0 where nothing varies.
    """
    n, away = len(values), values - values.mean()
    if np.ptp(values) <= _ROUNDING * np.max(np.abs(values), initial=0.0):
        return 0.0
    beyond = max(5, int(log10(n)))
    lags = np.arange(ceil(sqrt(n)) + beyond + 1)
    covariance = np.array([away[lag:] @ away[: n - lag] for lag in lags]) / n
    last = min(2 * _first_quiet(covariance / covariance[0], n, beyond), len(lags) - 1)
    weight = np.minimum(1.0, 2 * (1 - lags[1 : last + 1] / last))
    spectrum = covariance[0] + 2 * float(weight @ covariance[1 : last + 1])
    slope = 2 * float((weight * lags[1 : last + 1]) @ covariance[1 : last + 1])
    return float(min((slope**2 / spectrum**2 * n) ** (1 / 3), ceil(min(3 * sqrt(n), n / 3))))


def _first_quiet(correlation: Floats, n: int, beyond: int) -> int:
    """Return the first lag from which on ``beyond`` correlations are within their bounds; the longest if none is."""
    small = np.abs(correlation) < 2 * sqrt(log10(n) / n)
    quiet = (lag for lag in range(len(small) - beyond) if small[lag : lag + beyond].all())
    return next(quiet, len(small) - 1)


@lru_cache(maxsize=8)
def drawn_rows(n: int, block: int) -> Rows:
    """Return RESAMPLES x n rows of a series: the stationary bootstrap (Politis and Romano 1994, JASA 89).

    Blocks are ``block`` long on average. One begins anew at each row with the chance of 1 in ``block``, and goes on at
    the beginning when it has reached the end.
    """
    rng = np.random.default_rng(SEED)
    start, place = rng.integers(0, n, (RESAMPLES, n)), np.arange(n)
    began = np.where(rng.random((RESAMPLES, n)) < 1 / block, place, 0)
    began = np.maximum.accumulate(began, axis=1)
    rows = (np.take_along_axis(start, began, axis=1) + place - began) % n
    rows.flags.writeable = False
    return rows


def means(values: Floats, rows: Rows) -> Floats:
    """Return the mean of each draw (RESAMPLES,)."""
    return np.concatenate([values[part].mean(axis=1) for part in np.array_split(rows, len(rows) // _AT_ONCE)])


def deepest_falls(returns: Floats, rows: Rows) -> Floats:
    """Return the maximum drawdown of each draw of each series (series, RESAMPLES), as a fraction <= 0.

    ``returns`` is (series, T); starting capital is included, and a return of -1 or less is the loss of all. It says
    what another order of days would have done, not how sure the observed drawdown is: blocks break up long falls, so
    that the observed one is often deeper than most draws.
    """
    with np.errstate(divide="ignore"):
        growth = np.ascontiguousarray(np.log1p(np.maximum(returns, -1.0)).T)
    parts = np.array_split(rows, ceil(len(rows) * len(returns) / _ELEMENTS))
    deepest: Floats = np.expm1(np.concatenate([_deepest(growth, part) for part in parts])).T
    return deepest


def _deepest(growth: Floats, rows: Rows) -> Floats:
    """Return how far below its highest each path fell: day by day, all draws and series of a day at once."""
    path, highest, lowest = (np.zeros((len(rows), growth.shape[1])) for _ in range(3))
    for day in np.ascontiguousarray(rows.T):
        path += growth[day]
        np.maximum(highest, path, out=highest)
        np.minimum(lowest, path - highest, out=lowest)
    return lowest


def percentiles(draws: Floats) -> tuple[float, float]:
    """Return the percentiles that hold LEVEL of the draws between them."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def share_above(draws: Floats) -> float:
    """Return the share of draws above 0; one at 0 counts half."""
    return float(np.mean((draws > 0) + 0.5 * (draws == 0)))
