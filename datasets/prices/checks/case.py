"""What a rule is given, and what it answers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.markets.instruments import Instrument
from datasets.markets.sessions import FIRST_DATE, LAST_DATE, hours_table, is_round_the_clock
from datasets.prices.bars import Bars
from datasets.prices.findings import Severity
from datasets.prices.table import PriceTable

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

PRICES = ("open", "high", "low", "close")
UNKNOWN, CLOSED, SESSION = -1, 0, 1
"""What a calendar says of a date."""


@dataclass(frozen=True, eq=False)
class Case:
    """A table as the rules before have left it, what it is said to be of, and what it can be held against."""

    table: PriceTable
    instrument: Instrument
    reference: Bars | None = None
    retrieved_at: datetime | None = None

    def __len__(self) -> int:
        return len(self.table)

    @property
    def around_the_clock(self) -> bool:
        """Whether the market has no opening: a currency's open at the last close is a true one."""
        return is_round_the_clock(self.instrument.mic)

    def calendar(self) -> NDArray[np.int8]:
        """Return for each row whether its exchange's calendar holds the date to be a session, closed or unknown."""
        return calendar_of(self.instrument.mic, self.table.session)

    def keys(self) -> Numbers:
        """Return what orders the rows: days, or instants where rows are intraday."""
        return self.table.session.astype(np.int64) if self.table.at is None else self.table.at


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong, from a row of the case's table on."""

    severity: Severity
    row: int | None
    text: str
    rows: int = 1


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a rule found, and the table put right (None: as it was), with the sentence that tells so."""

    flaws: tuple[Flaw, ...] = ()
    table: PriceTable | None = None
    correction: str | None = None


FINE = Verdict()


def calendar_of(mic: str, session: NDArray[np.datetime64]) -> NDArray[np.int8]:
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
    """Return each row's value one row before; NaN for the first."""
    return np.concatenate(([np.nan], values[:-1]))


def same(a: Floats, b: Floats) -> Flags:
    """Mark where two columns are equal; two missing values are."""
    equal: Flags = (a == b) | (np.isnan(a) & np.isnan(b))
    return equal


def weekday(session: NDArray[np.datetime64]) -> Numbers:
    """Return 0 for Monday to 6 for Sunday."""
    days: Numbers = (session.astype("datetime64[D]").astype(np.int64) + 3) % 7
    return days


def number(value: float) -> str:
    """Return a price as a message shows it."""
    return f"{value:.10g}"


def without(table: PriceTable, rows: Flags) -> PriceTable:
    """Return the table less the marked rows."""
    return table.take(~rows)


def blanked(table: PriceTable, rows: Flags, columns: tuple[str, ...] = ("open", "high", "low")) -> PriceTable:
    """Return the table with the given prices of the marked rows taken out."""
    return with_prices(table, {c: np.where(rows, np.nan, getattr(table, c)) for c in columns})


def with_prices(table: PriceTable, columns: Mapping[str, Any]) -> PriceTable:
    """Return the table with other values in the named columns."""
    return replace(table, **columns)


def first_lines(table: PriceTable, rows: Flags, shown: int = 5) -> str:
    """Return ``lines 17, 18, 40 and 12 more``."""
    lines = table.line[rows]
    more = f" and {len(lines) - shown} more" if len(lines) > shown else ""
    return f"{table.unit}{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:shown].tolist()))}{more}"


def plural(n: int, what: str) -> str:
    """Return ``1 row`` or ``2 rows``."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def flaws_of_runs(severity: Severity, marked: Flags, tell: Callable[[int, int], str]) -> tuple[Flaw, ...]:
    """Return one flaw for each run of marked rows, told by its first row and length."""
    return tuple(Flaw(severity, first, tell(first, n), n) for first, n in runs(marked))


def flaws_of_rows(severity: Severity, marked: Flags, tell: Callable[[int], str]) -> tuple[Flaw, ...]:
    """Return one flaw for each marked row."""
    return tuple(Flaw(severity, row, tell(row)) for row in np.flatnonzero(marked).tolist())
