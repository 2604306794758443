"""The closes around the events of a run, in event time: what a report draws, which loads no bars."""

from collections.abc import Iterable, Sequence

import numpy as np

from datasets.arrays import Floats
from datasets.events import EventCatalogue
from datasets.instants import to_ns
from datasets.prices.bars import Bars
from engine.account.records import Trade
from engine.run.run import EventPath

BEFORE, AFTER = 20, 60
"""Sessions kept before session 0 and after it."""


def event_paths(trades: Iterable[Trade], events: EventCatalogue, bars: Iterable[Bars]) -> tuple[EventPath, ...]:
    """Return the path of every instrument and side traded on an event, in the order of the trades.

    Session 0 is the first to close strictly after the event was known; where that is blank, after the decision.
    """
    known = {e.event_id: to_ns(e.known_at) for e in events if e.known_at is not None}
    by_symbol = {b.symbol: b for b in bars}
    seen = {(t.event_id, t.instrument, t.side): known.get(t.event_id, t.decided_at) for t in trades}
    paths = (_path(event_id, by_symbol[symbol], side, at) for (event_id, symbol, side), at in seen.items())
    return tuple(p for p in paths if p.closes)


def _path(event_id: str, bars: Bars, side: str, at: int) -> EventPath:
    rows = bars.days.last
    zero = int(np.searchsorted(bars.close_at[rows], at, side="right"))
    first = max(0, zero - BEFORE)
    closes = bars.close[rows[first : zero + AFTER + 1]]
    return EventPath(event_id, bars.symbol, side, first - zero, tuple(closes.tolist()))


def cumulative(path: EventPath, first: int, last: int) -> Floats:
    """Return what the position's side had gained since the close before session 0, at each session from first to last.

    Fractions: close over the close of session -1, less one; the other way for a short. NaN where there is no close, and
    all NaN where there is none before session 0.
    """
    found = np.full(last - first + 1, np.nan)
    base = -1 - path.first
    if not 0 <= base < len(path.closes):
        return found
    sign = 1 if path.side == "long" else -1
    moved = sign * (np.array(path.closes) / path.closes[base] - 1)
    session = path.first + np.arange(len(moved))
    inside = (first <= session) & (session <= last)
    found[session[inside] - first] = moved[inside]
    return found


def mean_path(paths: Sequence[EventPath], first: int, last: int) -> Floats:
    """Return the mean of the cumulative returns at each session, over the events that have one there; else NaN."""
    if not paths:
        return np.full(last - first + 1, np.nan)
    return mean_known(cumulative(p, first, last) for p in paths)


def mean_known(values: Iterable[Floats]) -> Floats:
    """Return the mean of the known values of arrays, cell by cell; NaN where none is known."""
    count, total = np.zeros((), dtype=np.int64), np.zeros(())
    for each in values:  # one by one: those of many events take gigabytes
        known = np.isfinite(each)
        count, total = count + known, total + np.where(known, each, 0.0)
    mean: Floats = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean
