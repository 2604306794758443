"""Rules that hold a table against the calendar of its exchange: gaps, bars on closed days, partial days, back-casts."""

import numpy as np

from datasets.instants import Sessions, to_ns
from datasets.markets.sessions import stamp
from datasets.prices.checks.case import (
    CLOSED,
    FINE,
    SESSION,
    UNKNOWN,
    Case,
    Flags,
    Flaw,
    Numbers,
    Verdict,
    calendar_of,
    first_lines,
    flaws_of_rows,
    number,
    plural,
    previous,
    runs,
    weekday,
    without,
)
from datasets.prices.checks.frequency import is_daily
from datasets.prices.findings import Severity

_SATURDAY, _SUNDAY = 5, 6
_SHIFTED_ROWS = 2
_USUAL_WEEKENDS = 10
_SHIFTED_SHARE = 0.5
_LONG_GAP_DAYS = 10
_CALENDARS_SURE = np.datetime64("1990-01-01", "D")
_LAST_VOLUMES = 20
_LITTLE = 1 / 3


def shifted_dates(case: Case) -> Verdict:
    """Find weekend bars that fill the place of a missing weekday: the dates of a stretch are a day too late or early.

    A day late, Monday's bar stands on Tuesday and Friday's on Saturday: that Monday or the next is missing. A day
    early, Friday is. Genuine Saturday sessions leave both in their place.
    """
    if not is_daily(case):
        return FINE
    session, day = case.table.session, weekday(case.table.session)
    late = (day == _SATURDAY) & (_lacks(case, session - 5) | _lacks(case, session + 2))
    early = (day == _SUNDAY) & (_lacks(case, session + 5) | _lacks(case, session - 2))
    wrong, weekend = late | early, (day >= _SATURDAY) & (case.calendar() != SESSION)
    if wrong.sum() < max(_SHIFTED_ROWS, _SHIFTED_SHARE * weekend.sum()):
        return FINE
    names = {_SATURDAY: "a Saturday, and the Monday beside it is", _SUNDAY: "a Sunday, and the Friday beside it is"}
    flaws = flaws_of_rows(
        Severity.REFUSAL,
        wrong,
        lambda r: (
            f"{session[r]} is {names[int(day[r])]} missing: the dates are a day too {'late' if late[r] else 'early'}"
        ),
    )
    return Verdict(flaws)


def _lacks(case: Case, days: Sessions) -> Flags:
    """Mark days inside the span of the table that are, or by their weekday may be, sessions and have no row."""
    session = case.table.session
    says = calendar_of(case.instrument.mic, days)
    inside = (days > session[0]) & (days < session[-1])
    may_be = (says == SESSION) | ((says == UNKNOWN) & (weekday(days) < _SATURDAY))
    lacks: Flags = inside & may_be & ~np.isin(days, session)
    return lacks


def closed_day(case: Case) -> Verdict:
    """Judge bars on days that the exchange's calendar holds to be closed.

    A bar that only repeats the close before it is no trading: it is left out. One that moves is kept: the calendar may
    not know a special session.
    """
    if not is_daily(case):
        return FINE
    session, close = case.table.session, case.table.close
    closed = (case.calendar() == CLOSED) & ~_usual_weekends(case)
    if not closed.any():
        return FINE
    phantom = closed & _repeats_last_close(case)
    mic = case.instrument.mic
    flaws = flaws_of_rows(
        Severity.WARNING, phantom, lambda r: f"{session[r]} is no session of {mic} and repeats the last close; left out"
    ) + flaws_of_rows(
        Severity.WARNING,
        closed & ~phantom,
        lambda r: (
            f"{session[r]} is no session of {mic} by its calendar; a special session, or a row that should not be "
            f"there (close {number(float(close[r]))})"
        ),
    )
    if not phantom.any():
        return Verdict(flaws)
    told = f"{plural(int(phantom.sum()), 'row')} on closed days left out ({first_lines(case.table, phantom)})"
    return Verdict(flaws, without(case.table, phantom), told)


def _repeats_last_close(case: Case) -> Flags:
    last = previous(case.table.close)
    repeats: Flags = case.table.close == last
    for name in ("open", "high", "low"):
        value = getattr(case.table, name)
        repeats &= np.isnan(value) | (value == last)
    return repeats


def weekend_bar(case: Case) -> Verdict:
    """Name bars on weekends in years that have many, or before the calendar begins: half Saturdays were usual once."""
    if not is_daily(case):
        return FINE
    session = case.table.session
    beyond = ((case.calendar() == UNKNOWN) & (weekday(session) >= _SATURDAY)) | _usual_weekends(case)
    if not beyond.any():
        return FINE
    year = session.astype("datetime64[Y]")
    flaws = []
    for which in np.unique(year[beyond]):
        rows = beyond & (year == which)
        row, n = int(np.flatnonzero(rows)[0]), int(rows.sum())
        text = f"{plural(n, 'bar')} on weekends of {which}, from {session[row]} on, which the calendar does not know"
        flaws.append(Flaw(Severity.WARNING, row, text, n))
    return Verdict(tuple(flaws))


