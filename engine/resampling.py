"""What chance could have made of a difference: observations drawn anew in blocks, the same for everything compared.

Days and events follow each other, so that single ones are not drawn but blocks of neighbours. Every draw comes from
``SEED``: the same observations give the same interval.
"""

from collections.abc import Sequence

import numpy as np
from arch.bootstrap import StationaryBootstrap, optimal_block_length
from numpy.typing import NDArray

from datasets.bars import Floats

SEED = 20_260_208
RESAMPLES = 1_000
LEVEL = 0.95
MIN_BLOCKS = 10
"""A series is at least so many blocks long: fewer would be drawn almost whole."""
_ROUNDING = 1e-12
_PARTS = 20  # draws are reckoned in parts that fit a processor's cache

Rows = NDArray[np.intp]


def block_length(series: Sequence[Floats], *, least: float = 1.0) -> float:
    """Return how many neighbours are drawn together on average, one length for all of some series of one length T.

    The longest of what each series asks for (Politis and White 2004, corrected by Patton, Politis and White 2009, for
    the stationary bootstrap), at least ``least``, and at most T / 10. A series that does not vary asks for nothing; of
    fewer than 20 observations each is drawn alone.
    """
    longest = len(series[0]) / MIN_BLOCKS
    if longest < 2:
        return 1.0
    asked = [float(optimal_block_length(s)["stationary"].iloc[0]) for s in series if _varies(s)]
    known = [a for a in asked if np.isfinite(a)]
    return min(longest, max([1.0, least, *known]))


def _varies(values: Floats) -> bool:
    return bool(np.ptp(values) > _ROUNDING * np.max(np.abs(values), initial=0.0))


def drawn_rows(n: int, block: float) -> Rows:
    """Return RESAMPLES x n rows of a series: the stationary bootstrap (Politis and Romano 1994).

    Blocks are ``block`` long on average. One begins anew at each row with the chance of 1 in ``block``, and goes on at
    the beginning when it has reached the end.
    """
    bootstrap = StationaryBootstrap(block, np.arange(n), seed=SEED)
    return np.array([positional[0] for positional, _ in bootstrap.bootstrap(RESAMPLES)], dtype=np.intp)


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
    return np.concatenate([_deepest(growth, part) for part in np.array_split(rows, _PARTS)])


def _deepest(growth: Floats, rows: Rows) -> Floats:
    path = np.cumsum(growth[rows], axis=1)
    highest = np.maximum(np.maximum.accumulate(path, axis=1), 0.0)
    return np.asarray(np.expm1((path - highest).min(axis=1)))


def percentiles(draws: Floats) -> tuple[float, float]:
    """Return the percentiles that hold LEVEL of the draws between them."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def share_above(draws: Floats) -> float:
    """Return the share of draws above 0; one at 0 counts half."""
    return float(np.mean((draws > 0) + 0.5 * (draws == 0)))
