"""Every table behind the tear sheet as plain rows: numbers unrounded, None where there is none."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec.structs import asdict

from datasets.instants import iso_z
from engine.metrics.metrics import drawdowns, monthly_returns
from engine.metrics.table import METRIC_NAMES, Metrics
from engine.run.attribution import attribution, by_market, leave_one_out
from engine.run.event_paths import AFTER, BEFORE, cumulative, last_session, mean_path
from engine.run.run import Run
from reports.headline import per_trade
from reports.heat import year_rows
from reports.performance import account_metrics, benchmark_metrics

Row = dict[str, Any]
INSTANTS = ("decided_at", "filled_at", "entry_at", "exit_at")


def tables(run: Run) -> dict[str, list[Row]]:
    """Return the tables of a run by name, each a list of rows with the same keys.

    Returns are fractions, money is in account currency, instants are ISO UTC. ``why`` says why a number is None.
    """
    return {
        "trades_view": [row for table, found in per_trade(run) for row in _numbers(found, [m.name for m in table])],
        "account_view": _numbers(Metrics(run.metrics, run.notes), METRIC_NAMES),
        "trades": [plain_record(t) for t in run.trades],
        "not_traded": [asdict(s) for s in run.skipped],
        "around_events": _paths(run),
        "parts": [asdict(attribution(t)) for t in run.trades],
        "markets": market_rows(run),
        "exposures": [asdict(e) for e in run.exposures],
        "without_one_event": [asdict(w) for w in leave_one_out(run.trades)],
        "otherwise": [] if (v := run.variants) is None else [asdict(c) for c in (*v.timing, *v.costs, *v.events)],
        "months": [
            {"year": y, "month": m, "return": r} for (y, m), r in monthly_returns(run.sessions, run.returns).items()
        ],
        "years": [{"year": y.year, "return": y.strategy, "benchmark": y.benchmark} for y in year_rows(run)],
        "drawdowns": [_drawdown(asdict(d)) for d in drawdowns(run.sessions, run.returns)],
        "key_numbers": _performance(run),
    }


def _numbers(found: Metrics, names: Sequence[str]) -> list[Row]:
    return [{"name": n, "value": found.values.get(n), "why": found.notes.get(n, "")} for n in names]


def plain_record(record: Any) -> Row:
    """Return a trade or fill as plain values: instants as text, ``return_`` as ``return``."""
    return {name.rstrip("_"): iso_z(v) if name in INSTANTS else v for name, v in asdict(record).items()}


def market_rows(run: Run) -> list[Row]:
    """Return the result of each market of a run, with the parts of its P&L as columns."""
    rows = [asdict(found) for found in by_market(run.trades)]
    for row in rows:
        row |= {name: v for name, v in asdict(row.pop("parts")).items() if name not in ("event_id", "instrument")}
    return rows


def _drawdown(row: Row) -> Row:
    return {name: v if isinstance(v, int | float) or v is None else str(v) for name, v in row.items()}


def _paths(run: Run) -> list[Row]:
    """Return the cumulative returns around the events, one column a path and their mean, one row a session."""
    if not run.paths:
        return []
    named = {f"{p.event_id} {p.instrument} {p.side}": cumulative(p, -BEFORE, AFTER) for p in run.paths}
    mean = np.full(BEFORE + AFTER + 1, np.nan)
    last = last_session(run.trades)
    mean[: BEFORE + last + 1] = mean_path(run.paths, -BEFORE, last)
    columns = {"mean": mean, **named}
    return [
        {
            "session": n,
            **{name: float(v) if np.isfinite(v := values[n + BEFORE]) else None for name, values in columns.items()},
        }
        for n in range(-BEFORE, AFTER + 1)
    ]


def _performance(run: Run) -> list[Row]:
    ours, theirs = account_metrics(run), benchmark_metrics(run)
    return [
        {
            "name": name,
            "account": value,
            "account_why": ours.notes.get(name, ""),
            "benchmark": theirs.values.get(name),
            "benchmark_why": theirs.notes.get(name, ""),
        }
        for name, value in ours.values.items()
    ]
