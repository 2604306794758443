"""Stooq, through its plain CSV address: daily open, high, low and close, and the volume where there is one.

Its errors come as text with status 200. Since 2026 it requires a key, which its site gives out after a captcha; it is
read from HUSTINGS_STOOQ_KEY and shown nowhere.
"""

import os
from datetime import date

from datasets.markets.instruments import Instrument
from datasets.prices.sources.base import Provider
from datasets.prices.sources.delimited import table_of, text_of
from datasets.prices.sources.http import Answer, ExhaustedError, ProviderError
from datasets.prices.table import PriceTable

KEY = "HUSTINGS_STOOQ_KEY"
_FULL = ("Date", "Open", "High", "Low", "Close", "Volume")
_OURS = ("date", "open", "high", "low", "close", "volume")
_LIMIT = ("exceeded the daily hits limit", "przekroczony dzienny limit")
_NOTHING = ("no data", "brak danych")


class Stooq(Provider):
    """Series of Stooq by their symbol, such as ^nkx."""

    name = "stooq"
    title = "Stooq"
    home = "https://stooq.com"
    interval_s = 1.5
    licence = "Stooq grants no licence to pass its data on: for personal use; https://stooq.com"

    def fetch(self, instrument: Instrument, *, first: date | None, last: date | None) -> PriceTable:
        """Return the bars of the symbol of an instrument."""
        symbol = instrument.provider_symbol(self.name)
        span = {"d1": first and f"{first:%Y%m%d}", "d2": last and f"{last:%Y%m%d}"}
        parameters = {"s": symbol, "i": "d", **span, "apikey": os.environ.get(KEY) or None}
        return self.client.get(f"{self.address}/q/d/l/", parameters, lambda answer: _read(answer, symbol), symbol)


def _read(answer: Answer, symbol: str) -> PriceTable:
    message = answer.body[:2_000].decode("utf-8", "replace").strip().casefold()
    if any(text in message for text in _LIMIT):
        raise ExhaustedError("answered that its daily limit of requests is reached; try again tomorrow")
    if "get_apikey" in message or "get your apikey" in message:
        raise ExhaustedError(f"wants a key: get one at stooq.com/q/d/?s=^spx&get_apikey and set {KEY} to it")
    if message in _NOTHING:
        raise ProviderError(f"has no data for {symbol} in that span; correct the symbol in instruments.csv, or --from")
    return table_of(_even(text_of(answer)), (_FULL, _FULL[:5]), _OURS, f"stooq {symbol}")


def _even(text: str) -> str:
    """Return an answer whose rows from before volumes were counted end in an empty one: Stooq leaves it out there.

    They are the first rows, and at least two: another row that is short is damage.
    """
    header, *rows = text.splitlines()
    full = len(_FULL) - 1
    short = next((n for n, row in enumerate(rows) if row.count(",") != full - 1), len(rows))
    if header.count(",") != full or short < 2:
        return text
    return "\n".join([header, *(f"{row}," for row in rows[:short]), *rows[short:]]) + "\n"
