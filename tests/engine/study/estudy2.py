"""The thirteen statistics of the R package estudy2 under its own conventions, an oracle.

Where the package departs from the papers it cites, each docstring
says how. Three conventions run through all of it: a security's spread is the standard deviation of its residuals with
ddof 1, where the market model has T - 2 degrees of freedom; the market's mean and sum of squares are those of the whole
estimation window, also for a security that did not trade in all of it; a sum over securities is their mean times the
number of all of them, so that those missing on a day count as if they had done as the others did.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from datasets.arrays import Floats
from engine.statistics.event_tests import bmp, cross_sectional_t
from engine.study.settings import Model
from tests.engine.study.one_window import abnormal_returns, fit


@dataclass(frozen=True)
class Sample:
    """Abnormal returns of k securities that share a benchmark, a fit each; NaN where one did not trade.

    ``estimation`` is (T, k), ``event`` (days, k), ``market_estimation`` (T,), ``market_event`` (days,), ``lengths``
    (k,) the sessions each security has in the estimation window.
    """

    estimation: Floats
    event: Floats
    market_estimation: Floats
    market_event: Floats
    lengths: NDArray[np.int64]


def sample(returns: Floats, market: Floats, *, estimation: slice, event: slice) -> Sample:
    """Return the market-model abnormal returns of securities.

    Args:
        returns: (sessions, k), NaN where a security did not trade.
        market: (sessions,), the benchmark.
        estimation: the rows of the estimation window.
        event: the rows of the event days.

    Raises:
        ValueError: a security has no return in the estimation window.
    """
    columns, lengths = [], []
    for each in returns.T:
        fitted = fit(Model.MARKET_MODEL, each[estimation], market[estimation])
        columns.append(abnormal_returns(fitted, each, market))
        lengths.append(fitted.n)
    abnormal = np.column_stack(columns)
    return Sample(abnormal[estimation], abnormal[event], market[estimation], market[event], np.array(lengths))


def statistics(s: Sample) -> dict[str, Floats]:
    """Return the thirteen statistics by name, one value for each event day."""
    return {
        "mean": mean(s),
        "bw_1980": brown_warner_1980(s),
        "bw_1985": brown_warner_1985(s),
        "t_cs": cross_sectional(s),
        "patell": patell(s),
        "bmp": boehmer(s),
        "lamb": lamb(s),
        "sign": sign(s),
        "gsign": generalized_sign(s),
        "corrado_sign": corrado_sign(s),
        "rank": rank(s),
        "mod_rank": modified_rank(s),
        "wilcoxon": wilcoxon(s),
    }


def mean(s: Sample) -> Floats:
    """Return the mean abnormal return of the securities that traded."""
    return _row_means(s.event)


def brown_warner_1980(s: Sample) -> Floats:
    """Return the mean over its standard deviation if securities were independent (Brown and Warner 1980).

    Departs: the spread takes ddof 1, and the forecast error is left out.
    """
    k = s.estimation.shape[1]
    found: Floats = mean(s) / (np.sqrt(np.nansum(_spread(s) ** 2)) / k)
    return found


def brown_warner_1985(s: Sample) -> Floats:
    """Return the mean over the standard deviation of the portfolio's own residuals (Brown and Warner 1985).

    As in the paper, but of the residuals of a market model fitted to each security.
    """
    return mean(s) / np.std(_row_means(s.estimation), ddof=1)


def cross_sectional(s: Sample) -> Floats:
    """Return the cross-sectional t of the securities that traded, as `statistics.cross_sectional_t` has it."""
    return _each_day(s.event, lambda values: cross_sectional_t(values).statistic)


def patell(s: Sample) -> Floats:
    """Return Patell's z (1976).

    Departs: the standardised returns are over a spread with ddof 1 and the market's whole window, which makes z larger
    than the textbook's by about 1 / (2 T); their sum is scaled up for securities that did not trade.
    """
    d = s.lengths
    found: Floats = _scaled_sums(_standardized(s)) / np.sqrt(((d - 2) / (d - 4)).sum())
    return found


def boehmer(s: Sample) -> Floats:
    """Return the t of standardised returns (Boehmer, Musumeci and Poulsen 1991).

    Departs through the standardised returns alone, as `patell` does; from there it is `statistics.bmp`.
    """
    return _each_day(_standardized(s), lambda values: bmp(values).statistic)


def lamb(s: Sample) -> Floats:
    """Return the mean over the portfolio's standard deviation, with a forecast error (Lamb 1995).

    The forecast error takes the mean number of sessions of a security and the market's whole window.
    """
    return mean(s) / (np.std(_row_means(s.estimation), ddof=1) * _forecast_error(s, float(s.lengths.mean())))


def sign(s: Sample) -> Floats:
    """Return the z of the share of positive returns against 1/2.

    Departs: normal, not binomial; a return of exactly 0 is not positive and stays in; the count is scaled up.
    """
    n, w = _counted(s.event), _scaled_sums(_positive(s.event))
    return (w - n / 2) / np.sqrt(n / 4)


def generalized_sign(s: Sample) -> Floats:
    """Return the z of the share of positive returns against that of all estimation windows (Cowan 1992).

    Departs: one share over all securities and sessions, where Cowan takes the mean of the securities' shares; normal;
    the count is scaled up.
    """
    n, w = _counted(s.event), _scaled_sums(_positive(s.event))
    p = float(np.nanmean(_positive(s.estimation)))
    return (w - n * p) / np.sqrt(n * p * (1 - p))


def corrado_sign(s: Sample) -> Floats:
    """Return the sign test about each security's median (Corrado and Zivney 1992).

    Departs: all event days are in the median and in the spread, whose mean is over the mean number of sessions of a
    security; sums are scaled up.
    """
    whole = _whole(s)
    signs = np.sign(whole - np.nanmedian(whole, axis=0))
    return _over_spread(_scaled_sums(signs) / np.sqrt(_counted(signs)), s)


def rank(s: Sample) -> Floats:
    """Return the rank test of Corrado (1989) on ranks as they are.

    Departs as `corrado_sign` does; ranks are not put on one scale, so that a security with more sessions weighs more.
    """
    ranks = _ranks(_whole(s))
    away = ranks - np.nanmean(ranks, axis=0)
    return _over_spread(_scaled_sums(away) / _counted(away), s)


def modified_rank(s: Sample) -> Floats:
    """Return the rank test with missing values (Corrado and Zivney 1992), on ranks over M + 1, less 1/2.

    Departs as `corrado_sign` does: Corrado ranks one event day at a time and takes the mean over its sessions.
    """
    whole = _whole(s)
    u = _ranks(whole) / (np.isfinite(whole).sum(axis=0) + 1) - 0.5
    return _over_spread(_scaled_sums(u) / np.sqrt(_counted(u)), s)


def wilcoxon(s: Sample) -> Floats:
    """Return the sum of the ranks of the positive returns, Wilcoxon's.

    Departs only where a security did not trade: the sum is then scaled up.
    """
    scale = s.event.shape[1] / _counted(s.event)
    found: Floats = scale * _each_day(s.event, _sum_of_positive_ranks)
    return found


def _each_day(days: Floats, statistic: Callable[[Floats], float | None]) -> Floats:
    """Return a statistic of the securities that traded, day by day; NaN where it is not available."""
    return np.array([statistic(row[np.isfinite(row)]) for row in days], dtype=np.float64)


def _spread(s: Sample) -> Floats:
    spread: Floats = np.nanstd(s.estimation, axis=0, ddof=1)
    return spread


def _standardized(s: Sample) -> Floats:
    """Return (days, k): event returns over their forecast standard deviation as the package has it."""
    return s.event / (_spread(s) * _forecast_error(s, s.lengths[:, None]).T)


def _forecast_error(s: Sample, length: float | NDArray[np.int64]) -> Floats:
    """Return the root of 1 + 1 / length + (M - mean of M)2 / sum of squares, for each event day."""
    away = s.market_estimation - s.market_estimation.mean()
    error: Floats = np.sqrt(1 + 1 / length + (s.market_event - s.market_estimation.mean()) ** 2 / (away**2).sum())
    return error


def _positive(x: Floats) -> Floats:
    return np.where(np.isfinite(x), (x > 0).astype(np.float64), np.nan)


def _counted(x: Floats) -> Floats:
    found: Floats = np.isfinite(x).sum(axis=1).astype(np.float64)
    return found


def _row_means(x: Floats) -> Floats:
    means: Floats = np.nanmean(x, axis=1)
    return means


def _scaled_sums(x: Floats) -> Floats:
    found: Floats = _row_means(x) * x.shape[1]
    return found


def _whole(s: Sample) -> Floats:
    return np.vstack((s.estimation, s.event))


def _ranks(x: Floats) -> Floats:
    """Return ranks from 1 on down each column, equal values sharing the mean of theirs."""
    return np.asarray(stats.rankdata(x, axis=0, nan_policy="omit"))


def _sum_of_positive_ranks(values: Floats) -> float:
    kept = values[values != 0]
    return float(stats.rankdata(np.abs(kept))[kept > 0].sum())


def _over_spread(scaled: Floats, s: Sample) -> Floats:
    """Return the event days' values over the root mean square of all, the mean over the mean number of sessions."""
    lengths = np.isfinite(_whole(s)).sum(axis=0)
    found: Floats = scaled[len(s.estimation) :] / np.sqrt((scaled**2).sum() / lengths.mean())
    return found
