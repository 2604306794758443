"""Stamps a session with the instants at which it opens and closes. The one file naming exchange_calendars.

A table per exchange is made once (every date from 1920 to 2035: the regular hours of that date, daylight time, and
where the calendar knows the session, its own hours) and kept under ``$HUSTINGS_HOME/cache``; later starts only read
it. ``closures.csv`` and ``hours.csv`` correct what the library has wrong.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Instants, Sessions
from datasets.cache import cached, content_hash
from datasets.csv_rows import bundled_rows
from datasets.errors import UserError
from datasets.instants import to_date, to_datetime, to_ns

FIRST_DATE = np.datetime64("1920-01-01", "D")
LAST_DATE = np.datetime64("2035-12-31", "D")
FX, FX_LONDON = "FX", "FX_LONDON"
"""The pseudo exchanges of currencies, Monday to Friday: 17:00 to 17:00 New York, and midnight to midnight London."""
_HERE = Path(__file__).parent
_Hours = tuple[Instants, Instants, NDArray[np.bool_]]


@dataclass(frozen=True)
class HoursTable:
    """Opening hours of one exchange, one row a calendar date from FIRST_DATE to LAST_DATE.

    ``open_at`` and ``close_at`` are the hours a session of that date has or would have (int64 ns, UTC);
    ``is_session`` says whether the calendar holds it to be one; dates outside ``covers`` are unknown to it.
    """

    open_at: Instants
    close_at: Instants
    is_session: NDArray[np.bool_]
    covers: tuple[date, date]


@dataclass(frozen=True)
class FirstSessions:
    """The first session whose open, and the first whose close, comes strictly after an instant."""

    open_session: date
    open_at: datetime
    close_session: date
    close_at: datetime


def is_round_the_clock(mic: str) -> bool:
    """Return whether a market has no opening: one session begins where the last one ended."""
    return mic in _ROUND_THE_CLOCK


def stamp(mic: str, sessions: Sessions) -> tuple[Instants, Instants]:
    """Return the opening and closing instants (int64 ns, UTC) of the given sessions of an exchange.

    The sessions need not be in the calendar: a bar on a date the calendar holds to be closed gets the regular
    hours of that date.

    Raises:
        UserError: a session lies before 1920 or after 2035.
    """
    if len(sessions) and (sessions.min() < FIRST_DATE or sessions.max() > LAST_DATE):
        bad = sessions[(sessions < FIRST_DATE) | (sessions > LAST_DATE)][0]
        raise UserError(f"session {bad} of {mic}: sessions must lie between {FIRST_DATE} and {LAST_DATE}")
    table = hours_table(mic)
    row = (sessions - FIRST_DATE).astype(np.int64)
    return table.open_at[row], table.close_at[row]


def session_of(mic: str, at: Instants) -> Sessions:
    """Return the session to which a price made at each instant (ns) belongs: the first to close at or after it.

    A price made after hours, or while the exchange is shut, so belongs to the session that follows; that of a currency
    runs from 17:00 to 17:00 New York. Where the calendar does not reach, every weekday is a session.

    Raises:
        UserError: an instant before 1920 or after 2035.
    """
    table = hours_table(mic)
    days = np.arange(FIRST_DATE, LAST_DATE + 1)
    known = (days >= np.datetime64(table.covers[0], "D")) & (days <= np.datetime64(table.covers[1], "D"))
    row = np.flatnonzero(np.where(known, table.is_session, np.is_busday(days)))
    found = np.searchsorted(table.close_at[row], at)
    if len(at) and (at.min() < table.open_at[0] or found.max() >= len(row)):
        raise UserError(f"prices of {mic} must have been made between {FIRST_DATE} and {LAST_DATE}")
    return days[row[found]]


def calendar_sessions(mic: str, first: date, last: date) -> Sessions:
    """Return the sessions the calendar of an exchange holds from ``first`` to ``last``, both included."""
    row = np.flatnonzero(hours_table(mic).is_session)
    sessions = FIRST_DATE + row
    return sessions[(sessions >= np.datetime64(first, "D")) & (sessions <= np.datetime64(last, "D"))]


def first_sessions_after(mic: str, at: datetime) -> FirstSessions | None:
    """Return the first sessions open and closed strictly after an instant, from the calendar alone.

    None where the calendar does not reach that far back or ahead.
    """
    table = hours_table(mic)
    if not table.covers[0] <= at.date() < table.covers[1]:
        return None
    row = np.flatnonzero(table.is_session)
    opens, closes = table.open_at[row], table.close_at[row]
    by_open = int(np.searchsorted(opens, to_ns(at), side="right"))
    by_close = int(np.searchsorted(closes, to_ns(at), side="right"))
    if max(by_open, by_close) >= len(row):
        return None
    return FirstSessions(
        open_session=to_date(FIRST_DATE + row[by_open]),
        open_at=to_datetime(int(opens[by_open])),
        close_session=to_date(FIRST_DATE + row[by_close]),
        close_at=to_datetime(int(closes[by_close])),
    )


@lru_cache(maxsize=64)
def hours_table(mic: str) -> HoursTable:
    """Return the table of an exchange, from the cache or made afresh.

    Raises:
        UserError: no calendar of that name exists.
    """
    content = cached(f"hours-{mic.replace('/', '-')}", _sources_hash(), lambda: _rows_of_table(mic).tobytes())
    open_at, close_at, is_session = np.frombuffer(content, dtype=np.int64).reshape(3, -1)
    known = FIRST_DATE + np.flatnonzero(is_session)[[0, -1]]
    return HoursTable(open_at, close_at, is_session.astype(bool), (to_date(known[0]), to_date(known[1])))


@lru_cache(maxsize=64)
def utc_offsets(mic: str) -> frozenset[float]:
    """Return by how many hours the clocks of an exchange are ahead of UTC, in winter and in summer.

    >>> sorted(utc_offsets("XLON"))
    [0.0, 1.0]
    """
    zone = ZoneInfo("America/New_York" if mic == FX else str(_library_calendar(mic).tz))
    ahead = (datetime(2026, month, 1, tzinfo=zone).utcoffset() for month in (1, 7))
    return frozenset(each.total_seconds() / 3600 for each in ahead if each is not None)


@lru_cache(maxsize=1)
def _sources_hash() -> str:
    """Return the hash of what a table of hours is made from: the library's version, our corrections, this module."""
    own = content_hash([_HERE / "hours.csv", _HERE / "closures.csv", Path(__file__)])
    return f"{version('exchange_calendars')}-{own}"


