"""Makes the table of hours of an exchange: exchange_calendars, corrected by our tables.

The regular hours of ``hours.csv`` hold on every date, else those of the library. The library says which dates are
sessions, and its late opens and half days. ``session_rules.csv`` and then ``special_sessions.csv`` overrule both.
"""

import warnings
from collections.abc import Sequence
from datetime import date, time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.arrays import Flags, Integers, Sessions
from datasets.errors import UserError
from datasets.markets.exchange_tables import (
    CLOSED,
    EXTRA,
    Exchange,
    HoursFact,
    find_exchange,
    regular_hours,
    special_hours,
)
from datasets.markets.session_days import WEEKLY, CalendarDates, instants, is_day

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
