"""Rules on how often rows come: weekly or monthly series, and such spliced to daily ones."""

import numpy as np

from datasets.arrays import Flags
from datasets.prices.checks.case import FINE, Case, Flaw, Verdict, plural, runs
from datasets.prices.findings import Severity
from datasets.prices.periods import MADE_AT_THE_END, Period, period_of

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
