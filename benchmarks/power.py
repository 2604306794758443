"""The power a study prints before its result, with the share of planted effects that its tests reject.

The power is printed from a simulated market whose events do nothing: on calm dates and at the events' own spread.
Effects are then put on the trades of its events, one after the other, and the tests made on each; the effect that
"80 % power" names is put on the events of another market of its kind. ``python -m benchmarks.power``
"""

import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context

import numpy as np
from msgspec.structs import replace

from benchmarks.nulls import Made, Null, Process, Stage, made, occasion, priced, shocks, stage
from benchmarks.size import versions
from benchmarks.tables import publish
from engine.statistics.event_tests import bmp, cross_sectional_t, sign_flip
from engine.study.dependence import shared_sessions
from engine.study.placebo import Placebos, draw_placebos, placebo_tests
from engine.study.power import Power, power
from engine.study.settings import Scheme

SEED = 20_261_126
ALPHA, DRAWS, CHUNK, RUNS = 0.05, 499, 50, 1_000
EVENTS = (5, 10, 20)
PLANTED = {1: (0.005, 0.01, 0.02), 5: (0.02, 0.03, 0.05), 20: (0.02, 0.03, 0.05)}
"""The effects planted, by the sessions held: some of those that a study prints the power against."""
NORMAL, FAT = Null("normal"), Null("fat tails", Process.FAT)
CLUSTERED = Null("volatility that clusters", Process.GARCH)
WILD = Null("sd doubled for ten sessions", wild=True)
TESTS = ("bmp", "sign_flip", "placebo", "own")
DETECTABLE = (0.0, "detectable")
"""The effect printed as found with 80 % power."""


@dataclass(frozen=True)
class Cell:
    """One world with so many observations, held for so long."""

    null: Null
    n: int
    hold: int

    @property
    def name(self) -> str:
        """The cell in words, from which its seeds follow."""
        return f"{self.null.name}, N = {self.n}, hold {self.hold}"


CELLS = (
    *(Cell(NORMAL, n, hold) for n in EVENTS for hold in (1, 20)),
    Cell(FAT, 10, 1),
    Cell(CLUSTERED, 10, 1),
    *(Cell(WILD, n, 5) for n in (7, 12, 20)),
)


@dataclass(frozen=True)
class Tally:
    """By effect and test: the sum of the printed powers, of their squares, and how often it rejected, in ``runs``."""

    runs: int = 0
    printed: Counter[tuple[float, str]] = field(default_factory=Counter)
    squared: Counter[tuple[float, str]] = field(default_factory=Counter)
    rejected: Counter[tuple[float, str]] = field(default_factory=Counter)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.runs + other.runs,
            self.printed + other.printed,
            self.squared + other.squared,
            self.rejected + other.rejected,
        )

    def promised(self, effect: float, test: str) -> float:
        """Return the mean of the printed powers, as a fraction."""
        return float(self.printed[effect, test] / self.runs)

    def kept(self, effect: float, test: str) -> float:
        """Return the share of runs in which the test rejected."""
        return float(self.rejected[effect, test] / self.runs)

    def error(self, effect: float, test: str) -> float:
        """Return the standard error of ``kept`` less ``promised``: binomial, and of the spread of what is printed."""
        p, mean = self.kept(effect, test), self.promised(effect, test)
        spread = max(float(self.squared[effect, test] / self.runs) - mean**2, 0.0)
        return float(np.sqrt((max(p * (1 - p), mean * (1 - mean)) + spread) / self.runs))


def tally(cell: Cell, chunk: int, *, runs: int = CHUNK) -> Tally:
    """Return what one chunk of runs printed and found; the chunk's number is its seed."""
    rng = np.random.default_rng([SEED, zlib.crc32(cell.name.encode()), chunk])
    at = stage(cell.null, cell.n, cell.hold)
    found = Tally()
    for run, moves in enumerate(shocks(cell.null, at, runs, rng)):
        when = occasion(cell.null, at, cell.n, rng)
        drawn, before = _printed(made(at, when, priced(cell.null, at, when, moves), ()), seed=run)
        for effect in PLANTED[cell.hold]:
            one = made(at, when, priced(cell.null, at, when, moves, effect=effect), ())
            found = found + _outcome(effect, before, _rejecting(one, drawn, seed=run))
        found = found + Tally(1, rejected=Counter([DETECTABLE] if _is_found(cell, at, before, rng) else []))
    return found


