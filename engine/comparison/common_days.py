"""Runs on their common days, and the confidence of the differences of mean, Sharpe ratio and drawdown.

Days are drawn in blocks, the same days for every run. Days of a run that was rarely in the market are not resampled:
the interval is replaced by the reason, and its events are compared instead.
"""

from collections.abc import Sequence
from functools import reduce
from math import sqrt

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datasets.arrays import Floats, Sessions
from engine.account.records import Trade
from engine.comparison.difference import (
    BlockDraws,
    Blocks,
    Difference,
    block_length,
    bootstrap_drawdowns,
    bootstrap_rows,
    draw_blocks,
    mean_draws,
    resampled,
    sharpe_draws,
    with_studentized,
    without_interval,
)
from engine.metrics.metrics import compute_metrics, drawdown, held_sessions, session_rate, sessions_per_year, sharpe
from engine.metrics.table import Metrics
from engine.run.run import Run

MIN_HELD_SHARE = 0.1
"""The days of a run are resampled only if it was in the market on at least this share of them."""

Span = tuple[np.datetime64, np.datetime64]


def common_span(runs: Sequence[Run]) -> Span | None:
    """Return the first and last day that all runs cover, or None if they share none."""
    first, last = max(r.sessions[0] for r in runs), min(r.sessions[-1] for r in runs)
    inside = first <= last and all(within(r.sessions, (first, last)).any() for r in runs)
    return (first, last) if inside else None


def within(sessions: Sessions, span: Span) -> NDArray[np.bool_]:
    """Return which sessions lie in a span, its ends included."""
    return np.asarray((sessions >= span[0]) & (sessions <= span[1]), dtype=bool)


def metrics_within(run: Run, span: Span) -> Metrics:
    """Return the metrics of a run from its sessions in a span and the trades entered in it."""
    rows, rate = within(run.sessions, span), run.manifest["terms"]["cash_rate"]
    return compute_metrics(run.sessions[rows], run.returns[rows], _entered(run, span), cash_rate=rate)


def _entered(run: Run, span: Span) -> list[Trade]:
    return [t for t in run.trades if span[0] <= np.datetime64(t.entry_session, "D") <= span[1]]


class OnDays(Struct, frozen=True, eq=False):
    """Daily returns (runs, sessions) on the sessions that any of the runs has within their common span.

    A session that a run does not have returns 0: its move falls on the next one it has. ``correlation`` is Pearson's,
    (runs, runs), NaN for a run that does not vary. ``block`` is the mean number of neighbouring sessions drawn
    together. ``differences`` has for each run those of ``mean_return`` (arithmetic, annualised), ``sharpe`` and
    ``max_drawdown`` from the first run.
    """

    sessions: Sessions
    returns: Floats
    correlation: Floats
    block: int
    differences: tuple[tuple[Difference, ...], ...]


def on_common_days(runs: Sequence[Run], span: Span) -> OnDays:
    """Return runs on their common span, each compared with the first over the same resampled days."""
    sessions, returns = aligned(runs, span)
    block = block_length(list(returns), least=max(_mean_holding(run, span) for run in runs))
    per_year = sessions_per_year(sessions)
    rows, blocks = bootstrap_rows(len(sessions), block), draw_blocks(len(sessions), block)
    drawdowns = bootstrap_drawdowns(returns, rows)
    drawn = zip(runs, returns, drawdowns, strict=True)
    daily = [_daily(run, span, row, lows, blocks=blocks, per_year=per_year) for run, row, lows in drawn]
    differences = tuple(_differences(daily[0], each, per_year) for each in daily)
    return OnDays(sessions, returns, correlations(returns), block, differences)


