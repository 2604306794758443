"""A sweep as files in a folder: what is done so far, and at its end the results, the same bytes for the same sweep.

``unfinished/`` has a file for every chunk that is done, with the hash of its content in its name. At the end they
become ``results/``, cut at fixed places: the chunks, the workers and their order leave no trace. A file that is not
what was written is named and removed, and its combinations are computed again.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct
from numpy.typing import NDArray

from datasets.errors import UserError
from datasets.files import remove_folder, remove_leftovers_in, replace_file, replaced_folder
from engine.strategy.placeholders import Space
from engine.sweep.chunk import COLUMNS, Chunk
from hustings.files import json_text
from hustings.terminal import warn

PART = 100_000
"""Combinations per file of the results."""
_CHECKSUMS = "_checksums.json"
"""The hashes of the parts, by name; readers of a folder of Parquet files skip names that begin so."""
_HOW = ("grid", "replay", "failed")
_COLUMNS = ["combination", *COLUMNS, "how", "why"]


class SweepFolder(Struct, frozen=True):
    """The folder of one sweep."""

    path: Path

    @property
    def unfinished(self) -> Path:
        """The folder of the chunks that are done."""
        return self.path / "unfinished"

    @property
    def results(self) -> Path:
        """The folder of the results once all is done."""
        return self.path / "results"

    def begin(self, manifest: dict[str, Any], *, resume: bool, restart: bool) -> None:
        """Make the folder ready: empty, or unchanged where the sweep is resumed or was finished.

        Raises:
            UserError: it holds another sweep, or no sweep, or an unfinished one without ``resume`` or ``restart``.
        """
        held = self.held()
        if held not in (None, manifest["sweep_id"]) and not restart:
            raise UserError(f"'{self.path}' holds another sweep ({held}); name another --out, or --restart there")
        keeps = not restart and (resume or self.results.is_dir())
        for folder in (self.path, self.unfinished):
            remove_leftovers_in(folder)
        if held is not None and not restart:
            self._remove_damaged()
        done, n = self.done_rows(), manifest["combinations"]
        if held is not None and done and not keeps and not restart:
            state = f"{done:,} of {n:,} combinations of this sweep are done in '{self.path}'"
            raise UserError(f"{state}: --resume continues from there, --restart starts over")
        if not keeps:
            for name in ("summary.json", "sweep.html"):
                (self.path / name).unlink(missing_ok=True)
            for old in (self.results, self.unfinished):
                remove_folder(old)
        self.write("manifest.json", json_text(manifest))
        self.unfinished.mkdir(exist_ok=True)

    def held(self) -> str | None:
        """Return the id of the sweep that the folder holds, or None where it is empty.

        Raises:
            UserError: it holds something else.
        """
        try:
            return str(json.loads((self.path / "manifest.json").read_text(encoding="utf-8"))["sweep_id"])
        except FileNotFoundError:
            if all(p.name.startswith(".") for p in self.path.iterdir()):
                return None
        except (ValueError, KeyError, TypeError):
            pass
        raise UserError(f"'{self.path}' is not empty and holds no sweep; name a new or an empty folder with --out")

    def _remove_damaged(self) -> None:
        """Remove the files of results and chunks that are not what was written, with a warning that names each."""
        kept = self.results / _CHECKSUMS
        hashes = _hashes_in(kept) if kept.is_file() else {p.name: _hash(p.read_bytes()) for p in self._parts()}
        written = [(p, hashes.get(p.name)) for p in self._parts()]
        written += [(p, p.stem.rpartition("-")[2]) for p in self.unfinished.glob("*-*-*-*.parquet")]
        missing = [self.results / name for name in hashes if not (self.results / name).is_file()]
        for path in (*missing, *(p for p, sha in written if not _is_whole(p, sha))):
            warn(f"hustings: '{path}' is damaged: its combinations are computed again")
            path.unlink(missing_ok=True)

    def write(self, name: str, text: str) -> Path:
        """Write a text of the sweep and return its path."""
        replace_file(self.path / name, text.encode())
        return self.path / name

    # ---- what is done so far ---------------------------------------------------------------------------------------

    def keep(self, span: int, chunk: Chunk) -> None:
        """Write the results of a chunk over one of the sweep's spans."""
        content = _parquet(_table(chunk))
        name = f"{span:04d}-{chunk.first:013d}-{chunk.last:013d}-{_hash(content)}.parquet"
        replace_file(self.unfinished / name, content)

    def kept(self, span: int) -> list[tuple[int, int, Path]]:
        """Return the chunks that are done over a span, in order: first combination, the one after the last, file."""
        names = [(p.stem.split("-"), p) for p in self.unfinished.glob(f"{span:04d}-*-*-*.parquet")]
        found = [(int(first), int(last), path) for (_, first, last, _), path in names]
        if span == 0:
            starts = ((int(p.stem.partition("-")[2]) * PART, p) for p in self._parts())
            found += [(first, first + pq.read_metadata(p).num_rows, p) for first, p in starts]
        kept: list[tuple[int, int, Path]] = []
        for first, last, path in sorted(found):
            if not kept or first >= kept[-1][1]:  # of two that overlap the first counts, and the rest is a gap
                kept.append((first, last, path))
        return kept

    def gaps(self, span: int, n: int) -> list[tuple[int, int]]:
        """Return the ranges of n combinations that are not done over a span."""
        if span == 0 and self.is_complete(n):
            return []
        edges = [(0, 0), *((first, last) for first, last, _ in self.kept(span)), (n, n)]
        return [(a, b) for (_, a), (b, _) in pairwise(edges) if a < b]

    def done_rows(self) -> int:
        """Return how many combinations are done over the sweep's own span."""
        return sum(last - first for first, last, _ in self.kept(0))

    def chunks(self, span: int) -> Iterator[Chunk]:
        """Yield what is done over a span, in order."""
        return (_chunk(_read(path), first) for first, _, path in self.kept(span))

    # ---- the results -----------------------------------------------------------------------------------------------

    def _parts(self) -> list[Path]:
        return sorted(self.results.glob("part-*.parquet"))

    def is_complete(self, n: int) -> bool:
        """Return whether the results of all n combinations are there."""
        return n > 0 and sum(int(pq.read_metadata(p).num_rows) for p in self._parts()) == n

    def finish(self, space: Space) -> None:
        """Make the results from the chunks; they appear as a whole, or not at all."""
        if self.is_complete(len(space)):
            return
        hashes = {}
        with replaced_folder(self.results, kept=lambda _: False) as new:
            for n, part in enumerate(_in_parts(_read(path) for _, _, path in self.kept(0))):
                content, name = _parquet(_with_parameters(part, space, n * PART)), f"part-{n:05d}.parquet"
                (new / name).write_bytes(content)
                hashes[name] = _hash(content)
            (new / _CHECKSUMS).write_text(json_text(hashes), encoding="utf-8")

    def parts(self) -> Iterator[Chunk]:
        """Yield the results, file by file, in the order of the combinations."""
        return (_chunk(_read(path), n * PART) for n, path in enumerate(self._parts()))


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _hashes_in(path: Path) -> dict[str, str]:
    """Return the hashes of the parts; none where the file is damaged, and then all parts count as such."""
    try:
        return {str(name): str(sha) for name, sha in json.loads(path.read_bytes()).items()}
    except (ValueError, AttributeError, RecursionError):
        return {}


def _is_whole(path: Path, sha: str | None) -> bool:
    """Return whether a file is what was written, and can be read."""
    content = path.read_bytes()
    try:
        return _hash(content) == sha and pq.read_metadata(pa.BufferReader(content)).num_rows > 0
    except (pa.ArrowException, OSError):
        return False


def _in_parts(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield the rows of tables in tables of PART rows, the last one shorter."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        while sum(t.num_rows for t in waiting) >= PART:
            whole = pa.concat_tables(waiting)
            yield whole.slice(0, PART).combine_chunks()
            waiting = [whole.slice(PART)]
    if sum(t.num_rows for t in waiting):
        yield pa.concat_tables(waiting).combine_chunks()


# ---- tables: arrays are made from buffers and read from them, since pa.array and to_numpy import pandas --------------


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


def _read(path: Path) -> pa.Table:
    return pq.ParquetFile(path).read(columns=_COLUMNS)


def _chunk(table: pa.Table, first: int) -> Chunk:
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
