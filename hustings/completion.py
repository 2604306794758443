"""Shell completion: click's own, with ``name=value`` completed as one word in bash and zsh."""

import os
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    shell_complete,
    split_arg_string,
)

VARIABLE = "_HUSTINGS_COMPLETE"
"""Set by the script in a shell: the shell that asks, as in ``bash_complete``."""


class _Bash(BashComplete):
    """Bash splits ``hold=5`` into three words, and replaces only the part after the last ``=``.

    So it sends the line up to the cursor, to be split here.
    """

    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)", 'COMPREPLY+=("$value"); [[ $value == *= ]] && compopt -o nospace'
    ).replace("${COMP_WORDS[*]}", "${COMP_LINE:0:COMP_POINT}")

    def source(self) -> str:
        return ShellComplete.source(self)  # without starting a bash to read its version

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        return (words, "") if line[-1:].isspace() else (words[:-1], words[-1])

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return f"{item.type},{item.value.partition('=')[2] or item.value}"


class _Zsh(ZshComplete):
    """After a name that ends in ``=`` its value follows without a blank."""

    source_template = ZshComplete.source_template.replace(
        'completions+=("$key")',
        'if [[ "$key" == *= ]]; then compadd -U -S "" -- "$key"; else completions+=("$key"); fi',
    )

    def format_completion(self, item: CompletionItem[str]) -> str:
        help_ = None if item.value.endswith("=") else item.help  # zsh adds a blank to an item with a help
        return super().format_completion(CompletionItem(item.value, item.type, help_))


def register() -> None:
    """Let click use these classes for bash and zsh; for fish it has its own."""
    add_completion_class(_Bash, "bash")
    add_completion_class(_Zsh, "zsh")


def complete(command: click.Command) -> int:
    """Print what completes the line that a shell sends, and return the exit code."""
    register()
    return shell_complete(command, {}, "hustings", VARIABLE, os.environ[VARIABLE])


def script(shell: str, command: click.Command) -> str:
    """Return the script that a shell reads at its start."""
    register()
    kind = get_completion_class(shell)
    assert kind is not None
    return kind(command, {}, "hustings", VARIABLE).source()
