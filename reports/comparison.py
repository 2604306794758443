"""The comparison: any number of runs side by side on one page, or the same tables as plain values."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from datasets.bars import Floats
from datasets.instants import Sessions, to_date
from engine.metrics import Numbers, drawdown, numbers
from engine.run import Run
from reports.labels import METRICS, Metric
from reports.numbers import percent, plain, points, ratio, signed_money, signed_percent, with_instants
from reports.page import render, simulated_symbols
from reports.svg import Chart, Line, chart_svg, growth

COLOURS, DASHES = 7, 5
SHORT_ID = 6


def comparison(runs: Sequence[Run]) -> str:
    """Return the runs side by side as one HTML page; the same runs give the same bytes.

    Raises:
        ValueError: fewer than two runs.
    """
    data = comparison_data(runs)
    span = common_span(runs)
    return render(
        "comparison.html.j2",
        data=data,
        runs=[_RunHead(label, r, _style(i)) for i, (label, r) in enumerate(zip(labels(runs), runs, strict=True))],
        simulated=_simulated(runs),
        tables=[_MetricTable(title, [_metric_row(m, part) for m in METRICS]) for title, part in _parts(data)],
        trades=[_trade_texts(row) for row in data["trades"]],
        charts=[] if span is None else [Markup(svg) for svg in _charts(runs, span)],
        plain=plain,
    )


def comparison_data(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the tables of a comparison, ready for JSON.

    Keys: ``runs``, ``common_span`` (None if there is none), ``own_span`` and ``common`` (metrics by name: values,
    notes and, for two runs, the difference second less first), ``differing``, ``trades``, ``traded_by_none``.

    Raises:
        ValueError: fewer than two runs.
    """
    if len(runs) < 2:
        raise ValueError(f"{len(runs)} run given; a comparison needs at least 2")
    span = common_span(runs)
    own = [Numbers({m.name: r.metrics.get(m.name) for m in METRICS}, r.notes) for r in runs]
    return {
        "runs": [_run_head(label, run) for label, run in zip(labels(runs), runs, strict=True)],
        "common_span": None if span is None else {"from": str(span[0]), "to": str(span[1])},
        "own_span": _metrics(own, comparable=_one_span(runs)),
        "common": None if span is None else _metrics([numbers_within(r, span) for r in runs]),
        "differing": differing(runs),
        "trades": _trades(runs),
        "traded_by_none": _traded_by_none(runs),
    }


def _traded_by_none(runs: Sequence[Run]) -> int:
    skipped = {s.event_id for r in runs for s in r.skipped}
    return len(skipped - {t.event_id for r in runs for t in r.trades})


def _run_head(label: str, run: Run) -> dict[str, Any]:
    return {
        "label": label,
        "run_id": run.run_id,
        "strategy": str(run.manifest["strategy"]),
        "first_session": str(to_date(run.sessions[0])),
        "last_session": str(to_date(run.sessions[-1])),
        "sessions": len(run.sessions),
        "simulated": simulated_symbols(run),
    }


def labels(runs: Sequence[Run]) -> list[str]:
    """Return a name for each run that no other has: the strategy, then what differs, then ids and places."""
    names = [str(r.manifest["strategy"]) for r in runs]
    shared = Counter(names)
    told = [name if shared[name] == 1 else _told_apart(run, runs) for name, run in zip(names, runs, strict=True)]
    again = Counter(told)
    return [label if again[label] == 1 else f"{label} #{n}" for n, label in enumerate(told, start=1)]


def _told_apart(run: Run, runs: Sequence[Run]) -> str:
    name = run.manifest["strategy"]
    mine = run.manifest["parameters"]
    others = [r.manifest["parameters"] for r in runs if r.manifest["strategy"] == name]
    differ = [k for k in mine if any(o.get(k, None) != mine[k] for o in others)]
    inside = ", ".join(f"{k}={plain(mine[k])}" for k in differ)
    return f"{name} ({inside}) {run.run_id[:SHORT_ID]}" if inside else f"{name} {run.run_id[:SHORT_ID]}"


