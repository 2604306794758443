"""The same events seen through several windows, on the same placebo dates: the trade itself, and any event windows.

The groups of overlapping events are those of all views together, and every list of placebo dates serves all of them, so
that the largest statistic of a list over the views is a fair judge of the largest one found (Westfall and Young 1993).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from datasets.prices.bars import Flags
from engine.account.records import Trade
from engine.plan.plan import PlannedTrade
from engine.statistics.multiple import max_t
from engine.study.calendars import Calendars, Scheme, calendars
from engine.study.desk import EventWindow, ReturnModel
from engine.study.legs import place
from engine.study.placebo import Placebos, placebo_tests, placebos, shrink_to_null, t_rows
from engine.study.sample import Sample, grouped, make_sample

TRADE = "trade"


@dataclass(frozen=True, eq=False)
class StudyView:
    """One way to look at the events: ``window`` None is the trade itself, net of costs."""

    window: EventWindow | None
    sample: Sample

    @property
    def name(self) -> str:
        """``trade``, or the window such as ``0:5``."""
        return TRADE if self.window is None else str(self.window)


def make_views(
    pairs: Sequence[tuple[PlannedTrade, Trade]], desk: ReturnModel, windows: Sequence[EventWindow]
) -> list[StudyView]:
    """Return the view of the trades, then one of each window, with the same groups of events in all."""
    desks = [desk, *(replace(desk, window=w, _anywhere={}, _events={}) for w in windows)]
    placed = [place(pairs, d) for d in desks]
    groups = grouped(placed)
    return [StudyView(d.window, make_sample(p, d, groups)) for d, p in zip(desks, placed, strict=True)]


@dataclass(frozen=True, eq=False)
class Drawn:
    """The placebo calendars of a study, and what each view's trades return on them."""

    calendars: Calendars
    views: tuple[tuple[StudyView, Placebos], ...]


def draw(
    views: Sequence[StudyView],
    scheme: Scheme,
    *,
    draws: int,
    seed: int,
    eligible: Flags | None = None,
    since: np.datetime64 | None = None,
) -> Drawn | str:
    """Return what each view returns on the same placebo dates, or why there are none.

    Args:
        views: the first one's usable observations are what is sent elsewhere.
        scheme: how dates are chosen.
        draws: how many lists, where they are drawn.
        seed: of the draws.
        eligible: the first rows to open after a decision that would have traded, where that hangs on the market; None
            for all.
        since: the first session that may stand in; None for the first bar.
    """
    first = views[0].sample
    fits = _fits(first, [v.sample for v in views], eligible)
    if since is not None:
        fits = [f & (first.reference.session >= since) for f in fits]
    made = calendars(first, scheme, draws=draws, seed=seed, fits=fits)
    if isinstance(made, str):
        return made
    return Drawn(made, tuple(_placed(first, v, made) for v in views))


def adjusted_for_views(drawn: Drawn) -> list[float | None]:
    """Return the placebo p-value of each view after all of them were looked at (max-T); None where there is but one.

    Never below its own: the largest |t| knows no tails, and its own p-value doubles the smaller one.
    """
    if len(drawn.views) < 2:
        return [None] * len(drawn.views)
    observed = np.array([shrink_to_null(float(t_rows(v.sample.standardized[None, :])[0]), p) for v, p in drawn.views])
    lists = np.stack([p.t for _, p in drawn.views], axis=1)
    whole = lists[np.isfinite(lists).all(axis=1)]
    found = max_t(observed, whole, identity_included=drawn.calendars.exact)
    alone = [placebo_tests(v.sample, p)[0].p for v, p in drawn.views]
    return [None if own is None else max(own, float(p)) for p, own in zip(found, alone, strict=True)]


def _fits(first: Sample, samples: Sequence[Sample], eligible: Flags | None) -> list[Flags]:
    """Return for each usable observation the rows at which it has a standardized return in every view that has it."""
    everywhere = np.ones(len(first.reference), dtype=bool)
    same = [{o.group: o for o in s.usable} for s in samples]
    found = []
    for each in first.usable:
        fits = everywhere.copy() if eligible is None else _moved(eligible, -each.waited).copy()
        for other in (view[each.group] for view in same if each.group in view):
            fits &= _moved(np.isfinite(other.anywhere.standardized), other.row - each.row)
        found.append(fits)
    return found


def _moved(flags: Flags, rows: int) -> Flags:
    """Return the flags so many rows on (negative: back), False beyond the ends."""
    if rows == 0:
        return flags
    at = np.arange(len(flags)) + rows
    inside = (at >= 0) & (at < len(flags))
    moved: Flags = inside & flags[np.clip(at, 0, len(flags) - 1)]
    return moved


def _placed(first: Sample, view: StudyView, made: Calendars) -> tuple[StudyView, Placebos]:
    """Return a view of the observations that the first one has too, and what they return on its dates."""
    column = {o.group: n for n, o in enumerate(first.usable)}
    usable = tuple(o for o in view.sample.usable if o.group in column)
    kept = replace(view.sample, usable=usable)
    own = [column[o.group] for o in usable]
    rows = made.rows[:, own] + np.array([o.row - first.usable[c].row for o, c in zip(usable, own, strict=True)], int)
    return StudyView(view.window, kept), placebos(kept, replace(made, rows=rows))
