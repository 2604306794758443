"""The outcome of a statistical test: statistic, p-value and number of observations, or why there is none."""

from dataclasses import dataclass

import numpy as np

from datasets.arrays import Floats

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Significance:
    """One test of "no effect", two-sided.

    ``statistic`` and ``p`` are None where the test is not available; ``reason`` then says why. ``n`` counts the
    independent observations; ``reference`` names the distribution of the statistic; ``error`` is the Monte Carlo
    standard error of ``p`` (0 where it is exact).
    """

    name: str
    n: int
    statistic: float | None
    p: float | None
    reference: str
    error: float = 0.0
    reason: str = ""


def untested(name: str, n: int, reason: str) -> Significance:
    """Return the outcome of a test that is not available, with the reason."""
    return Significance(name, n, None, None, "", reason=reason)


def why_not(values: Floats, *, least: int, test: str) -> str | None:
    """Return why observations are too few for a test, or not all numbers; None where they can be tested."""
    n, bad = len(values), int((~np.isfinite(values)).sum())
    if bad:
        return f"{bad} of {counted(n)} {'is not a number' if bad == 1 else 'are not numbers'}"
    return None if n >= least else f"{counted(n)}; {test} needs at least {least}"


def no_spread(values: Floats) -> str | None:
    """Return that all observations are equal; None where they differ."""
    alike = float(np.ptp(values)) <= _ROUNDING * float(np.abs(values).max())
    return "all observations are equal: their spread is zero" if alike else None


def counted(n: int) -> str:
    """Return "no observations", "1 observation", "2 observations"."""
    return "1 observation" if n == 1 else f"{n or 'no'} observations"