Span = tuple[np.datetime64, np.datetime64]


def common_span(runs: Sequence[Run]) -> Span | None:
    """Return the first and last day all runs have behind them, or None if they share none."""
    first, last = max(r.sessions[0] for r in runs), min(r.sessions[-1] for r in runs)
    inside = first <= last and all(_within(r.sessions, (first, last)).any() for r in runs)
    return (first, last) if inside else None


def _within(sessions: Sessions, span: Span) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (sessions >= span[0]) & (sessions <= span[1])
    return inside


def numbers_within(run: Run, span: Span) -> Numbers:
    """Return the numbers of a run from its sessions in a span and the trades entered in it."""
    rows = _within(run.sessions, span)
    entered = [t for t in run.trades if span[0] <= np.datetime64(t.entry_session, "D") <= span[1]]
    return numbers(run.sessions[rows], run.returns[rows], entered, cash_rate=run.manifest["terms"]["cash_rate"])


def _one_span(runs: Sequence[Run]) -> bool:
    """Return whether all runs have the same first and last session: only then is one better than another."""
    return len({(r.sessions[0], r.sessions[-1]) for r in runs}) == 1


def _metrics(found: Sequence[Numbers], *, comparable: bool = True) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for m in METRICS:
        values = [n.values.get(m.name) for n in found]
        notes = [n.notes.get(m.name, "not recorded") if v is None else "" for n, v in zip(found, values, strict=True)]
        rows[m.name] = {
            "values": values,
            "notes": notes,
            "best": _best(m, values) if comparable else [False] * len(values),
        }
        if len(found) == 2 and comparable:
            rows[m.name]["difference"] = _less(values[1], values[0])
    return rows


def _less(second: float | None, first: float | None) -> float | None:
    return None if first is None or second is None else second - first


def _best(metric: Metric, values: Sequence[float | None]) -> list[bool]:
    """Return which values are the best of the row; none where there is nothing to choose."""
    known = [v * metric.better for v in values if v is not None]
    if metric.better == 0 or len(known) < 2 or min(known) == max(known):
        return [False] * len(values)
    return [v is not None and v * metric.better == max(known) for v in values]


