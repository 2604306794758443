"""A run as files in a folder, and back. The same run gives the same bytes."""

import csv
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from datasets.arrays import Floats, Sessions
from datasets.csv_rows import as_typed, sheet_csv
from datasets.errors import UserError
from datasets.instants import iso_z, to_ns
from engine.account.records import Fill, Trade
from engine.metrics.metrics import compute_metrics
from engine.plan.plan import Skipped
from engine.run.by_market import Exposure
from engine.run.event_paths import AFTER, BEFORE
from engine.run.run import EventPath, ParameterSensitivity, Run, RunEvent, SensitivityCase, check_series
from hustings.files import json_text
from hustings.registry import holds, run_in
from reports.tables import market_rows

R = TypeVar("R")
_FILES = {
    "manifest": "manifest.json",
    "trades": "trades.csv",
    "fills": "fills.csv",
    "events": "events.csv",
    "equity": "equity.csv",
    "benchmark": "benchmark.csv",
    "study": "study.json",
    "exposures": "exposures.csv",
    "paths": "paths.csv",
    "variants": "variants.json",
    "tearsheet": "tearsheet.html",
    "pdf": "tearsheet.pdf",
    "quantstats": "quantstats.html",
}
_PAGES = ("study", "tearsheet", "pdf", "quantstats")
"""Files of a run that other commands write too; the manifest holds the hashes of all others."""
_INSTANTS = ("decided_at", "filled_at", "entry_at", "exit_at")
_OFFSETS = {f"{n:+d}" if n else "0": n for n in range(-BEFORE, AFTER + 1)}
"""The columns of paths.csv: sessions counted from the event's own."""
_EVENT_COLUMNS = [f.name for f in fields(RunEvent) if f.name != "outcome"]


def write_run(
    run: Run, folder: Path, tearsheet: str | None, study: str | None = None, *, quantstats: str | None = None
) -> dict[str, Path]:
    """Write a run's files and return their paths by name; they replace those of an earlier run.

    Args:
        run: what to write.
        folder: where.
        tearsheet: its page, if there is one.
        study: its study as JSON, if there is one.
        quantstats: its sheet by quantstats, if there is one.

    Raises:
        UserError: the folder cannot be written.
    """
    pages = {"study": study, "tearsheet": tearsheet, "quantstats": quantstats}
    texts = record_texts(run)
    texts["equity.csv"] = series_csv(run.sessions, equity=run.equity, returns=run.returns, exposure=run.exposure)
    if run.benchmark_returns is not None:
        texts["benchmark.csv"] = series_csv(run.sessions, returns=run.benchmark_returns)
    written = texts | {_FILES[name]: text for name, text in pages.items() if text is not None}
    hashes = {name: _sha256(text.encode()) for name, text in texts.items()}
    manifest = json_text({"run_id": run.run_id, **run.manifest, "files": hashes})
    written[_FILES["manifest"]] = manifest  # last: what it says is there
    try:
        _replace(folder, written, keep=holds(folder, run.run_id))
    except OSError as e:
        raise UserError(f"cannot write to '{folder}': {e.strerror}; name another place with --out") from e
    return {name: folder / file for name, file in _FILES.items() if file in written}


def record_texts(run: Run) -> dict[str, str]:
    """Return the files of a run that are read back, but manifest and daily series: their texts by name."""
    variants = run.variants
    texts = {
        "trades": _records_csv(Trade, run.trades),
        "fills": _records_csv(Fill, run.fills),
        "events": sheet_csv([*_EVENT_COLUMNS, "instrument", "outcome", "reason"], _event_rows(run)),
        "exposures": _records_csv(Exposure, run.exposures),
        "paths": sheet_csv(["event_id", "instrument", "side", *_OFFSETS], map(_path_row, run.paths)),
        "variants": None if variants is None else json_text(asdict(variants)),
    }
    return {_FILES[name]: text for name, text in texts.items() if text is not None}


def check_writable(folder: Path) -> None:
    """Raise a UserError, before the work, if a folder cannot be created or written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as e:
        raise UserError(f"cannot write to '{folder}': {e.strerror}; name another place with --out") from e


def check_free(folder: Path) -> None:
    """Raise a UserError, before the work, if a folder cannot be written, or holds a manifest that is not a run's."""
    check_writable(folder)
    if (folder / "manifest.json").exists() and run_in(folder) is None:
        raise UserError(f"'{folder}' holds a manifest.json that is no run's; name another place with --out")


