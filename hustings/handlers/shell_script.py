"""hustings completion: prints the completion script of a shell."""

import click

from hustings.completion import script
from hustings.terminal import say_json, say_raw


def print_script(*, shell: str, as_json: bool) -> None:
    """Print the script alone, or as JSON."""
    text = script(shell, click.get_current_context().find_root().command)
    say_json({"shell": shell, "script": text}) if as_json else say_raw(text)
