"""Does the label tell anything? The events a rule wants against those of the same kind that it declines.

A good result of all elections is no merit of the label. So the declined ones are traded too, as the rule would have
traded them, and which of all are called wanted is permuted.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from math import comb

import numpy as np

from datasets.events import EventCatalogue, PoliticalEvent
from datasets.prices.bars import Floats
from engine.plan.plan import Plan
from engine.statistics.significance import Significance, untested
from engine.strategy import Clock, Leg, Strategy
from engine.strategy.market import MarketView
from engine.study.calendars import ENUMERATED_UP_TO
from engine.study.placebo import randomization_p_value
from engine.study.sample import Sample

NAME = "labels permuted"
MIN_GROUP = 2


@dataclass(frozen=True)
class LabelTest:
    """The mean abnormal return of the wanted and of the declined events of the same kind, and the permutation test."""

    wanted: int
    declined: int
    mean_wanted: float | None
    mean_declined: float | None
    test: Significance


class WantsAll(Strategy):
    """A rule that trades, as another rule would, every event of some ids."""

    def __init__(self, rule: Strategy, wanted: frozenset[str]) -> None:
        self._rule, self._wanted = rule, wanted
        object.__setattr__(self, "name", rule.name)

    def wants(self, event: PoliticalEvent) -> bool:
        return event.event_id in self._wanted

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        return self._rule.legs(event, market)

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        return self._rule.decides_at(event, clock)

    def instruments(self) -> tuple[str, ...]:
        return self._rule.instruments()


def of_same_kind(events: EventCatalogue, plan: Plan) -> frozenset[str]:
    """Return the ids of the events of the same country and kind as one that was traded."""
    traded = {t.event_id for t in plan.trades}
    kinds = {(e.country, e.kind) for e in events if e.event_id in traded}
    return frozenset(e.event_id for e in events if (e.country, e.kind) in kinds)


def label_test(sample: Sample, wanted: frozenset[str], *, draws: int, seed: int) -> LabelTest:
    """Return how the wanted observations stand against the declined ones.

    The statistic is Welch's t of the abnormal returns. Every choice of as many wanted is looked at, up to 200,000;
    above that they are drawn. An observation that holds events of both sorts belongs to neither.

    Args:
        sample: of every event of the kind, wanted or not.
        wanted: the ids of those the rule wants.
        draws: how many choices, where they are drawn.
        seed: of the draws.
    """
    sides = [{i in wanted for i in o.events} for o in sample.usable]
    clear = [len(s) == 1 for s in sides]
    chosen = np.array([s == {True} for s, c in zip(sides, clear, strict=True) if c], dtype=bool)
    values = np.array([o.abnormal for o, c in zip(sample.usable, clear, strict=True) if c], dtype=float)
    yes, no = int(chosen.sum()), int((~chosen).sum())
    of_wanted, of_declined = (float(values[s].mean()) if s.any() else None for s in (chosen, ~chosen))
    return LabelTest(yes, no, of_wanted, of_declined, _permuted(values, chosen, draws=draws, seed=seed))


def _permuted(
    values: Floats, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]], *, draws: int, seed: int
) -> Significance:
    yes, no = int(chosen.sum()), int((~chosen).sum())
    if min(yes, no) < MIN_GROUP:
        return untested(NAME, yes + no, f"{yes} wanted and {no} declined; at least {MIN_GROUP} of each are needed")
    if np.ptp(values) == 0:
        return untested(NAME, yes + no, "the observations are equal: their spread is zero")
    exact = comb(yes + no, yes) <= ENUMERATED_UP_TO
    masks = _every_choice(yes + no, yes) if exact else _drawn_choices(yes + no, yes, draws=draws, seed=seed)
    observed = float(_welch(values, chosen[None, :])[0])
    return randomization_p_value(NAME, observed, _welch(values, masks), n=yes + no, exact=exact)


def _every_choice(n: int, k: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    picked = np.array(list(combinations(range(n), k)), dtype=np.intp)
    masks = np.zeros((len(picked), n), dtype=bool)
    np.put_along_axis(masks, picked, values=True, axis=1)
    return masks


def _drawn_choices(n: int, k: int, *, draws: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    order = np.argsort(np.random.default_rng(seed).random((draws, n)), axis=1)
    return np.asarray(order < k, dtype=bool)


def _welch(values: Floats, masks: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> Floats:
    """Return Welch's t of each choice: the difference of the means over the root of the summed variances of them."""
    means, variances = [], []
    for side in (masks, ~masks):
        n = side.sum(axis=1)
        mean = side @ values / n
        variances.append((side @ values**2 / n - mean**2) * n / (n - 1) / n)
        means.append(mean)
    spread = np.sqrt(np.maximum(variances[0] + variances[1], 0.0))
    found: Floats = np.divide(means[0] - means[1], spread, out=np.full(len(masks), np.nan), where=spread > 0)
    return found
