"""Where hustings keeps its own files, and among them what is made once: slow to make, and of given content alone."""

import hashlib
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from datasets.errors import UserError
from datasets.files import replace_file


def hustings_home() -> Path:
    """Return the directory of the run registry and of the caches; it need not exist yet.

    Raises:
        UserError: the home begins with ``~`` of a user who is not known.
    """
    named = os.environ.get("HUSTINGS_HOME")
    try:
        if named:
            return Path(named).expanduser()  # a quoted ~ comes through the shell unchanged
    except RuntimeError as e:
        raise UserError(f"HUSTINGS_HOME is '{named}', and there is no such user; name a directory") from e
    from platformdirs import user_data_path  # noqa: PLC0415 - read only when no home is named

    return user_data_path("hustings", appauthor=False)


def is_named_home() -> bool:
    """Return whether the home is another than the platform's own: one that ``HUSTINGS_HOME`` names."""
    return bool(os.environ.get("HUSTINGS_HOME"))


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
