"""Rules on single values, and on the four prices of a bar: labels exchanged, highs below lows, closes outside."""

from itertools import permutations
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from datasets.arrays import Flags, Floats
from datasets.prices.checks.case import (
    CLOSED,
    FINE,
    PRICES,
    Case,
    Flaw,
    Severity,
    Verdict,
    flaws_of_runs,
    number,
    plural,
    refusals,
    warnings,
    with_columns,
)

_SIDES = 0.7
_NEGATIVE = 0.05
_ENOUGH = 30
_DIFFERENT = 1e-6
_PEG, _NEAR_ONE = 0.02, 0.02
_MOST_YIELD = 30.0
_NO_MATURITY = "a yield has its maturity in instruments.csv"


def reading(case: Case) -> Verdict:
    """Pass on what reading had to correct."""
    return Verdict(tuple(Flaw(Severity.NOTE, None, remark) for remark in case.table.remarks))


def unreadable(case: Case) -> Verdict:
    """Find cells that are neither a number nor a date."""
    cells = case.table.unreadable
    if not cells:
        return FINE
    rows = {int(line): row for row, line in enumerate(case.table.line)}
    flaws = []
    for cell in cells:
        row = rows.get(cell.line)
        place = f"line {cell.line}: " if row is None else ""  # a row without a date was left out
        text = f"{place}{cell.column} is '{cell.text}', which cannot be read"
        flaws.append(Flaw(Severity.REFUSAL, row, text))
    return Verdict(tuple(flaws), case.table, f"{plural(len(cells), 'cell')} that cannot be read taken as empty")


def yield_columns(case: Case) -> Verdict:
    """Take open, high and low out of a table of yields: the prices of its bond are made of closes.

    Intraday bars are stamped with their beginning: a close without them would count as made then.
    """
    if not case.is_yield or np.isnan(case.prices()[:-1]).all():
        return FINE
    if case.table.at is not None:
        text = "intraday yields have a close alone, at its instant; leave out open, high and low"
        return Verdict((Flaw(Severity.REFUSAL, 0, text, len(case)),))
    none = np.full(len(case), np.nan)
    flaw = Flaw(Severity.NOTE, None, "open, high and low of a yield are not used", len(case))
    return Verdict((flaw,), with_columns(case.table, {"open": none, "high": none, "low": none}))


def not_yields(case: Case) -> Verdict:
    """Find a table of prices that is given as one of yields in per cent."""
    middle = float(np.median(case.table.close)) if case.is_yield else 0.0
    if not middle > _MOST_YIELD:
        return FINE
    text = (
        f"the median close is {number(middle)}, and {case.instrument.symbol} is a yield in per cent (its maturity is "
        f"{case.instrument.maturity:g} years): these are prices; give yields, or an instrument without a maturity"
    )
    return Verdict((Flaw(Severity.REFUSAL, 0, text, len(case)),))


def return_like(case: Case) -> Verdict:
    """Find a table of returns: values that change sign, or jump from one side of their median to the other.

    A price stays on one side of its median for long; independent returns change sides every other row. So does a yield,
    which may be negative: without a maturity it is named.
    """
    close = case.table.close[np.isfinite(case.table.close)]
    if len(close) < _ENOUGH:
        return FINE
    above = close >= np.median(close)
    stays = float((above[1:] == above[:-1]).mean())
    negative = 0.0 if case.is_yield else float((close < 0).mean())
    if negative <= _NEGATIVE and (stays >= _SIDES or _is_pegged(close)):
        return FINE
    what = f"{negative:.0%} of the closes are negative" if negative > _NEGATIVE else "the closes are not correlated"
    sort = "yields or a spread" if stays >= _SIDES else "returns or changes"
    hint = f"; {_NO_MATURITY}" if stays >= _SIDES else ""
    text = f"{what}: these are {sort}, not prices (the first close is {number(close[0])}){hint}"
    none = case.table.take(np.zeros(len(case), dtype=bool)) if negative > _NEGATIVE else None
    return Verdict((Flaw(Severity.REFUSAL, 0, text, len(case)),), none)


def _is_pegged(close: Floats) -> bool:
    """Return whether values keep to a level that is none of returns: not about 0, 1 or 100, as gross returns are."""
    level = float(np.median(close))
    is_of_returns = any(abs(level / one - 1) < _NEAR_ONE for one in (1.0, 100.0))
    return level > 0 and not is_of_returns and float(np.abs(close / level - 1).max()) < _PEG


def empty_row(case: Case) -> Verdict:
    """Leave out rows without any price."""
    empty: Flags = np.all(np.isnan(case.prices()), axis=0)
    session, closed = case.session, case.calendar() == CLOSED
    flaws = flaws_of_runs(
        Severity.WARNING, empty & ~closed, lambda r, n: f"{session[r]} has no price at all; {plural(n, 'row')} left out"
    )
    flaws += flaws_of_runs(
        Severity.NOTE, empty & closed, lambda r, n: f"{session[r]} has no price and was no session; left out"
    )
    return case.without(empty, "without any price", flaws)


