"""Placebo calendars: the same trades on other eligible dates, as rows of the reference calendar."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain, combinations
from math import comb
from typing import Any

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from datasets.arrays import Flags, Sessions
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.instants import to_ns, weekday
from datasets.prices.bars import Bars
from engine.plan.plan import Plan
from engine.strategy import Strategy
from engine.strategy.market import BarClock, Market, MarketView, TooFewBarsError
from engine.strategy.strategy_calls import call_strategy
from engine.study.returns import Rows, close_returns
from engine.study.sample import Sample
from engine.study.settings import Scheme

MAX_CALLS = 60_000
"""The limit of the calls of a rule: events are moved to every session, one event after the other, up to it."""
_INSTANTS = ("announced_at", "scheduled_for", "polls_close_at", "known_at", "signal_from")


class _RecordingView(MarketView, frozen=True):
    """A market view that records the instruments whose prices are read."""

    read: list[str] = field(default_factory=list)

    def bars(self, instrument: str) -> Bars:
        self.read.append(instrument)
        return super().bars(instrument)


def eligible_rows(strategy: Strategy, plan: Plan, events: EventCatalogue, market: Market, ref: Bars) -> Flags | None:
    """Return the rows of the reference calendar at which the rule would trade; None where it reads no price.

    A row is the first session to open after the decision. Events are moved by whole days, all their instants together.
    """
    traded = [events.get(i) for i in dict.fromkeys(t.event_id for t in plan.trades)]
    if not any(_reads_prices(strategy, e, market) for e in traded):
        return None
    eligible = np.zeros(len(ref), dtype=bool)
    for event in traded[: max(1, MAX_CALLS // len(ref))]:
        _mark(eligible, strategy, event, market, ref)
    return eligible


def _reads_prices(strategy: Strategy, event: PoliticalEvent, market: Market) -> bool:
    decided_at = _decided_at(strategy, event, market)
    if decided_at is None:
        return False
    view = _RecordingView(market, decided_at)
    _would_trade(strategy, event.as_known(decided_at), view)
    return bool(view.read)


def _decided_at(strategy: Strategy, event: PoliticalEvent, market: Market) -> datetime | None:
    return call_strategy(strategy, lambda: strategy.decides_at(event, BarClock(market)))


def _mark(eligible: Flags, strategy: Strategy, event: PoliticalEvent, market: Market, ref: Bars) -> None:
    """Mark the rows at which the rule would trade this event."""
    decided_at = _decided_at(strategy, event, market)
    if decided_at is None:
        return
    home = min(int(np.searchsorted(ref.open_at, to_ns(decided_at), side="right")), len(ref) - 1)
    for days in (ref.session - ref.session[home]).astype(int).tolist():
        moved = moved_by(event, timedelta(days=days))
        at = _decided_at(strategy, moved, market)
        row = len(ref) if at is None else int(np.searchsorted(ref.open_at, to_ns(at), side="right"))
        if at is not None and row < len(ref) and not eligible[row]:
            eligible[row] = _would_trade(strategy, moved.as_known(at), MarketView(market, at))


def _would_trade(strategy: Strategy, event: PoliticalEvent, view: MarketView) -> bool:
    try:
        return bool(call_strategy(strategy, lambda: strategy.legs(event, view)))
    except TooFewBarsError:
        return False


def moved_by(event: PoliticalEvent, by: timedelta) -> PoliticalEvent:
    """Return an event at another time, all its instants and its day of the vote moved together."""
    update: dict[str, Any] = {n: at + by for n in _INSTANTS if (at := getattr(event, n)) is not None}
    if event.voted_on is not None:
        update["voted_on"] = event.voted_on + by
    return event.model_copy(update=update)


ENUMERATED_UP_TO = 200_000
"""Up to so many choices are enumerated; more are drawn."""
MIN_POOL = 30
"""A stratum with fewer sessions is widened, and the study says so."""
MIN_WINDOWS = 22
"""With fewer separate windows between the events' own, placebo dates are too alike: it rejects 7 to 8 % at 5 %."""
VOLATILITY_SESSIONS = 60
SLOT_DAYS = 15
"""Events share a slot of the year when almost all lie at most so many days from their median date."""
MOST_FAR = 0.1
"""The share of events that may lie outside the slot (a recount): they keep their own date."""


