"""Which combinations of a rule's parameters a sweep tries: all of a product, a random draw from it, or a list."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.errors import UserError
from engine.strategy import Strategy, build
from engine.strategy.combinations import Combinations, ParameterColumn, checks_several_together
from engine.sweep.condition import Condition

Places = NDArray[np.int64]
"""Places of combinations in the product of the axes, the last axis changing fastest."""
_ENUMERABLE = 5_000_000
"""A product up to this size is enumerated; from a larger one combinations are drawn first and checked after."""
_ROUNDS = 200
_MAX_PRODUCT = 1 << 62


@dataclass(frozen=True, eq=False)
class Space:
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

    def which(self, first: int, last: int) -> dict[str, NDArray[np.intp]]:
        """Return the index of each combination's value on each axis, for the rows from ``first`` up to ``last``."""
        return self._indices(np.arange(first, last) if self.places is None else self.places[first:last])

    def _indices(self, places: Places) -> dict[str, NDArray[np.intp]]:
        sizes = tuple(len(values) for values in self.axes.values())
        indices = np.unravel_index(places, sizes) if sizes else ()
        return dict(zip(self.axes, map(np.asarray, indices), strict=True))

    def combinations(self, first: int, last: int) -> Combinations:
        """Return the combinations from one row up to another; their columns hold only the values in use."""
        columns = {name: _column(self.axes[name], which) for name, which in self.which(first, last).items()}
        return Combinations(self.kind, self.fixed, columns, last - first)

    def rule(self, row: int) -> Strategy:
        """Return the rule of one combination.

        Raises:
            UserError: the rule refuses these parameters together.
        """
        return self.combinations(row, row + 1).rule(0)

    def parameters(self, row: int) -> dict[str, Any]:
        """Return the parameters given to one combination, by name."""
        return self.combinations(row, row + 1).parameters(0)

    def varied(self, row: int) -> dict[str, Any]:
        """Return the parameters that vary and their values in one combination, ready for JSON."""
        given = self.parameters(row)
        return {name: plain_value(given[name]) for name in self.axes}

    def one_at_a_time(self) -> "Space":
        """Return the first combination of the product, and those that differ from it in one parameter."""
        sizes = [len(values) for values in self.axes.values()]
        steps = [prod(sizes[n + 1 :]) for n in range(len(sizes))]
        places = [0, *(k * step for size, step in zip(sizes, steps, strict=True) for k in range(1, size))]
        return replace(self, places=np.array(places, dtype=np.int64))


def plain_value(value: Any) -> Any:
    """Return a parameter's value ready for JSON."""
    return [plain_value(v) for v in value] if isinstance(value, tuple) else getattr(value, "value", value)


def _column(values: tuple[Any, ...], which: NDArray[np.intp]) -> ParameterColumn:
    used, index = np.unique(which, return_inverse=True)
    return ParameterColumn(tuple(values[i] for i in used), index.astype(np.intp).ravel())


def grid_space(kind: type[Strategy], fixed: Mapping[str, Any], axes: Mapping[str, Iterable[Any]]) -> Space:
    """Return all combinations of the values of several parameters, each value checked by the rule.

    Raises:
        UserError: an unknown parameter, one without values, a value twice, or one that the rule refuses.
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
        if checks_several_together(kind) and name in {f.name for f in fields(kind)}:  # type: ignore[arg-type]
            return value
        raise


def _check_distinct(kind: type[Strategy], name: str, values: Sequence[Any]) -> None:
    seen = set[tuple[type, Any]]()
    for value in values:
        if (type(value), value) in seen:
            raise UserError(f"parameter {name} of {kind.name} is given the value {value!r} twice")
        seen.add((type(value), value))


def those_of(space: Space, conditions: Sequence[Condition]) -> Space:
    """Return the combinations of a product for which all conditions hold.

    Raises:
        UserError: none is left, or the product is too large to be enumerated.
    """
    if not conditions:
        return space
    if space.size > _ENUMERABLE:
        raise UserError(
            f"{space.size:,} combinations are too many for --where (at most {_ENUMERABLE:,}): draw some with --random"
        )
    return _at(space, _filtered(space, np.arange(space.size), conditions))


def drawn_from(space: Space, n: int, seed: int, conditions: Sequence[Condition] = ()) -> Space:
    """Return n different combinations of a product for which all conditions hold, drawn with a seed, in its order.

    All of them where there are no more than n.

    Raises:
        UserError: none meets the conditions.
    """
    rng = np.random.default_rng(seed)
    if space.size > _ENUMERABLE:
        return _at(space, _drawn_in_rounds(space, n, rng, conditions))
    able = _filtered(space, np.arange(space.size), conditions)
    return _at(space, able if len(able) <= n else np.sort(rng.choice(able, size=n, replace=False)))


def _drawn_in_rounds(space: Space, n: int, rng: "np.random.Generator", conditions: Sequence[Condition]) -> Places:
    """Return up to n places that meet the conditions; after so many rounds the rest is given up."""
    places = np.zeros(0, dtype=np.int64)
    for _ in range(_ROUNDS):
        places = np.concatenate((places, _filtered(space, rng.integers(space.size, size=n), conditions)))
        _, first = np.unique(places, return_index=True)
        places = places[np.sort(first)][:n]
        if len(places) == n:
            break
    return np.sort(places)


def _at(space: Space, places: Places) -> Space:
    if not len(places):
        raise UserError("no combination meets all conditions of --where")
    return replace(space, places=places.astype(np.int64))


def listed_space(kind: type[Strategy], fixed: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Space:
    """Return combinations listed one by one, each once, in the order of the list; every row names the same parameters.

    Raises:
        UserError: no rows, an unknown parameter, or a value that the rule refuses.
    """
    if not rows:
        raise UserError("the list of combinations is empty")
    texts = {name: list(dict.fromkeys(row[name] for row in rows)) for name in rows[0]}
    space = grid_space(kind, fixed, texts)
    index = {name: {text: n for n, text in enumerate(values)} for name, values in texts.items()}
    which = [np.array([index[name][row[name]] for row in rows]) for name in texts]
    places = np.ravel_multi_index(which, [len(v) for v in texts.values()]) if texts else np.zeros(1, dtype=np.int64)
    _, first = np.unique(places, return_index=True)
    return _at(space, places[np.sort(first)])


def _filtered(space: Space, places: Places, conditions: Sequence[Condition]) -> Places:
    """Return the places for which all conditions hold."""
    which = space._indices(places)
    holds = np.ones(len(places), dtype=bool)
    for condition in conditions:
        holds &= _holds(space, condition, which, len(places))
    return places[holds]


def _holds(space: Space, condition: Condition, which: Mapping[str, Any], n: int) -> NDArray[np.bool_]:
    """Return where one condition holds; it is evaluated once for each combination of the values it names."""
    names = [name for name in space.axes if name in condition.names]
    if not names:
        return np.full(n, condition.holds(space.fixed))
    sizes = [len(space.axes[name]) for name in names]
    distinct, back = np.unique(np.ravel_multi_index([which[name] for name in names], sizes), return_inverse=True)
    values = zip(*np.unravel_index(distinct, sizes), strict=True)
    given = ({**space.fixed, **{m: space.axes[m][i] for m, i in zip(names, v, strict=True)}} for v in values)
    holds: NDArray[np.bool_] = np.array([condition.holds(g) for g in given], dtype=bool)[back.ravel()]
    return holds
