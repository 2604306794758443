"""Writes files and whole folders for a user: an error says which option names another place."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from datasets.errors import UserError
from datasets.files import locked, remove_leftovers, replace_file, replaced_folder


@contextmanager
def writing(path: Path, option: str = "--out") -> Iterator[None]:
    """Turn an error of writing to a path into a UserError that says which option names another place."""
    try:
        yield
    except OSError as e:
        raise unwritable(path, e, option) from e


def unwritable(path: Path, e: OSError, option: str = "--out") -> UserError:
    """Return the error of a path that cannot be written."""
    return UserError(f"cannot write '{path}': {e.strerror}; name another place with {option}")


def check_writable(folder: Path) -> None:
    """Raise a UserError, before the work, if a folder cannot be created or written."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()


def write_text(path: Path, text: str, *, option: str = "--out") -> Path:
    """Write a text file with the line ends it has, and return its path.

    Raises:
        UserError: it cannot be written.
    """
    with writing(path, option):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        replace_file(path, text.encode())
    return path


def write_folder(folder: Path, texts: Mapping[str, str], *, option: str = "--out") -> None:
    """Write files, by name, into a folder in one step; other files in it stay.

    Raises:
        UserError: as ``locked_folder``.
    """
    with writing(folder, option), locked_folder(folder, option), replaced_folder(folder, kept=lambda _: True) as new:
        for name, text in texts.items():
            (new / name).write_bytes(text.encode())


@contextmanager
def locked_folder(folder: Path, option: str = "--out", *, wait_s: float = 0.0) -> Iterator[None]:
    """Lock a folder, which may be replaced as a whole, for this process until the end of a ``with``.

    Raises:
        UserError: another process writes there, or it cannot be replaced.
    """
    place = Path(os.path.realpath(folder))
    with writing(folder, option):
        folder.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=place.parent).close()
        if folder.exists():
            list(folder.iterdir())  # an error where it is no folder
    if os.path.ismount(folder) or Path.cwd().is_relative_to(place):
        raise UserError(f"'{folder}' cannot be replaced as a whole: name a folder in it with {option}")
    with locked(place.with_name(f".{place.name}.lock"), folder, wait_s=wait_s):
        yield


def json_text(value: Any) -> str:
    """Return a value as the text of a JSON file, the same for equal values."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False, default=asdict) + "\n"
