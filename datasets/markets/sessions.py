"""The hours of an exchange on a date, the instants at which a session opens and closes, and their certainty."""

from datetime import date, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datasets.arrays import Flags, Instants, Integers, Sessions
from datasets.errors import UserError
from datasets.home import cached, content_hash
from datasets.instants import to_date, to_datetime, to_ns
from datasets.markets.exchange_tables import CLOSED, TABLES, HoursFact, find_exchange, regular_hours, special_hours

LIBRARY_HOURS = "half day or late open"
"""The kind of a session whose hours exchange_calendars changes."""


class SessionHours(Struct, frozen=True):
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


FIRST_DATE = np.datetime64("1920-01-01", "D")
LAST_DATE = np.datetime64("2035-12-31", "D")
FX, FX_LONDON = "FX", "FX_LONDON"
"""The pseudo exchanges of currencies, Monday to Friday: 17:00 to 17:00 New York, and midnight to midnight London."""
_HERE = Path(__file__).parent
_MADE_BY = ("exchange_tables.py", "hours_building.py", "sessions.py")
_LIBRARIES = ("exchange_calendars", "tzdata")


class HoursTable(Struct, frozen=True):
    """Opening hours of one exchange, one row a calendar date from FIRST_DATE to LAST_DATE.

    ``open_at`` and ``close_at`` are the hours a session of that date has or would have, ``official_close_at`` is when
    its closing price is made, which a closing auction makes later (int64 ns, UTC). ``is_session`` says whether the
    exchange is open; outside ``covers`` the calendar is unknown and every weekday is taken for a session.
    ``is_certain`` is False where the hours are a guess or beyond what is known. ``origin`` is the place of the row of
    our tables that gives the hours, -1 where exchange_calendars does.
    """

    open_at: Instants
    close_at: Instants
    official_close_at: Instants
    is_session: Flags
    is_certain: Flags
    origin: NDArray[np.int32]
    covers: tuple[date, date]


class FirstSessions(Struct, frozen=True):
    """The first session whose open, and the first whose official close, comes strictly after an instant.

    ``close_at`` is the end of trading of the latter, ``official_close_at`` the instant of its closing price.
    """

    open_session: date
    open_at: datetime
    close_session: date
    close_at: datetime
    official_close_at: datetime


def is_round_the_clock(mic: str) -> bool:
    """Return whether a market has no opening: one session begins where the last one ended."""
    return mic in (FX, FX_LONDON)


def stamp(mic: str, sessions: Sessions) -> tuple[Instants, Instants]:
    """Return the opening and closing instants (int64 ns, UTC) of the given sessions of an exchange.

    The sessions need not be in the calendar: a bar on a date the calendar holds to be closed gets the regular
    hours of that date.

    Raises:
        UserError: a session lies before 1920 or after 2035.
    """
    table, row = hours_table(mic), _rows(mic, sessions)
    return table.open_at[row], table.close_at[row]


def stamp_prices(mic: str, sessions: Sessions) -> tuple[Instants, Instants]:
    """Return when the opening and the official closing price of the given sessions are made, as ``stamp`` does.

    A closing auction makes the official close minutes after the end of trading.
    """
    table, row = hours_table(mic), _rows(mic, sessions)
    return table.open_at[row], table.official_close_at[row]


def session_of(mic: str, at: Instants) -> Sessions:
    """Return the session to which a price made at each instant (ns) belongs: the first to close at or after it.

    A price made after hours, or while the exchange is shut, so belongs to the session that follows; that of a currency
    runs from 17:00 to 17:00 New York. Where the calendar does not reach, every weekday is a session.

    Raises:
        UserError: an instant before 1920 or after 2035.
    """
    table = hours_table(mic)
    row = np.flatnonzero(table.is_session)
    found = np.searchsorted(table.official_close_at[row], at)
    if len(at) and (at.min() < table.open_at[0] or found.max() >= len(row)):
        raise UserError(f"prices of {mic} must have been made between {FIRST_DATE} and {LAST_DATE}")
    return FIRST_DATE + row[found]


def calendar_sessions(mic: str, first: date, last: date) -> Sessions:
    """Return the sessions of an exchange from ``first`` to ``last``, both included.

    Beyond its calendar every weekday is one.
    """
    sessions = FIRST_DATE + np.flatnonzero(hours_table(mic).is_session)
    return sessions[(sessions >= np.datetime64(first, "D")) & (sessions <= np.datetime64(last, "D"))]


