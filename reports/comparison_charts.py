"""The drawings of a comparison: equity, drawdown and exposure over each other."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from markupsafe import Markup

from datasets.arrays import Floats, Sessions
from engine.comparison.common_days import Span, within
from engine.metrics.metrics import drawdown, growth
from engine.run.run import Run
from reports.curves import tenths
from reports.line_chart import POINTS, AxisUnit, Chart, Line, chart_svg
from reports.numbers import percent, ratio

COLOURS, DASHES, WIDTHS = 7, 5, 2
_ENOUGH = 8  # so many lines have all their points


def style(place: int) -> str:
    """Return the CSS classes of the run at a place: colour, dashes and width distinguish it, ``r`` names it."""
    return f"s{place % COLOURS} d{place % DASHES} w{place // (COLOURS * DASHES) % WIDTHS} r{place}"


def overlays(runs: Sequence[Run], named: Sequence[str], span: Span) -> list[tuple[str, Markup]]:
    """Return equity, drawdown and exposure of all runs over their common span, each with its heading."""
    over = f"from {span[0]} to {span[1]}, {len(runs)} runs"
    kinds: list[tuple[str, str, AxisUnit, Callable[[float], str], Callable[[Run, Any], Floats], float]] = [
        ("equities", "Equity, 1 at the start", AxisUnit.RATIO, ratio, lambda run, rows: growth(run.returns[rows]), 1.0),
        ("drawdowns", "Drawdown", AxisUnit.PERCENT, tenths, lambda run, rows: drawdown(run.returns[rows]), 0.0),
        (
            "exposures",
            "Exposure: value of positions over equity",
            AxisUnit.PERCENT,
            partial(percent, digits=0),
            lambda run, rows: run.exposure[rows],
            0.0,
        ),
    ]
    points = max(80, POINTS * _ENOUGH // max(_ENOUGH, len(runs)))
    found = []
    for ident, title, unit, tick, values, start in kinds:
        lines = [_line(n, run, named[n], span, values, start) for n, run in enumerate(runs)]
        what = title.split(",")[0].split(":")[0]
        chart = Chart(ident, title, f"{what} {over}.", lines, tick, y_label=what.lower(), unit=unit, points=points)
        found.append((title, Markup(chart_svg(chart))))
    return found


def _line(n: int, run: Run, name: str, span: Span, values: Callable[[Run, Any], Floats], start: float) -> Line:
    """Return a line that begins with ``start`` on the day before the span."""
    rows = within(run.sessions, span)
    days: Sessions = np.concatenate(([span[0] - 1], run.sessions[rows]))
    return Line(name, days, np.concatenate(([start], values(run, rows))), style(n))
