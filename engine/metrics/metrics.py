"""The headline metrics of one run, and the figures of a series of daily returns that they share with other pages.

Conventions: CONVENTIONS.md. What cannot be computed is None or a text with the reason; never 0, never NaN.
"""

from collections.abc import Sequence
from datetime import date
from statistics import fmean, median, stdev

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from datasets.arrays import Floats, Sessions
from datasets.instants import to_date
from engine.account.records import Trade, change, observed
from engine.metrics.table import (
    DAYS_PER_YEAR,
    METRICS,
    MIN_SPAN_DAYS,
    NO_VARIATION,
    PORTFOLIO_METRICS,
    MetricInputs,
    Metrics,
    annual_growth,
    annual_ratio,
    metrics_of,
    short_span,
)

Number = float | str
"""A value, or the reason why there is none."""
_ROUNDING = 1e-12


def compute_metrics(sessions: Sessions, returns: Floats, trades: Sequence[Trade], *, cash_rate: float = 0.0) -> Metrics:
    """Return the headline metrics of a run.

    Args:
        sessions: the account's days, ascending.
        returns: one fraction a session.
        trades: closed and open ones.
        cash_rate: annual rate that Sharpe and Sortino subtract.
    """
    return metrics_of(METRICS, run_inputs(sessions, returns, trades, cash_rate=cash_rate))


def buy_and_hold_metrics(sessions: Sessions, returns: Floats, *, cash_rate: float) -> Metrics:
    """Return the portfolio metrics of an asset that is held in every session."""
    inputs = run_inputs(sessions, returns, [], cash_rate=cash_rate)
    return metrics_of(PORTFOLIO_METRICS, replace(inputs, held=inputs.sessions, traded=np.array([1])))


def run_inputs(sessions: Sessions, returns: Floats, trades: Sequence[Trade], *, cash_rate: float = 0.0) -> MetricInputs:
    """Return what the headline metrics of one run are computed from: arrays of length 1."""
    per_year = sessions_per_year(sessions)
    excess = returns - session_rate(cash_rate, per_year)
    values = {
        "span_days": span_days(sessions),
        "sessions": len(sessions),
        "per_year": per_year,
        "growth": float(np.prod(1 + returns)),
        "drawdown": float(drawdown(returns).min(initial=0.0)),
        "mean": float(np.mean(excess)) if len(excess) else np.nan,
        "variance": standard_deviation(excess) ** 2,
        "downside": downside(excess),
        "held": int(held_sessions(sessions, trades).sum()),
        **_trade_inputs(trades),
    }
    return MetricInputs(**{name: np.array([value]) for name, value in values.items()})


def _trade_inputs(trades: Sequence[Trade]) -> dict[str, float]:
    returns = [t.return_ for t in trades]
    return {
        "traded": len(trades),
        "observations": len(observed(trades)),
        "won": sum(t.pnl > 0 for t in trades),
        "lost": sum(t.pnl < 0 for t in trades),
        "gains": float(sum(t.pnl for t in trades if t.pnl > 0)),
        "losses": float(-sum(t.pnl for t in trades if t.pnl < 0)),
        "mean_trade": fmean(returns) if returns else np.nan,
        "sd_trade": stdev(returns) if len(returns) > 1 else np.nan,
        "median_trade": median(returns) if returns else np.nan,
    }


def growth(returns: Floats) -> Floats:
    """Return what 1 becomes, session by session.

    >>> growth(np.array([0.5, -0.5])).tolist()
    [1.5, 0.75]
    """
    return np.cumprod(1 + returns, dtype=np.float64)


def total_return(returns: Floats) -> float:
    """Return the compounded return over all sessions.

    >>> round(total_return(np.array([0.10, -0.10])), 6)
    -0.01
    """
    return float(np.prod(1 + returns) - 1)


def span_days(sessions: Sessions) -> int:
    """Return the calendar days from the first session to the last."""
    return int((sessions[-1] - sessions[0]).astype(np.int64)) if len(sessions) else 0


def sessions_per_year(sessions: Sessions) -> float:
    """Return the realised number of sessions in 365 days."""
    days = span_days(sessions)
    return (len(sessions) - 1) * DAYS_PER_YEAR / days if days else 0.0


def cagr(returns: Floats, days: int) -> Number:
    """Return the yearly compounded growth over calendar days (actual/365), or why there is none."""
    if days < MIN_SPAN_DAYS:
        return short_span(days)
    growth = 1 + total_return(returns)
    return float(annual_growth(growth, days)) if growth > 0 else "the account was lost"


