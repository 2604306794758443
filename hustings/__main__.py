"""Entry point: the command line, or the answer a shell asks for when Tab is pressed."""

import os
import sys
from collections.abc import Sequence

import click

from hustings.cli import cli
from hustings.exit_codes import ended, ended_call

_COMPLETE = "_HUSTINGS_COMPLETE"  # hustings.completion.VARIABLE, which is imported only to answer


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 a check failed, 2 bad input, 130 interrupted."""
    if _COMPLETE in os.environ:
        return ended_call(_complete, "hustings")
    return ended(cli, "hustings", argv)


def _complete() -> int:
    """Answer the shell, which asks for what may follow; the commands are not imported for it."""
    from hustings.completion import answer

    click.echo(answer(os.environ[_COMPLETE]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
