"""Reads the price histories of prediction markets as quotes, one file a market place."""

from collections.abc import Callable
from pathlib import Path

from datasets.events.odds.polymarket import polymarket_quotes
from datasets.events.odds.predictit import predictit_quotes
from datasets.events.odds_book import Quote

ODDS: dict[str, Callable[[Path, str | None], list[Quote]]] = {
    "predictit": predictit_quotes,
    "polymarket": polymarket_quotes,
}
"""Name of a market place -> its reader: (file, market or None) -> quotes, outcomes named as the file names them."""
