"""The comparison: any number of runs side by side on one page, or the same tables as plain values."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from datasets.instants import to_date
from engine.comparison.common_days import metrics_within
from engine.comparison.compare import Pair, compared
from engine.comparison.difference import LEVEL, RESAMPLES, SEED, Difference
from engine.metrics.table import METRICS, Metrics, Unit
from engine.run.run import Run
from reports.comparison_page import comparison_page
from reports.comparison_tables import best_of, differing, market_rows, one_currency, trade_rows, traded_by_none, verdict
from reports.numbers import plain
from reports.page import simulated_symbols

SHORT_ID = 6


def comparison(runs: Sequence[Run]) -> str:
    """Return the runs side by side as one HTML page; the same runs give the same bytes.

    Raises:
        ValueError: fewer than two runs.
    """
    return comparison_page(runs, comparison_data(runs))


def comparison_data(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the tables of a comparison, ready for JSON.

    Keys: ``runs``, ``common_span`` (None if there is none), ``own_span`` and ``common`` (metrics by name: values,
    notes, best and worst and, for two runs, the difference second less first), ``differences`` (each run but the first
    against the first: on common events and on the common span, with a sentence), ``correlation`` (of daily returns,
    None where a run does not vary), ``method``, ``differing``, ``markets``, ``trades``, ``traded_by_none``.

    Raises:
        ValueError: fewer than two runs.
    """
    found = compared(runs)
    named, span, days = labels(runs), found.span, found.days
    one_span = len({(r.sessions[0], r.sessions[-1]) for r in runs}) == 1  # only then is one better than another
    own = [Metrics({m.name: r.metrics.get(m.name) for m in METRICS}, r.notes) for r in runs]
    return {
        "runs": [_run_head(label, run) for label, run in zip(named, runs, strict=True)],
        "common_span": None if span is None else {"from": str(span[0]), "to": str(span[1])},
        "own_span": _metrics(own, comparable=one_span, amounts=one_currency(runs)),
        "common": None
        if span is None
        else _metrics([metrics_within(r, span) for r in runs], comparable=True, amounts=one_currency(runs)),
        "differences": [_pair(pair, named) for pair in found.pairs],
        "correlation": days and [[None if np.isnan(v) else float(v) for v in row] for row in days.correlation],
        "method": {"seed": SEED, "resamples": RESAMPLES, "level": LEVEL, "block_sessions": days and days.block},
        "differing": differing(runs),
        "markets": market_rows(runs),
        "trades": trade_rows(runs),
        "traded_by_none": traded_by_none(runs),
    }


def _run_head(label: str, run: Run) -> dict[str, Any]:
    return {
        "label": label,
        "run_id": run.run_id,
        "strategy": str(run.manifest["strategy"]),
        "first_session": str(to_date(run.sessions[0])),
        "last_session": str(to_date(run.sessions[-1])),
        "sessions": len(run.sessions),
        "currency": run.currency,
        "fx": "hedged" if run.is_hedged else "unhedged",
        "simulated": simulated_symbols(run),
    }


def labels(runs: Sequence[Run]) -> list[str]:
    """Return a name for each run that no other has: the strategy, then what differs, then ids and places."""
    names = [str(r.manifest["strategy"]) for r in runs]
    shared = Counter(names)
    named = [name if shared[name] == 1 else _distinct_name(run, runs) for name, run in zip(names, runs, strict=True)]
    again = Counter(named)
    return [label if again[label] == 1 else f"{label} #{n}" for n, label in enumerate(named, start=1)]


def _distinct_name(run: Run, runs: Sequence[Run]) -> str:
    name = run.manifest["strategy"]
    mine = run.manifest["parameters"]
    others = [r.manifest["parameters"] for r in runs if r.manifest["strategy"] == name]
    differ = [k for k in sorted(mine) if any(o.get(k, None) != mine[k] for o in others)]
    inside = ", ".join(f"{k}={plain(mine[k])}" for k in differ if mine[k] is not None)
    return f"{name} ({inside}) {run.run_id[:SHORT_ID]}" if inside else f"{name} {run.run_id[:SHORT_ID]}"


def _metrics(found: Sequence[Metrics], *, comparable: bool, amounts: bool) -> dict[str, Any]:
    """Return each metric of all runs; which is best only where runs are ``comparable``, of amounts in one currency."""
    rows: dict[str, Any] = {}
    for m in METRICS:
        values = [n.values.get(m.name) for n in found]
        notes = [n.notes.get(m.name, "not recorded") if v is None else "" for n, v in zip(found, values, strict=True)]
        alike = comparable and (amounts or m.unit is not Unit.MONEY)
        better = m.better if alike else 0
        rows[m.name] = {
            "values": values,
            "notes": notes,
            "best": best_of(values, better),
            "worst": best_of(values, -better),
        }
        if len(found) == 2 and comparable:
            first, second = values
            rows[m.name]["difference"] = second - first if alike and first is not None and second is not None else None
    return rows


def _pair(pair: Pair, named: Sequence[str]) -> dict[str, Any]:
    first, second = named[0], named[pair.second]
    events = pair.on_events
    return {
        "run": second,
        "against": first,
        "sentence": verdict(events, first=first, second=second),
        "events": {
            "common": [{"event_id": e.event_id, "first": e.first, "second": e.second} for e in events.events],
            "second_better": events.ahead,
            "first_better": events.behind,
            "correlation": events.correlation,
            "block_events": events.block,
            "differences": [_difference(d) for d in events.differences],
        },
        "days": [_difference(d) for d in pair.on_days],
    }


def _difference(found: Difference) -> dict[str, Any]:
    named = {"difference": found.value, "interval": str(found.interval), "second_better": found.better}
    return {**{name: getattr(found, name) for name in ("name", "first", "second", "low", "high", "note")}, **named}
