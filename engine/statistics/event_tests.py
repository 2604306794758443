"""Tests of "no effect" on few events: each takes one number an event and returns its p-value, or why it has none.

All are two-sided. What depends on each other is one observation, or the statistic is multiplied by a factor for the
sessions that observations share (engine/study/dependence.py).
"""

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import bdtr, stdtr

from datasets.arrays import Floats
from engine.statistics.significance import Significance, no_spread, untested, why_not

EXACT_UP_TO = 20
"""Up to so many observations all patterns of signs are enumerated: half a million, in milliseconds."""
_ROUNDING = 1e-12
_BLOCK = 1_000_000


def cross_sectional_t(values: Floats, *, name: str = "cross-sectional t", factor: float = 1.0) -> Significance:
    """Return the t-test that the mean of ``values`` (N,), CARs or P&L of the events, is 0, against t(N - 1).

    It is valid for any variance on event days (Boehmer, Musumeci and Poulsen 1991). Events must be independent, or the
    t-statistic is multiplied by a ``factor`` for the sessions they share (engine/study/dependence.py).
    """
    n = len(values)
    reason = why_not(values, least=2, test="a t-test") or no_spread(values)
    if reason:
        return untested(name, n, reason)
    t = factor * float(np.mean(values) / np.std(values, ddof=1) * np.sqrt(n))
    return Significance(name, n, t, p_of_t(t, n - 1), f"t({n - 1}){_shared(factor)}")


def _shared(factor: float) -> str:
    return "" if factor > 0.995 else f", times {factor:.2f} for shared sessions"


def bmp(standardized: Floats, *, factor: float = 1.0) -> Significance:
    """Return the t-test on standardized CARs (N,) (Boehmer, Musumeci and Poulsen 1991), against t(N - 1).

    Multiplied by a ``factor`` for shared sessions it is the test of Kolari and Pynnönen (2010).
    """
    return cross_sectional_t(standardized, name="BMP t", factor=factor)


def sign(values: Floats) -> Significance:
    """Return the sign test: how many of N are positive, against the exact binomial(N, 1/2).

    Observations of exactly 0 are left out; ``reference`` states how many.
    """
    kept = values[values != 0]
    reason = why_not(values, least=1, test="a sign test") or _all_zero(values)
    if reason:
        return untested("sign", len(values), reason)
    n, w = len(kept), int((kept > 0).sum())
    p = min(1.0, 2 * float(bdtr(min(w, n - w), n, 0.5)))
    return Significance("sign", n, float(w), p, f"binomial({n}, 1/2), exact{_left_out(len(values) - n)}")


def sign_flip(values: Floats, *, draws: int, seed: int, factor: float = 1.0) -> Significance:
    """Return the sign-flip test (Fisher 1935): the share of random sign patterns whose mean is as far from 0.

    The mean of observations that share sessions is multiplied by a ``factor`` first; their spread is unchanged. Exact
    where observations are symmetric about 0. Up to 20 observations all 2^N patterns are enumerated; above that the
    identity and ``draws`` patterns, p = (b + 1) / (m + 1) with its Monte Carlo error. The mean orders the patterns as
    its t-statistic does. ``reference`` states the smallest possible p, 2^(1 - N).
    """
    n = len(values)
    reason = why_not(values, least=2, test="a sign-flip test") or _all_zero(values) or no_draws(n, draws)
    if reason:
        return untested("sign-flip", n, reason)
    mean = float(np.mean(values))
    values = values if factor == 1.0 else values - (1 - factor) * mean
    patterns, (low, high) = flipped(values, draws=draws, seed=seed), _reached(values)
    p = float(np.count_nonzero((patterns.sums <= low) | (patterns.sums >= high)) + 1) / (len(patterns.sums) + 1)
    error = 0.0 if patterns.exact else float(np.sqrt(p * (1 - p) / draws))
    how = f"all {2**n:,}" if patterns.exact else f"{draws:,} drawn of 2^{n}"
    floor = 2.0 ** (1 - np.count_nonzero(values))
    reference = f"{how} sign patterns; p is at least {floor:.3g}{_shared(factor)}"
    return Significance("sign-flip", n, mean, p, reference, error)


def _reached(values: Floats) -> tuple[float, float]:
    """Return the limits of the sum of flipped observations: at or beyond them a pattern is as extreme as the identity.

    Flipping observations that sum to s changes the total to total - 2 s.
    """
    total = float(values.sum())
    within = _ROUNDING * float(np.abs(values).sum())  # the order of a sum does not matter
    return (total - abs(total) + within) / 2, (total + abs(total) - within) / 2


class _Flipped(Struct, frozen=True):
    """The observations flipped in each pattern: their ``sums`` and ``sizes`` (how many).

    The identity, in which nothing is flipped, is left out. ``exact`` patterns are all those that keep the sign of the
    first observation: the others are their mirror images.
    """

    sums: Floats
    sizes: NDArray[Any]
    exact: bool


def flipped(values: Floats, *, draws: int, seed: int) -> _Flipped:
    """Return all patterns of signs of up to 20 observations, above that ``draws`` random ones."""
    if len(values) <= EXACT_UP_TO:
        sizes = np.bitwise_count(np.arange(1, 1 << len(values) - 1, dtype=np.uint32))
        return _Flipped(_subset_sums(values[1:])[1:], sizes, exact=True)
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // len(values))  # so that a million draws of a hundred events fit in memory
    parts = [_drawn(values, min(rows, draws - done), rng) for done in range(0, draws, rows)]
    sums, sizes = np.concatenate(parts, axis=1)
    return _Flipped(sums, sizes, exact=False)


def _subset_sums(values: Floats) -> Floats:
    """Return the sums of all 2^N subsets, in the order of binary numbers: the empty one first."""
    sums = np.zeros(1 << len(values))
    for n, x in enumerate(values.tolist()):
        np.add(sums[: 1 << n], x, out=sums[1 << n : 2 << n])
    return sums


def _drawn(values: Floats, rows: int, rng: np.random.Generator) -> Floats:
    mask = rng.integers(0, 2, (rows, len(values)), dtype=np.int8)
    return np.array([mask @ values, mask.sum(axis=1, dtype=np.float64)])


def p_of_t(t: float, freedom: int) -> float:
    """Return the two-sided p-value of a t-statistic; never exactly 0, which no finite sample supports."""
    return max(2 * float(stdtr(freedom, -abs(t))), float(np.finfo(np.float64).tiny))


def _all_zero(values: Floats) -> str | None:
    return None if np.any(values) else "all observations are zero"


def no_draws(n: int, draws: int) -> str | None:
    return None if n <= EXACT_UP_TO or draws > 0 else f"no draws; {n} observations need them"


def _left_out(zeros: int) -> str:
    return f"; {zeros} of exactly 0 left out" if zeros else ""