def _printed(one: Made, *, seed: int) -> tuple[Placebos, Power]:
    """Return the placebo lists and the power printed from them.

    Raises:
        ValueError: there are none.
    """
    drawn = draw_placebos(one.samples, Scheme.STRATIFIED, draws=DRAWS, seed=seed)
    if isinstance(drawn, str):
        raise ValueError(drawn)
    before = power(drawn[0], alpha=ALPHA, seed=seed)
    if isinstance(before, str):
        raise ValueError(before)
    return drawn[0], before


def _is_found(cell: Cell, at: Stage, before: Power, rng: np.random.Generator) -> bool:
    """Return whether a t-test finds the effect that is printed as detectable in another market of this kind."""
    when, [moves] = occasion(cell.null, at, cell.n, rng), shocks(cell.null, at, 1, rng)
    one = made(at, when, priced(cell.null, at, when, moves, effect=before.detectable or 0.0), ())
    p = cross_sectional_t(one.samples[0].abnormal, factor=shared_sessions(one.samples[0])).p
    return p is not None and p <= ALPHA


def _rejecting(one: Made, drawn: Placebos, *, seed: int) -> Iterator[str]:
    """Yield the tests that reject; the lists lie away from the events, and are the same with and without an effect."""
    sample = one.samples[0]
    factor = shared_sessions(sample)
    tests = (
        bmp(sample.standardized, factor=factor),
        sign_flip(sample.abnormal, draws=DRAWS, seed=seed, factor=factor),
        placebo_tests(replace(drawn, sample=sample))[0],
        cross_sectional_t(sample.abnormal, factor=factor),
    )
    yield from (name for name, test in zip(TESTS, tests, strict=True) if test.p is not None and test.p <= ALPHA)


def _outcome(effect: float, before: Power, rejecting: Iterable[str]) -> Tally:
    row = next(r for r in before.rows if r.effect == effect)
    printed = Counter({(effect, t): getattr(row, t) for t in TESTS})
    squared = Counter({k: p**2 for k, p in printed.items()})
    return Tally(0, printed, squared, Counter((effect, t) for t in rejecting))


def measured(chosen: Sequence[Cell], *, runs: int, workers: int) -> Iterator[tuple[Cell, Tally]]:
    """Yield the tally of each cell, its chunks of runs shared among processes."""
    chunks = runs // CHUNK
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the processes share the cores already
    with get_context("spawn").Pool(workers) as pool:
        parts = pool.imap(_job, [(c, k) for c in chosen for k in range(chunks)])
        for cell in chosen:
            yield cell, sum((next(parts) for _ in range(chunks)), Tally())


def _job(given: tuple[Cell, int]) -> Tally:
    return tally(*given)


CALM, OWN = ("BMP", "sign-flip", "placebo"), ("t-test, own spread",)


def table(found: Mapping[Cell, Tally], *, wild: bool) -> str:
    """Return a table in markdown: a line an effect, of each test what was printed and what came, in per cent.

    In ``wild`` worlds also of the t-test at the events' own spread, and how often the 80 % effect was found.
    """
    names = [f"{n}, calm dates" for n in CALM] + [*OWN] if wild else CALM
    columns = (f"{n}: {what}" for n in names for what in ("printed", "came"))
    head = ["world", "N", "held", "effect", *columns, "2 s.e.", *(["80 % effect: found"] if wild else [])]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for cell, tally in ((c, t) for c, t in found.items() if c.null.wild == wild):
        for effect in PLANTED[cell.hold]:
            tests = TESTS[: len(names)]
            shares = [100 * of(effect, t) for t in tests for of in (tally.promised, tally.kept)]
            error = 200 * max(tally.error(effect, t) for t in tests)
            figures = [*shares, error, *([100 * tally.kept(*DETECTABLE)] if wild else [])]
            row = " | ".join(f"{f:.1f}" for f in figures)
            lines.append(f"| {cell.null.name} | {cell.n} | {cell.hold} | {effect:.1%} | {row} |")
    return "\n".join(lines)


def main(workers: int | None = None) -> None:
    """Measure, print the tables and write them into the docs."""
    found = dict(measured(CELLS, runs=RUNS, workers=workers or os.cpu_count() or 1))
    made = f"Made by `make bench ARGS=power`, {RUNS:,} markets each: seed {SEED}, {versions()}"
    publish("power", table(found, wild=False), made=made)
    publish("wild", table(found, wild=True), made=made)


if __name__ == "__main__":
    main()
