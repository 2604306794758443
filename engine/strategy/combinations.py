"""The combinations of a rule's parameters that one sweep tries, each value checked once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.errors import UserError
from engine.strategy.contract import Strategy, build, plain_value

Which = NDArray[np.intp]
"""One index a combination."""
Places = NDArray[np.int64]
"""Places of combinations in the product of the axes, the last axis changing fastest."""
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
        return replace(self, places=np.array(places, dtype=np.int64))


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
