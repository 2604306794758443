"""Prepared files: what is slow to make and hangs on given content alone is made once, and kept in ``$HUSTINGS_HOME``.

A cached file bears the hash of what it was made from and of what it holds. Where either does not fit (another
version, a kill in the midst, a flipped bit) or the file cannot be read or written, it is made anew: slow, never wrong.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from datasets.home import hustings_home


def cached(name: str, key: str, make: Callable[[], Any]) -> Any:
    """Return a JSON value made from what ``key`` is the hash of: from its file, or made and kept for the next time."""
    path = hustings_home() / "cache" / f"{name}.json"
    kept = _read(path, key)
    if kept is not None:
        return kept
    made = make()
    _write(path, key, made)
    return made


def content_hash(files: Iterable[Path]) -> str:
    """Return the hash of the names and contents of files, in any order."""
    digest = hashlib.sha256()
    for file in sorted(files):
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _read(path: Path, key: str) -> Any:
    try:
        head, _, body = path.read_text(encoding="utf-8").partition("\n")
        return json.loads(body) if head == _head(key, body) else None
    except (OSError, ValueError):
        return None


def _head(key: str, body: str) -> str:
    return f"{key} {hashlib.sha256(body.encode()).hexdigest()}"


def _write(path: Path, key: str, value: Any) -> None:
    """Put a whole file in place at once: of several writers the last one stands, and a reader sees no half."""
    body = json.dumps(value)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as f:
            f.write(f"{_head(key, body)}\n{body}")
        os.replace(f.name, path)  # noqa: PTH105 - of a name, not of a Path
    except OSError:
        return  # a home that cannot be written costs time only
