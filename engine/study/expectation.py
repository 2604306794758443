"""What a trade would have returned without the event: estimated at every bar from the sessions before it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets.instants import NS_PER_DAY
from datasets.prices.bars import Bars, Flags, Floats
from engine.statistics.abnormal import Model
from engine.study.shapes import close_returns, window_sums

ESTIMATION = (-130, -11)
"""The estimation window: 120 sessions, from 130 to 11 before that of the entry (METHODS of event studies)."""
MIN_CLEAN = 60
"""So many of its sessions must lie outside every event's own window."""


@dataclass(frozen=True, eq=False)
class Estimates:
    """One value a bar, from the sessions of the estimation window that are in no event's window.

    ``alpha`` and ``beta`` of the returns on the benchmark's (0 and 1 market-adjusted; the mean and 0 mean-adjusted),
    ``sd`` the residual standard deviation of one session, ``count`` the sessions used, ``market_mean`` and
    ``market_ss`` the benchmark's mean and sum of squares over them; NaN with fewer than MIN_CLEAN.
    """

    model: Model | None
    alpha: Floats
    beta: Floats
    sd: Floats
    count: Floats
    market_mean: Floats
    market_ss: Floats
    market: Floats


def estimates(bars: Bars, inside: Flags, model: Model | None, market: Floats | None = None) -> Estimates:
    """Return the estimates at every bar.

    Args:
        bars: of one instrument, daily.
        inside: the sessions that lie in an event's own window; they are left out.
        model: the counterfactual; without one nothing is expected, and the mean is estimated for the spread alone.
        market: the benchmark's returns on the same sessions (see ``aligned_returns``), for the two market models.
    """
    y = np.where(inside, np.nan, close_returns(bars))
    x = np.zeros(len(bars)) if market is None else market
    used = np.isfinite(x) & np.isfinite(y)
    n, sx, sy = (_rolling(v) for v in (used.astype(float), _only(x, used), _only(y, used)))
    n = np.where(n >= MIN_CLEAN, n, np.nan)
    sxx = _rolling(_only(x * x, used)) - sx * sx / n
    sxy = _rolling(_only(x * y, used)) - sx * sy / n
    syy = _rolling(_only(y * y, used)) - sy * sy / n
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


def _only(values: Floats, used: Flags) -> Floats:
    kept: Floats = np.where(used, values, 0.0)
    return kept


def _rolling(values: Floats) -> Floats:
    """Return the sum over the estimation window of each bar; a window cut by the first bar sums what there is."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    rows = np.arange(len(values))
    begin, end = (np.clip(rows + k, 0, len(values)) for k in (ESTIMATION[0], ESTIMATION[1] + 1))
    rolled: Floats = total[end] - total[begin]
    return rolled


@dataclass(frozen=True, eq=False)
class Expected:
    """One value a bar: the return expected without the event (its side included), and the spread around it."""

    returns: Floats
    sd: Floats


def expected(given: Estimates, *, side: int, first: int, last: int) -> Expected:
    """Return what the sessions ``first`` to ``last`` from each bar were expected to return, and the forecast's spread.

    The variance over L sessions is s2 (L + L2/T) mean-adjusted, s2 L market-adjusted, and for the market model
    s2 (L + L2/T + (sum M - L mean M)2 / Sxx) (Patell 1976; Campbell, Lo and MacKinlay 1997, ch. 4).
    """
    days = last - first + 1
    moved = window_sums(given.market, first, last)
    mean = given.alpha * days + np.where(given.beta == 0, 0.0, given.beta * moved)
    spread = np.full(len(mean), float(days))
    if given.model is not Model.MARKET:
        spread = spread + days**2 / given.count
    if given.model is Model.MARKET_MODEL:
        spread = spread + (moved - days * given.market_mean) ** 2 / given.market_ss
    level = np.where(np.isnan(given.sd), np.nan, 0.0) if given.model is None else side * mean
    return Expected(level, given.sd * np.sqrt(spread))


def aligned_returns(bars: Bars, benchmark: Bars) -> Floats:
    """Return the benchmark's returns on an instrument's sessions, never from after the instrument's own close.

    Each close of the instrument is paired with the benchmark's last close at or before that instant: for Tokyo and New
    York that is the American session of the day before. The move over days on which the benchmark was shut falls on
    the first session after them; NaN before its first bar, and where sessions that its calendar holds are lacking.
    """
    row = np.searchsorted(benchmark.close_at, bars.close_at, side="right") - 1
    level = np.where(row >= 0, benchmark.close[np.maximum(row, 0)], np.nan)
    found = np.full(len(bars), np.nan)
    found[1:] = level[1:] / level[:-1] - 1
    lost = np.searchsorted(bars.close_at, benchmark.missing.close_at, side="left")
    found[lost[lost < len(found)]] = np.nan
    found[bars.close_at > benchmark.close_at[-1] + _ENDED_AFTER] = np.nan
    return found


_ENDED_AFTER = 5 * NS_PER_DAY
"""So long after its last bar a benchmark has ended: it then says nothing of the sessions of others."""


def correlations(bars: Sequence[Bars], returns: Sequence[Floats]) -> Floats:
    """Return the matrix of correlations of several instruments' returns over the calendar dates they share."""
    k = len(bars)
    found = np.eye(k)
    for i in range(k):
        for j in range(i):
            _, a, b = np.intersect1d(bars[i].session, bars[j].session, return_indices=True)
            x, y = returns[i][a], returns[j][b]
            both = np.isfinite(x) & np.isfinite(y)
            shared = int(both.sum()) >= MIN_CLEAN and np.ptp(x[both]) > 0 and np.ptp(y[both]) > 0
            found[i, j] = found[j, i] = np.corrcoef(x[both], y[both])[0, 1] if shared else 0.0
    return found
