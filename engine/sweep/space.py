"""Some of the combinations of a product: those that meet conditions written as text, a random draw, or a list."""

import ast
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from datasets.errors import UserError, unknown_name
from engine.strategy import Strategy
from engine.strategy.placeholders import Places, Space, grid_space

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_MAX_LENGTH = 1_000
"""In characters: a longer text could nest deeper than Python parses."""
_CONSTANTS = {"none": None, "None": None, "true": True, "True": True, "false": False, "False": False}


class Condition(Struct, frozen=True):
    """A condition as written, its syntax tree, and the parameters it names."""

    text: str
    tree: ast.expr
    names: frozenset[str]

    def holds(self, given: Mapping[str, Any]) -> bool:
        """Return whether it holds for parameters; an order comparison with none, or of a sum with none, is false.

        Raises:
            UserError: its parts cannot be compared or computed.
        """
        try:
            return bool(_value(self.tree, given))
        except ZeroDivisionError:
            return False
        except (TypeError, ValueError, ArithmeticError) as e:
            raise UserError(f"--where '{self.text}' cannot be computed: {e}") from e


def condition_of(text: str, known: Mapping[str, Any], *, settable: Collection[str] = ()) -> Condition:
    """Return the condition that a text states on the known parameters; ``settable`` are those that could be given too.

    It may compare, compute with + - * / %, and join with and, or, not; words are quoted.

    Raises:
        UserError: it cannot be parsed, contains anything else, or names a parameter that does not exist.
    """
    if len(text) > _MAX_LENGTH:
        raise UserError(f"--where has {len(text):,} characters; at most {_MAX_LENGTH:,} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        raise UserError(f"--where '{text}' cannot be read; write it like 'take_profit > 2 * stop_loss'") from e
    names = frozenset(n for n in _names(tree, text) if n not in _CONSTANTS)
    for name in names:
        if name in settable and name not in known:
            raise UserError(f"--where names '{name}', of which this sweep gives no value: give one with -p {name}=...")
        if name not in known:
            hint = f"this sweep has {', '.join(known) or 'none'}; words need quotes"
            raise unknown_name("parameter in --where", name, known, hint=hint)
    return Condition(text.strip(), tree, names)


def _names(node: ast.AST, text: str) -> set[str]:
    """Return the names in a tree that contains nothing but what a condition may contain."""
    match node:
        case ast.Name():
            return {node.id}
        case ast.Constant(value=int() | float() | str()):
            return set()
        case ast.Compare() if all(type(o) in _COMPARISONS for o in node.ops):
            inner = [node.left, *node.comparators]
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            inner = [node.left, node.right]
        case ast.BoolOp():
            inner = [*node.values]
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            inner = [node.operand]
        case _:
            raise UserError(f"--where '{text}' may compare, compute with + - * / % and join with and, or, not")
    return {name for part in inner for name in _names(part, text)}


def _value(node: ast.expr, given: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name():
            value = _CONSTANTS[node.id] if node.id in _CONSTANTS else given[node.id]
            return value.value if isinstance(value, Enum) else value
        case ast.Constant():
            return node.value
        case ast.BoolOp(op=ast.And()):
            return all(_value(v, given) for v in node.values)
        case ast.BoolOp():
            return any(_value(v, given) for v in node.values)
        case ast.UnaryOp(op=ast.Not()):
            return not _value(node.operand, given)
        case ast.UnaryOp():
            return _computed(operator.sub, 0, _value(node.operand, given))
        case ast.BinOp():
            return _computed(_ARITHMETIC[type(node.op)], _value(node.left, given), _value(node.right, given))
        case ast.Compare():
            values = [_value(part, given) for part in (node.left, *node.comparators)]
            return all(_compared(type(o), a, b) for o, a, b in zip(node.ops, values, values[1:], strict=False))
    raise TypeError(f"a condition cannot contain {type(node).__name__}")


def _computed(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    if isinstance(left, str) or isinstance(right, str):
        raise TypeError("words take no + - * / %")
    return operation(left, right)


def _compared(sign: type[ast.cmpop], left: Any, right: Any) -> bool:
    is_order = sign in (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
    return not (is_order and (left is None or right is None)) and bool(_COMPARISONS[sign](left, right))


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