class Calendars(Struct, frozen=True, eq=False):
    """Placebo lists: ``rows`` is lists x observations, in the order of the usable observations.

    ``exact``: all lists of the scheme are there, the real dates among them. ``notes`` describe the lists.
    """

    scheme: Scheme
    rows: Rows
    exact: bool
    notes: tuple[str, ...] = ()


def calendars(sample: Sample, scheme: Scheme, *, draws: int, seed: int, fits: Sequence[Flags]) -> Calendars | str:
    """Return the placebo calendars of a scheme, or why there are none.

    Args:
        sample: its usable observations are placed on other dates.
        scheme: how the dates are chosen.
        draws: the number of lists, where the scheme draws.
        seed: of the draws.
        fits: for each usable observation the rows at which its trades fit.
    """
    if not sample.usable:
        return "no observation with an abnormal return"
    match scheme:
        case Scheme.SHIFT:
            return shifted(sample, fits)
        case Scheme.STRATIFIED:
            return stratified(sample, fits, draws=draws, seed=seed)
        case Scheme.YEARS:
            return which_years(sample, fits, draws=draws, seed=seed)


def shifted_rows(rows: Rows, low: int, span: int, shifts: Rows) -> Rows:
    """Return (shifts, observations): circular shifts of rows within ``span`` rows from ``low`` on.

    32 bits hold a row, and there may be millions of them.
    """
    made = np.empty((len(shifts), len(rows)), dtype=np.int32)
    for n, row in enumerate(rows.tolist()):
        made[:, n] = low + (row - low + shifts) % span
    return made


def shifted(sample: Sample, fits: Sequence[Flags]) -> Calendars | str:
    """Return every circular shift of the events within the span of sessions at which their trades fit.

    A shift that places an event where its trade does not fit (past the end of the bars, in a gap) is left out.
    """
    fitting = np.flatnonzero(np.any(fits, axis=0))
    low, span = int(fitting[0]), int(fitting[-1] - fitting[0] + 1)
    moved = shifted_rows(sample.rows, low, span, np.arange(span))
    whole = np.all([f[moved[:, n]] for n, f in enumerate(fits)], axis=0)
    whole[0] = True
    rows = moved[whole]
    if len(rows) < MIN_POOL:
        return f"only {len(rows)} shifts leave every event a place; at least {MIN_POOL} are needed"
    return Calendars(Scheme.SHIFT, rows, True, (f"{len(rows)} of {span} shifts leave every event a place",))


def stratified(sample: Sample, fits: Sequence[Flags], *, draws: int, seed: int) -> Calendars | str:
    """Return lists in which each event is replaced by a session like its own, outside every event window.

    A session like its own has the same weekday, month of the year, and tercile of volatility over the 60 sessions
    before. A stratum of fewer than 30 sessions is widened by the month, then the volatility, then the weekday.
    """
    bars, outside = sample.reference, _outside(sample)
    windows = int(outside.sum()) // max(o.reach for o in sample.usable)
    if windows < MIN_WINDOWS:
        return f"sessions outside event windows make {windows} separate windows; at least {MIN_WINDOWS} are needed"
    months = bars.session.astype("datetime64[M]").astype(np.int64) % 12
    likeness = (weekday(bars.session), months, volatility_tercile(bars))
    rng = np.random.default_rng(seed)
    columns: list[Rows] = []
    widened: dict[str, int] = {}
    for observation, fit in zip(sample.usable, fits, strict=True):
        day, month, regime = (v == v[observation.row] for v in likeness)
        pool, without = _pool(fit & outside, day, month, regime)
        if len(pool) < MIN_POOL:
            return (
                f"{observation.events[0]} has {len(pool)} sessions outside every event window as placebo dates; at "
                f"least {MIN_POOL} are needed ('--placebo shift' moves all events together)"
            )
        widened[without] = widened.get(without, 0) + 1
        columns.append(pool[rng.integers(len(pool), size=draws)].astype(np.int32))
    notes = tuple(f"{n} of {len(columns)} matched without {what}" for what, n in sorted(widened.items()) if what)
    return Calendars(Scheme.STRATIFIED, np.stack(columns, axis=1), False, notes)


