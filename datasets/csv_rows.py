"""CSV files read as a whole: columns, rows with their line numbers, cells that are parsed or refused in one line."""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from datasets.errors import UserError, unknown_name

T = TypeVar("T")
_STARTS = frozenset("'=+-@\t\r")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+](inf|nan)|[-+]", re.ASCII)


class CsvRow(Struct, frozen=True):
    """One row: its file, its line, its cells by column, stripped, and the faults that keep it from being read."""

    file: str
    line: int
    cells: dict[str, str]
    faults: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """``TOPIX.csv line 17``: the place of the row, for a message."""
        return f"{self.file} line {self.line}"

    def text(self, column: str) -> str:
        """Return a cell; blank where the file has no such column."""
        return self.cells.get(column, "")

    def read(self, column: str, parse: Callable[[str], T], must_be: str) -> T | None:
        """Return a cell as ``parse`` reads it, None where it is blank.

        Raises:
            UserError: ``parse`` raises a ValueError.
        """
        return self.need(column, parse, must_be) if self.text(column) else None

    def need(self, column: str, parse: Callable[[str], T], must_be: str) -> T:
        """Return a cell as ``parse`` reads it, also where it is blank.

        Raises:
            UserError: ``parse`` raises a ValueError.
        """
        try:
            return parse(self.text(column))
        except (ValueError, OverflowError, OSError) as e:
            raise UserError(f"{self.where}: {column} is '{self.text(column)}'; it must be {must_be}") from e


class CsvFile(Struct, frozen=True):
    """A CSV file: its name, the hash of its bytes, its columns, and its rows, also those with faults."""

    name: str
    sha256: str
    columns: tuple[str, ...]
    all_rows: tuple[CsvRow, ...]

    @property
    def rows(self) -> tuple[CsvRow, ...]:
        """The rows.

        Raises:
            UserError: a row has more or fewer fields than the header.
        """
        for row in self.all_rows:
            for fault in row.faults:
                raise UserError(f"{row.where}: {fault}")
        return self.all_rows


def read_csv(
    path: Path, *, required: Sequence[str] = (), known: Collection[str] | None = None, or_latin_1: bool = False
) -> CsvFile:
    """Return a CSV file.

    Args:
        path: the file.
        required: the columns it must have.
        known: the columns it may have; None allows any.
        or_latin_1: read a file that is not UTF-8 as Latin-1.

    Raises:
        UserError: no such file, not UTF-8, not CSV; a column missing, twice or not known.
    """
    try:
        data = path.read_bytes()
    except OSError as e:
        needs = f" with {', '.join(required)}" if required else ""
        raise UserError(f"'{path}' cannot be read ({e.strerror}): name a CSV file{needs}") from e
    if or_latin_1:
        data = in_utf_8(data)
    return parse_csv(data, path.name, required=required, known=known)


def in_utf_8(data: bytes) -> bytes:
    """Return text as UTF-8: itself, or taken as Latin-1 where it is not."""
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1").encode()
    return data


def parse_csv(data: bytes, name: str, *, required: Sequence[str] = (), known: Collection[str] | None = None) -> CsvFile:
    """Return the CSV file of some bytes, as ``read_csv`` does; ``name`` is its name in messages."""
    header, *lines = _lines(data, name) or [(1, [])]
    columns = tuple(header[1])
    rows = tuple(_row(name, line, columns, cells) for line, cells in lines)
    for extra in (c for c in columns if known is not None and c not in known):
        raise unknown_name(f"column in {name} line 1:", extra, known or ())
    for twice in (c for n, c in enumerate(columns) if c in columns[:n]):
        raise UserError(f"{name} line 1: column '{twice}' appears twice")
    for missing in (c for c in required if c not in columns):
        found = ",".join(columns)[:80] or "nothing"
        raise UserError(f"{name} line 1: column '{missing}' is missing, found {found}; it needs {', '.join(required)}")
    return CsvFile(name, hashlib.sha256(data).hexdigest(), columns, rows)


def csv_text(columns: Iterable[str], rows: Iterable[Iterable[str | float]], *, line_end: str = "\n") -> str:
    """Return a CSV file of a header and rows as text; a float is written so that it reads back the same."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end).writerows([columns, *rows])
    return text.getvalue()


def sheet_csv(columns: Iterable[str], rows: Iterable[Iterable[str | float]], *, line_end: str = "\n") -> str:
    """Return what ``csv_text`` does, with cells of text that a spreadsheet would calculate marked as text."""
    return csv_text(columns, (map(formula_free, row) for row in rows), line_end=line_end)


def formula_free(cell: str | float) -> str | float:
    """Return a cell with an apostrophe before text that a spreadsheet would calculate; ``as_typed`` takes it off.

    >>> formula_free("=1+1"), formula_free("-1.5"), formula_free("- no"), formula_free(-1.5), formula_free("'=x")
    ("'=1+1", '-1.5', "'- no", -1.5, "''=x")
    """
    if not isinstance(cell, str) or cell[:1] not in _STARTS or not _FORMULA.match(cell) or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def as_typed(cell: str) -> str:
    """Return a cell without the apostrophe of ``formula_free``."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell


@lru_cache(maxsize=32)
def bundled_rows(path: Path) -> tuple[dict[str, str], ...]:
    """Return the rows of a table that comes with hustings."""
    return tuple(row.cells for row in read_csv(path).rows)


def _row(name: str, line: int, columns: tuple[str, ...], cells: list[str]) -> CsvRow:
    if len(cells) != len(columns):
        return CsvRow(name, line, {}, (f"not {len(columns)} fields as the header has",))
    return CsvRow(name, line, dict(zip(columns, map(as_typed, cells), strict=True)))


def _lines(data: bytes, name: str) -> list[tuple[int, list[str]]]:
    """Return the lines that hold something, as stripped cells, each with its number."""
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    except UnicodeDecodeError as e:
        line = e.object[: e.start].count(b"\n") + 1
        raise UserError(f"{name} line {line}: not UTF-8; save the file as UTF-8") from e
    try:
        return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
    except csv.Error as e:
        raise UserError(f"{name} line {reader.line_num}: cannot be read as CSV ({e})") from e
