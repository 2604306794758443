"""A Parquet file as a price table: the same names of columns, the dates as they are typed."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from datasets.arrays import Floats
from datasets.errors import UserError
from datasets.prices.reading.build import NUMBERS, FileFacts, build_table, compounded, one_ticker
from datasets.prices.reading.dates import read_dates
from datasets.prices.reading.layouts import Layout, check_layout, find_layout, unknown_columns
from datasets.prices.reading.numbers import NumberColumn, read_numbers
from datasets.prices.table import PriceTable

_PAIR = re.compile(r"\('([^']*)', '([^']*)'\)")
_INDEX = re.compile(r"__index_level_0__")


def read_parquet(data: bytes, name: str, *, date_format: str | None = None, zone: str | None = None) -> PriceTable:
    """Return the price table in a Parquet file; its ``line`` is the row, the first being 1.

    Raises:
        UserError: it is damaged, or has no dates or no close.
    """
    table = _table(data, name)
    layout = _layout(table.column_names, name)
    if not table.num_rows:
        raise UserError(f"{name}: no rows; a price file needs at least one bar")

    def where(row: int) -> str:
        return f"{name} row {row + 1}"

    def shown(role: str, row: int) -> tuple[str, str]:
        place = layout.columns[role]
        return layout.names[place], str(table.column(place)[row].as_py())

    texts = _stamps(table.column(layout.columns["date"]), layout, name)
    dates = read_dates(texts, where=where, date_format=date_format, zone=zone)
    numbers = {r: _numbers(table.column(i), layout.names[i], name) for r, i in layout.columns.items() if r in NUMBERS}
    remarks = [f"columns left alone: {', '.join(u)}"] if (u := unknown_columns(layout)) else []
    found = FileFacts(name, f"Parquet, {layout.name}", _ticker(table, layout, where), tuple(remarks), unit="row")
    lines = np.arange(1, table.num_rows + 1, dtype=np.int64)
    built = build_table(found, dates, numbers, lines=lines, shown=shown)
    if not layout.returns:
        return built
    parts = [_numbers(table.column(n), layout.names[n], name).values for n in layout.returns]
    return compounded(built, np.add(*parts)[~np.isnat(dates.session)])


def _table(data: bytes, name: str) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - only when a Parquet file is read
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        return pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as e:
        raise UserError(f"{name}: not a readable Parquet file ({str(e).splitlines()[0][:100]})") from e


def _layout(columns: Sequence[str], name: str) -> Layout:
    """Return the layout of the columns; pandas' index and pairs such as ('Close', '^HSI') under their plain names."""
    pairs = [_PAIR.fullmatch(c) for c in columns]
    names = [p[1] if p else "date" if _INDEX.fullmatch(c) else c for c, p in zip(columns, pairs, strict=True)]
    tickers = sorted({p[2] for p in pairs if p} - {""})
    found = find_layout([names])
    if not found:
        missing = "close" if any(n.strip().casefold() == "date" for n in names) else "date"
        raise UserError(f"{name}: no column '{missing}', found {','.join(columns)[:80] or 'nothing'}; the columns must "
                        "be date,open,high,low,close,volume, or those that a provider writes")  # fmt: skip
    layout = replace(found[1], tickers=tuple(tickers) or found[1].tickers)
    check_layout(layout, name)
    return layout


def _stamps(column: Any, layout: Layout, name: str) -> list[str]:
    """Return the dates as text: ISO dates, stamps with or without a zone, or the text that is there."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.types as pt  # noqa: PLC0415

    kind = column.type
    if pt.is_date(kind):
        return ["" if d is None else d.isoformat() for d in column.to_pylist()]
    if pt.is_timestamp(kind):
        stamps = column.cast(pa.timestamp("us", tz=kind.tz), safe=False).to_pylist()
        return ["" if s is None else s.isoformat(sep=" ") for s in stamps]
    if pt.is_string(kind) or pt.is_large_string(kind) or pt.is_integer(kind):
        return ["" if s is None else str(s) for s in column.to_pylist()]
    raise UserError(f"{name}: column '{layout.names[layout.columns['date']]}' does not hold dates")


def _numbers(column: Any, title: str, name: str) -> NumberColumn:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.types as pt  # noqa: PLC0415

    if pt.is_string(column.type) or pt.is_large_string(column.type):
        return read_numbers(["" if t is None else t for t in column.to_pylist()], ".", may_be_short=False)
    try:
        values: Floats = np.array(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    except pa.ArrowException as e:
        raise UserError(f"{name}: column '{title}' does not hold numbers") from e
    return NumberColumn(
        np.where(np.isinf(values), np.nan, values), tuple(int(r) for r in np.flatnonzero(np.isinf(values)))
    )


def _ticker(table: Any, layout: Layout, where: Callable[[int], str]) -> str | None:
    if "ticker" not in layout.columns:
        return layout.ticker
    return one_ticker(table.column(layout.columns["ticker"]).to_pylist(), where)
