"""The outcome of a statistical test: statistic, p-value and number of observations, or why there is none.

And p-values adjusted for the number of tests or variants tried.
"""

import numpy as np
from msgspec import Struct

from datasets.arrays import Floats

_ROUNDING = 1e-12
_PRICE_ROUNDING = 1e-8
"""Returns that differ by less differ by the rounding of prices."""


class Significance(Struct, frozen=True):
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
    alike = float(np.ptp(values)) <= max(_PRICE_ROUNDING, _ROUNDING * float(np.abs(values).max()))
    return "all observations are equal: their spread is zero" if alike else None


def counted(n: int) -> str:
    """Return "no observations", "1 observation", "2 observations"."""
    return "1 observation" if n == 1 else f"{n or 'no'} observations"


def sidak(p: float, n: float) -> float:
    """Return the p-value of the best of n independent tests, 1 - (1 - p)^n (Šidák 1967); it keeps small p exact.

    >>> round(sidak(0.05, 2), 6)
    0.0975
    """
    return float(-np.expm1(n * np.log1p(-p))) if p < 1 else 1.0


def effective_trials(statistics: Floats) -> float:
    """Return to how many independent trials the correlated columns (trials) of a table amount (Galwey 2009).

    The square of the sum of the roots of the eigenvalues of their correlation over the sum of the eigenvalues: 1 for
    trials that are one, their number for independent ones. Columns that do not vary are left out.

    >>> float(round(effective_trials(np.array([[1.0, 1.0], [2.0, 2.0], [0.0, 0.0]])), 6))
    1.0
    """
    varied = statistics[:, np.ptp(statistics, axis=0) > _ROUNDING]
    if varied.shape[1] < 2:
        return 1.0
    roots = np.sqrt(np.maximum(np.linalg.eigvalsh(np.corrcoef(varied, rowvar=False)), 0.0))
    return float(roots.sum() ** 2 / (roots**2).sum())


def max_t(observed: Floats, placebo: Floats, *, identity_included: bool = False) -> Floats:
    """Return the adjusted p-value of each of k statistics, single-step max-T (Westfall and Young 1993).

    The share of placebo lists whose largest |t| over all k reaches the observed |t|: (b + 1) / (m + 1), or b / m where
    every list is enumerated. The k statistics may depend on each other.

    Args:
        observed: (k,), studentized statistics of the events; NaN (not available) gives 1.
        placebo: (m, k), the same of each placebo list; a list with a NaN counts as reaching (conservative).
        identity_included: whether the lists are enumerated and the events' own is among them.
    """
    largest = np.sort(np.abs(placebo).max(axis=1))  # NaN goes last, with the large ones
    size = np.nan_to_num(np.abs(observed), nan=0.0, posinf=np.inf)
    b = len(placebo) - np.searchsorted(largest, size * (1 - _ROUNDING), side="left")
    return b / len(placebo) if identity_included else (b + 1) / (len(placebo) + 1)


def t_by_row(values: Floats) -> Floats:
    """Return the t-statistic of each row: mean over standard deviation (n - 1) times root n; NaN without a spread."""
    n = values.shape[1]
    if n < 2:
        return np.full(len(values), np.nan)
    spread = values.std(axis=1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, values.mean(axis=1) / spread * np.sqrt(n), np.nan)
