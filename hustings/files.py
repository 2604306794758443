"""Writes text files for a user: folders are created, and an error says which option names another place."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datasets.errors import UserError
from datasets.files import remove_leftovers, replace_file


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


def json_text(value: Any) -> str:
    """Return a value as the text of a JSON file, the same for equal values."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