def _replace(folder: Path, files: dict[str, str], *, keep: bool) -> None:
    """Write the files to a temporary folder and move them in; ``keep``: other files of a run stay."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as temporary:
        for name, text in files.items():
            (Path(temporary) / name).write_text(text, encoding="utf-8", newline="")
        for name in files:
            (Path(temporary) / name).replace(folder / name)
    if not keep:
        _remove(folder, set(_FILES.values()) - files.keys())


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)


def remove_run(folder: Path) -> None:
    """Remove a run's files, and its folder if it is then empty."""
    _remove(folder, _FILES.values())
    if folder.is_dir() and not any(folder.iterdir()):
        shutil.rmtree(folder)


def read_run(folder: Path) -> Run:
    """Return the run of a folder; its metrics are computed again.

    Raises:
        UserError: files are missing or damaged.
    """
    try:
        return _read_run(folder)
    except FileNotFoundError as e:
        raise UserError(f"'{folder}' is no run: {Path(str(e.filename)).name} is missing") from e
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as e:
        raise UserError(f"'{folder}' is damaged ({type(e).__name__}: {e}); run it again") from e


def _read_run(folder: Path) -> Run:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    run_id, terms, hashes = manifest.pop("run_id"), manifest["terms"], manifest.pop("files", None)
    _check_files(folder, run_id, hashes)
    days, events = _by_column(folder / "equity.csv"), _rows(folder / "events.csv")
    sessions = np.array(days["session"], dtype="datetime64[D]")
    _check_span(manifest, sessions)
    trades, returns = _records(folder / "trades.csv", Trade), _floats(days["returns"])
    marks = _floats(_by_column(folder / "benchmark.csv")["returns"]) if manifest["benchmark"] else None
    check_series(sessions, returns, "returns")
    computed = compute_metrics(sessions, returns, trades, cash_rate=terms["cash_rate"])
    return Run(
        run_id=run_id,
        manifest=manifest,
        start_equity=terms["cash"],
        sessions=sessions,
        equity=_floats(days["equity"]),
        cash=None,
        returns=returns,
        exposure=_floats(days["exposure"]),
        fills=_records(folder / "fills.csv", Fill),
        trades=trades,
        skipped=tuple(
            Skipped(r["event_id"], r["instrument"], r["reason"]) for r in events if r["outcome"] == "skipped"
        ),
        events=_events(events),
        benchmark=manifest["benchmark"],
        benchmark_returns=marks,
        metrics=computed.values,
        notes=computed.notes,
        paths=_paths(folder / "paths.csv"),
        variants=_variants(folder / "variants.json"),
        exposures=_records(exposed, Exposure) if (exposed := folder / "exposures.csv").is_file() else (),
    )


def _check_files(folder: Path, run_id: str, hashes: dict[str, str] | None) -> None:
    """Raise a UserError where a file is not the one that was written with the manifest; old manifests do not say."""
    if hashes is None:
        return
    for name in (n for n in _FILES.values() if n in hashes):
        if _sha256((folder / name).read_bytes()) != hashes[name]:
            raise UserError(f"'{folder}': {name} is not what run {run_id} wrote: damaged, changed or of another run; "
                            "run it again")  # fmt: skip
    others = {_FILES[n] for n in _FILES if n not in _PAGES and n != "manifest"} - hashes.keys()
    for name in sorted(n for n in others if (folder / n).exists()):
        raise UserError(f"'{folder}': {name} is of another run than {run_id}, which wrote none; run it again")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _check_span(manifest: dict[str, Any], sessions: Sessions) -> None:
    """Raise a ValueError if the equity does not span the first to the last session of the manifest."""
    ends = [str(s) for s in (sessions[[0, -1]] if len(sessions) else [])]
    if ends != [manifest["first_session"], manifest["last_session"]]:
        raise ValueError("equity.csv is cut short")


def run_json(run: Run, files: dict[str, Path]) -> dict[str, Any]:
    """Return what ``run --json`` prints: the run as plain values, instants as text."""
    manifest = run.manifest
    return {
        "run_id": run.run_id,
        "strategy": manifest["strategy"],
        "parameters": manifest["parameters"],
        "sources": manifest["sources"],
        "simulated": run.simulated,
        "warnings": run.warnings,
        "periods": manifest["periods"],
        "currency": run.currency,
        "fx": manifest["terms"].get("fx", "hedged"),
        "rates": manifest.get("rates", {}),
        "carry": manifest.get("carry", {}),
        "first_session": manifest["first_session"],
        "last_session": manifest["last_session"],
        "start_equity": run.start_equity,
        "final_equity": run.final_equity,
        "metrics": run.metrics,
        "notes": run.notes,
        "trades": [_plain(t) for t in run.trades],
        "markets": market_rows(run),
        "exposures": [asdict(e) for e in run.exposures],
        "skipped": [asdict(s) for s in run.skipped],
        "files": {name: str(path) for name, path in files.items()},
    }


