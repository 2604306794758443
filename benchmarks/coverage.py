"""How often the 95 % intervals of a study and of a comparison cover what is true. ``python -m benchmarks.coverage``"""

import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.size import versions
from datasets.arrays import Floats
from engine.comparison.common_events import on_common_events
from engine.comparison.difference import Difference
from engine.statistics.bootstrap import Interval, event_interval

SEED = 20_261_201
LEVEL, DRAWS, RUNS = 0.95, 499, 1_000
EVENTS = (5, 10, 12, 20)
SPREAD, MEAN = 0.03, 0.01
"""Of one event's return in both runs of a comparison."""
WORLDS: Mapping[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "t with 3 degrees of freedom": lambda rng, n: rng.standard_t(3, n) / np.sqrt(3),
    "skewed (χ² with 3)": lambda rng, n: (rng.chisquare(3, n) - 3) / np.sqrt(6),
}
NAMES = ("t", "sign-flip", "mean_trade", "sharpe_trade")


def covered(world: str, n: int, *, runs: int) -> dict[str, float]:
    """Return the share of runs in which each interval covers the truth, by its name; those that there are.

    A study's mean is zero. Both runs of a comparison have the same mean and spread, so that the differences are zero.
    """
    rng = np.random.default_rng([SEED, zlib.crc32(world.encode()), n])
    had, hit = Counter[str](), Counter[str]()
    for run in range(runs):
        values = SPREAD * WORLDS[world](rng, n)
        pairs = MEAN + SPREAD * np.stack([rng.standard_normal(n), WORLDS[world](rng, n)])
        one, two = ({str(k): float(v) for k, v in enumerate(side)} for side in pairs)
        found: tuple[Interval | Difference, ...] = (
            *event_interval(values, LEVEL, draws=DRAWS, seed=run),
            *on_common_events(one, two).differences[:2],
        )
        for interval in found:
            if interval.low is not None and interval.high is not None:
                had[interval.name] += 1
                hit[interval.name] += interval.low <= 0 <= interval.high
    return {name: hit[name] / had[name] for name in NAMES if had[name]}


def main() -> None:
    """Measure, and print the table."""
    began = time.perf_counter()
    print(f"\nCoverage of {LEVEL:.0%}, in per cent; {RUNS:,} runs each, seed {SEED}, {versions()}\n")
    head = ("returns", "N", "study: t", "sign-flip", "comparison: mean", "Sharpe ratio")
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for world in WORLDS:
        for n in EVENTS:
            found = covered(world, n, runs=RUNS)
            cells = (f"{100 * found[name]:.1f}" if name in found else "" for name in NAMES)
            print(f"| {world} | {n} | " + " | ".join(cells) + " |", flush=True)
    print(f"\n{time.perf_counter() - began:.0f} s.")


if __name__ == "__main__":
    main()
