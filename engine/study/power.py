"""Statistical power before the result: on calm dates, and at the standard deviation of the events themselves.

On calm dates an effect is added to the same trades on placebo dates, and power is how often a test rejects. Event days
may be wilder than those: so power is given a second time at the events' own spread, and only that enters the verdict.
"""

from functools import lru_cache

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.special import gammaincinv, gammaln, nctdtr, ndtr, stdtr, stdtrit

from datasets.arrays import Flags, Floats
from engine.statistics.significance import t_by_row
from engine.study.placebo import Placebos

EFFECTS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.10)
LISTS = 2_000
FLIPS = 1_024
TARGET = 0.80


class _PowerRow(Struct, frozen=True):
    """The power of each test against an effect (a fraction added to each observation).

    ``bmp``, ``sign_flip`` and ``placebo`` are of calm dates; ``own`` is that of a t-test at the events' own spread, and
    ``exaggeration`` the exaggeration ratio there (type M: Gelman and Carlin 2014), the mean size of what is significant
    over the effect, at least 1. None for a test that is withheld.
    """

    effect: float
    bmp: float | None
    sign_flip: float | None
    placebo: float
    own: float | None
    exaggeration: float | None


class Power(Struct, frozen=True):
    """The power of ``n`` observations.

    ``spread`` is the standard deviation of one observation on calm dates, ``own_spread`` that of the events (n - 1).
    ``detectable`` is the effect for which a two-sided t-test at ``alpha`` has 80 % power at the latter; None where it
    is not known. ``error`` is the Monte Carlo standard error of a power near one half.
    """

    n: int
    alpha: float
    spread: float
    own_spread: float
    detectable: float | None
    rows: tuple[_PowerRow, ...]
    lists: int
    error: float


def power(placebos: Placebos, *, alpha: float = 0.05, seed: int = 0, of_zero: bool = True) -> Power | str:
    """Return the power of the default tests, or why it is not available.

    Args:
        placebos: the returns of the trades on placebo dates.
        alpha: the level of the tests.
        seed: of the lists and sign patterns used.
        of_zero: whether the tests of a mean of zero are shown (`Sample.withheld`).
    """
    n = placebos.abnormal.shape[1]
    if n < 2:
        return f"{n} observation{'s' if n != 1 else ''}: no test, and so no power"
    m, rng = len(placebos.abnormal), np.random.default_rng(seed)
    picked = np.arange(m) if m <= LISTS else np.sort(rng.choice(m, LISTS, replace=False))
    calm, own = float(placebos.abnormal.std()), float(placebos.sample.abnormal.std(ddof=1))
    limits, flips = _limits(placebos, alpha), sign_patterns(n, seed)
    assumed = fair_spread(n, own / placebos.t_factor) if of_zero else None
    rows = [_row(e, placebos, picked, limits=limits, flips=flips, alpha=alpha, spread=assumed) for e in EFFECTS]
    rows = rows if of_zero else [replace(r, bmp=None, sign_flip=None) for r in rows]
    detectable = None if assumed is None else detectable_effect(n, assumed, alpha=alpha)
    return Power(n, alpha, calm, own, detectable, tuple(rows), len(picked), float(np.sqrt(0.25 / len(picked))))


def fair_spread(n: int, spread: float) -> float | None:
    """Return the spread at which n other such observations find an effect as often as is printed; None below three.

    A standard deviation of few observations is as often too small as too large, and an effect divided by it is too
    large on average. Divided by it times the root of d / 2, Gamma((d - 1) / 2) and 1 / Gamma(d / 2), d = n - 1, it is
    right on average (Hedges 1981, Journal of Educational Statistics 6(2)).
    """
    if n < 3 or not spread > 0:
        return None
    d = n - 1
    return spread * float(np.sqrt(d / 2) * np.exp(gammaln((d - 1) / 2) - gammaln(d / 2)))


def _limits(placebos: Placebos, alpha: float) -> tuple[float, float]:
    """Return the t-statistics beyond which the placebo test rejects (`randomization_p_value`)."""
    lists = np.sort(placebos.known_t)
    k = int(np.floor(round(alpha / 2 * (len(lists) + (not placebos.calendars.exact)), 9)))
    return (float(lists[k - 1]), float(lists[-k])) if k else (-np.inf, np.inf)


