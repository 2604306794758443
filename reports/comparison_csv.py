"""The tables of a comparison as CSV texts by file name; an empty cell is a number that is not available."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from datasets.csv_rows import sheet_csv
from engine.comparison.common_days import within
from engine.metrics.metrics import drawdown, growth
from engine.run.run import Run
from reports.numbers import plain

Row = Sequence[Any]


def comparison_csv(runs: Sequence[Run], data: dict[str, Any]) -> dict[str, str]:
    """Return every table of `reports.comparison.comparison_data`, and the curves over the common span."""
    named = [head["label"] for head in data["runs"]]
    heads = ["label", "run_id", "strategy", "first_session", "last_session", "sessions", "currency", "fx"]
    return {
        "runs.csv": _text(heads, ([head[c] for c in heads] for head in data["runs"])),
        "numbers.csv": _text(["span", "run", "number", "value", "best", "worst", "note"], _numbers(data, named)),
        "differences.csv": _text(_DIFFERENCE, _differences(data)),
        "common_events.csv": _text(["run", "against", "event_id", "second", "first"], _common(data)),
        "trades.csv": _text(
            ["event_id", "title", "instrument", "run", "return", "pnl", "open", "skipped"], _trades(data, named)
        ),
        "markets.csv": _text(["instrument", "run", "currency", "pnl", "trades", "exposure"], _markets(data)),
        "correlation.csv": _text(["run", *named], _correlation(data, named)),
        "differing.csv": _text(["group", "entry", "run", "value"], _differing(data, named)),
        "curves.csv": _text(["session", "run", "equity", "drawdown", "exposure"], _curves(runs, data, named)),
    }


def _text(columns: Sequence[str], rows: Iterator[Row]) -> str:
    words = {True: "yes", False: "no"}
    return sheet_csv(columns, ([words[v] if isinstance(v, bool) else v for v in row] for row in rows))


def _numbers(data: dict[str, Any], named: Sequence[str]) -> Iterator[Row]:
    for span, part in (("common", data["common"] or {}), ("own", data["own_span"])):
        for number, row in part.items():
            cells = zip(named, row["values"], row["best"], row["worst"], row["notes"], strict=True)
            yield from ([span, name, number, *rest] for name, *rest in cells)


_DIFFERENCE = [
    "run", "against", "on", "name", "first", "second", "difference", "low", "high", "interval", "second_better", "note",
]  # fmt: skip


def _differences(data: dict[str, Any]) -> Iterator[Row]:
    for pair in data["differences"]:
        for on, rows in (("common events", pair["events"]["differences"]), ("common days", pair["days"])):
            yield from ([pair["run"], pair["against"], on, *(d[c] for c in _DIFFERENCE[3:])] for d in rows)


def _common(data: dict[str, Any]) -> Iterator[Row]:
    for pair in data["differences"]:
        yield from (
            [pair["run"], pair["against"], e["event_id"], e["second"], e["first"]] for e in pair["events"]["common"]
        )


def _trades(data: dict[str, Any], named: Sequence[str]) -> Iterator[Row]:
    for row in data["trades"]:
        about = [row["event_id"], row["title"], row["instrument"]]
        for name, cell in zip(named, row["runs"], strict=True):
            if not cell["trades"]:
                yield [*about, name, None, None, None, cell["skipped"]]
            yield from ([*about, name, t["return"], t["pnl"], t["open"], ""] for t in cell["trades"])


def _markets(data: dict[str, Any]) -> Iterator[Row]:
    for row in data["markets"]:
        for head, m in zip(data["runs"], row["runs"], strict=True):
            if m is not None:
                yield [row["instrument"], head["label"], head["currency"], m["pnl"], m["trades"], m["exposure"]]


def _correlation(data: dict[str, Any], named: Sequence[str]) -> Iterator[Row]:
    matrix = data["correlation"] or []
    yield from ([name, *row] for name, row in zip(named, matrix, strict=bool(matrix)))


def _differing(data: dict[str, Any], named: Sequence[str]) -> Iterator[Row]:
    for row in data["differing"]:
        values = (None if v is None else plain(v) for v in row["values"])
        yield from ([row["group"], row["name"], name, value] for name, value in zip(named, values, strict=True))


def _curves(runs: Sequence[Run], data: dict[str, Any], named: Sequence[str]) -> Iterator[Row]:
    if data["common_span"] is None:
        return
    span = (np.datetime64(data["common_span"]["from"]), np.datetime64(data["common_span"]["to"]))
    for name, run in zip(named, runs, strict=True):
        rows = within(run.sessions, span)
        curves = [growth(run.returns[rows]), drawdown(run.returns[rows]), run.exposure[rows]]
        for session, *values in zip(run.sessions[rows], *(c.tolist() for c in curves), strict=True):
            yield [session, name, *values]
