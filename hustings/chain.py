"""A table that is only appended to: each row holds the SHA-256 of its fields and of the row before it."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import astuple, replace

GENESIS = "0" * 64
"""The hash before the first row."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS ledger (
    place INTEGER PRIMARY KEY, kind TEXT NOT NULL, at TEXT NOT NULL, trial INTEGER, run_id TEXT NOT NULL,
    strategy TEXT NOT NULL, parameters TEXT NOT NULL, ground TEXT NOT NULL, terms TEXT NOT NULL, dates TEXT NOT NULL,
    n_closed INTEGER, mean REAL, sd REAL, sharpe REAL, prereg TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ledger_by_run ON ledger (run_id);
CREATE INDEX IF NOT EXISTS ledger_by_strategy ON ledger (strategy);
CREATE TRIGGER IF NOT EXISTS ledger_keeps BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'nothing leaves the ledger'); END;
CREATE TRIGGER IF NOT EXISTS ledger_stays BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'no row of the ledger changes'); END;
"""  # noqa: E501 - a trigger is one line


class RowKind(StrEnum):
    """The kind of a row.

    A first run, a sweep, a repetition, a run of a registry older than the ledger, a preregistration, a run studied with
    new settings.
    """

    TRIAL = "trial"
    SWEEP = "sweep"
    REPEAT = "repeat"
    TAKEN_IN = "taken-in"
    PREREG = "prereg"
    STUDY = "study"


class Row(Struct, frozen=True):
    """One row. ``place`` counts from 1 without gaps; ``trial`` is the number of its trial.

    ``parameters``, ``ground``, ``terms`` and ``dates`` are JSON, or blank if unknown; ``terms`` of a study are its
    settings. ``n_closed`` counts the observations of the closed trades, and the numbers after it are theirs.
    """

    kind: str
    at: str
    trial: int | None
    run_id: str
    strategy: str
    parameters: str
    ground: str = ""
    terms: str = ""
    dates: str = ""
    n_closed: int | None = None
    mean: float | None = None
    sd: float | None = None
    sharpe: float | None = None
    prereg: str = ""
    place: int = 0
    hash: str = ""


_COLUMNS = ",".join(Row.__struct_fields__)


class Break(Struct, frozen=True):
    """The first row of a chain that does not match, and why."""

    place: int
    why: str


def append(db: sqlite3.Connection, row: Row) -> Row:
    """Write a row at the end of the chain and return it with its place and hash. The caller holds the write lock."""
    last = db.execute("SELECT place, hash FROM ledger ORDER BY place DESC LIMIT 1").fetchone()
    place, before = last or (0, GENESIS)
    placed = replace(row, place=place + 1, mean=_kept(row.mean), sd=_kept(row.sd), sharpe=_kept(row.sharpe))
    sealed = replace(placed, hash=seal(placed, before))
    values = astuple(sealed)
    db.execute(f"INSERT INTO ledger ({_COLUMNS}) VALUES ({','.join('?' * len(values))})", values)
    return sealed


def seal(row: Row, before: str) -> str:
    """Return the SHA-256 (hex) of the hash before a row and of the row's fields, its place included."""
    return hashlib.sha256(f"{before}\n{json.dumps(astuple(row)[:-1], default=repr)}".encode()).hexdigest()


def rows(db: sqlite3.Connection, where: str = "1", *values: str) -> Iterator[Row]:
    """Return the rows that meet an SQL condition, in their order."""
    return (Row(*r) for r in db.execute(f"SELECT {_COLUMNS} FROM ledger WHERE {where} ORDER BY place", values))


def first_break(chain: Iterable[Row]) -> Break | None:
    """Return the first place where a chain does not match: a row is missing, moved or changed; None if all match."""
    before = GENESIS
    for place, row in enumerate(chain, start=1):
        if row.place != place:
            return Break(place, f"row {place} is missing: row {row.place} is in its place")
        if seal(row, before) != row.hash:
            which = "it" if place == 1 else f"it or row {place - 1}"
            return Break(place, f"row {place} ({_described(row)}) does not match its hash: {which} was changed")
        before = row.hash
    return None


def head(db: sqlite3.Connection) -> str:
    """Return the hash of the last row that is no repetition; ``GENESIS`` if there is none."""
    query = "SELECT hash FROM ledger WHERE kind <> ? ORDER BY place DESC LIMIT 1"
    found = db.execute(query, (RowKind.REPEAT,)).fetchone()
    return str(found[0]) if found else GENESIS


def _kept(value: float | None) -> float | None:
    """Return a number as SQLite returns it: without the sign of zero."""
    return None if value is None else value + 0.0


def _described(row: Row) -> str:
    if row.kind == RowKind.PREREG:
        return f"preregistration of {row.strategy}"
    if row.kind == RowKind.STUDY:
        return f"study of run {row.run_id} of {row.strategy}"
    return f"trial {row.trial}, run {row.run_id} of {row.strategy}"
