"""Runs a command to its end: bad input becomes one line and exit code 2, and a reader who has gone no fault."""

import os
import sys
from collections.abc import Callable, Sequence

import click

from datasets.errors import UserError
from hustings.cli import ReaderGoneError


def ended(command: click.Command, name: str, argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 a check failed, 2 bad input, 130 interrupted.

    ``name`` begins each line that tells of bad input.
    """
    return ended_call(lambda: _run(command, name, argv), name)


def ended_call(call: Callable[[], int], name: str) -> int:
    """Return the exit code of what runs a command, with what its streams can meet taken care of."""
    _stand_in_for_closed_streams()
    code = 0
    try:
        code = call()
        sys.stdout.flush()  # or a closed pipe shows only while Python ends
    except (ReaderGoneError, BrokenPipeError):
        _let_go_of_stdout()
    except OSError as e:
        return _tell(name, f"cannot read or write ({_why(e)}): {e.filename or _unnamed()}")
    return code


def _stand_in_for_closed_streams() -> None:
    """Give Python a stdout and a stderr where the caller closed them (``>&-``), and it has none."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - till Python ends


def _run(command: click.Command, name: str, argv: Sequence[str] | None) -> int:
    try:
        code = command.main(args=None if argv is None else list(argv), prog_name=name, standalone_mode=False)
    except UserError as e:
        return _tell(name, str(e))
    except click.ClickException as e:
        return _tell(name, e.format_message().replace("\n", " "))
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"{name}: interrupted", err=True)
        return 130
    return code if isinstance(code, int) else 0


def _why(e: OSError) -> str:
    return e.strerror or (str(e).splitlines() or [type(e).__name__])[0]


def _unnamed() -> str:
    """Return what a fault is of that names no path; what stdout cannot take any more is let go."""
    try:
        sys.stdout.flush()
    except OSError:
        _let_go_of_stdout()
    return "standard output, or a file being written"


def _let_go_of_stdout() -> None:
    """Send what is still to be written nowhere, so that Python does not fail on it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(name: str, message: str) -> int:
    click.echo(f"{name}: {message}", err=True)
    return 2
