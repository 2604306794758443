"""The combinations of a rule's parameters that one sweep tries, each value checked once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.errors import UserError
from engine.strategy.contract import Strategy, build, values

Which = NDArray[np.intp]
"""One index a combination."""


@dataclass(frozen=True, eq=False)
class ParameterColumn:
    """One parameter: the values it takes, and which of them each combination has."""

    values: tuple[Any, ...]
    which: Which

    def take(self, rows: Any) -> "ParameterColumn":
        """Return the column of some combinations."""
        return ParameterColumn(self.values, self.which[rows])


@dataclass(frozen=True, eq=False)
class Combinations:
    """Combinations of one rule: ``fixed`` parameters, and ``columns`` of those that vary, all of one length."""

    kind: type[Strategy]
    fixed: Mapping[str, Any]
    columns: Mapping[str, ParameterColumn]
    n: int

    def __len__(self) -> int:
        return self.n

    def parameters(self, i: int) -> dict[str, Any]:
        """Return the parameters given to one combination, by name."""
        return {**self.fixed, **{name: c.values[c.which[i]] for name, c in self.columns.items()}}

    def rule(self, i: int) -> Strategy:
        """Return the rule of one combination.

        Raises:
            UserError: the rule refuses these parameters together.
        """
        return build(self.kind, self.parameters(i))

    def take(self, rows: Any) -> "Combinations":
        """Return some of the combinations: a slice, or an array of their numbers."""
        columns = {name: c.take(rows) for name, c in self.columns.items()}
        return Combinations(self.kind, self.fixed, columns, len(np.arange(self.n)[rows]))


def product_of(kind: type[Strategy], fixed: Mapping[str, Any], axes: Mapping[str, Iterable[Any]]) -> Combinations:
    """Return every combination of the values of several parameters, the last one changing fastest.

    Args:
        kind: the rule.
        fixed: parameters that all combinations share.
        axes: the values of each parameter that varies.

    Raises:
        UserError: an unknown parameter, one without values, or a value that the rule refuses.

    >>> from strategies.pro_growth_win import ProGrowthWin
    >>> product_of(ProGrowthWin, {}, {"hold": [5, 10], "weight": [0.5, 0.9]}).parameters(1)
    {'hold': 5, 'weight': 0.9}
    """
    listed = {name: tuple(given) for name, given in axes.items()}
    for name, given in listed.items():
        if not given:
            raise UserError(f"parameter {name} of {kind.name} has no values to try")
    sizes = [len(given) for given in listed.values()]
    n = int(np.prod(sizes, dtype=np.int64))
    which = np.unravel_index(np.arange(n), sizes) if sizes else ()
    return _checked(
        kind, fixed, {k: ParameterColumn(v, np.asarray(w)) for (k, v), w in zip(listed.items(), which, strict=True)}, n
    )


def listed(kind: type[Strategy], fixed: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Combinations:
    """Return the combinations listed one by one; each names the same parameters.

    Raises:
        UserError: rows that name different parameters, an unknown one, or a value that the rule refuses.
    """
    names = list(rows[0]) if rows else []
    for n, row in enumerate(rows):
        if set(row) != set(names):
            names_here = f"{', '.join(sorted(row)) or 'none'}; the first names {', '.join(sorted(names)) or 'none'}"
            raise UserError(f"combination {n + 1} names the parameters {names_here}")
    return _checked(kind, fixed, {name: _column([row[name] for row in rows]) for name in names}, len(rows))


def _column(given: list[Any]) -> ParameterColumn:
    """Return a column of values as they come; 1, 1.0 and True are three values."""
    places: dict[tuple[type, Any], int] = {}
    which = [places.setdefault((type(v), v), len(places)) for v in given]
    return ParameterColumn(tuple(v for _, v in places), np.array(which, dtype=np.intp))


def _checked(
    kind: type[Strategy], fixed: Mapping[str, Any], columns: dict[str, ParameterColumn], n: int
) -> Combinations:
    """Return the combinations with their values as the rule holds them."""
    both = set(fixed) & set(columns)
    if both:
        raise UserError(f"parameter {min(both)} of {kind.name} is given once as fixed and once as one that varies")
    raw = Combinations(kind, dict(fixed), columns, n)
    if n == 0 or checks_several_together(kind):
        return raw
    first = raw.parameters(0)
    held = {name: _held_values(kind, first, name, column) for name, column in columns.items()}
    return Combinations(kind, {k: v for k, v in vars(build(kind, first)).items() if k in fixed}, held, n)


def _held_values(kind: type[Strategy], first: dict[str, Any], name: str, column: ParameterColumn) -> ParameterColumn:
    return ParameterColumn(tuple(getattr(build(kind, {**first, name: v}), name) for v in column.values), column.which)


def checks_several_together(kind: type[Strategy]) -> bool:
    """Return whether a rule's constructor has checks beyond those of each parameter by itself."""
    made = getattr(kind, "__pydantic_decorators__", None)
    of_many = [getattr(made, f"{what}_validators", {}) for what in ("model", "root", "field")]
    return hasattr(kind, "__post_init__") or any(of_many)


def plain_parameters(combos: Combinations, i: int) -> dict[str, Any]:
    """Return all parameters of one combination, defaults included, ready for JSON."""
    return values(combos.rule(i))
