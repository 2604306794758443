"""Collects what the gallery shows of every run, and makes the tear sheets that are missing, several at a time."""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import quote

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict

from datasets.arrays import Floats
from datasets.errors import UserError
from datasets.files import replace_file
from hustings.registry import Entry, manifest_of
from hustings.run_folder import read_checked, read_run
from hustings.sheet import sheet_again
from reports.gallery import GalleryCard

SHEET = "tearsheet.html"
_ALONE = 3  # so few sheets are made sooner without other processes


class Listed(Struct, frozen=True):
    """A run of the registry, its folder, and why there is nothing to see of it, blank if there is."""

    entry: Entry
    folder: Path
    gone: str = ""
    markets: tuple[str, ...] = ()

    @property
    def has_sheet(self) -> bool:
        """Whether its tear sheet is there."""
        return not self.gone and (self.folder / SHEET).is_file()


def listed(entry: Entry) -> Listed:
    """Return a run with what has become of its folder."""
    folder = Path(entry.folder)
    manifest = manifest_of(folder)
    if manifest.get("run_id") == entry.run_id:
        return Listed(entry, folder, markets=tuple(manifest.get("costs", ())))
    return Listed(entry, folder, "its folder holds another run now" if folder.is_dir() else "its folder has gone")


def make_sheets(runs: Sequence[Listed]) -> dict[str, str]:
    """Write the tear sheets that are missing, and return by run id why one could not be made.

    Each follows from its own run alone: how many processes share the work changes no byte.
    """
    folders = [run.folder for run in runs if not run.gone and not run.has_sheet]
    if len(folders) <= _ALONE:
        made = list(map(_made, folders))
    else:
        workers = min(os.cpu_count() or 1, len(folders))
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            made = list(pool.map(_made, folders))
    failed = {folder: reason for folder, reason in zip(folders, made, strict=True) if reason}
    return {run.entry.run_id: failed[run.folder] for run in runs if run.folder in failed}


def _made(folder: Path) -> str:
    """Write the tear sheet of a run's folder; return why it could not be, or nothing."""
    try:
        replace_file(folder / SHEET, sheet_again(read_run(folder), folder).encode())
    except UserError as e:
        return str(e)
    except OSError as e:
        return f"cannot be written: {e.strerror}"
    return ""


def card(run: Listed, start: Path, failed: str) -> GalleryCard:
    """Return a run as the gallery shows it, its sheet linked as seen from ``start``: both can be moved together."""
    known = {name: value for name, value in asdict(run.entry).items() if name not in ("created_at", "folder")}
    return GalleryCard(
        **known,
        at=run.entry.created_at,
        equity=None if run.gone else _equity(run.folder),
        link=quote(os.path.relpath((run.folder / SHEET).resolve(), start.resolve())) if run.has_sheet else "",
        markets=run.markets,
        missing="" if run.has_sheet else run.gone or failed or "not made",
    )


def _equity(folder: Path) -> Floats | None:
    """Return the equity of a run's folder and nothing else of it, which is quick; None where it cannot be read."""
    try:
        lines = read_checked(folder, "equity.csv").splitlines()
        column = lines[0].split(b",").index(b"equity")
        return np.array([float(line.split(b",", column + 1)[column]) for line in lines[1:]])
    except (OSError, UserError, ValueError, IndexError):
        return None
