"""Returns on what was not expected of one side: r = a + g (1[side wins] - p), across votes.

p is the side's probability before the polls closed. g is what an asset is worth more if the side wins for certain than
if it loses (Snowberg, Wolfers and Zitzewitz 2007, QJE 122); one vote gives it as r / (1 - p), p of what happened.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.arrays import Floats
from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.events.odds_book import folded, happened
from engine.statistics.regression import Errors, regress
from engine.statistics.significance import Significance, untested
from engine.study.labels import LabelTest, label_test
from engine.study.placebo import Placebos, randomization_p_value
from engine.study.prepare import Prepared
from engine.study.sample import Observation, Sample
from engine.study.settings import Settings

LEAST = 5
"""A regression needs at least so many votes."""
CERTAIN = 0.95
"""What was that probable leaves nothing to divide by."""
PLACEBO = "placebo on the slope's t (HC1)"


class SideSlope(Struct, frozen=True):
    """g with its 90 % interval (HC3, t(n - 2)) and R², as fractions."""

    slope: float
    low: float
    high: float
    r2: float


class SurpriseView(Struct, frozen=True):
    """One window: the regression of its ``n`` votes with a probability, or why ``placebo``, its test, is not available.

    ``sides`` compares all votes that the side won with those that it lost, by the size of the difference.
    """

    name: str
    n: int
    fit: SideSlope | None
    placebo: Significance
    sides: LabelTest


class VoteSurprise(Struct, frozen=True):
    """One vote: ``p`` of the side, and r / (1 - p of what happened) in each window; ``quoted``: p is from quotes."""

    event: str
    won: bool
    p: float | None
    quoted: bool
    full: tuple[float | None, ...]


class SideSurprise(Struct, frozen=True):
    """What a side's surprises explain, by window, and vote by vote."""

    side: str
    views: tuple[SurpriseView, ...]
    votes: tuple[VoteSurprise, ...]


def side_surprise(events: EventCatalogue, prepared: Prepared, settings: Settings) -> SideSurprise:
    """Return what the surprises of the side ``settings.surprise`` explain in each window.

    Observations of several events, and of events whose winner is unknown, are left out.

    Raises:
        UserError: the side has won none of the events.
    """
    side, samples = settings.surprise or "", prepared.samples
    single = (events.get(o.events[0]) for o in samples[0].usable if len(o.events) == 1)
    votes = {e.event_id: e for e in single if e.winner or e.winner_party}
    if not any(_won(e, side) for e in votes.values()):
        by = ", ".join(sorted({e.winner_party or e.winner or "" for e in votes.values()})[:5]) or "nobody"
        raise UserError(f"--surprise: '{side}' won none of the {len(votes)} votes; they were won by {by}")
    drawn = prepared.placebos
    placebos: Sequence[Placebos | str] = [drawn] * len(samples) if isinstance(drawn, str) else drawn
    views = tuple(_view(s, p, votes, settings) for s, p in zip(samples, placebos, strict=True))
    return SideSurprise(side, views, tuple(_vote(e, side, samples) for e in votes.values()))


def side_probability(event: PoliticalEvent, side: str) -> float | None:
    """Return the probability of a side before the polls closed; None where it is not known.

    By the outcome that names it; else the winner's where it won, and what that leaves of two. An event without quotes
    has the winner's ``implied_probability``, of two sides.
    """
    priors = event.priors
    named = [p for outcome, p in priors.items() if folded(outcome) == folded(side)]
    if named:
        return named[0]
    if event.outcome_prior is None or _won(event, side):
        return event.outcome_prior
    return 1 - event.outcome_prior if len(priors) in (0, 2) else None


def _won(event: PoliticalEvent, side: str) -> bool:
    return happened([side], winner=event.winner, party=event.winner_party) is not None


def _view(
    sample: Sample, placebos: Placebos | str, votes: dict[str, PoliticalEvent], settings: Settings
) -> SurpriseView:
    side = settings.surprise or ""
    usable = tuple(o for o in sample.usable if len(o.events) == 1 and o.events[0] in votes)
    won = frozenset(i for i, e in votes.items() if _won(e, side))
    p = np.array([side_probability(votes[o.events[0]], side) for o in usable], dtype=float)  # None is NaN
    known = [o for o, has_p in zip(usable, np.isfinite(p), strict=True) if has_p]
    surprise = np.array([o.events[0] in won for o in known], dtype=bool) - p[np.isfinite(p)]
    fit, test = fitted(known, surprise, placebos)
    sides = label_test(replace(sample, usable=usable), won, draws=settings.draws, seed=settings.seed, by_size=True)
    return SurpriseView(sample.name, len(known), fit, test, sides)


def fitted(
    votes: Sequence[Observation], surprise: Floats, placebos: Placebos | str
) -> tuple[SideSlope | None, Significance]:
    """Return the regression, and the test of its slope among those of the same surprises on placebo dates."""
    n, returns = len(votes), np.array([o.abnormal for o in votes])
    if n < LEAST:
        return None, untested(PLACEBO, n, f"votes with a probability: {n}; a regression needs at least {LEAST}")
    try:
        found = regress(returns, surprise)
    except ValueError as e:
        return None, untested(PLACEBO, n, str(e))
    fit = SideSlope(found.slope, found.slope - found.half_width, found.slope + found.half_width, found.r2)
    if isinstance(placebos, str):
        return fit, untested(PLACEBO, n, placebos)
    column = {o.group: k for k, o in enumerate(placebos.sample.usable)}
    lists = slope_t(surprise, placebos.abnormal[:, [column[o.group] for o in votes]])
    return fit, randomization_p_value(PLACEBO, found.t(Errors.HC1), lists, n=n, exact=placebos.calendars.exact)


def slope_t(x: Floats, y: Floats) -> Floats:
    """Return the HC1 t-statistic (lists,) of the slope of each list of returns (lists, n) on x (n,)."""
    centred, n = x - x.mean(), len(x)
    slope = y @ centred / (centred @ centred)
    residuals = y - y.mean(axis=1, keepdims=True) - slope[:, None] * centred
    error = np.sqrt(n / (n - 2) * (residuals**2 @ centred**2)) / (centred @ centred)
    return np.asarray(np.divide(slope, error, out=np.full(len(y), np.nan), where=error > 0))


def _vote(event: PoliticalEvent, side: str, samples: Sequence[Sample]) -> VoteSurprise:
    p, won = side_probability(event, side), _won(event, side)
    left = 0.0 if p is None else 1 - p if won else p
    returns = ({o.events: o.abnormal for o in s.usable}.get((event.event_id,)) for s in samples)
    full = tuple(None if r is None or left <= 1 - CERTAIN else r / left for r in returns)
    return VoteSurprise(event.event_id, won, p, bool(event.quotes), full)
