"""Which combinations of a rule's parameters a sweep tries: all of a product, some drawn from it, or some listed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.errors import UserError
from engine.account.bar_matrix import Numbers64
from engine.strategy import Strategy, build
from engine.strategy.combinations import Combinations, ParameterColumn, checks_several_together
from engine.sweep.condition import Condition

_AT_ONCE = 5_000_000
"""A product up to this size is looked at whole; from a larger one combinations are drawn and then looked at."""
_ROUNDS = 200
_LARGEST = 1 << 62


@dataclass(frozen=True, eq=False)
class Space:
    """Combinations of one rule, in their order: ``fixed`` parameters, and the values of those that vary (``axes``).

    ``places`` are the places of the combinations in the product of the axes, the last one changing fastest; None for
    all of it.
    """

    kind: type[Strategy]
    fixed: Mapping[str, Any]
    axes: Mapping[str, tuple[Any, ...]]
    places: Numbers64 | None = None

    def __len__(self) -> int:
        return self.size if self.places is None else len(self.places)

    @property
    def size(self) -> int:
        """How many combinations the whole product has."""
        return prod(len(values) for values in self.axes.values())

    def which(self, first: int, last: int) -> dict[str, NDArray[np.intp]]:
        """Return the place of each combination's value on each axis, from one row up to another."""
        places = np.arange(first, last) if self.places is None else self.places[first:last]
        sizes = tuple(len(values) for values in self.axes.values())
        found = np.unravel_index(places, sizes) if sizes else ()
        return dict(zip(self.axes, map(np.asarray, found), strict=True))

    def combinations(self, first: int, last: int) -> Combinations:
        """Return the combinations from one row up to another; their columns hold only the values they have."""
        columns = {name: _column(self.axes[name], which) for name, which in self.which(first, last).items()}
        return Combinations(self.kind, self.fixed, columns, last - first)

    def parameters(self, row: int) -> dict[str, Any]:
        """Return the parameters given to one combination, by name."""
        return self.combinations(row, row + 1).parameters(0)


def _column(values: tuple[Any, ...], which: NDArray[np.intp]) -> ParameterColumn:
    used, place = np.unique(which, return_inverse=True)
    return ParameterColumn(tuple(values[i] for i in used), place.astype(np.intp).ravel())


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
    checked = {name: tuple(_held(kind, first, name, v) for v in values) for name, values in given.items()}
    for name, values in checked.items():
        _check_once(kind, name, values)
    if prod(len(values) for values in checked.values()) > _LARGEST:
        raise UserError("there are more combinations than can be counted: give fewer values, or fewer parameters")
    return Space(kind, {name: _held(kind, first, name, v) for name, v in fixed.items()}, checked)


def _held(kind: type[Strategy], first: Mapping[str, Any], name: str, value: Any) -> Any:
    """Return a value as the rule holds it; as given where the rule may refuse it for what the others are."""
    try:
        return getattr(build(kind, {**first, name: value}), name)
    except UserError:
        if checks_several_together(kind) and name in {f.name for f in fields(kind)}:  # type: ignore[arg-type]
            return value
        raise


def _check_once(kind: type[Strategy], name: str, values: Sequence[Any]) -> None:
    seen = set[tuple[type, Any]]()
    for value in values:
        if (type(value), value) in seen:
            raise UserError(f"parameter {name} of {kind.name} is given the value {value!r} twice")
        seen.add((type(value), value))


def those_of(space: Space, conditions: Sequence[Condition]) -> Space:
    """Return the combinations of a product for which all conditions hold.

    Raises:
        UserError: none is left, or the product is too large to be looked at whole.
    """
    if not conditions:
        return space
    if space.size > _AT_ONCE:
        raise UserError(
            f"{space.size:,} combinations are too many for --where (at most {_AT_ONCE:,}): draw some with --random"
        )
    return Space(
        space.kind, space.fixed, space.axes, _some(np.flatnonzero(_meet(space, np.arange(space.size), conditions)))
    )


def drawn_from(space: Space, n: int, seed: int, conditions: Sequence[Condition] = ()) -> Space:
    """Return n different combinations of a product for which all conditions hold, drawn with a seed, in its order.

    All of them where there are no more than n.

    Raises:
        UserError: none meets the conditions.
    """
    rng = np.random.default_rng(seed)
    if space.size <= _AT_ONCE:
        able = np.flatnonzero(_meet(space, np.arange(space.size), conditions))
        places = able if len(able) <= n else np.sort(rng.choice(able, size=n, replace=False))
    else:
        places = _drawn_in_rounds(space, n, rng, conditions)
    return Space(space.kind, space.fixed, space.axes, _some(places))


def _drawn_in_rounds(space: Space, n: int, rng: np.random.Generator, conditions: Sequence[Condition]) -> Numbers64:
    """Return up to n places that meet the conditions, drawn till there are enough or it seems vain."""
    found = np.zeros(0, dtype=np.int64)
    for _ in range(_ROUNDS):
        more = rng.integers(space.size, size=n)
        _, first = np.unique(
            together := np.concatenate((found, more[_meet(space, more, conditions)])), return_index=True
        )
        found = together[np.sort(first)][:n]
        if len(found) == n:
            break
    return np.sort(found)


def _some(places: Numbers64) -> Numbers64:
    if not len(places):
        raise UserError("no combination meets all conditions of --where")
    return places.astype(np.int64)


def listed_space(kind: type[Strategy], fixed: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Space:
    """Return combinations listed one by one, each once, in the order of the list; every row names the same parameters.

    Raises:
        UserError: no rows, an unknown parameter, or a value that the rule refuses.
    """
    if not rows:
        raise UserError("the list of combinations is empty")
    texts = {name: list(dict.fromkeys(row[name] for row in rows)) for name in rows[0]}
    space = grid_space(kind, fixed, texts)
    at = {name: {text: n for n, text in enumerate(values)} for name, values in texts.items()}
    which = [np.array([at[name][row[name]] for row in rows]) for name in texts]
    places = np.ravel_multi_index(which, [len(v) for v in texts.values()]) if texts else np.zeros(1, dtype=np.int64)
    _, first = np.unique(places, return_index=True)
    return Space(kind, space.fixed, space.axes, places[np.sort(first)].astype(np.int64))


def _meet(space: Space, places: Numbers64, conditions: Sequence[Condition]) -> NDArray[np.bool_]:
    """Return for which places in the product all conditions hold."""
    sizes = tuple(len(values) for values in space.axes.values())
    which = dict(zip(space.axes, np.unravel_index(places, sizes) if sizes else (), strict=True))
    holds = np.ones(len(places), dtype=bool)
    for condition in conditions:
        holds &= _holds(space, condition, which, len(places))
    return holds


def _holds(space: Space, condition: Condition, which: Mapping[str, Any], n: int) -> NDArray[np.bool_]:
    """Return where one condition holds; it is asked once for each combination of the values it names."""
    names = [name for name in space.axes if name in condition.names]
    if not names:
        return np.full(n, condition.holds(space.fixed))
    sizes = [len(space.axes[name]) for name in names]
    asked, back = np.unique(np.ravel_multi_index([which[name] for name in names], sizes), return_inverse=True)
    values = zip(*np.unravel_index(asked, sizes), strict=True)
    found = [
        condition.holds({**space.fixed, **{m: space.axes[m][i] for m, i in zip(names, v, strict=True)}}) for v in values
    ]
    holds: NDArray[np.bool_] = np.array(found, dtype=bool)[back.ravel()]
    return holds
