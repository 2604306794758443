"""The verdict of a study: one to a few plain sentences that claim no more than the numbers support."""

from collections.abc import Sequence

from engine.statistics.significance import Significance, sidak
from engine.study.result import Study, ViewResult

FEW = 6
"""With fewer observations the sign-flip test cannot reach 5 %, and nothing is called unlikely to be chance."""
USUAL_LEVEL = 0.05
"""At a weaker level nothing is called unlikely to be chance."""


def verdict(study: Study, *, preregistered: str, above: bool | None, ledger: str = "") -> str:
    """Return the verdict on the trades of a study.

    Args:
        study: with everything but its verdict.
        preregistered: when the study was registered (ISO UTC), if it is what was, before the first run; else blank.
        above: whether the events' t-statistic is above the median of the placebo lists; None without them.
        ledger: what is not known of other trials, in a sentence; it makes the claim conditional.
    """
    trade = study.views[0]
    if trade.n == 0:
        return "No observation has an abnormal return: no conclusion is possible."
    if trade.n == 1:
        return _one(study)
    known = [t for t in trade.tests if t.p is not None]
    if not known:
        return f"No test is available: {trade.tests[0].reason}."
    found, claimed = _finding(study, trade, known, above=above, alone=", if nothing else was tried" if ledger else "")
    floor = f"With {trade.n} observations the p-value of the sign-flip test is at least {2.0 ** (1 - trade.n):.3g}."
    parts = (
        found,
        *([ledger, _hindsight(study, preregistered)] if claimed else []),
        _primary(study, trade, known),
        *([_alike(study, trade), _concentrated(study)] if claimed else []),
        _windows(study),
        floor if trade.n < FEW else "",
        _volatile(study, trade, known),
        _undetected(study, known),
        *([] if claimed else [ledger]),
    )
    return " ".join(part for part in parts if part)


def _one(study: Study) -> str:
    share = study.observations[0].percentile
    place = "" if share is None else f" Its percentile among placebo dates is {share * 100:.0f} %."
    return f"One observation is an anecdote: no test applies to it.{place}"


def _finding(
    study: Study, trade: ViewResult, known: Sequence[Significance], *, above: bool | None, alone: str
) -> tuple[str, bool]:
    """Return the one decision that the tests make together, in a sentence, and whether it calls chance unlikely."""
    if min(t.p or 0.0 for t in known) > study.settings.alpha:
        return f"The result is not distinguishable from {'placebo dates' if study.lists else 'zero'}.", False
    p, tried = _after_everything(study, trade, max(t.p or 0.0 for t in known))
    after = f"{_p(p)} after adjustment for {tried}"
    if why := _objection(study, trade, known, above=above) or (after if p > study.settings.alpha else ""):
        return f"This is not evidence of an effect: {why}.", False
    return f"Chance alone is an unlikely explanation{f' ({after})' if tried else ''}{alone}.", True


def _objection(study: Study, trade: ViewResult, known: Sequence[Significance], *, above: bool | None) -> str:
    """Return why the tests are no evidence, whatever else was looked at; blank where chance may be unlikely."""
    alpha = study.settings.alpha
    if max(t.p or 0.0 for t in known) > alpha:
        return "the tests are one decision, and not all of them reject"
    if len(known) < len(trade.tests):
        return f"only {len(known)} of {len(trade.tests)} tests {'is' if len(known) == 1 else 'are'} available"
    if above is not None and above != ((trade.mean_abnormal or 0.0) > 0):
        return "placebo dates have larger returns of the same sign"
    if trade.n < FEW:
        return f"fewer than {FEW} observations are an anecdote"
    if study.episodes is not None and study.episodes < trade.n:
        return (
            "events of one country within a week may be parts of one episode, "
            f"and then {trade.n} observations are {study.episodes} (--merge 5d counts them so)"
        )
    return f"a level of {alpha * 100:g} % is weaker than the usual 5 %" if alpha > USUAL_LEVEL else ""


def _primary(study: Study, trade: ViewResult, known: Sequence[Significance]) -> str:
    """Return the primary p-value, the others, and the mean that they are of."""
    first = trade.test(study.primary)
    others = ", ".join(f"{t.name} {_p(t.p)}" for t in known if t.p is not None and t is not first)
    named = f"Primary test, {first.name}: {'n/a' if first.p is None else _p(first.p)}"
    what = "net" if study.model == "none" else "abnormal"
    mean = f"{trade.n} observations, mean {what} return {(trade.mean_abnormal or 0.0) * 100:+.2f} %."
    return f"{named}{f'; for comparison {others}' if others else ''}. {mean}"


