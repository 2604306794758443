"""Rules that compare a table with the calendar of its exchange: gaps, bars on closed days, partial days, back-casts."""

import numpy as np

from datasets.arrays import Flags, Sessions
from datasets.instants import to_ns, weekday
from datasets.markets.sessions import stamp_prices
from datasets.prices.checks.case import (
    CLOSED,
    FINE,
    SESSION,
    UNKNOWN,
    Case,
    Flaw,
    Severity,
    Verdict,
    calendar_of,
    number,
    plural,
    previous,
    refusals,
    runs,
    warnings,
)
from datasets.prices.checks.dates import is_daily
from datasets.prices.periods import last_sessions, period_of

_SATURDAY, _SUNDAY = 5, 6
_SHIFTED_ROWS = 2
_USUAL_WEEKENDS = 10
_SHIFTED_SHARE = 0.5
_LONG_GAP_DAYS = 10
_CALENDARS_SURE = np.datetime64("1990-01-01", "D")
_LAST_VOLUMES = 20
_LITTLE = 1 / 3


def shifted_dates(case: Case, *, early: bool) -> Verdict:
    """Find weekend bars that take the place of a missing weekday: a run of dates is a day too late or too early.

    A day late, Monday's bar is dated Tuesday and Friday's Saturday: that Monday or the next is missing. A day early,
    Friday is missing, and each close would be known a day before it was made. Genuine Saturday sessions leave both in
    their place.
    """
    session, day = case.session, weekday(case.session)
    if not is_daily(case) or not np.any(day >= _SATURDAY):
        return FINE
    late = (day == _SATURDAY) & (_is_missing(case, session - 5) | _is_missing(case, session + 2))
    before = (day == _SUNDAY) & (_is_missing(case, session + 5) | _is_missing(case, session - 2))
    wrong, weekend = late | before, (day >= _SATURDAY) & (case.calendar() != SESSION)
    if wrong.sum() < max(_SHIFTED_ROWS, _SHIFTED_SHARE * weekend.sum()):
        return FINE
    names = {_SATURDAY: "a Saturday, and the next Monday or the last one", _SUNDAY: "a Sunday, and the Friday"}

    def text(r: int) -> str:
        shift = "early: say the zone of the sessions with --zone" if early else "late"
        return f"{session[r]} is {names[int(day[r])]} is missing: the dates are a day too {shift}"

    return Verdict(refusals(before if early else late, text))


def _is_missing(case: Case, days: Sessions) -> Flags:
    """Mark days inside the span of the table that are, or by their weekday may be, sessions and have no row."""
    session = case.session
    known = calendar_of(case.instrument.mic, days)
    inside = (days > session[0]) & (days < session[-1])
    may_be = (known == SESSION) | ((known == UNKNOWN) & (weekday(days) < _SATURDAY))
    return np.asarray(inside & may_be & ~np.isin(days, session))


def closed_day(case: Case) -> Verdict:
    """Judge bars on days that are closed by the exchange's calendar.

    A bar that only repeats the close before it is no trading: it is left out. One that moves is kept: the calendar may
    not know a special session.
    """
    if not is_daily(case):
        return FINE
    session, close, mic = case.session, case.table.close, case.instrument.mic
    closed = (case.calendar() == CLOSED) & ~_usual_weekends(case)
    last, prices = previous(close), case.prices()
    phantom = closed & ((prices == last) | np.isnan(prices)).all(axis=0) & (close == last)
    flaws = warnings(phantom, lambda r: f"{session[r]} is no session of {mic} and repeats the last close; left out")
    flaws += warnings(
        closed & ~phantom,
        lambda r: (
            f"{session[r]} is no session of {mic} by its calendar; a special session, or a row that should not be "
            f"there (close {number(close[r])})"
        ),
    )
    return case.without(phantom, "on closed days", flaws)


def weekend_bar(case: Case) -> Verdict:
    """Name bars on weekends in years that have many, or before the calendar begins: half Saturdays were usual once."""
    if not is_daily(case):
        return FINE
    session = case.session
    beyond = ((case.calendar() == UNKNOWN) & (weekday(session) >= _SATURDAY)) | _usual_weekends(case)
    year = session.astype("datetime64[Y]")
    flaws = []
    for which in np.unique(year[beyond]):
        rows = np.flatnonzero(beyond & (year == which))
        bars = f"{plural(len(rows), 'bar')} on weekends of {which}, from {session[rows[0]]} on"
        flaws.append(Flaw(Severity.WARNING, int(rows[0]), f"{bars}, which the calendar does not know", len(rows)))
    return Verdict(tuple(flaws))


