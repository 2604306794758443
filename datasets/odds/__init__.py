"""Reads the price histories of prediction markets as quotes, one file a market place."""

from collections.abc import Callable
from pathlib import Path

from datasets.book import Quote
from datasets.odds.polymarket import polymarket_quotes
from datasets.odds.predictit import predictit_quotes

ODDS: dict[str, Callable[[Path, str | None], list[Quote]]] = {
    "predictit": predictit_quotes,
    "polymarket": polymarket_quotes,
}
"""Name of a market place -> its reader: (file, market or None) -> quotes, outcomes named as the file names them."""
