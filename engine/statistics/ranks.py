"""Rank tests, which compare an event day or an event window with the sessions of the estimation window."""

import numpy as np
from scipy.stats import rankdata

from datasets.arrays import Floats
from engine.statistics.abnormal import MIN_ESTIMATION
from engine.statistics.event_tests import p_of_t, p_of_z
from engine.statistics.significance import Significance, no_spread, untested, why_not

_ROUNDING = 1e-9


def corrado(abnormal: Floats, event_column: int) -> Significance:
    """Return the rank test of one event day (Corrado 1989; with missing values Corrado and Zivney 1992).

    z = N^(-1/2) times the sum of U over the events on the event day, over S; U = rank / (M + 1) - 1/2 among the M
    values an event has, equal values sharing their mean rank; S2 the mean over sessions of the square of the same sum.
    Against the normal. It is valid for a single day only, and one no more volatile than others: at nominal 5 % it
    rejects 7 to 10 % of simulated samples whose event variance is doubled.

    Args:
        abnormal: (events, sessions), abnormal returns of estimation window and event day; NaN where there is none.
        event_column: the column of the event day.
    """
    name, n = "Corrado rank", int(np.isfinite(abnormal[:, event_column]).sum()) if abnormal.size else 0
    reason = why_not(np.zeros(n), least=2, test="a rank test") or _short(abnormal)
    if reason:
        return untested(name, n, reason)
    sums, there = _rank_sums(abnormal)
    scaled = sums / np.sqrt(np.maximum(there, 1))
    spread = float(np.sqrt((scaled**2).sum() / np.count_nonzero(there)))
    if spread <= _ROUNDING:
        return untested(name, n, "the mean rank of the events is the same on every session")
    z = float(scaled[event_column]) / spread
    return Significance(name, n, z, p_of_z(z), f"normal, ranks among {np.count_nonzero(there)} sessions")


def grank(sars: Floats, standardized: Floats) -> Significance:
    """Return the generalized rank t-test of cumulated returns, GRANK-T (Kolari and Pynnönen 2011).

    The standardized CARs, over their standard deviation across events, are ranked like one more session of the
    estimation window. With U as in `corrado`, Z = mean of U over the events on that session, over the root of
    S2 = mean over the m = T + 1 sessions of (share of events there) times (mean of U)2; the statistic is
    Z times the root of (m - 2) / (m - 1 - Z2), against t(m - 2).

    Not for few events: the standard deviation across few events is noise that all of them share. At nominal 5 % it
    rejects 8 to 12 % of simulated samples of 5 events, and 5 to 9 % of 10 or 20.

    Args:
        sars: (events, T), standardized abnormal returns of the estimation window; NaN where there is none.
        standardized: (events,), the CARs over the root of their forecast variance.
    """
    name, n = "GRANK t", len(standardized)
    reason = why_not(standardized, least=2, test="a rank test") or no_spread(standardized) or _short(sars)
    if reason:
        return untested(name, n, reason)
    scar = standardized / np.std(standardized, ddof=1)
    sums, there = _rank_sums(np.column_stack((sars, scar)))
    m = int(np.count_nonzero(there))
    variance = float((sums**2 / (n * np.maximum(there, 1))).sum()) / m
    z2 = (float(sums[-1]) / n) ** 2 / variance if variance > _ROUNDING**2 else np.inf
    if z2 >= (m - 1) * (1 - _ROUNDING):  # where all other sessions tie
        return untested(name, n, "the mean rank of the events varies on no other session")
    t = float(np.sign(sums[-1])) * float(np.sqrt(z2 * (m - 2) / (m - 1 - z2)))
    return Significance(name, n, t, p_of_t(t, m - 2), f"t({m - 2})")


def uniform_ranks(abnormal: Floats) -> Floats:
    """Return U = rank / (M + 1) - 1/2 of each value among the M values of its row; NaN where there is none."""
    m = np.isfinite(abnormal).sum(axis=1, keepdims=True)
    return np.asarray(rankdata(abnormal, axis=1, nan_policy="omit") / (m + 1) - 0.5)


def _rank_sums(abnormal: Floats) -> tuple[Floats, Floats]:
    """Return for each session the sum of U over the events that have a value there, and how many these are."""
    ranks = uniform_ranks(abnormal)
    return np.nansum(ranks, axis=0), np.isfinite(ranks).sum(axis=0).astype(np.float64)


def _short(abnormal: Floats) -> str | None:
    """Return why the shortest row of abnormal returns cannot rank an event, or None."""
    least = int(np.isfinite(abnormal).sum(axis=1).min(initial=abnormal.shape[1]))
    if least >= MIN_ESTIMATION:
        return None
    return f"{least} sessions in the estimation window; at least {MIN_ESTIMATION} are needed"
