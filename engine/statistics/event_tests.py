"""Tests of "no effect" on few events: each takes one number an event and returns its p-value, or why it has none.

All are two-sided. Only `kolari_pynnonen` corrects for dependence between events: observations of one day on several
markets are tested by it, or merged into one observation before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtr, stdtr

from datasets.arrays import Floats, Sessions
from engine.statistics.abnormal import MIN_ESTIMATION, Model
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


def patell(cars: Floats, variances: Floats, lengths: Floats, model: Model) -> Significance:
    """Return Patell's z (1976): the sum of standardized CARs over its own standard deviation, against the normal.

    It assumes that event days have the variance of the estimation window, and rejects too often when events are
    volatile. ``variances`` are those of the CARs, ``lengths`` T of each estimation window. Each standardized CAR has
    variance d / (d - 2), d = T - 2 for the market model and T - 1 for the others.
    """
    name, n = "Patell z", len(cars)
    freedom = np.asarray(lengths) - (2 if model is Model.MARKET_MODEL else 1)
    reason = why_not(cars, least=1, test="Patell's test") or _not_standardized(variances, freedom)
    if reason:
        return untested(name, n, reason)
    z = float((cars / np.sqrt(variances)).sum() / np.sqrt((freedom / (freedom - 2)).sum()))
    return Significance(name, n, z, p_of_z(z), "normal")


def _not_standardized(variances: Floats, freedom: Floats) -> str | None:
    if not np.all(np.asarray(variances) > 0):
        return "a CAR without a positive variance cannot be standardized"
    return None if np.all(freedom > 2) else "an estimation window of at most 4 sessions leaves the variance undefined"


def bmp(standardized: Floats, *, factor: float = 1.0) -> Significance:
    """Return the t-test on standardized CARs (N,) (Boehmer, Musumeci and Poulsen 1991), against t(N - 1).

    Multiplied by a ``factor`` for shared sessions it is the test of Kolari and Pynnönen (2010).
    """
    return cross_sectional_t(standardized, name="BMP t", factor=factor)


def kolari_pynnonen(standardized: Floats, mean_correlation: float) -> Significance:
    """Return the BMP test for events that move together (Kolari and Pynnönen 2010), against t(N - 1).

    t = t_BMP times the root of (1 - r) / (1 + (N - 1) r), r the mean correlation of the pairs
    (`mean_residual_correlation`).
    """
    name, test, r = "Kolari-Pynnönen t", bmp(standardized), mean_correlation
    if test.statistic is None:
        return untested(name, test.n, test.reason)
    if not -1 / (test.n - 1) < r < 1:
        bound = f"above -1/{test.n - 1} and below 1"
        return untested(name, test.n, f"mean correlation of {r:.3g}; of {test.n} observations it must lie {bound}")
    t = test.statistic * float(np.sqrt((1 - r) / (1 + (test.n - 1) * r)))
    return Significance(name, test.n, t, p_of_t(t, test.n - 1), f"t({test.n - 1}), mean correlation {r:.3g}")


def mean_residual_correlation(
    sessions: Sequence[Sessions], residuals: Sequence[Floats], shared: Floats | None = None
) -> float:
    """Return the mean correlation over all pairs of events, of estimation-window residuals of the same dates.

    A pair with fewer than 30 common dates counts as 0. With fewer than two events there is no pair: 0.

    Args:
        sessions: the dates of each event's estimation window, ascending.
        residuals: of the same lengths; NaN where a session was left out.
        shared: (N, N), the share of the event windows that a pair has in common, the weight of its correlation; None
            for 1. Events of one asset need it where their estimation windows overlap and their event windows do not:
            their residuals of the same dates are equal, and their CARs are independent.
    """
    n = len(sessions)
    pairs = [(i, j) for i in range(n) for j in range(i)]
    weight = np.ones((n, n)) if shared is None else shared
    weighted = [weight[i, j] * _correlation(sessions, residuals, i, j) for i, j in pairs if weight[i, j]]
    return float(sum(weighted) / len(pairs)) if pairs else 0.0


def _correlation(sessions: Sequence[Sessions], residuals: Sequence[Floats], i: int, j: int) -> float:
    _, a, b = np.intersect1d(sessions[i], sessions[j], assume_unique=True, return_indices=True)
    x, y = residuals[i][a], residuals[j][b]
    both = np.isfinite(x) & np.isfinite(y)
    if both.sum() < MIN_ESTIMATION:
        return 0.0
    x, y = x[both] - x[both].mean(), y[both] - y[both].mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm > 0 else 0.0


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


def generalized_sign(values: Floats, base_rates: Floats) -> Significance:
    """Return the sign test against the events' own base rates (Cowan 1992), with an exact p-value.

    ``base_rates`` (N,) are the shares of windows of the same length that are positive without an event; an
    observation of 0 is not positive. The statistic is Cowan's z = (w - sum of p) / root of sum of p (1 - p). p is twice
    the smaller tail of the exact distribution of w, Poisson-binomial: the normal approximation is poor for few events.
    """
    name, n = "generalized sign", len(values)
    reason = why_not(values, least=1, test="a sign test") or _no_chance(base_rates)
    if reason:
        return untested(name, n, reason)
    w = int((values > 0).sum())
    p = _twice_smaller_tail(poisson_binomial(base_rates), w)
    z = float((w - base_rates.sum()) / np.sqrt((base_rates * (1 - base_rates)).sum()))
    rates = f"{base_rates.min():.2f} to {base_rates.max():.2f}"
    return Significance(name, n, z, p, f"Poisson-binomial, exact, base rates {rates}")


def _no_chance(base_rates: Floats) -> str | None:
    if np.all((base_rates > 0) & (base_rates < 1)):
        return None
    return "a base rate is not between 0 and 1, exclusive"


def poisson_binomial(rates: Floats) -> Floats:
    """Return the probabilities of 0, 1 ... N successes in N independent trials of unequal rates, shape (N + 1,).

    >>> [float(c) for c in poisson_binomial(np.array([0.5, 0.25]))]
    [0.375, 0.5, 0.125]
    """
    probability = np.ones(1)
    for rate in rates:
        probability = np.convolve(probability, [1 - rate, rate])
    return probability


def wilcoxon(values: Floats) -> Significance:
    """Return Wilcoxon's signed-rank test (1945): the sum of the ranks of the positive ones, with an exact p-value.

    Observations of exactly 0 are left out. Equal sizes share their mean rank, and the distribution is exact for those
    ranks (the exact distribution of scipy has no ties). p is twice the smaller tail.
    """
    kept = values[values != 0]
    reason = why_not(values, least=1, test="a signed-rank test") or _all_zero(values)
    if reason:
        return untested("Wilcoxon", len(values), reason)
    doubled = np.rint(2 * mid_ranks(np.abs(kept))).astype(np.int64)  # whole numbers, also where ranks are shared
    w = int(doubled[kept > 0].sum())
    p = _twice_smaller_tail(_sums_of_random_subset(doubled), w)
    reference = f"signed ranks of {len(kept)}, exact{_left_out(len(values) - len(kept))}"
    return Significance("Wilcoxon", len(kept), w / 2, p, reference)


def mid_ranks(values: Floats) -> Floats:
    """Return ranks from 1 on, equal values sharing the mean of theirs.

    >>> [float(r) for r in mid_ranks(np.array([3.0, 1.0, 3.0]))]
    [2.5, 1.0, 2.5]
    """
    _, which, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(count) - (count - 1) / 2)[which]
    return ranks


def _sums_of_random_subset(whole: NDArray[np.int64]) -> Floats:
    """Return the probability of each sum 0, 1 ... where each number is in the sum with probability 1/2."""
    probability = np.zeros(int(whole.sum()) + 1)
    probability[0] = 1.0
    for each in whole:
        probability[each:] = probability[each:] + probability[: len(probability) - each]
        probability /= 2
    return probability


def _twice_smaller_tail(probability: Floats, w: int) -> float:
    """Return twice the smaller tail of a distribution over 0, 1 ... at w, at most 1."""
    return min(1.0, 2 * float(min(probability[: w + 1].sum(), probability[w:].sum())))


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


@dataclass(frozen=True)
class _Flipped:
    """The observations flipped in each pattern: their ``sums`` and ``sizes`` (how many).

    The identity, in which nothing is flipped, is left out. ``exact`` patterns are all those that keep the sign of the
    first observation: the others are their mirror images.
    """

    sums: Floats
    sizes: Floats
    exact: bool


def flipped(values: Floats, *, draws: int, seed: int) -> _Flipped:
    """Return all patterns of signs of up to 20 observations, above that ``draws`` random ones."""
    if len(values) <= EXACT_UP_TO:
        return _Flipped(_subset_sums(values[1:])[1:], _subset_sums(np.ones(len(values) - 1))[1:], exact=True)
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // len(values))  # so that a million draws of a hundred events fit in memory
    parts = [_drawn(values, min(rows, draws - done), rng) for done in range(0, draws, rows)]
    sums, sizes = np.concatenate(parts, axis=1)
    return _Flipped(sums, sizes, exact=False)


def _subset_sums(values: Floats) -> Floats:
    """Return the sums of all 2^N subsets, the empty one first."""
    sums = np.zeros(1)
    for x in values:
        sums = np.concatenate((sums, sums + x))
    return sums


def _drawn(values: Floats, rows: int, rng: np.random.Generator) -> Floats:
    mask = rng.integers(0, 2, (rows, len(values)), dtype=np.int8)
    return np.array([mask @ values, mask.sum(axis=1, dtype=np.float64)])


def johnson_t(values: Floats) -> Significance:
    """Return the skewness-adjusted t of buy-and-hold abnormal returns (Johnson 1978; Lyon, Barber and Tsai 1999).

    t = root of N times (S + g S2 / 3 + g / (6 N)), S the mean over the standard deviation, g the skewness sum of
    cubes / (N s3), against t(N - 1). Lyon, Barber and Tsai bootstrap its critical values, for which few events are
    not enough.
    """
    name, n = "skewness-adjusted t", len(values)
    reason = why_not(values, least=3, test="a skewness-adjusted t-test") or no_spread(values)
    if reason:
        return untested(name, n, reason)
    s = float(np.std(values, ddof=1))
    S, g = float(np.mean(values)) / s, float((((values - values.mean()) / s) ** 3).mean())
    t = float(np.sqrt(n)) * (S + g * S**2 / 3 + g / (6 * n))
    return Significance(name, n, t, p_of_t(t, n - 1), f"t({n - 1}), skewness {g:.2f}")


def t_by_row(values: Floats) -> Floats:
    """Return the t-statistic of each row: mean over standard deviation (n - 1) times root n; NaN without a spread."""
    n = values.shape[1]
    if n < 2:
        return np.full(len(values), np.nan)
    spread = values.std(axis=1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, values.mean(axis=1) / spread * np.sqrt(n), np.nan)


def p_of_t(t: float, freedom: int) -> float:
    """Return the two-sided p-value of a t-statistic; never exactly 0, which no finite sample supports."""
    return max(2 * float(stdtr(freedom, -abs(t))), float(np.finfo(np.float64).tiny))


def p_of_z(z: float) -> float:
    """Return the two-sided p-value of a standard normal statistic; never exactly 0."""
    return max(2 * float(ndtr(-abs(z))), float(np.finfo(np.float64).tiny))


def _all_zero(values: Floats) -> str | None:
    return None if np.any(values) else "all observations are zero"


def no_draws(n: int, draws: int) -> str | None:
    return None if n <= EXACT_UP_TO or draws > 0 else f"no draws; {n} observations need them"


def _left_out(zeros: int) -> str:
    return f"; {zeros} of exactly 0 left out" if zeros else ""
