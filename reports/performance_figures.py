"""The figures of a run's performance that quantstats draws wrong, drawn from the account's own sessions."""

from collections.abc import Callable, Iterator
from math import ceil

import numpy as np
from markupsafe import Markup

from datasets.arrays import Floats
from datasets.instants import to_date
from engine.metrics.metrics import (
    Drawdown,
    drawdowns,
    grouped_returns,
    growth,
    held_sessions,
    session_rate,
    sessions_per_year,
    yearly_returns,
)
from engine.metrics.return_metrics import rolling_sharpe, rolling_sortino
from engine.run.run import Run
from reports.charts import BarChart, Columns, bars_svg, box_of, boxes_svg
from reports.curves import tenths, with_start
from reports.line_chart import AxisUnit, Band, Chart, Line, chart_svg
from reports.numbers import percent, ratio
from reports.parts import Figure
from reports.svg import NARROW

MIN_SESSIONS = 5
FALLS = 5


def performance_figures(run: Run) -> list[Figure]:
    """Return the figures; none where there is nothing to draw."""
    if undrawable(run):
        return []
    return [Figure(name, title, Markup(svg)) for name, title, svg in _figures(run) if svg]


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


def _figures(run: Run) -> Iterator[tuple[str, str, str]]:
    """Yield the name, title and SVG of each figure; an empty SVG where there is nothing to draw."""
    window, per_year = half_year(run), sessions_per_year(run.sessions)
    excess = run.returns - session_rate(run.manifest["terms"]["cash_rate"], per_year)
    yield "eoy_returns", "Returns of calendar years", _years(run)
    days, words = [Line("return", run.sessions, run.returns, "s0 thin")], "The account's return of each session."
    yield "daily_returns", "Daily returns", _narrow("days", "Daily returns", words, days, AxisUnit.PERCENT)
    yield _window_line(run, rolling_sharpe(excess, window, per_year), name="sharpe", title="Sharpe")
    yield _window_line(run, rolling_sortino(excess, window, per_year), name="sortino", title="Sortino")
    yield "dd_periods", "Worst drawdown periods", _falls(run)
    yield "returns_dist", "Quantiles of returns by day, week, month, quarter and year", _quantiles(run)


def _window_line(run: Run, values: Floats, *, name: str, title: str) -> tuple[str, str, str]:
    """Return the figure of a rolling ratio, which has gaps where a window has no position; none of too short a run."""
    ident, title = f"drawn-{name}", f"Rolling {title} ratio, six months"
    if np.isfinite(values).sum() < 2:
        return f"rolling_{name}", title, ""
    words = f"Over the {half_year(run)} sessions up to each one."
    lines = [Line(title.partition(",")[0], run.sessions, values, "s0")]
    return f"rolling_{name}", title, _narrow(ident, title, words, lines, AxisUnit.RATIO)


def _narrow(
    ident: str, title: str, words: str, lines: list[Line], unit: AxisUnit, *, bands: list[Band] | None = None
) -> str:
    tick: Callable[[float], str] = tenths if unit is AxisUnit.PERCENT else ratio
    chart = Chart(ident, title, words, lines, tick, height=230, width=NARROW, bands=bands or [], unit=unit)
    return chart_svg(chart)


def _years(run: Run) -> str:
    ours = yearly_returns(run.sessions, run.returns)
    theirs = {} if run.benchmark_returns is None else yearly_returns(run.sessions, run.benchmark_returns)
    names = [n for n, there in ((str(run.benchmark), bool(theirs)), ("account", True)) if there]
    groups = [(str(y), [theirs[y], r] if theirs else [r]) for y, r in ours.items()]
    words = f"One bar a year for {' and '.join(names)}, {min(ours)} to {max(ours)}."
    styles = ["bench", "s0"][-len(names) :]
    bars = BarChart(
        "years", "Returns of calendar years", words, groups, names, styles, tenths, height=230, width=NARROW
    )
    return bars_svg(bars)


def _falls(run: Run) -> str:
    worst = drawdowns(run.sessions, run.returns)[:FALLS]
    if not worst:
        return ""
    last = to_date(run.sessions[-1])
    bands = [Band(f.began, f.recovered or last, f"{percent(f.depth)}, recovered {recovered(f)}") for f in worst]
    lines = [Line("account", *with_start(run.sessions, growth(run.returns) - 1, 0.0), "s0")]
    words = f"Cumulative return; the deepest {len(worst)} drawdowns are shaded from their first session to recovery."
    return _narrow("falls", "Worst drawdown periods", words, lines, AxisUnit.PERCENT, bands=bands)


def recovered(fall: Drawdown) -> str:
    """Return the date a drawdown was made good, or that it was not."""
    return "not yet" if fall.recovered is None else fall.recovered.isoformat()


def _quantiles(run: Run) -> str:
    parts = {"daily": run.returns.tolist()}
    for name in ("weekly", "monthly", "quarterly", "yearly"):
        parts[name] = list(grouped_returns(run.sessions, run.returns, name).values())
    boxes = [box_of(name, values) for name, values in parts.items()]
    words = "Lowest, quartiles and highest of the account's compounded returns; a part of a period counts as one."
    title = "Quantiles of returns"
    return boxes_svg(Columns("quantiles", title, words, (), tenths, height=260, width=NARROW), boxes)
