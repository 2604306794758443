"""The period of bars: daily, weekly, monthly and longer, found from their dates.

A row of a longer period is made from prices up to the period's end, whatever date it carries: a week is dated by its
Sunday, its Monday or its Friday, a month by its first day or its last. It belongs to the last session of its period.
"""

from enum import StrEnum

import numpy as np

from datasets.arrays import Flags, Integers, Sessions
from datasets.instants import to_date
from datasets.markets.sessions import calendar_sessions

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