def _usual_weekends(case: Case) -> Flags:
    """Mark weekend bars of years that have ten or more of them: sessions, though the calendar knows none."""
    weekend = (weekday(case.session) >= _SATURDAY) & (case.calendar() != SESSION)
    year = case.session.astype("datetime64[Y]").astype(np.int64)
    many = np.bincount(year[weekend] - year.min(), minlength=int(np.ptp(year)) + 1) >= _USUAL_WEEKENDS
    return np.asarray(weekend & many[year - year.min()])


def gap(case: Case) -> Verdict:
    """List every run of sessions without a bar; before the calendar begins, every gap of more than ten days.

    Before 1990 calendars do not have every holiday: there a single missing session only counts for its year. No trade
    waits for or is held across a long gap (CONVENTIONS, gaps in the bars), so that none can change a fill.
    """
    if not is_daily(case) or len(case) < 2:
        return FINE
    session = case.session
    days = np.arange(session[0], session[-1] + 1)
    expected = days[calendar_of(case.instrument.mic, days) == SESSION]
    gaps = [(expected[first], expected[first + n - 1], n) for first, n in runs(~np.isin(expected, session))]
    single = np.array([first for first, _, n in gaps if n == 1 and first < _CALENDARS_SURE], dtype="datetime64[D]")
    flaws = []
    for first, last, n in gaps:
        if n > 1 or (first >= _CALENDARS_SURE and not case.is_round_the_clock):
            row = int(np.searchsorted(session, first))
            what = f"session {first} is missing" if n == 1 else f"{n} sessions are missing, {first} to {last}"
            text = f"{what}; the bars go from {session[row - 1]} to {session[row]}"
            flaws += [Flaw(Severity.WARNING, row, text, n)]
    counted = [] if case.is_round_the_clock else _early_singles(session, single)
    return Verdict((*counted, *flaws, *_early_gaps(case)))


def _early_singles(session: Sessions, missing: Sessions) -> list[Flaw]:
    flaws = []
    for year in np.unique(missing.astype("datetime64[Y]")):
        days = missing[missing.astype("datetime64[Y]") == year]
        text = f"{plural(len(days), 'single session')} of {year} missing, from {days[0]} on; holidays, or gaps"
        flaws.append(Flaw(Severity.NOTE, int(np.searchsorted(session, days[0])), text, len(days)))
    return flaws


def _early_gaps(case: Case) -> list[Flaw]:
    session = case.session
    step = np.diff(session).astype(np.int64)
    unknown = calendar_of(case.instrument.mic, session[1:]) == UNKNOWN
    return [
        Flaw(Severity.WARNING, r, f"no bars for {step[r - 1]} days, from {session[r - 1]} to {session[r]}")
        for r in (np.flatnonzero((step > _LONG_GAP_DAYS) & unknown) + 1).tolist()
    ]


def partial_day(case: Case) -> Verdict:
    """Leave out the last row when its session had not closed; without an instant, doubt it when its volume is small."""
    session, volume = case.session, case.table.volume
    if case.retrieved_at is not None:
        mic = case.instrument.mic
        _, close_at = stamp_prices(mic, last_sessions(mic, session, period_of(session)))
        running = close_at > to_ns(case.retrieved_at)
        if not running.any():
            return FINE
        row = int(np.flatnonzero(running)[0])
        flaw = Flaw(Severity.WARNING, row, f"{session[row]} had not closed when the table was made; left out")
        return Verdict((flaw,), case.table.take(~running), f"{session[row]} left out: its session was not over")
    usual = float(np.median(volume[-_LAST_VOLUMES - 1 : -1])) if len(case) > _LAST_VOLUMES else float("nan")
    if not volume[-1] < _LITTLE * usual:
        return FINE
    text = f"{session[-1]} has a volume of {volume[-1]:g} where {usual:g} is usual: the day may not be over"
    return Verdict((Flaw(Severity.WARNING, len(case) - 1, text),))


def back_cast(case: Case) -> Verdict:
    """Say how many rows lie before an index was launched: whoever chose its members then knew what came later."""
    launched = case.instrument.launched_on
    n = 0 if launched is None else int(np.searchsorted(case.session, np.datetime64(launched, "D")))
    if not n:
        return FINE
    text = (
        f"{plural(n, 'row')} from {case.session[0]} on: {case.instrument.symbol} was launched on {launched}, and "
        "earlier levels are a back-cast, made with hindsight"
    )
    return Verdict((Flaw(Severity.WARNING, 0, text, n),))
