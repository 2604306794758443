"""Times pieces of work of this very process in turn."""

import statistics
import time
from collections.abc import Callable, Mapping

from benchmarks.race import RUNS


def interleaved(peers: Mapping[str, Callable[[], float]], *, agree: float) -> dict[str, float]:
    """Return the median seconds of each peer over RUNS interleaved runs.

    Raises:
        SystemExit: what they return differs by more than ``agree``, relative: then no time is worth comparing.
    """
    took: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(RUNS):
        found = {}
        for name, work in peers.items():
            began = time.perf_counter()
            found[name] = work()
            took[name].append(time.perf_counter() - began)
        spread = max(found.values()) / min(found.values()) - 1
        if spread > agree:
            raise SystemExit(f"results differ by {spread:.1e}: {found}")
    return {name: statistics.median(each) for name, each in took.items()}
