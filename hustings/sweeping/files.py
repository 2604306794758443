"""A sweep as files in a folder: what is done so far, and at its end the results, the same bytes for the same sweep.

``unfinished/`` has a file for every chunk that is done, with the hash of its content in its name. At the end they
become ``results/``, cut at fixed places: the chunks, the workers and their order leave no trace. A file that is not
what was written is named and removed, and its combinations are computed again. Chunks are arrays of numpy, so that
pyarrow is imported when the results are written, and not before.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from datasets.errors import UserError
from datasets.files import remove_folder, remove_leftovers_in, replace_file, replaced_folder
from engine.strategy.placeholders import Space
from engine.sweep.chunk import COLUMNS, Chunk, joined
from hustings.files import json_text
from hustings.terminal import warn

PART = 100_000
"""Combinations per file of the results."""
_CHECKSUMS = "_checksums.json"
"""The hashes of the parts, by name; readers of a folder of Parquet files skip names that begin so."""


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
        if held is not None and not keeps and not restart and (done := self.done_rows()):
            state = f"{done:,} of {manifest['combinations']:,} combinations of this sweep are done in '{self.path}'"
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
        written += [(p, p.stem.rpartition("-")[2]) for p in self.unfinished.glob("*-*-*-*.npy")]
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
        content = _saved(chunk)
        name = f"{span:04d}-{chunk.first:013d}-{chunk.last:013d}-{_hash(content)}.npy"
        replace_file(self.unfinished / name, content)

    def kept(self, span: int) -> list[tuple[int, int, Path]]:
        """Return the chunks that are done over a span, in order: first combination, the one after the last, file."""
        names = [(p.stem.split("-"), p) for p in self.unfinished.glob(f"{span:04d}-*-*-*.npy")]
        found = [(int(first), int(last), path) for (_, first, last, _), path in names]
        for path in self._parts() if span == 0 else ():
            first = int(path.stem.partition("-")[2]) * PART
            found.append((first, first + _n_rows(path), path))
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
        return (_loaded(path, first) for first, _, path in self.kept(span))

    # ---- the results -----------------------------------------------------------------------------------------------

    def _parts(self) -> list[Path]:
        return sorted(self.results.glob("part-*.parquet"))

    def is_complete(self, n: int) -> bool:
        """Return whether the results of all n combinations are there."""
        return n > 0 and sum(map(_n_rows, self._parts())) == n

    def finish(self, space: Space) -> None:
        """Make the results from the chunks; they appear as a whole, or not at all."""
        if self.is_complete(len(space)):
            return
        from hustings.sweeping.parquet import part_of

        hashes = {}
        with replaced_folder(self.results, kept=lambda _: False) as new:
            for n, part in enumerate(self.parts()):
                content, name = part_of(part, space), f"part-{n:05d}.parquet"
                (new / name).write_bytes(content)
                hashes[name] = _hash(content)
            (new / _CHECKSUMS).write_text(json_text(hashes), encoding="utf-8")

    def parts(self) -> Iterator[Chunk]:
        """Yield the results in the order of the combinations, PART at a time: the same however chunks were cut."""
        waiting: list[Chunk] = []
        for chunk in self.chunks(0):
            waiting.append(chunk)
            while sum(map(len, waiting)) >= PART:
                whole = joined(waiting)
                yield whole.part(0, PART)
                waiting = [whole.part(PART, len(whole))]
        if sum(map(len, waiting)):
            yield joined(waiting)


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
    if _hash(content) != sha:
        return False
    from hustings.sweeping.parquet import is_part

    return path.suffix == ".npy" or is_part(content)


def _saved(chunk: Chunk) -> bytes:
    """Return a chunk as bytes: an array of its numbers and of how each was computed, and why some failed as JSON."""
    content = io.BytesIO()
    np.save(content, np.array([*(chunk.columns[name] for name in COLUMNS), chunk.how]), allow_pickle=False)
    failed = {row: why.encode("utf-8", "replace").decode() for row, why in chunk.failed.items()}
    return content.getvalue() + json.dumps(failed).encode()


def _loaded(path: Path, first: int) -> Chunk:
    """Return the combinations of a file: of a chunk, or a part of the results."""
    if path.suffix != ".npy":
        from hustings.sweeping.parquet import read_part

        return read_part(path, first)
    with path.open("rb") as file:
        *columns, how = np.load(file, allow_pickle=False)
        failed = {int(row): str(why) for row, why in json.load(file).items()}
    return Chunk(first, dict(zip(COLUMNS, columns, strict=True)), how.astype(np.int8), failed)


def _n_rows(path: Path) -> int:
    from hustings.sweeping.parquet import n_rows

    return n_rows(path)
