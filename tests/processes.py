"""Processes for the tests of kills, locks and clusters, forked from one that has imported hustings already.

A fork takes 10 ms where a new interpreter takes a second of imports. It is a process of its own all the same: it is
killed, interrupted and waited for as any other. What an interpreter does at its start is tested with ``subprocess``.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Timer
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parents[1]
PRELOADED = [
    "backtrader",
    "distributed.cli.dask_worker",
    "engine.account.replay",
    "hustings.__main__",
    "hustings.cli",
    "hustings.handlers.data_fetch",
    "hustings.handlers.data_import",
    "hustings.handlers.sweep",
    "hustings.ledger",
    "pandas",
    "pyarrow.parquet",
    "pytest",
    "reports.sweep",
    "rich.table",
    "strategies.buy_after_event",
    "tests.processes",
    "tests.tables_read",
]
"""What is imported once, before the first fork. Names that are none would be passed over in silence: ``forks`` asks."""


class Forked:
    """A forked process, with those members of ``subprocess.Popen`` that the tests use."""

    def __init__(
        self, work: Callable[..., Any], *arguments: Any, cwd: Path = ROOT, env: Mapping[str, str] | None = None
    ) -> None:
        receiver, sender = Pipe(duplex=False)
        self.stdout: TextIO = os.fdopen(os.dup(receiver.fileno()), encoding="utf-8")
        receiver.close()
        with NamedTemporaryFile(delete=False) as errors:
            self._errors = Path(errors.name)
        given = (work, arguments, cwd, {**os.environ, **(env or {})}, sender, self._errors)
        self._process = forks().Process(target=_work, args=given)
        self._process.start()
        sender.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code, None while the process runs."""
        return self._process.exitcode

    def wait(self, timeout: float = 600) -> int:
        """Return the exit code once the process has ended; its output is dropped."""
        self.communicate(timeout)
        assert self.returncode is not None
        return self.returncode

    def communicate(self, timeout: float = 600) -> tuple[str, str]:
        """Return what the process wrote to stdout and stderr, once it has ended; after the timeout it is killed."""
        deadline = Timer(timeout, self.kill)
        deadline.start()
        with self.stdout as out:
            text = out.read()
        self._process.join()
        deadline.cancel()
        errors = self._errors.read_text(encoding="utf-8")
        self._errors.unlink()
        return text, errors

    def send_signal(self, number: int) -> None:
        """Send a signal; to a process that has ended already it is none."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def command(*arguments: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Forked:
    """Begin a command of hustings."""
    return Forked(_command, list(arguments), cwd=cwd, env=env)


def _command(arguments: list[str]) -> None:
    from hustings.__main__ import main

    sys.exit(main(arguments))


@cache
def forks() -> ForkServerContext:
    """Return what forks, once it has imported all."""
    assert [name for name in PRELOADED if find_spec(name) is None] == []
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    first = context.Process(target=int)
    first.start()
    first.join()
    return context


def _work(
    work: Callable[..., Any], arguments: tuple[Any, ...], cwd: Path, env: dict[str, str], out: Connection, err: Path
) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    os.dup2(out.fileno(), 1)
    with err.open("wb") as errors:
        os.dup2(errors.fileno(), 2)
    out.close()
    work(*arguments)
