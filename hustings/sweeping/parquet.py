"""The results of a sweep as Parquet: one file a part, a column a parameter that varies and one a number.

Arrays are made from buffers and read from them, since pa.array and to_numpy import pandas.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.strategy.placeholders import Space
from engine.sweep.chunk import COLUMNS, Chunk

_HOW = ("grid", "replay", "failed")
_COLUMNS = ["combination", *COLUMNS, "how", "why"]


def part_of(chunk: Chunk, space: Space) -> bytes:
    """Return the results of some combinations as a file."""
    sink = pa.BufferOutputStream()
    pq.write_table(_with_parameters(_table(chunk), space, chunk.first), sink, compression="zstd")
    return bytes(sink.getvalue())


def n_rows(path: Path) -> int:
    """Return how many combinations a part has."""
    return int(pq.read_metadata(path).num_rows)


def is_part(content: bytes) -> bool:
    """Return whether some bytes can be read as a part."""
    try:
        return int(pq.read_metadata(pa.BufferReader(content)).num_rows) > 0
    except (pa.ArrowException, OSError):
        return False


def _table(chunk: Chunk) -> pa.Table:
    """Return a chunk as a table: the number of each combination, its numbers (null: n/a), how it was computed, why."""
    rows = np.arange(chunk.first, chunk.last)
    numbers = {name: _array(pa.float64(), column, ~np.isnan(column)) for name, column in chunk.columns.items()}
    how = _strings([_HOW[h] for h in chunk.how.tolist()])
    why = _strings([chunk.failed.get(row) for row in rows.tolist()])
    return pa.table({"combination": _array(pa.int64(), rows, rows >= 0), **numbers, "how": how, "why": why})


def _array(kind: pa.DataType, values: NDArray[Any], known: NDArray[np.bool_], *more: bytes) -> pa.Array:
    """Return values as an array, null where they are not known; ``more`` is the buffer that values are offsets into."""
    buffers = [None if known.all() else _bits(known), np.ascontiguousarray(values), *more]
    return pa.Array.from_buffers(kind, len(known), [None if b is None else pa.py_buffer(b) for b in buffers])


def _bits(truths: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.packbits(truths, bitorder="little")


def _strings(texts: Sequence[str | None]) -> pa.Array:
    """Return texts as an array; what UTF-8 cannot encode becomes a question mark."""
    encoded = [b"" if t is None else t.encode("utf-8", "replace") for t in texts]
    ends = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    return _array(pa.string(), ends, np.array([t is not None for t in texts]), b"".join(encoded))


def read_part(path: Path, first: int) -> Chunk:
    """Return the combinations of a part, whose first has a certain number."""
    table = pq.ParquetFile(path).read(columns=_COLUMNS)
    columns = {name: np.concatenate([_floats(a) for a in table[name].chunks]) for name in COLUMNS}
    codes = {name: n for n, name in enumerate(_HOW)}
    how = np.array([codes[h] for h in table["how"].to_pylist()], dtype=np.int8)
    why = table["why"].to_pylist() if table["why"].null_count < len(table) else ()
    return Chunk(first, columns, how, {first + n: w for n, w in enumerate(why) if w is not None})


def _floats(array: pa.Array) -> NDArray[np.float64]:
    """Return the numbers of an array, NaN for null."""
    known, values = array.buffers()
    part = slice(array.offset, array.offset + len(array))
    floats = np.frombuffer(values, np.float64)[part]
    if not array.null_count:
        return floats
    return np.where(np.unpackbits(np.frombuffer(known, np.uint8), bitorder="little")[part], floats, np.nan)


def _with_parameters(part: pa.Table, space: Space, first: int) -> pa.Table:
    """Return a part with a column per parameter that varies; a name that a number has too gets an underscore."""
    for n, (name, which) in enumerate(space.which(first, first + part.num_rows).items()):
        column = _values([getattr(v, "value", v) for v in space.axes[name]], which)
        part = part.add_column(1 + n, f"_{name}" if name in part.column_names else name, column)
    return part


def _values(values: Sequence[Any], which: NDArray[np.intp]) -> pa.Array:
    """Return the value of each combination: whole numbers, floats or truths, else texts; null for none."""
    kinds = {type(v) for v in values if v is not None}
    known = np.array([v is not None for v in values])[which]
    if kinds <= {int}:
        return _array(pa.int64(), np.array([v or 0 for v in values])[which], known)
    if kinds <= {int, float}:
        return _array(pa.float64(), np.array([v or 0.0 for v in values])[which], known)
    if kinds <= {bool}:
        return _array(pa.bool_(), _bits(np.array(values, dtype=bool)[which]), known)
    texts = [None if v is None else ",".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in values]
    return _strings([texts[i] for i in which.tolist()])
