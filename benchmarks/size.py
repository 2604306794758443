"""How often the study's tests reject at nominal 5 % where events do nothing: the table of docs/study.md.

Every number comes from the code behind a report, over the worlds of ``benchmarks.nulls``. ``python -m benchmarks.size``
"""

import os
import platform
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import product
from multiprocessing import get_context

import numpy as np

from benchmarks.nulls import (
    MARKET_DIR,
    WINDOWS,
    Dates,
    Made,
    Null,
    Occasion,
    Process,
    Stage,
    made,
    occasion,
    priced,
    shocks,
    stage,
)
from benchmarks.tables import publish
from engine.statistics.event_tests import bmp, sign_flip
from engine.study.dependence import shared_sessions
from engine.study.labels import label_test
from engine.study.legs import place_planned
from engine.study.placebo import adjusted_p_values, draw_placebos, placebo_tests
from engine.study.sample import make_sample
from engine.study.settings import EventWindow, Scheme

SEED = 20_261_125
ALPHA, LIMIT = 0.05, 0.065
DRAWS = 499
CHUNK = 50
RUNS = 2_000
EVENTS, HOLDS = (5, 10, 20), (1, 20)
FEWER = ((5, 1), (10, 20), (20, 20))
"""Observations and sessions held, in worlds other than the four first ones."""
AGAIN = 2_000
"""Where a share is above the limit the cell is measured again by so many runs of other seeds, which replace it."""

BMP, FLIP, LABELS = "BMP t", "sign-flip", "labels"
MAX_T = "max-T"
SCHEMES = {
    Dates.SPREAD: (Scheme.STRATIFIED, Scheme.SHIFT),
    Dates.CLOSE: (Scheme.STRATIFIED, Scheme.SHIFT),
    Dates.YEARLY: (Scheme.YEARS,),
}
NULLS = (
    Null("homoskedastic"),
    Null("event variance doubled", doubled=True),
    Null("three markets on the same days", markets=3),
    Null("overlapping windows", dates=Dates.CLOSE),
    Null("fat tails", Process.FAT),
    Null("volatility that clusters", Process.GARCH),
    Null("clusters, doubled", Process.GARCH, doubled=True),
    Null("one slot in the year", dates=Dates.YEARLY),
    Null("one slot, doubled", dates=Dates.YEARLY, doubled=True),
    Null("random dates of TOPIX", Process.TOPIX),
    Null("random dates of SPX", Process.SPX),
)
FEW = (4, 7, 12)
"""The observations of the worlds that follow, each with the sessions held."""
FEW_NULLS = (
    (Null("homoskedastic"), 60),
    (Null("sd doubled for ten sessions", wild=True), 5),
    (Null("stop 2 %", stop=0.02), 5),
    (Null("stop 2 %", stop=0.02), 20),
    (Null("stop 5 %", stop=0.05), 5),
    (Null("target 2 %", target=0.02), 20),
    (Null("before the vote", before=True), 5),
    (Null("GARCH, t with 5", Process.GARCH_T5), 20),
    (Null("two markets at 0.8", markets=2, shared=0.8), 5),
    (Null("four-year cycle", dates=Dates.CYCLE), 20),
)
CORE = NULLS[:4]
"""The worlds in which windows are measured too."""
LABELLED = NULLS[:2]
REJECTED = {5: 5, 10: 5, 20: 20}
"""The rejected events for so many selected: of five and five all 252 choices are enumerated, more are drawn."""


@dataclass(frozen=True)
class Cell:
    """One world with so many observations, held for so long."""

    null: Null
    n: int
    hold: int

    @property
    def windows(self) -> tuple[EventWindow, ...]:
        """The windows studied with the trade: they depend little on the holding period, so that one is enough."""
        return WINDOWS if self.null in CORE and self.hold == min(HOLDS) else ()

    @property
    def schemes(self) -> tuple[Scheme, ...]:
        """The placebo dates drawn: those of a study's default, and where there are more observations others too."""
        return (Scheme.STRATIFIED,) if self.n in FEW else SCHEMES[self.null.dates]

    @property
    def runs(self) -> int:
        """The runs of the table: the worlds of few observations take half as many."""
        return RUNS // 2 if self.n in FEW else RUNS

    @property
    def name(self) -> str:
        """The cell in words, from which its seeds follow."""
        return f"{self.null.name}, N = {self.n}, hold {self.hold}"


