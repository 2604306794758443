"""Which opens are prices at which one could have traded."""

import numpy as np

from datasets.arrays import Flags, Floats, Integers, Sessions

STALE_RUN = 5
"""So many bars in a row whose open says nothing new, and none of their opens counts as traded (CONVENTIONS)."""
STALE_SHARE = 0.10
"""In a year in which so many opens repeat the last close, those opens do not count as traded."""
STALE_YEAR = 0.50
"""In a year in which so many do, no open of the year counts."""
ENOUGH_BARS = 60
"""A year of fewer bars is not judged."""


def tradable_opens(
    session: Sessions, open_: Floats, high: Floats, low: Floats, close: Floats, *, around_the_clock: bool
) -> Flags:
    """Mark the opens that are traded prices; all arrays are of one length and in ascending order.

    An open is not when it is missing; when it lies in a run of STALE_RUN or more bars whose open repeats the last close
    or whose bar is one price; when it repeats the last close in a year in which STALE_SHARE of the opens do; or when
    STALE_YEAR of the opens of its year do.
    """
    repeats = repeated_opens(open_, close, around_the_clock=around_the_clock)
    flat = (open_ == close) & (high == close) & (low == close)
    _, share = yearly_share(session, repeats)
    stale = _long_runs(repeats | flat) | (repeats & (share >= STALE_SHARE)) | (share >= STALE_YEAR)
    return np.isfinite(open_) & ~stale


def repeated_opens(open_: Floats, close: Floats, *, around_the_clock: bool) -> Flags:
    """Mark opens equal to the previous close. A currency never closes: there such an open is a true one."""
    repeats = np.zeros(len(close), dtype=bool)
    if not around_the_clock:
        repeats[1:] = open_[1:] == close[:-1]
    return repeats


def yearly_share(session: Sessions, marked: Flags) -> tuple[Integers, Floats]:
    """Return for each row its calendar year and the share of marked rows in it; 0 in a year of too few bars.

    ``session`` ascends.
    """
    if not len(session):
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    first, last = (int(d.astype("datetime64[Y]").astype(np.int64)) for d in session[[0, -1]])
    begins = np.arange(first, last + 2).astype("datetime64[Y]").astype("datetime64[D]")
    edges = np.searchsorted(session, begins)
    bars = np.diff(edges)
    so_far = np.concatenate(([0], np.cumsum(marked)))
    share = np.diff(so_far[edges]) / np.maximum(bars, 1)
    return np.repeat(np.arange(first, last + 1) + 1970, bars), np.repeat(
        np.where(bars >= ENOUGH_BARS, share, 0.0), bars
    )


def _long_runs(marked: Flags) -> Flags:
    """Mark the rows of runs of STALE_RUN or more marked rows."""
    first = np.flatnonzero(np.diff(marked.astype(np.int8), prepend=-1))  # of each run of equal marks
    length = np.diff(np.append(first, len(marked)))
    return np.repeat(marked[first] & (length >= STALE_RUN), length)
