"""Keeps for a day what a fetch has done, so that an interrupted one continues where it was."""

import hashlib
import json
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from datasets.files import replace_file
from datasets.home import hustings_home
from datasets.instants import iso_z

KEPT = timedelta(hours=24)


class FetchJournal:
    """The symbols that one command has fetched, with the instants; a file under ``$HUSTINGS_HOME/fetches``.

    A command is identified by its words. A journal that cannot be read or written is as none: it saves requests, and
    nothing else depends on it.
    """

    def __init__(self, words: str, *, now: datetime, folder: Path | None = None) -> None:
        folder = folder if folder is not None else hustings_home() / "fetches"
        self._path = folder / f"{hashlib.sha256(words.encode()).hexdigest()[:16]}.json"
        _remove_old(folder, now)
        self._done = _read(self._path, now)

    def done_at(self, symbol: str) -> str | None:
        """Return when the command fetched a symbol, as UTC text, or None."""
        return self._done.get(symbol)

    def note(self, symbol: str, at: str) -> None:
        """Record a symbol as fetched."""
        self._done[symbol] = at
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, json.dumps(self._done).encode())

    def clear(self) -> None:
        """Remove all records: the command is done, or is to begin again."""
        self._done = {}
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _read(path: Path, now: datetime) -> dict[str, str]:
    try:
        done = json.loads(path.read_text(encoding="utf-8"))
        return {str(k): str(v) for k, v in done.items() if iso_z(now - KEPT) <= str(v) <= iso_z(now)}
    except (OSError, ValueError, AttributeError):
        return {}


def _remove_old(folder: Path, now: datetime) -> None:
    for path in (*folder.glob("*.json"), *folder.glob("*.tmp")):
        with suppress(OSError):
            if path.stat().st_mtime < (now - KEPT).timestamp():
                path.unlink()
