"""Replays the best combinations of a sweep, in processes of their own that import backtrader while it is computed."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import Pipe, get_all_start_methods, get_context
from multiprocessing.connection import Connection
from typing import Any
from warnings import catch_warnings, simplefilter

from engine.sweep.best import ReplayedCombination, replay_combination
from engine.sweep.job import Job
from engine.sweep.trial_sample import trial_sample
from hustings.terminal import strategy_output

Best = Mapping[int, Mapping[str, float | None]]
"""Combinations by their number in the sweep, each with its results there."""
Replays = Callable[[Best, int], tuple[ReplayedCombination, ...]]
"""Replays combinations, given the number of all trials."""
Line = Connection  # of numbers to a process, and of replays back


@contextmanager
def replays_of(job: Job) -> Iterator[Replays]:
    """Give what replays combinations of a sweep.

    A process is forked where that gains time: where forks exist, a second processor is free, and backtrader is not
    imported yet. It has the sweep already, so that no bars and no events are sent.
    """
    if "backtrader" in sys.modules or (os.cpu_count() or 1) < 2 or "fork" not in get_all_start_methods():
        yield partial(_replayed, job)
        return
    with forked(job) as replays:
        yield replays


def _replayed(job: Job, best: Best, trials: int) -> tuple[ReplayedCombination, ...]:
    return tuple(replay_combination(job, row, found, trials=trials) for row, found in best.items())


@contextmanager
def forked(job: Job) -> Iterator[Replays]:
    """Give what replays combinations in two forked processes, which end with the block."""
    (one, first), (other, second) = Pipe(), Pipe()
    process = get_context("fork").Process(target=_serve, args=((one, other), (first, second), job), daemon=True)
    with catch_warnings():
        simplefilter("ignore", DeprecationWarning)  # of threads: those of libraries, which are idle
        process.start()
    for theirs in (first, second):
        theirs.close()
    try:
        yield partial(_shared, job, (one, other))
    finally:
        for ours in (one, other):
            ours.close()
        process.terminate()
        process.join()


def _shared(job: Job, lines: "tuple[Line[Any, Any], ...]", best: Best, trials: int) -> tuple[ReplayedCombination, ...]:
    """Return combinations replayed by the processes behind two lines; what a lost process owes is replayed here."""
    shares = [dict(list(best.items())[n :: len(lines)]) for n in range(len(lines))]
    for line, share in zip(lines, shares, strict=True):
        with suppress(OSError):  # it has ended: its closed line shows that
            line.send((share, trials))
    found: dict[int, ReplayedCombination] = {}
    for line, share in zip(lines, shares, strict=True):
        try:
            answer = line.recv()
        except (EOFError, OSError):
            answer = _replayed(job, share, trials)
        if isinstance(answer, Exception):
            raise answer
        found |= {each.row: each for each in answer}
    return tuple(found[row] for row in best)


def _serve(ours: "tuple[Line[Any, Any], ...]", theirs: "tuple[Line[Any, Any], ...]", job: Job) -> None:
    """Import what replays, sample the trials, fork, and replay what comes through a line until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that sends the combinations
    for line in ours:  # of the sending process: a copy would keep it open after the end of that
        line.close()
    import engine.account.replay  # noqa: F401 - backtrader, a quarter of a second

    with suppress(Exception):  # raised again where it is needed
        trial_sample(job)  # while the combinations are computed; both processes have it
    with catch_warnings():
        simplefilter("ignore", DeprecationWarning)
        line = theirs[0] if os.fork() else theirs[1]
    with suppress(EOFError, OSError), strategy_output():
        while True:
            best, trials = line.recv()
            try:
                answer: Any = _replayed(job, best, trials)
            except Exception as e:
                answer = e
            line.send(answer)
