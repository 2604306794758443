"""The workers of a sweep on this machine: this process, or other processes, each with one task at a time."""

import hashlib
import os
import pickle
import signal
import sys
import warnings
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from msgspec import Struct

from datasets.errors import UserError
from engine.run.backtest import versions
from engine.run.identity import code_hash
from engine.sweep.chunk import Chunk, evaluate_chunk
from engine.sweep.job import Job, facts_hash, hashes_of
from strategies.loading import find_strategy

_HOUSE = Path(__file__).parents[2]
_WORDS = {
    "source": "another version of the code",
    "code": "another version of the rule",
    "facts": "other tables of hours, instruments or events",
    "events": "other events",
    "bars": "other bars",
}


class WorkerRefusedError(Exception):
    """A process differs from the one that sent the sweep; its results might differ."""


class Task(Struct, frozen=True):
    """A range of combinations over one of the sweep's spans."""

    span: int
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first


class JobPayload(Struct, frozen=True):
    """A sweep to be sent: ``strategy`` is the rule as it was named, ``expected`` all that must be the same there."""

    strategy: str
    pickled: bytes
    expected: Mapping[str, Any]


def payload_of(strategy: str, job: Job) -> JobPayload:
    """Return a sweep ready to be sent."""
    return JobPayload(strategy, pickle.dumps(job), {**versions(), "source": source_hash(), **hashes_of(job)})


def open_payload(payload: JobPayload) -> Job:
    """Return the sweep that was sent.

    Raises:
        WorkerRefusedError: code, tables, versions, events or bars differ from those it was sent with.
    """
    here = {**versions(), "source": source_hash(), "code": code_hash(find_strategy(payload.strategy))}
    _check(payload.expected, {**here, "facts": facts_hash()})
    job: Job = pickle.loads(payload.pickled)
    _check(payload.expected, hashes_of(job))
    return job


@lru_cache(maxsize=1)
def source_hash() -> str:
    """Return a hash of the source files that the results of a sweep depend on."""
    digest = hashlib.sha256()
    for path in sorted(p for floor in ("engine", "datasets") for p in (_HOUSE / floor).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _check(expected: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    differ = differences(expected, here)
    if differ:
        raise WorkerRefusedError("; ".join(differ))


def differences(expected: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return in words what differs here from what is expected."""
    return [
        _WORDS.get(name, f"{name} {value}, where the sweep was sent {expected.get(name, 'none')}")
        for name, value in here.items()
        if expected.get(name) != value
    ]


def execute(job: Job, task: Task) -> tuple[Chunk, float]:
    """Return the results of a task and the seconds they took."""
    began = perf_counter()
    chunk = evaluate_chunk(job, task.span, task.first, task.last)
    return chunk, perf_counter() - began


class TaskResult(Struct, frozen=True):
    """A task that came back: with its results, or None where its worker ended, and ``why``."""

    task: Task
    chunk: Chunk | None
    seconds: float = 0.0
    why: str = ""


class WorkerPool(Protocol):
    """Executes tasks."""

    @property
    def idle(self) -> int:
        """How many more tasks it can take now."""
        ...

    def submit(self, task: Task) -> None:
        """Take a task."""
        ...

    def results(self) -> list[TaskResult]:
        """Return tasks that came back; it may wait a second for one, and there may be none."""
        ...

    def close(self) -> None:
        """Stop every worker at once."""
        ...


class InProcess:
    """This process: a task is executed when its result is collected."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._task: Task | None = None

    @property
    def idle(self) -> int:
        return int(self._task is None)

    def submit(self, task: Task) -> None:
        self._task = task

    def results(self) -> list[TaskResult]:
        task, self._task = self._task, None
        return [] if task is None else [TaskResult(task, *execute(self._job, task))]

    def close(self) -> None:
        self._task = None


_READY = "ready"
"""What a process sends first: it has the sweep."""


class _Worker(Struct, eq=False):
    process: BaseProcess
    line: "Connection[Any, Any]"
    ready: bool = False


class ProcessPool:
    """Processes, each sent the sweep once; one that dies is replaced, and its task comes back."""

    def __init__(self, payload: JobPayload, n: int) -> None:
        self._payload, self._context = payload, get_context("spawn")
        self._free = [self._started() for _ in range(n)]
        self._tasks: dict[_Worker, Task] = {}

    @property
    def idle(self) -> int:
        return len(self._free)

    def submit(self, task: Task) -> None:
        worker = self._free.pop()
        self._tasks[worker] = task
        with suppress(OSError):  # it died while idle: its closed line shows that
            worker.line.send(task)

    def results(self) -> list[TaskResult]:
        by_line = {w.line: w for w in self._tasks}
        answers = [self._answer(by_line[line]) for line in wait(list(by_line), timeout=1.0)]  # type: ignore[index]
        return [answer for answer in answers if answer is not None]

    def _answer(self, worker: _Worker) -> TaskResult | None:
        try:
            answer = worker.line.recv()
        except (EOFError, OSError):
            return self._replaced(worker)
        if answer == _READY:
            worker.ready = True
            return None
        task = self._tasks.pop(worker)
        if isinstance(answer, WorkerRefusedError):
            raise UserError(f"a process of this sweep is refused: {answer}; did a file change just now?")
        self._free.append(worker)
        return TaskResult(task, *answer)

    def _replaced(self, worker: _Worker) -> TaskResult:
        task = self._tasks.pop(worker)
        worker.process.join()
        code = worker.process.exitcode or 0
        end = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        why = f"the process that computed it {end}"
        if not worker.ready:
            raise UserError(f"{why}, before it had read the sweep: --workers 1 computes it in this process")
        self._free.append(self._started())
        return TaskResult(task, None, why=why)

    def close(self) -> None:
        for worker in [*self._free, *self._tasks]:
            worker.line.close()
            worker.process.terminate()
            worker.process.join()

    def _started(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._payload), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)


def _serve(line: "Connection[Any, Any]", payload: JobPayload) -> None:
    """Execute the tasks that come through a line until it is closed, as it is when the sending process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that sends the tasks
    warnings.simplefilter("ignore")
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - else what a rule prints is a result
    job: Job | WorkerRefusedError
    try:
        job = open_payload(payload)
    except WorkerRefusedError as e:
        job = e
    with suppress(EOFError, OSError):
        line.send(_READY)
        while True:
            task = line.recv()
            line.send(job if isinstance(job, WorkerRefusedError) else execute(job, task))