def not_positive(case: Case) -> Verdict:
    """Find prices that are zero, negative or infinite."""
    prices = case.prices()
    wrong = np.isinf(prices) if case.is_yield else (prices <= 0) | np.isinf(prices)
    if not wrong.any():
        return FINE
    hint = "" if case.is_yield else f" ({_NO_MATURITY})"

    def text(row: int) -> str:
        name = int(np.flatnonzero(wrong[:, row])[0])
        return f"{case.session[row]} {PRICES[name]} is {prices[name, row]:g}; a price must be finite and above 0{hint}"

    table = with_columns(case.table, dict(zip(PRICES, np.where(wrong, np.nan, prices), strict=True)))
    correction = f"{plural(int(wrong.sum()), 'price')} that cannot be one taken as missing"
    return Verdict(refusals(np.any(wrong, axis=0), text), table, correction)


def missing_close(case: Case) -> Verdict:
    """Find rows that have some price but no close."""
    missing = np.isnan(case.table.close)
    flaws = refusals(missing, lambda r: f"{case.session[r]} has no close, though it has other prices")
    return case.without(missing, "without a close", flaws)


def bad_volume(case: Case) -> Verdict:
    """Take negative or infinite volumes as unknown: no fill depends on them."""
    volume = case.table.volume
    wrong: Flags = (volume < 0) | np.isinf(volume)
    if not wrong.any():
        return FINE
    flaws = warnings(wrong, lambda r: f"{case.session[r]} volume is {volume[r]:g}; taken as unknown")
    table = with_columns(case.table, {"volume": np.where(wrong, np.nan, volume)})
    return Verdict(flaws, table, f"{plural(int(wrong.sum()), 'volume')} that cannot be one taken as unknown")


def adjusted_close(case: Case) -> Verdict:
    """Say that the table has a second, adjusted close, which is not used."""
    rows = np.flatnonzero(np.abs(case.table.adjusted_close / case.table.close - 1) > _DIFFERENT)
    if not len(rows):
        return FINE
    text = (
        f"the adjusted close differs from the close on {plural(len(rows), 'row')} from {case.session[rows[0]]} on; "
        "the close as traded is used (adjustment 'price')"
    )
    return Verdict((Flaw(Severity.NOTE, int(rows[0]), text, len(rows)),))


_ROUNDING = 1e-9
_WINDOW = 30
_BAD_SHARE = 0.3
_FEWEST = 10
_FITS = 0.98
_SWAPPED = 1.6
_SPIKES = 3
_MOST = 0.5


class _Segment(Struct, frozen=True):
    """Rows ``first`` to ``last`` (both in) in which price ``PRICES[i]`` is in the column ``PRICES[holds[i]]``."""

    first: int
    last: int
    holds: tuple[int, ...]

    def text(self) -> str:
        return ", ".join(f"{PRICES[c]} holds the {PRICES[p]}" for p, c in enumerate(self.holds) if p != c)


def rotated_columns(case: Case) -> Verdict:
    """Find rows whose prices are under one another's labels.

    Where labels break the range of many bars, another order of the columns is looked for in which no range is broken;
    among several the one whose opens lie nearest to the closes before them. An open exchanged with the close breaks no
    range: it shows when each close lies nearer to the open before it than each open to the close before it.
    """
    columns = case.prices()
    segments = _broken(columns) or _turned(columns)
    if not segments:
        return FINE
    session, line, unit = case.session, case.table.line, case.table.unit
    flaws = tuple(
        Flaw(
            Severity.REFUSAL,
            s.first,
            f"from {session[s.first]} to {session[s.last]} ({unit} {line[s.last]}) the labels are wrong: {s.text()}; "
            "correct the file",
            s.last - s.first + 1,
        )
        for s in segments
    )
    prices = dict(zip(PRICES, _under_their_labels(columns, segments), strict=True))
    return Verdict(flaws, with_columns(case.table, prices))


def _under_their_labels(columns: Floats, segments: list[_Segment]) -> Floats:
    """Return the columns under their labels, so that the rules that follow see the prices.

    A row without one of the exchanged prices stays as it is: it would be left without a close.
    """
    right = columns.copy()
    for s in segments:
        moved = [p for p, c in enumerate(s.holds) if p != c]
        rows = np.arange(s.first, s.last + 1)
        rows = rows[np.isfinite(columns[moved][:, rows]).all(axis=0)]
        right[:, rows] = columns[list(s.holds)][:, rows]
    return right


