"""The sessions that the calendar of an exchange has and a series of bars does not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Instants, Sessions
from datasets.markets.sessions import FIRST_DATE, hours_table
from datasets.prices.periods import Period, is_last_session

DAYS_BEFORE = 45
"""So many days before the first bar are looked at too: an event shortly before it meets a gap as any other."""


@dataclass(frozen=True, eq=False)
class MissingSessions:
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
