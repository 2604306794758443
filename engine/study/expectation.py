"""The return of a trade without its event: estimated at every bar from the sessions before it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets.instants import NS_PER_DAY
from datasets.prices.bars import Bars, Flags, Floats
from engine.statistics.abnormal import Model
from engine.study.shapes import close_returns, window_sums

ESTIMATION = (-130, -11)
"""The estimation window: 120 sessions, from 130 to 11 before the session of the entry."""
MIN_CLEAN = 60
"""The estimation window needs at least so many sessions outside every event window."""
_ENDED_AFTER = 5 * NS_PER_DAY
"""A benchmark has no return so long after its last bar."""


@dataclass(frozen=True, eq=False)
class Estimates:
    """One value a bar, from the sessions of its estimation window that lie in no event window.

    ``alpha`` and ``beta`` of the returns on the benchmark's (market-adjusted: 0 and 1; mean-adjusted: the mean and 0),
    ``sd`` the residual standard deviation of one session, ``count`` the sessions used, ``market_mean`` and
    ``market_ss`` the benchmark's mean and sum of squares over them. NaN with fewer than MIN_CLEAN sessions.
    """

    model: Model | None
    alpha: Floats
    beta: Floats
    sd: Floats
    count: Floats
    market_mean: Floats
    market_ss: Floats
    market: Floats

    def expected(self, *, side: int, first: int, last: int) -> tuple[Floats, Floats]:
        """Return the expected return of the sessions ``first`` to ``last`` from each bar, and its forecast error.

        The variance over L sessions is s2 (L + L2/T) mean-adjusted, s2 L market-adjusted, and for the market model
        s2 (L + L2/T + (sum M - L mean M)2 / Sxx) (Patell 1976; Campbell, Lo and MacKinlay 1997, ch. 4).

        Args:
            side: 1 long, -1 short.
            first: the first session, counted from the bar.
            last: the last session.

        Returns:
            Two values a bar: the expected return (0 without a model), and the standard deviation around it.
        """
        days = last - first + 1
        market = window_sums(self.market, first, last)
        mean = self.alpha * days + np.where(self.beta == 0, 0.0, self.beta * market)
        spread = np.full(len(mean), float(days))
        if self.model is not Model.MARKET:
            spread = spread + days**2 / self.count
        if self.model is Model.MARKET_MODEL:
            spread = spread + (market - days * self.market_mean) ** 2 / self.market_ss
        level = np.where(np.isnan(self.sd), np.nan, 0.0) if self.model is None else side * mean
        return level, self.sd * np.sqrt(spread)


def estimates(bars: Bars, inside: Flags, model: Model | None, market: Floats | None = None) -> Estimates:
    """Return the estimates at every bar.

    Args:
        bars: of one instrument, daily.
        inside: the sessions inside event windows, which are left out.
        model: the counterfactual; without one the mean is estimated for the standard deviation alone.
        market: the benchmark's returns on the same sessions (`aligned_returns`), for the two market models.
    """
    y = np.where(inside, np.nan, close_returns(bars))
    x = np.zeros(len(bars)) if market is None else market
    used = np.isfinite(x) & np.isfinite(y)
    x_used, y_used = np.where(used, x, 0.0), np.where(used, y, 0.0)
    n, sx, sy = (_rolling(v) for v in (used.astype(float), x_used, y_used))
    n = np.where(n >= MIN_CLEAN, n, np.nan)
    sxx = _rolling(x_used * x_used) - sx * sx / n
    sxy = _rolling(x_used * y_used) - sx * sy / n
    syy = _rolling(y_used * y_used) - sy * sy / n
    alpha, beta, ssr, df = _fitted(model, n, sx / n, sy / n, sxx, sxy, syy)
    sd = np.sqrt(np.maximum(ssr, 0.0) / df)
    return Estimates(model, alpha, beta, sd, n, sx / n, sxx, x)


def _fitted(
    model: Model | None, n: Floats, mean_x: Floats, mean_y: Floats, sxx: Floats, sxy: Floats, syy: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return alpha, beta, the sum of squared residuals and its degrees of freedom."""
    if model is Model.MARKET_MODEL:
        beta = np.divide(sxy, sxx, out=np.full(len(n), np.nan), where=sxx > 0)
        return mean_y - beta * mean_x, beta, syy - beta * sxy, n - 2
    if model is Model.MARKET:
        return np.zeros(len(n)), np.ones(len(n)), syy - 2 * sxy + sxx, n - 1
    return mean_y, np.zeros(len(n)), syy, n - 1


def _rolling(values: Floats) -> Floats:
    """Return the sum over the estimation window of each bar; a window cut by the first bar sums what it has."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    rows = np.arange(len(values))
    begin, end = (np.clip(rows + k, 0, len(values)) for k in (ESTIMATION[0], ESTIMATION[1] + 1))
    return np.asarray(total[end] - total[begin])


def aligned_returns(bars: Bars, benchmark: Bars) -> Floats:
    """Return the benchmark's returns on an instrument's sessions, never from after the instrument's own close.

    Each close of the instrument is paired with the benchmark's last close at or before that instant: for Tokyo and New
    York that is the American session of the day before. The move over days on which the benchmark was closed falls on
    the first session after them. NaN before its first bar, and where sessions of its calendar are missing.
    """
    row = np.searchsorted(benchmark.close_at, bars.close_at, side="right") - 1
    level = np.where(row >= 0, benchmark.close[np.maximum(row, 0)], np.nan)
    returns = np.full(len(bars), np.nan)
    returns[1:] = level[1:] / level[:-1] - 1
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
            known = int(both.sum()) >= MIN_CLEAN and np.ptp(x[both]) > 0 and np.ptp(y[both]) > 0
            matrix[i, j] = matrix[j, i] = np.corrcoef(x[both], y[both])[0, 1] if known else 0.0
    return matrix