def _plain(record: Any) -> dict[str, Any]:
    """Return a trade or fill as plain values: instants as text, ``return_`` as ``return``."""
    return {k.rstrip("_"): iso_z(v) if k in _INSTANTS else v for k, v in asdict(record).items()}


def _records_csv(kind: type[Any], records: Iterable[Any]) -> str:
    rows = ([_cell(v) for v in _plain(record).values()] for record in records)
    return sheet_csv([f.name.rstrip("_") for f in fields(kind)], rows)


def series_csv(sessions: Sessions, **series: Floats) -> str:
    """Return daily series as CSV, one column each."""
    columns = (values.tolist() for values in series.values())
    return sheet_csv(["session", *series], zip(map(str, sessions.tolist()), *columns, strict=True))


def _cell(value: Any) -> str:
    return repr(float(value)) if isinstance(value, float) else "" if value is None else str(value)


def _event_rows(run: Run) -> Iterator[list[str]]:
    by_id = {e.event_id: [getattr(e, c) for c in _EVENT_COLUMNS] for e in run.events}
    unknown = [""] * len(_EVENT_COLUMNS)
    yield from ([*by_id.get(t.event_id, unknown), t.instrument, "traded", ""] for t in run.trades)
    yield from ([*by_id.get(s.event_id, unknown), s.instrument, "skipped", s.reason] for s in run.skipped)


def _events(rows: Sequence[dict[str, str]]) -> tuple[RunEvent, ...]:
    traded = {r["event_id"] for r in rows if r["outcome"] == "traded"}
    by_id = {r["event_id"]: r for r in rows if r["event_id"]}
    ordered = sorted(by_id.values(), key=lambda r: (r["known_at"] or "9", r["event_id"]))
    return tuple(
        RunEvent(**{c: r[c] for c in _EVENT_COLUMNS}, outcome="traded" if r["event_id"] in traded else "skipped")
        for r in ordered
    )


def _records(path: Path, kind: type[R]) -> tuple[R, ...]:
    """Return the records of a file whose columns are the fields of a dataclass.

    A field that runs kept from before do not have takes its default.
    """
    header, rows = _table(path)
    later = {f.name for f in fields(kind) if f.default is not MISSING}  # type: ignore[arg-type]
    readers = [r for r in _readers(kind) if r[1] in header or r[0] not in later]
    found = (dict(zip(header, row, strict=True)) for row in rows)
    return tuple(kind(**{name: read(row[column]) for name, column, read in readers}) for row in found)


def _readers(kind: Any) -> list[tuple[str, str, Callable[[str], Any]]]:
    """Return for each field of a record its name, its column, and how its text is read."""
    return [(f.name, f.name.rstrip("_"), _reader(f)) for f in fields(kind)]


def _reader(field: Any) -> Callable[[str], Any]:
    if field.name in _INSTANTS:
        return lambda text: to_ns(datetime.fromisoformat(text))
    return _optional_float if "float" in str(field.type) else int if field.type is int else str


def _optional_float(text: str) -> float | None:
    return float(text) if text else None


def _path_row(path: EventPath) -> list[str]:
    closes = dict(enumerate(path.closes, start=path.first))
    return [path.event_id, path.instrument, path.side, *(_cell(closes.get(n)) for n in _OFFSETS.values())]


def _paths(file: Path) -> tuple[EventPath, ...]:
    """Return the paths around events; none for a run of a version without them."""
    return tuple(_path(row) for row in _rows(file)) if file.is_file() else ()


def _path(row: dict[str, str]) -> EventPath:
    closes = {n: float(row[label]) for label, n in _OFFSETS.items() if row[label]}
    return EventPath(row["event_id"], row["instrument"], row["side"], min(closes), tuple(closes.values()))


def _variants(file: Path) -> ParameterSensitivity | None:
    """Return the parameter sensitivity; None if it was not computed."""
    if not file.is_file():
        return None
    kept = json.loads(file.read_text(encoding="utf-8"))
    timing, costs, events = (
        tuple(SensitivityCase(**v) for v in kept.get(name, ())) for name in ("timing", "costs", "events")
    )
    return ParameterSensitivity(timing, costs, kept["note"], events)


def _by_column(path: Path) -> dict[str, tuple[str, ...]]:
    """Return a table of many rows by column: several times faster than row by row."""
    header, rows = _table(path)
    return dict(zip(header, zip(*rows, strict=True), strict=True))


def _rows(path: Path) -> list[dict[str, str]]:
    header, rows = _table(path)
    return [dict(zip(header, map(as_typed, row), strict=True)) for row in rows]


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(encoding="utf-8", newline="") as f:
        header, *rows = csv.reader(f)
    return header, rows


def _floats(texts: Iterable[str]) -> Floats:
    return np.array([float(text) for text in texts])
