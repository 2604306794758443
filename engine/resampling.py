"""What chance could have made of a difference: observations drawn anew in blocks, the same for everything compared.

Days and events follow each other, so that single ones are not drawn but blocks of neighbours. Every draw comes from
``SEED``: the same observations give the same interval.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, log10, sqrt

import numpy as np
from numpy.typing import NDArray

from datasets.bars import Floats

SEED = 20_260_208
RESAMPLES = 1_000
LEVEL = 0.95
MIN_BLOCKS = 10
"""A series is at least so many blocks long: fewer would be drawn almost whole."""
_ROUNDING = 1e-12
_AT_ONCE = 8  # draws reckoned together: they fit a processor's cache

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
    return np.asarray(values[rows].mean(axis=1))


def deepest_falls(returns: Floats, rows: Rows) -> Floats:
    """Return the maximum drawdown of each draw, as a fraction <= 0, starting capital included.

    It says what this order of days could have been, not how sure the observed one is: blocks break up long falls, so
    that the observed drawdown is often deeper than most draws. A return of -1 or less is the loss of all.
    """
    with np.errstate(divide="ignore"):
        growth = np.log1p(np.maximum(returns, -1.0))
    parts = (rows[n : n + _AT_ONCE] for n in range(0, len(rows), _AT_ONCE))
    falls: Floats = np.expm1(np.concatenate([_deepest(growth, part) for part in parts]))
    return falls


def _deepest(growth: Floats, rows: Rows) -> Floats:
    """Return the lowest of the path below its highest so far, the beginning (0) included."""
    path = np.cumsum(growth[rows], axis=1)
    below = path - np.maximum.accumulate(path, axis=1)
    return np.asarray(np.minimum(path.min(axis=1), below.min(axis=1)).clip(max=0.0))


def percentiles(draws: Floats) -> tuple[float, float]:
    """Return the percentiles that hold LEVEL of the draws between them."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def share_above(draws: Floats) -> float:
    """Return the share of draws above 0; one at 0 counts half."""
    return float(np.mean((draws > 0) + 0.5 * (draws == 0)))
