"""Reads the CSV that a provider answers, strictly: what differs from its layout is not an answer."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from datasets.csv_rows import CsvRow, parse_csv
from datasets.errors import UserError
from datasets.prices.sources.http import Answer, PassingError, ProviderError, status_text
from datasets.prices.table import PriceTable, Unreadable

_SHOWN = 60
_PRICES = ("open", "high", "low", "close", "volume")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", re.ASCII)


def text_of(answer: Answer) -> str:
    """Return the text of an answer that is neither an error, nor empty, nor a page, nor JSON.

    Raises:
        PassingError: it is empty or damaged: the next may be whole.
        ProviderError: it is something else than CSV.
    """
    if answer.status != 200:
        raise ProviderError(f"{status_text(answer.status)}{_page_title(answer.body)}")
    try:
        text = answer.body.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise PassingError("answered bytes that are not UTF-8 text") from e
    if not text.strip():
        raise PassingError("answered nothing")
    if text.lstrip().startswith("<"):
        raise PassingError(f"answered a web page instead of CSV{_page_title(answer.body)}")
    if text.lstrip().startswith(("{", "[")):
        raise ProviderError(f"answered JSON instead of CSV: {_clip(text)}")
    if not answer.sized and not text.endswith("\n"):
        raise PassingError("answered a last line that is cut")
    return text


def table_of(text: str, headers: Sequence[tuple[str, ...]], columns: Sequence[str], name: str) -> PriceTable:
    """Return the rows of a CSV text whose header is one of those known.

    Args:
        text: the whole answer; a cell that is blank or a dot is no value.
        headers: each header that may come.
        columns: their columns by our names, in their order.
        name: the provider, and what it was asked for, such as ``stooq ^nkx``.

    Raises:
        ProviderError: another header.
        PassingError: a row with fewer or more fields than the header, or no rows.
    """
    try:
        file = parse_csv(text.encode(), name)
        is_known = _fold(file.columns) in map(_fold, headers)
        rows = file.rows if is_known else ()
    except UserError as e:
        raise PassingError(f"answered damaged CSV ({e})") from e
    if not is_known:
        raise ProviderError(f"answered columns {_clip(','.join(file.columns))}; {','.join(headers[0])} must come")
    if not rows:
        raise ProviderError("answered a header and no rows")
    return _table(rows, dict(zip(columns, file.columns, strict=False)), name)


def _table(rows: Sequence[CsvRow], titles: Mapping[str, str], name: str) -> PriceTable:
    dates = [_date(row.cells[titles["date"]]) for row in rows]
    lost = [_lost(row, "date", titles) for row, date in zip(rows, dates, strict=True) if date is None]
    kept = [row for row, date in zip(rows, dates, strict=True) if date is not None]
    columns: dict[str, Any] = {c: np.full(len(kept), np.nan) for c in (*_PRICES, "adjusted_close")}
    for column in (c for c in titles if c != "date"):
        cells = [row.cells[titles[column]] for row in kept]
        read = [_NUMBER.fullmatch(cell) for cell in cells]
        columns[column] = np.array([float(m[0]) if m else np.nan for m in read])
        missing = zip(kept, cells, read, strict=True)
        lost += [_lost(row, column, titles) for row, cell, m in missing if not m and cell not in ("", ".")]
    return PriceTable(
        name=name,
        layout=name.split(maxsplit=1)[0],
        session=np.array([d for d in dates if d is not None], dtype="datetime64[D]"),
        **columns,
        line=np.array([row.line for row in kept], dtype=np.int64),
        unreadable=tuple(lost),
    )


def _lost(row: CsvRow, column: str, titles: Mapping[str, str]) -> Unreadable:
    return Unreadable(row.line, column, row.cells[titles[column]])


def _date(text: str) -> np.datetime64 | None:
    try:
        return np.datetime64(text, "D") if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _fold(header: Sequence[str]) -> tuple[str, ...]:
    return tuple(c.casefold() for c in header)


def _page_title(body: bytes) -> str:
    """Return the title of a web page, as ``: 'Page not found'``, or nothing."""
    title = re.search(rb"<title[^>]*>([^<]*)</title>", body[:20_000], re.IGNORECASE)
    text = _clip(title.group(1).decode("utf-8", "replace")) if title else ""
    return f": '{text}'" if text else ""


def _clip(text: str) -> str:
    line = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
