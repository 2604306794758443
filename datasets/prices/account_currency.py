"""Bars of any currency for an account of one: each bar is given the exchange rate last known at its open and close.

Rates come from the bars of currency pairs: of the pair itself, of its inverse, or of both currencies against the US
dollar; of several series of one pair the one named as the pair comes first (USDJPY, then USDJPY_FRED).
"""

from collections.abc import Callable, Iterator

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.arrays import Flags, Floats, Instants
from datasets.errors import UserError
from datasets.instants import NS_PER_DAY, iso_z, to_date, to_datetime
from datasets.markets.instruments import Instrument, InstrumentTable
from datasets.markets.short_rates import ShortRates
from datasets.prices.bars import Bars, RateSource

STALE_DAYS = 5
"""A rate older than so many days counts as missing."""
_MOST_SPANS = 3
_USD = "USD"
_BEFORE_USD = ("EUR", "GBP", "AUD", "NZD")
"""Currencies that are quoted in US dollars; the dollar is quoted in all others."""


class AccountCurrency(Struct, frozen=True):
    """What bars are given for an account: rates to a currency (``code`` blank: hedged, no rates), carry of pairs."""

    code: str = ""
    short_rates: ShortRates | None = None

    def attach(self, bars: Bars, pairs_of: Callable[[], "CurrencyPairs"]) -> Bars:
        """Return bars with the rates to the account's currency, and the carry of a pair where it is known.

        ``pairs_of`` is called where rates are needed.
        """
        bars = self._with_carry(bars)
        if not self.code or bars.rates is not None:
            return bars
        own = bars.instrument.currency
        if own == self.code:
            return replace(bars, rates=RateSource(own, self.code, "", ""))
        pairs = pairs_of()
        opened, closed = (
            pairs.rates(own, self.code, 2 * bars.open_at + 1),
            pairs.rates(own, self.code, 2 * bars.close_at),
        )
        fetch = pairs.to_fetch(own, self.code)
        source = RateSource(own, self.code, closed.text, fetch, closed.simulated, closed.series)
        return replace(bars, open_rate=opened.values, close_rate=closed.values, rates=source)

    def _with_carry(self, bars: Bars) -> Bars:
        base = bars.instrument.base_currency
        if not base or self.short_rates is None or bars.carry is not None:
            return bars
        return replace(bars, carry=self.short_rates.differential(base, bars.instrument.currency, bars.session))


class _Rates(Struct, frozen=True, eq=False):
    """Rates at some instants (NaN: missing), and the series they come from: in words, and by name."""

    values: Floats
    text: str
    series: str
    simulated: frozenset[str] = frozenset()


class CurrencyPairs(Struct, frozen=True, eq=False):
    """The currency pairs among instruments; ``load`` returns the bars of one, None where there are none."""

    instruments: InstrumentTable
    load: Callable[[Instrument], Bars | None]

    def rates(self, currency: str, to: str, at: Instants) -> _Rates:
        """Return the price of one unit of a currency in another, as last known at some places in time.

        A place is twice the instant (ns), and one more at an open: at one instant closes come before opens.
        """
        values, simulated = np.full(len(at), np.nan), frozenset[str]()
        texts, series = list[str](), list[str]()
        for way in self._ways(currency, to, at):
            used = np.isnan(values) & ~np.isnan(way.values)
            if not used.any():
                continue
            texts.append(f"{way.text}{_span(at, used) if texts else ''}")
            series.append(way.series)
            values, simulated = np.where(used, way.values, values), simulated | way.simulated
        return _Rates(values, ", then ".join(texts), ", then ".join(series), simulated)

    def _ways(self, currency: str, to: str, at: Instants) -> Iterator[_Rates]:
        for bars in self._series(currency, to):
            yield _Rates(last_known(bars, at), bars.symbol, bars.symbol, _simulated(bars))
        for bars in self._series(to, currency):
            name = f"1/{bars.symbol}"
            yield _Rates(1 / last_known(bars, at), name, name, _simulated(bars))
        if _USD not in (currency, to):
            first, second = self.rates(currency, _USD, at), self.rates(_USD, to, at)
            text, series = f"{first.text} x {second.text}", f"{first.series} x {second.series}"
            yield _Rates(first.values * second.values, text, series, first.simulated | second.simulated)

    def _series(self, base: str, quote: str) -> Iterator[Bars]:
        """Yield the bars of a pair: those of the series named as the pair first."""
        for instrument in sorted(
            self.instruments.rates(base, quote), key=lambda i: (i.symbol != base + quote, i.tradable)
        ):
            bars = self.load(instrument)
            if bars is not None:
                yield bars

    def to_fetch(self, currency: str, to: str) -> str:
        """Return the names of the pairs whose bars give a rate: the one that is known, or those against the dollar.

        Of the latter only those without bars, unless both have some that are too old.
        """
        if _USD in (currency, to):
            return _against_dollar(currency if to == _USD else to)
        missing = [c for c in (currency, to) if not [*self._series(c, _USD), *self._series(_USD, c)]]
        crossed = " and ".join(_against_dollar(c) for c in missing or (currency, to))
        known = ["".join(pair) for pair in ((currency, to), (to, currency)) if self.instruments.rates(*pair)]
        return ", or ".join([*known[:1], crossed])


