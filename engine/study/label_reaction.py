"""Whether labels know the market's reaction: each label against the sign and size of the first session after the event.

A label coded on the eve can contain no more of the reaction than the surprise: where an outcome was expected, the eve's
reading of it is in the price already.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.stats import binom, fisher_exact, mannwhitneyu

from datasets.events import PoliticalEvent, ProGrowth, Surprise
from datasets.events.coding import PROGRAM_TAGS, bases_of
from datasets.instants import to_ns
from datasets.prices.bars import Bars
from datasets.prices.published_moves import first_session_move

ALL = "all"
"""The name of the group of every basis."""
LEVEL = 0.05
"""Below this, chance and surprise together do not explain how well a label separates."""
_LEAST = 2


@dataclass(frozen=True)
class Group:
    """The first sessions of the events that have one value of a label: how many, how many rose, and their mean in %."""

    value: str
    n: int
    up: int
    mean: float | None


@dataclass(frozen=True)
class LabelReaction:
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


@dataclass(frozen=True)
class _Coded:
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
        coded = _coded("program", moves, partial(_has_tag, tag))
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


def _has_tag(tag: str, event: PoliticalEvent) -> bool | None:
    return tag in event.program if event.program else None


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
    return float(binom.sf(agreeing - upsets - 1, len(dated) - upsets, 0.5))
