"""Bars: the prices of one instrument, aligned, validated, immutable, each bar knowing its instants in UTC."""

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypedDict, Unpack

import numpy as np
from msgspec import Struct
from msgspec.structs import astuple, replace
from numpy.typing import NDArray

from datasets.arrays import Flags, Floats, Instants, Sessions
from datasets.errors import UserError
from datasets.instants import iso_z, to_date
from datasets.markets.instruments import Instrument
from datasets.markets.sessions import FIRST_DATE, LAST_DATE, is_round_the_clock, stamp_prices
from datasets.prices.periods import MissingSessions, Period, find_missing_sessions, last_sessions, period_of
from datasets.prices.stale_opens import tradable_opens

MAX_LABEL_DAYS = 45
"""A session lies no more days from its bars: the longest closure, over which prints wait for the next, is shorter."""
_ROUNDING = 1e-9
_MS = 1_000_000
_MUST = "a price must be a finite number above 0"


class Source(Struct, frozen=True):
    """Where bars come from, as shown to the user. No path of the machine: a run's identity must not hold one."""

    kind: str
    text: str
    simulated: bool = False


class RateSource(Struct, frozen=True):
    """Where the rates from one currency to another come from, in words, and the pairs to fetch where one is missing.

    ``simulated`` are the pairs among them whose bars are simulated; ``series`` names the series without the days for
    which each was taken.
    """

    currency: str
    to: str
    text: str
    fetch: str
    simulated: frozenset[str] = frozenset()
    series: str = ""


class SessionRows(Struct, frozen=True, eq=False):
    """Of each session the row of its ``first`` and of its ``last`` bar; ``of`` is the session's number, one a bar."""

    first: NDArray[np.intp]
    last: NDArray[np.intp]
    of: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.first)


class Bars(Struct, frozen=True, eq=False, dict=True):
    """The bars of one instrument in ascending order.

    Arrays of one length: ``session`` (datetime64[D], exchange-local), ``open_at`` and ``close_at`` (int64 ns, UTC),
    ``open high low close`` (quote currency; never NaN), ``volume`` (NaN where unknown) and ``open_is_real``: whether
    the open is a traded price (datasets/prices/stale_opens.py). Where it is not, fills go to the close.

    Daily bars have one row a session. A bar of a longer ``period`` has the last session of its period, at whose close
    it is made and traded; its open is never traded. ``intraday`` bars have their own instants; several may share a
    session, whose open is that of its first bar and whose close is that of its last. A single print is a bar that opens
    as it closes.
    ``holds_dividends``: dividends were reinvested in the prices.

    ``open_rate`` and ``close_rate`` are the price of the quote currency in the account's, last known at each open and
    close (NaN: missing); None where positions are hedged or the currency is the account's. ``carry`` is what a pair
    earns a year: the short rate of its base currency less that of its quote currency. ``yields``, in per cent, are
    what the prices of a bond are made of (datasets/prices/bond_yields.py); None where prices are quoted.

    ``fee`` is what the provider of a contract charges at each bar on top of commission, as a share of the traded value;
    NaN at the settlement, where nothing is charged. None for what is no contract.

    ``rolls`` marks the first bar of each new contract of a continuous future; None where no roll is named.
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
    intraday: bool = False
    holds_dividends: bool = False
    period: Period = Period.DAILY
    open_rate: Floats | None = None
    close_rate: Floats | None = None
    carry: Floats | None = None
    rates: RateSource | None = None
    yields: Floats | None = None
    fee: Floats | None = None
    rolls: Flags | None = None

    def __len__(self) -> int:
        return len(self.session)

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.instrument.symbol

    @property
    def adjustment(self) -> str:
        """``total`` where dividends are in the prices, reinvested or by the index's construction; else ``price``."""
        return "total" if self.holds_dividends or self.instrument.total_return else "price"

    @cached_property
    def missing(self) -> MissingSessions:
        """The sessions that the exchange's calendar has and the bars do not, found at the first use.

        Of bars of a longer period these are the last sessions of periods.
        """
        return find_missing_sessions(self.instrument.mic, self.session, self.period)

    @cached_property
    def days(self) -> SessionRows:
        """The rows of each session, found at the first use."""
        begins = np.flatnonzero(np.concatenate(([True], self.session[1:] != self.session[:-1])))
        ends = np.concatenate((begins[1:], [len(self)])) - 1
        return SessionRows(begins, ends, np.repeat(np.arange(len(begins)), ends - begins + 1))

    @cached_property
    def has_separate_open(self) -> Flags:
        """Whether a bar's open is a price to trade at, earlier than its close: that of a single print is its close."""
        return self.open_is_real & (self.open_at < self.close_at)

    @property
    def is_financed(self) -> bool:
        """Whether a position is paid with borrowed money of the quote currency: an unhedged pair or future.

        Only its P&L is exposed to the exchange rate.
        """
        return self.close_rate is not None and (self.instrument.base_currency != "" or self.instrument.is_future)

    @property
    def is_settled(self) -> bool:
        """Whether the last bar is the settlement of a contract (datasets/prices/contracts.py)."""
        return self.fee is not None and bool(np.isnan(self.fee[-1:]).any())

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
        arrays: dict[str, Any] = {
            n: v[rows] for n in self.__struct_fields__ if isinstance(v := getattr(self, n), np.ndarray)
        }
        return replace(self, **arrays)

    def scaled(self, factor: Floats) -> "Bars":
        """Return the bars with the four prices of each multiplied by its factor."""
        prices: dict[str, Any] = {n: getattr(self, n) * factor for n in ("open", "high", "low", "close")}
        return _frozen(self.with_prices(**prices))

    def with_prices(self, **prices: Floats) -> "Bars":
        """Return the bars with other prices or volumes; what was found of their sessions is kept."""
        priced = replace(self, **prices)
        vars(priced).update({n: v for n, v in vars(self).items() if n in ("missing", "days", "has_separate_open")})
        return priced

    def sha256(self) -> str:
        """Return a hash of every price, instant and mark."""
        digest = hashlib.sha256(self.symbol.encode())
        for value in astuple(self):
            if isinstance(value, np.ndarray):
                digest.update(np.ascontiguousarray(value).tobytes())
        return digest.hexdigest()

    def span(self) -> str:
        """Return ``6161 bars, 2001-06-25 to 2026-08-21``, or ``417 weekly bars, ...``."""
        what = "bars" if self.period is Period.DAILY else f"{self.period} bars"
        return f"{len(self)} {what}, {to_date(self.session[0])} to {to_date(self.session[-1])}"