def _hindsight(study: Study, preregistered: str) -> str:
    uncorrected = "no test corrects for a choice by hindsight"
    if not preregistered:
        return f"Nothing shows that rule and events were chosen before their prices were known; {uncorrected}."
    past = sum(o.began[:10] <= preregistered[:10] for o in study.observations)
    after = f", but after {past} of {len(study.observations)} observations had begun: {uncorrected}" if past else ""
    return f"The rule was preregistered before its first run here{after}."


def _after_everything(study: Study, trade: ViewResult, p: float) -> tuple[float, str]:
    """Return the p-value of the decision adjusted for all that was looked at, and what that is.

    Windows and variants each by their largest statistic, where there is one; together, and for settings, as
    independent looks (Sidak 1967), of the two orders the better one.
    """
    windows, settings = len(study.views), study.settings_tried
    variants = 1 if study.tried is None else study.tried.n
    by_windows = sidak(p, windows) if trade.p_adjusted is None else max(p, trade.p_adjusted)
    adjusted = sidak(by_windows, variants)
    if study.tried is not None and study.tried.p is not None:
        adjusted = min(adjusted, sidak(max(p, study.tried.p), windows))
    counted = ((windows, "windows"), (variants, "variants of the rule"), (settings, "settings"))
    return sidak(adjusted, settings), ", ".join(f"{n} {what}" for n, what in counted if n > 1)


def _windows(study: Study) -> str:
    """Return the p-value, among all windows, of a window that a test finds significant where the trade is not."""
    trade, *windows = ((max(ps), min(ps), v) for v in study.views if (ps := [t.p for t in v.tests if t.p is not None]))
    found = [w for w in windows if w[1] <= study.settings.alpha]
    if not found or trade[0] <= study.settings.alpha:
        return ""
    p, _, best = min(found, key=lambda w: w[:2])
    n, k = len(study.views), study.settings_tried
    adjusted = sidak(sidak(p, n) if best.p_adjusted is None else best.p_adjusted, k)
    looks = f"{n} windows" + (f" and {k} settings" if k > 1 else "")
    return (
        f"Window {best.name} was chosen among {looks}: {_p(adjusted)} after adjustment for them. "
        "A window found by looking is a hypothesis for other events."
    )


def _alike(study: Study, trade: ViewResult) -> str:
    """Return a warning where the mean is not significant, so that a small spread alone makes the statistic large."""
    p = trade.placebo_mean.p
    if p is None or p <= study.settings.alpha:
        return ""
    return f"The mean is not distinguishable from placebo dates ({_p(p)}): the returns are similar, not large."


def _concentrated(study: Study) -> str:
    left_out = study.concentration.one_out if study.concentration else ()
    worst = max((o for o in left_out if o.p is not None), key=lambda o: o.p or 0.0, default=None)
    if worst is None or worst.p is None:
        return ""
    if worst.p > study.settings.alpha:
        return f"Without {worst.without} alone, {_p(worst.p)}."
    return f"The result does not depend on one observation: with any one left out, {_p(worst.p)} at most."


def _volatile(study: Study, trade: ViewResult, known: Sequence[Significance]) -> str:
    by_mean, by_t = trade.placebo_mean.p, next((t.p for t in known if t.name.startswith("placebo")), None)
    if by_mean is None or by_t is None or not by_mean <= study.settings.alpha < by_t:
        return ""
    return "The mean is significant among placebo dates and its t-statistic is not: volatile days alone can cause that."


def _undetected(study: Study, known: Sequence[Significance]) -> str:
    detectable = study.power.detectable if study.power else None
    if detectable is None or min(t.p or 0.0 for t in known) <= study.settings.alpha:
        return ""
    return (
        f"As widely as these events spread, a t-test has 80 % power only for an effect of {detectable * 100:.1f} % or "
        "more per observation: a result that is not significant does not show that there is no effect."
    )


def _p(p: float) -> str:
    """Return a p-value to three decimals.

    >>> _p(0.04321), _p(0.00004)
    ('p = 0.043', 'p < 0.001')
    """
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"
