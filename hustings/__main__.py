"""Entry point: runs the command line and turns bad input into one line and exit code 2."""

import os
import sys
from collections.abc import Sequence

import click

from datasets.errors import UserError
from hustings.cli import ReaderGoneError, cli

_COMPLETE = "_HUSTINGS_COMPLETE"  # hustings.completion.VARIABLE, which is imported only to answer


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 a check failed, 2 bad input, 130 interrupted."""
    _stand_in_for_closed_streams()
    code = 0
    try:
        code = _complete() if _COMPLETE in os.environ else _run(argv)
        sys.stdout.flush()  # or a closed pipe shows only while Python ends
    except (ReaderGoneError, BrokenPipeError):
        _let_go_of_stdout()
    except OSError as e:
        return _tell(f"cannot read or write ({_why(e)}): {e.filename or _unnamed()}")
    return code


def _stand_in_for_closed_streams() -> None:
    """Give Python a stdout and a stderr where the caller closed them (``>&-``), and it has none."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - till Python ends


def _complete() -> int:
    """Answer the shell, which asks for what may follow; the commands are not imported for it."""
    from hustings.completion import answer

    click.echo(answer(os.environ[_COMPLETE]))
    return 0


def _run(argv: Sequence[str] | None) -> int:
    try:
        code = cli.main(args=None if argv is None else list(argv), prog_name="hustings", standalone_mode=False)
    except UserError as e:
        return _tell(str(e))
    except click.ClickException as e:
        return _tell(e.format_message().replace("\n", " "))
    except (click.Abort, KeyboardInterrupt):
        click.echo("hustings: interrupted", err=True)
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


def _tell(message: str) -> int:
    click.echo(f"hustings: {message}", err=True)
    return 2


if __name__ == "__main__":
    sys.exit(main())
