"""Remembers for a day what a fetch has done, so that one that broke off goes on where it was."""

import hashlib
import json
import os
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from datasets.home import hustings_home
from datasets.instants import iso_z

KEPT = timedelta(hours=24)


class FetchJournal:
    """The symbols that one command has fetched, with the instants; a file under ``$HUSTINGS_HOME/fetches``.

    A command is known by its words. A journal that cannot be read or written is one that is not there: it saves
    requests, nothing else hangs on it.
    """

    def __init__(self, words: str, *, now: datetime, folder: Path | None = None) -> None:
        folder = folder if folder is not None else hustings_home() / "fetches"
        self._path = folder / f"{hashlib.sha256(words.encode()).hexdigest()[:16]}.json"
        _forget_old(folder, now)
        self._done = _read(self._path, now)

    def done_at(self, symbol: str) -> str | None:
        """Return when the command fetched a symbol, as UTC text, or None."""
        return self._done.get(symbol)

    def note(self, symbol: str, at: str) -> None:
        """Remember a symbol as fetched."""
        self._done[symbol] = at
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent, suffix=".tmp")
            with os.fdopen(handle, "w", encoding="utf-8") as f:
                json.dump(self._done, f)
            Path(name).replace(self._path)
        except OSError:
            return

    def clear(self) -> None:
        """Forget everything: the command is done, or is to begin anew."""
        self._done = {}
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return


def _read(path: Path, now: datetime) -> dict[str, str]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return {str(k): str(v) for k, v in told.items() if iso_z(now - KEPT) <= str(v) <= iso_z(now)}
    except (OSError, ValueError, AttributeError):
        return {}


def _forget_old(folder: Path, now: datetime) -> None:
    for path in (*folder.glob("*.json"), *folder.glob("*.tmp")):
        try:
            if path.stat().st_mtime < (now - KEPT).timestamp():
                path.unlink()
        except OSError:
            continue
