"""A price table: the rows of a file or an answer as they were found, read but not yet judged."""

from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from datasets.arrays import Floats, Instants, Integers, Sessions
from datasets.markets.instruments import Instrument
from datasets.markets.sessions import session_of
from datasets.prices.bars import Bars, RawPrices, Source, make_bars, make_intraday_bars
from datasets.prices.bond_yields import par_bond_index
from datasets.prices.periods import last_sessions, period_of

SIMULATED = "simulated"
"""The layout of a table of simulated bars: no fact of the world can be compared with it."""


class Unreadable(Struct, frozen=True):
    """A cell that is neither a number nor a date; its row holds NaN (or is left out where the date is unreadable)."""

    line: int
    column: str
    text: str


class PriceTable(Struct, frozen=True, eq=False):
    """Rows in the order in which they were found, which may be descending, doubled or full of gaps.

    Arrays of one length: ``session`` (datetime64[D], exchange-local), ``open high low close volume`` (NaN where the
    cell is empty or unreadable), ``adjusted_close`` (NaN where there is none) and ``line``, the place of a row in the
    file (first data row 2 under a header of one line). ``at`` (int64 ns, UTC) is there for intraday rows only.
    ``layout`` says how the rows were recognised; ``remarks`` what reading had to correct, one sentence each.
    ``utc_offset_hours`` is that of the stamps whose dates the sessions are, else None. ``ticker`` is the name by which
    the file itself calls what it holds, as Yahoo's and FRED's do. ``unit`` is what ``line`` counts: lines, or rows of
    Parquet.
    """

    name: str
    layout: str
    session: Sessions
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    adjusted_close: Floats
    line: Integers
    at: Instants | None = None
    utc_offset_hours: float | None = None
    remarks: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = field(default=())
    ticker: str | None = None
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.session)

    @property
    def prices(self) -> RawPrices:
        """The columns of which bars are made."""
        return RawPrices(open_=self.open, high=self.high, low=self.low, close=self.close, volume=self.volume)

    @property
    def keys(self) -> Integers:
        """What orders the rows: days, or instants where rows are intraday."""
        return self.session.astype(np.int64) if self.at is None else self.at

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> "PriceTable":
        """Return the table with the rows of an index, a mask or a slice, in that order."""
        arrays: dict[str, Any] = {
            n: v[rows] for n in self.__struct_fields__ if isinstance(v := getattr(self, n), np.ndarray)
        }
        return replace(self, **arrays)

    def where(self, row: int) -> str:
        """Return ``TOPIX.csv line 17``: the place of a row, for a message."""
        return f"{self.name} {self.unit} {int(self.line[row])}" if len(self) else self.name


def bars_of(table: PriceTable, instrument: Instrument, source: Source) -> Bars:
    """Return the bars of a table whose rows are clean and in order.

    Intraday rows with nothing but a close are single prints: bars that open as they close. Others are taken to be
    stamped with their beginning, and to last for the most common step between two stamps, or to the next one. Their
    sessions are those of the instrument's exchange, whatever zone the stamps were in. Closes that are yields become
    the prices of a bond, which have no open, high or low.

    Raises:
        UserError: its first bad row, as ``make_bars`` or ``make_intraday_bars`` says it.
    """
    priced = _bond_prices(table, instrument) if instrument.maturity else table
    if priced.at is not None:
        bars = _intraday_bars(priced, priced.at, instrument, source)
    else:
        bars = make_bars(instrument, source, session=table.session, where=table.where, **priced.prices)
    if not instrument.maturity:
        return bars
    text = f"{source.text}; prices of a par bond of {instrument.maturity:g} years, made of its yields"
    return replace(bars, source=replace(source, text=text), yields=table.close)


def _bond_prices(table: PriceTable, instrument: Instrument) -> PriceTable:
    """Return the table with the prices of the par bond whose yields its closes are, each at the end of its period."""
    session, none = table.session, np.full(len(table), np.nan)
    if table.at is None:
        session = last_sessions(instrument.mic, session, period_of(session))
    close = par_bond_index(table.close, session, instrument.maturity)
    return replace(table, open=none, high=none, low=none, close=close)


def table_of(bars: Bars) -> PriceTable:
    """Return the table of a file that would hold just these bars; ``line`` counts from the first bar."""
    return PriceTable(
        name=bars.symbol,
        layout=SIMULATED if bars.source.simulated else "bars",
        session=bars.session,
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        volume=bars.volume,
        adjusted_close=np.full(len(bars), np.nan),
        line=np.arange(1, len(bars) + 1),
        at=bars.open_at if bars.intraday else None,
        unit="bar",
    )


def _intraday_bars(table: PriceTable, at: Instants, instrument: Instrument, source: Source) -> Bars:
    prints = bool(np.isnan([table.open, table.high, table.low]).all())
    close_at = at if prints else _ends(at)
    return make_intraday_bars(
        instrument,
        source,
        session=session_of(instrument.mic, close_at),
        open_at=at,
        close_at=close_at,
        where=table.where,
        **table.prices,
    )


def _ends(begins: Instants) -> Instants:
    """Return when bars end that begin at these instants: a usual step later, or when the next one begins."""
    if len(begins) < 2:
        return begins
    steps = np.diff(begins)
    length, often = np.unique(steps[steps > 0], return_counts=True)
    usual = int(length[often.argmax()]) if len(length) else 0
    ends: Instants = begins + usual
    ends[:-1] = np.maximum(np.minimum(ends[:-1], begins[1:]), begins[:-1])
    return ends