class RawPrices(TypedDict):
    """The columns of which bars are made, as read: NaN where a value is missing. Every close must be there."""

    open_: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def make_bars(
    instrument: Instrument,
    source: Source,
    *,
    session: Sessions,
    where: Callable[[int], str],
    **prices: Unpack[RawPrices],
) -> Bars:
    """Return validated bars stamped with the hours of the instrument's exchange; their period is that of their dates.

    Args:
        instrument: what the prices are of.
        source: where they come from.
        session: exchange-local dates, datetime64[D].
        where: names the place of a row for an error, such as ``TOPIX.csv line 17``.
        prices: the columns of ``RawPrices``.

    Raises:
        UserError: no rows, a date out of order or doubled, two rows of one period, a price missing, not finite or not
            positive, a high below the low, an open or close outside them.
    """
    _check_order(session, where)
    _check_reach(session, where)
    checked = _checked(prices, where)
    columns = (prices["open_"], prices["high"], prices["low"], prices["close"])
    real = tradable_opens(session, *columns, around_the_clock=is_round_the_clock(instrument.mic))
    period = period_of(session)
    last = last_sessions(instrument.mic, session, period)
    _check_periods(session, last, period, where)
    open_at, close_at = stamp_prices(instrument.mic, last)
    real &= period is Period.DAILY
    return _frozen(Bars(instrument, source, last, open_at, close_at, **checked, open_is_real=real, period=period))


def make_intraday_bars(
    instrument: Instrument,
    source: Source,
    *,
    session: Sessions,
    open_at: Instants,
    close_at: Instants,
    where: Callable[[int], str],
    **prices: Unpack[RawPrices],
) -> Bars:
    """Return validated bars that have their own instants. An open is a traded price wherever there is one.

    Args:
        instrument: what the prices are of.
        source: where they come from.
        session: the session each bar belongs to, datetime64[D], such as ``datasets.markets.sessions.session_of`` gives.
        open_at: when each bar opens (int64 ns, UTC, whole milliseconds); equal to ``close_at`` for a single print.
        close_at: when each bar closes; the next one does not open before.
        where: names the place of a row for an error, such as ``USDJPY.csv line 17``.
        prices: the columns of ``RawPrices``.

    Raises:
        UserError: no rows, instants that do not ascend or overlap, a session out of order or far from its instant, a
            price missing, not finite or not positive, a high below the low, an open or close outside them.
    """
    _check_instants(open_at, close_at, where)
    _check_labels(session, close_at, where)
    _check_reach(session, where)
    checked = _checked(prices, where)
    real = np.isfinite(prices["open_"]) | (open_at == close_at)
    return _frozen(Bars(instrument, source, session, open_at, close_at, **checked, open_is_real=real, intraday=True))


