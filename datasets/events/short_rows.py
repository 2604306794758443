"""What a short row of one's own need not say: id, time zone, and the instant by the kind where only a date is given."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from datasets.events.kinds import Kind, OwnKind, kind_of
from datasets.instants import iso_z
from datasets.markets.zones import main_zone, zone_of, zones

T = TypeVar("T")
_PURPOSE = {"general_election": "GE", "presidential_election": "PE", "legislative_election": "LE", "referendum": "REF"}


def complete_cells(cells: Mapping[str, str]) -> dict[str, str]:
    """Return the cells of a row with what follows from ``date`` and ``time``, which are local.

    Without a time the outcome counts as known at the last hour at which those of its kind become known: never early.

    Raises:
        ValueError: a date, a time or a country that cannot be.

    >>> complete_cells({"country": "JP", "kind": "dissolution", "title": "Snap", "date": "2026-01-23"})["known_at"]
    '2026-01-23T15:59:00Z'
    """
    row = {name: cell for name, cell in cells.items() if name not in ("date", "time")}
    country = row.get("country", "")
    if "timezone" not in row and country in zones():
        row["timezone"] = main_zone(country)
    elif "timezone" not in row and "date" in cells and "known_at" not in row and country != "EU":
        raise ValueError(f"country '{country}' has no time zone: give two letters such as GB, or a column timezone")
    if "date" not in cells and ("event_id" in row or "known_at" not in row):
        return row
    kind, zone = kind_of(row.get("kind", "")), zone_of(row.get("timezone", "UTC"))
    if "date" not in cells:
        at = _parsed(datetime.fromisoformat, row["known_at"], "known_at", "2026-02-08T11:00:00Z")
        row["event_id"] = _new_id(country, at.astimezone(zone).date(), kind)
        return row
    day = _parsed(date.fromisoformat, cells["date"], "date", "2026-02-08")
    if "known_at" not in row:
        row["known_at"] = iso_z(_instant(day, cells.get("time"), kind.hours[-1], zone))
        row.setdefault("known_at_basis", "announcement" if "time" in cells else "date only: the last hour of its kind")
    if kind.is_vote or row.get("vote") in ("yes", "true"):
        row.setdefault("voted_on", cells["date"])
    row.setdefault("event_id", _new_id(country, day, kind))
    return row


def _new_id(country: str, day: date, kind: Kind | OwnKind) -> str:
    return f"{country}-{day}-{_PURPOSE.get(kind.value, short_name(kind.value))}"


def short_name(text: str) -> str:
    """Return the last part of an id, of a kind or of a title.

    >>> short_name("tariff_announcement"), short_name("Steel: 25 % from March")
    ('TARIFF-ANNOUNCEMENT', 'STEEL-25-FROM-MARCH')
    """
    return "-".join(re.findall(r"[A-Z0-9]+", text.upper()))[:40].strip("-")


def _instant(day: date, clock: str | None, last_hour: int, zone: ZoneInfo) -> datetime:
    if clock is None:
        return datetime.combine(day + timedelta(days=last_hour // 24), time(last_hour % 24, 59), zone)
    return datetime.combine(day, _parsed(time.fromisoformat, clock, "time", "16:30"), zone)


def _parsed(parse: Callable[[str], T], text: str, name: str, example: str) -> T:
    try:
        return parse(text)
    except ValueError as e:
        raise ValueError(f"{name} is '{text}'; write it like {example}") from e
