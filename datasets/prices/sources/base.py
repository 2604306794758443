"""What a source of bars promises, and what a provider of prices does."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

import numpy as np

from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars
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


@dataclass(frozen=True)
class Payout:
    """A dividend (currency of the prices, per share) or a split (new shares for one old) at the open of a session."""

    session: date
    kind: str
    value: float


@dataclass(frozen=True, eq=False)
class Fetched:
    """What a provider answered: prices as found, and dividends and splits where it tells them."""

    table: PriceTable
    payouts: tuple[Payout, ...] = ()


class Provider(Protocol):
    """Gives the prices of an instrument over the network."""

    @property
    def name(self) -> str:
        """``yahoo``: how a user names it, and the column of ``instruments.csv`` with its symbols."""
        ...

    @property
    def source(self) -> str:
        """Whence its answers come: its name, and the host where that is another than its own."""
        ...

    @property
    def licence(self) -> str:
        """One sentence on what its answers may be used for, with the address of its terms."""
        ...

    def fetch(self, instrument: Instrument, *, first: date | None, last: date | None) -> Fetched:
        """Return the daily prices of an instrument from ``first`` to ``last``, both included; None is no bound.

        Raises:
            ProviderError: there is no answer that can be used.
        """
        ...


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
