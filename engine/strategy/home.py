"""The names ``home`` and ``home-fx``: each event traded on its own market, or by the currency of its country."""

from dataclasses import replace

from datasets.errors import UserError
from datasets.events import PoliticalEvent
from datasets.markets.home_market import HOME, home_instrument, home_rate, is_home
from datasets.markets.instruments import Instrument
from engine.strategy.contract import Leg
from engine.strategy.market import Market, NoBarsError


class NoHomeMarketError(UserError):
    """An event has no home market, or no bars of it: the event is skipped, the others go on."""


def at_home(leg: Leg, event: PoliticalEvent, market: Market) -> Leg:
    """Return a leg of ``home`` or ``home-fx`` as one of the event's own instrument; another leg as it is.

    ``home`` is the event's main index, or the index or fund of its country. To buy ``home-fx`` is to buy the country's
    currency against the dollar: of USDJPY, which falls when the yen rises, that is a short position.

    Raises:
        NoHomeMarketError: there is no such instrument, or no bars of it.
    """
    if not is_home(leg.instrument):
        return leg
    instrument, sign = _home(leg.instrument, event, market)
    if not market.has_bars(instrument.symbol):
        raise NoHomeMarketError(f"no bars of {instrument.symbol}, its {leg.instrument}")
    try:
        market.bars(instrument.symbol)
    except NoBarsError as e:
        raise NoHomeMarketError(str(e)) from e
    return replace(leg, instrument=instrument.symbol, weight=sign * leg.weight)


def home_symbols(name: str, event: PoliticalEvent, market: Market) -> tuple[str, ...]:
    """Return the symbol of an event's instrument under ``home`` or ``home-fx``; none where it has none."""
    try:
        return (_home(name, event, market)[0].symbol,)
    except NoHomeMarketError:
        return ()


def _home(name: str, event: PoliticalEvent, market: Market) -> tuple[Instrument, int]:
    known, country = market.instruments, event.country
    if name.strip().casefold() == HOME:
        instrument = home_instrument(known, country, event.main_index)
        if instrument is None:
            raise NoHomeMarketError(f"no index and no fund of {country} is an instrument")
        return instrument, 1
    rate = home_rate(known, country)
    if rate is None:
        raise NoHomeMarketError(f"no rate of the currency of {country} against the dollar is an instrument")
    return rate
