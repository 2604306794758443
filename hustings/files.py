"""Writes text files for a user: folders are created, and an error says which option names another place."""

import json
from pathlib import Path
from typing import Any

from datasets.errors import UserError


def write_text(path: Path, text: str, *, option: str = "--out") -> Path:
    """Write a text file with the line ends it has, and return its path.

    Raises:
        UserError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as e:
        raise UserError(f"cannot write '{path}': {e.strerror}; name another place with {option}") from e
    return path


def json_text(value: Any) -> str:
    """Return a value as the text of a JSON file, the same for equal values."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
