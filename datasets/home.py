"""Where hustings keeps its own files: ``$HUSTINGS_HOME``, or the platform's data directory."""

import os
from pathlib import Path


def hustings_home() -> Path:
    """Return the directory of the run registry and of the caches; it need not exist yet."""
    named = os.environ.get("HUSTINGS_HOME")
    if named:
        return Path(named)
    from platformdirs import user_data_path  # noqa: PLC0415 - read only when no home is named

    return user_data_path("hustings", appauthor=False)
