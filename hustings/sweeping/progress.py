"""The progress of a sweep and its remaining time on stderr: a bar on a terminal, else a line every fifteen seconds."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

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
