"""The market as known at one instant, and nothing later."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import cached_property

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.events import PoliticalEvent
from datasets.events.odds_book import Quotes, quotes_before
from datasets.instants import iso_z, to_datetime, to_ns
from datasets.markets.home_market import is_home
from datasets.markets.instruments import Instrument, InstrumentTable
from datasets.prices.account_currency import AccountCurrency, CurrencyPairs
from datasets.prices.bars import Bars
from datasets.prices.sources.base import BarSource
from engine.strategy.gaps import gap_between, wait_too_long


class LookAheadError(UserError):
    """A strategy requested a price that did not exist yet at its decision."""


class TooFewBarsError(UserError):
    """A strategy requested more history than there is: the event is skipped, the others go on."""


class NoBarsError(UserError):
    """There are bars of an instrument, but none up to the last date."""


class Market(Struct, dict=True):
    """All bars of a run, loaded when first read; ``until`` cuts the history at a last session.

    ``account`` gives bars the rates to the account's currency and the carry of pairs.
    """

    source: BarSource
    instruments: InstrumentTable
    until: date | None = None
    account: AccountCurrency = field(default_factory=AccountCurrency)
    _loaded: dict[str, Bars] = field(default_factory=dict)
    _plain: dict[str, Bars] = field(default_factory=dict)
    _available: frozenset[str] | None = None

    def bars(self, name: str) -> Bars:
        """Return the bars of an instrument under any of its names.

        Raises:
            UserError: unknown instrument, no bars, bad bars, or none up to ``until``; or another one for each event.
        """
        if is_home(name):
            raise UserError(f"'{name}' is another market for each event: a rule that reads its prices must name one")
        instrument = self.instruments.find(name)
        if instrument.symbol not in self._loaded:
            self._loaded[instrument.symbol] = self._load(instrument)
        return self._loaded[instrument.symbol]

    def _load(self, instrument: Instrument) -> Bars:
        """Return the bars of an instrument up to the last session, with the rates to the account's currency."""
        cut = self._until(instrument)
        if not len(cut):
            span = self.source.load(instrument).span()
            raise NoBarsError(f"no bars of {instrument.symbol} up to {self.until}: it has {span}")
        return self.account.attach(cut, lambda: self._pairs)

    @cached_property
    def _pairs(self) -> CurrencyPairs:
        available = {s.casefold() for s in self.source.symbols()}

        def load(pair: Instrument) -> Bars | None:
            names = {n.casefold() for n in (pair.symbol, *pair.aliases)}
            return self._until(pair) if names & available and len(self._until(pair)) else None

        return CurrencyPairs(self.instruments, load)

    def in_currency(self, code: str) -> "Market":
        """Return the market of an account that holds unhedged positions and is kept in a currency; blank: hedged."""
        if code == self.account.code:
            return self
        return Market(self.source, self.instruments, self.until, replace(self.account, code=code))

    def _until(self, instrument: Instrument) -> Bars:
        """Return the bars of an instrument up to the last session, loaded once; there may be none."""
        if instrument.symbol not in self._plain:
            whole = self.source.load(instrument)
            end = None if self.until is None else np.datetime64(self.until, "D")
            self._plain[instrument.symbol] = whole if end is None else whole.sessions_until(end)
        return self._plain[instrument.symbol]

    def has_bars(self, name: str) -> bool:
        """Return whether the source has bars of an instrument under one of its names."""
        instrument = self.instruments.find(name)
        if self._available is None:
            self._available = frozenset(s.casefold() for s in self.source.symbols())
        return any(n.casefold() in self._available for n in (instrument.symbol, *instrument.aliases))

    def loaded_symbols(self) -> list[str]:
        """Return the symbols whose bars have been read, in that order."""
        return list(self._loaded)

    def symbol(self, name: str) -> str:
        """Return the symbol of an instrument under any of its names."""
        return self.instruments.find(name).symbol

    def loaded(self, symbols: Iterable[str]) -> list[Bars]:
        """Return the bars of several instruments in the order given."""
        return [self.bars(s) for s in symbols]


class BarClock(Struct, frozen=True):
    """The opening and closing instants of the bars, and no price."""

    _market: Market

    def close_after(self, instrument: str, at: datetime, *, nth: int = 1) -> datetime | None:
        """Return when the nth session of an instrument closes strictly after an instant, or None where none is near.

        Raises:
            LookAheadError: ``nth`` is less than 1.
        """
        if nth < 1:
            raise LookAheadError(f"close_after of {instrument} was called with nth={nth}; the first close after is 1")
        bars = self._market.bars(instrument)
        day = int(np.searchsorted(bars.close_at[bars.days.last], to_ns(at), side="right"))
        if day + nth > len(bars.days):
            return None
        first, last = int(bars.days.first[day]), int(bars.days.last[day + nth - 1])
        if wait_too_long(bars, first, to_ns(at), upto=last) or gap_between(bars, first, last):
            return None
        return to_datetime(int(bars.close_at[last]))


class MarketView(Struct, frozen=True):
    """What a strategy may see at its decision: bars closed at or before that instant."""

    _market: Market
    at: datetime

    def bars(self, instrument: str) -> Bars:
        """Return the bars of an instrument closed by now, oldest first."""
        return self._market.bars(instrument).until(to_ns(self.at))

    def odds(self, event: PoliticalEvent) -> Quotes:
        """Return the path of an event's odds, oldest first: its quotes strictly before now."""
        return quotes_before(event.quotes, self.at)

    def close(self, instrument: str, *, back: int = 0) -> float:
        """Return the last close, or that of the session ``back`` sessions before the one it belongs to.

        Raises:
            LookAheadError: ``back`` is negative.
            TooFewBarsError: there are not so many sessions.
        """
        if back < 0:
            raise LookAheadError(f"close of {instrument} {-back} sessions ahead was requested at {iso_z(self.at)}")
        bars = self.bars(instrument)
        closes = bars.close[bars.days.last] if bars.intraday else bars.close
        if back >= len(closes):
            what = f"{len(closes)} {'sessions' if bars.intraday else 'bars'} by {iso_z(self.at)}"
            raise TooFewBarsError(f"{instrument} has {what}; {back + 1} were requested")
        return float(closes[len(closes) - 1 - back])

    def move(self, instrument: str, *, sessions: int = 1) -> float:
        """Return the change of the close over the last ``sessions`` sessions, as a fraction."""
        return self.close(instrument) / self.close(instrument, back=sessions) - 1
