"""What the variants that were tried cost: the largest t-statistic of all of them, on the same shifted calendars."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets.prices.bars import Floats
from engine.statistics.multiple import sidak
from engine.study.placebo import t_rows
from engine.study.sample import Sample

REBUILT_AT_MOST = 50
"""So many variants are made again; the others count as independent trials."""
MIN_SHIFTS = 30


@dataclass(frozen=True)
class Tried:
    """The p-value of a run after all variants of its rule that were tried.

    ``n`` counts them, this one included; ``rebuilt`` were made again and stand in the max-T (Westfall and Young 1993)
    over ``shifts`` circular shifts, the others count as independent trials (Sidak 1967), the cautious side. None with
    the reason where it cannot be had.
    """

    n: int
    rebuilt: int
    shifts: int
    p: float | None
    reason: str = ""


def tried(own: Sample, variants: Sequence[Sample], *, others: int) -> Tried:
    """Return the p-value of a sample's t-statistic among the largest of all variants, shift by shift.

    Args:
        own: the run's observations.
        variants: those of the variants made again, without this one.
        others: how many more were tried that could not be made again.
    """
    n = 1 + len(variants) + others
    if len(own.usable) < 2:
        return Tried(n, 0, 0, None, f"{len(own.usable)} observations: no t-statistic")
    low, span = _span(own)
    lists = np.stack([shifted_t(s, low, span) for s in (own, *variants)], axis=1)
    lists = lists[np.isfinite(lists[:, 0])]
    observed = abs(float(t_rows(own.standardized[None, :])[0]))
    if len(lists) < MIN_SHIFTS or not np.isfinite(observed):
        return Tried(n, len(variants), len(lists), None, "too few shifts leave every event a place")
    largest = np.nanmax(np.abs(lists), axis=1)
    p = float(np.mean(largest >= observed * (1 - 1e-12)))
    return Tried(n, len(variants), len(lists), sidak(p, 1 + others))


def _span(sample: Sample) -> tuple[int, int]:
    """Return the first row, and how many, at which any of the observations fits."""
    anyone = np.flatnonzero(np.any([np.isfinite(o.anywhere.standardized) for o in sample.usable], axis=0))
    return int(anyone[0]), int(anyone[-1] - anyone[0] + 1)


def shifted_t(sample: Sample, low: int, span: int) -> Floats:
    """Return the t-statistic of the events at each circular shift of a span of rows; NaN where they do not all fit."""
    if len(sample.usable) < 2:
        return np.full(span, np.nan)
    rows = low + (sample.rows - low + np.arange(span)[:, None]) % span
    z = [
        np.append(o.anywhere.standardized, np.nan)[np.minimum(r, len(sample.reference))]
        for o, r in zip(sample.usable, rows.T, strict=True)
    ]
    return t_rows(np.stack(z, axis=1))
