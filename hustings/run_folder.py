"""A run as files in a folder, and back. The same run gives the same bytes."""

import csv
import dataclasses
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from datasets.arrays import Floats, Sessions
from datasets.errors import UserError
from datasets.instants import iso_z, to_ns
from engine.account.records import Fill, Trade
from engine.metrics.metrics import compute_metrics
from engine.plan.plan import Skipped
from engine.run.event_paths import AFTER, BEFORE
from engine.run.run import EventPath, Run, RunEvent, check_series
from engine.run.variants import ParameterSensitivity, SensitivityCase
from hustings.registry import holds, run_in

_INSTANTS = ("decided_at", "filled_at", "entry_at", "exit_at")
_OFFSETS = {f"{n:+d}" if n else "0": n for n in range(-BEFORE, AFTER + 1)}
"""The columns of paths.csv: sessions counted from the event's own."""
_EVENT_COLUMNS = [f.name for f in dataclasses.fields(RunEvent) if f.name != "outcome"]


def write_run(run: Run, folder: Path, tearsheet: str | None, study: str | None = None) -> dict[str, Path]:
    """Write a run's files and return their paths by name; an earlier run of the folder is replaced whole.

    Args:
        run: what to write.
        folder: where.
        tearsheet: its page, if there is one.
        study: its study as JSON, if there is one.

    Raises:
        UserError: the folder cannot be written.
    """
    texts = {"manifest": ("manifest.json", _json({"run_id": run.run_id, **run.manifest}))}
    texts["trades"] = ("trades.csv", _csv(_columns(Trade), map(_values, run.trades)))
    texts["fills"] = ("fills.csv", _csv(_columns(Fill), map(_values, run.fills)))
    texts["events"] = (
        "events.csv",
        _csv([*_EVENT_COLUMNS, "instrument", "outcome", "reason"], _event_rows(run)),
    )
    equity = zip(run.sessions, run.equity, run.returns, run.exposure, strict=True)
    rows = ([str(s), *map(_number, v)] for s, *v in equity)
    texts["equity"] = ("equity.csv", _csv(["session", "equity", "returns", "exposure"], rows))
    if run.benchmark_returns is not None:
        marks = zip(run.sessions, map(_number, run.benchmark_returns), strict=True)
        texts["benchmark"] = ("benchmark.csv", _csv(["session", "returns"], ([str(s), r] for s, r in marks)))
    if study is not None:
        texts["study"] = ("study.json", study)
    texts["paths"] = ("paths.csv", _csv(["event_id", "instrument", "side", *_OFFSETS], map(_path_row, run.paths)))
    if run.variants is not None:
        texts["variants"] = ("variants.json", _json(dataclasses.asdict(run.variants)))
    if tearsheet is not None:
        texts["tearsheet"] = ("tearsheet.html", tearsheet)
    try:
        _replace(folder, dict(texts.values()), keep=holds(folder, run.run_id))
    except OSError as e:
        raise UserError(f"cannot write to '{folder}': {e.strerror}; name another place with --out") from e
    return {key: folder / name for key, (name, _) in texts.items()}


def check_writable(folder: Path) -> None:
    """Raise a UserError now, before the work, when a folder cannot be made or written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as e:
        raise UserError(f"cannot write to '{folder}': {e.strerror}; name another place with --out") from e


def check_free(folder: Path) -> None:
    """Raise a UserError now when a folder cannot be written, or holds a manifest that is no run's."""
    check_writable(folder)
    if (folder / "manifest.json").exists() and run_in(folder) is None:
        raise UserError(f"'{folder}' holds a manifest.json that is no run's; name another place with --out")


_OURS = frozenset(
    {
        "manifest.json",
        "trades.csv",
        "fills.csv",
        "events.csv",
        "equity.csv",
        "benchmark.csv",
        "study.json",
        "paths.csv",
        "variants.json",
        "tearsheet.html",
        "tearsheet.pdf",
    }
)