def aligned(runs: Sequence[Run], span: Span) -> tuple[Sessions, Floats]:
    """Return the sessions any run has in a span, and the returns (runs, sessions) on them, 0 where a run has none."""
    inside = [within(run.sessions, span) for run in runs]
    sessions = reduce(np.union1d, [run.sessions[rows] for run, rows in zip(runs, inside, strict=True)])
    returns = np.zeros((len(runs), len(sessions)))
    for row, run, rows in zip(returns, runs, inside, strict=True):
        row[np.searchsorted(sessions, run.sessions[rows])] = run.returns[rows]
    return sessions, returns


def correlations(returns: Floats) -> Floats:
    """Return Pearson's correlation of each row with each, exactly 1 with itself; NaN where one does not vary."""
    away = returns - returns.mean(axis=1, keepdims=True)
    length = np.sqrt((away**2).sum(axis=1))
    unit = away / np.where(length > 0, length, np.nan)[:, None]
    matrix: Floats = np.clip(unit @ unit.T, -1.0, 1.0)
    np.fill_diagonal(matrix, np.where(length > 0, 1.0, np.nan))
    return matrix


def _mean_holding(run: Run, span: Span) -> float:
    """Return the mean number of sessions a trade is held: shorter blocks would cut trades in pieces."""
    trades = _entered(run, span)
    if not trades:
        return 1.0
    ends = np.array([[t.entry_session, t.exit_session] for t in trades], dtype="datetime64[D]")
    first, last = np.searchsorted(run.sessions, ends[:, 0]), np.searchsorted(run.sessions, ends[:, 1], side="right")
    return float((last - first).mean())


class _Daily(Struct, frozen=True, eq=False):
    """One run on the span: its numbers and, unless a ``reason`` says why days are not resampled, those of each draw."""

    mean: float
    sharpe: float | None
    drawdown: float
    reason: str
    means: BlockDraws | None
    sharpes: BlockDraws | None
    drawdowns: Floats


def _daily(run: Run, span: Span, returns: Floats, drawdowns: Floats, *, blocks: Blocks, per_year: float) -> _Daily:
    excess = returns - session_rate(run.manifest["terms"]["cash_rate"], per_year)
    ratio = _why_not_resampled(run, span) or sharpe(excess, per_year)
    mean, depth = float(returns.mean()) * per_year, float(drawdown(returns).min(initial=0.0))
    if isinstance(ratio, str):
        return _Daily(mean, None, depth, ratio, None, None, np.zeros(0))
    return _Daily(mean, ratio, depth, "", mean_draws(returns, blocks), sharpe_draws(excess, blocks), drawdowns)


def _why_not_resampled(run: Run, span: Span) -> str:
    """Return why the days of a run are not resampled: the reason of its Sharpe ratio, or too few days in the market."""
    reason = metrics_within(run, span).notes.get("sharpe", "")
    held = float(held_sessions(run.sessions, run.trades)[within(run.sessions, span)].mean())
    if reason or held >= MIN_HELD_SHARE:
        return reason
    return f"in the market on {held:.1%} of the sessions; at least {MIN_HELD_SHARE:.0%} are needed"


def _differences(first: _Daily, second: _Daily, per_year: float) -> tuple[Difference, ...]:
    note = _note(first.reason, second.reason)
    mean = without_interval("mean_return", first.mean, second.mean, note)
    ratio = without_interval("sharpe", first.sharpe, second.sharpe, note)
    depth = without_interval("max_drawdown", first.drawdown, second.drawdown, note)
    if first.means is None or second.means is None or first.sharpes is None or second.sharpes is None:
        return mean, ratio, depth
    return (
        with_studentized(mean, first.means, second.means, scale=per_year),
        with_studentized(ratio, first.sharpes, second.sharpes, scale=sqrt(per_year)),
        resampled(depth, second.drawdowns - first.drawdowns),
    )


def _note(first: str, second: str) -> str:
    """Return the reason of either run, with the name of the run unless both have the same."""
    if first == second:
        return first
    reasons = (("first run", first), ("second run", second))
    return "; ".join(f"{which}: {reason}" for which, reason in reasons if reason)
