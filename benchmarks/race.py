"""Races: the same work done by several entrants, each in a process of its own, measured in turn.

What they return is compared with the reference before any time is compared. A time is a median of RUNS interleaved
rounds. An entrant too slow for the whole work does every n-th part of it; its time is then that share scaled up.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

RUNS = 5
ROOT = Path(__file__).parent.parent
OURS, PEERS = Path(sys.executable), ROOT / ".venv-peers" / "bin" / "python"


@dataclass(frozen=True)
class Entrant:
    """Who does the work, and how: ``MODULE:FUNCTION`` and its arguments, in an interpreter.

    ``every``: it does the first of each so many parts. ``tolerance`` is how far its results may lie from the
    reference's (relative), and ``why`` explains why that is not 1e-9.
    """

    name: str
    work: str
    arguments: tuple[str, ...] = ()
    python: Path = OURS
    every: int = 1
    rounds: int = RUNS
    tolerance: float = 1e-9
    why: str = ""


@dataclass(frozen=True)
class Outcome:
    """What an entrant took: median ``seconds`` for the whole work, and of the processor; memory; how far off it was.

    Where others use the machine at the same time, the processor time of all its threads (``cpu``) is the steadier one.
    """

    entrant: Entrant
    seconds: float
    cpu: float
    peak_mib: float
    off: float
    n_results: int


class DisagreementError(Exception):
    """Results differ by more than they may: then no time is worth comparing."""


def race(entrants: Sequence[Entrant]) -> list[Outcome]:
    """Return what each entrant took; the first one is the reference.

    Raises:
        DisagreementError: an entrant's results are too far from the reference's.
    """
    with ExitStack() as stack:
        workers = _at_the_start(stack, entrants)
        off = [_off(w, workers[0]) for w in workers]
        _run(workers)
        return [w.outcome(o) for w, o in zip(workers, off, strict=True)]


def measured(entrants: Sequence[Entrant]) -> list[Outcome]:
    """Return what each entrant took; they do different work, and no result is compared with another."""
    with ExitStack() as stack:
        workers = _at_the_start(stack, entrants)
        _run(workers)
        return [w.outcome(0.0) for w in workers]


def _at_the_start(stack: ExitStack, entrants: Sequence[Entrant]) -> "list[_Worker]":
    """Return the workers, each having done its work once uncounted: much is compiled or cached at a first call."""
    workers = [stack.enter_context(_Worker(e)) for e in entrants]
    for worker in workers:
        worker.go()
    return workers


def _run(workers: "Sequence[_Worker]") -> None:
    for n in range(max(w.entrant.rounds for w in workers)):
        for worker in (w for w in workers if n < w.entrant.rounds):
            worker.go()


@dataclass
class _Worker:
    """One entrant's process."""

    entrant: Entrant
    answers: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> Self:
        command = [str(self.entrant.python), "-m", "benchmarks.worker", self.entrant.work, *self.entrant.arguments]
        env = {**os.environ, "TQDM_DISABLE": "1"}  # a peer's progress bar is no work
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, text=True)
        self._answer()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()

    def go(self) -> None:
        """Have the work done once."""
        print("go", file=self._process.stdin, flush=True)
        self.answers.append(self._answer())

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError(f"{self.entrant.name}: its process ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def outcome(self, off: float) -> Outcome:
        """Return what was measured; the first time is left out."""
        seconds, cpu = (self._median(name) for name in ("seconds", "cpu"))
        last = self.answers[-1]
        return Outcome(self.entrant, seconds, cpu, last["peak_mib"], off, len(last["results"]))

    def _median(self, name: str) -> float:
        return float(statistics.median(a[name] for a in self.answers[1:])) * self.entrant.every


def _off(worker: _Worker, reference: _Worker) -> float:
    """Return the greatest relative distance of an entrant's results from the reference's."""
    ours = reference.answers[0]["results"][:: worker.entrant.every]
    theirs = worker.answers[0]["results"]
    if len(ours) != len(theirs):
        raise DisagreementError(f"{worker.entrant.name} returned {len(theirs)} results, not {len(ours)}")
    off: float = max(abs(b / a - 1) for a, b in zip(ours, theirs, strict=True))
    if not off <= worker.entrant.tolerance:
        raise DisagreementError(f"{worker.entrant.name} is off by {off:.1e}, more than {worker.entrant.tolerance:.0e}")
    return off
