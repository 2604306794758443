"""hustings completion: prints the completion script of a shell."""

import click

from hustings.completion import script
from hustings.terminal import say_json, say_raw


def print_script(*, shell: str) -> None:
    """Print the script alone, or as JSON."""
    text = script(shell, click.get_current_context().find_root().command)
    say_json({"shell": shell, "script": text})
    say_raw(text)
