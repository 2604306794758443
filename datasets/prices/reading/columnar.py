"""The columns of a Parquet or Feather file, each read when it is asked for, within stated bounds."""

import io
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from datasets.errors import UserError
from datasets.prices.reading.rows import check_rows
from datasets.prices.reading.text import MOST_BYTES, too_large

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