def differing(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return the entries of the manifests that are not alike in all runs; an entry a run has not is None."""
    flat = [dict(_flat(r.manifest)) for r in runs]
    names = dict.fromkeys(name for f in flat for name in f)
    rows = [{"name": name, "values": [f.get(name) for f in flat]} for name in names]
    return [row for row in rows if any(v != row["values"][0] for v in row["values"])]


def _flat(entries: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in entries.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _trades(runs: Sequence[Run]) -> list[dict[str, Any]]:
    keys = sorted({(t.entry_at, t.event_id, t.instrument) for r in runs for t in r.trades})
    pairs = list(dict.fromkeys((event_id, instrument) for _, event_id, instrument in keys))
    titles = {e.event_id: e.title for r in runs for e in r.events}
    return [_trade_row(event_id, instrument, runs, titles.get(event_id, "")) for event_id, instrument in pairs]


def _trade_row(event_id: str, instrument: str, runs: Sequence[Run], title: str) -> dict[str, Any]:
    cells = [_cell(event_id, instrument, run) for run in runs]
    row: dict[str, Any] = {"event_id": event_id, "title": title, "instrument": instrument, "runs": cells}
    if len(runs) == 2:
        first, second = cells
        both = bool(first["trades"]) and bool(second["trades"])
        single = len(first["trades"]) == len(second["trades"]) == 1
        row["difference"] = {
            "pnl": sum(t["pnl"] for t in second["trades"]) - sum(t["pnl"] for t in first["trades"]) if both else None,
            "return": second["trades"][0]["return"] - first["trades"][0]["return"] if single else None,
        }
    return row


def _cell(event_id: str, instrument: str, run: Run) -> dict[str, Any]:
    """Return the trades of one run on one event in one instrument, and if there are none, the reason if it gave one."""
    traded = [t for t in run.trades if (t.event_id, t.instrument) == (event_id, instrument)]
    reasons = [s.reason for s in run.skipped if s.event_id == event_id and s.instrument in ("", instrument)]
    return {
        "trades": [{"return": t.return_, "pnl": t.pnl, "open": not t.is_closed} for t in traded],
        "skipped": "" if traded else "; ".join(reasons),
    }


@dataclass(frozen=True)
class _RunHead:
    label: str
    run: Run
    style: str


@dataclass(frozen=True)
class _MetricTable:
    title: str
    rows: list[dict[str, Any]]


def _parts(data: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    parts = [("Each run over its own span", data["own_span"])]
    if data["common"] is not None:
        span = data["common_span"]
        parts.insert(0, (f"All runs over their common span, {span['from']} to {span['to']}", data["common"]))
    return parts


def _metric_row(metric: Metric, part: dict[str, Any]) -> dict[str, Any]:
    row = part[metric.name]
    cells = zip(row["values"], row["notes"], row["best"], strict=True)
    return {
        "label": metric.label,
        "cells": [{"text": metric.write(value), "note": note, "best": best} for value, note, best in cells],
        "difference": metric.write_difference(row["difference"]) if "difference" in row else None,
    }


def _trade_texts(row: dict[str, Any]) -> dict[str, Any]:
    cells = [
        {
            "trades": [
                {
                    "return": signed_percent(t["return"]),
                    "pnl": signed_money(t["pnl"]) + (", open" if t["open"] else ""),
                    "lost": t["pnl"] < 0,
                }
                for t in cell["trades"]
            ],
            "skipped": with_instants(cell["skipped"]),
        }
        for cell in row["runs"]
    ]
    difference = row.get("difference")
    texts = None
    if difference is not None:
        texts = {
            "return": "-" if difference["return"] is None else points(difference["return"]),
            "pnl": "-" if difference["pnl"] is None else signed_money(difference["pnl"]),
        }
    return {**row, "runs": cells, "difference": texts}


def _simulated(runs: Sequence[Run]) -> list[str]:
    """Return which prices of which runs were simulated."""
    named = zip(labels(runs), runs, strict=True)
    return [f"{', '.join(simulated_symbols(run))} in {label}" for label, run in named if run.simulated]


def _style(place: int) -> str:
    """Return the CSS classes of the run at a place: its colour, and dashes that tell it from the others without one."""
    return f"s{place % COLOURS} d{place % DASHES}"


def _charts(runs: Sequence[Run], span: Span) -> list[str]:
    told = labels(runs)
    equity, below = [], []
    for place, (label, run) in enumerate(zip(told, runs, strict=True)):
        rows = _within(run.sessions, span)
        days, returns = run.sessions[rows], run.returns[rows]
        equity.append(_line(label, days, growth(returns), start=1.0, span=span, style=_style(place)))
        below.append(_line(label, days, drawdown(returns), start=0.0, span=span, style=_style(place)))
    over = f"from {span[0]} to {span[1]}, {len(runs)} runs"
    charts = [
        Chart("equities", "Equity, 1 at the start", f"Equity {over}.", equity, ratio, y_label="equity"),
        Chart("drawdowns", "Drawdown", f"Drawdown {over}.", below, _tenths, y_label="drawdown"),
    ]
    return [chart_svg(chart) for chart in charts]


def _tenths(fraction: float) -> str:
    return percent(fraction, 1)


def _line(label: str, days: Sessions, values: Floats, *, start: float, span: Span, style: str) -> Line:
    """Return a line that begins with ``start`` on the day before the span."""
    return Line(label, np.concatenate(([span[0] - 1], days)), np.concatenate(([start], values)), style)
