"""Placebo calendars: the same trades on other dates, as rows of the reference calendar. One list of dates a line.

Each scheme answers another question. ``shift`` moves all events together and keeps their spacing: deterministic, the
identity is among its lists. ``stratified`` draws each event anew among sessions like its own. ``years`` keeps the slot
in the year and asks which years. An observation keeps its own trades wherever it is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from datasets.errors import UserError
from datasets.instants import Sessions
from datasets.prices.bars import Bars, Flags
from engine.study.sample import Observation, Sample
from engine.study.shapes import Rows, close_returns

ENUMERATED_UP_TO = 200_000
"""So many choices of years are enumerated; above it they are drawn."""
MIN_POOL = 30
"""A stratum of fewer sessions is widened, and the report says so."""
VOLATILITY_SESSIONS = 60
SLOT_DAYS = 15
"""Events lie in one slot of the year when hardly one is more days from their median date."""
MOST_FAR = 0.1
"""The share of events that may be known late (a recount) and still belong to the slot: they keep their own date."""
DRAWS = (1, 1_000_000)


class Scheme(StrEnum):
    """How placebo dates are chosen."""

    STRATIFIED = "stratified"
    SHIFT = "shift"
    YEARS = "years"


@dataclass(frozen=True, eq=False)
class Calendars:
    """Placebo lists: ``rows`` is lists x observations, in the order of the sample's usable ones.

    ``exact``: every list the scheme has is there, the identity among them. ``told``: what a reader must know of them.
    """

    scheme: Scheme
    rows: Rows
    exact: bool
    told: tuple[str, ...] = ()


def calendars(sample: Sample, scheme: Scheme, *, draws: int, seed: int, fits: Sequence[Flags]) -> Calendars | str:
    """Return the placebo calendars of a scheme, or why there are none.

    Args:
        sample: its usable observations are sent elsewhere.
        scheme: how.
        draws: how many lists, where the scheme draws.
        seed: of the draws.
        fits: for each usable observation the rows at which its trades fit.

    Raises:
        UserError: draws beyond 1 to 1,000,000.
    """
    if not DRAWS[0] <= draws <= DRAWS[1]:
        raise UserError(f"--draws is {draws}; it must lie between {DRAWS[0]} and {DRAWS[1]:,}")
    if not sample.usable:
        return "no observation with an abnormal return"
    match scheme:
        case Scheme.SHIFT:
            return shifted(sample, fits)
        case Scheme.STRATIFIED:
            return stratified(sample, fits, draws=draws, seed=seed)
        case Scheme.YEARS:
            return which_years(sample, fits, draws=draws, seed=seed)


def shifted(sample: Sample, fits: Sequence[Flags]) -> Calendars | str:
    """Return every circular shift of the events within the span of sessions at which their trades fit.

    A shift that sends an event where its trade would not fit (over the end of the bars, into a hole) is left out.
    """
    anyone = np.flatnonzero(np.any(fits, axis=0))
    low, span = int(anyone[0]), int(anyone[-1] - anyone[0] + 1)
    moved = low + (sample.rows - low + np.arange(span)[:, None]) % span
    whole = np.all([f[moved[:, n]] for n, f in enumerate(fits)], axis=0)
    whole[0] = True
    rows = moved[whole]
    if len(rows) < MIN_POOL:
        return f"only {len(rows)} shifts leave every event a place; at least {MIN_POOL} are needed"
    return Calendars(Scheme.SHIFT, rows, True, (f"{len(rows)} of {span} shifts leave every event a place",))


def stratified(sample: Sample, fits: Sequence[Flags], *, draws: int, seed: int) -> Calendars | str:
    """Return lists in which each event is replaced by a session like its own, away from every event.

    Like its own: the same weekday, month of the year, and tercile of volatility over the 60 sessions before. A stratum
    of fewer than 30 sessions gives up the month, then the volatility, then the weekday.
    """
    strata = _Strata(sample)
    rng = np.random.default_rng(seed)
    columns: list[Rows] = []
    widened: dict[str, int] = {}
    for observation, fit in zip(sample.usable, fits, strict=True):
        pool, given_up = strata.pool(observation, fit)
        if len(pool) < MIN_POOL:
            where = f"{observation.events[0]} has {len(pool)} sessions away from every event to be sent to"
            return f"{where}; at least {MIN_POOL} are needed ('--placebo shift' moves all events together)"
        widened[given_up] = widened.get(given_up, 0) + 1
        columns.append(pool[rng.integers(len(pool), size=draws)])
    told = tuple(f"{n} of {len(columns)} matched without {what}" for what, n in sorted(widened.items()) if what)
    return Calendars(Scheme.STRATIFIED, np.stack(columns, axis=1), False, told)


class _Strata:
    """The sessions of the reference by weekday, month and volatility, and which lie away from every event."""

    def __init__(self, sample: Sample) -> None:
        bars = sample.reference
        self.weekday = weekday(bars.session)
        self.month = bars.session.astype("datetime64[M]").astype(np.int64) % 12
        self.regime = volatility_tercile(bars)
        self.away = _away(sample)

    def pool(self, observation: Observation, fits: Flags) -> tuple[Rows, str]:
        """Return the rows an observation may be sent to, and what likeness was given up for want of sessions."""
        row, free = observation.row, fits & self.away
        day, month, regime = (v == v[row] for v in (self.weekday, self.month, self.regime))
        for given_up, like in (("", day & month & regime), ("the month", day & regime), (_TWO, day)):
            rows = np.flatnonzero(free & like)
            if len(rows) >= MIN_POOL:
                return rows, given_up
        return np.flatnonzero(free), "weekday, month or volatility"


_TWO = "the month or volatility"


def weekday(sessions: Sessions) -> NDArray[np.int64]:
    """Return the weekday of dates, Monday being 0.

    >>> weekday(np.array(["2026-02-09"], dtype="datetime64[D]"))
    array([0])
    """
    day: NDArray[np.int64] = (sessions.astype(np.int64) + 3) % 7
    return day


def volatility_tercile(bars: Bars) -> NDArray[np.int64]:
    """Return 0, 1 or 2 for each session by the spread of the 60 returns before it; -1 where there are fewer."""
    returns = np.nan_to_num(close_returns(bars))
    total, squares = (np.concatenate(([0.0], np.cumsum(v))) for v in (returns, returns**2))
    n, rows = VOLATILITY_SESSIONS, np.arange(VOLATILITY_SESSIONS + 1, len(bars))
    mean = (total[rows] - total[rows - n]) / n
    spread = (squares[rows] - squares[rows - n]) / n - mean**2
    tercile = np.full(len(bars), -1)
    if len(spread):
        tercile[rows] = np.searchsorted(np.quantile(spread, [1 / 3, 2 / 3]), spread)
    return tercile


def _away(sample: Sample) -> Flags:
    """Return the sessions from which the longest window reaches into no event's own window."""
    observations = (*sample.usable, *sample.lost)
    length = max(o.reach for o in observations)
    away = np.ones(len(sample.reference), dtype=bool)
    for each in observations:
        away[max(each.row - length, 0) : each.row + each.reach] = False
    return away


