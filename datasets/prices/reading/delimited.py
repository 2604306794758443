"""Delimited text as a price table: encoding, delimiter, header, dates and decimal mark found in the content."""

import csv
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from datasets.errors import UserError
from datasets.prices.reading.build import NUMBERS, PRICES, FileFacts, build_table, compounded, ticker_of
from datasets.prices.reading.dates import read_dates
from datasets.prices.reading.layouts import Layout, check_layout, holds_number, is_left_alone, known_columns, role_of
from datasets.prices.reading.numbers import decimal_mark, read_numbers
from datasets.prices.reading.rows import Grid, RowFrame, read_grid
from datasets.prices.reading.selection import WHOLE, Selection, check_one_instrument, column_remarks
from datasets.prices.reading.text import LEGACY, Text, bad_line, decodings
from datasets.prices.reading.timestamps import BLANK, clock_text, is_date
from datasets.prices.table import PriceTable

_LINES_LOOKED_AT = 20
_PRICES = ("open", "high", "low", "close", "volume")


def no_header(text: Text, name: str, column: str | None) -> UserError:
    """Return the error for a text without a header, or without the ``column`` that was named."""
    lines = text.lines()[:_LINES_LOOKED_AT]
    heads = [_cells(line) for line in lines]
    at = max(range(len(heads)), key=lambda n: known_columns(heads[n]), default=0)
    if column is not None:
        held = ", ".join(c.strip() for c in heads[at]) if heads else "nothing"
        return UserError(f"{name}: no column '{column}' next to a date; the columns are {held[:120]}")
    if heads and not any(map(known_columns, heads)) and (header := _header_of(heads[0])):
        return UserError(f"{name} line 1: the first line holds prices: no header; write one above it, "
                         f"such as {header}")  # fmt: skip
    has_date = bool(heads) and any(role_of(c) == "date" for c in heads[at])
    if has_date and len(others := _series(heads[at : at + 2])) > 1:
        return UserError(f"{name} line {at + 1}: several series ({', '.join(others)[:80]}); say which is the close: "
                         f"--column '{others[0]}'")  # fmt: skip
    missing = "close" if has_date else "date"
    found = lines[at].strip()[:80] if lines and lines[at].strip() else "nothing"
    guessed = f"; read as {text.encoding}: if these are not its words, save it as UTF-8" * (text.encoding in LEGACY)
    return UserError(f"{name} line {at + 1}: no column '{missing}', found {found}; the header must be "
                     f"date,open,high,low,close,volume, or one that a provider writes{guessed}")  # fmt: skip


def _cells(line: str) -> list[str]:
    try:
        delimiter = max(",;\t", key=line.count)
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a cell longer than any number is
        return []


def _header_of(cells: Sequence[str]) -> str | None:
    """Return the header that a line of prices lacks, None where the line is none."""
    if len(cells) < 2 or not is_date(cells[0].strip(BLANK)):
        return None
    has_time = ":" in clock_text(cells[1].strip(BLANK)) and ":" in cells[1]
    names = ["date", "time"] if has_time else ["date"]
    rest = cells[len(names) :]
    if not rest or not all(map(holds_number, rest)):
        return None
    prices = ["close"] if len(rest) < len(_PRICES) - 1 else list(_PRICES)
    return ",".join(
        (names + prices + [f"column {n + 1}" for n in range(len(cells))][len(names) + len(prices) :])[: len(cells)]
    )


