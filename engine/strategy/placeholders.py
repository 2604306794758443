"""The combinations of parameters that a sweep tries, and the parameters that a rule only passes on to its legs.

For those the rule is not called once a combination.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from math import prod
from types import CodeType
from typing import Any, get_args

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datasets.errors import UserError
from engine.strategy.contract import (
    LEVELS,
    After,
    BeforeVote,
    Entry,
    Exit,
    Leg,
    NextClose,
    NextOpen,
    Strategy,
    build,
    plain_value,
)

Which = NDArray[np.intp]
"""One index a combination."""
Places = NDArray[np.int64]
"""Places of combinations in the product of the axes, the last axis changing fastest."""
_MAX_PRODUCT = 1 << 62


class Space(Struct, frozen=True, eq=False):
    """Combinations of one rule, in their order: ``fixed`` parameters, and the values of those that vary (``axes``).

    ``places`` are those of the combinations; None for the whole product.
    """

    kind: type[Strategy]
    fixed: Mapping[str, Any]
    axes: Mapping[str, tuple[Any, ...]]
    places: Places | None = None

    def __len__(self) -> int:
        return self.size if self.places is None else len(self.places)

    @property
    def size(self) -> int:
        """The number of combinations of the whole product."""
        return prod(len(values) for values in self.axes.values())

    def which(self, first: int = 0, last: int | None = None) -> dict[str, Which]:
        """Return the index of each combination's value on each axis, for the rows from ``first`` up to ``last``."""
        last = len(self) if last is None else last
        return self.indices(np.arange(first, last) if self.places is None else self.places[first:last])

    def indices(self, places: Places) -> dict[str, Which]:
        """Return the index of the value on each axis at some places of the product."""
        sizes = tuple(len(values) for values in self.axes.values())
        indices = np.unravel_index(places, sizes) if sizes else ()
        return dict(zip(self.axes, map(np.asarray, indices), strict=True))

    def part(self, first: int, last: int) -> "Space":
        """Return the combinations from one row up to another; their axes hold only the values in use."""
        axes: dict[str, tuple[Any, ...]] = {}
        indices = []
        for name, which in self.which(first, last).items():
            used, index = np.unique(which, return_inverse=True)
            axes[name] = tuple(self.axes[name][i] for i in used)
            indices.append(index)
        sizes = [len(values) for values in axes.values()]
        places = np.ravel_multi_index(indices, sizes) if sizes else np.zeros(last - first, dtype=np.int64)
        return Space(self.kind, self.fixed, axes, places)

    def parameters(self, row: int) -> dict[str, Any]:
        """Return the parameters given to one combination, by name."""
        which = self.which(row, row + 1)
        return {**self.fixed, **{name: self.axes[name][index[0]] for name, index in which.items()}}

    def rule(self, row: int) -> Strategy:
        """Return the rule of one combination.

        Raises:
            UserError: the rule refuses these parameters together.
        """
        return build(self.kind, self.parameters(row))

    def varied(self, row: int) -> dict[str, Any]:
        """Return the parameters that vary and their values in one combination, ready for JSON."""
        given = self.parameters(row)
        return {name: plain_value(given[name]) for name in self.axes}

    def one_at_a_time(self) -> "Space":
        """Return the first combination of the product, and those that differ from it in one parameter."""
        sizes = [len(values) for values in self.axes.values()]
        steps = [prod(sizes[n + 1 :]) for n in range(len(sizes))]
        places = [0, *(k * step for size, step in zip(sizes, steps, strict=True) for k in range(1, size))]
        return Space(self.kind, self.fixed, self.axes, np.array(places, dtype=np.int64))


def grid_space(kind: type[Strategy], fixed: Mapping[str, Any], axes: Mapping[str, Iterable[Any]]) -> Space:
    """Return all combinations of the values of several parameters, each value checked by the rule.

    Raises:
        UserError: an unknown parameter, one without values, a value twice, or one that the rule refuses.

    >>> from strategies.pro_growth_win import ProGrowthWin
    >>> grid_space(ProGrowthWin, {}, {"hold": [5, 10], "weight": [0.5, 0.9]}).parameters(1)
    {'hold': 5, 'weight': 0.9}
    """
    given = {name: tuple(values) for name, values in axes.items()}
    for name, values in given.items():
        if not values:
            raise UserError(f"parameter {name} of {kind.name} has no values to try")
    first = {**fixed, **{name: values[0] for name, values in given.items()}}
    checked = {name: tuple(_checked(kind, first, name, v) for v in values) for name, values in given.items()}
    for name, values in checked.items():
        _check_distinct(kind, name, values)
    if prod(len(values) for values in checked.values()) > _MAX_PRODUCT:
        raise UserError("there are more combinations than can be counted: give fewer values, or fewer parameters")
    return Space(kind, {name: _checked(kind, first, name, v) for name, v in fixed.items()}, checked)


def _checked(kind: type[Strategy], first: Mapping[str, Any], name: str, value: Any) -> Any:
    """Return a value as the rule holds it; unchanged where the rule may refuse it because of the other parameters."""
    try:
        return getattr(build(kind, {**first, name: value}), name)
    except UserError:
        if _checks_several_together(kind) and name in {f.name for f in fields(kind)}:  # type: ignore[arg-type]
            return value
        raise


def _checks_several_together(kind: type[Strategy]) -> bool:
    """Return whether a rule's constructor has checks beyond those of each parameter by itself."""
    made = getattr(kind, "__pydantic_decorators__", None)
    of_many = [getattr(made, f"{what}_validators", {}) for what in ("model", "root", "field")]
    return hasattr(kind, "__post_init__") or any(of_many)


def _check_distinct(kind: type[Strategy], name: str, values: Sequence[Any]) -> None:
    seen = set[tuple[type, Any]]()
    for value in values:
        if (type(value), value) in seen:
            raise UserError(f"parameter {name} of {kind.name} is given the value {value!r} twice")
        seen.add((type(value), value))


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


def watched(rule: Strategy, read: set[str]) -> Strategy:
    """Return a copy of a rule that adds the name of each parameter of it that is read to ``read``."""
    names = {f.name for f in fields(rule)}  # type: ignore[arg-type]

    def reads(self: Strategy, name: str) -> Any:
        read.update(names if name == "__dict__" else names & {name})
        return kind if name == "__class__" else kind.__getattribute__(self, name)

    copied, kind = copy.copy(rule), type(rule)
    object.__setattr__(copied, "__class__", type(kind.__name__, (kind,), {"__getattribute__": reads}))
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


_TIMES = (*get_args(Entry), *get_args(Exit))


def leg_key(leg: Leg) -> tuple[Any, ...]:
    """Return all that a leg is made of, to compare it by and to look it up; a placeholder appears as its parameter."""
    return tuple(_key(part) for part in vars(leg).values())


def _key(part: Any) -> Any:
    kind = type(part)
    if kind is Placeholder:
        return (Placeholder, parameter_of(part))
    if isinstance(part, _TIMES):
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
