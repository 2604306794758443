"""Makes the table of hours of an exchange: exchange_calendars, corrected by our tables and the days their rows name."""

import re
import warnings
from collections.abc import Callable, Sequence
from datetime import date, time
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from msgspec import Struct
from numpy.typing import NDArray
from pandas.tseries.offsets import Easter

from datasets.arrays import Flags, Instants, Integers, Sessions
from datasets.errors import UserError
from datasets.instants import weekday
from datasets.markets.exchange_tables import (
    CLOSED,
    EXTRA,
    Exchange,
    HoursFact,
    find_exchange,
    regular_hours,
    special_hours,
)

HOUR = 3_600_000_000_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKLY = (*WEEKDAYS, "mon_thu")
"""The names of days that say on which weekdays an exchange without a calendar of the library is open."""
_METHODS = {"easter": 3, "orthodox": 2}
"""As dateutil numbers the ways to compute Easter."""
_DATE_IN_YEAR = re.compile(r"\d\d-\d\d")
_FROM_FEAST = re.compile(r"(easter|orthodox|lunar)([+-]\d+)")


class CalendarDates(Struct, frozen=True, eq=False):
    """Every date of a table in the time zone of an exchange, and which of them are sessions."""

    date: Sessions
    zone: str
    is_session: Flags

    @property
    def year(self) -> Integers:
        """The year of each date."""
        return self.date.astype("datetime64[Y]").astype(np.int64) + 1970


def is_day(name: str, dates: CalendarDates) -> Flags:
    """Mark the dates that one of the blank-separated names means; a blank name means every date.

    A name is a season (``new_york_dst``), a weekday (``sat``), its n-th in the month (``sat1``), a day of the year
    (``12-24``), days from a feast (``easter-46``, ``orthodox+1``, ``lunar-1``), or a session by its place
    (``first_session``, ``last_session``, ``before_christmas``).
    """
    found: Flags = np.full(len(dates.date), not name)
    for each in name.split():
        found |= _marked(each, dates)
    return found


def instants(dates: Sessions, minutes: Integers, zone: str) -> Instants:
    """Return the UTC instants (ns) of wall-clock times, in minutes after the midnight of each date."""
    wall = pd.DatetimeIndex(dates.astype("datetime64[ns]") + minutes.astype("timedelta64[m]"))
    is_summer = np.zeros(len(wall), dtype=bool)  # of an hour that comes twice
    utc = wall.tz_localize(zone, ambiguous=is_summer, nonexistent="shift_forward").tz_convert(None)
    return utc.to_numpy().astype("datetime64[ns]").astype(np.int64)


