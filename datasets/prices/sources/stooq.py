"""Stooq, through its plain CSV address: daily open, high, low and close, and the volume where there is one.

Its errors come as text with status 200. Since 2026 it wants a key, which its site gives out after a captcha; it is read
from HUSTINGS_STOOQ_KEY and shown nowhere.
"""

import os
from datetime import date

from datasets.markets.instruments import Instrument
from datasets.prices.sources.base import Fetched
from datasets.prices.sources.delimited import ProviderLayout, table_of, text_of
from datasets.prices.sources.http import Answer, Client, ExhaustedError, ProviderError, get
from datasets.prices.table import PriceTable

ADDRESS = "https://stooq.com"
INTERVAL_S = 1.5
KEY = "HUSTINGS_STOOQ_KEY"
LICENCE = "Stooq grants no licence to pass its data on: for personal use; https://stooq.com"
_FULL = ("Date", "Open", "High", "Low", "Close", "Volume")
_OURS = ("date", "open", "high", "low", "close", "volume")
_LAYOUTS = ((_FULL, ProviderLayout("stooq", _OURS)), (_FULL[:5], ProviderLayout("stooq", _OURS[:5])))
_LIMIT = ("exceeded the daily hits limit", "przekroczony dzienny limit")
_NOTHING = ("no data", "brak danych")


class Stooq:
    """Series of Stooq by their symbol, such as ^nkx."""

    name = "stooq"
    licence = LICENCE

    def __init__(self, client: Client, *, address: str, source: str) -> None:
        self._client = client
        self._address = address
        self.source = source

    def fetch(self, instrument: Instrument, *, first: date | None, last: date | None) -> Fetched:
        """Return the bars of the symbol that stands for an instrument."""
        symbol = instrument.provider_symbols[self.name]
        span = {"d1": first and f"{first:%Y%m%d}", "d2": last and f"{last:%Y%m%d}", "apikey": os.environ.get(KEY)}
        parameters = {"s": symbol, "i": "d", **{k: v for k, v in span.items() if v}}

        def send() -> Answer:
            return get(f"{self._address}/q/d/l/", parameters, policy=self._client.policy, clock=self._client.clock)

        return Fetched(self._client.request(send, lambda answer: _read(answer, symbol), symbol))


def _read(answer: Answer, symbol: str) -> PriceTable:
    said = answer.body[:2_000].decode("utf-8", "replace").strip().casefold()
    if any(text in said for text in _LIMIT):
        raise ExhaustedError("answered that its daily limit of requests is reached; try again tomorrow")
    if "get_apikey" in said or "get your apikey" in said:
        raise ExhaustedError(f"wants a key: get one at stooq.com/q/d/?s=^spx&get_apikey and set {KEY} to it")
    if said in _NOTHING:
        raise ProviderError(f"has no data for {symbol} in that span; correct the symbol in instruments.csv, or --from")
    return table_of(text_of(answer), _LAYOUTS, f"stooq {symbol}")
