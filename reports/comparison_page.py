"""The page of a comparison: its tables written out as text, and its drawings, for the template to lay out."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from engine.metrics.table import METRICS, Metric, MetricInputs
from engine.run.run import Run
from reports.comparison_charts import overlays, style
from reports.comparison_tables import GROUPS, event_matrix, one_currency
from reports.headline import KEY_FIGURES
from reports.heat import heat
from reports.numbers import (
    metric_difference,
    metric_text,
    percent,
    plain,
    points,
    ratio,
    signed,
    signed_money,
    signed_percent,
    with_instants,
)
from reports.page import render, simulated_symbols

FEW = 4
"""Up to so many runs are columns; more are rows, and the metrics are columns."""
PAIRWISE = 3
"""Of more runs, whether a difference is real is shown in a matrix and not in sentences."""
ACROSS = 8
"""A table has at most so many runs across: it goes on below, so that it fits a sheet of paper."""


@dataclass(frozen=True)
class Head:
    """A run as headings name it: by its label, and where there are many by its number."""

    number: int
    label: str
    short: str
    style: str
    run: Run


def comparison_page(runs: Sequence[Run], data: dict[str, Any]) -> str:
    """Return the page of runs from their data (`reports.comparison.comparison_data`)."""
    named = [head["label"] for head in data["runs"]]
    heads = [_head(n, label, run, len(runs)) for n, (label, run) in enumerate(zip(named, runs, strict=True))]
    span = None
    if data["common_span"] is not None:
        span = (np.datetime64(data["common_span"]["from"]), np.datetime64(data["common_span"]["to"]))
    return render(
        "comparison.html.j2",
        data=data,
        runs=heads,
        few=len(runs) <= FEW,
        parts=_parts(heads),
        simulated=[f"{', '.join(simulated_symbols(h.run))} in {h.label}" for h in heads if h.run.simulated],
        tables=[_overview(title, part, [r.currency for r in runs]) for title, part in _spans(data)],
        pairs=[_pair_texts(pair, heads[n]) for n, pair in enumerate(data["differences"], start=1)],
        trades=_trade_texts(data["trades"]),
        correlation=_correlation_texts(data["correlation"]),
        groups=_groups(data["differing"]),
        charts=[] if span is None else overlays(runs, named, span),
        key=[m.label for m in METRICS if m.name in KEY_FIGURES],
        matrix=event_matrix(runs) if PAIRWISE < len(runs) <= ACROSS else [],
        one_currency=one_currency(runs),
        plain=plain,
    )


def _head(place: int, label: str, run: Run, n: int) -> Head:
    return Head(place, label, label if n <= FEW else f"#{place + 1}", style(place), run)


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


def _overview(title: str, part: dict[str, Any], currencies: Sequence[str]) -> dict[str, Any]:
    """Return a table of metrics, and each reason once, by its mark."""
    reasons = {note: "" for m in METRICS for note in part[m.name]["notes"] if note}
    marks = {note: str(n) for n, note in enumerate(reasons, start=1)}
    return {"title": title, "rows": [_metric_row(m, part[m.name], marks, currencies) for m in METRICS], "marks": marks}


def _metric_row(
    metric: Metric[MetricInputs], row: dict[str, Any], marks: dict[str, str], currencies: Sequence[str]
) -> dict[str, Any]:
    cells = zip(row["values"], row["notes"], row["best"], row["worst"], currencies, strict=True)
    return {
        "label": metric.label,
        "cells": [
            {"text": metric_text(metric, v, c), "value": v, "note": n, "mark": marks.get(n, ""), "best": b, "worst": w}
            for v, n, b, w, c in cells
        ],
        "difference": metric_difference(metric, row["difference"]) if "difference" in row else None,
    }


_NUMBERS = {
    "mean_trade": ("Mean trade", signed_percent, points),
    "sharpe_trade": ("Sharpe per trade", ratio, signed),
    "drawdown_trade": ("Drawdown of the events in a row", percent, points),
    "mean_return": ("Mean return a year", signed_percent, points),
    "sharpe": ("Sharpe ratio a year", ratio, signed),
    "max_drawdown": ("Max drawdown", percent, points),
}


def _pair_texts(pair: dict[str, Any], head: Head) -> dict[str, Any]:
    events = pair["events"]
    n = len(events["common"])
    return {
        "head": head,
        "sentence": pair["sentence"],
        "common": n,
        "ahead": events["second_better"],
        "behind": events["first_better"],
        "correlation": ratio(events["correlation"]),
        "events": [_difference_texts(d) for d in events["differences"]],
        "events_note": _shared_note(events["differences"]),
        "days": [_difference_texts(d) for d in pair["days"]],
        "days_note": _shared_note(pair["days"]),
    }


def _difference_texts(d: dict[str, Any]) -> dict[str, str]:
    label, write, write_difference = _NUMBERS[d["name"]]
    ends = "n/a" if d["low"] is None else f"{write_difference(d['low'])} to {write_difference(d['high'])}"
    return {
        "label": label,
        "first": write(d["first"]),
        "second": write(d["second"]),
        "difference": write_difference(d["difference"]),
        "difference_value": "n/a" if d["difference"] is None else str(d["difference"]),
        "ends": ends,
        "kind": "" if d["low"] is None else _kind(d["interval"]),
        "better": percent(d["second_better"], 0),
        "note": d["note"],
    }


def _shared_note(rows: Sequence[dict[str, Any]]) -> str:
    """Return the reason that all rows share, shown once; blank if they differ."""
    notes = {d["note"] for d in rows}
    return str(notes.pop()) if len(notes) == 1 else ""


def _kind(interval: str) -> str:
    return "resampled range" if interval == "resampled" else f"confidence, {interval}"


def _trade_texts(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    returns = [abs(t["return"]) for row in rows for cell in row["runs"] for t in cell["trades"]]
    largest = max(returns, default=0.0)
    return [_trade_row(row, largest) for row in rows]


def _trade_row(row: dict[str, Any], largest: float) -> dict[str, Any]:
    difference = row.get("difference")
    texts = None
    if difference is not None:
        texts = {
            "return": "-" if difference["return"] is None else points(difference["return"]),
            "pnl": "-" if difference["pnl"] is None else signed_money(difference["pnl"]),
            "value": difference["return"],
        }
    return {**row, "runs": [_cell(cell, largest) for cell in row["runs"]], "difference": texts}


def _cell(cell: dict[str, Any], largest: float) -> dict[str, Any]:
    trades = [
        {
            "return": signed_percent(t["return"]),
            "pnl": signed_money(t["pnl"]) + (", open" if t["open"] else ""),
            "lost": t["pnl"] < 0,
        }
        for t in cell["trades"]
    ]
    heat = _heat(cell["trades"][0]["return"], largest) if len(trades) == 1 else ""
    value = sum(t["return"] for t in cell["trades"]) if trades else None
    return {"trades": trades, "skipped": with_instants(cell["skipped"]), "heat": heat, "value": value}


def _heat(value: float, largest: float) -> str:
    """Return the CSS class of a number: gain or loss, 1 to 4 by its share of the largest."""
    return heat(value, largest) if largest and abs(value) >= largest / 1_000 else ""


def _correlation_texts(matrix: list[list[float | None]] | None) -> list[list[tuple[str, str]]]:
    if matrix is None:
        return []
    return [[(ratio(v), "" if v is None else _heat(v, 1.0)) for v in row] for row in matrix]


def _groups(rows: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the differing entries by group, those without any left out."""
    grouped = [(name, [row for row in rows if row["group"] == name]) for name in GROUPS]
    return [(name, found) for name, found in grouped if found]