def _marked(name: str, dates: CalendarDates) -> Flags:
    if name in _NAMED:
        return _NAMED[name](dates)
    months = dates.date.astype("datetime64[M]")
    day = (dates.date - months.astype("datetime64[D]")).astype(np.int64) + 1
    if _DATE_IN_YEAR.fullmatch(name):
        month = months.astype(np.int64) % 12 + 1
        return np.asarray(month * 100 + day == int(name.replace("-", "")))
    if from_feast := _FROM_FEAST.fullmatch(name):
        return np.isin(dates.date, _feasts(from_feast[1], dates) + int(from_feast[2]))
    on_weekday, n = weekday(dates.date) == WEEKDAYS.index(name[:3]), name[3:]
    return np.asarray(on_weekday & ((day - 1) // 7 == int(n) - 1) if n else on_weekday)


def _feasts(feast: str, dates: CalendarDates) -> Sessions:
    if feast == "lunar":
        from exchange_calendars.lunisolar_holidays import chinese_lunar_new_year_dates as known  # noqa: PLC0415

        return np.asarray(known.to_numpy().astype("datetime64[D]"))
    offset = Easter(method=_METHODS[feast])
    days = [pd.Timestamp(year, 1, 1) + offset for year in np.unique(dates.year).tolist()]
    return np.array(days, dtype="datetime64[D]")


def _offset(dates: CalendarDates, zone: str) -> Integers:
    """Return by how much (ns) a zone is ahead of UTC at its noon of each date."""
    noon = np.full(len(dates.date), 720)
    return dates.date.astype("datetime64[ns]").astype(np.int64) + 12 * HOUR - instants(dates.date, noon, zone)


def _new_york_offset(dates: CalendarDates, hours: int, *, ahead_of: str | None) -> Flags:
    """Mark the dates on which New York is so many hours ahead of a zone (None: the exchange's)."""
    ahead = _offset(dates, "America/New_York") - _offset(dates, ahead_of or dates.zone)
    return np.asarray(ahead == hours * HOUR)


def _last_session(dates: CalendarDates, upto: str) -> Flags:
    """Mark the last session of each year up to a day of it."""
    last = np.array([f"{year}-{upto}" for year in np.unique(dates.year).tolist()], dtype="datetime64[D]")
    sessions = np.flatnonzero(dates.is_session)
    place = np.searchsorted(dates.date[sessions], last, side="right") - 1
    return _at(sessions[place[place >= 0]], dates)


def _first_session(dates: CalendarDates) -> Flags:
    """Mark the first session of each year."""
    sessions = np.flatnonzero(dates.is_session)
    return _at(sessions[np.unique(dates.year[sessions], return_index=True)[1]], dates)


def _at(rows: Integers, dates: CalendarDates) -> Flags:
    marked: Flags = np.zeros(len(dates.date), dtype=bool)
    marked[rows] = True
    return marked


_NAMED: dict[str, Callable[[CalendarDates], Flags]] = {
    "mon_thu": lambda dates: np.asarray(weekday(dates.date) <= WEEKDAYS.index("thu")),
    "new_york_dst": partial(_new_york_offset, hours=-4, ahead_of="UTC"),
    "new_york_standard": partial(_new_york_offset, hours=-5, ahead_of="UTC"),
    "ny_ahead_1h": partial(_new_york_offset, hours=1, ahead_of=None),
    "ny_ahead_2h": partial(_new_york_offset, hours=2, ahead_of=None),
    "first_session": _first_session,
    "last_session": partial(_last_session, upto="12-31"),
    "before_christmas": partial(_last_session, upto="12-24"),
}


LIBRARY = -1
"""The origin of a date whose hours are the library's."""
_DAY = 1440
_SECOND = 1_000_000_000
_MINUTE = np.timedelta64(1, "m")


def table_rows(mic: str, dates: Sessions) -> NDArray[np.int32]:
    """Return opens, closes and official closes (seconds since 1970), flags and origins, one column a date.

    Flags: 1 a session, 2 certain. An origin is the place of a row among the regular and then the special hours.

    Raises:
        UserError: the exchange is not known, or exchange_calendars cannot make its calendar.
    """
    exchange = find_exchange(mic)
    table = _Table(exchange, dates)
    table.set_regular(regular_hours(mic))
    if exchange.library_from is not None:
        with warnings.catch_warnings():  # the library calls what pandas 4 will change; the user cannot correct it
            warnings.simplefilter("ignore", DeprecationWarning)
            table.set_library(_library_calendar(exchange))
    if exchange.days_of:
        table.set_days_of(exchange.days_of)
    table.set_special(special_hours(mic))
    return table.rows()


def _library_calendar(exchange: Exchange) -> Any:
    import exchange_calendars as xc  # noqa: PLC0415 - half a second, paid only when no table is cached

    try:
        return xc.get_calendar(exchange.mic, start=str(exchange.library_from), end=str(exchange.library_to))
    except (NotImplementedError, ValueError) as e:
        raise UserError(f"the calendar of {exchange.mic} cannot be made by exchange_calendars: {e}") from e


class _Table:
    """The hours of every date while they are made, in minutes after its midnight, and the row each comes from."""

    def __init__(self, exchange: Exchange, dates: Sessions) -> None:
        self.exchange = exchange
        self.dates = CalendarDates(dates, exchange.zone, is_session=np.is_busday(dates))
        self.open, self.close, self.auction = (np.zeros(len(dates), dtype=np.int64) for _ in range(3))
        self.origin = np.full(len(dates), LIBRARY)
        self.is_certain: Flags = np.ones(len(dates), dtype=bool)
        self.n_regular = 0

    def rows(self) -> NDArray[np.int32]:
        """Return the table as ``table_rows`` does."""
        certain = self.is_certain & self._within(self.exchange.certain_from, self.exchange.certain_to)
        minutes = (self.open, self.close, self.close + self.auction)
        times = (instants(self.dates.date, each, self.exchange.zone) // _SECOND for each in minutes)
        return np.stack([*times, self.dates.is_session + 2 * certain, self.origin]).astype(np.int32)

    def set_regular(self, facts: Sequence[HoursFact]) -> None:
        """Set the regular hours of our tables. Each overrules those before it; the first hold before their date too."""
        self.n_regular = len(facts)
        for n, fact in enumerate(facts):
            since = self._row(fact.first) if fact.first > facts[0].first else 0
            if fact.day in WEEKLY:
                begins = n == 0 or facts[n - 1].first < fact.first
                self.dates.is_session[since:] &= not begins
                self.dates.is_session[since:] |= is_day(fact.day, self.dates)[since:]
            here = is_day(fact.day, self.dates)
            here[:since] = False
            self._set(here, n, fact)

    def set_library(self, calendar: Any) -> None:
        """Take over the sessions of the library, its late opens and half days; its regular hours if we have none."""
        schedule = calendar.schedule
        known = self._within(self.exchange.library_from, self.exchange.certain_to)
        there = (schedule.index.to_numpy().astype("datetime64[D]") - self.dates.date[0]).astype(np.int64)
        is_session = np.zeros(len(known), dtype=bool)
        is_session[there] = True
        self.dates.is_session[known] = is_session[known]
        for own, hours, days, made in (
            (self.open, calendar.open_times, calendar.open_offset, schedule["open"]),
            (self.close, calendar.close_times, calendar.close_offset, schedule["close"]),
        ):
            regular = self._library_minutes(hours, days)
            own[:] = own if self.n_regular else regular
            wall = pd.DatetimeIndex(made).tz_convert(self.exchange.zone).tz_localize(None) - schedule.index
            minutes = (wall.to_numpy() // _MINUTE).astype(np.int64)
            special = known[there] & (minutes != regular[there])
            own[there[special]], self.origin[there[special]] = minutes[special], LIBRARY
            self.is_certain[there[special]] = True

    def set_days_of(self, mic: str) -> None:
        """Take over the sessions of another exchange; where it has special hours, ours are not certain."""
        *_, flags, origin = table_rows(mic, self.dates.date)
        self.dates.is_session[:] = flags % 2 == 1
        self.is_certain &= (origin >= 0) & (origin < len(regular_hours(mic)))

    def _library_minutes(self, hours: Sequence[tuple[Any, time]], days: int) -> Integers:
        minutes = np.zeros(len(self.dates.date), dtype=np.int64)
        for first, at in hours:
            minutes[0 if first is None else self._row(first.date()) :] = at.hour * 60 + at.minute + _DAY * days
        return minutes

    def set_special(self, facts: Sequence[HoursFact]) -> None:
        """Apply the rules and single sessions: first which dates are sessions, then what changes their hours."""
        for n, fact in sorted(enumerate(facts, self.n_regular), key=lambda each: each[1].kind not in (CLOSED, *EXTRA)):
            here = self._within(fact.first, fact.last) & is_day(fact.day, self.dates)
            if fact.kind in (CLOSED, *EXTRA):
                self.dates.is_session[here] = fact.kind != CLOSED
            else:
                here &= self.dates.is_session
            self._set(here, n, fact)

    def _set(self, here: Flags, origin: int, fact: HoursFact) -> None:
        self.origin[here], self.is_certain[here] = origin, fact.is_certain
        if fact.open is not None:
            self.open[here] = fact.open
        if fact.close is not None:
            self.close[here] = fact.close
        if fact.auction_end is not None or fact.kind == "regular":
            self.auction[here] = 0 if fact.auction_end is None else fact.auction_end - (fact.close or 0)

    def _within(self, first: date | None, last: date) -> Flags:
        return np.asarray(
            (self.dates.date >= np.datetime64(first, "D")) & (self.dates.date <= np.datetime64(last, "D"))
        )

    def _row(self, day: date) -> int:
        return int(np.clip((np.datetime64(day, "D") - self.dates.date[0]).astype(np.int64), 0, len(self.dates.date)))
