"""On how few observations a result hangs: each left out in turn, and how many must go before it falls."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets.prices.bars import Floats
from engine.statistics.event_tests import bmp

_ROUNDING = 1e-12


@dataclass(frozen=True)
class LeftOut:
    """What remains without an observation (or a year's): mean abnormal return, BMP's statistic and p-value."""

    without: str
    n: int
    mean: float
    statistic: float | None
    p: float | None


@dataclass(frozen=True)
class Concentration:
    """How much hangs on one observation.

    ``one_out`` and ``year_out`` leave out one observation, and all of one calendar year, in turn. ``top_share`` is the
    share of the largest in the sum of absolute net returns. ``flips_sign`` and ``loses_significance`` are the fewest
    observations whose removal turns the sign of the mean, and lifts p above ``alpha``; the best are taken first. None
    where nothing is to be lost, or no removal does it.
    """

    one_out: tuple[LeftOut, ...]
    year_out: tuple[LeftOut, ...]
    top: str
    top_share: float | None
    flips_sign: int | None
    loses_significance: int | None
    alpha: float


def concentration(
    labels: Sequence[str],
    years: Sequence[int],
    net: Floats,
    abnormal: Floats,
    standardized: Floats,
    *,
    alpha: float,
    factor: float = 1.0,
) -> Concentration | str:
    """Return on how few observations a result hangs, or why that cannot be asked.

    Args:
        labels: what to call each observation.
        years: the calendar year of each.
        net: net return of each.
        abnormal: abnormal return of each.
        standardized: abnormal return of each over its standard deviation.
        alpha: the level below which p counts as significant.
        factor: what sessions in common take from a t-statistic of all (engine/study/dependence.py).
    """
    n = len(labels)
    if n < 2:
        return f"{n} observation{'s' if n != 1 else ''}: nothing is left when one is left out"
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


def _left(
    without: str, kept: np.ndarray[tuple[int], np.dtype[np.bool_]], abnormal: Floats, z: Floats, factor: float
) -> LeftOut:
    tested = bmp(z[kept], factor=factor)
    return LeftOut(without, int(kept.sum()), float(abnormal[kept].mean()), tested.statistic, tested.p)


def _best_first(values: Floats) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the order in which observations speak for the sign of the mean, the loudest first."""
    return np.argsort(-values * np.sign(values.mean()), kind="stable")


def _fewest_for_sign(values: Floats) -> int | None:
    """Return how many of the best must go for the mean to change its sign (taking the best is the fewest there is)."""
    sign = _sign(values)
    rest = values[_best_first(values)]
    for gone in range(1, len(values)):
        if _sign(rest[gone:]) != sign:
            return gone if sign != 0 else None
    return None


def _sign(values: Floats) -> float:
    """Return the sign of the mean, 0 where it is no more than the rounding of the sum."""
    mean = float(values.mean())
    return 0.0 if abs(mean) <= _ROUNDING * float(np.abs(values).max()) else float(np.sign(mean))


def _fewest_for_p(standardized: Floats, alpha: float, factor: float) -> int | None:
    """Return how many of the best must go, one after the other, for BMP's p to rise above ``alpha``."""
    first = bmp(standardized, factor=factor)
    if first.p is None or first.p > alpha:
        return None
    rest = standardized[_best_first(standardized)]
    for gone in range(1, len(rest)):
        left = bmp(rest[gone:], factor=factor)
        if left.p is None or left.p > alpha:
            return gone
    return None
