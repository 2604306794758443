"""Executes a sweep: sends its chunks to workers, and keeps the results that come back."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic

from datasets.errors import UserError
from engine.sweep.chunk import failed_chunk
from engine.sweep.job import Job
from hustings.sweeping.files import SweepFolder
from hustings.sweeping.workers import InProcess, ProcessPool, Task, TaskResult, WorkerPool, payload_of
from hustings.terminal import warn

_EVERY = 15.0


@contextmanager
def shown(text: str, total: int, *, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Show how much of a total is done; the value of the ``with`` takes how many more are."""
    if not sys.stderr.isatty():
        yield _lines(text, total, done)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total, completed=done)
        yield lambda more: bar.advance(task, more)


def _lines(text: str, total: int, done: int) -> Callable[[int], None]:
    """Return what writes a line every fifteen seconds, and none for a sweep that is done before."""
    before, now, began, written = done, done, monotonic(), monotonic()

    def advance(more: int) -> None:
        nonlocal now, written
        now += more
        if monotonic() - written < _EVERY:
            return
        written = monotonic()
        left = (total - now) * (written - began) / max(1, now - before)
        warn(f"hustings: {text}: {now:,} of {total:,}, {_duration(left)} left")

    return advance


def _duration(seconds: float) -> str:
    """Return so many seconds in words.

    >>> _duration(42.4), _duration(90), _duration(9000)
    ('42 s', '2 min', '2.5 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


_SECONDS, _QUICK = 2.0, 0.25
"""The time a chunk should take; one that took less than _QUICK shows its fixed part only, and the next one grows."""
_FIRST, _MOST, _GROWTH = 64, 50_000, 32
_FIXED_SHARE = 4
"""A chunk takes at least so many times as long as its fixed part."""
_MAX_LOSSES = 3
"""A single combination that ends so many workers is listed as failed."""
_MAX_ALL_LOSSES = 1_000


def execute_sweep(
    job: Job, strategy: str, folder: SweepFolder, *, sweep_id: str, workers: int = 1, scheduler: str | None = None
) -> None:
    """Compute what is missing of a sweep over all its spans, and keep each chunk as soon as it is done.

    Args:
        job: the sweep.
        strategy: its rule as it was named.
        folder: where results are kept.
        sweep_id: its id.
        workers: so many processes; 1 is this one.
        scheduler: the address of a Dask scheduler whose workers do the work instead.

    Raises:
        UserError: there are no workers; what is done is kept.
    """
    n, spans = len(job.space), range(len(job.spans))
    gaps = [Task(span, first, last) for span in spans for first, last in folder.gaps(span, n)]
    missing = sum(map(len, gaps))
    if not missing:
        return
    pool = _pool(job, strategy, sweep_id, workers, scheduler)
    try:
        with shown("combinations", n * len(spans), done=n * len(spans) - missing) as advance:
            _work(pool, _Queue(gaps), folder, advance)
    finally:
        pool.close()


def _pool(job: Job, strategy: str, sweep_id: str, workers: int, scheduler: str | None) -> WorkerPool:
    if scheduler is not None:
        from hustings.sweeping.cluster import ClusterPool

        return ClusterPool(scheduler, payload_of(strategy, job), sweep_id)
    return InProcess(job) if workers == 1 else ProcessPool(payload_of(strategy, job), workers)


class _Queue:
    """The ranges that are not computed yet, cut into chunks on demand."""

    def __init__(self, gaps: Iterable[Task]) -> None:
        self._gaps = list(gaps)[::-1]

    def __bool__(self) -> bool:
        return bool(self._gaps)

    def take(self, size: int) -> Task:
        """Return the next chunk, of at most so many combinations."""
        gap = self._gaps.pop()
        middle = min(gap.first + size, gap.last)
        if middle < gap.last:
            self._gaps.append(Task(gap.span, middle, gap.last))
        return Task(gap.span, gap.first, middle)

    def give_back(self, task: Task) -> None:
        """Put a chunk back in halves: repeated halving finds a combination that ends its worker."""
        middle = (task.first + task.last) // 2
        halves = [Task(task.span, middle, task.last), Task(task.span, task.first, middle)]
        self._gaps += [h for h in halves if len(h)]


class AdaptiveChunkSize:
    """How many combinations take about two seconds, most of it spent on them and not on the fixed part of a chunk.

    Fitted to the last two chunks of different sizes: seconds = ``fixed`` + ``each`` x combinations.
    """

    def __init__(self) -> None:
        self.size = _FIRST
        self._before: tuple[int, float] | None = None

    def update(self, result: TaskResult) -> None:
        """Fit the size to a chunk that is done."""
        n, seconds = len(result.task), max(result.seconds, 1e-6)
        fixed, each = self._line(n, seconds)
        fit = (max(_SECONDS, fixed * _FIXED_SHARE) - fixed) / each
        self.size = int(min(max(fit, n / 2, 1) if seconds > _QUICK else _MOST, n * _GROWTH, _MOST))
        self._before = (n, seconds)

    def _line(self, n: int, seconds: float) -> tuple[float, float]:
        if self._before is None or self._before[0] == n:
            return 0.0, seconds / n
        each = max((seconds - self._before[1]) / (n - self._before[0]), seconds / n / 100)
        return max(0.0, seconds - each * n), each


def _work(pool: WorkerPool, queue: _Queue, folder: SweepFolder, advance: Callable[[int], None]) -> None:
    chunk_size, losses, running = AdaptiveChunkSize(), Counter[Task](), 0
    while queue or running:
        for _ in range(pool.idle if queue else 0):
            if queue:
                pool.submit(queue.take(chunk_size.size))
                running += 1
        for result in pool.results():
            running -= 1
            if result.chunk is None and _retried(result, queue, losses):
                continue
            folder.keep(result.task.span, result.chunk or failed_chunk(result.task.first, result.why))
            advance(len(result.task))
            chunk_size.update(result)


def _retried(lost: TaskResult, queue: _Queue, losses: Counter[Task]) -> bool:
    """Return whether a chunk whose worker ended is computed again, and put it back where it is."""
    losses[lost.task] += 1
    if len(lost.task) == 1 and losses[lost.task] >= _MAX_LOSSES:
        return False
    if losses.total() > _MAX_ALL_LOSSES:
        raise UserError(f"{lost.why}, again and again; what is done is kept: --resume continues from there")
    queue.give_back(lost.task)
    return True
