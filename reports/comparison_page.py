"""The page of a comparison: its tables written out as text, and its drawings, for the template to lay out."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from math import ceil
from operator import itemgetter
from typing import Any

import numpy as np
from markupsafe import Markup
from msgspec import Struct

from datasets.arrays import Floats, Sessions
from engine.comparison.common_days import Span, within
from engine.metrics.metrics import drawdown, growth
from engine.metrics.table import METRICS
from engine.run.run import Run
from reports.charts import tenths
from reports.comparison_tables import event_matrix, one_currency
from reports.headline import KEY_FIGURES
from reports.heat import heat, largest
from reports.line_chart import POINTS, AxisUnit, Chart, Line, chart_svg
from reports.numbers import metric_difference, metric_text, percent, points, ratio, signed, signed_percent
from reports.page import render, simulated_symbols

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


Writer = Callable[[float | None], str]
FEW = 4
"""Up to so many runs are columns; more are rows, and the metrics are columns."""
PAIRWISE = 3
"""Of more runs, whether a difference is real is shown in a matrix and not in sentences."""
ACROSS = 8
"""A table has at most so many runs across: it goes on below, so that it fits a sheet of paper."""


class Head(Struct, frozen=True):
    """A run as headings name it: by its label, and where there are many by its number."""

    number: int
    label: str
    short: str
    style: str
    run: Run


def comparison_page(runs: Sequence[Run], data: dict[str, Any]) -> str:
    """Return the page of runs from their data (`reports.comparison.comparison_data`)."""
    named = [head["label"] for head in data["runs"]]
    few, pairs = len(runs) <= FEW, zip(named, runs, strict=True)
    heads = [Head(n, name, name if few else f"#{n + 1}", style(n), run) for n, (name, run) in enumerate(pairs)]
    span = None
    if data["common_span"] is not None:
        span = (np.datetime64(data["common_span"]["from"]), np.datetime64(data["common_span"]["to"]))
    return render(
        "comparison.html.j2",
        data=data,
        runs=heads,
        few=few,
        parts=_parts(heads),
        simulated=[f"{', '.join(simulated_symbols(h.run))} in {h.label}" for h in heads if h.run.simulated],
        tables=[(title, part, _marks(part)) for title, part in _spans(data)],
        metrics=METRICS,
        metric_text=metric_text,
        metric_difference=metric_difference,
        pairs=list(zip(heads[1:], data["differences"], strict=True)),
        numbers=_NUMBERS,
        largest=largest(t["return"] for row in data["trades"] for cell in row["runs"] for t in cell["trades"]),
        heat=_heat,
        groups=[(name, list(rows)) for name, rows in groupby(data["differing"], key=itemgetter("group"))],
        charts=[] if span is None else overlays(runs, named, span),
        key=KEY_FIGURES,
        matrix=event_matrix(runs) if PAIRWISE < len(runs) <= ACROSS else [],
        one_currency=one_currency(runs),
    )


def _parts(heads: Sequence[Head]) -> list[list[Head]]:
    """Return the runs in parts that fit across a table, as even as can be."""
    size = ceil(len(heads) / ceil(len(heads) / ACROSS))
    return [list(heads[n : n + size]) for n in range(0, len(heads), size)]


def _spans(data: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the tables of numbers with their titles; one is enough where all runs have the same span."""
    own, span = ("Each run over its own span", data["own_span"]), data["common_span"]
    if span is None:
        return [own]
    common = (f"All runs over their common span, {span['from']} to {span['to']}", data["common"])
    alike = all((h["first_session"], h["last_session"]) == (span["from"], span["to"]) for h in data["runs"])
    return [common] if alike else [common, own]


def _marks(part: dict[str, Any]) -> dict[str, str]:
    """Return each reason of a table once, with its mark."""
    reasons = dict.fromkeys(note for m in METRICS for note in part[m.name]["notes"] if note)
    return {note: str(n) for n, note in enumerate(reasons, start=1)}


_NUMBERS: dict[str, tuple[str, Writer, Writer]] = {
    "mean_trade": ("Mean trade", signed_percent, points),
    "sharpe_trade": ("Sharpe per trade", ratio, signed),
    "drawdown_trade": ("Drawdown of the events in a row", percent, points),
    "mean_return": ("Mean return a year", signed_percent, points),
    "sharpe": ("Sharpe ratio a year", ratio, signed),
    "max_drawdown": ("Max drawdown", percent, points),
}
"""What a difference is called, and how its two numbers and it are written."""


def _heat(value: float | None, most: float) -> str:
    """Return the CSS class of a number: gain or loss, 1 to 4 by its share of the largest; blank of nearly none."""
    return "" if value is None or abs(value) < most / 1_000 else heat(value, most)
