"""Tests of labels: the events a rule selects against those it rejects, and whether labels know the reaction."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from functools import partial
from math import comb

import numpy as np
from msgspec import Struct
from scipy.special import bdtrc

from datasets.arrays import Floats
from datasets.events import PoliticalEvent, ProGrowth, Surprise
from datasets.events.label_file import PROGRAM_TAGS, bases_of
from datasets.instants import to_ns
from datasets.prices.bars import Bars
from datasets.prices.published_moves import first_session_move
from engine.statistics.significance import Significance, untested
from engine.strategy import Strategy
from engine.study.return_model import ReturnModel
from engine.study.sample import Sample
from engine.study.settings import Settings
from engine.study.study_input import StudyInput

NAME = "labels permuted"
MIN_GROUP = 2


class LabelTest(Struct, frozen=True):
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
    from scipy.stats import permutation_test  # noqa: PLC0415 - slow to import, and few studies need it

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


ALL = "all"
"""The name of the group of every basis."""
LEVEL = 0.05
"""Below this, chance and surprise together do not explain how well a label separates."""
_LEAST = 2


class Group(Struct, frozen=True):
    """The first sessions of the events that have one value of a label: how many, how many rose, and their mean in %."""

    value: str
    n: int
    up: int
    mean: float | None


class LabelReaction(Struct, frozen=True):
    """Two values of a label, of one basis, against the first sessions.

    ``p_sign``: Fisher's exact test (two-sided) of rose or not; ``p_size``: the Mann-Whitney test of the moves (of
    ``surprise``: of their sizes without sign). ``p_surprise``: the probability that as many sessions go the label's way
    where every upset does and every expected outcome is a coin toss; None where the label
    foretells no direction.
    """

    label: str
    basis: str
    first: Group
    second: Group
    p_sign: float | None
    p_size: float | None
    p_surprise: float | None

    @property
    def warning(self) -> str:
        """What the label knows that the eve did not; blank where nothing shows."""
        if self.p_surprise is None or self.p_surprise >= LEVEL:
            return ""
        return (
            f"{self.label} ({self.basis}) separates first sessions better than the surprise it can contain "
            f"(p {self.p_surprise:.2g}): was it coded with the reaction in view?"
        )


class _Coded(Struct, frozen=True):
    """An event with bars: whether it has the first value of a label, its basis, surprise and first move in percent."""

    is_first: bool
    basis: str
    surprise: Surprise | None
    move: float


def label_reactions(
    events: Iterable[PoliticalEvent], bars_of: Callable[[str], Bars | None]
) -> tuple[list[LabelReaction], int]:
    """Return each label against the first sessions, by basis, and the number of events whose session there is.

    Args:
        events: those without ``known_at`` or ``main_index`` are left out.
        bars_of: gives the bars of an index, or None; simulated bars are left out.
    """
    moves = [(e, move) for e in events if (move := _first_move(e, bars_of)) is not None]
    growth = {ProGrowth.YES: True, ProGrowth.NO: False}
    upset = {Surprise.UPSET: True, Surprise.EXPECTED: False, None: None}
    found = [
        *_by_basis("pro_growth", ("yes", "no"), _coded("pro_growth", moves, lambda e: growth.get(e.pro_growth))),
        *_by_basis("surprise", ("upset", "expected"), _coded("surprise", moves, lambda e: upset[e.surprise])),
    ]
    for tag in PROGRAM_TAGS:
        coded = _coded("program", moves, partial(lambda t, e: t in e.program if e.program else None, tag))
        found += [*_by_basis(f"program: {tag}", ("with", "without"), coded)][-1:]
    return found, len(moves)


def _first_move(event: PoliticalEvent, bars_of: Callable[[str], Bars | None]) -> float | None:
    if event.known_at is None or event.main_index is None:
        return None
    bars = bars_of(event.main_index)
    if bars is None or bars.source.simulated:
        return None
    first = first_session_move(bars, to_ns(event.known_at))
    return None if first is None else first[1]


def _coded(
    label: str, moves: Sequence[tuple[PoliticalEvent, float]], is_first: Callable[[PoliticalEvent], bool | None]
) -> list[_Coded]:
    """Return the events that have a label; ``is_first`` says whether it has its first value, None where it is blank."""
    basis = ((bases_of(e.label_basis).get(label, "not stated"), e, move) for e, move in moves)
    return [_Coded(bool(first), b, e.surprise, m) for b, e, m in basis if (first := is_first(e)) is not None]


def _by_basis(label: str, values: tuple[str, str], coded: Sequence[_Coded]) -> Iterator[LabelReaction]:
    for basis in (*sorted({c.basis for c in coded}), ALL):
        group = [c for c in coded if basis in (ALL, c.basis)]
        if min(sum(c.is_first for c in group), sum(not c.is_first for c in group)) >= _LEAST:
            yield _reaction(label, basis, values, group)


def _reaction(label: str, basis: str, values: tuple[str, str], coded: Sequence[_Coded]) -> LabelReaction:
    from scipy.stats import fisher_exact, mannwhitneyu  # noqa: PLC0415 - slow to import, and for one command

    one, other = ([c.move for c in coded if c.is_first is first] for first in (True, False))
    groups = [
        Group(value, len(moves), sum(m > 0 for m in moves), float(np.mean(moves)) if moves else None)
        for value, moves in zip(values, (one, other), strict=True)
    ]
    sizes = (np.abs(one), np.abs(other)) if label == "surprise" else (one, other)
    return LabelReaction(
        label=label,
        basis=basis,
        first=groups[0],
        second=groups[1],
        p_sign=float(fisher_exact([[g.up, g.n - g.up] for g in groups])[1]),
        p_size=float(mannwhitneyu(*sizes).pvalue),
        p_surprise=_beyond_surprise(coded) if label == "pro_growth" else None,
    )


def _beyond_surprise(coded: Sequence[_Coded]) -> float | None:
    """Return the probability of so many sessions that go the label's way, of those events whose surprise is coded."""
    dated = [c for c in coded if c.surprise is not None]
    upsets = sum(c.surprise is Surprise.UPSET for c in dated)
    if upsets == len(dated):
        return None
    agreeing = sum((c.move > 0) is c.is_first for c in dated)
    return float(bdtrc(agreeing - upsets - 1, len(dated) - upsets, 0.5))