@dataclass(frozen=True)
class Tally:
    """The number of times each test was available, and rejected."""

    had: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.had + other.had, self.rejected + other.rejected)

    def share(self, test: str) -> float | None:
        """Return how often a test rejected, as a fraction; None where it was never available."""
        return self.rejected[test] / self.had[test] if self.had[test] else None


def tally(cell: Cell, chunk: int, *, runs: int = CHUNK) -> Tally:
    """Return the outcomes of one chunk of runs; the chunk's number is its seed."""
    rng = np.random.default_rng([SEED, zlib.crc32(cell.name.encode()), chunk])
    at = stage(cell.null, cell.n, cell.hold)
    found = Tally()
    for run, moves in enumerate(shocks(cell.null, at, runs, rng)):
        when = occasion(cell.null, at, cell.n, rng)
        bars = priced(cell.null, at, when, moves)
        one = made(at, when, bars, cell.windows)
        tests = dict(shown(one, cell.schemes, seed=run))
        if cell.null in LABELLED and cell.n in REJECTED:
            tests[LABELS] = _labels(one, at, when, seed=run)
        found = found + _counted(tests)
    return found


def _counted(tests: Mapping[str, float | None]) -> Tally:
    had = {name: p for name, p in tests.items() if p is not None}
    return Tally(Counter(had.keys()), Counter(name for name, p in had.items() if p <= ALPHA))


def shown(one: Made, schemes: Iterable[Scheme], *, seed: int) -> Iterable[tuple[str, float | None]]:
    """Yield the p-values a report shows: of the trade, of each window, and adjusted for their number."""
    for sample in one.samples:
        factor = shared_sessions(sample)
        if sample.withheld:
            continue
        yield _named(BMP, sample.name), bmp(sample.standardized, factor=factor).p
        yield _named(FLIP, sample.name), sign_flip(sample.abnormal, draws=DRAWS, seed=seed, factor=factor).p
    for scheme in schemes:
        drawn = draw_placebos(one.samples, scheme, draws=DRAWS, seed=seed)
        if isinstance(drawn, str):
            continue
        for placebos in drawn:
            by_t, by_mean = placebo_tests(placebos)
            yield _named(str(scheme), placebos.sample.name), by_t.p
            yield _named(f"mean, {scheme}", placebos.sample.name), by_mean.p
        yield f"{MAX_T}, {scheme}", min((p for p in adjusted_p_values(drawn) if p is not None), default=None)


def _named(test: str, view: str) -> str:
    return test if view == "trade" else f"{test} {view}"


def _labels(one: Made, at: Stage, when: Occasion, *, seed: int) -> float | None:
    """Return the p-value of the permuted labels, the selected events against the rejected ones."""
    rejected = when.rejected[: REJECTED[len(when.selected)]]
    trades = [p[r] for p in at.planned for r in (*when.all_selected, *rejected)]
    sample = make_sample(place_planned(trades, one.model), one.model)
    return label_test(sample, frozenset(t.event_id for t, _ in one.pairs), draws=DRAWS, seed=seed).test.p


def cells() -> list[Cell]:
    """Return the cells of the table: those of a real index where its prices are available."""
    there = [w for w in NULLS if not w.process.is_real or (MARKET_DIR / f"{w.process.value}.csv").is_file()]
    first = [Cell(w, n, hold) for w in there for n, hold in (product(EVENTS, HOLDS) if w in CORE else FEWER)]
    return [*first, *(Cell(w, n, hold) for w, hold in FEW_NULLS for n in FEW)]


