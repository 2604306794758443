"""Work that a forked process does meanwhile, where that gains time."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import Pipe, get_all_start_methods, get_context
from multiprocessing.connection import Connection
from signal import SIG_IGN, SIGINT, signal
from typing import Any, TypeVar
from warnings import catch_warnings, simplefilter

T = TypeVar("T")
Line = Connection  # to a process and back


def fork_gains() -> bool:
    """Return whether a forked process gains time: forks exist, a second processor, and backtrader is to be imported."""
    return "backtrader" not in sys.modules and (os.cpu_count() or 1) > 1 and "fork" in get_all_start_methods()


@contextmanager
def meanwhile(work: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Give what waits for the result of some work, which a forked process has begun where that gains time.

    What the work raises is raised there; what a lost process owes is done there.
    """
    if not fork_gains():
        yield work
        return
    ours, theirs = Pipe()
    with ours, forked(_send, theirs, work):
        theirs.close()
        yield partial(_received, ours, work)


@contextmanager
def forked(target: Callable[..., None], *arguments: Any) -> Iterator[None]:
    """Run a function in a forked process, which ends with the block."""
    process = get_context("fork").Process(target=target, args=arguments, daemon=True)
    with catch_warnings():
        simplefilter("ignore", DeprecationWarning)  # of threads: those of libraries, which are idle
        process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _send(line: "Line[Any, Any]", work: Callable[[], Any]) -> None:
    signal(SIGINT, SIG_IGN)  # Ctrl-C is for the process that waits
    with suppress(Exception):  # done, and raised, by who waits for it
        line.send(work())


def _received(line: "Line[Any, Any]", work: Callable[[], T]) -> T:
    try:
        found: T = line.recv()
    except (EOFError, OSError):
        return work()
    return found
