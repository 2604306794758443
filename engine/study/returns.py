"""Returns of bars: of the closes, summed over windows, of a benchmark on another's sessions, and their correlations."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Floats
from datasets.instants import NS_PER_DAY
from datasets.prices.account_currency import account_returns
from datasets.prices.bars import Bars
from engine.strategy.gaps import broken_before

MIN_COMMON = 60
"""A correlation needs at least so many common sessions."""
_ENDED_AFTER = 5 * NS_PER_DAY
"""A benchmark has no return so long after its last bar."""

Rows = NDArray[np.signedinteger[Any]]
"""Numbers of bars."""


@lru_cache(maxsize=64)
def close_returns(bars: Bars) -> Floats:
    """Return the simple returns of the closes in account currency, one a bar; NaN at the first bar and across a gap."""
    returns = np.full(len(bars), np.nan)
    returns[1:] = account_returns(bars.close, bars.close_rate, financed=bars.is_financed)
    returns[broken_before(bars)] = np.nan
    returns.setflags(write=False)
    return returns


def window_sums(returns: Floats, first: int, last: int) -> Floats:
    """Return for each bar the sum of the returns ``first`` to ``last`` bars from it (CAR sums simple returns).

    Args:
        returns: one fraction a bar; NaN where there is none.
        first: the first bar counted, from the bar itself (negative: before it).
        last: the last bar counted.

    Returns:
        One sum a bar; NaN where the window leaves the bars or holds a NaN.
    """
    rows = np.arange(len(returns))
    inside = (rows + first >= 0) & (rows + last < len(returns))
    sums, absent = (clipped_sums(v, first, last) for v in (np.nan_to_num(returns), np.isnan(returns)))
    return np.where(inside & (absent == 0), sums, np.nan)


def clipped_sums(values: NDArray[Any], first: int, last: int) -> Floats:
    """Return for each bar the sum of the values ``first`` to ``last`` bars from it, of those that there are.

    >>> clipped_sums(np.array([1.0, 0.0, 2.0, 0.0]), -1, 0).tolist()
    [1.0, 1.0, 2.0, 2.0]
    """
    total = np.concatenate(([0.0], np.cumsum(values)))
    rows = np.arange(len(values))
    begin, end = (np.minimum(np.maximum(rows + k, 0), len(values)) for k in (first, last + 1))  # np.clip is slow
    return np.asarray(total[end] - total[begin])


def moved(values: NDArray[Any], rows: int, beyond: Any) -> NDArray[Any]:
    """Return the values so many rows ahead (negative: back), and another value beyond the ends.

    >>> moved(np.array([1.0, 2.0, 3.0]), 1, 0.0).tolist()
    [2.0, 3.0, 0.0]
    """
    gone = np.full(min(abs(rows), len(values)), beyond, dtype=values.dtype)
    return np.concatenate((values[len(gone) :], gone) if rows > 0 else (gone, values[: len(values) - len(gone)]))


def aligned_returns(bars: Bars, benchmark: Bars) -> Floats:
    """Return the benchmark's returns on an instrument's sessions, never from after the instrument's own close.

    Each close of the instrument is paired with the benchmark's last close at or before that instant: for Tokyo and New
    York that is the American session of the day before. The move over days on which the benchmark was closed falls on
    the first session after them. NaN before its first bar, and where sessions of its calendar are missing.
    """
    row = np.searchsorted(benchmark.close_at, bars.close_at, side="right") - 1
    level = np.where(row >= 0, benchmark.close[np.maximum(row, 0)], np.nan)
    rates = None if benchmark.close_rate is None else benchmark.close_rate[np.maximum(row, 0)]
    returns = np.full(len(bars), np.nan)
    returns[1:] = account_returns(level, rates, financed=benchmark.is_financed)
    missing = np.searchsorted(bars.close_at, benchmark.missing.close_at, side="left")
    returns[missing[missing < len(returns)]] = np.nan
    returns[bars.close_at > benchmark.close_at[-1] + _ENDED_AFTER] = np.nan
    return returns


def correlations(bars: Sequence[Bars]) -> Floats:
    """Return the matrix of correlations of several instruments' daily returns over the dates they share."""
    matrix = np.eye(len(bars))
    for i in range(len(bars)):
        for j in range(i):
            _, a, b = np.intersect1d(bars[i].session, bars[j].session, return_indices=True)
            x, y = close_returns(bars[i])[a], close_returns(bars[j])[b]
            both = np.isfinite(x) & np.isfinite(y)
            known = int(both.sum()) >= MIN_COMMON and np.ptp(x[both]) > 0 and np.ptp(y[both]) > 0
            matrix[i, j] = matrix[j, i] = np.corrcoef(x[both], y[both])[0, 1] if known else 0.0
    return matrix
