"""p-values adjusted for the number of tests or variants tried."""

import numpy as np

from datasets.arrays import Floats

_ROUNDING = 1e-12


def sidak(p: float, n: int) -> float:
    """Return the p-value of the best of n independent tests, 1 - (1 - p)^n (Šidák 1967); it keeps small p exact.

    >>> round(sidak(0.05, 2), 6)
    0.0975
    """
    return float(-np.expm1(n * np.log1p(-p))) if p < 1 else 1.0


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
    adjusted: Floats = b / len(placebo) if identity_included else (b + 1) / (len(placebo) + 1)
    return adjusted
