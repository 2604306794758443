"""A price table from recognised columns: the last step of reading, the same for text and Parquet."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from datasets.arrays import Floats
from datasets.errors import UserError
from datasets.prices.reading.layouts import Layout
from datasets.prices.reading.numbers import NumberColumn
from datasets.prices.reading.timestamps import Dates
from datasets.prices.table import PriceTable, Unreadable

PRICES = ("open", "high", "low", "close", "adjusted_close")
NUMBERS = (*PRICES, "volume")
_SHOWN = 40


class FileFacts(Struct, frozen=True):
    """What is known of a file before its columns are read: its name, layout, ticker, and what was corrected so far."""

    name: str
    layout: str
    ticker: str | None = None
    remarks: tuple[str, ...] = ()
    unit: str = "line"


def build_table(
    found: FileFacts,
    dates: Dates,
    numbers: Mapping[str, NumberColumn],
    *,
    lines: NDArray[np.int64],
    shown: Callable[[str, int], tuple[str, str]],
) -> PriceTable:
    """Return the table of a file's columns, without the rows whose date is unreadable.

    Args:
        found: the file, its layout and what was remarked on so far.
        dates: its dates.
        numbers: its columns by role; a role of ``NUMBERS`` that is not there is all NaN.
        lines: the line of each row.
        shown: the column's name and a cell's text, by role and row.
    """
    n = len(dates.session)
    no_date = np.isnat(dates.session)
    values = {c: numbers[c].values if c in numbers else np.full(n, np.nan) for c in NUMBERS}
    bad = [(int(r), "date") for r in np.flatnonzero(no_date)]
    bad += [(r, role) for role, column in numbers.items() for r in column.bad if not no_date[r]]
    words = sum((column.words for column in numbers.values()), Counter[str]())
    empty = [f"{n} cell{'s' if n > 1 else ''} '{word}' taken as empty" for word, n in sorted(words.items())]
    named = [f"the file calls its instrument '{found.ticker}'"] if found.ticker else []
    table = PriceTable(
        name=found.name,
        layout=found.layout,
        session=dates.session,
        **values,
        line=lines,
        at=dates.at,
        utc_offset_hours=dates.utc_offset_hours,
        remarks=(*found.remarks, *named, *dates.remarks, *empty),
        unreadable=tuple(_cell(int(lines[r]), *shown(role, r)) for r, role in sorted(bad)),
        ticker=found.ticker,
        unit=found.unit,
    )
    return table.take(~no_date) if no_date.any() else table


def compounded(table: PriceTable, percent: Floats) -> PriceTable:
    """Return a table of returns in per cent as a level: 100 before the first row, compounded.

    Raises:
        UserError: a return is missing, so that the level cannot be continued.
    """
    missing = np.flatnonzero(~np.isfinite(percent) | (percent <= -99))
    if len(missing):
        raise UserError(f"{table.where(int(missing[0]))}: a return is missing; a level cannot be compounded without it")
    level: Floats = np.asarray(100.0 * np.cumprod(1 + percent / 100), dtype=np.float64)
    remark = "returns in per cent: mkt_rf + rf compounded to a level, 100 before the first row"
    return replace(table, close=level, remarks=(*table.remarks, remark))


def ticker_of(layout: Layout, texts: Callable[[int], Sequence[str | None]], where: Callable[[int], str]) -> str | None:
    """Return the ticker that every row of its column holds (``texts`` by place), else that of the header.

    Raises:
        UserError: rows of more than one, with the first that is not of the most frequent.
    """
    if "ticker" not in layout.columns:
        return layout.ticker
    column = texts(layout.columns["ticker"])
    most = Counter(column).most_common(1)[0][0]
    other = next((n for n, t in enumerate(column) if t != most), None)
    if other is not None:
        raise UserError(
            f"{where(other)}: '{column[other]}' where other rows are of '{most}'; a file holds one instrument: "
            f"choose it with '--where COLUMN={most}'"
        )
    return (most or "").strip() or None


def _cell(line: int, column: str, text: str) -> Unreadable:
    return Unreadable(line, column, text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
