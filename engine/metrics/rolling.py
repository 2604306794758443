"""Numbers over a window that moves session by session, for a chart; NaN where a window has none."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from datasets.arrays import Floats

_ROUNDING = 1e-12


def rolling_volatility(returns: Floats, window: int, per_year: float) -> Floats:
    """Return the yearly standard deviation (n - 1) of each ``window`` returns, at its last session; NaN before."""
    return _placed(_windows(returns, window).std(axis=1, ddof=1) * np.sqrt(per_year), len(returns))


def rolling_sharpe(excess: Floats, window: int, per_year: float) -> Floats:
    """Return the yearly Sharpe ratio of each window of excess returns; NaN where they do not vary."""
    parts = _windows(excess, window)
    return _placed(_ratio(parts.mean(axis=1), parts.std(axis=1, ddof=1), per_year), len(excess))


def rolling_sortino(excess: Floats, window: int, per_year: float) -> Floats:
    """Return the yearly Sortino ratio of each window of excess returns; NaN where none of them is a loss."""
    parts = _windows(excess, window)
    down = np.sqrt((np.minimum(parts, 0.0) ** 2).mean(axis=1))
    return _placed(_ratio(parts.mean(axis=1), down, per_year), len(excess))


def rolling_beta(returns: Floats, benchmark: Floats, window: int) -> Floats:
    """Return the slope of each window of returns on the benchmark's; NaN where the benchmark does not vary."""
    ours, theirs = _windows(returns, window), _windows(benchmark, window)
    moved = theirs - theirs.mean(axis=1, keepdims=True)
    spread = (moved**2).sum(axis=1)
    slope = np.full(len(ours), np.nan)
    np.divide((ours * moved).sum(axis=1), spread, out=slope, where=spread > _ROUNDING**2)
    return _placed(slope, len(returns))


def _windows(values: Floats, window: int) -> Floats:
    """Return every run of ``window`` values, one a row; no row where there are fewer."""
    return sliding_window_view(values, window) if len(values) >= window else np.empty((0, window))


def _ratio(mean: Floats, spread: Floats, per_year: float) -> Floats:
    ratio = np.full(len(mean), np.nan)
    np.divide(mean * np.sqrt(per_year), spread, out=ratio, where=spread > _ROUNDING)
    return ratio


def _placed(values: Floats, length: int) -> Floats:
    """Put the value of each window at its last session, and NaN before the first window is full."""
    return np.concatenate((np.full(length - len(values), np.nan), values))
