"""Entry point: runs the command line and turns bad input into one line and exit code 2."""

import os
import sys
from collections.abc import Sequence

import click

from datasets.errors import UserError
from hustings.cli import cli


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 a check failed, 2 bad input, 130 interrupted."""
    try:
        code = cli.main(args=None if argv is None else list(argv), prog_name="hustings", standalone_mode=False)
    except UserError as e:
        return _tell(str(e))
    except click.ClickException as e:
        return _tell(e.format_message().replace("\n", " "))
    except (click.Abort, KeyboardInterrupt):
        click.echo("hustings: interrupted", err=True)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has had enough
        return 0
    return code if isinstance(code, int) else 0


def _tell(message: str) -> int:
    click.echo(f"hustings: {message}", err=True)
    return 2


if __name__ == "__main__":
    sys.exit(main())
