"""What code under examination may see of events and bars.

``hustings lookahead`` calls a rule again in a world without its future. A rule may also load the catalogue or the bars
itself; so ``load_events``, ``bundled_events`` and every source of bars apply the visibility in force. Outside that
command there is none, and they return everything.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from msgspec import Struct

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


class Visibility(Struct, frozen=True):
    """How an event is shown (None: not at all), and how bars are.

    ``on_access`` is called each time events or bars are loaded, ``on_open`` with the path of each file that other code
    opens for reading.
    """

    event: Callable[[Any], Any]
    bars: Callable[[Any], Any]
    on_access: Callable[[str], None] = lambda what: None
    on_open: Callable[[Path], None] = lambda path: None


_IN_FORCE: ContextVar[Visibility | None] = ContextVar("visibility", default=None)


def current_visibility() -> Visibility | None:
    """Return the visibility in force, None where there is none."""
    return _IN_FORCE.get()


@contextmanager
def using_visibility(visibility: Visibility | None) -> Iterator[None]:
    """Put a visibility in force, or none; the previous one is in force again afterwards, whatever happens."""
    if visibility is not None:
        _watch_files()
    token = _IN_FORCE.set(visibility)
    try:
        yield
    finally:
        _IN_FORCE.reset(token)


def visible_bars(load: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Make the ``load`` of a source return its bars as the visibility in force shows them; it reads without one."""

    @wraps(load)
    def load_visible(source: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        visibility = _IN_FORCE.get()
        if visibility is None:
            return load(source, *args, **kwargs)
        visibility.on_access("bars")
        with using_visibility(None):
            whole = load(source, *args, **kwargs)
        shown: R = visibility.bars(whole)
        return shown

    return load_visible


def report_opened(path: Path) -> None:
    """Report a file whose opening Python's own hook does not see to the visibility in force."""
    visibility = _IN_FORCE.get()
    if visibility is not None:
        visibility.on_open(path)


@lru_cache(maxsize=1)
def _watch_files() -> None:
    """Report every file opened for reading to the visibility in force; the hook cannot be removed, and is idle then."""
    current = _IN_FORCE.get  # bound here: while Python ends, a module's names are gone before its hooks

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event != "open" or (visibility := current()) is None:
            return
        path, mode = args[0], args[1]
        if isinstance(path, str | bytes | Path) and (mode is None or not set(str(mode)) & set("wax")):
            visibility.on_open(Path(path.decode(errors="replace") if isinstance(path, bytes) else path))

    sys.addaudithook(hook)
