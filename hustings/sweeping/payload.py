"""A sweep sent to another process: the rule by its name, the rest as bytes, and what must be the same there."""

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any

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


@dataclass(frozen=True)
class Task:
    """A range of combinations over one of the sweep's spans."""

    span: int
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first


@dataclass(frozen=True)
class JobPayload:
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
