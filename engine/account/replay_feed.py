"""Bars as a feed of backtrader: rows with the instants of their prices, appended one at a time, or all at once."""

from array import array
from datetime import datetime
from typing import Any, NamedTuple

import backtrader as bt
import numpy as np

from datasets.arrays import Flags, Floats, Instants
from datasets.instants import to_datetime

NEVER = 2**64
"""The place in time of what does not come."""


class PriceAt(NamedTuple):
    """A price, its row, and its place in time: twice the instant (ns), and one more for an open."""

    row: int
    place: int
    price: float


class _BarFeed(bt.feed.DataBase):  # type: ignore[misc]
    """Rows of arrays as a backtrader feed, each with the instants at which its open and its close are made.

    ``preload`` copies the arrays whole; without it one row at a time is appended, so that the future does not exist.
    """

    params = (("rows", None),)

    def __init__(self) -> None:
        super().__init__()
        rows: dict[str, Any] = self.p.rows
        self.p.rows = None  # a strategy that looks here finds no future
        self.open_at: Instants = rows["open_at"]
        self.close_at: Instants = rows["close_at"]
        self.has_open: Flags = rows.get("open_is_real", np.ones(len(self.close_at), dtype=bool))
        self._ends = np.flatnonzero(rows.get("ends_session", np.ones(len(self.close_at), dtype=bool)))
        self.stamp_at: Instants = rows.get("stamp_at", self.close_at)
        self._stamps = day_numbers(self.stamp_at)
        self._columns: list[tuple[str, Floats]] = [("datetime", self._stamps)]
        self._columns += [(name, rows[name]) for name in ("open", "high", "low", "close", "volume")]
        self._begin_at(0)

    def start(self) -> None:
        super().start()
        self._begin_at(0)
        self._hold_place()

    def _begin_at(self, row: int) -> None:
        """Let a row be the next; ``now`` is the instant (ns) at which the one before it closed."""
        self._next_row = row
        self.now = int(self.close_at[row - 1]) if row else 0

    def preload(self) -> None:
        zeros = np.zeros(len(self._stamps)).tobytes()
        given = {name: np.ascontiguousarray(values).tobytes() for name, values in self._columns}
        for alias in self.lines.getlinealiases():
            line = getattr(self.lines, alias)
            line.array = array("d")
            line.array.frombytes(given.get(alias, zeros))
        self.home()

    def _hold_place(self) -> None:
        """Let ``data.close[0]`` of a feed that has not begun be NaN (its date the first there is), not an error."""
        if not len(self):
            for alias in self.lines.getlinealiases():
                getattr(self.lines, alias).array = array("d", [1.0 if alias == "datetime" else np.nan])

    def next(self, *args: Any, **kwargs: Any) -> Any:
        """Append the next row, in the place held if it is the first; return whether there was one."""
        if not len(self):
            for alias in self.lines.getlinealiases():
                getattr(self.lines, alias).array = array("d")
        loaded = self.load()
        self._hold_place()
        return loaded

    def _load(self) -> bool:
        row = self._next_row
        if row >= len(self._stamps):
            return False
        for name, values in self._columns:
            getattr(self.lines, name)[0] = values[row]
        self._begin_at(row + 1)
        return True

    def rewind(self, size: int = 1) -> None:
        """Take back rows appended too early (cerebro looks one row ahead in every feed): the future is erased."""
        self.backwards(size=size, force=True)
        self._begin_at(self._next_row - size)
        self._hold_place()

    def _column(self, name: str) -> Floats:
        return next(values for each, values in self._columns if each == name)

    def _known_price(self, place: int) -> float:
        """Return the last price at a place in time; for the broker, who alone knows what time it is."""
        at = place >> 1
        opened = int(np.searchsorted(self.open_at, at, side="right" if place & 1 else "left")) - 1
        closed = int(np.searchsorted(self.close_at, at, side="right")) - 1
        if opened > closed and self.has_open[opened]:
            return float(self._column("open")[opened])
        return float(self._column("close")[max(closed, 0)])

    def _first_price(self, after: int) -> PriceAt:
        """Return the first price made strictly after an instant (ns); for the broker alone."""
        row = int(np.searchsorted(self.close_at, after, side="right"))
        if row == len(self.close_at):
            return PriceAt(row, NEVER, np.nan)
        if self.open_at[row] > after and self.has_open[row]:
            return self._open_of(row)
        return self._close_of(row)

    def _session_close(self, after: int) -> PriceAt:
        """Return the first close of a session made strictly after an instant (ns); for the broker alone."""
        session = int(np.searchsorted(self.close_at[self._ends], after, side="right"))
        if session == len(self._ends):
            return PriceAt(len(self.close_at), NEVER, np.nan)
        return self._close_of(int(self._ends[session]))

    def _last_open(self, at: int) -> PriceAt | None:
        """Return the open of the last row that opened up to an instant (ns), if it is real; for the broker alone."""
        row = int(np.searchsorted(self.open_at, at, side="right")) - 1
        return self._open_of(row) if row >= 0 and self.has_open[row] else None

    def _open_of(self, row: int) -> PriceAt:
        return PriceAt(row, 2 * int(self.open_at[row]) + 1, float(self._column("open")[row]))

    def _close_of(self, row: int) -> PriceAt:
        return PriceAt(row, 2 * int(self.close_at[row]), float(self._column("close")[row]))

    def session_at(self, row: int) -> tuple[int, int]:
        """Return the instants (ns) at which the session of a row begins and ends."""
        session = int(np.searchsorted(self._ends, row))
        first = int(self._ends[session - 1]) + 1 if session else 0
        return int(self.open_at[first]), int(self.close_at[self._ends[session]])

    def _getnexteos(self) -> tuple[datetime, float]:
        """Return when the current session ends, for timers: naive, and as a day number."""
        if not len(self):
            return datetime.min, 0.0  # noqa: DTZ901 - backtrader's are naive
        end = self.session_at(self.row)[1]
        return to_datetime(end).replace(tzinfo=None), day_number(end)

    @property
    def row(self) -> int:
        """The row now current, from 0."""
        return len(self) - 1


def feed_of(rows: dict[str, Any]) -> Any:
    """Return the feed of a dictionary of equally long arrays: open_at close_at open high low close volume."""
    feed: Any = _BarFeed
    return feed(rows=rows)


def day_numbers(instants: Instants) -> Floats:
    """Return instants as backtrader's day numbers (days since 0001-01-01, plus one), exact to some 10 microseconds."""
    whole, part = np.divmod(instants, 86_400_000_000_000)
    return whole.astype(np.float64) + 719_163.0 + part / 8.64e13


def day_number(instant: int) -> float:
    """Return one instant as backtrader's day number."""
    return float(day_numbers(np.array([instant])).item())