def _rows_of_table(mic: str) -> Instants:
    """Return the three rows of a table: opens, closes, and 1 where the date is a session."""
    opens, closes, is_session = _ROUND_THE_CLOCK[mic]() if is_round_the_clock(mic) else _exchange_hours(mic)
    return np.stack([opens, closes, is_session.astype(np.int64)])


def _exchange_hours(mic: str) -> _Hours:
    with warnings.catch_warnings():  # the library calls what pandas 4 will change; the user cannot correct it
        warnings.simplefilter("ignore", DeprecationWarning)
        calendar = _whole_calendar(mic)
    opens = _regular(_hours_of(calendar.open_times, mic, "open"), str(calendar.tz), calendar.open_offset)
    closes = _regular(_hours_of(calendar.close_times, mic, "close"), str(calendar.tz), calendar.close_offset)
    known_opens, known_closes = _ns(calendar.schedule["open"]), _ns(calendar.schedule["close"])
    row = _rows_of(calendar.schedule.index)
    is_session = np.zeros(len(opens), dtype=bool)
    is_session[row] = True
    is_session[_rows_of([r["session"] for r in _corrections("closures.csv", mic)])] = False
    trusted = row >= _corrected_until(mic)  # before it hours.csv holds the regular hours, and the library half days
    opens[row[trusted]] = known_opens[trusted]
    half = trusted | np.isin(row, _rows_of(calendar.early_closes))
    closes[row[half]] = known_closes[half]
    return opens, closes, is_session


