"""The providers of prices by name. One more is one line here, one file beside it, one column of ``instruments.csv``."""

import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from datasets.errors import UserError, unknown_name
from datasets.markets.instruments import Instrument
from datasets.prices.sources import fred, stooq, yahoo
from datasets.prices.sources.base import Provider
from datasets.prices.sources.http import Client, HttpClock, RetryPolicy


class _Kind(NamedTuple):
    title: str
    make: type[fred.Fred] | type[stooq.Stooq] | type[yahoo.Yahoo]
    address: str
    interval_s: float


_KINDS: Mapping[str, _Kind] = {
    "yahoo": _Kind("Yahoo", yahoo.Yahoo, yahoo.ADDRESS, yahoo.INTERVAL_S),
    "fred": _Kind("FRED", fred.Fred, fred.ADDRESS, fred.INTERVAL_S),
    "stooq": _Kind("Stooq", stooq.Stooq, stooq.ADDRESS, stooq.INTERVAL_S),
}
PROVIDERS = tuple(_KINDS)


def provider_of(name: str, *, policy: RetryPolicy, clock: HttpClock) -> Provider:
    """Return a provider by name, at its own address or at that of ``HUSTINGS_<NAME>_URL``.

    Raises:
        UserError: no such provider, or an address that is none.
    """
    kind = _KINDS.get(name)
    if kind is None:
        raise unknown_name("provider", name, PROVIDERS)
    address = _address(name, kind.address)
    source = name if address == kind.address else f"{name} via {urlsplit(address).hostname}"
    client = Client(kind.title, interval_s=kind.interval_s, policy=policy, clock=clock)
    return kind.make(client, address=address, source=source)


def symbol_of(instrument: Instrument, provider: str) -> str:
    """Return the provider's own symbol of an instrument, blank where it does not offer it."""
    return instrument.provider_symbols.get(provider, "")


def offered_by(instrument: Instrument) -> list[str]:
    """Return the providers that offer an instrument."""
    return [name for name in PROVIDERS if symbol_of(instrument, name)]


def _address(name: str, default: str) -> str:
    variable = f"HUSTINGS_{name.upper()}_URL"
    given = os.environ.get(variable, "").strip().rstrip("/")
    if not given:
        return default
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UserError(f"{variable} is '{given}'; it must be like {default}")
    return given
