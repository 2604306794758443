"""The home market of a country: its index or fund, and the rate of its currency against the dollar."""

from datasets.markets.currencies import currency_of
from datasets.markets.instruments import Instrument, InstrumentGroup, InstrumentTable

HOME, HOME_FX = "home", "home-fx"
"""Names that mean another instrument for each event."""
_DOLLAR = "USD"
_GROUPS = (InstrumentGroup.INDEX, InstrumentGroup.COUNTRY_ETF)


def is_home(name: str) -> bool:
    """Return whether a name means another instrument for each event.

    >>> is_home("home"), is_home("Home-FX"), is_home("TOPIX")
    (True, True, False)
    """
    return name.strip().casefold() in (HOME, HOME_FX)


def home_instrument(known: InstrumentTable, country: str, index: str | None = None) -> Instrument | None:
    """Return the index that is named where it is an instrument, else the first index of a country, or its first fund.

    >>> from datasets.markets.instruments import bundled_instruments
    >>> [home_instrument(bundled_instruments(), *of).symbol for of in (("JP",), ("JP", "N225"), ("GB", "FT30"))]
    ['TOPIX', 'N225', 'FTSE100']
    """
    named = (i for i in known if i.tradable and index in (i.symbol, *i.aliases))
    own = (i for group in _GROUPS for i in known if i.group is group and i.country == country and i.tradable)
    return next(named, None) or next(own, None)


def home_rate(known: InstrumentTable, country: str) -> tuple[Instrument, int] | None:
    """Return the rate of a country's currency against the dollar, and 1 where it rises with that currency, -1 else.

    None where the currency is the dollar, or no rate of it can be traded.

    >>> from datasets.markets.instruments import bundled_instruments
    >>> [(rate.symbol, sign) for rate, sign in map(lambda c: home_rate(bundled_instruments(), c), ("JP", "FR"))]
    [('USDJPY', -1), ('EURUSD', 1)]
    """
    currency = currency_of(country)
    if currency is None:
        return None
    pairs = ((currency, _DOLLAR, 1), (_DOLLAR, currency, -1))
    return next(
        ((rate, sign) for base, quote, sign in pairs for rate in known.rates(base, quote) if rate.tradable), None
    )
