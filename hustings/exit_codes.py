"""Runs a command and returns its exit code: bad input is one line on stderr, a closed pipe is no failure."""

import os
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from traceback import format_exception

import click

from datasets.errors import UserError, check_utf8
from datasets.home import hustings_home
from hustings.terminal import escaped

_SHOWN = 200


def exit_code(command: click.Command, name: str, argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    0 done, 1 a check failed, 2 bad input, 70 a fault of the program, 130 interrupted.

    ``name`` begins each message. A fault is one line too: its traceback is in a log under HUSTINGS_HOME.
    """
    for stream in ("stdout", "stderr"):  # opened where the caller has closed them (``>&-``)
        if getattr(sys, stream) is None:
            setattr(sys, stream, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - until Python ends
    code, words = 0, list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(command, name, words)
        sys.stdout.flush()  # a closed pipe would otherwise show only when Python ends
    except BrokenPipeError:  # the reader of stdout (``head``, say) has closed it, which is no failure
        _discard_stdout()
    except OSError as e:
        reason = e.strerror or (str(e).splitlines() or [type(e).__name__])[0]
        return _fail(name, f"cannot read or write ({reason}): {e.filename or _unnamed()}")
    except Exception as e:
        return _fault(name, e, words)
    return code


def _fault(name: str, e: Exception, argv: Sequence[str]) -> int:
    """Write the traceback of a fault to the log, print one line, and return 70 (EX_SOFTWARE of sysexits.h)."""
    text = "".join(format_exception(e))
    entry = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {name} {shlex.join(argv)}\n{text}\n"
    try:
        log = hustings_home() / "faults.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(entry)
        where = f"the traceback is in '{log}'"
    except (OSError, UserError):
        where = "its traceback could not be written"
    what = " ".join(f"{type(e).__name__}: {e}".split())[:_SHOWN]
    click.echo(escaped(f"{name}: a fault of {name} itself ({what}); {where}; please report it"), err=True)
    return 70


def _run(command: click.Command, name: str, words: list[str]) -> int:
    """Run a command as its ``main`` does, which would exit with 1 where a pipe is closed, as for a failed check."""
    try:
        if os.environ.get("_HUSTINGS_COMPLETE"):
            from hustings.completion import complete

            return complete(command)
        for word in words:
            check_utf8(word)
        with command.make_context(name, words.copy()) as context:
            code = command.invoke(context)
    except UserError as e:
        return _fail(name, str(e))
    except click.NoSuchOption as e:
        takes_parameters = e.ctx is not None and any(p.name == "parameters" for p in e.ctx.command.params)
        hint = "; a parameter of the strategy is written -p NAME=VALUE" if takes_parameters else ""
        return _fail(name, e.format_message().removesuffix(".") + hint)
    except click.ClickException as e:
        return _fail(name, e.format_message().replace("\n", " "))
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"\n{name}: interrupted", err=True)
        return 130
    except click.exceptions.Exit as e:  # after a help
        code = e.exit_code
    except SystemExit as e:  # rich ends so where stderr is closed
        code = e.code
    return code if isinstance(code, int) else 0


def _unnamed() -> str:
    """Return the place of an error without a path; if stdout fails, discard what it still holds."""
    try:
        sys.stdout.flush()
    except OSError:
        _discard_stdout()
    return "standard output, or a file being written"


def _discard_stdout() -> None:
    """Send the rest of stdout nowhere, so that Python does not fail on it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(name: str, message: str) -> int:
    click.echo(f"{name}: {escaped(message)}", err=True)
    return 2
