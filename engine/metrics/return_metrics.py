"""Figures of a series of returns: tails, shape, gains and losses, its relation to a benchmark, and moving windows.

Each is a value or the reason why there is none. Rates are yearly only where the name says so; quantiles are
historical, never of a normal distribution.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from datasets.arrays import Floats
from engine.metrics.metrics import Number

TAIL = 0.05
MIN_FOR_TAIL = 20
"""A quantile of 5 % needs at least one value beyond it."""


def ulcer_index(below: Floats) -> Number:
    """Return the root mean square of the drawdowns, over all n sessions (Martin and McCann 1989).

    >>> round(float(ulcer_index(np.array([0.0, -0.1]))), 4)
    0.0707
    """
    return float(np.sqrt(np.mean(below**2))) if len(below) else "no sessions"


def skew(values: Floats) -> Number:
    """Return the adjusted Fisher-Pearson skewness (Joanes and Gill 1998, G1)."""
    n, spread = len(values), _moments(values)
    if n < 3 or spread is None:
        return "needs three returns that differ"
    m2, m3, _ = spread
    return float(np.sqrt(n * (n - 1)) / (n - 2) * m3 / m2**1.5)


def excess_kurtosis(values: Floats) -> Number:
    """Return the kurtosis in excess of a normal distribution's (Joanes and Gill 1998, G2)."""
    n, spread = len(values), _moments(values)
    if n < 4 or spread is None:
        return "needs four returns that differ"
    m2, _, m4 = spread
    return float((n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (m4 / m2**2 - 3) + 6))


def _moments(values: Floats) -> tuple[float, float, float] | None:
    """Return the second to fourth central moments (over n); None where the values do not vary."""
    if not len(values) or float(np.ptp(values)) == 0:
        return None
    away = values - values.mean()
    return float(np.mean(away**2)), float(np.mean(away**3)), float(np.mean(away**4))


def value_at_risk(returns: Floats) -> Number:
    """Return the historical quantile of the returns: a share TAIL of them lies below. A gain stays a gain."""
    if len(returns) < MIN_FOR_TAIL:
        return f"{len(returns)} sessions; at least {MIN_FOR_TAIL} are needed"
    return float(np.quantile(returns, TAIL))


def expected_shortfall(returns: Floats) -> Number:
    """Return the mean of the daily returns at or below the value at risk."""
    edge = value_at_risk(returns)
    return edge if isinstance(edge, str) else float(returns[returns <= edge].mean())


def beta(returns: Floats, benchmark: Floats) -> Number:
    """Return the slope of returns on the benchmark's."""
    moved = benchmark - benchmark.mean()
    spread = float((moved**2).sum())
    return float((returns * moved).sum() / spread) if spread > 0 else "the benchmark does not vary"


def correlation(returns: Floats, benchmark: Floats) -> Number:
    """Return Pearson's correlation of the returns."""
    if float(np.ptp(returns)) == 0 or float(np.ptp(benchmark)) == 0:
        return "one of the two does not vary"
    return float(np.corrcoef(returns, benchmark)[0, 1])


def information_ratio(returns: Floats, benchmark: Floats, per_year: float) -> Number:
    """Return the yearly ratio of the mean of the active returns to their standard deviation (Grinold and Kahn 1999)."""
    active = returns - benchmark
    spread = float(np.std(active, ddof=1)) if len(active) > 1 else 0.0
    return float(active.mean() / spread * np.sqrt(per_year)) if spread > 0 else "no active return"


# ---- over a window that moves session by session -----------------------------------------------------------------

_ROUNDING = 1e-12


def rolling_sharpe(excess: Floats, window: int, per_year: float) -> Floats:
    """Return the yearly Sharpe ratio of each window of excess returns; NaN where they do not vary."""
    parts = _windows(excess, window)
    return _placed(_ratio(parts.mean(axis=1), parts.std(axis=1, ddof=1), per_year), len(excess))


def rolling_sortino(excess: Floats, window: int, per_year: float) -> Floats:
    """Return the yearly Sortino ratio of each window of excess returns; NaN where none of them is a loss."""
    parts = _windows(excess, window)
    down = np.sqrt((np.minimum(parts, 0.0) ** 2).mean(axis=1))
    return _placed(_ratio(parts.mean(axis=1), down, per_year), len(excess))


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