def _whole_calendar(mic: str) -> Any:
    """Return the library's calendar from as early as it reaches."""
    import exchange_calendars as xc  # noqa: PLC0415 - half a second, paid only when no table is cached

    calendar = _library_calendar(mic)
    try:
        bound = type(calendar).bound_min()
    except NotImplementedError:
        return calendar  # ASEX of 4.13 states no bound and refuses an earlier start: its twenty years must do
    return xc.get_calendar(mic, start=bound if bound is not None else str(FIRST_DATE))


def _library_calendar(mic: str) -> Any:
    """Return the library's calendar of the years it computes by default."""
    import exchange_calendars as xc  # noqa: PLC0415 - half a second, paid only when no table is cached

    try:
        return xc.get_calendar(mic)
    except xc.errors.InvalidCalendarName as e:
        raise UserError(f"unknown exchange calendar '{mic}': use an ISO 10383 code such as XTKS, or {FX}") from e
    except NotImplementedError as e:  # Orthodox Easter, of ASEX, under the pandas of today
        raise UserError(f"the calendar of {mic} cannot be made by exchange_calendars with this pandas: {e}") from e


def _regular(hours: Sequence[tuple[Any, time]], tz: str, offset: int) -> Instants:
    """Return the UTC instant of a wall-clock time on every date of the table."""
    import pandas as pd  # noqa: PLC0415

    days = np.arange(FIRST_DATE, LAST_DATE + 1)
    wall = np.zeros(len(days), dtype="timedelta64[m]")
    for first, at in hours:
        wall[days >= first] = np.timedelta64(at.hour * 60 + at.minute, "m")
    local = pd.DatetimeIndex((days + np.timedelta64(offset, "D")).astype("datetime64[ns]") + wall)
    fixed = local.tz_localize(tz, ambiguous=np.zeros(len(days), dtype=bool), nonexistent="shift_forward")
    return _ns(fixed)


def _hours_of(times: Any, mic: str, which: str) -> Sequence[tuple[Any, time]]:
    library = [(FIRST_DATE if d is None else np.datetime64(d.date(), "D"), t) for d, t in times]
    rows = _corrections("hours.csv", mic)
    return [(np.datetime64(r["first_session"], "D"), time.fromisoformat(r[which])) for r in rows] or library


def _new_york_days() -> _Hours:
    five = [(FIRST_DATE, time(17, 0))]
    return _regular(five, "America/New_York", -1), _regular(five, "America/New_York", 0), _weekdays()


def _london_days() -> _Hours:
    midnight = [(FIRST_DATE, time(0, 0))]
    return _regular(midnight, "Europe/London", 0), _regular(midnight, "Europe/London", 1), _weekdays()


def _weekdays() -> NDArray[np.bool_]:
    return np.is_busday(np.arange(FIRST_DATE, LAST_DATE + 1))


_ROUND_THE_CLOCK: dict[str, Callable[[], _Hours]] = {FX: _new_york_days, FX_LONDON: _london_days}


def _corrections(table: str, mic: str) -> list[dict[str, str]]:
    return [r for r in bundled_rows(_HERE / table) if r["mic"] == mic]


def _corrected_until(mic: str) -> int:
    """Return the row before which ``hours.csv`` overrules the library (0: nowhere)."""
    rows = _corrections("hours.csv", mic)
    return int(_rows_of([rows[-1]["first_session"]])[0]) if rows else 0


def _rows_of(dates: Any) -> NDArray[np.int64]:
    """Return the rows of dates (an index of pandas, or texts)."""
    row: NDArray[np.int64] = (np.asarray(dates, dtype="datetime64[D]") - FIRST_DATE).astype(np.int64)
    return row


def _ns(index: Any) -> Instants:
    """Return aware pandas instants (an index or a column) as nanoseconds."""
    import pandas as pd  # noqa: PLC0415

    naive = pd.DatetimeIndex(index).tz_convert(None).to_numpy()
    values: Instants = naive.astype("datetime64[ns]").astype(np.int64)
    return values.copy()