def which_years(sample: Sample, fits: Sequence[Flags], *, draws: int, seed: int) -> Calendars | str:
    """Return every choice of as many years as there are events, each year at the events' slot in it.

    An event's own year keeps its own date. Above 200,000 choices they are drawn. The trades go to the years in order.
    """
    slots = _slots(sample, fits)
    if isinstance(slots, str):
        return slots
    rows, own = slots
    n, k = len(rows), len(own)
    if comb(n, k) <= ENUMERATED_UP_TO:
        chosen = np.array(list(combinations(range(n), k)), dtype=np.intp).reshape(-1, k)
        return Calendars(Scheme.YEARS, rows[chosen], True, (f"all {len(chosen):,} choices of {k} of {n} years",))
    rng = np.random.default_rng(seed)
    chosen = np.argsort(rng.random((draws, n)), axis=1)[:, :k]
    chosen.sort(axis=1)
    return Calendars(Scheme.YEARS, rows[chosen], False, (f"drawn from {comb(n, k):,} choices of {k} of {n} years",))


def _slots(sample: Sample, fits: Sequence[Flags]) -> tuple[Rows, Rows] | str:
    """Return the row of the slot in each year, and the rows of the events themselves; or why there is no slot."""
    session, rows = sample.reference.session, sample.rows
    years = session[rows].astype("datetime64[Y]").astype(np.int64)
    if len(set(years)) < len(years):
        return "two events fall in one year"
    day = (session[rows] - session[rows].astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    middle = float(np.median(day))
    far = int((np.abs(day - middle) > SLOT_DAYS).sum())
    if far > len(day) * MOST_FAR:
        return f"{far} of {len(day)} events lie more than {SLOT_DAYS} days from their median date in the year"
    usual = int(np.bincount(weekday(session[rows])).argmax())
    every = np.unique(session.astype("datetime64[Y]").astype(np.int64))
    found = [rows[years == y][0] if y in years else _slot(session, y, middle, usual) for y in every]
    everywhere = np.all(fits, axis=0)
    kept = np.array([r for r in found if r >= 0 and (everywhere[r] or r in rows)], dtype=np.intp)
    if len(kept) <= len(rows):
        return "no other year has bars at the events' slot"
    return kept, rows


def _slot(session: Sessions, year: int, day: float, usual: int) -> int:
    """Return the row of the session of a weekday nearest to a day of a year; -1 where none is within a week."""
    target = np.datetime64(int(year), "Y").astype("datetime64[D]") + int(day)
    first, last = np.searchsorted(session, [target - 3, target + 4])
    near = [int(r) for r in range(first, last)]
    same = [r for r in near if int(weekday(session[r : r + 1])[0]) == usual]
    return same[0] if same else (near[0] if near else -1)
