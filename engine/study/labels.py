"""The label test: the events a rule selects against the events of the same kind that it rejects.

A good result of all elections is no evidence for the label. So the rejected events are traded too, as the rule would
trade them, and the labels "selected" are permuted over all of them.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Flags, Floats
from datasets.events import PoliticalEvent
from engine.statistics.significance import Significance, untested
from engine.strategy import Clock, Leg, Strategy
from engine.strategy.market import MarketView
from engine.study.calendars import ENUMERATED_UP_TO
from engine.study.placebo import randomization_p_value
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
    rule = _SelectsAll(given.strategy, selected | rejected)
    sample = given.sample_over(given.events.select(lambda e: e.event_id in of_kind), model, rule)
    return label_test(sample, selected, draws=settings.draws, seed=settings.seed)


class _SelectsAll(Strategy):
    """A rule that trades every event of some ids, as another rule would trade them."""

    def __init__(self, rule: Strategy, selected: frozenset[str]) -> None:
        self._rule, self._selected = rule, selected
        object.__setattr__(self, "name", rule.name)

    def wants(self, event: PoliticalEvent) -> bool:
        return event.event_id in self._selected

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        return self._rule.legs(event, market)

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        return self._rule.decides_at(event, clock)

    def instruments(self) -> tuple[str, ...]:
        return self._rule.instruments()


def label_test(sample: Sample, selected: frozenset[str], *, draws: int, seed: int) -> LabelTest:
    """Return the permutation test of the selected observations against the rejected ones.

    The statistic is Welch's t of the abnormal returns. All choices of as many selected events are enumerated, up to
    200,000; more are drawn. An observation with events of both groups belongs to neither.

    Args:
        sample: of every event of the kind, selected or not.
        selected: the ids of the events the rule selects.
        draws: the number of choices, where they are drawn.
        seed: of the draws.
    """
    groups = [{i in selected for i in o.events} for o in sample.usable]
    kept = [(o.abnormal, group == {True}) for o, group in zip(sample.usable, groups, strict=True) if len(group) == 1]
    values = np.array([abnormal for abnormal, _ in kept], dtype=float)
    chosen = np.array([is_selected for _, is_selected in kept], dtype=bool)
    means = [float(values[side].mean()) if side.any() else None for side in (chosen, ~chosen)]
    test = _permuted(values, chosen, draws=draws, seed=seed)
    return LabelTest(int(chosen.sum()), int((~chosen).sum()), means[0], means[1], test)


def _permuted(values: Floats, chosen: Flags, *, draws: int, seed: int) -> Significance:
    n, k = len(chosen), int(chosen.sum())
    if min(k, n - k) < MIN_GROUP:
        return untested(NAME, n, f"{k} selected and {n - k} rejected; at least {MIN_GROUP} of each are needed")
    if np.ptp(values) == 0:
        return untested(NAME, n, "the observations are equal: their spread is zero")
    exact = comb(n, k) <= ENUMERATED_UP_TO
    masks = _all_choices(n, k) if exact else _drawn_choices(n, k, draws=draws, seed=seed)
    observed = float(_welch(values, chosen[None, :])[0])
    return randomization_p_value(NAME, observed, _welch(values, masks), n=n, exact=exact)


def _all_choices(n: int, k: int) -> NDArray[np.bool_]:
    picked = np.array(list(combinations(range(n), k)), dtype=np.intp)
    masks = np.zeros((len(picked), n), dtype=bool)
    np.put_along_axis(masks, picked, values=True, axis=1)
    return masks


def _drawn_choices(n: int, k: int, *, draws: int, seed: int) -> NDArray[np.bool_]:
    order = np.argsort(np.random.default_rng(seed).random((draws, n)), axis=1)
    return np.asarray(order < k, dtype=bool)


def _welch(values: Floats, masks: NDArray[np.bool_]) -> Floats:
    """Return Welch's t of each choice: the difference of the means over the root of the summed variances of them."""
    means, variances = [], []
    for side in (masks, ~masks):
        n = side.sum(axis=1)
        mean = side @ values / n
        variances.append((side @ values**2 / n - mean**2) * n / (n - 1) / n)
        means.append(mean)
    spread = np.sqrt(np.maximum(variances[0] + variances[1], 0.0))
    t: Floats = np.divide(means[0] - means[1], spread, out=np.full(len(masks), np.nan), where=spread > 0)
    return t
