"""hustings completion: print the script that lets a shell complete commands, rules, parameters, events and runs."""

import json

import click

from hustings.completion import SHELLS, script


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def completion(shell: str, as_json: bool) -> None:
    """Print the completion script of SHELL.

    bash: eval "$(hustings completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc, after compinit;
    fish: hustings completion fish > ~/.config/fish/completions/hustings.fish
    """
    if as_json:
        click.echo(json.dumps({"shell": shell, "script": script(shell)}, indent=2))
        return
    click.echo(script(shell), nl=False)
