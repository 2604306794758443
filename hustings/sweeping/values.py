"""Reads the values that a sweep tries: ``1:50``, ``0.01:0.05:0.01``, ``none,0.03``, ``all``; lists in files."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_type_hints

from datasets.csv_rows import read_csv
from datasets.errors import UserError
from engine.strategy import AnyMarkets, Country, Kinds, Markets, OptionalCountry, Strategy, Symbol, Symbols
from hustings.execution import Setting
from hustings.strategy_source import choices_of

_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER})(?::({_NUMBER}))?")
_MOST = 1_000_000
_DIGITS = 20
"""Numbers of a range are exact up to so many characters."""
ALL = "all"
"""Every value there is: available instruments, countries with events, words of a choice, true and false."""


def parted(
    kind: type[Strategy], given: dict[str, str], setting: Setting
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the parameters that are fixed, and the values of those that vary, as text.

    Raises:
        UserError: an impossible range, or ``all`` of a parameter whose values cannot be listed.
    """
    fixed, axes = {}, {}
    hints = get_type_hints(kind, include_extras=True)
    for name, text in given.items():
        values = _values(name, text, hints.get(name), setting)
        if len(values) == 1 and text != ALL:
            fixed[name] = values[0]
        else:
            axes[name] = values
    return fixed, axes


def _values(name: str, text: str, hint: Any, setting: Setting) -> list[str]:
    if text == ALL:
        return _all(name, hint, setting)
    if hint in (Symbols, Markets, AnyMarkets, Kinds):  # its own values hold commas
        return [part.strip() for part in text.split(";")]
    return [value for part in text.split(",") for value in _range(name, part.strip())]


def _range(name: str, text: str) -> Iterator[str]:
    match = _RANGE.fullmatch(text)
    if match is None:
        yield text
        return
    if max(map(len, text.split(":"))) > _DIGITS:
        raise UserError(f"-p {name}={text}: write its numbers with at most {_DIGITS} characters")
    first, last, step = (None if t is None else Decimal(t) for t in match.groups())
    if step is None and (first % 1 or last % 1):  # type: ignore[operator]
        raise UserError(f"-p {name}={text}: say how far apart the values are, such as 0.01:0.05:0.01")
    yield from _steps(name, text, first, last, Decimal(1) if step is None else step)  # type: ignore[arg-type]


def _steps(name: str, text: str, first: Decimal, last: Decimal, step: Decimal) -> Iterator[str]:
    if step <= 0 or last < first:
        raise UserError(f"-p {name}={text}: write a range from low to high, such as 1:50 or 10:60:5")
    if last - first >= _MOST * step:
        raise UserError(f"-p {name}={text} has too many values; a parameter may have {_MOST:,}")
    n = int((last - first) / step) + 1
    yield from (str(first + k * step) for k in range(n))


def _all(name: str, hint: Any, setting: Setting) -> list[str]:
    """Return every value of a parameter whose values can be listed."""
    if hint == Symbol:
        known = setting.market.instruments
        return [s for s in sorted(setting.market.source.symbols()) if known.find(s).tradable]
    if hint in (Country, OptionalCountry):
        return sorted({e.country for e in setting.events})
    choices = [value for value in choices_of(hint) if value != "none"]
    if not choices:
        raise UserError(f"-p {name}=all: its values cannot be listed; name them, such as {name}=1:10 or {name}=a,b")
    return choices


def listed_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file whose first line names parameters: one combination per line.

    Raises:
        UserError: it cannot be read, has no rows, or a row of another length.
    """
    rows = [row.cells for row in read_csv(path).rows]
    if not rows:
        raise UserError(f"--list '{path}' has no combinations: name parameters in its first line, values below")
    return rows
