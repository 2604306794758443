"""What code under examination may see: while a lens is held, events and bars are handed out as seen through it.

``hustings lookahead`` asks a rule again in a world without its future. A rule may reach past what it is given and load
the catalogue or the bars itself; so ``load_events``, ``bundled_events`` and every source of bars look through the lens
that is held. Outside that command none is, and they hand out what there is.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


@dataclass(frozen=True)
class Visibility:
    """How an event is shown (None: not at all), and how bars are.

    ``reached`` is told each time events or bars are handed out, ``opened`` the path of each file that is opened for
    reading by anything else than what hands them out.
    """

    event: Callable[[Any], Any]
    bars: Callable[[Any], Any]
    reached: Callable[[str], None] = lambda what: None
    opened: Callable[[Path], None] = lambda path: None


_HELD: ContextVar[Visibility | None] = ContextVar("lens", default=None)


def held_lens() -> Visibility | None:
    """Return the lens that is held, None where there is none."""
    return _HELD.get()


@contextmanager
def holding(lens: Visibility | None) -> Iterator[None]:
    """Hold a lens, or none; what was held before is held again afterwards, whatever happens."""
    if lens is not None:
        _watch_files()
    token = _HELD.set(lens)
    try:
        yield
    finally:
        _HELD.reset(token)


def through_lens(load: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Make the ``load`` of a source hand out its bars through the lens that is held; it reads with none."""

    @wraps(load)
    def seen(source: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        lens = _HELD.get()
        if lens is None:
            return load(source, *args, **kwargs)
        lens.reached("bars")
        with holding(None):
            whole = load(source, *args, **kwargs)
        shown: R = lens.bars(whole)
        return shown

    return seen


def tell_opened(path: Path) -> None:
    """Tell the lens that is held of a file that Python's own hook does not see being opened."""
    lens = _HELD.get()
    if lens is not None:
        lens.opened(path)


@lru_cache(maxsize=1)
def _watch_files() -> None:
    """Tell the lens that is held of every file opened for reading; the hook cannot be taken away, and is idle then."""
    held = _HELD.get  # bound here: while Python ends, a module's names are gone before its hooks

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event != "open" or (lens := held()) is None:
            return
        path, mode = args[0], args[1]
        if isinstance(path, str | bytes | Path) and (mode is None or not set(str(mode)) & set("wax")):
            lens.opened(Path(path.decode(errors="replace") if isinstance(path, bytes) else path))

    sys.addaudithook(hook)
