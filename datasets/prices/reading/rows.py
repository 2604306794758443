"""The rows of a delimited text: cells below the header, rows without a volume, a closing note."""

import csv
import re
from collections.abc import Sequence

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from datasets.arrays import Flags
from datasets.errors import UserError
from datasets.prices.reading.timestamps import BLANK, FULL_MONTHS, is_date

MOST_ROWS = 2_500_000
"""Rows that are read from one file: a row takes up to a kilobyte while it is read."""
_FEWEST_SHORT = 2
_MOST_NOTES = 10
_NOTE_LETTERS = 8


class RowFrame(Struct, frozen=True):
    """Where rows are: the file's ``name``, lines above the rows, columns, delimiter, and whether volume comes last."""

    name: str
    first: int
    names: Sequence[str]
    delimiter: str
    volume_is_last: bool


class Grid(Struct, frozen=True):
    """The rows below the header as columns of cells, the line of each row, and what was done to read them."""

    columns: Sequence[Sequence[str]]
    lines: NDArray[np.int64]
    remarks: tuple[str, ...] = field(default=())

    def take(self, rows: Flags) -> "Grid":
        """Return the marked rows."""
        kept = np.flatnonzero(rows).tolist()
        return Grid([[c[r] for r in kept] for c in self.columns], self.lines[rows], self.remarks)


def read_grid(body: list[str], frame: RowFrame) -> Grid:
    """Return the cells of lines.

    Raises:
        UserError: no rows or too many, a row with fewer or more fields than the header, a column without a name.
    """
    check_rows(len(body), frame.name)
    grid = _even_grid(body, frame) or _any_grid(body, frame)
    if not len(grid.lines):
        raise UserError(f"{frame.name}: no rows; a price file needs at least one bar")
    for n, title in enumerate(frame.names):
        if not title and n and any(map(str.strip, grid.columns[n])):
            place = f"{frame.name} line {frame.first}"
            raise UserError(f"{place}: column {n + 1} has no name; the header must name each")
    return grid


def check_rows(rows: int, name: str) -> None:
    """Raise a UserError for more rows than are read."""
    if rows > MOST_ROWS:
        raise UserError(f"{name}: {rows:,} rows, more than the {MOST_ROWS:,} that are read from one file; split it")


def _even_grid(body: list[str], frame: RowFrame) -> Grid | None:
    """Return the cells where no line is quoted, empty or of another width, as in most files; else None."""
    delimiter, width = frame.delimiter, len(frame.names)
    text = delimiter.join(body)
    if not body or '"' in text or {line.count(delimiter) for line in body} != {width - 1}:
        return None
    cells = text.split(delimiter)
    columns = [cells[n::width] for n in range(width)]
    lines = np.arange(len(body), dtype=np.int64) + frame.first + 1
    return Grid(columns, lines) if all(map(str.strip, columns[0])) else None


def _any_grid(body: list[str], frame: RowFrame) -> Grid:
    rows, places = _rows(body, frame)
    notes = _notes(rows, len(frame.names))
    remarks = [_notes_remark(rows, places, notes)] if notes else []
    rows, places = rows[: len(rows) - notes], places[: len(rows) - notes]
    short = sum(len(r) == len(frame.names) - 1 for r in rows) if frame.volume_is_last else 0
    if short >= _FEWEST_SHORT:  # fewer are damaged
        rows = [[*r, ""] if len(r) < len(frame.names) else r for r in rows]
        remarks.append(f"{short} rows end before the volume: they have none")
    _check_widths(rows, places, frame)
    return Grid(list(zip(*rows, strict=True)), places, tuple(remarks))


def _rows(body: list[str], frame: RowFrame) -> tuple[list[list[str]], NDArray[np.int64]]:
    """Return the rows that are not empty, and the line of each."""
    reader = csv.reader(body, delimiter=frame.delimiter, skipinitialspace=True, strict=True)
    name, first = frame.name, frame.first
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if reader.line_num != len(rows):
                raise UserError(f"{name} line {first + len(rows)}: a quote is opened and not closed on its line")
    except csv.Error as e:
        why = str(e) if "limit" in str(e) else f"{e}; a quote is missing or one too many"
        raise UserError(f"{name} line {first + len(rows) + 1}: {why}") from e
    held = [n for n, row in enumerate(rows) if any(map(str.strip, row))]
    return [rows[n] for n in held], np.array(held, dtype=np.int64) + first + 1


def _notes(rows: Sequence[Sequence[str]], width: int) -> int:
    """Return how many rows at the end are words alone: a source, a disclaimer."""
    last = min(len(rows) - 1, _MOST_NOTES)
    count = next((n for n in range(last) if not _is_note(rows[-1 - n], width)), last)
    return max(count, 0)


def _is_note(row: Sequence[str], width: int) -> bool:
    held = [c.strip() for c in row if c.strip()]
    if (len(row) >= width and len(held) > 1) or not held or is_date(held[0].strip(BLANK)) or held[0].startswith("<"):
        return False
    first = re.match(r"\w*", held[0].casefold())
    if first and first[0] and any(m.startswith(first[0]) for m in FULL_MONTHS):
        return False
    is_word = sum(map(str.isalpha, "".join(held))) >= _NOTE_LETTERS
    return is_word and not any(re.fullmatch(r"[-+\d.,% ]+", c) for c in held)


def _notes_remark(rows: Sequence[Sequence[str]], places: NDArray[np.int64], notes: int) -> str:
    text = " ".join(c.strip() for c in rows[len(rows) - notes] if c.strip())
    shown = text if len(text) <= 60 else text[:60] + "…"
    return f"{notes} closing line{'s' * (notes > 1)} of words left out (line {places[-notes]}: '{shown}')"


def _check_widths(rows: Sequence[Sequence[str]], places: NDArray[np.int64], frame: RowFrame) -> None:
    width = len(frame.names)
    wrong = next((n for n, r in enumerate(rows) if len(r) != width), None)
    if wrong is not None:
        found = len(rows[wrong])
        raise UserError(
            f"{frame.name} line {places[wrong]}: {found} field{'s' * (found != 1)} where the header has {width}; "
            "the file is cut short or damaged"
        )
