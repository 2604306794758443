"""The figures of a run's performance, drawn from the account's own sessions: what quantstats shows, without its faults.

Equity, drawdown and months are in another section of the page.
"""

from collections.abc import Callable, Iterator
from math import ceil

import numpy as np
from markupsafe import Markup

from datasets.arrays import Floats, Sessions
from datasets.instants import to_date
from engine.metrics.metrics import (
    Drawdown,
    drawdowns,
    grouped_returns,
    growth,
    held_sessions,
    monthly_returns,
    session_rate,
    sessions_per_year,
    yearly_returns,
)
from engine.metrics.return_metrics import rolling_beta, rolling_sharpe, rolling_sortino, rolling_volatility
from engine.run.run import Run
from reports.charts import BarChart, Columns, bars_svg, box_of, boxes_svg, columns_svg, histogram
from reports.curves import tenths, with_start
from reports.line_chart import AxisUnit, Band, Chart, Line, chart_svg
from reports.numbers import percent, ratio
from reports.parts import Figure, FigureSheet
from reports.svg import NARROW

MIN_SESSIONS = 5
FALLS = 5


def performance_figures(run: Run, *, gaps: bool = False) -> FigureSheet:
    """Return the figures of a run's performance, or the reason why there are none.

    ``gaps``: rolling ratios are drawn even where half a year without a position leaves gaps in them.
    """
    reason = undrawable(run)
    if reason:
        return FigureSheet((), (reason,))
    idle = "" if gaps else idle_half_year(run, half_year(run))
    figures = [Figure(name, title, Markup(svg)) for name, title, svg in _figures(run, ratios=not idle) if svg]
    return FigureSheet(tuple(figures), (idle,) if idle else ())


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


def idle_half_year(run: Run, window: int) -> str:
    """Return why rolling ratios are left out: over half a year without a position there is nothing to take one of."""
    held = np.flatnonzero(held_sessions(run.sessions, run.trades))
    edges = np.concatenate(([-1], held, [len(run.sessions)]))
    longest = int(np.diff(edges).max()) - 1
    if longest < window:
        return ""
    return (
        f"rolling Sharpe and Sortino ratios are left out: for {longest:,} sessions in a row no position was held,"
        f" and over half a year ({window} sessions) without one there is nothing to take a ratio of"
    )


def _figures(run: Run, *, ratios: bool) -> Iterator[tuple[str, str, str]]:
    """Yield the name, title and SVG of each figure; an empty SVG where there is nothing to draw."""
    yield "log", "Cumulative returns, log scale", _log(run)
    if run.benchmark_returns is not None:
        yield "matched", f"Scaled to the volatility of {run.benchmark}", _matched(run, run.benchmark_returns)
    yield "years", "Returns of calendar years", _years(run)
    yield "months", "Distribution of monthly returns", _months(run)
    yield "days", "Daily returns", _days(run)
    yield from _rolling(run, ratios=ratios)
    yield "falls", "Worst drawdown periods", _falls(run)
    yield "quantiles", "Quantiles of returns by day, week, month, quarter and year", _quantiles(run)


def _narrow(
    ident: str, title: str, words: str, lines: list[Line], unit: AxisUnit, *, bands: list[Band] | None = None
) -> str:
    tick: Callable[[float], str] = tenths if unit is AxisUnit.PERCENT else ratio
    chart = Chart(ident, title, words, lines, tick, height=230, width=NARROW, bands=bands or [], unit=unit)
    return chart_svg(chart)


def _log(run: Run) -> str:
    """Draw log10 of what 1 became; the axis is written in what it became."""
    both = [(str(run.manifest["strategy"]), run.returns, "s0")]
    if run.benchmark_returns is not None:
        both.insert(0, (str(run.benchmark), run.benchmark_returns, "bench"))
    if any(np.any(r <= -1) for _, r, _ in both):
        return ""
    lines = [Line(n, *with_start(run.sessions, np.log10(growth(r)), 0.0), style) for n, r, style in both]
    words = "What 1 became, on a scale on which equal steps are equal rates."
    return chart_svg(
        Chart("log", "Cumulative returns, log scale", words, lines, _power, height=230, width=NARROW, unit=AxisUnit.LOG)
    )


def _power(exponent: float) -> str:
    return ratio(10.0**exponent)


def _matched(run: Run, benchmark: Floats) -> str:
    """Draw the benchmark, and the account's returns scaled to the benchmark's standard deviation."""
    own, other = float(np.std(run.returns)), float(np.std(benchmark))
    if own == 0 or other == 0 or np.any(run.returns * (other / own) <= -1):
        return ""
    lines = [
        Line(str(run.benchmark), *with_start(run.sessions, growth(benchmark) - 1, 0.0), "bench"),
        Line("account, scaled", *with_start(run.sessions, growth(run.returns * (other / own)) - 1, 0.0), "s0"),
    ]
    words = f"The account's daily returns times {ratio(other / own)}, with {run.benchmark}."
    return _narrow("matched", f"Scaled to the volatility of {run.benchmark}", words, lines, AxisUnit.PERCENT)


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


def _months(run: Run) -> str:
    values = np.array(list(monthly_returns(run.sessions, run.returns).values()))
    title = "Distribution of monthly returns"
    return columns_svg(histogram(values, tenths, ident="months", title=title, what="months"))


def _days(run: Run) -> str:
    words = "The account's return of each session."
    return _narrow(
        "days", "Daily returns", words, [Line("return", run.sessions, run.returns, "s0 thin")], AxisUnit.PERCENT
    )


def _rolling(run: Run, *, ratios: bool) -> Iterator[tuple[str, str, str]]:
    """Yield the rolling figures; one that has too short a window is left out."""
    window, per_year = half_year(run), sessions_per_year(run.sessions)
    excess = run.returns - session_rate(run.manifest["terms"]["cash_rate"], per_year)
    percents, plain = AxisUnit.PERCENT, AxisUnit.RATIO
    made = [("volatility", "volatility", percents, rolling_volatility(run.returns, window, per_year))]
    if ratios:
        made.append(("sharpe", "Sharpe ratio", plain, rolling_sharpe(excess, window, per_year)))
        made.append(("sortino", "Sortino ratio", plain, rolling_sortino(excess, window, per_year)))
    if run.benchmark_returns is not None:
        beta = rolling_beta(run.returns, run.benchmark_returns, window)
        made.append(("beta", f"beta to {run.benchmark}", plain, beta))
    for short, what, unit, values in made:
        name, title = f"rolling-{short}", f"Rolling {what}, six months"
        yield name, title, _window_line(run.sessions, values, name=name, title=title, unit=unit, window=window)


def _window_line(sessions: Sessions, values: Floats, *, name: str, title: str, unit: AxisUnit, window: int) -> str:
    if np.isfinite(values).sum() < 2:
        return ""
    words = f"Over the {window} sessions up to each one."
    return _narrow(name, title, words, [Line(title.partition(",")[0], sessions, values, "s0")], unit)


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
