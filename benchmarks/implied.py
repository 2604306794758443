"""Whether ``hustings implied`` covers a known b, and its placebo holds its size: the table of docs/reference/odds.md.

A world is n closes: returns with GARCH(1, 1) volatility and Student's t(5) shocks, and odds in hundredths whose
log-odds follow a mean-reverting walk with steps that cluster and follow each other. ``python -m benchmarks.implied``
"""

from dataclasses import dataclass

import numpy as np

from datasets.arrays import Floats
from engine.implied.implied import FEWEST, SMALLEST, fitted_numbers

SEED = 20_261_201
RUNS = 4_000
LENGTHS = (20, 60, 120)
B = -12.0
BURN = 200


@dataclass(frozen=True)
class World:
    """A process: whether returns and odds have volatility that clusters, and whether both share it."""

    name: str
    garch: bool = True
    autocorrelated: bool = True
    shared: bool = False


WORLDS = (
    World("independent, alike", garch=False, autocorrelated=False),
    World("GARCH returns", autocorrelated=False),
    World("autocorrelated odds", garch=False),
    World("both"),
    World("both, wild on the same days", shared=True),
)


def clustering(n: int, rng: np.random.Generator) -> Floats:
    """Return standard deviations of a GARCH(1, 1) with a + b = 0.97, of variance 1 on average."""
    shocks, variance = rng.standard_t(5, n) / np.sqrt(5 / 3), np.ones(n)
    for t in range(1, n):
        variance[t] = 0.03 + variance[t - 1] * (0.12 * shocks[t - 1] ** 2 + 0.85)
    deviation: Floats = np.sqrt(variance)
    return deviation


def world(kind: World, n: int, b: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return n log returns in per cent, and n changes of a probability."""
    total = n + BURN
    wild = clustering(total, rng) if kind.garch else np.ones(total)
    own = wild if kind.shared else clustering(total, rng) if kind.autocorrelated else np.ones(total)
    steps = own * rng.standard_t(5, total) * 0.10
    carried, odds, step = 0.25 if kind.autocorrelated else 0.0, np.zeros(total + 1), 0.0
    for t in range(total):
        step = steps[t] + carried * step - 0.03 * odds[t]
        odds[t + 1] = odds[t] + step
    p = np.round(1 / (1 + np.exp(-(odds - 0.8))), 2)
    changes = np.diff(p)[BURN:]
    noise = wild[BURN:] * rng.standard_t(5, n) / np.sqrt(5 / 3)
    return b * changes + noise, changes


@dataclass(frozen=True)
class Share:
    """Over worlds: how often the interval covers b, and how often the placebo and HC1 t reject a b of 0 at 5 %."""

    runs: int
    covered: float
    shift: float
    hc1: float


def measured(kind: World, n: int, runs: int = RUNS) -> Share:
    """Return the shares over so many worlds; those with too small changes, which are refused, are drawn again."""
    rng = np.random.default_rng([SEED, n, WORLDS.index(kind)])
    covered = shift = hc1 = done = 0
    while done < runs:
        returns, changes = world(kind, n, B, rng)
        if n < FEWEST or changes.std(ddof=1) < SMALLEST:
            continue
        done += 1
        found = fitted_numbers(returns, changes, p=0.3)
        covered += found["low"] <= B <= found["high"]
        null = fitted_numbers(returns - B * changes, changes, p=0.3)
        shift += null["shift_p"] <= 0.05
        hc1 += abs(null["t_hc1"]) > 1.96
    return Share(runs, covered / runs, shift / runs, hc1 / runs)


def main() -> None:
    """Print the table of every world and length."""
    print(
        "| world | n | 90 % interval covers | shift placebo rejects at 5 % | HC1 t beyond 1.96 |\n|---|---|---|---|---|"
    )
    for kind in WORLDS:
        for n in LENGTHS:
            s = measured(kind, n)
            print(
                f"| {kind.name} | {n} | {100 * s.covered:.1f} % | {100 * s.shift:.1f} % | {100 * s.hc1:.1f} % |",
                flush=True,
            )


if __name__ == "__main__":
    main()
