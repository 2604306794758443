"""What a rule is given, what it returns, and the helpers that all rules share."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from datasets.arrays import Flags, Floats, Sessions
from datasets.markets.instruments import Instrument
from datasets.markets.sessions import FIRST_DATE, LAST_DATE, hours_table, is_round_the_clock
from datasets.prices.bars import Bars
from datasets.prices.bond_yields import discount_price
from datasets.prices.table import PriceTable

PRICES = ("open", "high", "low", "close")
Splits = tuple[tuple[date, float], ...]
UNKNOWN, CLOSED, SESSION = -1, 0, 1
"""What a calendar says of a date."""
_GAP_DAYS = 45
_HALF_WINDOW = 60
_NORMAL = 1.4826  # standard deviation over median absolute deviation (Hampel 1974)
_LEAST_SCALE = 0.002


class Severity(StrEnum):
    """How much a finding matters."""

    NOTE = "note"
    WARNING = "warning"
    REFUSAL = "refusal"


class Finding(Struct, frozen=True):
    """One thing that is wrong: by which rule, at which line and session (the first, where there are ``rows``)."""

    rule: str
    severity: Severity
    message: str
    line: int | None = None
    session: str | None = None
    rows: int = 1


class Flaw(Struct, frozen=True):
    """One thing that is wrong, from a row of the case's table on; ``rows`` is how many rows it concerns."""

    severity: Severity
    row: int | None
    text: str
    rows: int = 1


class Verdict(Struct, frozen=True, eq=False):
    """What a rule found, and the corrected table (None: unchanged) with a sentence on what was corrected."""

    flaws: tuple[Flaw, ...] = ()
    table: PriceTable | None = None
    correction: str | None = None


FINE = Verdict()


class Case(Struct, frozen=True, eq=False, dict=True):
    """A table as the rules before have left it, its instrument by name, and what to compare it with.

    ``reference``: bars known to be of it, against which a wrong instrument shows; ``retrieved_at``: when the table was
    made, a session not closed by then is a partial day. ``splits``: first date in new shares and new shares for an old
    one; moves are those without the splits that show.
    """

    table: PriceTable
    instrument: Instrument
    reference: Bars | None = None
    retrieved_at: datetime | None = None
    splits: Splits = ()

    def __len__(self) -> int:
        return len(self.table)

    @property
    def session(self) -> Sessions:
        """The session of each row."""
        return self.table.session

    @property
    def is_round_the_clock(self) -> bool:
        """Whether the market has no opening: a currency's open at the last close is a true one."""
        return is_round_the_clock(self.instrument.mic)

    @property
    def is_yield(self) -> bool:
        """Whether the closes are yields in per cent: they may be 0 or less, and jump by points."""
        return self.instrument.maturity > 0

    def levels(self, close: Floats) -> Floats:
        """Return what moves and differences are judged by: closes, or the prices of a bond that has them as yields."""
        return discount_price(close, self.instrument.maturity) if self.is_yield else close

    @cached_property
    def moves(self) -> Floats:
        """The log move of each level from the one before; 0 for the first and across a gap of more than 45 days."""
        close = self.levels(self.table.close)
        step = np.diff(self.session).astype(np.int64)
        moves = np.append(0.0, np.where(step <= _GAP_DAYS, log_ratio(close[1:] / close[:-1]), 0.0))
        return moves + self.split_moves(moves)

    def split_moves(self, moves: Floats) -> Floats:
        """Return the log of the listed split that each row is the first to show, 0 for the others."""
        found = np.zeros(len(self))
        for day, value in self.splits:
            row = int(np.searchsorted(self.session, np.datetime64(day, "D")))
            if 0 < row < len(self) and abs(moves[row] + np.log(value)) < abs(moves[row]):
                found[row] += np.log(value)
        return found

    @cached_property
    def usual_move(self) -> Floats:
        """The local scale of moves: 1.4826 times their median absolute size within 60 rows on both sides."""
        mode: Any = "wrap" if len(self) <= _HALF_WINDOW else "reflect"
        padded = np.pad(np.abs(self.moves), _HALF_WINDOW, mode=mode)
        around = np.partition(sliding_window_view(padded, 2 * _HALF_WINDOW + 1), _HALF_WINDOW, axis=1)
        return np.maximum(_NORMAL * around[:, _HALF_WINDOW], _LEAST_SCALE)

    def prices(self) -> Floats:
        """Return open, high, low and close, one row each."""
        return np.array([getattr(self.table, name) for name in PRICES])

    def calendar(self) -> NDArray[np.int8]:
        """Return for each row whether its exchange's calendar has the date as a session, as closed, or not at all."""
        return calendar_of(self.instrument.mic, self.session)

    def without(self, rows: Flags, what: str, flaws: tuple[Flaw, ...]) -> Verdict:
        """Return the verdict that leaves the marked rows out; ``what`` describes them, such as ``without a close``."""
        if not rows.any():
            return Verdict(flaws)
        correction = f"{plural(int(rows.sum()), 'row')} {what} left out ({self._lines(rows)})"
        return Verdict(flaws, self.table.take(~rows), correction)

    def without_range(self, rows: Flags, flaws: tuple[Flaw, ...]) -> Verdict:
        """Return the verdict that takes open, high and low out of the marked rows."""
        if not rows.any():
            return Verdict(flaws)
        correction = f"open, high and low of {plural(int(rows.sum()), 'row')} taken out ({self._lines(rows)})"
        columns = {c: np.where(rows, np.nan, getattr(self.table, c)) for c in ("open", "high", "low")}
        return Verdict(flaws, with_columns(self.table, columns), correction)

    def _lines(self, rows: Flags, shown: int = 5) -> str:
        """Return ``lines 17, 18, 40 and 12 more``."""
        lines, unit = self.table.line[rows], self.table.unit
        more = f" and {len(lines) - shown} more" if len(lines) > shown else ""
        return f"{unit}{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:shown].tolist()))}{more}"


