"""Turns keywords of Python into what a user types: options and their defaults are those of the commands alone."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from typing import Any, TypeVar

import click

from datasets.errors import UserError, unknown_name
from engine.strategy import Strategy, values
from hustings.frames import path_of
from hustings.run_options import RunOptions
from hustings.terminal import text_of

T = TypeVar("T", bound=RunOptions)
Rule = str | type[Any] | Strategy


def options_of(kind: type[T], command: click.Command, rule: Rule, given: Mapping[str, Any]) -> T:
    """Return the options of a command for a strategy and keywords.

    Raises:
        UserError: a value that the command refuses, or a class to which no name leads.
    """
    if isinstance(rule, Strategy):
        given = {**values(rule), **given}
        rule = type(rule)
    if isinstance(rule, type):
        if "<" in rule.__qualname__:
            raise UserError(f"{rule.__qualname__}: define the class at the top level, not inside a function")
        rule = f"{rule.__module__}:{rule.__qualname__}"
    return kind(**typed(command, {f.name for f in fields(kind)}, given, "--", rule))


def typed(
    command: click.Command, names: Collection[str | None], given: Mapping[str, Any], *more: str
) -> dict[str, Any]:
    """Return the named values that a handler is called with for keywords and further words.

    A keyword is an option as it is typed, or as the code names it (``since`` for ``--from``). ``instrument`` is none:
    it is a parameter of most rules.

    Raises:
        UserError: a value that the command refuses; of a command without parameters, an unknown keyword.
    """
    options = [p for p in command.params if isinstance(p, click.Option) and p.name in names]
    known = {str(o.name): o for o in options}
    known |= {o.opts[0].lstrip("-").replace("-", "_"): o for o in options if o.name != "instruments"}
    for name in given.keys() - known.keys() if "parameters" not in names else ():
        raise unknown_name(f"keyword of {command.name}", name, known, hint=f"it has {', '.join(sorted(known))}")
    words = [word for name, value in given.items() for word in _words(known.get(name), name, value)]
    try:
        found = command.make_context(command.name, [*words, *more]).params
    except click.ClickException as e:
        raise UserError(re.sub(r"\s+", " ", e.format_message())) from e
    return {name: value for name, value in found.items() if name in names}


def _words(option: click.Option | None, name: str, value: Any) -> Iterator[str]:
    """Yield a keyword as it is typed; without an option of its name it is a parameter of the strategy."""
    if name == "parameters":
        yield from (word for n, v in value.items() for word in _words(None, n, v))
        return
    value = path_of(name, value) if name in ("data", "events") else value
    value = list(value) if isinstance(value, range) or hasattr(value, "tolist") else value
    if option is None:
        yield from ("-p", f"{name}={text_of(value)}")
    elif option.is_flag or value is None:
        yield from [option.opts[0]] if value else []
    else:
        several = value if option.multiple and isinstance(value, list | tuple) else [value]
        yield from (f"{option.opts[0]}={each}" for each in several)
