"""Finds the parameters that a rule only passes on to its legs: for those it is not called once a combination.

A rule is called with a placeholder for such a parameter. Whatever reads a placeholder (compares it, computes with it,
prints it, reads its type) is stopped, and the parameter counts as one the rule reads. What comes back untouched, as a
delay, a number of sessions, a stop or a target, was passed on.
"""

import copy
from collections.abc import Iterable
from dataclasses import fields, replace
from types import CodeType
from typing import Any

from engine.strategy.contract import LEVELS, After, BeforeVote, Entry, Exit, Leg, NextClose, NextOpen, Strategy

_READS = (
    "eq", "ne", "lt", "le", "gt", "ge", "hash", "bool", "int", "float", "complex", "index", "str", "repr", "format",
    "bytes", "len", "iter", "contains", "getitem", "call", "dir", "sizeof", "add", "radd", "sub", "rsub", "mul",
    "rmul", "truediv", "rtruediv", "floordiv", "rfloordiv", "mod", "rmod", "divmod", "rdivmod", "pow", "rpow",
    "lshift", "rlshift", "rshift", "rrshift", "and", "rand", "or", "ror", "xor", "rxor", "matmul", "rmatmul", "neg",
    "pos", "abs", "invert", "round", "trunc", "floor", "ceil", "enter", "exit", "reversed", "next", "getattribute",
    "setattr", "delattr",
)  # fmt: skip
"""The operations by which a value is read, without their underscores."""
_REVEALING = {"type", "id"}
"""Names by which a rule could learn what a placeholder is without reading its value."""


class PlaceholderRead(BaseException):
    """A rule read a parameter. Not an Exception: neither the rule nor the planner may catch it as one of its own."""

    def __init__(self, parameter: str) -> None:
        super().__init__(parameter)
        self.parameter = parameter


class Placeholder:
    """Replaces the value of one parameter."""

    __slots__ = ("parameter", "seen")

    def __init__(self, parameter: str, seen: set[str]) -> None:
        object.__setattr__(self, "parameter", parameter)
        object.__setattr__(self, "seen", seen)


def _read(placeholder: Placeholder, *args: Any, **kwargs: Any) -> Any:
    parameter = parameter_of(placeholder)
    object.__getattribute__(placeholder, "seen").add(parameter)  # also where the rule catches what is raised
    raise PlaceholderRead(parameter)


for _name in _READS:
    setattr(Placeholder, f"__{_name}__", _read)


def parameter_of(placeholder: Placeholder) -> str:
    """Return the parameter that a placeholder replaces."""
    name: str = object.__getattribute__(placeholder, "parameter")
    return name


def with_placeholders(rule: Strategy, names: Iterable[str], seen: set[str]) -> Strategy:
    """Return a copy of a rule in which some parameters are placeholders; those read are added to ``seen``."""
    copied = copy.copy(rule)
    for name in names:
        object.__setattr__(copied, name, Placeholder(name, seen))
    return copied


def can_be_traced(rule: Strategy) -> bool:
    """Return whether placeholders show what a rule reads: it holds its parameters only, and never reads their type."""
    named = {f.name for f in fields(rule)}  # type: ignore[arg-type]
    mine = [c for c in type(rule).__mro__ if c not in (Strategy, object)]
    members = [m for c in mine for name, m in vars(c).items() if not name.startswith("__")]
    return set(vars(rule)) == named and not any(_words(m) & _REVEALING for m in members)


def _words(member: Any) -> set[str]:
    """Return the names that the code of a method or property uses."""
    code = getattr(getattr(member, "__func__", getattr(member, "fget", member)), "__code__", None)
    return set() if code is None else _names_in(code)


def _names_in(code: CodeType) -> set[str]:
    inner = [_names_in(c) for c in code.co_consts if isinstance(c, CodeType)]
    return {*code.co_names, *(n for names in inner for n in names)}


def leg_key(leg: Leg) -> tuple[Any, ...]:
    """Return all that a leg is made of, to compare it by and to look it up; a placeholder appears as its parameter."""
    return tuple(_key(part) for part in vars(leg).values())


def _key(part: Any) -> Any:
    kind = type(part)
    if kind is Placeholder:
        return (Placeholder, parameter_of(part))
    if isinstance(part, Entry | Exit):
        return (kind, *(_key(v) for v in vars(part).values()))
    return (kind, part)


def substitute(key: Any, given: dict[str, Any]) -> Any:
    """Return the key of a leg with values for its placeholders."""
    if key[0] is Placeholder:
        return (type(given[key[1]]), given[key[1]])
    return tuple(substitute(f, given) if isinstance(f, tuple) else f for f in key)


def placeholder_places(leg: Leg) -> dict[str, str]:
    """Return the parameters passed on to a leg, by the place they came to.

    The places: delay, sessions, and those of ``LEVELS``; ``before`` is the sessions of an entry before a vote.

    Raises:
        PlaceholderRead: a placeholder came to another place.
    """
    places: dict[str, Any] = {name: getattr(leg, name) for name in LEVELS}
    if type(leg.entry) in (NextOpen, NextClose):
        places["delay"] = leg.entry.delay  # type: ignore[union-attr]
    if type(leg.entry) is BeforeVote:
        places["before"] = leg.entry.sessions
    if type(leg.exit) is After:
        places["sessions"] = leg.exit.sessions
    known = {place: parameter_of(v) for place, v in places.items() if type(v) is Placeholder}
    used = _placeholders_in(leg_key(leg))
    elsewhere = set(used) - set(known.values())
    if elsewhere or len(known) != len(used):
        raise PlaceholderRead(min(elsewhere or known.values()))
    return known


def _placeholders_in(key: Any) -> list[str]:
    return [key[1]] if key[0] is Placeholder else [n for f in key if isinstance(f, tuple) for n in _placeholders_in(f)]


def with_values(leg: Leg, places: dict[str, str], given: dict[str, Any]) -> Leg:
    """Return a leg with the values of the parameters passed on to it."""
    at = {place: given[name] for place, name in places.items()}
    entry: Any = leg.entry
    exit_: Any = leg.exit
    if "delay" in at:
        entry = replace(entry, delay=at["delay"])
    if "before" in at:
        entry = replace(entry, sessions=at["before"])
    if "sessions" in at:
        exit_ = replace(exit_, sessions=at["sessions"])
    return replace(leg, entry=entry, exit=exit_, **{name: at[name] for name in LEVELS if name in at})
