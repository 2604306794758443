"""A run as files in a folder, and back. The same run gives the same bytes."""

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict, fields

from datasets.arrays import Floats, Sessions
from datasets.csv_rows import as_typed, sheet_csv
from datasets.errors import UserError, check_utf8
from datasets.files import remove_folder, replaced_folder
from datasets.instants import to_ns
from engine.account.records import Fill, Trade
from engine.metrics.metrics import compute_metrics
from engine.plan.decision import Skipped
from engine.run.attribution import Exposure
from engine.run.event_paths import AFTER, BEFORE
from engine.run.run import EventPath, ParameterSensitivity, Run, RunEvent, SensitivityCase, check_series
from hustings.files import json_text, locked_folder, writing
from hustings.registry import run_in
from reports.tables import INSTANTS, market_rows, plain_record

R = TypeVar("R", bound=Struct)
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
_PAGES = ("tearsheet.html", "tearsheet.pdf", "quantstats.html")
"""Files of a run that other commands write too; the manifest holds the hashes of all others."""
_WAIT_S = 10.0
"""For another process that writes the same run."""
_OFFSETS = {f"{n:+d}" if n else "0": n for n in range(-BEFORE, AFTER + 1)}
"""The columns of paths.csv: sessions counted from the event's own."""
_EVENT_COLUMNS = [name for name in RunEvent.__struct_fields__ if name != "outcome"]


@contextmanager
def claimed(out: Path | None) -> Iterator[Callable[[Run], Path]]:
    """Give what returns the folder of a run, locked for this process until the end of a ``with``.

    Args:
        out: a folder named by a user, which is locked from the beginning; else it is ``runs/<run_id>``.

    Raises:
        UserError: another process writes there, it cannot be written, or it holds a manifest that is not a run's.
    """
    check_utf8(os.path.realpath(out or "runs"))
    with ExitStack() as held:

        def lock(folder: Path, wait_s: float) -> Path:
            if (folder / "manifest.json").exists() and run_in(folder) is None:
                raise UserError(f"'{folder}' holds a manifest.json that is no run's; name another place with --out")
            held.enter_context(locked_folder(folder, wait_s=wait_s))
            return folder

        named = None if out is None else lock(out, 0.0)
        yield lambda run: named or lock(Path("runs") / run.run_id, _WAIT_S)


