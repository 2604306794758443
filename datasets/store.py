"""The bar store: one Parquet file a series, holding its prices and where they came from.

A series is replaced as a whole and at once, by one writer at a time. What is stored is hashed: damage shows when it is
read. Rows that are stored already are never changed in silence: ``put`` raises ``HistoryChangedError`` with the
differences unless they were accepted.
"""

import csv
import fcntl
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from math import isnan
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from datasets.errors import UserError, unknown_name
from datasets.home import hustings_home
from datasets.instants import iso_z, to_datetime
from datasets.table import PriceTable

PRICES = ("open", "high", "low", "close", "volume")
REVISION = "revision"
"""The name by which a user accepts that stored rows change."""
SAME = 1e-6
"""Prices that differ by less, relative, are one price printed twice; the stored one stays."""
_FORMAT = 1
_WAIT_S, _TRIES = 0.05, 1200


@dataclass(frozen=True)
class Delivery:
    """Rows that came in at one time. ``retrieved_at`` is UTC text; ``accepted`` the rules the user let pass by name."""

    name: str
    source: str
    retrieved_at: str
    licence: str
    rows: int
    first: str
    last: str
    corrections: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    added: int = 0
    changed: int = 0


@dataclass(frozen=True)
class Provenance:
    """Where a stored series comes from. ``adjustment`` is ``price`` or ``total``; ``sha256`` is that of its rows."""

    symbol: str
    adjustment: str
    rows: int
    first: str
    last: str
    sha256: str
    deliveries: tuple[Delivery, ...]

    @property
    def text(self) -> str:
        """``yahoo, retrieved 2026-02-10``: the newest delivery, in a few words."""
        newest = self.deliveries[-1]
        return f"{newest.source}, retrieved {newest.retrieved_at[:10]}"


@dataclass(frozen=True, eq=False)
class Stored:
    """A series as it lies in the store: its table, ascending and clean, and its provenance."""

    table: PriceTable
    provenance: Provenance


@dataclass(frozen=True)
class Change:
    """One stored value that a delivery would change; ``None`` is a row that is not there."""

    when: str
    column: str
    before: float | None
    after: float | None

    def text(self) -> str:
        """Return ``2026-02-09 close 3783.57 -> 3784.1``."""
        before, after = (
            "none" if v is None else "empty" if isnan(v) else f"{v:.10g}" for v in (self.before, self.after)
        )
        return f"{self.when} {self.column} {before} -> {after}"


@dataclass(frozen=True)
class Update:
    """What a delivery did to a series: rows added and kept, values changed."""

    added: int
    unchanged: int
    changes: tuple[Change, ...]


class HistoryChangedError(UserError):
    """A delivery that would change stored rows; ``changes`` are all of them."""

    def __init__(self, symbol: str, changes: Sequence[Change]) -> None:
        self.changes = tuple(changes)
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        super().__init__(
            f"{symbol}: the new rows would change stored ones: {changes[0].text()}{more}; "
            f"'--accept {REVISION}' takes them, nothing was stored"
        )


