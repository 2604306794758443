"""How volatile the events' sessions are: compared with usual sessions, placebo dates and what options priced.

Białkowski, Gottschalk and Wisniewski (2008, J. Banking & Finance 32:1941), after Hilliard and Savickas: a session's
abnormal log return is the return less the mean over sessions -270 to -21, whose variance is s². Session 0 is the first
to close after an event was known. Without an event, M and z² are 1 on average.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct

from datasets.arrays import Flags, Floats
from datasets.errors import UserError
from datasets.instants import NS_PER_DAY
from datasets.prices.bars import Bars
from engine.statistics.event_tests import cross_sectional_t, sign
from engine.statistics.significance import Significance, untested
from engine.study.paths import BAND, finite, legs_at, picked
from engine.study.placebo import randomization_p_value
from engine.study.prepare import Prepared
from engine.study.returns import Rows, clipped_sums, close_returns

ESTIMATION, MIN_SESSIONS = (-270, -21), 120
"""The sessions of the usual variance, and how many of these 250 it needs."""
SESSIONS = np.arange(-10, 11)
WINDOWS = ((0, 0), (-2, 2), (0, 4), (-10, -1))
"""The windows of sessions that are tested; the first is the primary one."""
ABSOLUTE = float(np.sqrt(2 / np.pi))
"""The mean size of a normal move of standard deviation 1, 0.798: about what a straddle at the money costs."""
TRADING_DAYS, FRESH, HIGHEST = 252, 5 * NS_PER_DAY, 200
"""Of a volatility index: the days of its year, how old its close may be, and a level it never reaches."""
_EVENT = slice(1)


class VarianceRow(Struct, frozen=True):
    """M of one session; ``low`` and ``high`` enclose nine of ten placebo lists."""

    session: int
    m: float | None
    low: float | None
    high: float | None


class VarianceWindow(Struct, frozen=True):
    """The mean M of a window of sessions, its CAV (the sum of M - 1), and the placebo test of the mean log z²."""

    first: int
    last: int
    mean_m: float | None
    cav: float | None
    test: Significance


class EventMove(Struct, frozen=True):
    """The move of session 0 after one event, as a fraction; ``straddle`` is its size less 0.798 standard deviations.

    ``implied`` is the standard deviation of a session that options priced before the event, ``ratio`` the size of the
    move over it; the straddle's is ``implied``, or where that is missing s.
    """

    event: str
    instrument: str
    session: str
    move: float
    z2: float
    implied: float | None
    ratio: float | None
    straddle: float


class EventVariance(Struct, frozen=True):
    """The volatility of the events' sessions; ``above`` counts the events whose z² of session 0 is above 1.

    ``sign`` tests that count against one half, ``straddle`` whether the straddles' mean is 0. ``implied`` names the
    volatility index; ``missing`` are the events without an estimate of their variance.
    """

    n: int
    mean_z2: float
    above: int
    sign: Significance
    mean_straddle: float
    straddle: Significance
    implied: str | None
    by_session: tuple[VarianceRow, ...]
    windows: tuple[VarianceWindow, ...]
    events: tuple[EventMove, ...]
    missing: tuple[str, ...]


class _Series(Struct, frozen=True, eq=False):
    """A market: log returns, their mean and s² by bar; ``zeros``: session 0 of the event, then of each placebo list."""

    event: str
    bars: Bars
    zeros: Rows
    returns: Floats
    mean: Floats
    variance: Floats

    def at(self, lists: slice | Rows) -> tuple[Floats, Floats]:
        """Return the abnormal returns (dates, sessions) around the bars of session 0, and s² (dates,)."""
        zeros, last = self.zeros[lists], len(self.returns) - 1
        rows, kept = zeros[:, None] + SESSIONS, np.clip(zeros, 0, last)
        inside = (rows >= 0) & (rows <= last)
        abnormal = np.where(inside, self.returns[np.clip(rows, 0, last)], np.nan) - self.mean[kept][:, None]
        return abnormal, self.variance[kept]

    def z2(self, lists: slice | Rows) -> Floats:
        """Return z² (dates, sessions)."""
        abnormal, variance = self.at(lists)
        return np.asarray(abnormal**2 / variance[:, None])


def event_variance(prepared: Prepared, known_at: Mapping[str, int], implied: Bars | None) -> EventVariance | str:
    """Return the volatility of the sessions around the events, or why it is not available.

    An observation is its first event in the market of its first leg. ``known_at`` says when each event was known (ns);
    ``implied`` are the bars of a volatility index, in per cent a year.

    Raises:
        UserError: the index is at a level that no volatility has.
    """
    if implied is not None and implied.close.max() > HIGHEST:
        level = f"{implied.symbol} is at {implied.close.max():,.2f}"
        raise UserError(f"--implied: {level}; name a volatility index in per cent a year, such as VIX")
    series = [_series(prepared, n, known_at) for n in range(len(prepared.samples[0].usable))]
    known = [s for s in series if np.isfinite(s.z2(_EVENT)[0, _within(0, 0)]).all()]
    if not known:
        return f"no event has {MIN_SESSIONS} sessions from {ESTIMATION[0]} to {ESTIMATION[1]} before it"
    events = tuple(_move(s, known_at[s.event], implied) for s in known)
    size, straddles = (np.array([getattr(e, name) for e in events]) for name in ("z2", "straddle"))
    m = _m_of(known, _EVENT)[0]
    lists = _m_of(known, 1 + picked(len(known[0].zeros) - 1))
    lists = lists[np.isfinite(lists).all(axis=1)]
    low, high = np.quantile(lists, BAND, axis=0) if len(lists) else np.full((2, len(SESSIONS)), np.nan)
    return EventVariance(
        n=len(known),
        mean_z2=float(size.mean()),
        above=int((size > 1).sum()),
        sign=sign(size - 1),
        mean_straddle=float(straddles.mean()),
        straddle=cross_sectional_t(straddles),
        implied=None if implied is None else implied.symbol,
        by_session=tuple(VarianceRow(int(s), *map(finite, v)) for s, *v in zip(SESSIONS, m, low, high, strict=True)),
        windows=tuple(_windows(known, m, prepared)),
        events=events,
        missing=tuple(s.event for s in series if s not in known),
    )


def _series(prepared: Prepared, column: int, known_at: Mapping[str, int]) -> _Series:
    """Return the market of an observation, with the estimates of every bar."""
    observation, placebos = prepared.samples[0].usable[column], prepared.of_trades
    drawn: Iterable[int] = [] if isinstance(placebos, str) else placebos.calendars.rows[:, column]
    rows = np.array([observation.row, *drawn], dtype=np.intp)
    leg, zero, moved = next(legs_at(observation, known_at, rows, prepared.model))
    bars = prepared.model.bars[leg.shape.instrument]
    returns = np.log1p(close_returns(bars))
    used = np.isfinite(returns) & ~prepared.model.inside[bars.symbol]
    n, total, squares = (clipped_sums(np.where(used, returns**k, 0.0), *ESTIMATION) for k in (0, 1, 2))
    n = np.where(n >= MIN_SESSIONS, n, np.nan)
    variance = (squares - total**2 / n) / (n - 1)
    variance = np.where(variance > 0, variance, np.nan)
    return _Series(observation.events[0], bars, moved + zero, returns, total / n, variance)


def volatility_multiple(abnormal: Floats, variance: Floats) -> Floats:
    """Return M (..., sessions): the sum of (N A_i - sum of A)² / (N (N - 2) s²_i + sum of s²), over N - 1.

    A is (N, ..., sessions), s² (N, ...). NaN with fewer than three events, whose deviations say nothing.
    """
    n = len(variance)
    if n < 3:
        return np.full(abnormal.shape[1:], np.nan)
    usual = n * (n - 2) * variance + variance.sum(axis=0)
    return np.asarray(((n * abnormal - abnormal.sum(axis=0)) ** 2 / usual[..., None]).sum(axis=0) / (n - 1))


def _m_of(known: Sequence[_Series], lists: slice | Rows) -> Floats:
    """Return M (lists, sessions)."""
    abnormal, variance = (np.array(v) for v in zip(*(s.at(lists) for s in known), strict=True))
    return volatility_multiple(abnormal, variance)


def _windows(known: Sequence[_Series], m: Floats, prepared: Prepared) -> Iterator[VarianceWindow]:
    """Yield each window with its test; the mean is that of the events that have an estimate, there or in a list."""
    n, name, placebos = len(known), "placebo on the mean log z²", prepared.of_trades
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.array([[np.log(s.z2(slice(None))[:, _within(*w)]).mean(axis=1) for w in WINDOWS] for s in known])
        means = np.where(np.isfinite(logs), logs, 0.0).sum(axis=0) / np.isfinite(logs).sum(axis=0)
    for (first, last), each in zip(WINDOWS, means, strict=True):
        inside, (value, *lists) = _within(first, last), each.tolist()
        test = untested(name, n, str(placebos))
        if not isinstance(placebos, str):
            test = randomization_p_value(name, value, np.array(lists), n=n, exact=placebos.calendars.exact)
        yield VarianceWindow(first, last, finite(m[inside].mean()), finite((m[inside] - 1).sum()), test)


def _within(first: int, last: int) -> Flags:
    return np.asarray((first <= SESSIONS) & (last >= SESSIONS))


def _move(series: _Series, known_at: int, implied: Bars | None) -> EventMove:
    zero, bars = int(series.zeros[0]), series.bars
    move, sd = float(np.expm1(series.returns[zero])), float(np.sqrt(series.variance[zero]))
    priced = None if implied is None else implied_deviation(implied, known_at)
    ratio, straddle = None if priced is None else abs(move) / priced, abs(move) - ABSOLUTE * (priced or sd)
    z2 = float(series.z2(_EVENT)[0, _within(0, 0)][0])
    return EventMove(series.event, bars.symbol, str(bars.session[zero]), move, z2, priced, ratio, straddle)


def implied_deviation(index: Bars, known_at: int) -> float | None:
    """Return the standard deviation of a session by a volatility index's last close before an instant; None if old."""
    row = int(np.searchsorted(index.close_at, known_at, side="left")) - 1
    if row < 0 or known_at - int(index.close_at[row]) >= FRESH:
        return None
    return float(index.close[row]) / 100 / float(np.sqrt(TRADING_DAYS))
