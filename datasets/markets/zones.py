"""The time zones of a country, by the table that comes with the time zone database (IANA's zone.tab)."""

from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MAIN = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "ID": "Asia/Jakarta",
    "MX": "America/Mexico_City",
    "US": "America/New_York",
}
"""The zone of the largest exchange, where it is not the one the table names first."""


@lru_cache(maxsize=1)
def zones() -> dict[str, tuple[str, ...]]:
    """Return the zones of each country of ISO 3166."""
    lines = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8").splitlines()
    found: dict[str, tuple[str, ...]] = {}
    for country, _, name, *_ in (line.split("\t") for line in lines if line and not line.startswith("#")):
        found[country] = (*found.get(country, ()), name)
    return found


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of a name.

    Raises:
        ValueError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as e:  # a folder of zones is an OSError
        raise ValueError(f"timezone '{name}' is not an IANA zone such as Asia/Tokyo") from e


def main_zone(country: str) -> str:
    """Return the zone in which a country's votes are dated.

    >>> main_zone("AU"), main_zone("DE")
    ('Australia/Sydney', 'Europe/Berlin')
    """
    return _MAIN.get(country) or zones()[country][0]
