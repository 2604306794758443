"""Concentration: the result without each observation, and the events to drop before it changes."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datasets.arrays import Flags, Floats
from engine.statistics.event_tests import bmp
from engine.study.sample import Sample

_ROUNDING = 1e-12


class _LeftOut(Struct, frozen=True):
    """The result without an observation (or without a year's): mean abnormal return, BMP statistic and p-value."""

    without: str
    n: int
    mean: float
    statistic: float | None
    p: float | None


class Concentration(Struct, frozen=True):
    """How much a result depends on one observation.

    ``one_out`` and ``year_out`` leave out one observation, and all of one calendar year, in turn. ``top_share`` is the
    share of the largest in the sum of absolute net returns. ``flips_sign`` and ``loses_significance`` are the fewest
    observations whose removal changes the sign of the mean, and raises p above ``alpha``; the best are removed first.
    None where the result is not significant, or no removal changes it.
    """

    one_out: tuple[_LeftOut, ...]
    year_out: tuple[_LeftOut, ...]
    top: str
    top_share: float | None
    flips_sign: int | None
    loses_significance: int | None
    alpha: float


def concentration(sample: Sample, *, alpha: float, factor: float = 1.0) -> Concentration | str:
    """Return how much a result depends on one observation, or why that is not available.

    ``alpha`` is the level up to which p counts as significant, ``factor`` that of the t-statistic for shared sessions
    (engine/study/dependence.py).
    """
    labels, years = [" + ".join(o.events) for o in sample.usable], [int(o.began[:4]) for o in sample.usable]
    net, abnormal, standardized = sample.net, sample.abnormal, sample.standardized
    n = len(labels)
    if n < 2:
        return f"{n} observation{'s' if n != 1 else ''}: nothing remains when one is left out"
    one = [_left(label, np.arange(n) != i, abnormal, standardized, factor) for i, label in enumerate(labels)]
    of = np.array(years)
    year = [_left(str(y), of != y, abnormal, standardized, factor) for y in sorted(set(years)) if (of != y).any()]
    total = float(np.abs(net).sum())
    top = int(np.argmax(np.abs(net)))
    return Concentration(
        one_out=tuple(one),
        year_out=tuple(year),
        top=labels[top],
        top_share=float(abs(net[top])) / total if total > 0 else None,
        flips_sign=_fewest_for_sign(abnormal),
        loses_significance=_fewest_for_p(standardized, alpha, factor),
        alpha=alpha,
    )


def _left(without: str, kept: Flags, abnormal: Floats, z: Floats, factor: float) -> _LeftOut:
    tested = bmp(z[kept], factor=factor)
    return _LeftOut(without, int(kept.sum()), float(abnormal[kept].mean()), tested.statistic, tested.p)


def _best_first(values: Floats) -> NDArray[np.intp]:
    """Return the order of the observations by how much they support the sign of the mean, the strongest first."""
    return np.argsort(-values * np.sign(values.mean()), kind="stable")


def _fewest_for_sign(values: Floats) -> int | None:
    """Return how many of the best to remove before the mean changes its sign; removing the best is the fewest."""
    sign = _sign(values)
    rest = values[_best_first(values)]
    gone = next((k for k in range(1, len(values)) if _sign(rest[k:]) != sign), None)
    return gone if sign != 0 else None


def _sign(values: Floats) -> float:
    """Return the sign of the mean, 0 where it is no more than the rounding of the sum."""
    mean = float(values.mean())
    return 0.0 if abs(mean) <= _ROUNDING * float(np.abs(values).max()) else float(np.sign(mean))


def _fewest_for_p(standardized: Floats, alpha: float, factor: float) -> int | None:
    """Return how many of the best to remove, one after the other, before the p-value of BMP rises above ``alpha``."""

    def significant(z: Floats) -> bool:
        p = bmp(z, factor=factor).p
        return p is not None and p <= alpha

    rest = standardized[_best_first(standardized)]
    if not significant(standardized):
        return None
    return next((k for k in range(1, len(rest)) if not significant(rest[k:])), None)