def _replace(folder: Path, files: dict[str, str], *, keep: bool) -> None:
    """Write the files beside their places and move them in; of another run nothing is left, of the same one all."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as temporary:
        for name, text in files.items():
            (Path(temporary) / name).write_text(text, encoding="utf-8", newline="")
        for name in files:
            (Path(temporary) / name).replace(folder / name)
    for name in () if keep else _OURS - files.keys():
        (folder / name).unlink(missing_ok=True)


def remove_run(folder: Path) -> None:
    """Remove a run's files, and its folder if nothing else is in it."""
    for name in _OURS:
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        shutil.rmtree(folder)


def read_run(folder: Path) -> Run:
    """Return the run of a folder, its numbers reckoned afresh.

    Raises:
        UserError: files are missing or damaged.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        run_id = manifest.pop("run_id")
        days = _by_column(folder / "equity.csv")
        trades = tuple(_trade(r) for r in _rows(folder / "trades.csv"))
        fills = tuple(_fill(r) for r in _rows(folder / "fills.csv"))
        told = _rows(folder / "events.csv")
        sessions = np.array(days["session"], dtype="datetime64[D]")
        _check_span(manifest, sessions)
        equity, returns, exposure = (_floats(days[c]) for c in ("equity", "returns", "exposure"))
        result = compute_metrics(sessions, returns, trades, cash_rate=manifest["terms"]["cash_rate"])
        marks = _floats(_by_column(folder / "benchmark.csv")["returns"]) if manifest["benchmark"] else None
        paths, variants = _paths(folder / "paths.csv"), _variants(folder / "variants.json")
        if marks is not None:
            check_series(sessions, marks, "returns of the benchmark")
        check_series(sessions, returns, "returns")
    except FileNotFoundError as e:
        raise UserError(f"'{folder}' is no run: {Path(str(e.filename)).name} is missing") from e
    except (KeyError, ValueError, TypeError) as e:
        raise UserError(f"'{folder}' is damaged ({type(e).__name__}: {e}); run it again") from e
    return Run(
        run_id=run_id,
        manifest=manifest,
        start_equity=manifest["terms"]["cash"],
        sessions=sessions,
        equity=equity,
        cash=None,
        returns=returns,
        exposure=exposure,
        fills=fills,
        trades=trades,
        skipped=tuple(Skipped(r["event_id"], r["instrument"], r["reason"]) for r in told if r["outcome"] == "skipped"),
        events=_events(told),
        benchmark=manifest["benchmark"],
        benchmark_returns=marks,
        metrics=result.values,
        notes=result.notes,
        paths=paths,
        variants=variants,
    )


def _check_span(manifest: dict[str, Any], sessions: Sessions) -> None:
    """Raise a ValueError when the equity does not reach from the first to the last session of the manifest."""
    found = [str(s) for s in (sessions[[0, -1]] if len(sessions) else [])]
    if found != [manifest["first_session"], manifest["last_session"]]:
        raise ValueError("equity.csv is cut short")


def run_json(run: Run, files: dict[str, Path]) -> dict[str, Any]:
    """Return what ``run --json`` prints: the run as plain values, instants as text."""
    return {
        "run_id": run.run_id,
        "strategy": run.manifest["strategy"],
        "parameters": run.manifest["parameters"],
        "sources": run.manifest["sources"],
        "simulated": run.simulated,
        "warnings": run.warnings,
        "first_session": run.manifest["first_session"],
        "last_session": run.manifest["last_session"],
        "start_equity": run.start_equity,
        "final_equity": run.final_equity,
        "metrics": run.metrics,
        "notes": run.notes,
        "trades": [_plain(t) for t in run.trades],
        "skipped": [dataclasses.asdict(s) for s in run.skipped],
        "files": {name: str(path) for name, path in files.items()},
    }


def _plain(record: Any) -> dict[str, Any]:
    """Return a trade or fill as plain values: instants as text, ``return_`` as ``return``."""
    row = dataclasses.asdict(record)
    return {k.rstrip("_"): iso_z(v) if k in _INSTANTS else v for k, v in row.items()}


def _columns(record: type[Any]) -> list[str]:
    return [f.name.rstrip("_") for f in dataclasses.fields(record)]


def _values(record: Any) -> list[str]:
    return [_number(v) if isinstance(v, float) else ("" if v is None else str(v)) for v in _plain(record).values()]


def _number(value: Any) -> str:
    return repr(float(value))


def _event_rows(run: Run) -> Iterable[list[str]]:
    by_id = {e.event_id: e for e in run.events}

    def row(event_id: str, *rest: str) -> list[str]:
        event = by_id.get(event_id)
        return [*(getattr(event, c) if event else "" for c in _EVENT_COLUMNS), *rest]

    yield from (row(t.event_id, t.instrument, "traded", "") for t in run.trades)
    yield from (row(s.event_id, s.instrument, "skipped", s.reason) for s in run.skipped)


def _events(rows: Sequence[dict[str, str]]) -> tuple[RunEvent, ...]:
    traded = {r["event_id"] for r in rows if r["outcome"] == "traded"}
    seen = {r["event_id"]: r for r in rows if r["event_id"]}
    ordered = sorted(seen.values(), key=lambda r: (r["known_at"] or "9", r["event_id"]))
    return tuple(
        RunEvent(**{c: r[c] for c in _EVENT_COLUMNS}, outcome="traded" if r["event_id"] in traded else "skipped")
        for r in ordered
    )


def _trade(row: dict[str, str]) -> Trade:
    return Trade(**_typed(row, Trade))


def _fill(row: dict[str, str]) -> Fill:
    return Fill(**_typed(row, Fill))


def _typed(row: dict[str, str], record: Any) -> dict[str, Any]:
    return {name: read(row[column]) for name, column, read in _readers(record)}


@lru_cache(maxsize=8)
def _readers(record: Any) -> list[tuple[str, str, Callable[[str], Any]]]:
    """Return for each field of a record its name, its column, and how its text is read."""
    return [(f.name, f.name.rstrip("_"), _reader(f)) for f in dataclasses.fields(record)]


def _reader(field: Any) -> Callable[[str], Any]:
    if field.name in _INSTANTS:
        return _instant
    return _float if "float" in str(field.type) else str


def _instant(text: str) -> int:
    return to_ns(datetime.fromisoformat(text.replace("Z", "+00:00")))


def _float(text: str) -> float | None:
    return float(text) if text else None


def _path_row(path: EventPath) -> list[str]:
    by_offset = dict(enumerate(path.closes, start=path.first))
    closes = [_number(by_offset[n]) if n in by_offset else "" for n in _OFFSETS.values()]
    return [path.event_id, path.instrument, path.side, *closes]


def _paths(file: Path) -> tuple[EventPath, ...]:
    """Return the paths around events; none where a run was kept before there were any."""
    return tuple(_path(row) for row in _rows(file)) if file.is_file() else ()


def _path(row: dict[str, str]) -> EventPath:
    there = {n: float(row[label]) for label, n in _OFFSETS.items() if row[label]}
    return EventPath(row["event_id"], row["instrument"], row["side"], min(there), tuple(there.values()))


def _variants(file: Path) -> ParameterSensitivity | None:
    """Return what the rule would have made otherwise; None where that was not reckoned."""
    if not file.is_file():
        return None
    found = json.loads(file.read_text(encoding="utf-8"))
    timing, costs = (tuple(SensitivityCase(**v) for v in found[name]) for name in ("timing", "costs"))
    return ParameterSensitivity(timing, costs, found["note"])


def _by_column(path: Path) -> dict[str, tuple[str, ...]]:
    """Return a table of many rows by column: several times faster than row by row."""
    with path.open(encoding="utf-8", newline="") as f:
        header, *rows = csv.reader(f)
    return dict(zip(header, zip(*rows, strict=True), strict=True))


def _floats(texts: Iterable[str]) -> Floats:
    return np.array([float(text) for text in texts])


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as f:
        header, *rows = csv.reader(f)
    return [dict(zip(header, row, strict=True)) for row in rows]


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
