"""The table of performance metrics, and figures that quantstats draws wrong, from the account's own sessions."""

from collections.abc import Callable, Iterator
from functools import partial
from math import ceil
from typing import Any

import numpy as np

from datasets.arrays import Floats
from datasets.instants import to_date
from engine.metrics.metrics import (
    Drawdown,
    buy_and_hold_metrics,
    drawdowns,
    grouped_returns,
    growth,
    held_sessions,
    session_rate,
    sessions_per_year,
    yearly_returns,
)
from engine.metrics.performance import BENCHMARK_METRICS, PERFORMANCE_METRICS, Series
from engine.metrics.return_metrics import rolling_sharpe, rolling_sortino
from engine.metrics.table import METRICS, Metric, Metrics, metrics_of
from engine.run.run import Run
from reports.charts import with_start


def performance_table(run: Run) -> tuple[Metric[Any], ...]:
    """Return the metrics that a run's performance is shown by; those against a benchmark where it has one."""
    against = () if run.benchmark_returns is None else BENCHMARK_METRICS
    return (*METRICS, *PERFORMANCE_METRICS, *against)


def account_metrics(run: Run) -> Metrics:
    """Return every metric of the performance table of the account."""
    headline = Metrics(run.metrics, run.notes)
    series = Series(run.sessions, run.returns, _cash_rate(run), headline, run.benchmark_returns)
    return _joined(headline, metrics_of(performance_table(run)[len(METRICS) :], series))


def benchmark_metrics(run: Run) -> Metrics:
    """Return the metrics of the benchmark on the account's sessions, held throughout; none without one."""
    if run.benchmark_returns is None:
        return Metrics({}, {})
    headline = buy_and_hold_metrics(run.sessions, run.benchmark_returns, cash_rate=_cash_rate(run))
    series = Series(run.sessions, run.benchmark_returns, _cash_rate(run), headline)
    return _joined(headline, metrics_of(PERFORMANCE_METRICS, series))


def _cash_rate(run: Run) -> float:
    return float(run.manifest["terms"]["cash_rate"])


def _joined(first: Metrics, second: Metrics) -> Metrics:
    return Metrics({**first.values, **second.values}, {**first.notes, **second.notes})


MIN_SESSIONS = 5
FALLS = 5
ACCOUNT, BENCHMARK, FALL = "#0072b2", "#e69f00", "#d55e00"
PERIODS = ("weekly", "monthly", "quarterly", "yearly")

Draw = Callable[[Any], None]
"""Draws into the axes of matplotlib."""


def undrawable(run: Run) -> str:
    """Return why there is nothing to draw of a run, blank if there is something."""
    if not run.trades:
        return "no trades: nothing to draw"
    if not run.returns.any():
        return "the account never moved: nothing to draw"
    if len(run.sessions) < MIN_SESSIONS:
        return f"{len(run.sessions)} sessions: too few to draw; at least {MIN_SESSIONS} are needed"
    return ""


def half_year(run: Run) -> int:
    """Return the sessions of the rolling windows."""
    return max(2, ceil(sessions_per_year(run.sessions) / 2))


def idle_half_year(run: Run) -> bool:
    """Return whether no position was held for half a year: over such a window there is nothing to take a ratio of."""
    held = np.flatnonzero(held_sessions(run.sessions, run.trades))
    edges = np.concatenate(([-1], held, [len(run.sessions)]))
    return int(np.diff(edges).max()) - 1 >= half_year(run)


def redrawn(run: Run) -> Iterator[tuple[str, str, Draw]]:
    """Yield the name, the title and the drawing of each figure that there is something for."""
    yield "eoy_returns", "Returns of Calendar Years", partial(_years, run=run)
    yield "daily_returns", "Daily Returns", partial(_line, run=run, values=run.returns)
    if drawdowns(run.sessions, run.returns):
        yield "dd_periods", f"Worst {FALLS} Drawdown Periods", partial(_falls, run=run)
    yield "returns_dist", "Return Quantiles", partial(_quantiles, run=run)
    for name, values in rolling_ratios(run).items() if idle_half_year(run) else ():
        if np.isfinite(values).sum() > 1:
            title = f"Rolling {name.removeprefix('rolling_').title()} (6-Months)"
            yield name, title, partial(_line, run=run, values=values)


def rolling_ratios(run: Run) -> dict[str, Floats]:
    """Return the ratios of half a year over the cash rate, with gaps where a window has no position."""
    window, per_year = half_year(run), sessions_per_year(run.sessions)
    excess = run.returns - session_rate(run.manifest["terms"]["cash_rate"], per_year)
    kinds = {"rolling_sharpe": rolling_sharpe, "rolling_sortino": rolling_sortino}
    return {name: ratio(excess, window, per_year) for name, ratio in kinds.items()}


def _line(axes: Any, run: Run, values: Floats) -> None:
    axes.plot(run.sessions, values, color=ACCOUNT, lw=1.0)
    axes.set_xlim(run.sessions[0], run.sessions[-1])


def _years(axes: Any, run: Run) -> None:
    """Draw a bar a year, of the benchmark too if there is one."""
    series = [] if run.benchmark_returns is None else [(BENCHMARK, str(run.benchmark), run.benchmark_returns)]
    series.append((ACCOUNT, str(run.manifest["strategy"]), run.returns))
    width = 0.8 / len(series)
    for n, (colour, name, returns) in enumerate(series):
        years = yearly_returns(run.sessions, returns)
        places = np.array(list(years)) + (n - (len(series) - 1) / 2) * width
        axes.bar(places, list(years.values()), width, color=colour, label=name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()


def _falls(axes: Any, run: Run) -> None:
    """Draw the cumulative return, and shade the deepest drawdowns from their first session to recovery."""
    sessions, values = with_start(run.sessions, growth(run.returns) - 1, 0.0)
    axes.plot(sessions, values, color=ACCOUNT)
    for fall in drawdowns(run.sessions, run.returns)[:FALLS]:
        axes.axvspan(fall.began, fall.recovered or to_date(run.sessions[-1]), color=FALL, alpha=0.14, lw=0)


def _quantiles(axes: Any, run: Run) -> None:
    """Draw lowest, quartiles and highest of compounded returns; a part of a period counts as one."""
    longer = [list(grouped_returns(run.sessions, run.returns, name).values()) for name in PERIODS]
    box = {"facecolor": ACCOUNT, "alpha": 0.4}
    line = {"color": "#333333"}
    axes.boxplot([run.returns, *longer], whis=(0, 100), patch_artist=True, boxprops=box, medianprops=line)
    axes.set_xticklabels([name.title() for name in ("daily", *PERIODS)])


def recovered(fall: Drawdown) -> str:
    """Return the date a drawdown was made good, or that it was not."""
    return "not yet" if fall.recovered is None else fall.recovered.isoformat()
