"""What the columns of price files are called, in the languages in which they are published."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from datasets.csv_rows import bundled_rows

_TABLE = Path(__file__).with_name("column_names.csv")
"""A name a row: its role (blank: known to hold no price) and the decimal mark of the languages that write it."""
_SPACES = re.compile(r"\s+")
_NUMBERING = re.compile(r"\s*\d{1,2}\.\s+(?=\D)")  # Alpha Vantage: "4. close"
_UNIT = re.compile(r"\s*[(（][^()（）\x00-\x7f]+[)）]")  # 收盘价(元): a unit in another script than Latin


@lru_cache(maxsize=1024)
def plain_name(text: str) -> str:
    """Return a column's name without case, accents, width, numbering, units, ornaments and double spaces.

    >>> plain_name(" <Adj_Close**> "), plain_name("Eröffn."), plain_name("ＯＰＥＮ"), plain_name("4. close")
    ('adj close', 'eroffn', 'open', 'close')
    """
    text = _UNIT.sub("", _NUMBERING.sub("", text, count=1))
    parts = unicodedata.normalize("NFKD", text.replace("_", " ").replace(".", " "))
    bare = "".join(c for c in parts if not unicodedata.combining(c))
    return _SPACES.sub(" ", bare).strip(" \ufeff\"'*<>.").casefold()


_ROWS = [(plain_name(r["name"]), r["role"], r["decimal_mark"]) for r in bundled_rows(_TABLE)]
_ROLE = {name: role for name, role, _ in _ROWS if role}
_POINT_NAMES = frozenset(name for name, _, mark in _ROWS if mark == ".")
_ASCII_NAMES = frozenset(n for n in _POINT_NAMES if n.isascii())
_NO_ROLE = frozenset(name for name, role, _ in _ROWS if not role)


def role_of(name: str) -> str | None:
    """Return what a column of this name holds: date, time, open, high, low, close, volume ..., or None.

    >>> role_of("終値"), role_of("Eröffn."), role_of("RSI")
    ('close', 'open', None)
    """
    return _ROLE.get(plain_name(name))


def is_left_alone(name: str) -> bool:
    """Return whether a column is known to hold no price: a change in per cent, open interest."""
    return plain_name(name) in _NO_ROLE


def is_change(name: str) -> bool:
    """Return whether a column holds the change in per cent, as investing.com's files do."""
    return is_left_alone(name) and (
        "%" in name or plain_name(name) in ("change", plain_name("涨跌幅"), plain_name("変化率"))
    )


def names_of(role: str) -> tuple[str, ...]:
    """Return every known name of a role."""
    return tuple(n for n, r in _ROLE.items() if r == role)


def writes_decimal_comma(names: Sequence[str]) -> bool | None:
    """Return whether a header's language writes 1.234,5; None where it is English, which is written anywhere."""
    known = {plain_name(n) for n in names if role_of(n)}
    if known - _POINT_NAMES:
        return True
    return False if known - _ASCII_NAMES else None
