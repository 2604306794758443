"""Currencies: the codes of ISO 4217 and the countries that pay in them."""

from functools import lru_cache
from pathlib import Path

from datasets.csv_rows import bundled_rows
from datasets.errors import unknown_name


def is_currency(code: str) -> bool:
    """Return whether a code is that of a currency in use.

    >>> is_currency("JPY"), is_currency("jpy"), is_currency("DEM")
    (True, False, False)
    """
    return code in _countries()


def check_currency(code: str) -> None:
    """Raise a UserError where a code is not that of a currency in use.

    It proposes a code of the same letters (GPB: GBP), else of the same country, the first two letters (JPN: JPY).
    """
    if not is_currency(code):
        typed, codes = code.upper(), list(_countries())
        near = [c for c in codes if sorted(c) == sorted(typed)] or [c for c in codes if c[:2] == typed[:2]]
        raise unknown_name("currency", code, near or codes, hint="use an ISO 4217 code such as USD")


def check_country(code: str) -> None:
    """Raise a UserError where a code is not that of a country (ISO 3166, or EU)."""
    if currency_of(code) is None:
        known = frozenset().union(*_countries().values())
        raise unknown_name("country", code, known, hint="use an ISO 3166 code such as JP, or EU")


def currency_of(country: str) -> str | None:
    """Return the currency of a country (ISO 3166, or EU), None where the country is not known.

    >>> currency_of("JP"), currency_of("EC"), currency_of("EU"), currency_of("XX")
    ('JPY', 'USD', 'EUR', None)
    """
    return next((code for code, countries in _countries().items() if country in countries), None)


@lru_cache(maxsize=1)
def _countries() -> dict[str, frozenset[str]]:
    """Return the countries of each currency: Unicode's CLDR gives the legal tender, ISO 4217 the codes."""
    rows = bundled_rows(Path(__file__).parent / "currencies.csv")
    return {row["code"]: frozenset(row["countries"].split()) for row in rows}
