"""Turns keywords of Python into what a user types: options and their defaults are those of the commands alone."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from os import PathLike
from typing import Any, TypeVar

import click
import numpy as np
import pandas as pd

from datasets.errors import UserError, unknown_name
from engine.strategy import Strategy, values
from hustings.execution import RunOptions
from hustings.terminal import text_of
from hustings.views import path_of

T = TypeVar("T", bound=RunOptions)
Rule = str | PathLike[str] | type[Any] | Strategy


def options_of(kind: type[T], command: click.Command, rule: Rule, given: Mapping[str, Any]) -> T:
    """Return the options of a command for a strategy and keywords, or raise a UserError."""
    if isinstance(rule, Strategy):
        given = {**values(rule), **given}
        rule = type(rule)
    if isinstance(rule, type):
        if "<" in rule.__qualname__:
            raise UserError(f"{rule.__qualname__}: define the class at the top level, not inside a function")
        rule = f"{rule.__module__}:{rule.__qualname__}"
    if not isinstance(rule, str | PathLike):
        raise UserError(f"the strategy is {rule!r}; give a name, a file, a class, or a rule with its parameters")
    if not isinstance(given.get("parameters", {}), Mapping):
        raise UserError("parameters holds values by name, such as parameters={'hold': 2}")
    return kind(**typed(command, {*kind.__struct_fields__}, given, "--", str(rule)))


def typed(command: click.Command, names: Collection[Any], given: Mapping[str, Any], *more: str) -> dict[str, Any]:
    """Return the named values that a handler is called with for keywords and further words.

    A keyword is an option as it is typed, or as the code names it (``since`` for ``--from``); any other is a parameter
    of the strategy, and so is ``instrument``.

    Raises:
        UserError: a value that the command refuses; of a command without parameters, an unknown keyword.
    """
    options = [p for p in command.params if isinstance(p, click.Option) and p.name in names]
    known = {
        o.opts[0].lstrip("-").replace("-", "_"): o
        for o in options
        if o.name != "instruments" or "parameters" not in names
    }
    known = {str(o.name): o for o in options} | known
    others = {**given.get("parameters", {}), **{n: v for n, v in given.items() if n not in known}}
    for name in others if "parameters" not in names else ():
        raise unknown_name(f"keyword of {command.name}", name, known, hint=f"it has {', '.join(sorted(known))}")
    defaults = {str(known[n].name): _value(known[n], n, v) for n, v in given.items() if n in known and v is not None}
    defaults["parameters"] = [f"{name}={text_of(_plain(value))}" for name, value in others.items()]
    try:
        found = command.make_context(command.name, list(more), default_map=defaults).params
    except click.ClickException as e:
        raise UserError(re.sub(r"\s+", " ", e.format_message())) from e
    return {name: value for name, value in found.items() if name in names}


def _value(option: click.Option, name: str, value: Any) -> Any:
    value = path_of(name, value) if name in ("data", "events") else _plain(value)
    return [value] if option.multiple and not isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    """Return a range or an array as a list, a number of numpy as Python's, midnight of a day as the date."""
    if isinstance(value, datetime | np.datetime64):
        at = pd.Timestamp(value)
        return at.date() if at == at.normalize() else at
    return list(value) if isinstance(value, range) else value.tolist() if hasattr(value, "tolist") else value
