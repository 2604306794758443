"""Rules on the dates of rows: order, duplicates, day and month exchanged, reach, and how often rows come."""

import numpy as np
from msgspec.structs import replace

from datasets.arrays import Flags, Integers, Sessions
from datasets.instants import to_ns
from datasets.markets.sessions import FIRST_DATE, LAST_DATE, stamp
from datasets.prices.checks.case import (
    FINE,
    Case,
    Flaw,
    Severity,
    Verdict,
    flaws_of_runs,
    plural,
    previous,
    refusals,
    runs,
)
from datasets.prices.periods import MADE_AT_THE_END, Period, period_of

_MOSTLY = 0.9


def order(case: Case) -> Verdict:
    """Reverse a table that runs from the newest row to the oldest."""
    step = np.diff(case.table.keys)
    falling, rising = int((step < 0).sum()), int((step > 0).sum())
    if falling < _MOSTLY * max(falling + rising, 1) or not falling:
        return FINE
    flaw = Flaw(Severity.NOTE, 0, "the rows run from the newest to the oldest; they were reversed", len(case))
    table = case.table.take(np.arange(len(case))[::-1])
    return Verdict((flaw,), table, "rows reversed to run from the oldest to the newest")


def day_month_swap(case: Case) -> Verdict:
    """Find rows that are out of order, and fit when day and month are exchanged.

    Rows of the 13th and later cannot be exchanged: the others must fit between them.
    """
    session, (swapped, can) = case.session, _exchanged(case.session)
    held = np.flatnonzero(~can)
    if not len(held) or (np.diff(session[held].astype(np.int64)) < 0).any():
        return FINE
    before, after = _bounds(session, held)
    wrong = can & ((session < before) | (session > after)) & (swapped >= before) & (swapped <= after)
    if not wrong.any():
        return FINE
    flaws = refusals(wrong, lambda r: f"{session[r]} does not fit; {swapped[r]} does: day and month are exchanged")
    table = replace(case.table, session=np.where(wrong, swapped, session))
    return Verdict(flaws, table, f"day and month of {plural(len(flaws), 'row')} exchanged")


def _exchanged(session: Sessions) -> tuple[Sessions, Flags]:
    """Return each date with day and month exchanged, and whether that is another date."""
    month0 = session.astype("datetime64[M]")
    year = session.astype("datetime64[Y]").astype("datetime64[M]")
    day, month = (session - month0.astype("datetime64[D]")).astype(np.int64), (month0 - year).astype(np.int64)
    can = (day < 12) & (day != month)
    swapped = (year + np.where(can, day, month)).astype("datetime64[D]") + np.where(can, month, day)
    return swapped, can


def _bounds(session: Sessions, held: Integers) -> tuple[Sessions, Sessions]:
    """Return for each row the nearest held date before and after it, by place in the table."""
    at = np.arange(len(session))
    left, right = np.searchsorted(held, at, side="right") - 1, np.searchsorted(held, at)
    before = np.where(left >= 0, session[held[np.maximum(left, 0)]], np.datetime64("0001-01-01"))
    after = np.where(right < len(held), session[held[np.minimum(right, len(held) - 1)]], np.datetime64("9999-01-01"))
    return before, after


def jumbled(case: Case) -> Verdict:
    """Find rows that come after a later one."""
    keys = case.table.keys
    late = np.append(False, keys[1:] < np.maximum.accumulate(keys)[:-1])
    if not late.any():
        return FINE
    session = case.session
    flaws = flaws_of_runs(
        Severity.REFUSAL, late, lambda r, n: f"{session[r]} comes after {session[:r].max()}: rows out of order"
    )
    return Verdict(flaws, case.table.take(np.argsort(keys, kind="stable")), "rows sorted by date")


def duplicate_rows(case: Case) -> Verdict:
    """Leave out rows that repeat the one before them, date and prices."""
    prices = case.prices()
    before = previous(prices)
    doubled = _same_key(case) & ((prices == before) | (np.isnan(prices) & np.isnan(before))).all(axis=0)
    flaws = flaws_of_runs(
        Severity.WARNING,
        doubled,
        lambda r, n: f"{case.session[r]} appears twice with the same prices; the second was left out",
    )
    return case.without(doubled, "given twice", flaws)


