"""The drawings of a comparison: equity, drawdown and exposure over each other, and returns against each other."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from datasets.arrays import Floats, Sessions
from engine.comparison.common_days import Span, within
from engine.metrics.metrics import drawdown, growth, monthly_returns
from engine.run.run import Run
from reports.curves import tenths
from reports.line_chart import POINTS, AxisUnit, Chart, Line, chart_svg
from reports.numbers import percent, ratio, signed_percent
from reports.scatter import Scatter, scatter_svg

COLOURS, DASHES, WIDTHS = 7, 5, 2
SCATTERS = 4
"""So many runs are drawn against the first; more are in the table of correlations."""
_ENOUGH = 8  # so many lines have all their points


def style(place: int) -> str:
    """Return the CSS classes of the run at a place: colour, dashes and width distinguish it, ``r`` names it."""
    return f"s{place % COLOURS} d{place % DASHES} w{place // (COLOURS * DASHES) % WIDTHS} r{place}"


def overlays(runs: Sequence[Run], named: Sequence[str], span: Span) -> list[tuple[str, Markup]]:
    """Return equity, drawdown and exposure of all runs over their common span, each with its heading."""
    over = f"from {span[0]} to {span[1]}, {len(runs)} runs"
    kinds: list[tuple[str, str, str, AxisUnit, Callable[[float], str], Callable[[Run, Any], Floats], float]] = [
        ("equities", "Equity, 1 at the start", "equity", AxisUnit.RATIO, ratio, _growth, 1.0),
        ("drawdowns", "Drawdown", "drawdown", AxisUnit.PERCENT, tenths, _drawdown, 0.0),
        ("exposures", "Exposure: value of positions over equity", "exposure", AxisUnit.PERCENT, _whole, _exposure, 0.0),
    ]
    points = max(80, POINTS * _ENOUGH // max(_ENOUGH, len(runs)))
    found = []
    for ident, title, word, unit, tick, values, start in kinds:
        lines = [_line(n, run, named[n], span, values, start) for n, run in enumerate(runs)]
        about = f"{title.split(',')[0].split(':')[0]} {over}."
        chart = Chart(ident, title, about, lines, tick, y_label=word, unit=unit, points=points)
        found.append((title, Markup(chart_svg(chart))))
    return found


def _line(n: int, run: Run, name: str, span: Span, values: Callable[[Run, Any], Floats], start: float) -> Line:
    """Return a line that begins with ``start`` on the day before the span."""
    rows = within(run.sessions, span)
    days: Sessions = np.concatenate(([span[0] - 1], run.sessions[rows]))
    return Line(name, days, np.concatenate(([start], values(run, rows))), style(n))


def _growth(run: Run, rows: Any) -> Floats:
    return growth(run.returns[rows])


def _drawdown(run: Run, rows: Any) -> Floats:
    return drawdown(run.returns[rows])


def _exposure(run: Run, rows: Any) -> Floats:
    exposure: Floats = run.exposure[rows]
    return exposure


def _whole(fraction: float) -> str:
    return percent(fraction, 0)


def event_scatters(data: dict[str, Any]) -> list[tuple[str, Markup]]:
    """Return what each of the next runs earned on the events it shares with the first, against what the first did."""
    titles = {row["event_id"]: row["title"] for row in data["trades"]}
    shown = [pair for pair in data["differences"] if pair["events"]["common"]][:SCATTERS]
    return [("Each common event", Markup(_event_scatter(n, pair, titles))) for n, pair in enumerate(shown)]


def _event_scatter(n: int, pair: dict[str, Any], titles: dict[str, str]) -> str:
    events = pair["events"]["common"]
    points = [(e["first"], e["second"], _label(e, titles.get(e["event_id"], ""))) for e in events]
    title = f"Return on each common event: {pair['run']} against {pair['against']}"
    about = f"{len(points)} events; above the diagonal {pair['run']} did better."
    return scatter_svg(
        Scatter(f"events-{n}", title, about, points, _short(pair["against"]), _short(pair["run"]), percent)
    )


def _label(event: dict[str, Any], title: str) -> str:
    earned = f"{signed_percent(event['first'])} across, {signed_percent(event['second'])} up"
    return f"{event['event_id']} {title}: {earned}"


def month_scatters(runs: Sequence[Run], named: Sequence[str], span: Span) -> list[tuple[str, Markup]]:
    """Return the monthly returns of each of the next runs against those of the first, over the common span."""
    months = [_months(run, span) for run in runs[: SCATTERS + 1]]
    drawn = [_month_scatter(n, months[0], months[n], named) for n in range(1, len(months))]
    return [("Each month of the common span", Markup(svg)) for svg in drawn]


def _months(run: Run, span: Span) -> dict[tuple[int, int], float]:
    rows = within(run.sessions, span)
    return monthly_returns(run.sessions[rows], run.returns[rows])


def _month_scatter(n: int, first: dict[Any, float], second: dict[Any, float], named: Sequence[str]) -> str:
    points = [(first[m], second[m], f"{m[0]}-{m[1]:02d}") for m in first if m in second]
    title = f"Return of each month: {named[n]} against {named[0]}"
    about = f"{len(points)} months of the common span; above the diagonal {named[n]} did better."
    return scatter_svg(Scatter(f"months-{n}", title, about, points, _short(named[0]), _short(named[n]), percent))


def _short(label: str) -> str:
    """Return a label that fits along an axis."""
    return label if len(label) <= 44 else f"{label[:43]}…"
