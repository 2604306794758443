"""The columns of a Parquet or Feather file, each read when it is asked for, within stated bounds."""

import io
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from msgspec.structs import replace

from datasets.arrays import Floats
from datasets.errors import UserError
from datasets.prices.reading.build import NUMBERS, FileFacts, build_table, compounded, ticker_of
from datasets.prices.reading.dates import read_dates
from datasets.prices.reading.layouts import Layout, check_layout
from datasets.prices.reading.numbers import NumberColumn, read_numbers
from datasets.prices.reading.rows import check_rows
from datasets.prices.reading.selection import WHOLE, Selection, check_one_instrument, column_remarks
from datasets.prices.reading.text import MOST_BYTES, too_large
from datasets.prices.table import PriceTable

_FRAMES = (0xFD2FB528, 0x184D2204)
"""How packed bytes begin: zstd (RFC 8878) and LZ4 frames."""
PARQUET, FEATHER = b"PAR1", b"ARROW1"
DAMAGED = (OSError, ValueError, OverflowError, LookupError, TypeError, MemoryError, NotImplementedError)
"""What damaged bytes come out as in pyarrow (whose own errors are among these) and in the zones it looks up."""


class ColumnarFile:
    """A file by its columns; ``names`` are these of the schema, ``kinds`` their Arrow types, ``rows`` how many."""

    def __init__(self, data: bytes, name: str) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415
        from pyarrow import ipc  # noqa: PLC0415 - only when such a file is read

        self._data, self._name = data, name
        self._parquet: Any = pq.ParquetFile(io.BytesIO(data)) if data.startswith(PARQUET) else None
        schema = self._parquet.schema_arrow if self._parquet else ipc.open_file(data).schema
        self.names: list[str] = list(schema.names)
        self.kinds: list[Any] = list(schema.types)
        check_rows(self.rows, name)
        if self._size() > MOST_BYTES:
            raise too_large(name)

    @cached_property
    def rows(self) -> int:
        """How many rows there are."""
        if self._parquet:
            return int(self._parquet.metadata.num_rows)
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.dataset as ds  # noqa: PLC0415 - it counts without unpacking a column

        return int(ds.FeatherFileFormat().make_fragment(pa.py_buffer(self._data)).count_rows()) if self.names else 0

    def column(self, place: int) -> Any:
        """Return a column.

        Raises:
            UserError: it is text that takes more memory than is read from a file.
        """
        found = self._of_parquet(place) if self._parquet else self._feather(place)
        if len(found) != self.rows:
            raise ValueError(f"column {place + 1} has {len(found)} rows of {self.rows}")
        return found

    def is_text(self, place: int) -> bool:
        """Return whether a column holds text."""
        import pyarrow.types as pt  # noqa: PLC0415

        kind = self.kinds[place]
        kind = kind.value_type if pt.is_dictionary(kind) else kind
        return bool(pt.is_string(kind) or pt.is_large_string(kind))

    def texts(self, place: int) -> list[str]:
        """Return the cells of a column of text, a missing one as ""."""
        return ["" if t is None else t for t in self.column(place).to_pylist()]

    def _feather(self, place: int) -> Any:
        from pyarrow import ipc  # noqa: PLC0415

        options = ipc.IpcReadOptions(included_fields=[place])
        found = ipc.open_file(self._data, options=options).read_all().column(0)
        found.validate(full=True)  # damaged lengths would be read beyond the buffers
        return self._decoded(found) if self.is_text(place) else found

    def _of_parquet(self, place: int) -> Any:
        import pyarrow.parquet as pq  # noqa: PLC0415

        name = self.names[place]
        file = pq.ParquetFile(io.BytesIO(self._data), read_dictionary=[name]) if self.is_text(place) else self._parquet
        found = file.read(columns=[name], use_threads=False)
        same = [n for n in range(place) if self.names[n] == name]
        held = [n for n, other in enumerate(found.column_names) if other == name]
        column = found.column(held[len(same)])
        return self._decoded(column) if self.is_text(place) else column

    def _size(self) -> int:
        """Return how many bytes the columns take when they are unpacked, as the file says."""
        if not self._parquet:
            return _unpacked_bytes(self._data)
        # the sizes of single columns are not asked for: pyarrow ends the process where those are damaged
        metadata = self._parquet.metadata
        return sum(metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups))

    def _decoded(self, column: Any) -> Any:
        """Return a column of text that was read as a dictionary, where its cells take no more than the limit."""
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415
        import pyarrow.types as pt  # noqa: PLC0415

        if not pt.is_dictionary(column.type):
            return column
        lengths = [pc.sum(pc.take(pc.binary_length(c.dictionary), c.indices)).as_py() or 0 for c in column.chunks]
        if sum(lengths) > MOST_BYTES:
            raise too_large(f"{self._name}: a column of text")
        return column.cast(pa.string())