def conflicting_rows(case: Case) -> Verdict:
    """Find dates that appear more than once with different prices."""
    again = _same_key(case)
    if not again.any():
        return FINE
    session, close, line = case.session, case.table.close, case.table.line
    flaws = refusals(
        again,
        lambda r: (
            f"{session[r]} is on {case.table.unit}s {line[r - 1]} and {line[r]} with different prices "
            f"(close {close[r - 1]:.10g} and {close[r]:.10g})"
        ),
    )
    by_line = np.lexsort((line, case.table.keys))
    keys = case.table.keys[by_line]
    last = np.append(keys[1:] != keys[:-1], True)
    correction = f"of {plural(int(again.sum()), 'date')} given twice with different prices the last was kept"
    return Verdict(flaws, case.table.take(by_line[last]), correction)


def _same_key(case: Case) -> Flags:
    return np.append(False, np.diff(case.table.keys) == 0)


def date_range(case: Case) -> Verdict:
    """Find dates for which no exchange hours are known."""
    session = case.session
    beyond = (session < FIRST_DATE) | (session > LAST_DATE)
    flaws = flaws_of_runs(
        Severity.REFUSAL,
        beyond,
        lambda r, n: f"{plural(n, 'row')} from {session[r]} on; dates must lie between {FIRST_DATE} and {LAST_DATE}",
    )
    return case.without(beyond, "outside these dates", flaws)


def future_date(case: Case) -> Verdict:
    """Find rows of sessions that had not begun when the table was made."""
    if case.retrieved_at is None:
        return FINE
    open_at, _ = stamp(case.instrument.mic, case.session)
    ahead = open_at > to_ns(case.retrieved_at)
    made = case.retrieved_at.date()
    flaws = flaws_of_runs(
        Severity.REFUSAL, ahead, lambda r, n: f"{case.session[r]} had not begun when the table was made ({made})"
    )
    return case.without(ahead, "of the future", flaws)


_DAILY_STEP = 4
_SLOW_STEP = 6
_SLOW_RUN = 8


def is_daily(case: Case) -> bool:
    """Return whether rows come day by day, so that they can be compared with a calendar of sessions."""
    return case.table.at is None and period_of(case.session) is Period.DAILY


def spliced_frequency(case: Case) -> Verdict:
    """Find runs of weekly or monthly rows in a table of daily ones: often averages, never closes."""
    step, session = np.diff(case.session).astype(np.int64), case.session
    daily = (step >= 1) & (step <= _DAILY_STEP)
    slow = [(first, n) for first, n in runs(step >= _SLOW_STEP) if n >= _SLOW_RUN]
    if not slow or daily.sum() < _SLOW_RUN:
        return FINE
    flaws = []
    for first, n in slow:
        days = int(np.median(step[first : first + n]))
        text = f"from {session[first]} to {session[first + n]} rows come every {days} days, elsewhere daily"
        flaws.append(Flaw(Severity.REFUSAL, first, f"{text}: two series spliced", n + 1))
    if slow[0][0] > 0:
        return Verdict(tuple(flaws))
    begin = _after_head(slow, daily)
    table = case.table.take(np.arange(len(case)) >= begin)
    return Verdict(tuple(flaws), table, f"{plural(begin, 'row')} before {session[begin]} left out: another series")


def _after_head(slow: list[tuple[int, int]], daily: Flags) -> int:
    """Return the first row of the daily series: that at which daily steps have begun."""
    start = 0
    for first, n in slow:
        if daily[start:first].sum() < _SLOW_RUN:
            later = np.flatnonzero(daily[first + n :])
            start = first + n + (int(later[0]) if len(later) else 0)
    return start


def low_frequency(case: Case) -> Verdict:
    """Say that a whole series is weekly, monthly or longer."""
    period = period_of(case.session)
    if case.table.at is not None or period is Period.DAILY:
        return FINE
    return Verdict((Flaw(Severity.WARNING, 0, f"{period} rows: {MADE_AT_THE_END}", len(case)),))
