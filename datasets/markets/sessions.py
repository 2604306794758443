"""Stamps a session with the instants at which it opens and closes. The one file naming exchange_calendars.

A table per exchange is prepared once (every date from 1920 to 2035: regular hours of that date, daylight time,
and where the calendar knows the session, its own hours) and kept under ``$HUSTINGS_HOME/cache``; later starts
only read it. What the library has wrong is put right by ``closures.csv`` and ``hours.csv``.
"""

import os
import tempfile
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

from datasets.csv_rows import bundled_rows
from datasets.errors import UserError
from datasets.home import hustings_home
from datasets.instants import Instants, Sessions, to_date, to_datetime, to_ns

FIRST_DATE = np.datetime64("1920-01-01", "D")
LAST_DATE = np.datetime64("2035-12-31", "D")
FX, FX_LONDON = "FX", "FX_LONDON"
"""The pseudo exchanges of currencies, Monday to Friday: 17:00 to 17:00 New York, and midnight to midnight London."""
_FORMAT = 3
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class HoursTable:
    """Opening hours of one exchange, one row a calendar date from FIRST_DATE to LAST_DATE.

    ``open_at`` and ``close_at`` are the hours a session of that date has or would have (int64 ns, UTC);
    ``is_session`` says whether the calendar holds it to be one; dates outside ``covers`` are unknown to it.
    """

    mic: str
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
    path = hustings_home() / "cache" / f"hours-{_FORMAT}-{_library_version()}-{mic.replace('/', '-')}.npy"
    cached = _read(path, mic)
    if cached is not None:
        return cached
    table = _ROUND_THE_CLOCK[mic]() if is_round_the_clock(mic) else _exchange_table(mic)
    _write(path, table)
    return table


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
def _library_version() -> str:
    return version("exchange_calendars")


def _read(path: Path, mic: str) -> HoursTable | None:
    try:
        rows = np.load(path, mmap_mode="r")  # only the dates that are asked for are read
        open_at, close_at, is_session = rows
        return _table(mic, open_at, close_at, is_session.astype(bool))
    except (OSError, ValueError, EOFError):
        return None  # absent, or damaged by a kill: it is only a cache, and is made again


def _table(mic: str, open_at: Instants, close_at: Instants, is_session: NDArray[np.bool_]) -> HoursTable:
    known = FIRST_DATE + np.flatnonzero(is_session)[[0, -1]]
    return HoursTable(mic, open_at, close_at, is_session, (to_date(known[0]), to_date(known[1])))


def _write(path: Path, table: HoursTable) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "wb") as f:
            np.save(f, np.stack([table.open_at, table.close_at, table.is_session.astype(np.int64)]))
        Path(name).replace(path)
    except OSError:
        return  # a home that cannot be written costs time at each start, nothing else


def _exchange_table(mic: str) -> HoursTable:
    with warnings.catch_warnings():  # the library calls what pandas 4 will change; it is not the user's to mend
        warnings.simplefilter("ignore", DeprecationWarning)
        calendar = _whole_calendar(mic)
    opens = _regular(_hours_of(calendar.open_times, mic, "open"), str(calendar.tz), calendar.open_offset)
    closes = _regular(_hours_of(calendar.close_times, mic, "close"), str(calendar.tz), calendar.close_offset)
    schedule = calendar.schedule
    row = (schedule.index.to_numpy().astype("datetime64[D]") - FIRST_DATE).astype(np.int64)
    known = _Hours(_ns(schedule["open"]), _ns(schedule["close"]), row)
    _overlay(known, opens, closes, corrected=_corrected_until(mic), early=_rows_of(calendar.early_closes))
    is_session = np.zeros(len(opens), dtype=bool)
    is_session[row] = True
    is_session[_closed_rows(mic)] = False
    return _table(mic, opens, closes, is_session)


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
    """Return the library's calendar of the years it reckons with by default."""
    import exchange_calendars as xc  # noqa: PLC0415 - half a second, paid only when no table is cached

    try:
        return xc.get_calendar(mic)
    except xc.errors.InvalidCalendarName as e:
        raise UserError(f"unknown exchange calendar '{mic}': use an ISO 10383 code such as XTKS, or {FX}") from e
    except NotImplementedError as e:  # Orthodox Easter, of ASEX, under the pandas of today
        raise UserError(f"the calendar of {mic} cannot be made by exchange_calendars with this pandas: {e}") from e


@dataclass(frozen=True)
class _Hours:
    opens: Instants
    closes: Instants
    row: NDArray[np.int64]


def _overlay(known: _Hours, opens: Instants, closes: Instants, *, corrected: int, early: NDArray[np.int64]) -> None:
    """Write the calendar's own hours into the fresh arrays, save where ``hours.csv`` corrects its regular ones."""
    keep = known.row >= corrected
    opens[known.row[keep]] = known.opens[keep]
    closes[known.row[keep]] = known.closes[keep]
    half = np.isin(known.row, early) & ~keep
    row = known.row[half]
    closes[row] = np.minimum(closes[row], known.closes[half])


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
    ours = [(np.datetime64(r["first_session"], "D"), time.fromisoformat(r[which])) for r in _rows("hours.csv", mic)]
    return ours or library


def _new_york_days() -> HoursTable:
    five = [(FIRST_DATE, time(17, 0))]
    return _weekdays(FX, _regular(five, "America/New_York", -1), _regular(five, "America/New_York", 0))


def _london_days() -> HoursTable:
    midnight = [(FIRST_DATE, time(0, 0))]
    return _weekdays(FX_LONDON, _regular(midnight, "Europe/London", 0), _regular(midnight, "Europe/London", 1))


def _weekdays(mic: str, opens: Instants, closes: Instants) -> HoursTable:
    return _table(mic, opens, closes, np.is_busday(np.arange(FIRST_DATE, LAST_DATE + 1)))


_ROUND_THE_CLOCK: dict[str, Callable[[], HoursTable]] = {FX: _new_york_days, FX_LONDON: _london_days}


def _rows(name: str, mic: str) -> list[dict[str, str]]:
    return [r for r in bundled_rows(_HERE / name) if r["mic"] == mic]


def _corrected_until(mic: str) -> int:
    """Return the table row before which ``hours.csv`` overrules the library (0: nowhere)."""
    rows = _rows("hours.csv", mic)
    return int((np.datetime64(rows[-1]["first_session"], "D") - FIRST_DATE).astype(np.int64)) if rows else 0


def _closed_rows(mic: str) -> NDArray[np.int64]:
    days = np.array([r["session"] for r in _rows("closures.csv", mic)], dtype="datetime64[D]")
    return (days - FIRST_DATE).astype(np.int64)


def _rows_of(index: Any) -> NDArray[np.int64]:
    row: NDArray[np.int64] = (index.to_numpy().astype("datetime64[D]") - FIRST_DATE).astype(np.int64)
    return row


def _ns(index: Any) -> Instants:
    """Return aware pandas instants (an index or a column) as nanoseconds."""
    import pandas as pd  # noqa: PLC0415

    naive = pd.DatetimeIndex(index).tz_convert(None).to_numpy()
    values: Instants = naive.astype("datetime64[ns]").astype(np.int64)
    return values.copy()