def _unpacked_bytes(data: bytes) -> int:
    """Return the sum of the sizes that the packed buffers of a Feather file give, each before its frame.

    A frame begins at a multiple of eight bytes, with the mark of its kind. Buffers that are not packed count nothing.
    """
    words = np.frombuffer(data, dtype="<i8", count=len(data) // 8)
    packed = np.isin(words[1:].astype("<u4"), _FRAMES)
    return int(words[:-1][packed].clip(0, MOST_BYTES + 1).sum())


class TextColumns(Sequence[Sequence[str]]):
    """The columns of text of a file as lists of cells; what is no text, or too long to be a name, as an empty list."""

    def __init__(self, file: ColumnarFile) -> None:
        self._file = file

    def __len__(self) -> int:
        return len(self._file.names)

    def __getitem__(self, place: Any) -> Any:
        try:
            return self._file.texts(place) if self._file.is_text(place) else []
        except UserError:
            return []


_PAIR = re.compile(r"\('([^']*)', '([^']*)'\)")
_INDEX = re.compile(r"__index_level_0__")


def read_parquet(data: bytes, name: str, selection: Selection = WHOLE) -> PriceTable:
    """Return the price table in a Parquet or Feather file; its ``line`` is the row, the first being 1.

    Raises:
        UserError: it is damaged, has no dates or no close, or takes more rows or memory than are read from a file.
    """
    try:
        return _read(data, name, selection)
    except DAMAGED as e:
        why = (str(e).splitlines() or [type(e).__name__])[0][:100]
        raise UserError(f"{name}: not a readable {_kind(data)} file ({why})") from e


def _read(data: bytes, name: str, selection: Selection) -> PriceTable:
    file = ColumnarFile(data, name)
    layout, texts = _layout(file, name, selection), TextColumns(file)
    if not file.rows:
        raise UserError(f"{name}: no rows; a price file needs at least one bar")
    chosen = selection.rows(layout.names, texts, name)
    rows = np.arange(file.rows) if chosen is None else np.flatnonzero(chosen)
    columns = {place: file.column(place).take(rows) for place in (*layout.columns.values(), *layout.returns)}

    def where(row: int) -> str:
        return f"{name} row {rows[row] + 1}"

    def shown(role: str, row: int) -> tuple[str, str]:
        place = layout.columns[role]
        return layout.names[place], str(columns[place][row].as_py())

    stamps = _stamps(columns[layout.columns["date"]], layout, name)
    dates = read_dates(stamps, where=where, date_format=selection.date_format, zone=selection.zone)
    numbers = {r: _numbers(columns[i], layout.names[i], name) for r, i in layout.columns.items() if r in NUMBERS}
    if chosen is None and "close" in numbers:
        closes = numbers["close"].values
        check_one_instrument(layout, texts, session=dates.session, close=closes, name=name)
    ticker = ticker_of(layout, lambda place: columns[place].to_pylist(), where)
    found = FileFacts(name, f"{_kind(data)}, {layout.name}", ticker, tuple(column_remarks(layout)), unit="row")
    built = build_table(found, dates, numbers, lines=rows.astype(np.int64) + 1, shown=shown)
    if not layout.returns:
        return built
    parts = [_numbers(columns[n], layout.names[n], name).values for n in layout.returns]
    return compounded(built, np.add(*parts)[~np.isnat(dates.session)])


def _kind(data: bytes) -> str:
    return "Parquet" if data.startswith(PARQUET) else "Feather"


def _sample(file: ColumnarFile) -> list[str]:
    """Return for each column a cell that looks like its values, by which layouts are known."""
    import pyarrow.types as pt  # noqa: PLC0415 - only when such a file is read

    dates, numbers = (pt.is_date, pt.is_timestamp), (pt.is_floating, pt.is_integer, pt.is_decimal)
    return ["2000-01-01" if any(f(k) for f in dates) else "1" * any(f(k) for f in numbers) for k in file.kinds]


def _layout(file: ColumnarFile, name: str, selection: Selection) -> Layout:
    """Return the layout of the columns; pandas' index and pairs such as ('Close', '^HSI') under their plain names."""
    columns = file.names
    pairs = [_PAIR.fullmatch(c) for c in columns]
    names = [p[1] if p else "date" if _INDEX.fullmatch(c) else c for c, p in zip(columns, pairs, strict=True)]
    tickers = sorted({p[2] for p in pairs if p} - {""})
    found = selection.layout_of([names, _sample(file)])
    if not found and selection.column is not None:
        raise UserError(f"{name}: no column '{selection.column}' next to a date; the columns are "
                        f"{', '.join(columns)[:120]}")  # fmt: skip
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
