"""Works for the tests of the benchmarks' races."""

import time
from collections.abc import Callable


def numbers(text: str) -> Callable[[], list[float]]:
    """Return a work whose results are the numbers shown."""
    return lambda: [float(n) for n in text.split()]


def sleeps(text: str) -> Callable[[], list[float]]:
    """Return the same, done in 0.02 s."""

    def work() -> list[float]:
        time.sleep(0.02)
        return [float(n) for n in text.split()]

    return work