def _pool(free: Flags, day: Flags, month: Flags, regime: Flags) -> tuple[Rows, str]:
    """Return the rows of a stratum, and the criteria it was widened by."""
    strata = (("", day & month & regime), ("the month", day & regime), ("the month or volatility", day))
    for without, like in strata:
        rows = np.flatnonzero(free & like)
        if len(rows) >= MIN_POOL:
            return rows, without
    return np.flatnonzero(free), "weekday, month or volatility"


def _outside(sample: Sample) -> Flags:
    """Return the sessions from which the longest window reaches into no event window."""
    observations = (*sample.usable, *sample.lost)
    length = max(o.reach for o in observations)
    outside = np.ones(len(sample.reference), dtype=bool)
    for each in observations:
        outside[max(each.row - length, 0) : each.row + each.reach] = False
    return outside


def volatility_tercile(bars: Bars) -> NDArray[np.int64]:
    """Return 0, 1 or 2 for each session by the volatility of the 60 returns before it; -1 where there are fewer."""
    returns = np.nan_to_num(close_returns(bars))
    total, squares = (np.concatenate(([0.0], np.cumsum(v))) for v in (returns, returns**2))
    n, rows = VOLATILITY_SESSIONS, np.arange(VOLATILITY_SESSIONS + 1, len(bars))
    mean = (total[rows] - total[rows - n]) / n
    variance = (squares[rows] - squares[rows - n]) / n - mean**2
    tercile = np.full(len(bars), -1)
    if len(variance):
        tercile[rows] = np.searchsorted(np.quantile(variance, [1 / 3, 2 / 3]), variance)
    return tercile


def which_years(sample: Sample, fits: Sequence[Flags], *, draws: int, seed: int) -> Calendars | str:
    """Return every choice of as many years as there are events, each year at the events' slot in it.

    The year of an event keeps the event's own date. More than 200,000 choices are drawn. The trades are assigned to the
    chosen years in order of time.
    """
    slots = _slots(sample, fits)
    if isinstance(slots, str):
        return slots
    n, k = len(slots), len(sample.rows)
    if comb(n, k) <= ENUMERATED_UP_TO:
        chosen = np.fromiter(chain.from_iterable(combinations(range(n), k)), dtype=np.intp).reshape(-1, k)
        return Calendars(Scheme.YEARS, slots[chosen], True, (f"all {len(chosen):,} choices of {k} of {n} years",))
    chosen = np.argsort(np.random.default_rng(seed).random((draws, n)), axis=1)[:, :k]
    chosen.sort(axis=1)
    return Calendars(Scheme.YEARS, slots[chosen], False, (f"drawn from {comb(n, k):,} choices of {k} of {n} years",))


def _slots(sample: Sample, fits: Sequence[Flags]) -> Rows | str:
    """Return the row of the slot in each year, or why there is no slot."""
    session, rows = sample.reference.session, sample.rows
    all_years = session.astype("datetime64[Y]").astype(np.int64)
    years = all_years[rows]
    if len(set(years)) < len(years):
        return "two events fall in one year"
    day = (session[rows] - session[rows].astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    middle = float(np.median(day))
    far = int((np.abs(day - middle) > SLOT_DAYS).sum())
    if far > len(day) * MOST_FAR:
        return f"{far} of {len(day)} events lie more than {SLOT_DAYS} days from their median date in the year"
    usual = int(np.bincount(weekday(session[rows])).argmax())
    slots = [rows[years == y][0] if y in years else _slot(session, y, middle, usual) for y in np.unique(all_years)]
    fit = np.all(fits, axis=0)
    kept = np.array([r for r in slots if r >= 0 and (fit[r] or r in rows)], dtype=np.intp)
    return kept if len(kept) > len(rows) else "no other year has bars at the events' slot"


def _slot(session: Sessions, year: int, day: float, usual: int) -> int:
    """Return the row of the session of a weekday nearest to a day of a year; -1 where none is within a week."""
    target = np.datetime64(int(year), "Y").astype("datetime64[D]") + int(day)
    first, last = np.searchsorted(session, [target - 3, target + 4])
    near = [int(r) for r in range(first, last)]
    same = [r for r in near if int(weekday(session[r : r + 1])[0]) == usual]
    return same[0] if same else (near[0] if near else -1)
