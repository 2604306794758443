"""How far a sweep has come, and when it will be done: a bar on a terminal, else a line now and then; on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from hustings.terminal import warn

Ahead = Callable[[int], None]
"""Takes how many more combinations are done."""
_EVERY = 15.0


@contextmanager
def shown(text: str, total: int, *, done: int = 0) -> Iterator[Ahead]:
    """Show how much of a total is done while the work goes on."""
    if not sys.stderr.isatty():
        yield _Lines(text, total, done).ahead
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total, completed=done)
        yield lambda more: bar.advance(task, more)


class _Lines:
    """Writes a line every fifteen seconds, and none for a sweep that is done before."""

    def __init__(self, text: str, total: int, done: int) -> None:
        self._text, self._total, self._done = text, total, done
        self._from, self._began, self._told = done, monotonic(), monotonic()

    def ahead(self, more: int) -> None:
        self._done += more
        now = monotonic()
        if now - self._told < _EVERY:
            return
        self._told = now
        left = (self._total - self._done) * (now - self._began) / max(1, self._done - self._from)
        warn(f"hustings: {self._text}: {self._done:,} of {self._total:,}, {_duration(left)} left")


def _duration(seconds: float) -> str:
    """Return so many seconds in words.

    >>> _duration(42.4), _duration(90), _duration(9000)
    ('42 s', '2 min', '2.5 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