def first_sessions_after(mic: str, at: datetime) -> FirstSessions | None:
    """Return the first sessions open and closed strictly after an instant, by the hours of the exchange alone.

    None before 1920 and after 2035. ``horizon_note`` says where the hours are not certain.
    """
    table = hours_table(mic)
    row = np.flatnonzero(table.is_session)
    opens, closes = table.open_at[row], table.official_close_at[row]
    by_open = int(np.searchsorted(opens, to_ns(at), side="right"))
    by_close = int(np.searchsorted(closes, to_ns(at), side="right"))
    if to_ns(at) < table.open_at[0] or max(by_open, by_close) >= len(row):
        return None
    return FirstSessions(
        open_session=to_date(FIRST_DATE + row[by_open]),
        open_at=to_datetime(int(opens[by_open])),
        close_session=to_date(FIRST_DATE + row[by_close]),
        close_at=to_datetime(int(table.close_at[row[by_close]])),
        official_close_at=to_datetime(int(closes[by_close])),
    )


def horizon_note(mic: str, first: date, last: date) -> str | None:
    """Return what is not certain of the hours from ``first`` to ``last``, None if nothing lies beyond the horizon.

    >>> horizon_note("XNYS", date(2027, 12, 30), date(2028, 1, 3))
    'hours of XNYS after 2027-12-31 are regular hours, special days unknown'
    """
    exchange, (begin, _) = find_exchange(mic), hours_table(mic).covers
    notes = []
    if first < begin:
        notes.append(f"before {begin} are regular hours, special days unknown")
    elif first < exchange.certain_from:
        notes.append(f"before {exchange.certain_from} are not certain")
    if last > exchange.certain_to:
        notes.append(f"after {exchange.certain_to} are regular hours, special days unknown")
    return f"hours of {mic} {', '.join(notes)}" if notes else None


@lru_cache(maxsize=64)
def hours_table(mic: str) -> HoursTable:
    """Return the table of an exchange, from the cache or made afresh.

    Raises:
        UserError: no exchange of that name is known.
    """
    exchange = find_exchange(mic)
    if exchange.mic != mic:
        return hours_table(exchange.mic)
    content = cached(f"hours-{mic.replace('/', '-')}", _sources_hash(), lambda: _rows_of_table(mic).tobytes())
    *seconds, flags, origin = np.frombuffer(content, dtype=np.int32).reshape(5, -1)
    open_at, close_at, official_close_at = (each * np.int64(1_000_000_000) for each in seconds)
    is_session, is_certain = flags % 2 == 1, flags >= 2
    first = min(exchange.library_from or exchange.certain_from, exchange.certain_from)
    covers = first, exchange.certain_to
    return HoursTable(open_at, close_at, official_close_at, is_session, is_certain, origin, covers)


def utc_offsets(mic: str) -> frozenset[float]:
    """Return by how many hours the clocks of an exchange are ahead of UTC, in winter and in summer.

    >>> sorted(utc_offsets("XLON"))
    [0.0, 1.0]
    """
    zone = ZoneInfo(find_exchange(mic).zone)
    ahead = (datetime(2026, month, 1, tzinfo=zone).utcoffset() for month in (1, 7))
    return frozenset(each.total_seconds() / 3600 for each in ahead if each is not None)


def _rows(mic: str, sessions: Sessions) -> Integers:
    if len(sessions) and (sessions.min() < FIRST_DATE or sessions.max() > LAST_DATE):
        bad = sessions[(sessions < FIRST_DATE) | (sessions > LAST_DATE)][0]
        raise UserError(f"session {bad} of {mic}: sessions must lie between {FIRST_DATE} and {LAST_DATE}")
    return (sessions - FIRST_DATE).astype(np.int64)


@lru_cache(maxsize=1)
def _sources_hash() -> str:
    """Return the hash of what a table of hours is made from: the versions of the libraries, our tables, our modules."""
    own = content_hash(_HERE / name for name in (*TABLES, *_MADE_BY))
    return "-".join([*(version(name) for name in _LIBRARIES), own])


def _rows_of_table(mic: str) -> NDArray[np.int32]:
    from datasets.markets import hours_building  # noqa: PLC0415 - pandas, needed only when no table is cached

    return hours_building.table_rows(mic, np.arange(FIRST_DATE, LAST_DATE + 1))
