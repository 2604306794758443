"""Writes a measured table into docs/study.md as printed: between ``<!-- NAME -->`` and ``<!-- end of NAME -->``."""

import re
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "study.md"


def publish(name: str, table: str, *, made: str, page: Path = PAGE) -> None:
    """Print a table, and put it in its place in a page with how it was made, and the day.

    Raises:
        ValueError: the page has no such place.
    """
    text = f"{made}, on {datetime.now(UTC):%Y-%m-%d}.\n\n{table}"
    print(f"\n{text}", flush=True)
    place = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=\n<!-- end of {name} -->)", re.DOTALL)
    whole = page.read_text(encoding="utf-8")
    if not place.search(whole):
        raise ValueError(f"{page.name} has no place for the table {name}")
    page.write_text(place.sub(lambda _: text, whole), encoding="utf-8")