def _row(
    effect: float,
    placebos: Placebos,
    picked: NDArray[np.intp],
    *,
    limits: tuple[float, float],
    flips: Floats,
    alpha: float,
    spread: float | None,
) -> _PowerRow:
    """Return the power against an effect, which is reduced by the factors for shared sessions.

    Args:
        effect: a fraction.
        placebos: the returns on placebo dates.
        picked: the lists used.
        limits: between which the placebo test does not reject.
        flips: the sign patterns.
        alpha: the level.
        spread: of the events themselves (`fair_spread`).
    """
    n = placebos.abnormal.shape[1]
    added = placebos.t_factor * effect
    abnormal = placebos.abnormal[picked] + added
    standardized, sd = placebos.standardized[picked], placebos.sd[picked]
    t_bmp = t_by_row(standardized + added / sd)
    t_placebo = t_by_row(standardized + placebos.distance_factor * effect / sd)
    by_bmp = 2 * stdtr(abnormal.shape[1] - 1, -np.abs(t_bmp)) <= alpha
    return _PowerRow(
        effect=effect,
        bmp=float(by_bmp.mean()),
        sign_flip=float(sign_flip_rejects(abnormal, flips, alpha=alpha).mean()),
        placebo=float(((t_placebo < limits[0]) | (t_placebo > limits[1])).mean()),
        own=None if spread is None else t_power(effect, n, spread, alpha=alpha),
        exaggeration=None if spread is None else exaggeration(effect, n, spread, alpha=alpha),
    )


def sign_patterns(n: int, seed: int) -> Floats:
    """Return the sign patterns of a sign-flip test, lists x observations, the identity first.

    All of them up to sign (a pattern and its opposite have one mean) while they are no more than 1,024; else drawn.
    """
    if 2 ** (n - 1) <= FLIPS:
        bits = (np.arange(2 ** (n - 1))[:, None] >> np.arange(n)) & 1
        return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)
    drawn = 1.0 - 2.0 * np.random.default_rng(seed).integers(2, size=(FLIPS, n))
    drawn[0] = 1.0
    return np.asarray(drawn, dtype=np.float64)


def sign_flip_rejects(values: Floats, patterns: Floats, *, alpha: float) -> Flags:
    """Return for each row of values whether the sign-flip test rejects a mean of zero, two-sided."""
    flipped = values @ patterns.T
    np.abs(flipped, out=flipped)
    extreme = np.count_nonzero(flipped >= np.abs(values.sum(axis=1))[:, None] * (1 - 1e-12), axis=1)
    return np.asarray(extreme / len(patterns) <= alpha, dtype=bool)


def t_power(effect: float, n: int, spread: float, *, alpha: float = 0.05) -> float:
    """Return the power of a two-sided t-test of n normal observations against a true mean, by the noncentral t."""
    limit = float(stdtrit(n - 1, 1 - alpha / 2))
    shift = effect / spread * np.sqrt(n)
    share = float(1 - nctdtr(n - 1, shift, limit) + nctdtr(n - 1, shift, -limit))
    if np.isfinite(share):  # scipy has none for large shifts
        return share
    limits, weights = _limits_of_means(limit, n - 1)
    return float(weights @ (ndtr(shift - limits) + ndtr(-shift - limits)))


@lru_cache(maxsize=32)
def _limits_of_means(limit: float, freedom: int) -> tuple[Floats, Floats]:
    """Return the means, in standard errors, beyond which |t| exceeds a limit, and the probability of each.

    At the quantiles of the estimated standard deviation, by the rule of Gauss and Legendre.
    """
    nodes, weights = np.polynomial.legendre.leggauss(200)
    return limit * np.sqrt(2 * gammaincinv(freedom / 2, (nodes + 1) / 2) / freedom), weights / 2


def exaggeration(effect: float, n: int, spread: float, *, alpha: float = 0.05) -> float:
    """Return the mean size of the mean where a two-sided t-test rejects, over a true effect; at least 1.

    The mean of a normal beyond two limits (type M error: Gelman and Carlin 2014), over all estimates of its spread.
    """
    shift = effect / spread * np.sqrt(n)
    limits, weights = _limits_of_means(float(stdtrit(n - 1, 1 - alpha / 2)), n - 1)
    above, below = limits - shift, limits + shift
    density = (np.exp(-(above**2) / 2) + np.exp(-(below**2) / 2)) / np.sqrt(2 * np.pi)
    size = density + shift * (ndtr(-above) - ndtr(-below))
    return float(weights @ size / (weights @ (ndtr(-above) + ndtr(-below))) / shift)


def detectable_effect(n: int, spread: float, *, alpha: float = 0.05) -> float | None:
    """Return the smallest true mean for which a t-test has 80 % power, by bisection; None where there is none."""
    if n < 2 or not spread > 0:
        return None
    low, high = 0.0, spread
    while t_power(high, n, spread, alpha=alpha) < TARGET:
        high *= 2
        if high > 1e6 * spread:
            return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_power(middle, n, spread, alpha=alpha) < TARGET else (low, middle)
    return high