def _series(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return the names of the columns of numbers that have no known meaning."""
    header, first = (*lines, ())[:2]
    named = list(zip(header, first, strict=False))
    return [
        c.strip() for c, cell in named if c.strip() and not role_of(c) and not is_left_alone(c) and holds_number(cell)
    ]


_DELIMITERS = (",", ";", "\t")
_DELIMITER_NAMES = {";": "semicolons", "\t": "tabs"}
_HEAD = 20
_ENCODING_NAMES = {"cp932": "Shift-JIS (cp932)", "cp1252": "Windows-1252", "cp949": "Korean (cp949)"}
_ENCODING_NAMES |= {f"cp{n}": f"Windows-{n}" for n in (1250, 1251, 1254)}


class _Opened(Struct, frozen=True):
    """A file whose header was found: in which text, under which delimiter, below how many title lines."""

    text: Text
    delimiter: str
    above: int
    layout: Layout


def read_delimited(data: bytes, name: str, selection: Selection = WHOLE) -> PriceTable:
    """Return the price table in a delimited text (unpacked), in any of ``LAYOUTS``; ``name`` is what messages call it.

    Raises:
        UserError: the file cannot be read as prices, with its line.
    """
    opened = _open(data, name, selection)
    layout = opened.layout
    lines = opened.text.lines()
    check_layout(layout, f"{name} line {opened.above + 1}")
    first, volume_is_last = opened.above + layout.header_lines, layout.columns.get("volume") == len(layout.names) - 1
    grid = read_grid(lines[first:], RowFrame(name, first, layout.names, opened.delimiter, volume_is_last))
    chosen = selection.rows(layout.names, grid.columns, name)
    grid = grid if chosen is None else grid.take(chosen)

    def where(row: int) -> str:
        return f"{name} line {grid.lines[row]}" if len(grid.lines) else name

    def shown(role: str, row: int) -> tuple[str, str]:
        place = layout.columns[role]
        return layout.names[place].strip() or role, grid.columns[place][row].strip()

    times = grid.columns[layout.columns["time"]] if "time" in layout.columns else None
    days, said = grid.columns[layout.columns["date"]], selection
    dates = read_dates(days, times, where=where, date_format=said.date_format, zone=said.zone)
    mark = _mark(opened, grid, name)
    numbers = {
        role: read_numbers(grid.columns[layout.columns[role]], mark, may_be_short=role == "volume")
        for role in NUMBERS
        if role in layout.columns
    }
    ticker = ticker_of(layout, grid.columns.__getitem__, where)
    found = FileFacts(name, layout.name, ticker, _remarks(opened, grid, lines, mark))
    closes = numbers["close"].values if "close" in numbers else np.full(len(grid.lines), np.nan)
    check_one_instrument(layout, grid.columns, session=dates.session, close=closes, name=name)
    table = build_table(found, dates, numbers, lines=grid.lines, shown=shown)
    if not layout.returns:
        return table
    parts = [read_numbers(grid.columns[n], mark).values for n in layout.returns]
    return compounded(table, np.add(*parts)[~np.isnat(dates.session)])


def _open(data: bytes, name: str, selection: Selection) -> _Opened:
    """Return the text and the delimiter under which the most columns are known; the first where several are equal."""
    texts = list(decodings(data, name))
    found = [o for text in texts for o in _openings(text, selection)]
    if texts[0].encoding in LEGACY:
        _check_is_no_damaged_utf8(data, found, name)
    if not found:
        raise no_header(texts[0], name, selection.column)
    most = max(len(o.layout.columns) for o in found)
    first, *others = [o for o in found if len(o.layout.columns) == most]
    if any(o.delimiter != first.delimiter and o.text is first.text for o in others):
        raise UserError(f"{name} line {first.above + 1}: the header can be split at more than one kind of delimiter; "
                        "use one")  # fmt: skip
    _check_titles(first, name)
    return first


def _openings(text: Text, selection: Selection = WHOLE) -> list[_Opened]:
    tried = [(delimiter, selection.layout_of(_head(text.text, delimiter))) for delimiter in _DELIMITERS]
    return [_Opened(text, delimiter, *found) for delimiter, found in tried if found]


def _check_is_no_damaged_utf8(data: bytes, found: Sequence[_Opened], name: str) -> None:
    """Refuse a text whose header can be read as UTF-8, and less well in any older encoding."""
    mended = _openings(Text(data.decode("utf-8", errors="replace"), "utf-8"))
    better, known = (max((len(o.layout.columns) for o in each), default=0) for each in (mended, found))
    if better > known:
        raise UserError(f"{name} line {bad_line(data, 'utf-8')}: not UTF-8; save the file as UTF-8")


def _check_titles(opened: _Opened, name: str) -> None:
    """Refuse rows of prices above the header: a title is none."""
    layout = opened.layout
    for n, row in enumerate(_head(opened.text.text, opened.delimiter)[: opened.above]):
        if len(row) == len(layout.names) and is_date(row[layout.columns["date"]]):
            raise UserError(f"{name} line {n + 1}: a row of prices above the header of line {opened.above + 1}; "
                            "put the header first")  # fmt: skip


def _head(text: str, delimiter: str) -> list[list[str]]:
    lines = text[:100_000].replace("\r\n", "\n").replace("\r", "\n").split("\n")[:_HEAD]
    try:
        return list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return []


def _mark(opened: _Opened, grid: Grid, name: str) -> str:
    layout = opened.layout
    columns = [grid.columns[layout.columns[r]] for r in PRICES if r in layout.columns]
    columns += [grid.columns[n] for n in layout.returns]
    mark = decimal_mark(columns, decimal_comma=layout.decimal_comma(), delimiter=opened.delimiter)
    if mark is None:
        line, marked = int(grid.lines[0]), (c for column in columns for c in column if "," in c or "." in c)
        raise UserError(f"{name} line {line}: numbers such as '{next(marked, '')}' may hold a decimal mark "
                        "or thousands; write the prices with a decimal point")  # fmt: skip
    return mark


def _remarks(opened: _Opened, grid: Grid, lines: list[str], mark: str) -> tuple[str, ...]:
    """Return what was done to read the text, one sentence each."""
    remarks = []
    if opened.text.encoding not in ("utf-8", "utf-8-sig"):
        remarks.append(f"decoded as {_ENCODING_NAMES.get(opened.text.encoding, opened.text.encoding)}")
    if opened.delimiter in _DELIMITER_NAMES:
        remarks.append(f"fields are separated by {_DELIMITER_NAMES[opened.delimiter]}")
    if mark == ",":
        remarks.append("the decimal mark is a comma")
    if opened.above:
        remarks.append(f"{opened.above} line{'s' * (opened.above > 1)} above the header left out")
    remarks += [*column_remarks(opened.layout), *grid.remarks]
    if not opened.text.text.endswith(("\n", "\r")):
        remarks.append(f"the last line ({len(lines)}) has no line end: the file may be cut short there")
    return tuple(remarks)
