"""The small tables that come with hustings as CSV files."""

import csv
from functools import lru_cache
from pathlib import Path

_HERE = Path(__file__).parent


@lru_cache(maxsize=16)
def table_rows(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of ``datasets/events/<name>.csv`` as they stand."""
    with (_HERE / f"{name}.csv").open(encoding="utf-8", newline="") as f:
        return tuple(csv.DictReader(f))
