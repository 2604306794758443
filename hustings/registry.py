"""The registry of runs: an SQLite index under ``$HUSTINGS_HOME``. The runs themselves are their folders."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

from datasets.errors import UserError
from datasets.home import hustings_home
from strategies import REGISTRY

if TYPE_CHECKING:
    from engine.run.run import Run  # imports numpy, which the completion of a run's id does not use

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY, created_at TEXT NOT NULL, strategy TEXT NOT NULL, parameters TEXT NOT NULL,
    simulated INTEGER NOT NULL, first_session TEXT NOT NULL, last_session TEXT NOT NULL,
    n_trades INTEGER, total_return REAL, max_drawdown REAL, folder TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_by_time ON runs (created_at DESC);
"""


class Entry(Struct, frozen=True):
    """One line of the registry. ``created_at`` is the instant of the last run with this id, ISO UTC."""

    run_id: str
    created_at: str
    strategy: str
    parameters: dict[str, Any]
    simulated: bool
    first_session: str
    last_session: str
    n_trades: int | None
    total_return: float | None
    max_drawdown: float | None
    folder: str


_COLUMNS = ",".join(Entry.__struct_fields__)


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    """Open the registry for one transaction, committed at the end.

    Raises:
        UserError: it cannot be created, read or written.
    """
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=60)) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")  # a power cut may lose the last row, and spoils none
            db.executescript(_SCHEMA)
            with db:
                yield db
    except (OSError, sqlite3.Error) as e:
        raise UserError(f"the run registry '{path}' cannot be used ({e}); set HUSTINGS_HOME to a writable place") from e


def record(run: "Run", folder: Path) -> None:
    """Write a run into the registry; it replaces an earlier run of the same id.

    Raises:
        UserError: the registry cannot be written.
    """
    manifest, metrics = run.manifest, run.metrics
    entry = Entry(
        run_id=run.run_id,
        created_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        strategy=manifest["strategy"],
        parameters=manifest["parameters"],
        simulated=run.simulated,
        first_session=manifest["first_session"],
        last_session=manifest["last_session"],
        n_trades=metrics["n_trades"],  # type: ignore[arg-type]  # a count
        total_return=metrics["total_return"],
        max_drawdown=metrics["max_drawdown"],
        folder=str(folder.resolve()),
    )
    row = {**asdict(entry), "parameters": json.dumps(entry.parameters)}
    with database() as db:
        db.execute(f"INSERT OR REPLACE INTO runs ({_COLUMNS}) VALUES ({','.join('?' * len(row))})", tuple(row.values()))


def entries(*, limit: int | None = None) -> list[Entry]:
    """Return the runs, newest first."""
    return _select("1 ORDER BY created_at DESC LIMIT ?", -1 if limit is None else limit)


def count() -> int:
    """Return the number of runs."""
    with database() as db:
        return int(db.execute("SELECT count(*) FROM runs").fetchone()[0])


def newest_runs(limit: int) -> list[tuple[str, str]]:
    """Return (run id, strategy and dates) of the newest runs; none without a registry, which is not created."""
    query = "SELECT run_id, strategy || ' ' || first_session || ' to ' || last_session FROM runs"
    try:
        with closing(sqlite3.connect(f"{_path().resolve().as_uri()}?mode=ro", uri=True)) as db:
            return list(db.execute(f"{query} ORDER BY created_at DESC LIMIT ?", (limit,)))
    except (OSError, sqlite3.Error):
        return []


def find(name: str) -> Entry:
    """Return the run of an id or of an unambiguous beginning of one.

    Raises:
        UserError: no such run, or more than one.
    """
    found = _select("substr(run_id, 1, ?) = ? LIMIT 6", len(name), name)
    if not found or not name:
        raise UserError(f"{_no_run(name)}; 'hustings runs list' shows the runs, or name a run's folder")
    if len(found) > 1:
        raise UserError(f"'{name}' begins more than one run: {', '.join(e.run_id for e in found)}; add letters")
    return found[0]


def _no_run(name: str) -> str:
    """Return what a name means that means no run, and where one may be."""
    path = Path(name)
    if name in REGISTRY or path.suffix == ".py":
        return f"'{name}' is a strategy: 'hustings run {name}' makes a run of it"
    if path.is_file():
        return f"'{name}' is a file" + (f" of a run: name its folder, '{path.parent}'" if run_in(path.parent) else "")
    if not path.is_dir():
        return f"no run '{name}'"
    inside = next((f" of its own: name one in it, such as '{p}'" for p in sorted(path.iterdir()) if run_in(p)), "")
    sweep = "sweep_id" in manifest_of(path)
    return (
        f"'{name}' is a sweep: its best are in sweep.html" if sweep else f"'{name}' is a folder without a run{inside}"
    )


def forget(run_id: str) -> None:
    """Remove a run from the registry."""
    with database() as db:
        db.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))


def folder_of(name: str) -> Path:
    """Return the folder of a run named by id, by the beginning of one, or by its folder.

    Raises:
        UserError: no such run, or its folder is gone.
    """
    if (Path(name) / "manifest.json").is_file() and "sweep_id" not in manifest_of(Path(name)):
        return Path(name)
    entry = find(name)
    folder, advice = Path(entry.folder), f"run it again, or 'hustings runs remove {entry.run_id}'"
    if not folder.is_dir():
        raise UserError(f"the folder of run {name} is gone: '{folder}'; {advice}")
    if run_in(folder) != entry.run_id:
        raise UserError(f"'{folder}' no longer holds run {name}; {advice}")
    return folder


def run_in(folder: Path) -> str | None:
    """Return the id of the run whose files a folder holds, or None."""
    found = manifest_of(folder).get("run_id")
    return None if found is None else str(found)


def manifest_of(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder, empty where there is none that can be read."""
    try:
        return dict(json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _path() -> Path:
    return hustings_home() / "runs.sqlite3"


def _select(where: str, *values: Any) -> list[Entry]:
    with database() as db:
        rows = [
            dict(zip(_COLUMNS.split(","), row, strict=True))
            for row in db.execute(f"SELECT {_COLUMNS} FROM runs WHERE {where}", values)
        ]
    return [Entry(**{**r, "parameters": json.loads(r["parameters"]), "simulated": bool(r["simulated"])}) for r in rows]
