"""Some of the combinations of a product: those that meet conditions, a random draw, or a list."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.errors import UserError
from engine.strategy import Strategy
from engine.strategy.combinations import Places, Space, grid_space
from engine.sweep.condition import Condition

_ENUMERABLE = 5_000_000
"""A product up to this size is enumerated; from a larger one combinations are drawn first and checked after."""
_ROUNDS = 200


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
    which = space.indices(places)
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
    return np.array([condition.holds(g) for g in given], dtype=bool)[back.ravel()]
