"""The verdict: one plain sentence or three that never say more than the numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.statistics.significance import Significance
from engine.study.concentration import Concentration
from engine.study.power import Power

FEW = 6
"""Below six observations the sign-flip test cannot reach 5 %."""


@dataclass(frozen=True)
class Evidence:
    """What a verdict is drawn from.

    ``adjusted`` is the p-value after all ``tried`` variants (None where there was but one), ``best_of`` the share of
    other dates that a single observation outdid. ``expected`` says whether a return was expected of the dates,
    ``placebos`` whether there were placebo lists, and ``above`` whether the events' statistic stands above most.
    """

    n: int
    mean: float
    alpha: float
    tests: Sequence[Significance]
    placebo_mean: Significance | None
    adjusted: float | None
    tried: int
    power: Power | None
    concentration: Concentration | None
    preregistered: bool
    best_of: float | None = None
    expected: bool = True
    placebos: bool = True
    above: bool | None = None


def verdict(given: Evidence) -> str:
    """Return what the evidence bears."""
    if given.n == 0:
        return "No observation has an abnormal return: nothing can be said."
    if given.n == 1:
        return _one(given)
    had = [t for t in given.tests if t.p is not None]
    if not had:
        return f"No test can be had: {given.tests[0].reason}."
    return " ".join(s for s in (_finding(given, had), _few(given), _volatile(given, had), _unseen(given, had)) if s)


def _one(given: Evidence) -> str:
    stands = "" if given.best_of is None else f" It did better than {given.best_of * 100:.0f} % of the other dates."
    return f"One observation is an anecdote: no test can tell it from luck.{stands}"


def _finding(given: Evidence, had: Sequence[Significance]) -> str:
    ps = {t.name: t.p for t in had if t.p is not None}
    told = ", ".join(f"{name} {_p(p)}" for name, p in ps.items())
    beyond = "each beyond what was to be expected" if given.expected else "each, nothing being expected of a date"
    mean = f"{given.n} observations, {given.mean * 100:+.2f} % {beyond} ({told})."
    if min(ps.values()) > given.alpha:
        return f"{mean} This cannot be told from {'other dates' if given.placebos else 'zero'}."
    if max(ps.values()) > given.alpha:
        return f"{mean} The tests do not agree: this is not evidence of an effect."
    if len(had) < len(given.tests):
        return f"{mean} Of {len(given.tests)} tests no more can be had: too little to call it evidence."
    if given.above is not None and given.above != (given.mean > 0):
        return f"{mean} Other dates did so too, and more: this is no evidence of an effect."
    return f"{mean} {_all_reject(given)}"


def _all_reject(given: Evidence) -> str:
    if given.adjusted is not None and given.adjusted > given.alpha:
        tried = f"{given.tried} variants were tried, which makes it {_p(given.adjusted)}"
        return f"All reject at {given.alpha * 100:.0f} %, but {tried}: this is not evidence of an effect."
    claim = f"All reject at {given.alpha * 100:.0f} %: chance alone is an unlikely explanation."
    return " ".join(s for s in (claim, _alike(given), _hangs(given), _hindsight(given)) if s)


def _alike(given: Evidence) -> str:
    """Return a warning where the mean itself is nothing special, so that the spread alone makes the statistic."""
    mean = given.placebo_mean
    if mean is None or mean.p is None or mean.p <= given.alpha:
        return ""
    return f"The mean itself does not stand out among other dates ({_p(mean.p)}): the returns are alike, not large."


def _hangs(given: Evidence) -> str:
    left = given.concentration
    worst = max((o for o in left.one_out if o.p is not None), key=lambda o: o.p or 0.0, default=None) if left else None
    if worst is None or worst.p is None:
        return ""
    if worst.p > given.alpha:
        return f"Without {worst.without} alone it would be {_p(worst.p)}."
    return f"No single observation carries it: with any one left out it is {_p(worst.p)} at most."


def _hindsight(given: Evidence) -> str:
    if given.preregistered:
        return "The rule was registered before it was first run here."
    return "A rule made after its events were known has seen them, which no test can undo."


def _few(given: Evidence) -> str:
    if given.n >= FEW:
        return ""
    return f"With {given.n} observations the sign-flip test cannot fall below {2.0 ** (1 - given.n):.3g}."


def _volatile(given: Evidence, had: Sequence[Significance]) -> str:
    by_mean, by_t = given.placebo_mean, next((t for t in had if t.name.startswith("placebo")), None)
    if by_mean is None or by_mean.p is None or by_t is None or by_t.p is None:
        return ""
    if by_mean.p <= given.alpha < by_t.p:
        return "The mean stands out among placebo dates and its t-statistic does not: volatile days alone can do that."
    return ""


def _unseen(given: Evidence, had: Sequence[Significance]) -> str:
    if given.power is None or given.power.detectable is None or min(t.p or 0.0 for t in had) <= given.alpha:
        return ""
    return (
        f"Only an effect of {given.power.detectable * 100:.1f} % or more an observation would be found four times "
        "in five, so that none found is no proof of none."
    )


def _p(p: float) -> str:
    """Return a p-value with as many digits as it bears.

    >>> _p(0.04321), _p(0.00004)
    ('p = 0.043', 'p < 0.001')
    """
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"
