"""What the tests could have found: reckoned before the result, on the market's own placebo calendars.

The same trades on other dates, with an effect added to each: how often would each test have rejected?
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaincinv, nctdtr, ndtr, stdtr, stdtrit

from datasets.prices.bars import Flags, Floats
from engine.study.placebo import Placebos, t_rows

EFFECTS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.10)
LISTS = 2_000
FLIPS = 1_024
WANTED = 0.80


@dataclass(frozen=True)
class PowerRow:
    """Of an effect (a fraction added to each observation): the share of lists at which each test rejects.

    ``exaggeration`` is how many times too large the mean is where BMP's test rejects (type M: Gelman and Carlin 2014).
    None of a test that is withheld.
    """

    effect: float
    bmp: float | None
    sign_flip: float | None
    placebo: float
    exaggeration: float | None


@dataclass(frozen=True)
class Power:
    """What ``n`` observations can find. ``spread`` is the standard deviation of one observation without an effect.

    ``detectable`` is the effect that a t-test finds 80 times of 100 at ``alpha``, two-sided, ``error`` the Monte Carlo
    standard error of a share near one half.
    """

    n: int
    alpha: float
    spread: float
    detectable: float | None
    rows: tuple[PowerRow, ...]
    lists: int
    error: float


def power(drawn: Placebos, *, alpha: float = 0.05, seed: int = 0, of_zero: bool = True) -> Power | str:
    """Return the power of the default tests, or why it cannot be had.

    Args:
        drawn: what the trades return on placebo dates.
        alpha: the level of the tests.
        seed: of the lists and sign patterns looked at.
        of_zero: whether the tests of a mean of zero are shown; where nothing is expected of a date they are not.
    """
    n = drawn.abnormal.shape[1]
    if n < 2:
        return f"{n} observation{'s' if n != 1 else ''}: no test, and so no power"
    picked = _lists(drawn, seed)
    abnormal, standardized, sds = (v[picked] for v in (drawn.abnormal, drawn.standardized, drawn.sd))
    spread = float(drawn.abnormal.std())
    limits = _limits(drawn, alpha)
    flips = sign_patterns(n, seed)
    rows = [
        _row(
            e,
            (abnormal + drawn.within * e, standardized + drawn.within * e / sds, standardized + drawn.apart * e / sds),
            limits=limits,
            flips=flips,
            alpha=alpha,
        )
        for e in EFFECTS
    ]
    found = detectable_effect(n, spread / drawn.within, alpha=alpha) if of_zero else None
    rows = rows if of_zero else [replace(r, bmp=None, sign_flip=None, exaggeration=None) for r in rows]
    return Power(n, alpha, spread, found, tuple(rows), len(picked), float(np.sqrt(0.25 / len(picked))))


def _lists(drawn: Placebos, seed: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    m = len(drawn.abnormal)
    if m <= LISTS:
        return np.arange(m)
    return np.sort(np.random.default_rng(seed).choice(m, LISTS, replace=False))


def _limits(drawn: Placebos, alpha: float) -> tuple[float, float]:
    """Return the t-statistics beyond which the placebo test rejects: so many lists are as far out (`among`)."""
    lists = np.sort(drawn.t[np.isfinite(drawn.t)])
    k = int(np.floor(round(alpha / 2 * (len(lists) + (not drawn.calendars.exact)), 9)))
    return (float(lists[k - 1]), float(lists[-k])) if k else (-np.inf, np.inf)


def _row(
    effect: float, moved: tuple[Floats, Floats, Floats], *, limits: tuple[float, float], flips: Floats, alpha: float
) -> PowerRow:
    """Return the power against an effect.

    Args:
        effect: a fraction.
        moved: the lists with it, less what sessions in common take away: abnormal returns, standardized ones for BMP's
            test, and standardized ones for the placebo test.
        limits: between which the placebo test does not reject.
        flips: the sign patterns.
        alpha: the level.
    """
    abnormal, for_bmp, for_placebo = moved
    by_bmp = 2 * stdtr(abnormal.shape[1] - 1, -np.abs(t_rows(for_bmp))) <= alpha
    t = t_rows(for_placebo)
    found = np.abs(abnormal.mean(axis=1)[by_bmp])
    return PowerRow(
        effect=effect,
        bmp=float(by_bmp.mean()),
        sign_flip=float(sign_flip_rejects(abnormal, flips, alpha=alpha).mean()),
        placebo=float(((t < limits[0]) | (t > limits[1])).mean()),
        exaggeration=float(found.mean() / effect) if len(found) else None,
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
    flipped = np.abs(values @ patterns.T)
    extreme = (flipped >= np.abs(values.sum(axis=1))[:, None] * (1 - 1e-12)).mean(axis=1)
    rejected: Flags = extreme <= alpha
    return rejected


def t_power(effect: float, n: int, spread: float, *, alpha: float = 0.05) -> float:
    """Return the power of a two-sided t-test of n normal observations against a true mean, by the noncentral t."""
    limit = float(stdtrit(n - 1, 1 - alpha / 2))
    shift = effect / spread * np.sqrt(n)
    found = float(1 - nctdtr(n - 1, shift, limit) + nctdtr(n - 1, shift, -limit))
    return found if np.isfinite(found) else _beyond(shift, limit, n - 1)


def _beyond(shift: float, limit: float, freedom: int) -> float:
    """Return the chance that |t| exceeds a limit, t noncentral, where scipy's own has none (large shifts).

    The mean of a normal's chance over the quantiles of the estimated standard deviation, by Gauss and Legendre's rule.
    """
    nodes, weights = np.polynomial.legendre.leggauss(200)
    spread = np.sqrt(2 * gammaincinv(freedom / 2, (nodes + 1) / 2) / freedom)
    return float(weights @ (ndtr(shift - limit * spread) + ndtr(-shift - limit * spread)) / 2)


def detectable_effect(n: int, spread: float, *, alpha: float = 0.05, wanted: float = WANTED) -> float | None:
    """Return the smallest true mean that a t-test finds with a wanted power, by bisection; None where no effect is."""
    if n < 2 or not spread > 0:
        return None
    low, high = 0.0, spread
    while t_power(high, n, spread, alpha=alpha) < wanted:
        high *= 2
        if high > 1e6 * spread:
            return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_power(middle, n, spread, alpha=alpha) < wanted else (low, middle)
    return high
