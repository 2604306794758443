"""A sweep on its way to another process: the rule by its name, the rest as bytes, and what must be alike there."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from engine.account.grid import Backend
from engine.run.identity import code_hash
from engine.sweep.job import Job, differences, facts_hash, hashes_of, versions
from engine.sweep.sweep import Chunk, evaluate_stretch
from strategies.loading import find_strategy


class WorkerRefusedError(Exception):
    """A process is not like the one that sent the sweep; its results might not be the same."""


@dataclass(frozen=True)
class Task:
    """A stretch of combinations over one of the sweep's spans."""

    span: int
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first


@dataclass(frozen=True)
class JobPayload:
    """A sweep to be sent: ``strategy`` is the rule as it was named, ``expects`` all that must be the same there."""

    strategy: str
    payload: bytes
    backend: Backend
    expects: Mapping[str, Any]


def sent_of(strategy: str, job: Job) -> JobPayload:
    """Return a sweep ready to be sent."""
    return JobPayload(strategy, pickle.dumps(job), job.backend, {**versions(job.backend), **hashes_of(job)})


def opened(sent: JobPayload) -> Job:
    """Return the sweep that was sent.

    Raises:
        WorkerRefusedError: code, tables, versions, events or bars are not those it was sent with.
    """
    here = {**versions(sent.backend), "code": code_hash(find_strategy(sent.strategy)), "facts": facts_hash()}
    _check({name: sent.expects[name] for name in here}, here)
    job: Job = pickle.loads(sent.payload)
    _check(sent.expects, {**versions(sent.backend), **hashes_of(job)})
    return job


def _check(expects: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    differ = differences(expects, here)
    if differ:
        raise WorkerRefusedError("; ".join(differ))


def done(job: Job, task: Task) -> tuple[Chunk, float]:
    """Return the results of a task and the seconds they took."""
    began = perf_counter()
    stretch = evaluate_stretch(job, task.span, task.first, task.last)
    return stretch, perf_counter() - began
