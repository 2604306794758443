"""quantstats' sheet of a run, made in a second process while the first one replays and writes the event sheet."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from engine.run.run import Run
from hustings.terminal import progress, warn

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

TEAR_SHEET, QUANTSTATS = "tearsheet.html", "quantstats.html"


@contextmanager
def second_page(*, wanted: bool) -> Iterator[Callable[[Run], Callable[[], str | None]]]:
    """Give what begins quantstats' sheet of a run; what that returns waits for the page.

    The page is None where it is not ``wanted``, or, after a warning, where it could not be made. The process imports
    quantstats, the half of the work, while the run is not there yet. It ends with the block.
    """
    if not wanted:
        yield lambda _: lambda: None
        return
    from multiprocessing import Pipe, get_context  # not needed, and slow to import, without a second page

    ours, theirs = Pipe()
    with catch_warnings():
        simplefilter("ignore", DeprecationWarning)  # of a fork among threads: those of libraries, which are idle
        process = get_context().Process(target=_serve, args=(ours, theirs), daemon=True)
        process.start()
    theirs.close()

    def begin(run: Run) -> Callable[[], str | None]:
        with suppress(OSError):  # it has ended, which shows when the page is waited for
            ours.send(run)
        return lambda: _received(ours)

    try:
        yield begin
    finally:
        ours.close()
        process.terminate()
        process.join()


def _received(line: "Connection[Any, Any]") -> str | None:
    with progress("waiting for quantstats' sheet"):
        try:
            answer = line.recv()
        except (EOFError, OSError):
            answer = RuntimeError("its process ended")
    if isinstance(answer, str):
        return answer
    warn(
        f"hustings: quantstats' sheet could not be made ({answer}); 'hustings report RUN --quantstats FILE' tries again"
    )
    return None


def _serve(ours: "Connection[Any, Any]", theirs: "Connection[Any, Any]") -> None:
    """Import quantstats, and answer a run with its page."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    ours.close()  # a copy, which would keep the line open after the end of that process
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - until the process ends
    from reports.quantstats_page import quantstats_page
    from reports.quantstats_sheet import import_quantstats

    with suppress(EOFError, OSError):
        import_quantstats()
        run = theirs.recv()
        try:
            theirs.send(quantstats_page(run, tear_sheet=TEAR_SHEET))
        except Exception as e:
            theirs.send(RuntimeError(f"{type(e).__name__}: {e}"))
