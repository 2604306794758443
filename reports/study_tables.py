"""The tables of a study in reading order, as text: the terminal and the page show the same ones."""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.statistics.bootstrap import Interval
from engine.statistics.significance import Significance
from engine.study.result import ObservationRow, Study, ViewResult
from reports.numbers import NOT_AVAILABLE, count, p_text, percent, ratio, signed_percent
from reports.page import TextTable
from reports.study_votes import surprise_tables, variance_tables

_NOT_ENTERED = "not entered: it counts as no trial"


def study_tables(study: Study) -> tuple[TextTable, ...]:
    """Return the tables: power, tests, observations, concentration, sensitivity, correction for all trials."""
    made = (
        _power(study),
        _tests(study),
        *surprise_tables(study.surprise),
        *variance_tables(study),
        _observations(study),
        _concentration(study),
        _left_out(study),
        _judgements(study),
    )
    trials = TextTable("Correction for all trials", ("question", "answer"), tuple(_trial_rows(study)), ident="trials")
    return (*(t for t in made if t.rows or t.note), trials)


def registered_text(prereg: Mapping[str, Any]) -> str:
    """Return what was registered as the primary result, and what it came to."""
    given, found = prereg["settings"], prereg["primary"]
    how = "labels permuted" if given["scheme"] == "labels" else f"{given['statistic']}, {given['scheme']} dates"
    window = given["window"] if given["window"] == "trade" else f"{given['window']} ({given['anchor']} day)"
    asked = f"{how}, window {window}, {given['direction']}, level {given['alpha']:g}"
    return f"{asked}: " + (
        f"p = {p_text(found['p'])}" if found["p"] is not None else f"{NOT_AVAILABLE} ({found['reason']})"
    )


def _power(study: Study) -> TextTable:
    calm = ("BMP, calm dates", "sign-flip, calm", "placebo, calm")
    columns = ("true effect", *calm, "t-test, the events' spread", "exaggeration ratio (type M)")
    title = "Statistical power (before the result)"
    power = study.power
    if power is None:
        why = study.reasons.get("power", "it is not available")
        return TextTable(title, columns, (), columns[1:], f"Not available: {why}.", ident="power")
    rows = tuple(
        (
            percent(r.effect, 1),
            percent(r.bmp, 0),
            percent(r.sign_flip, 0),
            percent(r.placebo, 0),
            percent(r.own, 0),
            NOT_AVAILABLE if r.exaggeration is None else f"{r.exaggeration:.1f}",
        )
        for r in power.rows
    )
    found = f"; with {power.n} of them it detects {percent(power.detectable, 1)} or more with 80 % power"
    least = "" if power.detectable is None else found
    note = (
        f"How often each test rejects at {power.alpha:.0%} if every observation gains that much more. On calm dates: "
        f"measured on {count(power.lists)} placebo lists (± {percent(power.error, 1)}), with a standard deviation per "
        f"event of {percent(power.spread, 1)}. At the events' own spread: by the noncentral t with their standard "
        f"deviation of {percent(power.own_spread, 1)}, corrected for small N{least}. "
        "Exaggeration ratio (type M): how many times too large a mean is where that test rejects."
    )
    return TextTable(title, columns, rows, columns, note, ident="power")


def _tests(study: Study) -> TextTable:
    several = len(study.views) > 1
    more = ("p (placebo, of all windows)",) if several else ()
    columns = ("window", "n", "mean net", "abnormal", "p (BMP)", "p (sign-flip)", "p (placebo)", *more, "interval")
    rows = tuple(_test_row(v, several=several) for v in study.views)
    return TextTable("Tests", columns, rows, columns[1:], _tests_note(study), ident="tests")


def _test_row(view: ViewResult, *, several: bool) -> tuple[str, ...]:
    tests = tuple(_named(p_text(t.p, t.error), t, n) for n, t in enumerate(view.tests))
    adjusted = (p_text(view.p_adjusted),) if several else ()
    means = (signed_percent(view.mean_net), signed_percent(view.mean_abnormal))
    return (view.name, str(view.n), *means, *tests, *adjusted, _interval(view.intervals))


def _named(text: str, test: Significance, place: int) -> str:
    """Return a p-value, with the test's name where another one replaces BMP."""
    return f"{text} ({test.name})" if place == 0 and test.p is not None and test.name != "BMP t" else text


def _interval(intervals: tuple[Interval, ...]) -> str:
    by_t = intervals[0]
    if by_t.low is None or by_t.high is None:
        return NOT_AVAILABLE
    return f"{signed_percent(by_t.low)} to {signed_percent(by_t.high)}"


def _tests_note(study: Study) -> str:
    trade = study.views[0]
    parts = [
        f"Two-sided p-values of the mean abnormal return, {_counterfactual(study)}; net of costs for the trade, gross "
        "for windows of sessions. n counts independent observations: trades whose windows overlap are one.",
        *(f"Session 0 of a window is {w.anchor.words} the event." for w in study.settings.windows[:1]),
        f"The interval is the {trade.intervals[0].level:.0%} t interval of the abnormal mean.",
        f"The tests are one decision; the primary p-value is that of {trade.test(study.primary).name}.",
        *(f"{t.name[:1].upper()}{t.name[1:]}: {t.reason}." for t in trade.tests if t.p is None),
        *(f"{t.name[:1].upper()}{t.name[1:]}: {t.reference}." for t in trade.tests if t.p is not None),
        *(f"{n[:1].upper()}{n[1:]}." for n in study.notes),
    ]
    return " ".join(parts)


