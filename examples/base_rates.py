"""The sign test against the events' own base rates (Cowan 1992), of the example of Japan's elections."""

import numpy as np

from datasets.arrays import Floats
from engine.statistics.significance import Significance, untested, why_not


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


def _twice_smaller_tail(probability: Floats, w: int) -> float:
    """Return twice the smaller tail of a distribution over 0, 1 ... at w, at most 1."""
    return min(1.0, 2 * float(min(probability[: w + 1].sum(), probability[w:].sum())))
