"""The period of bars, found from their dates, and the sessions that a calendar has and a series has not."""

from enum import StrEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datasets.arrays import Flags, Instants, Integers, Sessions
from datasets.instants import to_date
from datasets.markets.sessions import FIRST_DATE, calendar_sessions, hours_table

MADE_AT_THE_END = "each is known, and traded, at the close of its period's last session; hold and delay count rows"
_ENOUGH_ROWS = 4
_DAILY_STEP = 4
_LONGEST = 9, 31, 92
"""The most days from row to row of weekly, monthly and quarterly bars."""
_SUNDAY_TO_THURSDAY = 4
"""1970-01-01, day 0 of the dates, is a Thursday."""
_A_YEAR = 366


class Period(StrEnum):
    """What one bar spans."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"


def period_of(session: Sessions) -> Period:
    """Return the period of rows by the days between them; fewer than four rows are daily.

    Args:
        session: ascending dates, datetime64[D].
    """
    return known_period(session) or Period.DAILY


def known_period(session: Sessions) -> Period | None:
    """Return the period of rows, as ``period_of``; None for fewer than four rows."""
    if len(session) < _ENOUGH_ROWS:
        return None
    step = np.diff(session).astype(np.int64)
    if np.median(step) <= _DAILY_STEP or step.min() < _DAILY_STEP:
        return Period.DAILY
    longer = np.searchsorted(_LONGEST, np.median(step))
    return (Period.WEEKLY, Period.MONTHLY, Period.QUARTERLY, Period.YEARLY)[longer]


def last_sessions(mic: str, session: Sessions, period: Period) -> Sessions:
    """Return the last session of the period of each row; the date itself where the calendar has no session in it.

    A row dated on a Sunday belongs to the week that begins then: the later of its two meanings.
    """
    if period is Period.DAILY:
        return session
    number = _number(session, period)
    ends = _first_day(number + 1, period) - 1
    known = calendar_sessions(mic, to_date(session[0] - _A_YEAR), to_date(ends[-1]))
    last = known[known.searchsorted(ends, side="right") - 1]
    return np.where(_number(last, period) == number, last, session)


def is_last_session(sessions: Sessions, period: Period) -> Flags:
    """Mark those of consecutive sessions that are the last of their period; whether the very last is, is not known."""
    number = _number(sessions, period)
    return np.append(number[1:] != number[:-1], np.zeros(min(len(number), 1), dtype=bool))


def _number(session: Sessions, period: Period) -> Integers:
    """Return the number of the period of each date, counted from 1970 on; weeks run from Sunday to Saturday."""
    days: Integers = session.astype(np.int64)
    match period:
        case Period.DAILY:
            return days
        case Period.WEEKLY:
            return (days + _SUNDAY_TO_THURSDAY) // 7
    months: Integers = session.astype("datetime64[M]").astype(np.int64)
    return months // {Period.MONTHLY: 1, Period.QUARTERLY: 3, Period.YEARLY: 12}[period]


def _first_day(number: Integers, period: Period) -> Sessions:
    """Return the first day of periods by their number."""
    if period is Period.WEEKLY:
        return (number * 7 - _SUNDAY_TO_THURSDAY).astype("datetime64[D]")
    months = number * {Period.MONTHLY: 1, Period.QUARTERLY: 3, Period.YEARLY: 12}[period]
    return months.astype("datetime64[M]").astype("datetime64[D]")


DAYS_BEFORE = 45
"""So many days before the first bar are looked at too: an event shortly before it meets a gap as any other."""


class MissingSessions(Struct, frozen=True, eq=False):
    """The missing sessions, ascending, with their hours (int64 ns, UTC); ``bar`` is the row of the bar after each."""

    session: Sessions
    open_at: Instants
    close_at: Instants
    bar: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.session)

    def take(self, first: int, last: int) -> "MissingSessions":
        """Return those that lie just before one of the bars from ``first`` to ``last``, both included."""
        return self.where(slice(int(self.bar.searchsorted(first)), int(self.bar.searchsorted(last, side="right"))))

    def where(self, rows: NDArray[np.bool_] | slice) -> "MissingSessions":
        """Return those of a mask or a slice."""
        if not len(self):
            return self
        return MissingSessions(self.session[rows], self.open_at[rows], self.close_at[rows], self.bar[rows])


def find_missing_sessions(mic: str, session: Sessions, period: Period = Period.DAILY) -> MissingSessions:
    """Return the sessions of an exchange's calendar that lie before the last of these sessions and are not among them.

    Of bars of a longer period only the last session of a period can be missing. Dates that the calendar does not cover
    are never missing. ``session`` ascends; a date may appear more than once.
    """
    table = hours_table(mic)
    first = max(session[0] - DAYS_BEFORE, np.datetime64(table.covers[0], "D"), FIRST_DATE)
    last = min(session[-1], np.datetime64(table.covers[1], "D"))
    span = slice(int((first - FIRST_DATE).astype(np.int64)), int((last - FIRST_DATE).astype(np.int64)) + 1)
    rows = span.start + np.flatnonzero(table.is_session[span]) if span.stop > span.start else np.zeros(0, np.int64)
    rows = rows[is_last_session(FIRST_DATE + rows, period)]
    there = FIRST_DATE + rows
    bar = session.searchsorted(there)
    missing = session[np.minimum(bar, len(session) - 1)] != there
    return MissingSessions(
        there[missing], table.open_at[rows[missing]], table.close_at[rows[missing]], bar[missing].astype(np.int64)
    )