class Store:
    """The series under a folder, by symbol."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder if folder is not None else hustings_home() / "bars"

    def symbols(self) -> list[str]:
        """Return the symbols that have bars."""
        return sorted(unquote(p.stem) for p in self.folder.glob("*.parquet") if not p.name.startswith("."))

    def load(self, symbol: str) -> Stored:
        """Return a series.

        Raises:
            UserError: it is not stored, or its file is damaged.
        """
        path = self._file(symbol)
        stored = _read(path, symbol)
        if _digest(stored.table) != stored.provenance.sha256:
            raise _damaged(path, "its rows are not those that were written")
        return stored

    def provenance(self, symbol: str) -> Provenance:
        """Return where a series comes from, without reading its rows.

        Raises:
            UserError: it is not stored, or its file is damaged.
        """
        path = self._file(symbol)
        return _provenance(_open(path).schema_arrow.metadata, path)

    def put(
        self, symbol: str, table: PriceTable, delivery: Delivery, *, adjustment: str, accept_changes: bool = False
    ) -> Update:
        """Add the rows of a clean table to a series, or begin it; all of them or none.

        Raises:
            HistoryChangedError: stored rows would change and that was not accepted.
            UserError: the stored series is damaged, of another adjustment or frequency, or cannot be written.
        """
        with self._lock():
            before = self.load(symbol) if self._path(symbol).is_file() else None
            if before is not None:
                _check_same_sort(before, table, adjustment, symbol)
            merged, update = (table, Update(len(table), 0, ())) if before is None else _merge(before.table, table)
            if update.changes and not accept_changes:
                raise HistoryChangedError(symbol, update.changes)
            if before is not None and not update.added and not update.changes:
                return update
            done = replace(delivery, added=update.added, changed=len(update.changes))
            past = () if before is None else before.provenance.deliveries
            provenance = _describe(symbol, merged, adjustment, (*past, done))
            self._replace(self._path(symbol), _to_parquet(merged, provenance))
            return update

    def remove(self, symbol: str) -> None:
        """Take a series out of the store, damaged or not.

        Raises:
            UserError: it is not stored.
        """
        with self._lock():
            self._file(symbol).unlink()
            (self.folder / f"{quote(symbol, safe='')}.instrument.csv").unlink(missing_ok=True)

    def keep_instrument(self, symbol: str, table: Path) -> None:
        """Keep the row of an instrument that only a user's own ``instruments.csv`` knows, word for word.

        Raises:
            UserError: the store cannot be written.
        """
        with table.open(encoding="utf-8-sig", newline="") as f:
            header, *rows = [r for r in csv.reader(f) if r]
        row = next(r for r in rows if r[header.index("symbol")].strip() == symbol)
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([header, row])
        with self._lock():
            self._replace(self.folder / f"{quote(symbol, safe='')}.instrument.csv", text.getvalue().encode())

    def instrument_files(self) -> list[Path]:
        """Return the files of the instruments that were kept with their series."""
        return sorted(self.folder.glob("*.instrument.csv"))

    def damage(self) -> dict[str, str]:
        """Return what is wrong with each damaged file, by symbol; empty where every series reads back as written."""
        found = {}
        for symbol in self.symbols():
            try:
                self.load(symbol)
            except UserError as e:
                found[symbol] = str(e)
        return found

    def _path(self, symbol: str) -> Path:
        return self.folder / f"{quote(symbol, safe='')}.parquet"

    def _file(self, symbol: str) -> Path:
        path = self._path(symbol)
        if not path.is_file():
            raise unknown_name("series in the store:", symbol, self.symbols(), hint="'hustings data list' shows them")
        return path

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the store for one writer. The kernel lets go of the lock when its holder ends, however it ends."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = (self.folder / ".lock").open("w")
        except OSError as e:
            raise UserError(f"the store at '{self.folder}' cannot be written ({e.strerror}); see HUSTINGS_HOME") from e
        with handle:
            _wait_for(handle, self.folder)
            for left in self.folder.glob(".*.tmp"):  # a writer was killed before it could put its file in place
                left.unlink(missing_ok=True)
            yield

    def _replace(self, path: Path, content: bytes) -> None:
        """Put a file in place as a whole: whoever reads meanwhile sees the old one or the new one."""
        try:
            handle, name = tempfile.mkstemp(dir=self.folder, prefix=f".{path.name}.", suffix=".tmp")
            with os.fdopen(handle, "wb") as f:
                f.write(content)
                f.flush()
                os.fsync(f.fileno())
            Path(name).replace(path)
            _sync_folder(self.folder)
        except OSError as e:
            raise UserError(f"'{path.name}' cannot be written to the store ({e.strerror}); nothing was changed") from e


def _wait_for(handle: Any, folder: Path) -> None:
    for _ in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(_WAIT_S)
        else:
            return
    raise UserError(f"another hustings has been writing to '{folder}' for a minute; try again when it has ended")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_same_sort(before: Stored, table: PriceTable, adjustment: str, symbol: str) -> None:
    if before.provenance.adjustment != adjustment:
        raise UserError(
            f"{symbol} is stored with adjustment '{before.provenance.adjustment}' and {table.name} has '{adjustment}': "
            f"the two are never mixed; 'hustings data remove {symbol}' first, or store it under another symbol"
        )
    if (before.table.at is None) != (table.at is None):
        raise UserError(f"{symbol}: daily and intraday rows cannot make one series; store one under another symbol")


def _merge(old: PriceTable, new: PriceTable) -> tuple[PriceTable, Update]:
    """Return old and new rows as one series, and what that changes. Rows outside the span of the new ones stay."""
    old_keys, new_keys = _keys(old), _keys(new)
    in_span = (old_keys >= new_keys[0]) & (old_keys <= new_keys[-1])
    _, at_old, at_new = np.intersect1d(old_keys, new_keys, assume_unique=True, return_indices=True)
    revised, changes = _revised(old, new, at_old, at_new)
    gone = np.setdiff1d(np.flatnonzero(in_span), at_old)
    came = np.setdiff1d(np.arange(len(new)), at_new)
    inside = came[(new_keys[came] > old_keys[0]) & (new_keys[came] < old_keys[-1])]
    changes += [Change(_when(old, r), "row", float(old.close[r]), None) for r in gone]
    changes += [Change(_when(new, r), "row", None, float(new.close[r])) for r in inside]
    kept = np.setdiff1d(np.arange(len(old)), gone)
    merged = _joined(revised.take(kept), new.take(came))
    changes.sort(key=lambda c: (c.when, c.column))
    return merged, Update(len(came), len(at_old), tuple(changes))


def _revised(
    old: PriceTable, new: PriceTable, at_old: np.ndarray[Any, Any], at_new: np.ndarray[Any, Any]
) -> tuple[PriceTable, list[Change]]:
    """Return the old table with the values that differ taken from the new one; a volume alone is taken unsaid."""
    arrays, changes = {}, []
    for name in PRICES:
        before, after = getattr(old, name), getattr(new, name)
        b, a = before[at_old], after[at_new]
        other = ~((np.isnan(b) & np.isnan(a)) | (np.abs(a - b) <= SAME * np.abs(b)))
        arrays[name] = before.copy()
        arrays[name][at_old[other]] = a[other]
        if name != "volume":
            rows = np.flatnonzero(other)
            changes += [Change(_when(old, at_old[r]), name, float(b[r]), float(a[r])) for r in rows]
    return replace(old, **arrays), changes


def _joined(a: PriceTable, b: PriceTable) -> PriceTable:
    names = ("session", *PRICES, "adjusted_close", "line", *(() if a.at is None else ("at",)))
    arrays: dict[str, Any] = {n: np.concatenate([getattr(a, n), getattr(b, n)]) for n in names}
    both = replace(a, **arrays)
    return both.take(np.argsort(_keys(both), kind="stable"))


def _keys(table: PriceTable) -> np.ndarray[Any, Any]:
    return table.session.astype(np.int64) if table.at is None else table.at


def _when(table: PriceTable, row: Any) -> str:
    return str(table.session[row]) if table.at is None else iso_z(to_datetime(int(table.at[row])))


def _describe(symbol: str, table: PriceTable, adjustment: str, deliveries: tuple[Delivery, ...]) -> Provenance:
    first, last = str(table.session[0]), str(table.session[-1])
    return Provenance(symbol, adjustment, len(table), first, last, _digest(table), deliveries)


def _digest(table: PriceTable) -> str:
    digest = hashlib.sha256()
    for name in ("session", "at", *PRICES):
        value = getattr(table, name)
        digest.update(name.encode() if value is None else np.ascontiguousarray(value).view(np.int64).data)
    return digest.hexdigest()


def _to_parquet(table: PriceTable, provenance: Provenance) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 - only when something is written
    import pyarrow.parquet as pq  # noqa: PLC0415

    columns: dict[str, Any] = {"date": pa.array(table.session.astype("datetime64[D]"))}
    if table.at is not None:
        columns["at"] = pa.array(table.at)
    columns |= {n: pa.array(getattr(table, n)) for n in PRICES}
    text = json.dumps({"format": _FORMAT, **asdict(provenance)}, sort_keys=True)
    file = io.BytesIO()
    content = pa.table(columns).replace_schema_metadata({"hustings": text})
    pq.write_table(content, file, compression="lz4", use_dictionary=False)
    return file.getvalue()


def _open(path: Path) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - only when something is stored
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        return pq.ParquetFile(path, memory_map=True)
    except (pa.ArrowException, OSError, ValueError) as e:  # turned-over bytes come out as any of them
        raise _damaged(path, _first_line(e)) from e


def _read(path: Path, symbol: str) -> Stored:
    import pyarrow as pa  # noqa: PLC0415 - only when something is stored

    file = _open(path)
    provenance = _provenance(file.schema_arrow.metadata, path)
    try:
        content = file.read(use_threads=False)  # a series is small: handing it round takes longer than reading it
        columns = {n: content.column(n).to_numpy() for n in content.column_names}
    except (pa.ArrowException, OSError, ValueError) as e:
        raise _damaged(path, _first_line(e)) from e
    if not {"date", *PRICES} <= columns.keys():
        raise _damaged(path, "columns are missing")
    n = len(columns["date"])
    table = PriceTable(
        name=symbol,
        layout="store",
        session=columns["date"].astype("datetime64[D]"),
        **{c: columns[c] for c in PRICES},
        adjusted_close=np.full(n, np.nan),
        line=np.arange(1, n + 1),
        at=columns.get("at"),
    )
    return Stored(table, provenance)


def _provenance(metadata: dict[bytes, bytes] | None, path: Path) -> Provenance:
    try:
        told = json.loads((metadata or {})[b"hustings"])
        if told.pop("format") != _FORMAT:
            raise UserError(f"'{path.name}' was written by a newer hustings; use that one, or import the series again")
        deliveries = tuple(_delivery(d) for d in told.pop("deliveries"))
        return Provenance(**told, deliveries=deliveries)
    except (KeyError, ValueError, TypeError, AttributeError) as e:
        raise _damaged(path, "its provenance cannot be read") from e


def _delivery(told: dict[str, Any]) -> Delivery:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in told.items()}
    return Delivery(**values)


def _first_line(e: Exception) -> str:
    return (str(e).splitlines() or [type(e).__name__])[0][:80]


def _damaged(path: Path, why: str) -> UserError:
    symbol = unquote(path.stem)
    return UserError(
        f"{symbol} in the store is damaged ({why}); 'hustings data remove {symbol}', then import or fetch it again"
    )