def refusals(marked: Flags, text: Callable[[int], str]) -> tuple[Flaw, ...]:
    """Return a refusal for each marked row, with its text."""
    return tuple(Flaw(Severity.REFUSAL, row, text(row)) for row in np.flatnonzero(marked).tolist())


def warnings(marked: Flags, text: Callable[[int], str]) -> tuple[Flaw, ...]:
    """Return a warning for each marked row, with its text."""
    return tuple(Flaw(Severity.WARNING, row, text(row)) for row in np.flatnonzero(marked).tolist())


def flaws_of_runs(severity: Severity, marked: Flags, text: Callable[[int, int], str]) -> tuple[Flaw, ...]:
    """Return one flaw for each run of marked rows; its text follows from its first row and its length."""
    return tuple(Flaw(severity, first, text(first, n), n) for first, n in runs(marked))


def calendar_of(mic: str, session: Sessions) -> NDArray[np.int8]:
    """Return SESSION, CLOSED or UNKNOWN for each date; the last outside what the calendar covers."""
    table = hours_table(mic)
    first, last = (np.datetime64(d, "D") for d in table.covers)
    row = (np.clip(session, FIRST_DATE, LAST_DATE) - FIRST_DATE).astype(np.int64)
    known = (session >= first) & (session <= last)
    return np.where(known, table.is_session[row], UNKNOWN).astype(np.int8)


def runs(marked: Flags) -> Iterator[tuple[int, int]]:
    """Yield the first row and the number of rows of each unbroken run of marked rows.

    >>> list(runs(np.array([False, True, True, False, True])))
    [(1, 2), (4, 1)]
    """
    edge = np.flatnonzero(np.diff(np.concatenate(([0], marked.astype(np.int8), [0]))))
    for first, last in zip(edge[::2].tolist(), edge[1::2].tolist(), strict=True):
        yield first, last - first


def previous(values: Floats) -> Floats:
    """Return each row's value one row before (of the last axis); NaN for the first."""
    before = np.roll(values, 1, axis=-1)
    before[..., 0] = np.nan
    return before


def number(value: Any) -> str:
    """Return a price as a message shows it."""
    return f"{value:.10g}"


def with_columns(table: PriceTable, columns: Mapping[str, Any]) -> PriceTable:
    """Return the table with other values in the named columns."""
    return replace(table, **columns)


def plural(n: int, what: str) -> str:
    """Return ``1 row`` or ``2 rows``."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def log_ratio(ratio: Floats) -> Floats:
    """Return the logarithm, 0 for a missing value."""
    return np.log(np.where(np.isfinite(ratio) & (ratio > 0), ratio, 1.0))
