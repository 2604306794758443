"""The days that a row of hours names: seasons, weekdays, feasts, and sessions by their place in the year."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from pandas.tseries.offsets import Easter

from datasets.arrays import Flags, Instants, Integers, Sessions
from datasets.instants import weekday

HOUR = 3_600_000_000_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKLY = (*WEEKDAYS, "mon_thu")
"""The names of days that say on which weekdays an exchange without a calendar of the library is open."""
_METHODS = {"easter": 3, "orthodox": 2}
"""As dateutil numbers the ways to compute Easter."""
_DATE_IN_YEAR = re.compile(r"\d\d-\d\d")
_FROM_FEAST = re.compile(r"(easter|orthodox|lunar)([+-]\d+)")


@dataclass(frozen=True, eq=False)
class CalendarDates:
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
