"""The runs in the registry by name, for completion: the file is looked at, never made."""

import sqlite3
from contextlib import closing

from datasets.home import hustings_home

_NEWEST = 200


def run_names() -> list[tuple[str, str]]:
    """Return (run id, rule and dates) of the newest runs, newest first; none where there is no registry to read."""
    path = hustings_home() / "runs.sqlite3"
    query = "SELECT run_id, strategy || ' ' || first_session || ' to ' || last_session FROM runs"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            return list(db.execute(f"{query} ORDER BY created_at DESC LIMIT {_NEWEST}"))
    except (OSError, sqlite3.Error):
        return []
