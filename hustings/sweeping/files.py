"""A sweep as files in a folder: what is done so far, and at its end the results, the same bytes for the same sweep.

``unfinished/`` holds a file for every stretch that is done, written beside its place and moved in: whoever is killed
leaves whole files only. At the end they become ``results/``, cut at fixed places, so that nothing tells in which
stretches, by how many workers and in which order the work was done.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.errors import UserError
from engine.sweep.space import Space
from engine.sweep.sweep import COLUMNS, Chunk, joined

PART = 100_000
"""So many combinations a file of the results."""
_HOW = ("grid", "replay", "failed")


@dataclass(frozen=True)
class SweepFolder:
    """The folder of one sweep."""

    path: Path

    @property
    def unfinished(self) -> Path:
        """Where the stretches lie that are done."""
        return self.path / "unfinished"

    @property
    def results(self) -> Path:
        """Where the results lie once all is done."""
        return self.path / "results"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep the folder for this process until the end of a ``with``.

        Raises:
            UserError: another process is at work in it.
        """
        handle = os.open(self.path, os.O_RDONLY)
        try:
            _lock(handle, self.path)
            yield
        finally:
            os.close(handle)

    def begin(self, sweep_id: str, manifest: dict[str, Any], *, resume: bool, restart: bool) -> None:
        """Make the folder ready: empty, or as it was left where the sweep is resumed or was finished.

        Raises:
            UserError: it holds another sweep, or what is none, or an unfinished one of which nothing was said.
        """
        held = self.held()
        if held not in (None, sweep_id) and not restart:
            raise UserError(f"'{self.path}' holds another sweep ({held}); name another --out, or --restart there")
        done, n = self.done_rows(), manifest["combinations"]
        keeps = not restart and (resume or self.is_complete(n))
        if held is not None and done and not keeps and not restart:
            told = f"{done:,} of {n:,} combinations of this sweep are done in '{self.path}'"
            raise UserError(f"{told}: --resume goes on from there, --restart begins anew")
        if not keeps:
            self._clear()
        self.write("manifest.json", as_json({"sweep_id": sweep_id, **manifest}))
        self.unfinished.mkdir(exist_ok=True)

    def held(self) -> str | None:
        """Return the id of the sweep that the folder holds, or None where it is empty.

        Raises:
            UserError: it holds something else.
        """
        try:
            found = json.loads((self.path / "manifest.json").read_text(encoding="utf-8"))
            return str(found["sweep_id"])
        except FileNotFoundError:
            if all(p.name.startswith(".") for p in self.path.iterdir()):
                return None
        except (ValueError, KeyError, TypeError):
            pass
        raise UserError(f"'{self.path}' is not empty and holds no sweep; name a new or an empty folder with --out")

    def _clear(self) -> None:
        for folder in (self.unfinished, self.results):
            if folder.is_dir():
                shutil.rmtree(folder)
        for name in ("summary.json", "sweep.html"):
            (self.path / name).unlink(missing_ok=True)

    def write(self, name: str, text: str) -> Path:
        """Write a text of the sweep and return where it is."""
        path = self.path / name
        beside = path.with_name(f".{name}.new")
        beside.write_text(text, encoding="utf-8", newline="")
        beside.replace(path)
        return path

    # ---- what is done so far ---------------------------------------------------------------------------------------

    def keep(self, span: int, stretch: Chunk) -> None:
        """Write the results of a stretch over one of the sweep's spans."""
        name = f"{span:04d}-{stretch.first:013d}-{stretch.last:013d}.parquet"
        beside = self.unfinished / f".{name}.new"
        pq.write_table(_table(stretch, {}), beside, compression="zstd")
        beside.replace(self.unfinished / name)

    def kept(self, span: int) -> list[tuple[int, int, Path]]:
        """Return the stretches that are done over a span, in order: first combination, the one after the last, file."""
        found = [(p.stem.split("-"), p) for p in self.unfinished.glob(f"{span:04d}-*.parquet")]
        apart: list[tuple[int, int, Path]] = []
        for first, last, path in sorted((int(first), int(last), path) for (_, first, last), path in found):
            if not apart or first >= apart[-1][1]:  # of two that overlap the first stands, and the rest is a gap
                apart.append((first, last, path))
        return apart

    def gaps(self, span: int, n: int) -> list[tuple[int, int]]:
        """Return the stretches of n combinations that are not done over a span."""
        if span == 0 and self.is_complete(n):
            return []
        edges = [(0, 0), *((first, last) for first, last, _ in self.kept(span)), (n, n)]
        return [(a, b) for (_, a), (b, _) in pairwise(edges) if a < b]

    def done_rows(self) -> int:
        """Return how many combinations are done over the sweep's own span and not yet among the results."""
        return sum(last - first for first, last, _ in self.kept(0))

    def stretches(self, span: int) -> Iterator[Chunk]:
        """Yield what is done over a span, in order."""
        return (_stretch(pq.read_table(path), first) for first, _, path in self.kept(span))

    # ---- the results -----------------------------------------------------------------------------------------------

    def is_complete(self, n: int) -> bool:
        """Return whether the results of all n combinations are there."""
        found = [pq.read_metadata(p).num_rows for p in sorted(self.results.glob("part-*.parquet"))]
        return bool(found) and sum(found) == n

    def finish(self, space: Space) -> None:
        """Make the results out of the stretches; they appear at once, or not at all."""
        if self.is_complete(len(space)):
            return
        new = self.path / ".results.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        for n, part in enumerate(in_parts(self.stretches(0))):
            table = _table(part, _parameters(space, part.first, part.last))
            pq.write_table(table, new / f"part-{n:05d}.parquet", compression="zstd")
        shutil.rmtree(self.results, ignore_errors=True)
        new.replace(self.results)

    def parts(self) -> Iterator[Chunk]:
        """Yield the results, file by file, in the order of the combinations."""
        first = 0
        for path in sorted(self.results.glob("part-*.parquet")):
            part = _stretch(pq.read_table(path), first)
            first = part.last
            yield part

    def tidy(self) -> None:
        """Remove what was only needed to go on from."""
        shutil.rmtree(self.unfinished, ignore_errors=True)


