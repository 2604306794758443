"""A condition on an own column of events, such as ``tariff_rate>=25`` or ``court=supreme``."""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

_FORM = re.compile(r"\s*([A-Za-z_]\w*)\s*(>=|<=|!=|=|>|<)\s*(.+?)\s*")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    "!=": operator.ne,
}


def condition_holds(condition: str, extra: Mapping[str, float | str]) -> bool:
    """Return whether a condition holds of an event's own columns; false where the column is blank or of another sort.

    >>> condition_holds("tariff_rate>=25", {"tariff_rate": 25.0}), condition_holds("court=supreme", {"court": "appeal"})
    (True, False)
    """
    name, sign, text = _parts(condition)
    value = extra.get(name)
    if value is None:
        return False
    given = _number(text) if isinstance(value, float) else text
    return given is not None and _OPERATORS[sign](value, given)


def _condition(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value.strip().casefold() in ("none", "")):
        return None
    return "".join(_parts(str(value)))


def _parts(condition: str) -> tuple[str, str, str]:
    found = _FORM.fullmatch(condition)
    if found is None:
        raise ValueError("write it as NAME>=NUMBER or NAME=WORD")
    name, sign, text = found.groups()
    return name, sign, text


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


OptionalCondition = Annotated[str | None, BeforeValidator(_condition)]
"""A condition on an own column, or none."""
