"""The tables of exchanges and their hours, each fact with its source; times are wall-clock times of the exchange.

``exchanges.csv`` has zones and horizons, ``hours.csv`` the regular hours, ``session_rules.csv`` what departs from them
on many days, ``special_sessions.csv`` single dates.
"""

from datetime import date
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from datasets.csv_rows import bundled_rows
from datasets.errors import did_you_mean, unknown_name

HERE = Path(__file__).parent
TABLES = ("exchanges.csv", "hours.csv", "session_rules.csv", "special_sessions.csv")
CLOSED, EXTRA = "closed", ("extra_session", "evening_session")
"""The kinds that make a date no session, and a session. The other kinds change the hours of a session."""
_FOREVER = date(2099, 12, 31)


class Exchange(Struct, frozen=True):
    """An exchange: its time zone, and the first and the last date whose hours are certain.

    ``library_from`` and ``library_to`` bound the calendar asked of exchange_calendars; None where it cannot make one.
    ``days_of`` is another exchange whose sessions are its own, blank where there is none.
    """

    mic: str
    zone: str
    aliases: tuple[str, ...]
    library_from: date | None
    library_to: date | None
    certain_from: date
    certain_to: date
    days_of: str = ""


class HoursFact(Struct, frozen=True):
    """One row: the hours of an exchange on the dates from ``first`` to ``last`` on which ``day`` holds.

    Minutes after midnight of the session's date, None where the row leaves them as they are; ``auction_end`` is when
    the official close is made. ``kind`` is ``regular`` or that of a special session; ``day`` names a season, a
    weekday or a day of the year, and is blank where every date is meant.
    """

    mic: str
    first: date
    last: date
    day: str
    kind: str
    open: int | None
    close: int | None
    auction_end: int | None
    source: str
    confidence: str
    note: str

    @property
    def is_certain(self) -> bool:
        """Whether the row is more than a guess."""
        return self.confidence != "low"


def find_exchange(mic: str) -> Exchange:
    """Return the exchange of a market identifier code, or of another name of it such as ``NYSE``.

    Raises:
        UserError: it is not in ``exchanges.csv``.
    """
    known = _exchanges()
    found = known.get(mic)
    if found is None:
        codes = {exchange.mic for exchange in known.values()}
        near = codes if did_you_mean(mic, codes) else known  # ARCA is near to ARCX, another name of XNYS
        raise unknown_name("exchange calendar", mic, near, hint="take one of datasets/markets/exchanges.csv, or FX")
    return found


def regular_hours(mic: str) -> tuple[HoursFact, ...]:
    """Return the regular hours of an exchange, oldest first. Rows of one ``first`` are its seasons.

    Each holds until the next begins.
    """
    return _facts("hours.csv").get(find_exchange(mic).mic, ())


def special_hours(mic: str) -> tuple[HoursFact, ...]:
    """Return the rules, and after them the single sessions, that depart from the regular hours."""
    name = find_exchange(mic).mic
    return _facts("session_rules.csv").get(name, ()) + _facts("special_sessions.csv").get(name, ())


@lru_cache(maxsize=1)
def _exchanges() -> dict[str, Exchange]:
    """Return the exchanges by their codes and other names."""
    found: dict[str, Exchange] = {}
    for row in bundled_rows(HERE / "exchanges.csv"):
        aliases = tuple(row["aliases"].split())
        library = _date(row["library_from"]), _date(row["library_to"])
        certain = date.fromisoformat(row["certain_from"]), date.fromisoformat(row["certain_to"])
        exchange = Exchange(row["mic"], row["zone"], aliases, *library, *certain, row["days_of"])
        found.update(dict.fromkeys((exchange.mic, *aliases), exchange))
    return found


@lru_cache(maxsize=len(TABLES))
def _facts(table: str) -> dict[str, tuple[HoursFact, ...]]:
    """Return the rows of a table of hours by exchange, in the order of the file."""
    found: dict[str, list[HoursFact]] = {}
    for row in bundled_rows(HERE / table):
        found.setdefault(row["mic"], []).append(_fact(row))
    return {mic: tuple(facts) for mic, facts in found.items()}


def _fact(row: dict[str, str]) -> HoursFact:
    first = date.fromisoformat(row.get("session") or row["first_date"])
    return HoursFact(
        mic=row["mic"],
        first=first,
        last=first if "session" in row else _date(row.get("last_date", "")) or _FOREVER,
        day=row.get("day") or row.get("season", ""),
        kind=row.get("kind", "regular"),
        open=_minutes(row["open"]),
        close=_minutes(row["close"]),
        auction_end=_minutes(row["auction_end"]),
        source=row["source"],
        confidence=row["confidence"],
        note=row.get("reason") or row.get("note", ""),
    )


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _minutes(text: str) -> int | None:
    """Return the minutes after midnight of ``17:00``, or of ``17:00-1``, the day before.

    >>> _minutes("17:00"), _minutes("17:00-1")
    (1020, -420)
    """
    if not text:
        return None
    clock, _, days = text.partition("-")
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes) - 1440 * int(days or 0)
