"""How often the placebo tests of votes reject where events do nothing: of variance, of a side's slope, of its labels.

``python -m benchmarks.votes [RUNS]`` prints a row for each world and number of votes, from the code of a study.
"""

import sys
import zlib
from collections import Counter
from collections.abc import Iterator

import numpy as np

from benchmarks.nulls import FIRST_ROW, Null, Process, made, occasion, priced, shocks, stage
from datasets.instants import to_ns
from engine.study.labels import label_test
from engine.study.placebo import draw_placebos
from engine.study.prepare import Prepared
from engine.study.settings import Scheme
from engine.study.surprise import fitted
from engine.study.variance import ESTIMATION, event_variance

DRAWS, ALPHA, SEED, CHUNK = 499, 0.05, 20261201, 50
NULLS = (Null("homoskedastic"), Null("fat tails", Process.FAT), Null("volatility that clusters", Process.GARCH))
EVENTS = (5, 10, 20)


def p_values(null: Null, n: int, chunk: int) -> Iterator[tuple[str, float | None]]:
    """Yield the p-values of a chunk of runs; the chunk's number is its seed."""
    rng = np.random.default_rng([SEED, zlib.crc32(f"{null.name} {n}".encode()), chunk])
    at = stage(null, n, 1)
    for run, moves in enumerate(shocks(null, at, CHUNK, rng)):
        when = occasion(null, at, n, rng)
        one = made(at, when, priced(null, at, when, moves), ())
        drawn = draw_placebos(one.samples, Scheme.STRATIFIED, draws=DRAWS, seed=run)
        if isinstance(drawn, str):
            continue
        known_at = {t.event_id: to_ns(t.decided_at) for t, _ in one.pairs}
        found = event_variance(Prepared(one.model, tuple(one.samples), drawn, ()), known_at, None)
        if not isinstance(found, str):
            yield "variance", found.windows[0].test.p
        usable, won = one.samples[0].usable, np.arange(n) % 2 == 0
        yield "slope", fitted(usable, won - rng.uniform(0.1, 0.9, len(usable)), drawn[0])[1].p
        ids = frozenset(o.events[0] for o, has_won in zip(usable, won, strict=True) if has_won)
        yield "labels by size", label_test(one.samples[0], ids, draws=DRAWS, seed=run, by_size=True).test.p


def main(runs: int) -> None:
    """Print the share of runs in which each test rejects at 5 %, in per cent."""
    assert FIRST_ROW + ESTIMATION[0] < 0  # the first events lack an estimate of their variance, as real ones do
    for null in NULLS:
        for n in EVENTS:
            had: Counter[str] = Counter()
            rejected: Counter[str] = Counter()
            for chunk in range(runs // CHUNK):
                for name, p in p_values(null, n, chunk):
                    had[name] += p is not None
                    rejected[name] += p is not None and p <= ALPHA
            shares = " | ".join(f"{100 * rejected[name] / max(had[name], 1):.1f}" for name in had)
            print(f"| {null.name} | {n} | {had['variance']:,} | {shares} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
