"""A curve in one line of text."""

import numpy as np

from datasets.arrays import Floats

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.-=+*%#"
"""For a terminal that has no blocks."""


def sparkline(values: Floats, *, width: int = 60, signs: str = BLOCKS) -> str:
    """Return the last value of each of at most ``width`` equal stretches as a sign, from the lowest to the highest.

    >>> sparkline(np.array([1.0, 2.0, 3.0, 2.0]), signs=PLAIN)
    '_+#+'
    >>> sparkline(np.array([5.0, 5.0]))
    '▁▁'
    """
    ends = np.linspace(0, len(values), min(width, len(values)) + 1).astype(np.intp)[1:] - 1
    shown = values[ends]
    low, high = float(shown.min()), float(shown.max())
    steps = np.zeros(len(shown)) if high == low else (shown - low) / (high - low) * (len(signs) - 1)
    return "".join(signs[round(step)] for step in steps.tolist())