def _lock(handle: int, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        told = f"another hustings is at work in '{path}'"
        raise UserError(f"{told}: wait until it has ended, or name another --out") from e
    except OSError:
        return  # a file system that knows no locks keeps nobody out


def as_json(value: Any) -> str:
    """Return a value as the text of a file of a sweep."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def in_parts(stretches: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield stretches that follow one another cut at every PART combinations, whatever their own lengths are."""
    waiting: list[Chunk] = []
    for stretch in stretches:
        rest: Chunk | None = stretch
        while rest is not None:
            room = PART - sum(map(len, waiting))
            head, rest = _cut(rest, room)
            waiting.append(head)
            if sum(map(len, waiting)) == PART:
                yield joined(waiting)
                waiting = []
    if waiting:
        yield joined(waiting)


def _cut(stretch: Chunk, at: int) -> tuple[Chunk, Chunk | None]:
    if len(stretch) <= at:
        return stretch, None
    return _some(stretch, 0, at), _some(stretch, at, len(stretch))


def _some(stretch: Chunk, first: int, last: int) -> Chunk:
    columns = {name: c[first:last] for name, c in stretch.columns.items()}
    begins, ends = stretch.first + first, stretch.first + last
    failed = {row: why for row, why in stretch.failed.items() if begins <= row < ends}
    return Chunk(begins, columns, stretch.how[first:last], failed)


def _table(stretch: Chunk, parameters: dict[str, pa.Array]) -> pa.Table:
    """Return a stretch as a table: the number of each combination, its parameters, its numbers (null: n/a), how."""
    rows = np.arange(stretch.first, stretch.last)
    numbers = {name: pa.array(stretch.columns[name], from_pandas=True) for name in COLUMNS}
    how = pa.array([_HOW[h] for h in stretch.how.tolist()])
    why = pa.array([_readable(stretch.failed.get(row)) for row in rows.tolist()], pa.string())
    return pa.table({"combination": rows, **parameters, **numbers, "how": how, "why": why})


def _readable(why: str | None) -> str | None:
    """Return a text without what no file can hold: a rule may fail with any."""
    return None if why is None else why.encode("utf-8", "replace").decode("utf-8")


def _stretch(table: pa.Table, first: int) -> Chunk:
    columns = {name: table[name].to_numpy() for name in COLUMNS}
    codes = {name: n for n, name in enumerate(_HOW)}
    how = np.array([codes[h] for h in table["how"].to_pylist()], dtype=np.int8)
    failed = {first + n: why for n, why in enumerate(table["why"].to_pylist()) if why is not None}
    return Chunk(first, columns, how, failed)


def _parameters(space: Space, first: int, last: int) -> dict[str, pa.Array]:
    """Return the parameters that vary, a column each; a name that a number has too gets an underscore before it."""
    taken = {"combination", "how", "why", *COLUMNS}
    which = space.which(first, last)
    names = {name: f"_{name}" if name in taken else name for name in space.axes}
    return {names[n]: _column(values).take(pa.array(which[n])) for n, values in space.axes.items()}


def _column(values: Sequence[Any]) -> pa.Array:
    plain = [getattr(v, "value", v) for v in values]
    kinds = {type(v) for v in plain if v is not None}
    if kinds <= {int}:
        return pa.array(plain, pa.int64())
    if kinds <= {int, float}:
        return pa.array(plain, pa.float64())
    if kinds <= {bool}:
        return pa.array(plain, pa.bool_())
    return pa.array([None if v is None else _text(v) for v in plain], pa.string())


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
