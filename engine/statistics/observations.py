"""The observations of closed trades: what overlaps in time is one, and its mean, deviation and Sharpe ratio."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from statistics import fmean, stdev

from engine.account.records import Trade

_ROUNDING = 1e-12


@dataclass(frozen=True)
class TradeStatistics:
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
    varies = sd > _ROUNDING * max(abs(r) for r in returns)
    return TradeStatistics(n, mean, sd, mean / sd if varies else None)


def observed_returns(trades: Iterable[Trade]) -> list[float]:
    """Return the net return of each observation of closed trades, in order of time; NaN where one is not a number.

    Trades that overlap in time are one observation. The trades of one event are one return, their mean by weight (the
    plain mean where a weight is not known). The return of events that overlap is the mean of theirs. A trade without an
    event is an event of its own.
    """
    events: dict[str, list[Trade]] = {}
    for place, trade in enumerate(t for t in trades if t.is_closed):
        events.setdefault(trade.event_id or f" {place}", []).append(trade)
    ordered = sorted(events.values(), key=lambda legs: (_began(legs), _ended(legs)))
    groups: dict[int, list[float]] = {}
    for legs, group in zip(ordered, overlapping([(_began(x), _ended(x)) for x in ordered]), strict=True):
        groups.setdefault(group, []).append(_together(legs))
    return [_mean(each) for each in groups.values()]


def overlapping(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Return the group of each span, in order of their beginnings: one that begins before all of a group end joins it.

    >>> overlapping([(0, 4), (1, 2), (3, 6), (6, 7)])
    [0, 0, 0, 1]
    """
    group, end, groups = -1, -(2**63), []
    for began, ended in spans:
        group += began >= end
        end = max(end, ended)
        groups.append(group)
    return groups


def _began(legs: Sequence[Trade]) -> int:
    return min(t.entry_at for t in legs)


def _ended(legs: Sequence[Trade]) -> int:
    return max(t.exit_at for t in legs)


def _together(legs: Sequence[Trade]) -> float:
    """Return the mean of the trades of an event by weight."""
    weights = [abs(t.weight) for t in legs if t.weight is not None]
    alike = len(weights) < len(legs) or len(set(weights)) == 1
    return _mean([t.return_ for t in legs], None if alike else weights)


def _mean(returns: Sequence[float], weights: Sequence[float] | None = None) -> float:
    return fmean(returns, weights) if all(isfinite(r) for r in returns) else nan
