"""The command line without its commands: names, options and what may follow them, from a cached file.

To describe the commands all of them must be imported, with all that they use. That is done once for each version of the
code; from the description they are built again in a few milliseconds, fit for completion and for nothing else.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from datasets.cache import cached, content_hash
from hustings.completion_values import VALUES_OF

_ROOT = Path(__file__).parent.parent
_PACKAGES = ("datasets", "engine", "strategies", "reports", "hustings")

Described = dict[str, Any]


def command_tree() -> click.Group:
    """Return the whole command line, to complete with."""
    sources = (path for package in _PACKAGES for path in (_ROOT / package).rglob("*.py"))
    content = cached("commands.json", content_hash(sources), lambda: json.dumps(_described_all()).encode())
    described: Described = json.loads(content)
    built = _built("hustings", described)
    assert isinstance(built, click.Group)
    return built


def _described_all() -> Described:
    from hustings.cli import cli

    return _described(cli)


def _described(command: click.Command) -> Described:
    told: Described = {"help": command.get_short_help_str(), "params": [_param(p) for p in command.params]}
    if isinstance(command, click.Group):
        context = click.Context(command)
        found = {name: command.get_command(context, name) for name in command.list_commands(context)}
        told["commands"] = {name: _described(c) for name, c in found.items() if c is not None}
    return told


def _param(param: click.Parameter) -> Described:
    told: Described = {"name": param.name, "nargs": param.nargs, "opts": [*param.opts, *param.secondary_opts]}
    told["choices"] = [str(c) for c in param.type.choices] if isinstance(param.type, click.Choice) else None
    told["path"] = isinstance(param.type, click.Path | click.File)
    if isinstance(param, click.Option):
        told |= {"flag": param.is_flag, "multiple": param.multiple, "help": param.help}
    return told


def _built(name: str, told: Described) -> click.Command:
    params = [_built_param(name, p) for p in told["params"]]
    if "commands" not in told:
        return click.Command(name, params=params, short_help=told["help"])
    commands = {n: _built(n, c) for n, c in told["commands"].items()}
    return click.Group(name, params=params, short_help=told["help"], commands=commands)


def _built_param(command: str, told: Described) -> click.Parameter:
    name, values = told["name"], VALUES_OF.get(f"{command} {told['name']}", VALUES_OF.get(told["name"]))
    common: dict[str, Any] = {"nargs": told["nargs"], "type": _type(told), "shell_complete": _completer(told, values)}
    if "flag" not in told:
        return click.Argument([name], required=False, **common)
    if told["flag"]:
        return click.Option([*told["opts"], name], is_flag=True, help=told["help"])
    return click.Option([*told["opts"], name], multiple=told["multiple"], help=told["help"], **common)


def _type(told: Described) -> Any:
    if told["choices"] is not None:
        return click.Choice(told["choices"])
    return click.Path() if told["path"] else click.STRING


Completer = Callable[[click.Context, click.Parameter, str], Any]


def _completer(told: Described, values: Completer | None) -> Completer | None:
    """Return what completes a parameter; its own type does where it is a choice or a path."""
    return None if told["choices"] is not None or told["path"] else values
