"""Who does the work of a sweep on a Dask cluster: each worker is sent the sweep once, and asked whether it is alike."""

import logging
import re
import warnings
from collections.abc import Iterable
from contextlib import suppress
from socket import create_connection
from time import monotonic, sleep
from typing import Any

from datasets.errors import UserError
from engine.sweep.job import Job
from engine.sweep.sweep import Chunk
from hustings.sweeping.crew import TaskResult
from hustings.sweeping.sent import JobPayload, Task, WorkerRefusedError, done, opened
from hustings.terminal import warn

try:
    from distributed import Client, WorkerPlugin, get_worker, wait
except ImportError as e:  # the extra is not there
    raise UserError("--scheduler needs Dask: pip install 'hustings[cluster]'") from e

_CONNECT = 5.0
_WAIT_FOR_WORKERS = 20.0
"""Seconds, at the beginning and whenever all workers are gone."""


class SweepPlugin(WorkerPlugin):
    """Holds a sweep on a worker, or why the worker is refused. Workers that come later get it too."""

    def __init__(self, name: str, sent: JobPayload) -> None:
        self.name, self._sent = name, sent
        self.job: Job | None = None
        self.refused = ""

    def setup(self, worker: Any) -> None:
        """Open what was sent; what goes wrong is told when asked for, or the worker could not even start."""
        try:
            self.job = opened(self._sent)
        except WorkerRefusedError as e:
            self.refused = str(e)
        except Exception as e:
            self.refused = f"{type(e).__name__}: {e}".splitlines()[0]

    def __reduce__(self) -> Any:
        return SweepPlugin, (self.name, self._sent)


def _refusal(name: str, dask_worker: Any) -> str:
    """Return why a worker is refused, blank where it is not."""
    plugin = dask_worker.plugins.get(name)
    return "it was not sent the sweep" if plugin is None else str(plugin.refused)


def _done_there(name: str, task: Task) -> tuple[Chunk, float]:
    """Do a task on a worker."""
    plugin: Any = get_worker().plugins[name]
    return done(plugin.job, task)


class ClusterCrew:
    """The workers of a Dask cluster, each with one task at a time; Dask runs again what was lost with a worker."""

    def __init__(self, address: str, sent: JobPayload, sweep_id: str) -> None:
        self._address, self._name = address, f"hustings-sweep-{sweep_id}"
        self._client = _connected(address)
        self._known: dict[str, str] = {}
        self._tasks: dict[Any, tuple[Task, frozenset[str]]] = {}
        self._send(sent)
        self._wait_for_workers()

    def _send(self, sent: JobPayload) -> None:
        try:
            self._client.register_plugin(SweepPlugin(self._name, sent), name=self._name)
        except Exception as e:
            self.close()
            told = (str(e).splitlines() or [type(e).__name__])[0]
            raise UserError(f"a worker of {self._address} cannot take the sweep: {told}; is hustings there?") from e

    def _wait_for_workers(self) -> None:
        until = monotonic() + _WAIT_FOR_WORKERS
        while not self._able() and monotonic() < until and not self._all_refused():
            sleep(0.2)
        if not self._able():
            raise self._nobody()

    def _all_refused(self) -> bool:
        return bool(self._known) and all(self._known.values())

    def _nobody(self) -> UserError:
        self.close()
        why = sorted({w for w in self._known.values() if w})
        if why:
            return UserError(f"every worker of {self._address} is refused: {'; '.join(why)}")
        return UserError(f"{self._address} has no workers; start some with 'dask worker {self._address}'")

    def _able(self) -> frozenset[str]:
        """Return the workers that are there and alike; those not seen before are asked first."""
        try:
            there = set(self._client.nthreads())
            new = sorted(there - set(self._known))
            told = self._client.run(_refusal, self._name, workers=new, on_error="return") if new else {}
        except (OSError, TimeoutError, KeyError, ValueError) as e:
            if self._client.status != "running":
                raise UserError(f"the scheduler at {self._address} is gone; what is done is kept: --resume") from e
            return frozenset()
        self._known.update({worker: str(answer) for worker, answer in told.items()})
        for worker in new:
            if self._known.get(worker):
                warn(f"hustings: worker {worker} is refused: {self._known[worker]}")
        return frozenset(w for w in there if self._known.get(w) == "")

    @property
    def idle(self) -> int:
        return max(0, len(self._able()) - len(self._tasks))

    @property
    def busy(self) -> int:
        return len(self._tasks)

    def submit(self, task: Task) -> None:
        able = self._able()
        future = self._client.submit(
            _done_there, self._name, task, workers=sorted(able), allow_other_workers=False, pure=False
        )
        self._tasks[future] = (task, able)

    def finished(self) -> list[TaskResult]:
        if not self._tasks:
            self._wait_for_workers()
            return []
        self._wait()
        back = [f for f in self._tasks if f.done()]
        stranded = self._stranded(set(self._tasks) - set(back))
        return [self._answer(f) for f in [*back, *stranded]]

    def _wait(self) -> None:
        with suppress(TimeoutError), self._client.as_current():  # asked again in a second
            wait(list(self._tasks), timeout=1.0, return_when="FIRST_COMPLETED")  # type: ignore[no-untyped-call]

    def _stranded(self, waiting: Iterable[Any]) -> list[Any]:
        """Return tasks none of whose workers is there any more: nobody would ever do them."""
        able = self._able()
        return [f for f in waiting if not self._tasks[f][1] & able]

    def _answer(self, future: Any) -> TaskResult:
        task, _ = self._tasks.pop(future)
        if not future.done():
            future.cancel()
            return TaskResult(task, None, 0.0, "the worker that reckoned it ended")
        try:
            stretch, seconds = future.result()
        except Exception as e:
            return TaskResult(task, None, 0.0, f"the worker that reckoned it ended ({type(e).__name__})")
        return TaskResult(task, stretch, seconds)

    def close(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self._client.cancel(list(self._tasks), force=True)
                self._client.unregister_worker_plugin(self._name)
            except Exception:
                logging.getLogger(__name__).debug("the cluster was gone before the sweep was", exc_info=True)
            self._client.close(timeout=2)


_ADDRESS = re.compile(r"(?:tcp|tls)://(\[[0-9a-fA-F:]+\]|[^:/]+):(\d{1,5})/?")


def _connected(address: str) -> Any:
    """Return a client of a scheduler that answers; whether anybody does is tried first, without Dask's retries."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise UserError(
            f"--scheduler is '{address}'; write it like tcp://127.0.0.1:8786, as 'dask scheduler' prints it"
        )
    for name in ("distributed", "distributed.client", "distributed.core", "tornado.application", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is told in one line
    try:
        create_connection((found[1].strip("[]"), int(found[2])), timeout=_CONNECT).close()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Client(address, timeout=_CONNECT, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, OverflowError, ValueError, TypeError) as e:
        raise UserError(
            f"no Dask scheduler answers at {address}; start one with 'dask scheduler', or leave out --scheduler"
        ) from e
