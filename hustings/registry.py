"""The registry of runs: an SQLite index under ``$HUSTINGS_HOME``. The runs themselves are their folders."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datasets.errors import UserError
from datasets.home import hustings_home
from engine.run.run import Run

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY, created_at TEXT NOT NULL, strategy TEXT NOT NULL, parameters TEXT NOT NULL,
    simulated INTEGER NOT NULL, first_session TEXT NOT NULL, last_session TEXT NOT NULL,
    n_trades INTEGER, total_return REAL, max_drawdown REAL, folder TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_by_time ON runs (created_at DESC);
"""
_COLUMNS = (
    "run_id", "created_at", "strategy", "parameters", "simulated", "first_session", "last_session",
    "n_trades", "total_return", "max_drawdown", "folder",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One line of the registry. ``created_at`` is when it was last run, ISO UTC."""

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


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    """Open the registry's file for one transaction, committed at the end.

    Raises:
        UserError: it cannot be made, read or written.
    """
    path = hustings_home() / "runs.sqlite3"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=60)) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript(_SCHEMA)
            with db:
                yield db
    except (OSError, sqlite3.Error) as e:
        raise UserError(f"the run registry '{path}' cannot be used ({e}); set HUSTINGS_HOME to a writable place") from e


def record(run: Run, folder: Path) -> None:
    """Write a run into the registry; a run of the same id takes the place of the older one.

    Raises:
        UserError: the registry cannot be written.
    """
    row = (
        run.run_id,
        datetime.now(UTC).isoformat(timespec="microseconds"),
        run.manifest["strategy"],
        json.dumps(run.manifest["parameters"]),
        int(run.simulated),
        run.manifest["first_session"],
        run.manifest["last_session"],
        run.metrics["n_trades"],
        run.metrics["total_return"],
        run.metrics["max_drawdown"],
        str(folder.resolve()),
    )
    with database() as db:
        db.execute(f"INSERT OR REPLACE INTO runs ({','.join(_COLUMNS)}) VALUES ({','.join('?' * len(row))})", row)


def entries(*, limit: int | None = None) -> list[Entry]:
    """Return the runs, newest first."""
    with database() as db:
        query = f"SELECT {','.join(_COLUMNS)} FROM runs ORDER BY created_at DESC LIMIT ?"
        return [_entry(row) for row in db.execute(query, (-1 if limit is None else limit,))]


def count() -> int:
    """Return how many runs there are."""
    with database() as db:
        return int(db.execute("SELECT count(*) FROM runs").fetchone()[0])


def find(name: str) -> Entry:
    """Return the run of an id or of an unambiguous beginning of one.

    Raises:
        UserError: none, or more than one.
    """
    with database() as db:
        query = f"SELECT {','.join(_COLUMNS)} FROM runs WHERE substr(run_id, 1, ?) = ? LIMIT 6"
        rows = [_entry(row) for row in db.execute(query, (len(name), name))]
    if not rows or not name:
        raise UserError(f"no run '{name}'; 'hustings runs list' shows them, or name a run's folder")
    if len(rows) > 1:
        raise UserError(f"'{name}' begins more than one run: {', '.join(r.run_id for r in rows)}; add letters")
    return rows[0]


def forget(run_id: str) -> None:
    """Take a run out of the registry."""
    with database() as db:
        db.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))


def folder_of(name: str) -> Path:
    """Return the folder of a run named by id, by the beginning of one, or by its folder.

    Raises:
        UserError: no such run, or its folder has gone.
    """
    if (Path(name) / "manifest.json").is_file():
        return Path(name)
    entry = find(name)
    folder, again = Path(entry.folder), f"run it again, or 'hustings runs remove {entry.run_id}'"
    if not folder.is_dir():
        raise UserError(f"the folder of run {name} has gone: '{folder}'; {again}")
    if not holds(folder, entry.run_id):
        raise UserError(f"'{folder}' does not hold run {name} any more; {again}")
    return folder


def holds(folder: Path, run_id: str) -> bool:
    """Return whether a folder holds the files of a run."""
    return run_in(folder) == run_id


def run_in(folder: Path) -> str | None:
    """Return the id of the run whose files a folder holds, or None."""
    try:
        return str(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["run_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _entry(row: tuple[Any, ...]) -> Entry:
    named = dict(zip(_COLUMNS, row, strict=True))
    return Entry(**{**named, "parameters": json.loads(named["parameters"]), "simulated": bool(named["simulated"])})
