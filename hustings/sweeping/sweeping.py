"""Carries out a sweep: hands its stretches to whoever does the work, and keeps what comes back."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from datasets.errors import UserError
from engine.sweep.job import Job
from engine.sweep.sweep import failed_stretch
from hustings.sweeping.crew import OwnCrew, ProcessCrew, TaskResult, WorkerPool
from hustings.sweeping.files import SweepFolder
from hustings.sweeping.progress import shown
from hustings.sweeping.sent import Task, sent_of

_SECONDS = 1.0
"""A stretch is so long that it takes about this."""
_FIRST, _MOST, _GROWTH = 64, 50_000, 8
_WORTH = 4
"""A stretch takes so many times as long as its beginning at least."""
_LOST_AT_MOST = 3
"""A single combination that ends so many processes is listed as failed."""


@dataclass(frozen=True)
class Hands:
    """Who is to do the work: so many processes (1: this one), or the workers of a Dask scheduler."""

    workers: int = 1
    scheduler: str | None = None


def carry_out(
    job: Job, strategy: str, folder: SweepFolder, *, sweep_id: str, spans: Sequence[int], hands: Hands
) -> None:
    """Do all stretches of some spans of a sweep that are not done yet, and keep each as soon as it is done.

    Raises:
        UserError: there is nobody to do the work; what is done is kept.
    """
    n = len(job.space)
    gaps = [Task(span, first, last) for span in spans for first, last in folder.gaps(span, n)]
    left = sum(map(len, gaps))
    if not left:
        return
    crew = _crew(job, strategy, sweep_id, hands)
    try:
        with shown("combinations", n * len(spans), done=n * len(spans) - left) as ahead:
            _work(crew, _Todo(gaps), folder, ahead)
    finally:
        crew.close()


def _crew(job: Job, strategy: str, sweep_id: str, hands: Hands) -> WorkerPool:
    if hands.scheduler is not None:
        from hustings.sweeping.cluster import ClusterCrew

        return ClusterCrew(hands.scheduler, sent_of(strategy, job), sweep_id)
    return OwnCrew(job) if hands.workers == 1 else ProcessCrew(sent_of(strategy, job), hands.workers)


class _Todo:
    """The stretches still to be done, given out in lengths that suit."""

    def __init__(self, gaps: Iterable[Task]) -> None:
        self._gaps = list(gaps)[::-1]

    def __bool__(self) -> bool:
        return bool(self._gaps)

    def take(self, size: int) -> Task:
        """Return the next stretch, of so many combinations at most."""
        gap = self._gaps.pop()
        middle = min(gap.first + size, gap.last)
        if middle < gap.last:
            self._gaps.append(Task(gap.span, middle, gap.last))
        return Task(gap.span, gap.first, middle)

    def give_back(self, task: Task) -> None:
        """Take a stretch back in halves: if one combination ends whoever reckons it, it is found."""
        middle = (task.first + task.last) // 2
        halves = [Task(task.span, middle, task.last), Task(task.span, task.first, middle)]
        self._gaps += [h for h in halves if len(h)]


class _Pace:
    """How many combinations take about a second, where that is mostly spent on them and not on beginning a stretch.

    From the last two stretches of different lengths: seconds = ``fixed`` + ``each`` x combinations.
    """

    def __init__(self) -> None:
        self.size = _FIRST
        self._before: tuple[int, float] | None = None

    def saw(self, done: TaskResult) -> None:
        """Learn from a stretch that was done."""
        n, seconds = len(done.task), max(done.seconds, 1e-6)
        fixed, each = self._line(n, seconds)
        fit = (max(_SECONDS, fixed * _WORTH) - fixed) / each
        self.size = int(min(max(fit, n / 2, 1), n * _GROWTH, _MOST))
        self._before = (n, seconds)

    def _line(self, n: int, seconds: float) -> tuple[float, float]:
        if self._before is None or self._before[0] == n:
            return 0.0, seconds / n
        each = max((seconds - self._before[1]) / (n - self._before[0]), seconds / n / 100)
        return max(0.0, seconds - each * n), each


def _work(crew: WorkerPool, todo: _Todo, folder: SweepFolder, ahead: Callable[[int], None]) -> None:
    pace, lost = _Pace(), Counter[Task]()
    while todo or crew.busy:
        for _ in range(crew.idle if todo else 0):
            if todo:
                crew.submit(todo.take(pace.size))
        for done in crew.finished():
            if done.stretch is None and _try_again(done, todo, lost):
                continue
            stretch = done.stretch or failed_stretch(done.task.first, done.why)
            folder.keep(done.task.span, stretch)
            ahead(len(done.task))
            pace.saw(done)


def _try_again(done: TaskResult, todo: _Todo, lost: Counter[Task]) -> bool:
    """Return whether a stretch that was lost is to be done once more, and see to it that it will be."""
    lost[done.task] += bool(done.why)
    if len(done.task) == 1 and lost[done.task] >= _LOST_AT_MOST:
        return False
    if sum(lost.values()) > 1_000:
        raise UserError(f"{done.why}, again and again; what is done is kept: --resume goes on from there")
    todo.give_back(done.task)
    return True
