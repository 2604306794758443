"""Rules on the four prices of a bar: columns under another's label, highs below lows, opens and closes outside them."""

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from datasets.arrays import Flags, Floats
from datasets.prices.checks.case import FINE, PRICES, Case, Flaw, Verdict, number, refusals, with_columns
from datasets.prices.findings import Severity

_ROUNDING = 1e-9
_WINDOW = 30
_BAD_SHARE = 0.3
_FEWEST = 10
_FITS = 0.98
_SWAPPED = 1.6
_SPIKES = 3
_MOST = 0.5


@dataclass(frozen=True)
class _Segment:
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
