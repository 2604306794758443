"""What a study says of votes: how volatile their sessions are, and a side's surprises; tables and a figure."""

from collections.abc import Sequence

import numpy as np

from engine.study.instants import WindowMove
from engine.study.result import Study
from engine.study.surprise import SideSurprise, SurpriseView
from engine.study.variance import EventVariance, VarianceRow
from reports.line_chart import Across, Chart, Line, Range, chart_svg
from reports.numbers import NOT_AVAILABLE, p_text, percent, ratio, signed_percent
from reports.page import TextTable


def variance_tables(study: Study) -> tuple[TextTable, ...]:
    """Return the tables of a study's variance: none where it was not requested."""
    given, title = study.variance, "Variance around the events"
    columns = ("sessions", "mean M", "CAV", "placebo p")
    if given is None:
        why = f"Not available: {study.reasons.get('variance', '')}."
        return (TextTable(title, columns, (), (), why, ident="variance"),) if study.settings.variance else ()
    rows = tuple(
        (f"{w.first}:{w.last}", ratio(w.mean_m), ratio(w.cav), p_text(w.test.p, w.test.error)) for w in given.windows
    )
    note = _variance_note(given, study.settings.alpha)
    return TextTable(title, columns, rows, columns[1:], note, ident="variance"), _moves(given)


def _variance_note(given: EventVariance, alpha: float) -> str:
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
    columns = ("event", "session 0", "market", "move", "z²", "implied sd", "move over it", "straddle")
    shown = [n for n, name in enumerate(columns) if given.implied or name not in ("implied sd", "move over it")]
    source = f"{given.implied}'s last close before it" if given.implied else "the estimated standard deviation"
    note = (
        f"Straddle: the size of the move less 0.798 standard deviations, which is about what a straddle costs, by "
        f"{source}. Its mean is {signed_percent(given.mean_straddle)} (p = {p_text(given.straddle.p)})."
    )
    moves = ((e.event, e.session, e.instrument, signed_percent(e.move), ratio(e.z2)) for e in given.events)
    prices = ((percent(e.implied), ratio(e.ratio), signed_percent(e.straddle)) for e in given.events)
    rows = [[(*move, *price)[n] for n in shown] for move, price in zip(moves, prices, strict=True)]
    return TextTable("Moves of session 0", [columns[n] for n in shown], rows, columns[3:], note, ident="moves")


def surprise_tables(given: SideSurprise | None) -> tuple[TextTable, ...]:
    """Return the tables of a side's surprises: none where they were not requested."""
    if given is None:
        return ()
    columns = ("window", "n", "g", "90 % interval", "R²", "placebo p", "won", "lost", "difference", "permuted p")
    side, found, permuted = given.side, given.views[0].placebo, given.views[0].sides.test
    note = (
        f"g: the return where {side} is certain to win less that where it is certain to lose, by least squares on "
        f"(won - p), p its probability before the polls closed. Placebo p: {found.reference or found.reason}. "
        f"Difference: the mean return where {side} won less that where it lost, the labels permuted: "
        f"{permuted.reference or permuted.reason}. Returns are abnormal as in the tests. Odds may follow prices: g is "
        "no proof of a cause."
    )
    rows = tuple(map(_surprise, given.views))
    return TextTable(f"Surprise: {side}", columns, rows, columns[1:], note, ident="surprise"), _votes(given)


def _surprise(view: SurpriseView) -> tuple[str, ...]:
    fit, fitted = view.fit, (NOT_AVAILABLE,) * 3
    if fit is not None:
        fitted = signed_percent(fit.slope), f"{signed_percent(fit.low)} to {signed_percent(fit.high)}", ratio(fit.r2)
    sides, (by_placebo, permuted) = view.sides, (p_text(t.p, t.error) for t in (view.placebo, view.sides.test))
    one, other = sides.mean_wanted, sides.mean_declined
    difference = NOT_AVAILABLE if one is None or other is None else signed_percent(one - other)
    return view.name, str(view.n), *fitted, by_placebo, str(sides.wanted), str(sides.declined), difference, permuted


def _votes(given: SideSurprise) -> TextTable:
    columns = ("vote", "outcome", "p", *(f"r / (1 - p), {v.name}" for v in given.views))
    shown = [v for v in given.votes if v.p is not None]
    rows = [(v.event, "won" if v.won else "lost", percent(v.p, 0), *map(signed_percent, v.full)) for v in shown]
    note = (
        f"{len(given.votes) - len(rows)} of {len(given.votes)} votes have no probability (--priors FILE gives it); the "
        f"catalogue gives that of {sum(not v.quoted for v in shown)}. r / (1 - p) is the full value of what happened, "
        "p its own probability; none where that was 95 % or more."
    )
    return TextTable(f"Votes on {given.side}", columns, rows, columns[2:], note, ident="surprises")


def window_table(moves: Sequence[WindowMove]) -> TextTable:
    """Return the table of windows between instants."""
    columns = ("market", "window", "from, to", "days", "move", "expected", "t", "p (t)", "p (placebo)")
    rows = [
        (m.instrument, m.window, m.span, str(m.days), *map(signed_percent, (m.move, m.expected)),
         ratio(m.forecast.statistic), p_text(m.forecast.p), p_text(m.placebo.p))
        for m in moves
    ]  # fmt: skip
    note = (
        "Expected is the mean move of the same clock time on so many other days, the clock that of the exchange. t is "
        "the difference over its forecast error; placebo p, two-sided, by the place of the move among those of all "
        "days, so that it is at least 2 / (days + 1). t supposes that the day is as volatile as others."
    )
    reasons = dict.fromkeys(f"{m.instrument}, {m.window}: {m.placebo.reason}." for m in moves if m.placebo.reason)
    return TextTable("Windows between instants", columns, rows, columns[3:], " ".join((note, *reasons)))


def variance_svg(path: Sequence[VarianceRow]) -> str:
    """Return M by session, with the placebo band where there is one, and the level 1."""
    session, m, low, high = (np.array([getattr(r, n) for r in path], float) for n in ("session", "m", "low", "high"))
    chart = Chart(
        ident="study-variance",
        title="M, the events' variance over the usual one, by session",
        description=f"M of session 0 is {ratio(float(m[session == 0][0]))}; 1 is a session without an event.",
        lines=[Line("M", session, m, "s0 strong"), Line("usual", session, np.ones(len(m)), "path", read=False)],
        tick=ratio,
        height=260,
        ranges=[Range("nine of ten placebo lists", session, low, high)] if np.isfinite(low).any() else [],
        x_label="sessions, 0 the first to close after the event",
        across=Across.SESSIONS,
    )
    return chart_svg(chart)
