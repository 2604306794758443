"""Every number a report prints, from a series of returns or a list of trades. Conventions: CONVENTIONS.md.

A number that cannot be had is None, with the reason beside it; never 0, never NaN.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from datasets.instants import Sessions, to_date
from datasets.prices.bars import Floats
from engine.account.records import Trade

MIN_SPAN_DAYS = 365
MIN_SESSIONS = 60
MIN_HELD_SESSIONS = 20
MIN_TRADES_FOR_RATIOS = 10
DAYS_PER_YEAR = 365.0
_ROUNDING = 1e-12

NAMES = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "exposure",
    "n_trades",
    "win_rate",
    "profit_factor",
    "mean_trade",
    "median_trade",
)


@dataclass(frozen=True)
class Metrics:
    """Metrics by name, and for each one that is None the reason."""

    values: dict[str, float | int | None]
    notes: dict[str, str]


def compute_metrics(
    sessions: Sessions,
    returns: Floats,
    trades: Sequence[Trade],
    *,
    cash_rate: float = 0.0,
    annual_days: float | None = None,
) -> Metrics:
    """Return all numbers of a run.

    Args:
        sessions: the account's days, ascending.
        returns: one fraction a session.
        trades: closed and open ones.
        cash_rate: annual rate that Sharpe and Sortino take off.
        annual_days: sessions a year; None for the realised number.
    """
    values: dict[str, float | int | None] = {}
    notes: dict[str, str] = {}

    def put(name: str, value: float | str) -> None:
        values[name] = None if isinstance(value, str) else value
        if isinstance(value, str):
            notes[name] = value

    per_year = sessions_per_year(sessions) if annual_days is None else annual_days
    held = held_sessions(sessions, trades)
    put("total_return", total_return(returns))
    put("cagr", cagr(returns, span_days(sessions)))
    too_few = too_few_for_risk(
        len(sessions), held=int(held.sum()), traded=len(trades), closed=sum(t.is_closed for t in trades)
    )
    put("volatility", too_few or volatility(returns, per_year))
    excess = returns - session_rate(cash_rate, per_year)
    put("sharpe", too_few or sharpe(excess, per_year))
    put("sortino", too_few or sortino(excess, per_year))
    put("max_drawdown", float(drawdown(returns).min(initial=0.0)))
    put("exposure", float(held.mean()) if len(held) else "no sessions")
    _trade_numbers([t for t in trades if t.is_closed], put)
    return Metrics(values, notes)


def too_few_for_risk(sessions: int, *, held: int, traded: int, closed: int) -> str | None:
    """Return why a run cannot bear a yearly risk figure, or None.

    Args:
        sessions: the account's days.
        held: those in which a position was held at any time.
        traded: closed and open trades.
        closed: closed ones.
    """
    if not traded:
        return "no trades"
    if sessions < MIN_SESSIONS:
        return f"{sessions} sessions; at least {MIN_SESSIONS} are needed"
    if held < MIN_HELD_SESSIONS:
        return f"in the market on {held} sessions; at least {MIN_HELD_SESSIONS} are needed"
    if closed < MIN_TRADES_FOR_RATIOS and held / sessions < 0.5:
        few = "1 closed trade" if closed == 1 else f"{closed} closed trades"
        return f"{few}, mostly out of the market; at least {MIN_TRADES_FOR_RATIOS} are needed"
    return None


def _trade_numbers(closed: list[Trade], put: Callable[[str, float | str], None]) -> None:
    gains = sum(t.pnl for t in closed if t.pnl > 0)
    losses = -sum(t.pnl for t in closed if t.pnl < 0)
    put("n_trades", len(closed))
    none = "no closed trades"
    put("win_rate", sum(t.pnl > 0 for t in closed) / len(closed) if closed else none)
    put("profit_factor", gains / losses if losses else ("no losing trade" if closed else none))
    put("mean_trade", fmean(t.return_ for t in closed) if closed else none)
    put("median_trade", median(t.return_ for t in closed) if closed else none)


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


def cagr(returns: Floats, days: int) -> float | str:
    """Return the yearly compounded growth over calendar days (actual/365), or why there is none."""
    if days < MIN_SPAN_DAYS:
        return short_span(days)
    final = 1 + total_return(returns)
    return float(final ** (DAYS_PER_YEAR / days) - 1) if final > 0 else "the account was lost"


def short_span(days: int) -> str:
    """Return why there is no yearly rate over so few calendar days."""
    return f"span of {days} days; a yearly rate needs at least {MIN_SPAN_DAYS}"


def session_rate(annual: float, per_year: float) -> float:
    """Return the rate of one session of an annual effective rate."""
    return float((1 + annual) ** (1 / per_year) - 1) if per_year else 0.0


def volatility(returns: Floats, per_year: float) -> float | str:
    """Return the yearly standard deviation (ddof 1, times the root of the sessions a year)."""
    return float(np.std(returns, ddof=1) * np.sqrt(per_year)) if len(returns) > 1 else "one session"


def sharpe(excess: Floats, per_year: float) -> float | str:
    """Return the yearly Sharpe ratio of excess returns (Sharpe 1994), mean over standard deviation with ddof 1."""
    spread = float(np.std(excess, ddof=1)) if len(excess) > 1 else 0.0
    if spread <= _ROUNDING * float(np.max(np.abs(excess), initial=0.0)):
        return "returns do not vary"
    return float(np.mean(excess) / spread * np.sqrt(per_year))


def sortino(excess: Floats, per_year: float) -> float | str:
    """Return the yearly Sortino ratio: mean over the root mean square of the losses, over all sessions."""
    down = float(np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2))) if len(excess) else 0.0
    return float(np.mean(excess) / down * np.sqrt(per_year)) if down > 0 else "no losing session"


def drawdown(returns: Floats) -> Floats:
    """Return the distance below the highest equity so far, starting capital included, as fractions <= 0.

    >>> [round(float(d), 6) for d in drawdown(np.array([-0.1, -0.1, -0.1, 0.01]))]
    [-0.1, -0.19, -0.271, -0.26371]
    """
    equity = np.concatenate(([1.0], np.cumprod(1 + returns)))
    below: Floats = (equity / np.maximum.accumulate(equity) - 1)[1:]
    return below


@dataclass(frozen=True)
class Drawdown:
    """One stretch below the highest equity: its first and lowest session, the session it was made good, its depth."""

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
    keys = {"weekly": (days + 3) // 7, "monthly": months, "quarterly": months // 3, "yearly": months // 12}
    return _grouped(keys[period], returns)


def yearly_returns(sessions: Sessions, returns: Floats) -> dict[int, float]:
    """Return the compounded return of each calendar year that has a session."""
    return _grouped(sessions.astype("datetime64[Y]").astype(np.int64) + 1970, returns)


def monthly_returns(sessions: Sessions, returns: Floats) -> dict[tuple[int, int], float]:
    """Return the compounded return of each (year, month) that has a session; a month without one is not in it."""
    month = _grouped(sessions.astype("datetime64[M]").astype(np.int64), returns)
    return {(1970 + m // 12, m % 12 + 1): r for m, r in month.items()}


def _grouped(key: NDArray[np.int64], returns: Floats) -> dict[int, float]:
    if not len(key):
        return {}
    first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))  # sessions ascend, and so do their keys
    grown = np.multiply.reduceat(1 + returns, first) - 1
    return dict(zip(key[first].tolist(), grown.tolist(), strict=True))


def held_sessions(sessions: Sessions, trades: Sequence[Trade]) -> NDArray[np.bool_]:
    """Return for each session whether a position was held in it at any time."""
    ends = np.array([(t.entry_session, t.exit_session) for t in trades], dtype="datetime64[D]").reshape(-1, 2)
    change = np.zeros(len(sessions) + 1, dtype=np.int64)
    np.add.at(change, np.searchsorted(sessions, ends[:, 0]), 1)
    np.add.at(change, np.searchsorted(sessions, ends[:, 1], side="right"), -1)
    return np.cumsum(change[:-1]) > 0
