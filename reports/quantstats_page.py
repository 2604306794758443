"""quantstats' sheet of a run as one page in its own layout: its figures and tables, with the right numbers in them.

Where quantstats computes a number wrongly, the row has ours with a mark, and the page a footnote with quantstats' own
and the reason; all other numbers are quantstats'. ``templates/quantstats.csv`` has the rows, their order, our metric
if there is one, and the reasons.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from datasets.arrays import Floats
from engine.metrics.metrics import drawdowns, growth, yearly_returns
from engine.metrics.table import Metrics
from engine.run.run import Run
from reports.heat import heat, largest, year_rows
from reports.page import render
from reports.performance import account_metrics, benchmark_metrics, recovered
from reports.quantstats_sheet import PLACES, quantstats_figures, quantstats_metrics, whole_year

ROWS = Path(__file__).parent / "templates" / "quantstats.csv"
NONE = "-"
DEEPEST = 10
_ROUNDED = 0.01001
"""Two numbers of two decimals that differ by no more are one, rounded."""


class QuantstatsRow(Struct, frozen=True):
    """One row of quantstats' metrics table; ``theirs`` is what quantstats prints, ``why`` the reason for a mark.

    The cells of ``ours`` and ``theirs`` are of the benchmark, if there is one, and of the account. A row without a
    label separates two groups.
    """

    label: str
    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()
    why: str = ""


def quantstats_page(run: Run, *, tear_sheet: str = "") -> str:
    """Return quantstats' sheet of a run as one HTML page; ``tear_sheet`` is the address of the event sheet, if any."""
    (figures, missing), rows = quantstats_figures(run), metric_rows(run, quantstats_metrics(run))
    return render(
        "quantstats.html.j2",
        run=run,
        tear_sheet=tear_sheet,
        version=version("quantstats"),
        per_year=whole_year(run),
        titles=PLACES,
        figures={f.name: f for f in figures},
        missing=missing,
        rows=rows,
        notes=[row for row in rows if row.why],
        years=_years(run),
        months=year_rows(run),
        heat=heat,
        largest=largest,
        drawdowns=drawdowns(run.sessions, run.returns)[:DEEPEST],
        recovered=recovered,
    )


def metric_rows(run: Run, printed: Mapping[str, tuple[str, ...]]) -> list[QuantstatsRow]:
    """Return quantstats' table row by row, as it ``printed`` it but for the numbers that are ours."""
    columns = [_column(run, run.returns, account_metrics(run))]
    if run.benchmark_returns is not None:
        columns.insert(0, _column(run, run.benchmark_returns, benchmark_metrics(run)))
    with ROWS.open(encoding="utf-8", newline="") as file:
        return [_row(row, columns, printed.get(row["row"], ())) for row in csv.DictReader(file)]


def _column(run: Run, returns: Floats, found: Metrics) -> Metrics:
    """Return the metrics of the account or of the benchmark with the few that only quantstats has."""
    values: dict[str, Any] = {**found.values, "cash_rate": float(run.manifest["terms"]["cash_rate"])}
    values |= {"first_session": str(run.sessions[0]), "last_session": str(run.sessions[-1])}
    if deepest := drawdowns(run.sessions, returns)[:1]:
        fall = deepest[0]
        values |= {"deepest_at": str(fall.lowest), "deepest_from": str(fall.began), "deepest_to": recovered(fall)}
    return Metrics(values, found.notes)


def _row(row: Mapping[str, str], columns: Sequence[Metrics], theirs: tuple[str, ...]) -> QuantstatsRow:
    if not row["row"]:
        return QuantstatsRow("")
    label = row["row"].removesuffix("﹪")
    if not row["metric"] and not row["reason"]:
        return QuantstatsRow(label, _quoted(theirs, len(columns)), theirs)
    ours = tuple(_written(c.values.get(row["metric"]), row["as"]) for c in columns)
    alike = len(ours) != len(theirs) or all(map(_same, ours, theirs))
    notes = [c.notes.get(row["metric"], "") for c, text in zip(columns, ours, strict=True) if text == NONE]
    why = "; ".join(dict.fromkeys(n for n in notes if n)) or row["reason"] or "computed otherwise"
    return QuantstatsRow(label, ours, theirs, "" if alike and row["metric"] else why)


def _quoted(theirs: tuple[str, ...], columns: int) -> tuple[str, ...]:
    """Return what quantstats prints in so many columns, the account's last; what is no number is none."""
    cells = [NONE if re.search("nan|inf", text) else text for text in theirs]
    return (*[NONE] * (columns - len(cells)), *cells)


def _written(value: Any, how: str) -> str:
    """Return a number as quantstats writes its like."""
    if value is None:
        return NONE
    if how == "text":
        return str(value)
    if how == "whole":
        return f"{value:,.0f}"
    rounded = round(value * 100 if how == "percent" else value, 2) + 0.0  # no zero has a sign
    return f"{rounded:,.2f}%" if how == "percent" else f"{rounded:,.2f}"


def _same(ours: str, theirs: str) -> bool:
    """Return whether two texts are the same number of at most two decimals, or the same text."""
    try:
        one, other = (float(text.replace(",", "").removesuffix("%")) for text in (ours, theirs))
    except ValueError:
        return ours == theirs
    return abs(one - other) <= _ROUNDED


def _years(run: Run) -> list[tuple[str, ...]]:
    """Return the rows of the table of years: against the benchmark, else the return and what 1 had become, less 1."""
    ours = yearly_returns(run.sessions, run.returns)
    if run.benchmark_returns is None:
        so_far = growth(np.array(list(ours.values()))) - 1
        return [
            (str(y), _written(r, "percent"), _written(c, "percent"))
            for (y, r), c in zip(ours.items(), so_far, strict=True)
        ]
    theirs = yearly_returns(run.sessions, run.benchmark_returns)
    return [_year(str(y), theirs[y], r) for y, r in ours.items()]


def _year(year: str, benchmark: float, account: float) -> tuple[str, ...]:
    times = NONE if benchmark == 0 else _written(account / benchmark, "ratio")
    won = "=" if account == benchmark else "+" if account > benchmark else "-"
    return year, _written(benchmark, "percent"), _written(account, "percent"), times, won
