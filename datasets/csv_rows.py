"""The rows of a CSV file with their line numbers; what is no such file is refused in one line."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import UserError


@dataclass(frozen=True)
class CsvRow:
    """One row: its cells by column, stripped, and the file and line for a message."""

    where: str
    cells: dict[str, str]


def csv_columns(path: Path) -> tuple[str, ...]:
    """Return the columns a file begins with.

    Raises:
        UserError: no such file, or not UTF-8.
    """
    return tuple(_reader(path).fieldnames or ())


def csv_rows(path: Path, required: Sequence[str]) -> Iterator[CsvRow]:
    """Yield the rows of a file; blank lines are passed over.

    Raises:
        UserError: no such file, not UTF-8, not CSV, a missing column, a row with more or fewer fields than the header.
    """
    reader = _reader(path)
    columns = reader.fieldnames or ()
    for missing in (c for c in required if c not in columns):
        raise UserError(f"{path.name} line 1: column '{missing}' is missing; it needs {', '.join(required)}")
    try:
        for cells in reader:
            where = f"{path.name} line {reader.line_num}"
            if "_more" in cells or None in cells.values():
                raise UserError(f"{where}: not {len(columns)} fields as the header has")
            yield CsvRow(where, {k: v.strip() for k, v in cells.items()})
    except csv.Error as e:
        raise UserError(f"{path.name} line {reader.line_num}: cannot be read as CSV ({e})") from e


def _reader(path: Path) -> "csv.DictReader[str]":
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as e:
        raise UserError(f"'{path}' cannot be read ({e.strerror}): name a CSV file") from e
    except UnicodeDecodeError as e:
        line = e.object[: e.start].count(b"\n") + 1
        raise UserError(f"{path.name} line {line}: not UTF-8; save the file as UTF-8") from e
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), restkey="_more")
        _ = reader.fieldnames
    except csv.Error as e:
        raise UserError(f"{path.name} line 1: cannot be read as CSV ({e})") from e
    return reader
