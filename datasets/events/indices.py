"""Indices an event may name as the one its move refers to: instruments, and those that are none."""

from pathlib import Path

from datasets.csv_rows import bundled_rows
from datasets.markets.instruments import bundled_instruments


def exchange_of(index: str) -> str | None:
    """Return the exchange (ISO 10383) of an index, None if the index is not known.

    >>> exchange_of("TOPIX"), exchange_of("FT30"), exchange_of("TOPX")
    ('XTKS', 'XLON', None)
    """
    instruments = {i.symbol: i.mic for i in bundled_instruments()}
    return (_others() | instruments).get(index)


def index_names() -> list[str]:
    """Return every index an event may name."""
    return [*(i.symbol for i in bundled_instruments()), *_others()]


def _others() -> dict[str, str]:
    return {r["index"]: r["mic"] for r in bundled_rows(Path(__file__).parent / "indices.csv")}
