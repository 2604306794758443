"""Commands that help to write strategies: strategies, new, completion."""

from pathlib import Path

import click

from hustings import completion as values
from hustings.commands.options import PATH, HandledCommand


@click.command(cls=HandledCommand, handler="strategies:list_strategies")
@click.argument("name", required=False, shell_complete=values.strategies)
def strategies() -> None:
    """List the strategies, or show one with its parameters.

    NAME is a registered name, path/to/file.py (file.py:Class of several), or package.module:Class.
    """


@click.command(cls=HandledCommand, handler="strategies:write_strategy")
@click.argument("name")
@click.option(
    "--dir", "folder", type=PATH, default=Path(), show_default=False, metavar="DIR", help="Where the files go [here]."
)
def new() -> None:
    """Write a strategy file with its test, ready to edit.

    NAME.py holds a strategy that runs, test_NAME.py a test that passes.
    """


@click.command(cls=HandledCommand, handler="shell_script:print_script")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion() -> None:
    """Print the script that completes commands and values in a shell.

    bash: eval "$(hustings completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc, after compinit;
    fish: hustings completion fish > ~/.config/fish/completions/hustings.fish
    """
