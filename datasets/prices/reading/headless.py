"""What to say of a text in which no line is a header of prices."""

import csv
from collections.abc import Sequence

from datasets.errors import UserError
from datasets.prices.reading.layouts import holds_number, known_columns
from datasets.prices.reading.names import is_left_alone, role_of
from datasets.prices.reading.stamps import BLANK, clock_text, is_date
from datasets.prices.reading.text import LEGACY, Text

_HEAD = 20
_PRICES = ("open", "high", "low", "close", "volume")


def no_header(text: Text, name: str, column: str | None) -> UserError:
    """Return the error for a text without a header, or without the ``column`` that was named."""
    lines = text.lines()[:_HEAD]
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
