"""How often the 95 % intervals of a study and of a comparison cover what is true. ``python -m benchmarks.coverage``"""

import os
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context

import numpy as np

from benchmarks.size import versions
from benchmarks.tables import publish
from datasets.arrays import Floats
from engine.comparison.common_events import on_common_events
from engine.comparison.difference import Difference
from engine.statistics.bootstrap import Interval, event_interval

SEED = 20_261_201
LEVEL, DRAWS, RUNS = 0.95, 499, 4_000
EVENTS = (5, 10, 12, 20)
SPREAD, MEAN, FURTHER = 0.03, 0.01, 0.02
"""Of one event's return in both runs of a comparison: Sharpe ratios of 1/3, or of 1 where the second gains more."""
WORLDS: Mapping[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "t with 3 degrees of freedom": lambda rng, n: rng.standard_t(3, n) / np.sqrt(3),
    "skewed (χ² with 3)": lambda rng, n: (rng.chisquare(3, n) - 3) / np.sqrt(6),
}
NAMES = ("t", "sign-flip", "mean_trade", "sharpe_trade", "sharpe_trade, 1/3 and 1")


def covered(world: str, n: int, *, runs: int) -> dict[str, float]:
    """Return the share of runs in which each interval covers the truth, by its name; those that there are.

    A study's mean is zero. Both runs of a comparison have the same spread, and the same mean or another.
    """
    rng = np.random.default_rng([SEED, zlib.crc32(world.encode()), n])
    had, hit = Counter[str](), Counter[str]()
    for run in range(runs):
        values = SPREAD * WORLDS[world](rng, n)
        one, two = MEAN + SPREAD * np.stack([rng.standard_normal(n), WORLDS[world](rng, n)])
        intervals: list[tuple[str, Interval | Difference, float]] = [
            *((i.name, i, 0.0) for i in event_interval(values, LEVEL, draws=DRAWS, seed=run)),
            *((d.name, d, 0.0) for d in compared(one, two)),
            (NAMES[-1], compared(one, two + FURTHER)[1], FURTHER / SPREAD),
        ]
        for name, interval, truth in intervals:
            if interval.low is not None and interval.high is not None:
                had[name] += 1
                hit[name] += interval.low <= truth <= interval.high
    return {name: hit[name] / had[name] for name in NAMES if had[name]}


def compared(one: Floats, two: Floats) -> Sequence[Difference]:
    """Return the differences of the mean and of the Sharpe ratio of two runs on the same events."""
    sides = ({str(k): v for k, v in enumerate(side.tolist())} for side in (one, two))
    return on_common_events(*sides).differences[:2]


def main(workers: int | None = None) -> None:
    """Measure, print the table and write it into the docs."""
    head = ("returns", "N", "study: t", "sign-flip", "comparison: mean", "Sharpe ratio", "Sharpe ratios 1/3 and 1")
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    cells = [(world, n) for world in WORLDS for n in EVENTS]
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the processes share the cores already
    with get_context("spawn").Pool(workers or os.cpu_count()) as pool:
        for (world, n), found in zip(cells, pool.imap(_job, cells), strict=True):
            shares = (f"{100 * found[name]:.1f}" if name in found else "" for name in NAMES)
            lines.append(f"| {world} | {n} | " + " | ".join(shares) + " |")
            print(lines[-1], file=sys.stderr, flush=True)
    made = f"Made by `make bench ARGS=coverage`, {RUNS:,} runs each: seed {SEED}, {versions()}"
    publish("coverage", "\n".join(lines), made=made)


def _job(given: tuple[str, int]) -> dict[str, float]:
    return covered(*given, runs=RUNS)


if __name__ == "__main__":
    main()