def _counterfactual(study: Study) -> str:
    named = {
        "mean": "beyond the mean of the 120 sessions before",
        "market": "beyond the benchmark's",
        "market-model": "beyond the market model of the 120 sessions before",
        "none": "with an expected return of 0",
    }
    return named[study.model]


def _observations(study: Study) -> TextTable:
    columns = (
        "observation",
        "from",
        "to",
        "trades",
        "net",
        "abnormal",
        "standardized",
        "percentile among placebo dates",
    )
    rows = tuple(_observation(o) for o in (*study.observations, *study.lost))
    lost = " ".join(f"{' + '.join(o.events)} has no abnormal return: {o.reason}." for o in study.lost)
    held = f"{study.open_trades} still held at the end, not counted." if study.open_trades else ""
    note = " ".join(n for n in (f"Sessions are those of {study.reference}.", lost, held) if n)
    return TextTable("Observations", columns, rows, columns[3:], note, ident="observations")


def _observation(row: ObservationRow) -> tuple[str, ...]:
    return (
        " + ".join(row.events),
        row.began,
        row.ended,
        str(row.trades),
        signed_percent(row.net),
        signed_percent(row.abnormal),
        ratio(row.standardized),
        percent(row.percentile, 0),
    )


def _concentration(study: Study) -> TextTable:
    given = study.concentration
    columns = ("question", "answer")
    if given is None:
        why = study.reasons.get("concentration", "it is not available")
        return TextTable("Concentration", columns, (), (), f"Not available: {why}.", ident="concentration")
    p = f"events to drop before the BMP p-value exceeds {given.alpha:.0%}"
    own = study.views[0].tests[0].p
    none = "it is above already" if own is None or own > given.alpha else "none do"
    lost, flipped = given.loses_significance, given.flips_sign
    rows = (
        ("largest share of all absolute returns", f"{given.top}: {percent(given.top_share, 0)}"),
        ("events to drop before the sign changes", "none do" if flipped is None else str(flipped)),
        (p, none if lost is None else str(lost)),
    )
    return TextTable("Concentration", columns, rows, (), "The best events are dropped first.", ident="concentration")


def _left_out(study: Study) -> TextTable:
    columns = ("without", "n", "mean abnormal", "BMP t", "p (BMP)")
    given = study.concentration
    kept = () if given is None else (*given.one_out, *(y for y in given.year_out if y.n < given.one_out[0].n))
    mean = study.views[0].mean_abnormal or 0.0
    ordered = sorted(kept, key=lambda o: (-round(abs(o.mean - mean), 12), o.without))
    rows = tuple((o.without, str(o.n), signed_percent(o.mean), ratio(o.statistic), p_text(o.p)) for o in ordered)
    title = "Leave-one-event-out, and leave-one-year-out where a year has several"
    return TextTable(
        title, columns, rows, columns[1:], "What changes the mean most is first." if rows else "", ident="left-out"
    )


def _judgements(study: Study) -> TextTable:
    columns = ("label or timing", "n", "mean net", "abnormal", "p (BMP)")
    rows = tuple(
        (v.what, str(v.n), signed_percent(v.mean_net), signed_percent(v.mean_abnormal), p_text(v.p))
        for v in study.variations
    )
    note = "Labels are flipped one at a time; flips that change no trade are left out."
    return TextTable(
        "Sensitivity to labels and timing", columns, rows, columns[1:], note if rows else "", ident="judgements"
    )


def _trial_rows(study: Study) -> Iterator[tuple[str, str]]:
    sharpe = study.sharpe
    yield (
        "Sharpe ratio per observation, beyond the same trades on all dates",
        _or_note(ratio(sharpe.sharpe, 3), sharpe.notes.get("sharpe")),
    )
    chance = sharpe.probabilistic
    yield (
        "one minus the one-sided p of a ratio of 0 (PSR)",
        _or_note(percent(chance, 1), sharpe.notes.get("probabilistic")),
    )
    deflated = sharpe.deflated
    tried = f"the same against the best of {sharpe.trials} zero-skill variants (deflated; 95 % is the usual bar)"
    yield tried, _or_note(percent(deflated, 1), sharpe.notes.get("deflated"))
    least = None if sharpe.minimum_trades is None else f"{sharpe.minimum_trades:,.0f}"
    yield (
        "observations needed for PSR to reach 95 %",
        _or_note(least or NOT_AVAILABLE, sharpe.notes.get("minimum_trades")),
    )
    yield "place in the ledger", _NOT_ENTERED if study.trial is None else str(study.trial["text"])
    if study.tried is not None:
        given = study.tried
        how = f"max-T over {given.rebuilt + 1} of {given.n} variants and {count(given.shifts)} shifts"
        how += f"; effective number of trials {ratio(given.effective, 1)} (Galwey 2009)" if given.effective else ""
        yield "p after all variants of the rule", _or_note(f"{p_text(given.p)} ({how})", given.reason)
    yield "selected against rejected events of the same kind", _label_text(study)


def _label_text(study: Study) -> str:
    given = study.labels
    if given is None:
        return f"{NOT_AVAILABLE} ({study.reasons.get('labels', '')})"
    means = f"{signed_percent(given.mean_wanted)} ({given.wanted}) against {signed_percent(given.mean_declined)}"
    return f"{means} ({given.declined}): {_tested(given.test)}"


def _tested(test: Significance) -> str:
    return (
        f"p = {p_text(test.p, test.error)}, {test.reference}"
        if test.p is not None
        else f"{NOT_AVAILABLE} ({test.reason})"
    )


def _or_note(value: str, note: str | None) -> str:
    return f"{NOT_AVAILABLE} ({note})" if note else value
