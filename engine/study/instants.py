"""Windows between instants on intraday bars: a market's move compared with that of the same clock time on other days.

The clock is that of the market's exchange, so that a window keeps its place in the trading day when clocks change.
"""

from collections.abc import Sequence
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct

from datasets.arrays import Flags, Floats, Instants
from datasets.errors import UserError
from datasets.instants import NS_PER_DAY, InstantWindow, to_ns
from datasets.markets.exchange_tables import find_exchange
from datasets.prices.bars import Bars
from engine.statistics.event_tests import p_of_t
from engine.statistics.significance import Significance, untested
from engine.study.placebo import randomization_p_value

LEAST = 3
"""The expectation needs at least so many other days."""
FRESH = 4
"""A price at an end of a window is no older than this part of its length."""


class WindowMove(Struct, frozen=True):
    """The move of a market in a window, as a fraction, and that expected: the mean of ``days`` other days.

    ``forecast`` tests the difference by its forecast error s √(1 + 1/days), against t(days - 1); ``placebo`` by the
    place of the move among those of all days, its own among them.
    """

    instrument: str
    window: str
    span: str
    days: int
    move: float
    expected: float | None
    forecast: Significance
    placebo: Significance


def window_moves(bars: Bars, windows: Sequence[InstantWindow], decided_at: Sequence[int]) -> list[WindowMove]:
    """Return the move of a market in each window, compared with other days.

    No other day is one on which a window, or one of the instants ``decided_at`` (ns), lies within the same clock time.

    Raises:
        UserError: daily bars, a window of a day or more, or no price near its ends.
    """
    if not bars.intraday:
        raise UserError(f"--instants needs intraday bars, those of {bars.symbol} are daily: --window counts sessions")
    for window in (w for w in windows if w.ends_at - w.begins_at >= timedelta(days=1)):
        raise UserError(f"{window.name} ({window.span}) lasts a day or more, and would overlap with the next days' own")
    taken = np.array([*((to_ns(w.begins_at), to_ns(w.ends_at)) for w in windows), *((at, at) for at in decided_at)])
    return [_window_move(bars.symbol, w, _moves(bars, w, taken)) for w in windows]


def _moves(bars: Bars, window: InstantWindow, taken: Instants) -> Floats:
    """Return the move in a window, then those of the same clock time on other days, outside ``taken`` (n, 2)."""
    ends, length = _same_clock(bars, window), to_ns(window.ends_at) - to_ns(window.begins_at)
    rows = np.searchsorted(bars.close_at, ends, side="right") - 1
    old = ends - bars.close_at[np.maximum(rows, 0)]
    traded: Flags = (rows[:, 0] >= 0) & (rows[:, 0] < rows[:, 1]) & (old * FRESH <= length).all(axis=1)
    if not traded[0]:
        raise UserError(
            f"{bars.symbol} has no price within a quarter of {window.name} ({window.span}) before each of its ends; it "
            f"has {bars.span()}"
        )
    free = ~((ends[1:, :1] < taken[:, 1]) & (ends[1:, 1:] > taken[:, 0])).any(axis=1)
    rows = rows[traded & np.concatenate(([True], free))]
    return np.asarray(bars.close[rows[:, 1]] / bars.close[rows[:, 0]] - 1)


def _same_clock(bars: Bars, window: InstantWindow) -> Instants:
    """Return (days, 2): the ends of a window, then those of the same clock time on each other day of the bars."""
    zone = ZoneInfo(find_exchange(bars.instrument.mic).zone)
    local = [at.astimezone(zone) for at in (window.begins_at, window.ends_at)]
    first, last = (int(bars.close_at[row] - to_ns(window.begins_at)) // NS_PER_DAY for row in (0, -1))
    days = [0, *(day for day in range(first - 1, last + 2) if day)]
    return np.array([[to_ns((at + timedelta(days=day)).astimezone(UTC)) for at in local] for day in days])


def _window_move(symbol: str, window: InstantWindow, moves: Floats) -> WindowMove:
    move, others = float(moves[0]), moves[1:]
    m, s = len(others), float(others.std(ddof=1)) if len(others) > 1 else 0.0
    by_t, by_place = "t by the forecast error", "placebo on the move"
    if m < LEAST or s == 0:
        reason = f"{m} other days have prices at the same clock time; at least {LEAST} that vary are needed"
        tests = untested(by_t, m, reason), untested(by_place, m, reason)
        return WindowMove(symbol, window.name, window.span, m, move, None, *tests)
    expected = float(others.mean())
    t = (move - expected) / (s * (1 + 1 / m) ** 0.5)
    forecast = Significance(by_t, m, t, p_of_t(t, m - 1), f"t({m - 1})")
    placebo = randomization_p_value(by_place, move, moves, n=m, exact=True)
    return WindowMove(symbol, window.name, window.span, m, move, expected, forecast, placebo)
