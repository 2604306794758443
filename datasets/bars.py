"""Bars: the prices of one instrument, aligned, validated, immutable, each bar knowing its instants in UTC."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.errors import UserError
from datasets.holes import Lacking, sessions_lacking
from datasets.instants import Instants, Sessions, to_date
from datasets.instruments import Instrument
from datasets.opens import tradable_opens
from datasets.sessions import FIRST_DATE, LAST_DATE, is_round_the_clock, stamp

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Source:
    """Where bars come from, as told to the user. No path of the machine: a run's identity must not hold one."""

    kind: str
    text: str
    simulated: bool = False


@dataclass(frozen=True, eq=False)
class Bars:
    """The bars of one instrument in ascending order.

    Arrays of one length: ``session`` (datetime64[D], exchange-local), ``open_at`` and ``close_at`` (int64 ns, UTC),
    ``open high low close`` (quote currency; never NaN), ``volume`` (NaN where unknown) and ``open_is_real``: whether
    the open is a traded price (datasets/opens.py). Where it is not (missing, or stale) fills go to the close.
    """

    instrument: Instrument
    source: Source
    session: Sessions
    open_at: Instants
    close_at: Instants
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    open_is_real: Flags

    def __len__(self) -> int:
        return len(self.session)

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.instrument.symbol

    @cached_property
    def lacking(self) -> Lacking:
        """The sessions that the exchange's calendar holds and the bars lack, found when first asked for."""
        return sessions_lacking(self.instrument.mic, self.session)

    def until(self, instant: int) -> "Bars":
        """Return the bars closed at or before an instant (ns)."""
        return self._cut(slice(0, int(np.searchsorted(self.close_at, instant, side="right"))))

    def sessions_until(self, session: np.datetime64) -> "Bars":
        """Return the bars of sessions up to and including one."""
        return self._cut(slice(0, int(np.searchsorted(self.session, session, side="right"))))

    def from_session(self, session: np.datetime64) -> "Bars":
        """Return the bars of one session and later."""
        return self._cut(slice(int(np.searchsorted(self.session, session)), None))

    def _cut(self, rows: slice) -> "Bars":
        arrays = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name not in ("instrument", "source")}
        return replace(self, **arrays)

    def sha256(self) -> str:
        """Return a hash of every price, instant and mark."""
        digest = hashlib.sha256(self.symbol.encode())
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                digest.update(np.ascontiguousarray(value).tobytes())
        return digest.hexdigest()

    def span(self) -> str:
        """Return ``6161 bars, 2001-06-25 to 2026-08-21``."""
        return f"{len(self)} bars, {to_date(self.session[0])} to {to_date(self.session[-1])}"


def make_bars(
    instrument: Instrument,
    source: Source,
    *,
    session: Sessions,
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    volume: Floats,
    where: Callable[[int], str],
) -> Bars:
    """Return validated bars stamped with the hours of the instrument's exchange.

    Args:
        instrument: what the prices are of.
        source: where they come from.
        session: exchange-local dates, datetime64[D].
        open_: opening prices; NaN where missing.
        high: highest prices; NaN where missing.
        low: lowest prices; NaN where missing.
        close: closing prices; every one must be there.
        volume: NaN where missing.
        where: names the place of a row for an error, such as ``TOPIX.csv line 17``.

    Raises:
        UserError: no rows, a date out of order or doubled, a price missing, not finite or not positive, a high
            below the low, an open or close outside them.
    """
    _check_order(session, where)
    _check_prices({"open": open_, "high": high, "low": low, "close": close}, where)
    _check_range(open_, high, low, close, where)
    _check_reach(session, where)
    open_at, close_at = stamp(instrument.mic, session)
    filled_open = np.where(np.isfinite(open_), open_, close)
    bars = Bars(
        instrument=instrument,
        source=source,
        session=session,
        open_at=open_at,
        close_at=close_at,
        open=filled_open,
        high=np.fmax(np.fmax(high, filled_open), close),
        low=np.fmin(np.fmin(low, filled_open), close),
        close=close,
        volume=volume,
        open_is_real=tradable_opens(
            session, open_, high, low, close, around_the_clock=is_round_the_clock(instrument.mic)
        ),
    )
    return _frozen(bars)


def _frozen(bars: Bars) -> Bars:
    for f in fields(bars):
        value: Any = getattr(bars, f.name)
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return bars


def _check_order(session: Sessions, where: Callable[[int], str]) -> None:
    if not len(session):
        raise UserError(f"{where(0)}: no rows; a price file needs at least one bar")
    step = np.diff(session).astype(np.int64)
    bad = np.flatnonzero(step <= 0)
    if len(bad):
        row = int(bad[0]) + 1
        what = "stands twice" if step[row - 1] == 0 else f"comes after {session[row - 1]}"
        raise UserError(f"{where(row)}: date {session[row]} {what}; dates must ascend, each once")


def _check_reach(session: Sessions, where: Callable[[int], str]) -> None:
    outside = np.flatnonzero((session < FIRST_DATE) | (session > LAST_DATE))
    if len(outside):
        row = int(outside[0])
        raise UserError(f"{where(row)}: date {session[row]}; dates must lie between {FIRST_DATE} and {LAST_DATE}")


def _check_prices(prices: dict[str, Floats], where: Callable[[int], str]) -> None:
    for name, values in prices.items():
        wrong = ~(values > 0) | np.isinf(values)
        if name != "close":
            wrong &= ~np.isnan(values)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise UserError(f"{where(row)}: {name} is {values[row]:g}; a price must be a finite number above 0")


def _check_range(open_: Floats, high: Floats, low: Floats, close: Floats, where: Callable[[int], str]) -> None:
    def refuse(wrong: Flags, tell: Callable[[int], str]) -> None:
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise UserError(f"{where(row)}: {tell(row)}; correct the row, or leave open, high and low empty")

    up, down = 1 + _ROUNDING, 1 - _ROUNDING
    refuse(high < low * down, lambda r: f"high {high[r]:g} < low {low[r]:g}")
    for name, price in (("open", open_), ("close", close)):
        refuse(price > high * up, lambda r, n=name, p=price: f"{n} {p[r]:g} > high {high[r]:g}")  # type: ignore[misc]
        refuse(price < low * down, lambda r, n=name, p=price: f"{n} {p[r]:g} < low {low[r]:g}")  # type: ignore[misc]
