"""Who does the work of a sweep on this machine: this process, or some beside it, each with one stretch at a time."""

import os
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from datasets.errors import UserError
from engine.sweep.job import Job
from engine.sweep.sweep import Chunk
from hustings.sweeping.sent import JobPayload, Task, WorkerRefusedError, done, opened


@dataclass(frozen=True)
class TaskResult:
    """A task that came back: with its results, or None where whoever did it is gone, and ``why``."""

    task: Task
    stretch: Chunk | None
    seconds: float
    why: str = ""


class WorkerPool(Protocol):
    """Does tasks; ``idle`` tells how many more it can take, ``busy`` how many it has."""

    @property
    def idle(self) -> int:
        """How many tasks it can take now."""
        ...

    @property
    def busy(self) -> int:
        """How many tasks it has."""
        ...

    def submit(self, task: Task) -> None:
        """Take a task."""
        ...

    def finished(self) -> list[TaskResult]:
        """Return tasks that came back; it may wait a second for one, and there may be none."""
        ...

    def close(self) -> None:
        """Let everybody go, whatever they do."""
        ...


class OwnCrew:
    """This process: a task is done when it is asked for."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._task: Task | None = None

    @property
    def idle(self) -> int:
        return 1 - self.busy

    @property
    def busy(self) -> int:
        return int(self._task is not None)

    def submit(self, task: Task) -> None:
        self._task = task

    def finished(self) -> list[TaskResult]:
        if self._task is None:
            return []
        task = self._task
        stretch, seconds = done(self._job, task)
        self._task = None
        return [TaskResult(task, stretch, seconds)]

    def close(self) -> None:
        self._task = None


@dataclass(frozen=True, eq=False)
class _Worker:
    process: BaseProcess
    line: "Connection[Any, Any]"


class ProcessCrew:
    """Processes beside this one, each told the sweep once; one that dies is replaced, and its task comes back."""

    def __init__(self, sent: JobPayload, n: int) -> None:
        self._sent, self._context = sent, get_context("spawn")
        self._free = [self._begun() for _ in range(n)]
        self._tasks: dict[_Worker, Task] = {}

    @property
    def idle(self) -> int:
        return len(self._free)

    @property
    def busy(self) -> int:
        return len(self._tasks)

    def submit(self, task: Task) -> None:
        worker = self._free.pop()
        self._tasks[worker] = task
        with suppress(OSError):  # it died while it was idle: seen by its closed line
            worker.line.send(task)

    def finished(self) -> list[TaskResult]:
        by_line = {w.line: w for w in self._tasks}
        ready = wait(list(by_line), timeout=1.0)
        return [self._answer(by_line[line]) for line in ready]  # type: ignore[index]

    def _answer(self, worker: _Worker) -> TaskResult:
        task = self._tasks.pop(worker)
        try:
            told = worker.line.recv()
        except (EOFError, OSError):
            worker.process.join()
            self._free.append(self._begun())
            return TaskResult(task, None, 0.0, _end(worker.process.exitcode))
        if isinstance(told, WorkerRefusedError):
            raise UserError(f"a process of this sweep is refused: {told}; did a file change just now?")
        self._free.append(worker)
        stretch, seconds = told
        return TaskResult(task, stretch, seconds)

    def close(self) -> None:
        for worker in [*self._free, *self._tasks]:
            worker.line.close()
            worker.process.terminate()
            worker.process.join()

    def _begun(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._sent), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)


def _end(code: int | None) -> str:
    if code is not None and code < 0:
        return f"the process that reckoned it was ended by {signal.Signals(-code).name}"
    return f"the process that reckoned it ended with code {code}"


def _serve(line: "Connection[Any, Any]", sent: JobPayload) -> None:
    """Do the tasks that come down a line till it is closed, as it is when whoever sends them is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever sends the tasks
    _quiet()
    try:
        job = opened(sent)
        _until_closed(lambda task: done(job, task), line)
    except WorkerRefusedError as e:
        _until_closed(lambda _, why=e: why, line)  # type: ignore[misc]


def _quiet() -> None:
    """Send what a rule prints nowhere: it would stand among the results, once a process."""
    warnings.simplefilter("ignore")
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - till the process ends


def _until_closed(answer: Callable[[Task], Any], line: "Connection[Any, Any]") -> None:
    try:
        while True:
            line.send(answer(line.recv()))
    except (EOFError, OSError):
        return