def session_rate(annual: float, per_year: float) -> float:
    """Return the rate of one session of an annual effective rate."""
    return float((1 + annual) ** (1 / per_year) - 1) if per_year else 0.0


def standard_deviation(values: Floats) -> float:
    """Return the standard deviation (n - 1) of values, exactly 0 where they do not vary beyond rounding."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return spread if spread > _ROUNDING * float(np.max(np.abs(values), initial=0.0)) else 0.0


def downside(excess: Floats) -> float:
    """Return the mean of the squares of the negative values, over all of them."""
    return float(np.mean(np.minimum(excess, 0.0) ** 2)) if len(excess) else 0.0


def sharpe(excess: Floats, per_year: float) -> Number:
    """Return the yearly Sharpe ratio of excess returns (Sharpe 1994), or why there is none."""
    spread = standard_deviation(excess)
    return float(annual_ratio(np.mean(excess), spread, per_year)) if spread else NO_VARIATION


def drawdown(returns: Floats) -> Floats:
    """Return the distance below the highest equity so far, starting capital included, as fractions <= 0.

    >>> [round(float(d), 6) for d in drawdown(np.array([-0.1, -0.1, -0.1, 0.01]))]
    [-0.1, -0.19, -0.271, -0.26371]
    """
    equity = np.concatenate(([1.0], growth(returns)))
    return change(equity / np.maximum.accumulate(equity))[1:]


class Drawdown(Struct, frozen=True):
    """One period below the highest equity: its first and lowest session, the session of recovery, its depth."""

    began: date
    lowest: date
    recovered: date | None
    depth: float
    days: int


def drawdowns(sessions: Sessions, returns: Floats) -> list[Drawdown]:
    """Return every drawdown, deepest first. ``days`` are calendar days to recovery, or to the last session."""
    below = drawdown(returns)
    under = np.concatenate(([0], (below < 0).astype(np.int8), [0]))
    edge = np.flatnonzero(np.diff(under))
    found = []
    for first, after in zip(edge[::2], edge[1::2], strict=True):
        low = first + int(np.argmin(below[first:after]))
        back = to_date(sessions[after]) if after < len(sessions) else None
        end = back or to_date(sessions[-1])
        began = to_date(sessions[first])
        found.append(Drawdown(began, to_date(sessions[low]), back, float(below[low]), (end - began).days))
    return sorted(found, key=lambda d: d.depth)


def grouped_returns(sessions: Sessions, returns: Floats, period: str) -> dict[int, float]:
    """Return the compounded return of each period that has a session, in order.

    ``period`` is weekly (ISO weeks), monthly, quarterly or yearly; keys count periods since 1970.
    """
    months = sessions.astype("datetime64[M]").astype(np.int64)
    days = sessions.astype(np.int64)
    key = {"weekly": (days + 3) // 7, "monthly": months, "quarterly": months // 3, "yearly": months // 12}[period]
    if not len(key):
        return {}
    first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))  # sessions ascend, and so do their keys
    grown = np.multiply.reduceat(1 + returns, first) - 1
    return dict(zip(key[first].tolist(), grown.tolist(), strict=True))


def yearly_returns(sessions: Sessions, returns: Floats) -> dict[int, float]:
    """Return the compounded return of each calendar year that has a session."""
    return {1970 + year: r for year, r in grouped_returns(sessions, returns, "yearly").items()}


def monthly_returns(sessions: Sessions, returns: Floats) -> dict[tuple[int, int], float]:
    """Return the compounded return of each (year, month) that has a session; a month without one is not in it."""
    months = grouped_returns(sessions, returns, "monthly")
    return {(1970 + m // 12, m % 12 + 1): r for m, r in months.items()}


def held_sessions(sessions: Sessions, trades: Sequence[Trade]) -> NDArray[np.bool_]:
    """Return for each session whether a position was held in it at any time."""
    ends = np.array([(t.entry_session, t.exit_session) for t in trades], dtype="datetime64[D]").reshape(-1, 2)
    change = np.zeros(len(sessions) + 1, dtype=np.int64)
    np.add.at(change, np.searchsorted(sessions, ends[:, 0]), 1)
    np.add.at(change, np.searchsorted(sessions, ends[:, 1], side="right"), -1)
    return np.cumsum(change[:-1]) > 0
