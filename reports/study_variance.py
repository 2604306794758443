"""The variance of a study as tables and as a figure."""

from collections.abc import Sequence

import numpy as np

from engine.study.result import Study
from engine.study.variance import EventMove, EventVariance, VarianceRow, VarianceWindow
from reports.line_chart import Across, Chart, Line, Range, chart_svg
from reports.numbers import p_text, percent, ratio, signed_percent
from reports.parts import TextTable

HEIGHT = 260


def variance_tables(study: Study) -> tuple[TextTable, ...]:
    """Return the tables of a study's variance: none where it was not requested."""
    given, asked = study.variance, study.settings.statistic == "variance"
    columns = ("sessions", "mean M", "CAV", "placebo p")
    if given is None:
        why = f"Not available: {study.reasons.get('variance', '')}."
        return (TextTable("Variance around the events", columns, (), (), why, ident="variance"),) if asked else ()
    rows = tuple(_window(w) for w in given.windows)
    return (
        TextTable(
            "Variance around the events",
            columns,
            rows,
            columns[1:],
            _note(given, study.settings.alpha),
            ident="variance",
        ),
        _moves(given),
    )


def _window(row: VarianceWindow) -> tuple[str, ...]:
    name = str(row.first) if row.first == row.last else f"{row.first}:{row.last}"
    return name, ratio(row.mean_m), ratio(row.cav), p_text(row.test.p, row.test.error)


def _note(given: EventVariance, alpha: float) -> str:
    test = given.windows[0].test
    found = "differs from" if (test.p or 0.0) <= alpha else "is not distinguishable from"
    parts = (
        "M is the events' variance over that of sessions -270 to -21, 1 without an event; CAV is the sum of M - 1. "
        "Session 0 is the first to close after the event was known, and its row is the primary one.",
        f"Placebo p, of the mean log z²: {test.reference or test.reason}, two-sided.",
        "" if test.p is None else f"Session 0 {found} placebo dates.",
        f"Mean z² of session 0 is {ratio(given.mean_z2)}; it is above 1 after {given.above} of {given.n} events (sign "
        f"test p = {p_text(given.sign.p)}; a normal's is above 1 on 32 % of days).",
        f"Without an estimate of their variance: {', '.join(given.missing)}." if given.missing else "",
    )
    return " ".join(part for part in parts if part)


def _moves(given: EventVariance) -> TextTable:
    implied = () if given.implied is None else ("implied sd", "move over it")
    columns = ("event", "session 0", "market", "move", "z²", *implied, "straddle")
    source = "the estimated standard deviation" if given.implied is None else f"{given.implied}'s last close before it"
    note = (
        f"Straddle: the size of the move less 0.798 standard deviations, which is about what a straddle costs, by "
        f"{source}. Its mean is {signed_percent(given.mean_straddle)} (p = {p_text(given.straddle.p)})."
    )
    rows = tuple(_event(e, priced=given.implied is not None) for e in given.events)
    return TextTable("Moves of session 0", columns, rows, columns[3:], note, ident="moves")


def _event(row: EventMove, *, priced: bool) -> tuple[str, ...]:
    implied = (percent(row.implied), ratio(row.ratio)) if priced else ()
    move = signed_percent(row.move)
    return row.event, row.session, row.instrument, move, ratio(row.z2), *implied, signed_percent(row.straddle)


def variance_svg(path: Sequence[VarianceRow]) -> str:
    """Return M by session, with the placebo band where there is one, and the level 1."""
    session, m, low, high = (np.array([getattr(r, n) for r in path], float) for n in ("session", "m", "low", "high"))
    at_zero = ratio(float(m[session == 0][0]))
    chart = Chart(
        ident="study-variance",
        title="M, the events' variance over the usual one, by session",
        description=f"M of session 0 is {at_zero}; 1 is a session without an event.",
        lines=[Line("M", session, m, "s0 strong"), Line("usual", session, np.ones(len(m)), "path", read=False)],
        tick=ratio,
        height=HEIGHT,
        ranges=[Range("nine of ten placebo lists", session, low, high)] if np.isfinite(low).any() else [],
        x_label="sessions, 0 the first to close after the event",
        across=Across.SESSIONS,
    )
    return chart_svg(chart)
