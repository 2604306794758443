"""The hours of single dates of an exchange, each with the row it comes from."""

from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from zoneinfo import ZoneInfo

import numpy as np

from datasets.errors import UserError
from datasets.instants import to_datetime
from datasets.markets.exchange_tables import CLOSED, HoursFact, find_exchange, regular_hours, special_hours
from datasets.markets.sessions import FIRST_DATE, LAST_DATE, hours_table

LIBRARY_HOURS = "half day or late open"
"""The kind of a session whose hours exchange_calendars changes."""


@dataclass(frozen=True)
class SessionHours:
    """One date of an exchange: the row that gives its hours, and whether they are certain.

    ``times`` are the open, the end of trading and the instant of the official close, aware and in the zone of the
    exchange; None where it is shut.
    """

    date: date
    fact: HoursFact
    is_certain: bool
    times: tuple[datetime, ...] | None


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
    zone, is_open, origin = ZoneInfo(find_exchange(mic).zone), bool(table.is_session[row]), int(table.origin[row])
    instants = (table.open_at[row], table.close_at[row], table.official_close_at[row])
    if origin >= 0 and is_open == (facts[origin].kind != CLOSED):
        fact = facts[origin]
    else:
        kind = CLOSED if not is_open else LIBRARY_HOURS if regular_hours(mic) else "regular"
        note = "weekend" if day.weekday() > 4 and not is_open else ""
        source = f"exchange_calendars {version('exchange_calendars')}"
        fact = HoursFact(mic, day, day, "", kind, None, None, None, source, "medium", note)
    times = tuple(to_datetime(int(at)).astimezone(zone) for at in instants) if is_open else None
    return SessionHours(day, fact, bool(table.is_certain[row]), times)
