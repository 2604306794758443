"""The label test: the events a rule selects against the events of the same kind that it rejects.

A good result of all elections is no evidence for the label. So the rejected events are traded too, as the rule would
trade them, and the labels "selected" are permuted over all of them.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.stats import permutation_test

from datasets.arrays import Floats
from engine.statistics.significance import Significance, untested
from engine.strategy import Strategy
from engine.study.return_model import ReturnModel
from engine.study.sample import Sample
from engine.study.settings import Settings
from engine.study.study_input import StudyInput

NAME = "labels permuted"
MIN_GROUP = 2


@dataclass(frozen=True)
class LabelTest:
    """The mean abnormal return of the selected (``wanted``) and of the rejected (``declined``) events, and the test."""

    wanted: int
    declined: int
    mean_wanted: float | None
    mean_declined: float | None
    test: Significance


def selected_against_rejected(given: StudyInput, model: ReturnModel, settings: Settings) -> LabelTest | str:
    """Return the label test of a run, or why there is none."""
    selected = frozenset(t.event_id for t in given.plan.trades)
    if not selected:
        return "no event was traded"
    kinds = {(e.country, e.kind) for e in given.events if e.event_id in selected}
    of_kind = frozenset(e.event_id for e in given.events if (e.country, e.kind) in kinds)
    rejected = of_kind - selected - {skipped.event_id for skipped in given.plan.skipped}
    if not rejected:
        return "the rule selects every event of its kind: there is no label to permute"
    rule = _selecting(given.strategy, selected | rejected)
    sample = given.sample_over(given.events.select(lambda e: e.event_id in of_kind), model, rule)
    return label_test(sample, selected, draws=settings.draws, seed=settings.seed)


def _selecting(rule: Strategy, selected: frozenset[str]) -> Strategy:
    """Return a rule that trades every event of some ids, as the rule would trade them."""
    other = copy(rule)
    object.__setattr__(other, "wants", lambda event: event.event_id in selected)
    return other


def label_test(sample: Sample, selected: frozenset[str], *, draws: int, seed: int, by_size: bool = False) -> LabelTest:
    """Return the permutation test of the selected observations against the rejected ones.

    The statistic is Welch's t of the abnormal returns, two-sided by doubling. Up to ``draws`` choices of as many
    selected events are all enumerated; more are drawn. An observation with events of both groups belongs to neither.

    Args:
        sample: of every event of the kind, selected or not.
        selected: the ids of the events the rule selects.
        draws: the largest number of choices.
        seed: of the draws.
        by_size: take the size of the difference of the means instead.
    """
    groups = [{i in selected for i in o.events} for o in sample.usable]
    kept = [(o.abnormal, group == {True}) for o, group in zip(sample.usable, groups, strict=True) if len(group) == 1]
    sides = [np.array([r for r, is_selected in kept if is_selected is side], dtype=float) for side in (True, False)]
    means = [float(side.mean()) if len(side) else None for side in sides]
    test = _permuted(sides, draws=draws, seed=seed, by_size=by_size)
    return LabelTest(len(sides[0]), len(sides[1]), means[0], means[1], test)


def _permuted(sides: Sequence[Floats], *, draws: int, seed: int, by_size: bool) -> Significance:
    k, rest = map(len, sides)
    n, ways = k + rest, 1 if by_size else 2
    if min(k, rest) < MIN_GROUP:
        return untested(NAME, n, f"{k} selected and {rest} rejected; at least {MIN_GROUP} of each are needed")
    if np.ptp(np.concatenate(sides)) == 0:
        return untested(NAME, n, "the observations are equal: their spread is zero")
    found = permutation_test(
        sides,
        (lambda one, other, axis: np.abs(one.mean(axis) - other.mean(axis))) if by_size else _welch,
        vectorized=True,
        n_resamples=draws,
        alternative="greater" if by_size else "two-sided",
        random_state=np.random.default_rng(seed),
    )
    p, m, exact = float(found.pvalue), len(found.null_distribution), comb(n, k) <= draws
    error = 0.0 if exact else ways * float(np.sqrt(p / ways * (1 - p / ways) / m))
    lists = f"all {m:,} lists" if exact else f"{m:,} drawn lists"
    return Significance(NAME, n, float(found.statistic), p, lists, error)


def _welch(one: Floats, other: Floats, axis: int) -> Floats:
    """Return Welch's t: the difference of the means over the root of the summed variances of them."""
    spread = np.sqrt(sum(side.var(axis, ddof=1) / side.shape[axis] for side in (one, other)))
    difference = np.asarray(one.mean(axis) - other.mean(axis))
    return np.asarray(np.divide(difference, spread, out=np.zeros_like(difference), where=spread > 0))
