"""The bar store: one Parquet file a series, holding its prices and where they came from.

A series is replaced as a whole and at once, by one writer at a time. What is stored is hashed: damage shows when it is
read. Rows that are stored already are never changed in silence: ``put`` raises ``HistoryChangedError`` with the
differences unless they were accepted.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import isnan
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from datasets.csv_rows import csv_text, read_csv
from datasets.errors import UserError, unknown_name
from datasets.files import locked, remove_leftovers_in, replace_file
from datasets.home import hustings_home
from datasets.instants import iso_z, to_datetime
from datasets.prices.actions import ACTION_COLUMNS
from datasets.prices.periods import known_period
from datasets.prices.series_file import (
    PRICES,
    Delivery,
    Provenance,
    StoredSeries,
    damaged,
    describe,
    digest_of,
    read_provenance,
    read_series,
    to_parquet,
)
from datasets.prices.table import PriceTable
from datasets.visibility import report_opened

SAME = 1e-6
"""Prices that differ by less, relative, are one price printed twice; the stored one stays."""


class Change(Struct, frozen=True):
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


class Update(Struct, frozen=True):
    """What a delivery did to a series: rows added and kept, values changed."""

    added: int
    unchanged: int
    changes: tuple[Change, ...]


def merged(old: PriceTable, new: PriceTable) -> tuple[PriceTable, Update]:
    """Return old and new rows as one series, and what that changes; both ascend.

    Rows outside the span of the new ones stay.
    """
    old_keys, new_keys = old.keys, new.keys
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
    old: PriceTable, new: PriceTable, at_old: NDArray[Any], at_new: NDArray[Any]
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
    return both.take(np.argsort(both.keys, kind="stable"))


def _when(table: PriceTable, row: Any) -> str:
    return str(table.session[row]) if table.at is None else iso_z(to_datetime(int(table.at[row])))


REVISION = "revision"
"""The name by which a user accepts that stored rows change."""
_WAIT_S = 60.0


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
        return sorted(unquote(name.removesuffix(".parquet")) for name in self._names(".parquet"))

    def load(self, symbol: str) -> StoredSeries:
        """Return a series.

        Raises:
            UserError: it is not stored, or its file is damaged.
        """
        path = self._file(symbol)
        report_opened(path)
        stored = read_series(path, symbol)
        if stored.provenance.symbol != symbol:
            raise damaged(path, f"it holds {stored.provenance.symbol}")
        if digest_of(stored.table) != stored.provenance.sha256:
            raise damaged(path, "its rows are not those that were written")
        return stored

    def provenance(self, symbol: str) -> Provenance:
        """Return where a series comes from, without reading its rows.

        Raises:
            UserError: it is not stored, or its file is damaged.
        """
        return read_provenance(self._file(symbol))

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
            rows, update = (table, Update(len(table), 0, ())) if before is None else merged(before.table, table)
            if before is not None:
                _check_same_period(symbol, before.table, table, rows)
            if update.changes and not accept_changes:
                raise HistoryChangedError(symbol, update.changes)
            if before is not None and not update.added and not update.changes:
                return update
            done = replace(delivery, added=update.added, changed=len(update.changes))
            past = () if before is None else before.provenance.deliveries
            provenance = describe(symbol, rows, adjustment, (*past, done))
            self._replace(self._path(symbol), to_parquet(rows, provenance))
            return update

    def remove(self, symbol: str) -> None:
        """Take a series out of the store, damaged or not.

        Raises:
            UserError: it is not stored.
        """
        with self._lock():
            self._file(symbol).unlink()
            self.forget_instrument(symbol)

    def keep_instrument(self, symbol: str, table: Path) -> None:
        """Keep the row of an instrument that only a user's own ``instruments.csv`` knows, word for word.

        Raises:
            UserError: the store cannot be written.
        """
        file = read_csv(table)
        row = next(list(r.cells.values()) for r in file.rows if r.text("symbol") == symbol)
        with self._lock():
            self._replace(
                self.folder / f"{quote(symbol, safe='')}.instrument.csv", csv_text(file.columns, [row]).encode()
            )

    def forget_instrument(self, symbol: str) -> None:
        """Take away what was kept of an instrument; nothing where nothing was."""
        (self.folder / f"{quote(symbol, safe='')}.instrument.csv").unlink(missing_ok=True)

    def keep_actions(self, rows: Sequence[Sequence[str]]) -> int:
        """Add splits and dividends to the store's actions.csv, and return how many were new.

        Args:
            rows: symbol, ex_date, kind, value, source.

        Raises:
            UserError: the store cannot be written.
        """
        path = self.folder / "actions.csv"
        with self._lock():
            kept = [[*row.cells.values()] for row in read_csv(path).rows] if path.is_file() else []
            new = [list(row) for row in rows if list(row) not in kept]
            self._replace(path, csv_text(ACTION_COLUMNS, [*kept, *new]).encode())
        return len(new)

    def instrument_files(self) -> list[Path]:
        """Return the files of the instruments that were kept with their series."""
        return [self.folder / name for name in self._names(".instrument.csv")]

    def _names(self, ending: str) -> list[str]:
        """Return the files of an ending; a folder that is not there holds none, one that cannot be read is an error."""
        try:
            names = [p.name for p in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as e:
            raise UserError(f"the store at '{self.folder}' cannot be read ({e.strerror}); see HUSTINGS_HOME") from e
        return sorted(n for n in names if n.endswith(ending) and not n.startswith("."))

    def _path(self, symbol: str) -> Path:
        return self.folder / f"{quote(symbol, safe='')}.parquet"

    def _file(self, symbol: str) -> Path:
        path = self._path(symbol)
        if not path.is_file():
            raise unknown_name("series in the store:", symbol, self.symbols(), hint="'hustings data list' shows them")
        return path

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Lock the store for one writer."""
        with ExitStack() as held:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                held.enter_context(locked(self.folder / ".lock", self.folder, wait_s=_WAIT_S))
            except OSError as e:
                why = f"cannot be written ({e.strerror}); see HUSTINGS_HOME"
                raise UserError(f"the store at '{self.folder}' {why}") from e
            remove_leftovers_in(self.folder)
            yield

    def _replace(self, path: Path, content: bytes) -> None:
        try:
            replace_file(path, content, durable=True)
        except OSError as e:
            raise UserError(f"'{path.name}' cannot be written to the store ({e.strerror}); nothing was changed") from e


def _check_same_sort(before: StoredSeries, table: PriceTable, adjustment: str, symbol: str) -> None:
    if before.provenance.adjustment != adjustment:
        raise UserError(
            f"{symbol} is stored with adjustment '{before.provenance.adjustment}' and {table.name} has '{adjustment}': "
            f"the two are never mixed; 'hustings data remove {symbol}' first, or store it under another symbol"
        )
    if (before.table.at is None) != (table.at is None):
        raise UserError(f"{symbol}: daily and intraday rows cannot make one series; store one under another symbol")


def _check_same_period(symbol: str, *tables: PriceTable) -> None:
    """Refuse to join daily rows and weekly ones, or others of two periods; too few rows to know fit any."""
    found = {known_period(t.session) for t in tables if t.at is None} - {None}
    if len(found) > 1:
        both = " and ".join(sorted(map(str, found)))
        raise UserError(f"{symbol}: {both} rows cannot make one series; store one under another symbol")
