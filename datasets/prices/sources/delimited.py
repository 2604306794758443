"""Reads the CSV that a provider answers: strictly, since what is not just so is not an answer."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets.prices.sources.http import Answer, PassingError, ProviderError, status_text
from datasets.prices.table import PriceTable, Unreadable

_SHOWN = 60
_PRICES = ("open", "high", "low", "close", "volume")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class ProviderLayout:
    """How a provider's CSV looks: its columns by our names, in their order, and the texts that mean "no value"."""

    name: str
    columns: tuple[str, ...]
    missing: frozenset[str] = frozenset({""})


def text_of(answer: Answer) -> str:
    """Return the text of an answer that is neither an error, nor empty, nor a page, nor JSON.

    Raises:
        PassingError: it is empty or damaged: the next may be whole.
        ProviderError: it is something else than CSV.
    """
    if answer.status != 200:
        raise ProviderError(f"{status_text(answer.status)}{_said(answer.body)}")
    try:
        text = answer.body.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise PassingError("answered bytes that are not UTF-8 text") from e
    if not text.strip():
        raise PassingError("answered nothing")
    if text.lstrip().startswith("<"):
        raise PassingError(f"answered a web page instead of CSV{_said(answer.body)}")
    if text.lstrip().startswith(("{", "[")):
        raise ProviderError(f"answered JSON instead of CSV: {_clip(text)}")
    if not answer.sized and not text.endswith("\n"):
        raise PassingError("answered a last line that is cut")
    return text


def table_of(text: str, layouts: Sequence[tuple[tuple[str, ...], ProviderLayout]], name: str) -> PriceTable:
    """Return the rows of a CSV text whose header is one of those known.

    Args:
        text: the whole answer.
        layouts: each header that may come, with its meaning.
        name: names the answer, such as ``stooq ^nkx``.

    Raises:
        ProviderError: another header.
        PassingError: a row with fewer or more fields than the header, or no rows.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header, rows, lines = _rows(reader)
    except csv.Error as e:
        raise PassingError(f"answered damaged CSV in line {reader.line_num}") from e
    layout = next((layout for known, layout in layouts if _fold(known) == _fold(header)), None)
    if layout is None:
        raise ProviderError(f"answered columns {_clip(','.join(header))}; {','.join(layouts[0][0])} must come")
    if not rows:
        raise ProviderError("answered a header and no rows")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(header):
            raise PassingError(f"answered {len(row)} fields in line {line} where the header has {len(header)}")
    return _table(rows, lines, layout, name)


def _rows(reader: Any) -> tuple[list[str], list[list[str]], list[int]]:
    """Return the header, the rows that hold something, and their lines."""
    header = [c.strip() for c in next(reader, [])]
    found = [([c.strip() for c in row], reader.line_num) for row in reader if row]
    return header, [row for row, _ in found], [line for _, line in found]


def _table(rows: list[list[str]], lines: list[int], layout: ProviderLayout, name: str) -> PriceTable:
    at = layout.columns.index("date")
    dates = [_date(row[at]) for row in rows]
    lost = [Unreadable(n, "date", row[at]) for n, row, d in zip(lines, rows, dates, strict=True) if d is None]
    kept = [(n, row) for n, row, d in zip(lines, rows, dates, strict=True) if d is not None]
    columns = {c: np.full(len(kept), np.nan) for c in _PRICES}
    for column, place in ((c, n) for n, c in enumerate(layout.columns) if c != "date"):
        columns[column] = np.array([_number(row[place], layout.missing) for _, row in kept], dtype=np.float64)
        lost += [Unreadable(n, column, row[place]) for n, row in kept if not _is_number(row[place], layout.missing)]
    return PriceTable(
        name=name,
        layout=layout.name,
        session=np.array([d for d in dates if d is not None], dtype="datetime64[D]"),
        open=columns["open"],
        high=columns["high"],
        low=columns["low"],
        close=columns["close"],
        volume=columns["volume"],
        adjusted_close=np.full(len(kept), np.nan),
        line=np.array([n for n, _ in kept], dtype=np.int64),
        unreadable=tuple(lost),
    )


def _date(text: str) -> np.datetime64 | None:
    try:
        return np.datetime64(text, "D") if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _number(text: str, missing: frozenset[str]) -> float:
    return float(text) if text not in missing and _NUMBER.fullmatch(text) else float("nan")


def _is_number(text: str, missing: frozenset[str]) -> bool:
    return text in missing or _NUMBER.fullmatch(text) is not None


def _fold(header: Sequence[str]) -> tuple[str, ...]:
    return tuple(c.casefold() for c in header)


def _said(body: bytes) -> str:
    """Return the title of a web page, as ``: 'Page not found'``, or nothing."""
    title = re.search(rb"<title[^>]*>([^<]*)</title>", body[:20_000], re.IGNORECASE)
    text = _clip(title.group(1).decode("utf-8", "replace")) if title else ""
    return f": '{text}'" if text else ""


def _clip(text: str) -> str:
    line = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
