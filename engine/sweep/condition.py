"""Conditions on combinations, written as text: ``take_profit > 2 * stop_loss``, ``hold >= 5 or delay == 0``."""

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from datasets.errors import UserError, unknown_name

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


@dataclass(frozen=True)
class Condition:
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
