"""Where hustings keeps its own files: ``$HUSTINGS_HOME``, or the platform's data directory."""

import os
from pathlib import Path

from datasets.errors import UserError


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