def write_run(
    run: Run, folder: Path, tearsheet: str | None, study: str | None = None, *, quantstats: str | None = None
) -> dict[str, Path]:
    """Write a run's files as a whole folder and return their paths by name; they replace those of an earlier run.

    Files that are no run's stay, and of the same run those that are not written now.

    Args:
        run: what to write.
        folder: where; it is ``claimed``.
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
    before = _hashes_before(folder, run.run_id)
    hashes = {**(before or {}), **{n: _sha256(text.encode()) for n, text in written.items() if n not in _PAGES}}
    written["manifest.json"] = _sealed({"run_id": run.run_id, **run.manifest, "files": hashes})
    with writing(folder), _replaced(folder, same=before is not None) as new:
        for name, text in written.items():
            (new / name).write_bytes(text.encode())
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
        "variants": None if variants is None else json_text(variants),
    }
    return {_FILES[name]: text for name, text in texts.items() if text is not None}


def _hashes_before(folder: Path, run_id: str) -> dict[str, str] | None:
    """Return the hashes of a run's files that a folder holds; None where it holds another, none, or a damaged one."""
    try:
        manifest = _manifest(folder)
        if manifest["run_id"] != run_id:
            return None
        study = folder / _FILES["study"]  # of an older version it has no hash
        unknown = {study.name: _sha256(study.read_bytes())} if study.is_file() else {}
        return {n: h for n, h in {**unknown, **manifest.get("files", {})}.items() if (folder / n).is_file()}
    except (OSError, UserError, KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def _replaced(folder: Path, *, same: bool) -> AbstractContextManager[Path]:
    """Give a folder that takes the place of a run's with what is no run's in it; ``same``: and what is that run's."""
    return replaced_folder(folder, kept=lambda name: same or name not in _FILES.values())


def _sealed(manifest: dict[str, Any]) -> str:
    """Return a manifest as the text of its file, with its own hash among those of the files."""
    files = {name: hashed for name, hashed in manifest["files"].items() if name != _FILES["manifest"]}
    own = _sha256(json_text({**manifest, "files": files}).encode())
    return json_text({**manifest, "files": {**files, _FILES["manifest"]: own}})


def remove_run(folder: Path) -> None:
    """Remove a run's files, and its folder if it is then empty."""
    if {p.name for p in folder.iterdir()} <= set(_FILES.values()):
        remove_folder(folder)
        return
    with _replaced(folder, same=False):
        pass


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
    manifest = _manifest(folder)
    for name in sorted({*_FILES.values(), *manifest.get("files", ())} - {*_PAGES, _FILES["manifest"]}):
        if name in manifest.get("files", ()) or (folder / name).exists():
            _checked(folder, name, manifest)
    run_id, terms, _ = manifest.pop("run_id"), manifest["terms"], manifest.pop("files", None)
    days, events = _by_column(folder / "equity.csv"), _rows(folder / "events.csv")
    sessions = np.array(days["session"], dtype="datetime64[D]")
    ends = [str(s) for s in (sessions[[0, -1]] if len(sessions) else [])]
    if ends != [manifest["first_session"], manifest["last_session"]]:
        raise ValueError("equity.csv is cut short")
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


def read_checked(folder: Path, name: str) -> bytes:
    """Return the content of a file of a run.

    Raises:
        FileNotFoundError: it is not there.
        UserError: it is not what was written with the manifest, or that is damaged.
    """
    return _checked(folder, name, _manifest(folder))


def _checked(folder: Path, name: str, manifest: dict[str, Any]) -> bytes:
    content, hashes = (folder / name).read_bytes(), manifest.get("files")
    if hashes is None or (name == _FILES["study"] and _FILES["manifest"] not in hashes):  # of an older version
        return content
    advice = "study it again" if name == _FILES["study"] else "run it again"
    if name not in hashes:
        raise UserError(f"'{folder}': {name} is of another run than {manifest['run_id']}, which wrote none; {advice}")
    if _sha256(content) != hashes[name]:
        what = f"{name} is not what run {manifest['run_id']} wrote: damaged, changed or of another run"
        raise UserError(f"'{folder}': {what}; {advice}")
    return content


def _manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a run; ``files`` are the hashes of the files, which old runs do not have."""
    text = (folder / _FILES["manifest"]).read_text(encoding="utf-8")
    manifest: dict[str, Any] = json.loads(text)
    if _FILES["manifest"] in manifest.get("files", ()) and _sealed(manifest) != text:
        what = f"manifest.json is not what run {manifest['run_id']} wrote: damaged or changed"
        raise UserError(f"'{folder}': {what}; run it again")
    return manifest


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


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
        "futures": manifest.get("futures", {}),
        "first_session": manifest["first_session"],
        "last_session": manifest["last_session"],
        "start_equity": run.start_equity,
        "final_equity": run.final_equity,
        "metrics": run.metrics,
        "notes": run.notes,
        "trades": [plain_record(t) for t in run.trades],
        "markets": market_rows(run),
        "exposures": [asdict(e) for e in run.exposures],
        "skipped": [asdict(s) for s in run.skipped],
        "files": {name: str(path) for name, path in files.items()},
    }


def _records_csv(kind: type[Any], records: Iterable[Any]) -> str:
    header = [name.rstrip("_") for name in kind.__struct_fields__]
    return sheet_csv(header, (plain_record(each).values() for each in records))


def series_csv(sessions: Sessions, **series: Floats) -> str:
    """Return daily series as CSV, one column each; a value of many days is written out once."""
    columns = [np.datetime_as_string(sessions).tolist()]
    for values in series.values():
        bits, which = np.unique(np.ascontiguousarray(values, dtype=np.float64).view(np.int64), return_inverse=True)
        texts = list(map(repr, bits.view(np.float64).tolist()))
        columns.append([texts[n] for n in which.tolist()])
    return "\n".join([",".join(["session", *series]), *map(",".join, zip(*columns, strict=True)), ""])


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
    later = {f.name for f in fields(kind) if not f.required}
    readers = [(f.name, f.name.rstrip("_"), _reader(f)) for f in fields(kind)]
    readers = [r for r in readers if r[1] in header or r[0] not in later]
    found = (dict(zip(header, row, strict=True)) for row in rows)
    return tuple(kind(**{name: read(row[column]) for name, column, read in readers}) for row in found)


def _reader(field: Any) -> Callable[[str], Any]:
    """Return how the text of a field is read."""
    if field.name in INSTANTS:
        return lambda text: to_ns(datetime.fromisoformat(text))
    if "float" in str(field.type):
        return lambda text: float(text) if text else None
    return int if field.type is int else str


def _path_row(path: EventPath) -> list[Any]:
    closes = dict(enumerate(path.closes, start=path.first))
    return [path.event_id, path.instrument, path.side, *(closes.get(n) for n in _OFFSETS.values())]


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
