"""How often sweeps of zero-skill rules pass 95 % of the deflated Sharpe ratio, in markets that rise and that do not.

One event a year on dates without meaning; the best of all holds and delays is deflated as a sweep deflates it (returns
less the mean of the same trades over all dates), and as of before (net returns). ``python -m benchmarks.deflated``
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.size import versions
from benchmarks.tables import publish
from datasets.arrays import Floats
from engine.statistics.sharpe import sharpe_after_trials
from engine.sweep.trial_sample import SAMPLED

SEED = 20_261_201
YEAR, DAY = 252, 0.01
BAR, RUNS = 0.95, 1_000
DELAYS = range(5)
HOLDS = (range(1, 21), range(20, 61, 2), range(100, 150, 2), range(200, 246, 2))
EVENTS, DRIFTS = (20, 50), (0.0, 0.08)


@dataclass(frozen=True)
class Sweep:
    """Worlds of ``n`` years with an event each and a drift a year, and the holds that are swept."""

    holds: range
    n: int
    drift: float


def deflated(sweep: Sweep, rng: np.random.Generator) -> tuple[float, float]:
    """Return the deflated Sharpe ratio of the best of one world, beyond drift and of net returns."""
    level = np.cumprod(1 + sweep.drift / YEAR + DAY * rng.standard_normal((sweep.n + 2) * YEAR))
    rows = YEAR * np.arange(1, sweep.n + 1) + rng.integers(-10, 10, sweep.n)
    net, beyond = [], []
    for hold in sweep.holds:
        everywhere = level[hold:] / level[:-hold] - 1
        net += [everywhere[rows + delay] for delay in DELAYS]
        beyond += [everywhere[rows + delay] - everywhere.mean() for delay in DELAYS]
    best = int(np.argmax(_ratios(np.array(net))))
    return _deflated(np.array(beyond), best), _deflated(np.array(net), best)


def _deflated(returns: Floats, best: int) -> float:
    trials = len(returns)
    sampled = np.linspace(0, trials - 1, min(SAMPLED, trials)).astype(int)
    sd = float(_ratios(returns[sampled]).std(ddof=1))
    return sharpe_after_trials(returns[best], trials=trials, known=len(sampled), sd=sd).deflated or 0.0


def _ratios(returns: Floats) -> Floats:
    return np.asarray(returns.mean(axis=1) / returns.std(axis=1, ddof=1), dtype=np.float64)


def passing(sweep: Sweep, runs: int) -> tuple[float, float]:
    """Return the shares of worlds in which the best passes, beyond drift and of net returns."""
    rng = np.random.default_rng([SEED, sweep.holds.start, sweep.n, round(100 * sweep.drift)])
    found = np.array([deflated(sweep, rng) for _ in range(runs)])
    first, second = (found > BAR).mean(axis=0).tolist()
    return first, second


def main() -> None:
    """Measure, print the table and write it into the docs."""
    lines = ["| holds | trials | events | drift a year | beyond drift | of net returns |", "|" + " --- |" * 6]
    for sweep in (Sweep(h, n, d) for d in DRIFTS for h in HOLDS for n in EVENTS):
        shares = " | ".join(f"{100 * s:.1f}" for s in passing(sweep, RUNS))
        span = f"{sweep.holds[0]} to {sweep.holds[-1]}"
        lines.append(f"| {span} | {len(sweep.holds) * len(DELAYS)} | {sweep.n} | {sweep.drift:.0%} | {shares} |")
    made = f"Made by `make bench ARGS=deflated`, {RUNS:,} worlds each: seed {SEED}, {versions()}"
    publish("deflated", "\n".join(lines), made=made)


if __name__ == "__main__":
    main()
