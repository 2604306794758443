"""Reads the tables that come with hustings, when it is imported: what is forked afterwards has them already."""

from datasets.events import bundled_events
from datasets.markets.instruments import bundled_instruments

bundled_events()
bundled_instruments()
