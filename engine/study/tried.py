"""The p-value adjusted for the variants tried: the largest t-statistic of all of them on the same shifted calendars."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from datasets.arrays import Floats
from engine.statistics.significance import effective_trials, sidak, t_by_row
from engine.study.calendars import MIN_POOL, shifted_rows
from engine.study.placebo import looked_up
from engine.study.sample import Sample
from engine.study.study_input import StudyInput


class Tried(Struct, frozen=True):
    """The p-value of a run adjusted for all variants of its rule that were tried.

    ``n`` counts them, this one included. ``rebuilt`` variants enter the max-T (Westfall and Young 1993) over ``shifts``
    circular shifts; other combinations of their sweeps count for what they add to the ``effective`` number of trials
    (Galwey 2009), all others as independent (Sidak 1967), which is conservative. ``p`` is None where it is not
    available, with the reason.
    """

    n: int
    rebuilt: int
    shifts: int
    p: float | None
    reason: str = ""
    effective: float | None = None


def adjusted_for_trials(given: StudyInput, own: Sample) -> Tried | None:
    """Return the p-value adjusted for the trials of the rule; None where this run is the only one."""
    n = len(given.trial_sharpes)
    if n < 2:
        return None
    samples = [s for v in given.variants if (s := v.planned_sample(own.counterfactual)) is not None]
    same = [s for s in samples if s.reference.symbol == own.reference.symbol]
    others = max(0, n - 1 - len(same))
    alike = max(0, min(given.alike, others))
    return tried(own, same, others=others - alike, alike=alike)


def tried(own: Sample, variants: Sequence[Sample], *, others: int, alike: int = 0) -> Tried:
    """Return the p-value of a sample's t-statistic among the largest of all variants, shift by shift.

    Args:
        own: the run's observations.
        variants: those of the rebuilt variants, without this one.
        others: the number of variants that cannot be rebuilt.
        alike: the number of combinations of which the rebuilt ones are a sample.
    """
    n = 1 + len(variants) + others + alike
    if len(own.usable) < 2:
        return Tried(n, 0, 0, None, f"{len(own.usable)} observations: no t-statistic")
    rows = np.flatnonzero(np.any([np.isfinite(o.by_row.standardized) for o in own.usable], axis=0))
    low, span = int(rows[0]), int(rows[-1] - rows[0] + 1)
    lists = np.stack([shifted_t(s, low, span) for s in (own, *variants)], axis=1)
    lists = lists[np.isfinite(lists[:, 0])]
    if len(lists) < MIN_POOL or not np.isfinite(own.t):
        return Tried(n, len(variants), len(lists), None, "too few shifts leave every event a place")
    largest = np.nanmax(np.abs(lists), axis=1)
    p = float(np.mean(largest >= abs(own.t) * (1 - 1e-12)))
    effective, growth = _effective(lists[np.isfinite(lists).all(axis=1)], alike)
    return Tried(n, len(variants), len(lists), sidak(p, growth + others), effective=effective * growth + others)


def _effective(lists: Floats, alike: int) -> tuple[float, float]:
    """Return the effective number of the variants that have lists, and the factor by which ``alike`` more raise it.

    As many variants again raise it as it rises from every second variant to all.
    """
    n, whole = lists.shape[1], effective_trials(lists)
    if not alike or n < 4:
        return whole, 1.0 + alike
    doubled = max(1.0, whole / effective_trials(lists[:, ::2]))
    return whole, doubled ** float(np.log2(1 + alike / n))


def shifted_t(sample: Sample, low: int, span: int) -> Floats:
    """Return the t-statistic of the events at each circular shift of a span of rows; NaN where they do not all fit."""
    if len(sample.usable) < 2:
        return np.full(span, np.nan)
    by_row = {id(o.by_row): np.append(o.by_row.standardized, np.nan) for o in sample.usable}
    each = [by_row[id(o.by_row)] for o in sample.usable]
    rows = shifted_rows(sample.rows, low, span, np.arange(span))
    return t_by_row(looked_up(each, np.minimum(rows, len(sample.reference))))