def _simulated(pair: Bars) -> frozenset[str]:
    return frozenset([pair.symbol]) if pair.source.simulated else frozenset()


def _against_dollar(currency: str) -> str:
    return currency + _USD if currency in _BEFORE_USD else _USD + currency


def _span(at: Instants, used: Flags) -> str:
    """Return in words which bars have a rate; their spans where these are few."""
    rows = np.flatnonzero(used)
    spans = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    texts = [_of(at, span) for span in (spans if len(spans) <= _MOST_SPANS else [rows])]
    return f" for {', '.join(texts[:-1])}{' and ' if texts[:-1] else ''}{texts[-1]}"


def _of(at: Instants, rows: Instants) -> str:
    first, last = (to_date(np.datetime64(int(at[r]) >> 1, "ns").astype("datetime64[D]")) for r in rows[[0, -1]])
    return f"1 bar of {first}" if len(rows) == 1 else f"{len(rows)} bars of {first} to {last}"


def last_known(pair: Bars, place: Instants) -> Floats:
    """Return the price of a pair last known at some places in time: an open or a close; NaN where it is stale."""
    at = place >> 1
    closed = np.searchsorted(pair.close_at, at, side="right") - 1
    opened = np.searchsorted(2 * pair.open_at + 1, place, side="right") - 1
    at_open = (opened > closed) & pair.has_separate_open[np.maximum(opened, 0)]
    row = np.where(at_open, opened, closed)
    kept = np.maximum(row, 0)
    made_at = np.where(at_open, pair.open_at[kept], pair.close_at[kept])
    price = np.where(at_open, pair.open[kept], pair.close[kept])
    return np.where((row >= 0) & (at - made_at <= STALE_DAYS * NS_PER_DAY), price, np.nan)


def account_returns(levels: Floats, rates: Floats | None, *, financed: bool) -> Floats:
    """Return the returns between levels in account currency: of a financed pair only the P&L changes its rate."""
    moves = np.divide(levels[1:], levels[:-1], out=np.ones(len(levels) - 1), where=levels[:-1] != 0) - 1
    if rates is None:
        return moves
    change = rates[1:] / rates[:-1]
    return moves * change if financed else (1 + moves) * change - 1


def refuse_missing(bars: Bars, first: int, last: int, *, use: str = "is held") -> None:
    """Raise a UserError where a rate is missing from one tick (twice the row, one more for the open) to another.

    ``use`` says what the rate is needed for.
    """
    if bars.open_rate is None or bars.close_rate is None or bars.rates is None:
        return
    rows = range(first >> 1, (last >> 1) + 1)
    for row in rows:
        opens = bars.has_separate_open[row] and not (row == rows[0] and first & 1 == 0)
        closes = not (row == rows[-1] and last & 1)
        if opens and np.isnan(bars.open_rate[row]):
            raise _missing(bars, row, int(bars.open_at[row]), use)
        if closes and np.isnan(bars.close_rate[row]):
            raise _missing(bars, row, int(bars.close_at[row]), use)


def _missing(bars: Bars, row: int, at: int, use: str) -> UserError:
    source, rates = bars.rates, bars.close_rate
    assert source is not None
    assert rates is not None
    known, later = np.flatnonzero(~np.isnan(rates)), ""
    why = f"{source.series} is older than {STALE_DAYS} days then"
    if not len(known):
        why = "no bars of a pair give one"
    elif known[0] > row:
        after = bars.session[min(int(known[0]) + 1, len(bars) - 1)]  # a return needs the rate of the close before
        why, later = f"{source.series} begins later", f", begin with --from {to_date(after)}"
    return UserError(
        f"no rate of {source.currency} in {source.to} at {iso_z(to_datetime(at))}, while {bars.symbol} {use}: "
        f"{why}; fetch or import {source.fetch}{later}, or keep --fx hedged"
    )