def _in_range(columns: Floats, holds: tuple[int, ...] = (0, 1, 2, 3)) -> Flags:
    """Mark the rows that are bars when price i is taken from the column ``holds[i]``; a missing price is in range."""
    open_, high, low, close = columns[list(holds)]
    top, bottom = np.fmax(open_, close), np.fmin(open_, close)
    out = (high < low * (1 - _ROUNDING)) | (top > high * (1 + _ROUNDING)) | (bottom < low * (1 - _ROUNDING))
    return np.asarray(~out)


def _broken(columns: Floats) -> list[_Segment]:
    """Return the segments in which the labels break the range of many bars and another order does not."""
    bad = ~_in_range(columns)
    if bad.sum() < _FEWEST:
        return []
    segments = [_relabelled(columns, first, last) for first, last in _dense(bad)]
    return [s for s in segments if s is not None]


def _dense(bad: Flags) -> list[tuple[int, int]]:
    """Return first and last bad row of each segment in which at least ``_BAD_SHARE`` of the rows are bad."""
    rows = np.flatnonzero(bad)
    cuts = np.flatnonzero(np.diff(rows) > _WINDOW)
    firsts, lasts = np.append(0, cuts + 1), np.append(cuts, len(rows) - 1)
    spans = [(int(rows[a]), int(rows[b]), int(b - a + 1)) for a, b in zip(firsts, lasts, strict=True)]
    return [(a, b) for a, b, n in spans if n >= _FEWEST and n >= _BAD_SHARE * (b - a + 1)]


def _relabelled(columns: Floats, first: int, last: int) -> _Segment | None:
    part = columns[:, first : last + 1]
    fitting = [p for p in permutations(range(4)) if _in_range(part, p).mean() >= _FITS]
    if not fitting:
        return None
    overnight = {p: float(np.nansum(np.abs(np.log(part[p[0]][1:] / part[p[3]][:-1])))) for p in fitting}
    return _Segment(first, last, min(fitting, key=lambda p: overnight[p]))


def _turned(columns: Floats) -> list[_Segment]:
    """Return the segments in which open and close are exchanged.

    In such a window most moves from a close to the next open are too long, and so is their sum less its largest: one
    or two wrong prices say nothing about the labels of their neighbours.
    """
    open_, _, _, close = columns
    if len(close) <= _WINDOW:
        return []
    has_open = np.isfinite(open_) & (open_ != close)
    night = np.abs(np.log(open_[1:] / close[:-1]))
    other = np.abs(np.log(close[1:] / open_[:-1]))
    usable = has_open[1:] & has_open[:-1] & np.isfinite(night) & np.isfinite(other)
    counts = _windows(usable).sum(axis=1)
    most = _windows(usable & (night > other)).sum(axis=1) > _MOST * counts
    longer = _calm_sum(np.where(usable, night, 0.0)) > _SWAPPED * _calm_sum(np.where(usable, other, 0.0))
    windows = np.flatnonzero((counts >= _WINDOW // 2) & most & longer)
    if not len(windows):
        return []
    cuts = np.flatnonzero(np.diff(windows) > _WINDOW)
    firsts, lasts = windows[np.append(0, cuts + 1)], windows[np.append(cuts, len(windows) - 1)]
    return [_Segment(int(a), int(b) + _WINDOW - 1, (3, 1, 2, 0)) for a, b in zip(firsts, lasts, strict=True)]


def _windows(values: NDArray[Any]) -> NDArray[Any]:
    """Return a row for each window of ``_WINDOW`` bars: the values of the steps between them."""
    return sliding_window_view(values, _WINDOW - 1)


def _calm_sum(moves: Floats) -> Floats:
    """Return the sum of the moves of each window, less its ``_SPIKES`` largest."""
    windows = _windows(moves)
    largest = np.partition(windows, -_SPIKES, axis=1)[:, -_SPIKES:]
    return np.asarray(windows.sum(axis=1) - largest.sum(axis=1))


def high_below_low(case: Case) -> Verdict:
    """Find bars whose high lies below their low."""
    high, low = case.table.high, case.table.low
    wrong: Flags = high < low * (1 - _ROUNDING)
    flaws = refusals(wrong, lambda r: f"{case.session[r]} high {number(high[r])} < low {number(low[r])}")
    return case.without_range(wrong, flaws)


def outside_range(case: Case) -> Verdict:
    """Find bars whose open or close lies outside their low and high."""
    open_, high, low, close = case.prices()
    outside = {
        name: (price > high * (1 + _ROUNDING)) | (price < low * (1 - _ROUNDING))
        for name, price in (("close", close), ("open", open_))
    }

    def text(row: int) -> str:
        name = next(n for n, rows in outside.items() if rows[row])
        price = number(getattr(case.table, name)[row])
        return f"{case.session[row]} {name} {price} lies outside low {number(low[row])} to high {number(high[row])}"

    wrong = outside["close"] | outside["open"]
    return case.without_range(wrong, refusals(wrong, text))
