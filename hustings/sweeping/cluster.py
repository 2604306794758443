"""The workers of a sweep on a Dask cluster: each is sent the sweep once, and refused where it differs."""

import logging
import re
import warnings
from contextlib import suppress
from socket import create_connection
from time import monotonic, sleep
from typing import Any

from datasets.errors import UserError
from engine.sweep.chunk import Chunk
from engine.sweep.job import Job
from hustings.sweeping.workers import JobPayload, Task, TaskResult, WorkerRefusedError, execute, open_payload
from hustings.terminal import warn

try:
    from distributed import Client, WorkerPlugin, get_worker, wait
except ImportError as e:  # the extra is not installed
    raise UserError("--scheduler needs Dask: pip install 'hustings[cluster]'") from e

_CONNECT = 5.0
_WAIT_FOR_WORKERS = 20.0
"""Seconds, at the beginning and whenever no worker is left."""
_ADDRESS = re.compile(r"(?:tcp|tls)://(\[[0-9a-fA-F:]+\]|[^:/]+):(\d{1,5})/?")
_LOGGERS = ("distributed", "distributed.client", "distributed.core", "tornado.application", "asyncio")


class SweepPlugin(WorkerPlugin):
    """Holds a sweep on a worker, or why the worker is refused. Dask gives it to workers that come later too."""

    def __init__(self, name: str, payload: JobPayload) -> None:
        self.name, self._payload = name, payload
        self.job: Job | None = None
        self.refused = ""

    def setup(self, worker: Any) -> None:
        """Open the payload; an error is kept until it is requested, since it would stop the worker."""
        try:
            self.job = open_payload(self._payload)
        except WorkerRefusedError as e:
            self.refused = str(e)
        except Exception as e:
            self.refused = f"{type(e).__name__}: {e}".splitlines()[0]

    def __reduce__(self) -> Any:
        return SweepPlugin, (self.name, self._payload)


def _refusal(name: str, dask_worker: Any) -> str:
    """Return why a worker is refused, blank where it is not."""
    plugin = dask_worker.plugins.get(name)
    return "it was not sent the sweep" if plugin is None else str(plugin.refused)


def _execute_there(name: str, task: Task) -> tuple[Chunk, float]:
    """Execute a task on a worker."""
    plugin: Any = get_worker().plugins[name]
    return execute(plugin.job, task)


class ClusterPool:
    """The workers of a Dask cluster, each with one task at a time; Dask reruns what was lost with a worker."""

    def __init__(self, address: str, payload: JobPayload, sweep_id: str) -> None:
        self._address, self._name = address, f"hustings-sweep-{sweep_id}"
        self._client = _connected(address)
        self._refusals: dict[str, str] = {}
        self._tasks: dict[Any, tuple[Task, frozenset[str]]] = {}
        self._send(payload)
        self._wait_for_workers()

    def _send(self, payload: JobPayload) -> None:
        try:
            self._client.register_plugin(SweepPlugin(self._name, payload), name=self._name)
        except Exception as e:
            self.close()
            error = (str(e).splitlines() or [type(e).__name__])[0]
            raise UserError(
                f"a worker of {self._address} cannot take the sweep: {error}; is hustings installed there?"
            ) from e

    def _wait_for_workers(self) -> None:
        until = monotonic() + _WAIT_FOR_WORKERS
        while not (able := self._able()) and monotonic() < until:
            if self._refusals and all(self._refusals.values()):
                break
            sleep(0.2)
        if able:
            return
        self.close()
        if why := sorted({w for w in self._refusals.values() if w}):
            raise UserError(f"every worker of {self._address} is refused: {'; '.join(why)}")
        raise UserError(f"{self._address} has no workers; start some with 'dask worker {self._address}'")

    def _able(self) -> frozenset[str]:
        """Return the workers that are there and not refused; new ones are checked first."""
        try:
            there = set(self._client.nthreads())
            new = sorted(there - set(self._refusals))
            answers = self._client.run(_refusal, self._name, workers=new, on_error="return") if new else {}
        except (OSError, TimeoutError, KeyError, ValueError) as e:
            if self._client.status != "running":
                raise UserError(f"the scheduler at {self._address} is gone; what is done is kept: --resume") from e
            return frozenset()
        self._refusals.update({worker: str(answer) for worker, answer in answers.items()})
        for worker in new:
            if self._refusals.get(worker):
                warn(f"hustings: worker {worker} is refused: {self._refusals[worker]}")
        return frozenset(w for w in there if self._refusals.get(w) == "")

    @property
    def idle(self) -> int:
        return max(0, len(self._able()) - len(self._tasks))

    def submit(self, task: Task) -> None:
        able = self._able()
        future = self._client.submit(
            _execute_there, self._name, task, workers=sorted(able), allow_other_workers=False, pure=False
        )
        self._tasks[future] = (task, able)

    def results(self) -> list[TaskResult]:
        if not self._tasks:
            self._wait_for_workers()
            return []
        with suppress(TimeoutError), self._client.as_current():  # the next call waits again
            wait(list(self._tasks), timeout=1.0, return_when="FIRST_COMPLETED")  # type: ignore[no-untyped-call]
        able = self._able()
        return [self._result(f) for f, (_, sent_to) in list(self._tasks.items()) if f.done() or not sent_to & able]

    def _result(self, future: Any) -> TaskResult:
        """Return the result of a task that is done, or none of whose workers is left to do it."""
        task, _ = self._tasks.pop(future)
        if not future.done():
            future.cancel()
            return TaskResult(task, None, why="the worker that computed it ended")
        try:
            return TaskResult(task, *future.result())
        except Exception as e:
            return TaskResult(task, None, why=f"the worker that computed it ended ({type(e).__name__})")

    def close(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self._client.cancel(list(self._tasks), force=True)
                self._client.unregister_worker_plugin(self._name)
            except Exception:
                logging.getLogger(__name__).debug("the cluster ended before the sweep", exc_info=True)
            self._client.close(timeout=2)


def _connected(address: str) -> Any:
    """Return a client of a scheduler; whether one listens is tried first, without Dask's retries."""
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        raise UserError(
            f"--scheduler is '{address}'; write it like tcp://127.0.0.1:8786, as 'dask scheduler' prints it"
        )
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # an error is reported in one line
    try:
        create_connection((parts[1].strip("[]"), int(parts[2])), timeout=_CONNECT).close()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Client(address, timeout=_CONNECT, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, OverflowError, ValueError, TypeError) as e:
        raise UserError(
            f"no Dask scheduler answers at {address}; start one with 'dask scheduler', or leave out --scheduler"
        ) from e
