"""The providers of prices by name. One more is a line here, a file with its class and a column of instruments.csv."""

from collections.abc import Mapping

from datasets.errors import unknown_name
from datasets.markets.instruments import Instrument
from datasets.prices.sources.base import Provider
from datasets.prices.sources.fred import Fred
from datasets.prices.sources.http import HttpClock, RetryPolicy
from datasets.prices.sources.stooq import Stooq
from datasets.prices.sources.yahoo import Yahoo

PROVIDERS: Mapping[str, type[Provider]] = {"yahoo": Yahoo, "fred": Fred, "stooq": Stooq}


def provider_of(name: str, *, policy: RetryPolicy, clock: HttpClock) -> Provider:
    """Return a provider by name.

    Raises:
        UserError: no such provider, or the address in its environment variable is not one.
    """
    if name not in PROVIDERS:
        raise unknown_name("provider", name, PROVIDERS)
    return PROVIDERS[name](policy, clock)


def offered_by(instrument: Instrument) -> list[str]:
    """Return the providers that offer an instrument."""
    return [name for name in PROVIDERS if instrument.provider_symbol(name)]
