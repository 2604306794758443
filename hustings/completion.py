"""Shell completion: what bash, zsh and fish are told when Tab is pressed, without importing any command.

The commands come from a prepared file (``command_tree.py``), the values from files too (``completion_values.py``).
"""

import os
from typing import Any

from click import Group
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

from hustings.command_tree import command_tree

VARIABLE = "_HUSTINGS_COMPLETE"
"""Set by the script in the shell: which shell asks, as in ``bash_complete``."""
_ASSIGNS = "="


class _Bash(BashComplete):
    """Bash takes ``hold=5`` for three words, and puts in only what stands after the last ``=``."""

    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n' type value response
    response=$(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD %(complete_var)s=bash_complete "$1")
    COMPREPLY=()
    while IFS=',' read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value"); [[ $value == *= ]] && compopt -o nospace ;;
        esac
    done <<< "$response"
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def source(self) -> str:
        return ShellComplete.source(self)  # without asking a bash for its version

    def get_completion_args(self) -> tuple[list[str], str]:
        words = split_arg_string(os.environ["COMP_WORDS"])
        at = int(os.environ["COMP_CWORD"])
        typed = _joined([*words[1:at], words[at] if at < len(words) else ""])
        return typed[:-1], typed[-1]

    def format_completion(self, item: CompletionItem[Any]) -> str:
        value = item.value.partition(_ASSIGNS)[2]
        return f"{item.type},{value or item.value}"


def _joined(words: list[str]) -> list[str]:
    """Return words with those that bash has parted at ``=`` put together again.

    >>> _joined(["run", "-p", "hold", "=", "5", ""])
    ['run', '-p', 'hold=5', '']
    """
    found: list[str] = []
    for word in words:
        glued = bool(found) and (word == _ASSIGNS or found[-1].endswith(_ASSIGNS)) and word != ""
        found[len(found) - glued :] = [found[-1] + word] if glued else [word]
    return found


class _Zsh(ZshComplete):
    """After a name that ends in ``=`` its value follows without a blank."""

    source_template = ZshComplete.source_template.replace(
        'completions+=("$key")',
        'if [[ "$key" == *= ]]; then compadd -U -S "" -- "$key"; else completions+=("$key"); fi',
    )

    def format_completion(self, item: CompletionItem[str]) -> str:
        help_ = None if item.value.endswith(_ASSIGNS) else item.help  # what bears a help is given a blank by zsh
        return super().format_completion(CompletionItem(item.value, item.type, help_))


class _Fish(FishComplete):
    """Fish as click has it: after ``=`` it adds no blank itself."""


SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def script(shell: str) -> str:
    """Return the script that a shell reads at its start; the first Tab then finds all prepared."""
    return _asked(shell).source()


def answer(instruction: str) -> str:
    """Return what a shell's script reads of the values that may follow; blank where the instruction is not known.

    Args:
        instruction: the value of VARIABLE, such as ``zsh_complete``.
    """
    shell, _, what = instruction.partition("_")
    return _asked(shell).complete() if shell in SHELLS and what == "complete" else ""


def _asked(shell: str) -> ShellComplete:
    group: Group = command_tree()
    return SHELLS[shell](group, {}, "hustings", VARIABLE)