def _usual_weekends(case: Case) -> Flags:
    """Mark weekend bars of years that have ten or more of them: sessions, though the calendar knows none."""
    weekend = (weekday(case.table.session) >= _SATURDAY) & (case.calendar() != SESSION)
    year = case.table.session.astype("datetime64[Y]").astype(np.int64)
    many = np.bincount(year[weekend] - year.min(), minlength=int(np.ptp(year)) + 1) >= _USUAL_WEEKENDS
    usual: Flags = weekend & many[year - year.min()]
    return usual


def gap(case: Case) -> Verdict:
    """List every run of sessions without a bar; before the calendar begins, every hole of more than ten days.

    Before 1990 calendars lack many a holiday: there a single missing session only counts for its year. No trade waits
    for or is held across a long hole (CONVENTIONS, holes in the bars), so that none can change a fill.
    """
    if not is_daily(case) or len(case) < 2:
        return FINE
    session = case.table.session
    days = np.arange(session[0], session[-1] + 1)
    expected = days[calendar_of(case.instrument.mic, days) == SESSION]
    holes = [(expected[first], expected[first + n - 1], n) for first, n in runs(~np.isin(expected, session))]
    single = [first for first, _, n in holes if n == 1 and first < _CALENDARS_SURE]
    flaws = [
        _gap_flaw(session, first, last, n)
        for first, last, n in holes
        if n > 1 or (first >= _CALENDARS_SURE and not case.around_the_clock)
    ]
    return Verdict((*_early_singles(case, single), *flaws, *_early_holes(case)))


def _early_singles(case: Case, missing: list[np.datetime64]) -> list[Flaw]:
    if case.around_the_clock:
        return []
    found = []
    days = np.array(missing, dtype="datetime64[D]")
    for year in np.unique(days.astype("datetime64[Y]")):
        lost = days[days.astype("datetime64[Y]") == year]
        text = f"{plural(len(lost), 'single session')} of {year} missing, from {lost[0]} on; holidays, or holes"
        found.append(Flaw(Severity.NOTE, int(np.searchsorted(case.table.session, lost[0])), text, len(lost)))
    return found


def _gap_flaw(session: Sessions, first: np.datetime64, last: np.datetime64, n: int) -> Flaw:
    row = int(np.searchsorted(session, first))
    what = f"session {first} is missing" if n == 1 else f"{n} sessions are missing, {first} to {last}"
    text = f"{what}; the bars go from {session[row - 1]} to {session[row]}"
    return Flaw(Severity.WARNING, row, text, n)


def _early_holes(case: Case) -> list[Flaw]:
    session = case.table.session
    step: Numbers = np.diff(session).astype(np.int64)
    unknown = calendar_of(case.instrument.mic, session[1:]) == UNKNOWN
    rows = np.flatnonzero((step > _LONG_GAP_DAYS) & unknown) + 1
    return [
        Flaw(Severity.WARNING, r, f"no bars for {step[r - 1]} days, from {session[r - 1]} to {session[r]}")
        for r in rows.tolist()
    ]


def partial_day(case: Case) -> Verdict:
    """Leave out the last row when its session had not closed; without an instant, doubt it when its volume is small."""
    session, volume = case.table.session, case.table.volume
    if case.retrieved_at is not None:
        _, close_at = stamp(case.instrument.mic, session)
        running = close_at > to_ns(case.retrieved_at)
        if not running.any():
            return FINE
        row = int(np.flatnonzero(running)[0])
        flaw = Flaw(Severity.WARNING, row, f"{session[row]} had not closed when the table was made; left out")
        return Verdict((flaw,), without(case.table, running), f"{session[row]} left out: its session was not over")
    usual = float(np.median(volume[-_LAST_VOLUMES - 1 : -1])) if len(case) > _LAST_VOLUMES else float("nan")
    if not volume[-1] < _LITTLE * usual:
        return FINE
    text = f"{session[-1]} has a volume of {volume[-1]:g} where {usual:g} is usual: the day may not be over"
    return Verdict((Flaw(Severity.WARNING, len(case) - 1, text),))


def back_cast(case: Case) -> Verdict:
    """Say how many rows lie before an index was launched: whoever chose its members then knew what came later."""
    launched = case.instrument.launched_on
    if launched is None:
        return FINE
    n = int(np.searchsorted(case.table.session, np.datetime64(launched, "D")))
    if not n:
        return FINE
    text = (
        f"{plural(n, 'row')} from {case.table.session[0]} on: {case.instrument.symbol} was launched on {launched}, and "
        "earlier levels are a back-cast, made with hindsight"
    )
    return Verdict((Flaw(Severity.WARNING, 0, text, n),))
