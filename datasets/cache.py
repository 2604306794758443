"""What is slow to make and depends on given content alone is made once, and kept in ``$HUSTINGS_HOME/cache``.

A cached file holds the hash of what it was made from and that of its own content. Where either differs (another
version, a kill in the middle, a changed bit), or the file cannot be read or written, the content is made again.
"""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from datasets.files import replace_file
from datasets.home import hustings_home


def cached(name: str, key: str, make: Callable[[], bytes]) -> bytes:
    """Return content made from what ``key`` is the hash of: from the file ``name``, or made and kept there."""
    content = read_cached(name, key)
    if content is None:
        content = make()
        write_cached(name, key, content)
    return content


def read_cached(name: str, key: str) -> bytes | None:
    """Return the content of the file ``name``, or None where there is none made from what ``key`` is the hash of."""
    try:
        head, _, content = _path(name).read_bytes().partition(b"\n")
    except OSError:
        return None
    return content if head == _head(key, content) else None


def write_cached(name: str, key: str, content: bytes) -> None:
    """Keep content made from what ``key`` is the hash of in the file ``name``."""
    path = _path(name)
    with suppress(OSError):  # a home that cannot be written costs time only
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, _head(key, content) + b"\n" + content)


def content_hash(files: Iterable[Path]) -> str:
    """Return the hash of the names and contents of files, in any order."""
    digest = hashlib.sha256()
    for file in sorted(files):
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _path(name: str) -> Path:
    return hustings_home() / "cache" / name


def _head(key: str, content: bytes) -> bytes:
    return f"{key} {hashlib.sha256(content).hexdigest()}".encode()
