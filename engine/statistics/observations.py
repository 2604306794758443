"""The observations of closed trades: what overlaps in time is one, and its mean, deviation and Sharpe ratio."""

from collections.abc import Iterable, Sequence
from math import isfinite, nan
from statistics import fmean, stdev

import numpy as np
from msgspec import Struct

from engine.account.records import Trade, event_return, observed
from engine.statistics.significance import no_spread


class TradeStatistics(Struct, frozen=True):
    """The mean, standard deviation and Sharpe ratio of closed trades, as fractions per observation.

    ``n`` counts the observations and not the trades (None: not known), ``sd`` divides by n - 1, ``sharpe`` is
    ``mean / sd``, not annualised. ``reason`` says why ``sharpe`` is None.
    """

    n: int | None = None
    mean: float | None = None
    sd: float | None = None
    sharpe: float | None = None

    @property
    def reason(self) -> str:
        """Why there is no Sharpe ratio; blank where there is one."""
        if self.sharpe is not None:
            return ""
        if self.n is None:
            return "its trades are not known"
        if self.n < 2:
            return "no closed trades" if self.n == 0 else "1 observation; a spread needs at least 2"
        return "the returns of its trades do not vary" if self.sd is not None else "the return of a trade is no number"


def trade_statistics(trades: Sequence[Trade]) -> TradeStatistics:
    """Return the statistics of the closed trades; the sums are exact, so that every machine gives the same number."""
    return return_statistics(observed_returns(trades))


def return_statistics(returns: Sequence[float]) -> TradeStatistics:
    """Return the statistics of returns, each one observation."""
    n = len(returns)
    if not returns or not all(isfinite(r) for r in returns):
        return TradeStatistics(n)
    mean = fmean(returns)
    if n == 1:
        return TradeStatistics(n, mean)
    sd = stdev(returns)
    varies = no_spread(np.array(returns)) is None
    return TradeStatistics(n, mean, sd, mean / sd if varies else None)


def observed_returns(trades: Iterable[Trade]) -> list[float]:
    """Return the net return of each observation of closed trades, in order of time; NaN where one is not a number.

    The trades of one event are one return, their mean by value at entry: one that the exposure limit cut counts for
    less. The return of events that overlap is the mean of theirs.
    """
    groups = observed(t for t in trades if t.is_closed)
    return [_mean([event_return(legs) for legs in each]) for each in groups]


def _mean(returns: Sequence[float]) -> float:
    return fmean(returns) if all(isfinite(r) for r in returns) else nan