def _checked(prices: RawPrices, where: Callable[[int], str]) -> dict[str, Any]:
    """Return the columns of bars by name, prices that are missing filled from the others."""
    open_, high, low, close = prices["open_"], prices["high"], prices["low"], prices["close"]
    _check_prices({"open": open_, "high": high, "low": low, "close": close}, where)
    _check_range(open_, high, low, close, where)
    filled = np.where(np.isfinite(open_), open_, close)
    highest, lowest = np.fmax(np.fmax(high, filled), close), np.fmin(np.fmin(low, filled), close)
    return {"open": filled, "high": highest, "low": lowest, "close": close, "volume": prices["volume"]}


def _frozen(bars: Bars) -> Bars:
    for value in astuple(bars):
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return bars


def _refuse(wrong: Flags, where: Callable[[int], str], text: Callable[[int], str]) -> None:
    """Raise a UserError for the first marked row."""
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise UserError(f"{where(row)}: {text(row)}")


def _check_some(n: int, where: Callable[[int], str]) -> None:
    if not n:
        raise UserError(f"{where(0)}: no rows; a price file needs at least one bar")


def _check_order(session: Sessions, where: Callable[[int], str]) -> None:
    _check_some(len(session), where)
    step = np.append(1, np.diff(session).astype(np.int64))

    def text(r: int) -> str:
        what = "appears twice" if step[r] == 0 else f"comes after {session[r - 1]}"
        return f"date {session[r]} {what}; dates must ascend, each once"

    _refuse(step <= 0, where, text)


def _check_periods(session: Sessions, last: Sessions, period: Period, where: Callable[[int], str]) -> None:
    twice = np.append(False, np.diff(last).astype(np.int64) <= 0)
    _refuse(
        twice,
        where,
        lambda r: f"{session[r - 1]} and {session[r]} are in one period of {period} bars; give one row a period",
    )


def _check_instants(open_at: Instants, close_at: Instants, where: Callable[[int], str]) -> None:
    _check_some(len(close_at), where)

    def opens(r: int) -> str:
        return f"the bar opens {iso_z(int(open_at[r]))}"

    partial_ms = (open_at % _MS != 0) | (close_at % _MS != 0)
    _refuse(partial_ms, where, lambda r: f"{iso_z(int(open_at[r]))} is no whole millisecond")
    _refuse(open_at > close_at, where, lambda r: f"{opens(r)}, after it closes")
    back = np.append(False, np.diff(open_at) <= 0)
    _refuse(back, where, lambda r: f"{opens(r)}, as or before the last one did")
    back = np.append(False, np.diff(close_at) <= 0)
    _refuse(back, where, lambda r: f"the bar closes {iso_z(int(close_at[r]))}, as or before the last one did")
    overlap = np.append(False, open_at[1:] < close_at[:-1])
    _refuse(overlap, where, lambda r: f"{opens(r)}, before the last one has closed")


def _check_labels(session: Sessions, close_at: Instants, where: Callable[[int], str]) -> None:
    """Refuse sessions that go back, or that lie more than MAX_LABEL_DAYS from the date of their instant."""
    back = np.append(False, np.diff(session).astype(np.int64) < 0)
    date = close_at.astype("datetime64[ns]").astype("datetime64[D]")
    far = np.abs((session - date).astype(np.int64)) > MAX_LABEL_DAYS
    for wrong, what in ((back, "comes after a later one"), (far, "is not that of its instant")):
        _refuse(wrong, where, lambda r, w=what: f"session {session[r]} of {iso_z(int(close_at[r]))} {w}")  # type: ignore[misc]


def _check_reach(session: Sessions, where: Callable[[int], str]) -> None:
    outside = (session < FIRST_DATE) | (session > LAST_DATE)
    _refuse(outside, where, lambda r: f"date {session[r]}; dates must lie between {FIRST_DATE} and {LAST_DATE}")


def _check_prices(prices: dict[str, Floats], where: Callable[[int], str]) -> None:
    for name, values in prices.items():
        wrong = ~(values > 0) | np.isinf(values)
        if name != "close":
            wrong &= ~np.isnan(values)
        _refuse(wrong, where, lambda r, n=name, v=values: f"{n} is {v[r]:g}; {_MUST}")  # type: ignore[misc]


def _check_range(open_: Floats, high: Floats, low: Floats, close: Floats, where: Callable[[int], str]) -> None:
    def refuse(wrong: Flags, text: Callable[[int], str]) -> None:
        _refuse(wrong, where, lambda r: f"{text(r)}; correct the row, or leave open, high and low empty")

    up, down = 1 + _ROUNDING, 1 - _ROUNDING
    refuse(high < low * down, lambda r: f"high {high[r]:g} < low {low[r]:g}")
    for name, price in (("open", open_), ("close", close)):
        refuse(price > high * up, lambda r, n=name, p=price: f"{n} {p[r]:g} > high {high[r]:g}")  # type: ignore[misc]
        refuse(price < low * down, lambda r, n=name, p=price: f"{n} {p[r]:g} < low {low[r]:g}")  # type: ignore[misc]
