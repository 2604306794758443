"""What a source of bars promises, and what a provider of prices has."""

import os
from abc import ABC, abstractmethod
from datetime import date
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

import numpy as np
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars
from datasets.prices.sources.http import Client, HttpClock, RetryPolicy
from datasets.prices.table import PriceTable


class BarSource(Protocol):
    """Gives the bars of an instrument, and says which it has."""

    def symbols(self) -> list[str]:
        """Return the symbols it has bars for."""
        ...

    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of an instrument.

        Raises:
            UserError: it has none, or they are bad.
        """
        ...


class Provider(ABC):
    """Gives the prices of an instrument over the network, from its own address or that of ``HUSTINGS_<NAME>_URL``.

    A provider is a subclass in a file of its own. ``name`` is what a user types, and the column of ``instruments.csv``
    with its symbols; ``title`` is its name in messages; ``interval_s`` is the time between two requests in seconds;
    ``licence`` is one sentence on what its answers may be used for, with the address of its terms.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    home: ClassVar[str]
    interval_s: ClassVar[float]
    licence: ClassVar[str]

    def __init__(self, policy: RetryPolicy, clock: HttpClock) -> None:
        self.address = _address(self.name, self.home)
        self.client = Client(self.title, interval_s=self.interval_s, policy=policy, clock=clock)

    @property
    def source(self) -> str:
        """Where its answers come from: its name, and the host where that is not its own."""
        return self.name if self.address == self.home else f"{self.name} via {urlsplit(self.address).hostname}"

    @abstractmethod
    def fetch(self, instrument: Instrument, *, first: date | None, last: date | None) -> PriceTable:
        """Return the daily prices of an instrument as found, from ``first`` to ``last`` inclusive; None is no bound.

        Raises:
            ProviderError: there is no answer that can be used.
        """


def without_blanks(table: PriceTable, what: str) -> PriceTable:
    """Return a table without the rows that hold no price at all, with a remark that counts them."""
    read = {u.line for u in table.unreadable}
    prices = np.stack([table.open, table.high, table.low, table.close])
    blank = np.isnan(prices).all(axis=0) & ~np.isin(table.line, list(read))
    if not blank.any():
        return table
    days = table.session[blank]
    remark = f"{len(days)} {what} left out, the last {days[-1]}"
    return replace(table.take(~blank), remarks=(*table.remarks, remark))


def _address(name: str, default: str) -> str:
    variable = f"HUSTINGS_{name.upper()}_URL"
    given = os.environ.get(variable, "").strip().rstrip("/")
    if not given:
        return default
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UserError(f"{variable} is '{given}'; it must be like {default}")
    return given
