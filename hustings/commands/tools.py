"""Commands that help to write strategies: strategies, new, completion."""

from pathlib import Path
from typing import Any

import click

from hustings import completion_values as values
from hustings.commands.options import PATH, json_option


@click.command()
@click.argument("name", required=False, shell_complete=values.strategies)
@json_option
def strategies(**typed: Any) -> Any:
    """List the strategies, or show one with its parameters.

    NAME is a registered name, path/to/file.py:ClassName, or package.module:ClassName.
    """
    from hustings.handlers.strategies import list_strategies

    return list_strategies(**typed)


@click.command()
@click.argument("name")
@click.option("--dir", "folder", type=PATH, default=Path(), metavar="DIR", help="Where the files go [here].")
@json_option
def new(**typed: Any) -> Any:
    """Write a strategy file with its test, ready to edit.

    NAME.py holds a strategy that runs, test_NAME.py a test that passes.
    """
    from hustings.handlers.new import write_strategy

    return write_strategy(**typed)


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@json_option
def completion(**typed: Any) -> Any:
    """Print the script that completes commands and values in a shell.

    bash: eval "$(hustings completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc, after compinit;
    fish: hustings completion fish > ~/.config/fish/completions/hustings.fish
    """
    from hustings.completion import print_script

    return print_script(**typed)
