"""The hours of single dates of an exchange, with the row they come from, its confidence and its note."""

from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from zoneinfo import ZoneInfo

import numpy as np

from datasets.errors import UserError
from datasets.instants import to_datetime
from datasets.markets.exchange_tables import HoursFact, find_exchange, regular_hours, special_hours
from datasets.markets.sessions import FIRST_DATE, LAST_DATE, hours_table

REGULAR, CLOSED = "regular", "closed"


@dataclass(frozen=True)
class SessionHours:
    """One date of an exchange: its hours (aware, in the exchange's zone; None where it is shut) and their origin.

    ``kind`` is ``regular``, ``closed``, ``half day or late open`` as exchange_calendars has it, or that of our row.
    """

    date: date
    kind: str
    open_at: datetime | None
    close_at: datetime | None
    official_close_at: datetime | None
    source: str
    confidence: str
    is_certain: bool
    note: str

    @property
    def is_session(self) -> bool:
        """Whether the exchange is open on that date."""
        return self.open_at is not None


def session_hours(mic: str, first: date, last: date) -> list[SessionHours]:
    """Return the hours of every date from ``first`` to ``last``, both included.

    Raises:
        UserError: the exchange is not known, or a date lies before 1920 or after 2035.
    """
    days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    for outside in (d for d in (days[0], days[-1]) if not FIRST_DATE <= d <= LAST_DATE):
        raise UserError(f"{outside}: hours are known from {FIRST_DATE} to {LAST_DATE}")
    facts = (*regular_hours(mic), *special_hours(mic))
    return [_hours(mic, day, facts) for day in days.astype(object)]


def _hours(mic: str, day: date, facts: tuple[HoursFact, ...]) -> SessionHours:
    table, row = hours_table(mic), int((np.datetime64(day, "D") - FIRST_DATE).astype(np.int64))
    zone, is_open = ZoneInfo(find_exchange(mic).zone), bool(table.is_session[row])
    times = (table.open_at, table.close_at, table.official_close_at)
    open_at, close_at, official_close_at = (
        to_datetime(int(each[row])).astimezone(zone) if is_open else None for each in times
    )
    origin = int(table.origin[row])
    fact = facts[origin] if origin >= 0 and (is_open or facts[origin].kind == CLOSED) else None
    if fact is None:
        source, confidence = f"exchange_calendars {version('exchange_calendars')}", "medium"
        kind = _library_kind(mic, is_open=is_open)
        note = "weekend" if day.weekday() > 4 and not is_open else ""
    else:
        kind, source, confidence, note = fact.kind, fact.source, fact.confidence, fact.note
    return SessionHours(
        date=day,
        kind=kind,
        open_at=open_at,
        close_at=close_at,
        official_close_at=official_close_at,
        source=source,
        confidence=confidence,
        is_certain=bool(table.is_certain[row]),
        note=note,
    )


def _library_kind(mic: str, *, is_open: bool) -> str:
    if not is_open:
        return CLOSED
    return "half day or late open" if regular_hours(mic) else REGULAR