def measured(
    chosen: Sequence[Cell], *, workers: int, runs: int | None = None, first: int = 0
) -> Iterator[tuple[Cell, Tally]]:
    """Yield the tally of each cell, its chunks of runs shared among processes, counted from the ``first`` on."""
    chunks = {c: (runs or c.runs) // CHUNK for c in chosen}
    jobs = [(c, first + k) for c in chosen for k in range(chunks[c])]
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the processes share the cores already
    with get_context("spawn").Pool(workers) as pool:
        parts = pool.imap(_job, jobs)
        for cell in chosen:
            yield cell, sum((next(parts) for _ in range(chunks[cell])), Tally())


def _job(given: tuple[Cell, int]) -> Tally:
    return tally(*given)


def shown_names(tally: Tally) -> list[str]:
    """Return the tests of a tally that a report shows."""
    return [t for t in tally.had if t.startswith((BMP, FLIP, MAX_T, LABELS, *Scheme))]


def over_limit(tally: Tally) -> bool:
    """Return whether a test that is shown rejected more often than it may."""
    return any((tally.share(t) or 0.0) > LIMIT for t in shown_names(tally))


def whole(chosen: Sequence[Cell], *, workers: int) -> dict[Cell, Tally]:
    """Return the tally of every cell; one over the limit is replaced by a measurement with other seeds."""
    found = {}
    for cell, first in measured(chosen, workers=workers):
        found[cell] = first
        print(table({cell: first}, COLUMNS).splitlines()[-1], file=sys.stderr, flush=True)
    again = [c for c, t in found.items() if over_limit(t)]
    for cell, second in measured(again, runs=AGAIN, workers=workers, first=RUNS // CHUNK):
        found[cell] = second
    return found


COLUMNS = {
    "BMP t": (BMP,),
    "sign-flip": (FLIP,),
    "stratified": ("stratified",),
    "shift": ("shift",),
    "years": ("years",),
    "windows": tuple(f"{t} {w}" for t in (BMP, FLIP, "stratified", "shift") for w in WINDOWS),
    "max-T": tuple(f"{MAX_T}, {s}" for s in Scheme),
    "labels": (LABELS,),
}
"""The columns of the table: of several tests the one that rejects most often."""


def table(found: Mapping[Cell, Tally], columns: Mapping[str, Sequence[str]]) -> str:
    """Return a table in markdown: a line a cell, of each column the largest share rejected, in per cent."""
    head = ["world", "N", "held", "runs", *columns]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for cell, tally in found.items():
        shares = [_largest(tally, tests) for tests in columns.values()]
        if any(shares):
            runs = min(tally.had[t] for tests in columns.values() for t in tests if tally.had[t])
            lines.append(f"| {cell.null.name} | {cell.n} | {cell.hold} | {runs:,} | " + " | ".join(shares) + " |")
    return "\n".join(lines)


def _largest(tally: Tally, tests: Sequence[str]) -> str:
    shares = [s for t in tests if (s := tally.share(t)) is not None]
    return f"{100 * max(shares):.1f}" if shares else ""


def main(workers: int | None = None) -> None:
    """Measure, print the tables and write them into the docs."""
    found = whole(cells(), workers=workers or os.cpu_count() or 1)
    made = f"Made by `make bench ARGS=size`: seed {SEED}, {DRAWS} draws, {versions()}"
    few = {c: t for c, t in found.items() if c.n in FEW}
    publish("size", table({c: t for c, t in found.items() if c not in few}, COLUMNS), made=made)
    publish("few", table(few, {name: COLUMNS[name] for name in ("BMP t", "sign-flip", "stratified")}), made=made)
    over = [c.name for c, t in found.items() if over_limit(t)]
    print(f"\nAbove {LIMIT:.1%}: {'; '.join(over) or 'none'}.")


def versions() -> str:
    """Return the versions the figures depend on."""
    named = ", ".join(f"{n} {version(n)}" for n in ("hustings", "numpy", "scipy"))
    return f"Python {platform.python_version()}, {named}"


if __name__ == "__main__":
    main()
