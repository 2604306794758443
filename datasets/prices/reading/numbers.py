"""Numbers as price files write them: decimal marks, thousands, 940.97M, and the words for an empty cell."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct, field

from datasets.arrays import Floats
from datasets.prices.reading.timestamps import BLANK

EMPTY_WORDS = frozenset(
    {"null", "nan", "n/a", "#n/a", "na", "none", "<na>", "nd", "n.a.", "-", "--", "—", "–", "."}  # nd: FRED's H.10
)
"""Cells that say there is no value: each is an empty cell, counted in a remark. "inf" is none of them."""
_NAN = float("nan")
_PLAIN = b"0123456789.-\n"
_GROUPS = {".": ",'’ \u00a0\u202f", ",": ".'’ \u00a0\u202f"}
_POWERS = {"": 0, "k": 3, "m": 6, "b": 9, "t": 12, "万": 4, "萬": 4, "亿": 8, "億": 8}
_UNGROUP = {mark: str.maketrans(mark, ".", groups) for mark, groups in _GROUPS.items()}
_NUMBER = {
    mark: re.compile(
        rf"([+-]?(?:\d+|\d{{1,3}}([{groups}])\d{{3}}(?:\2\d{{3}})*)?)([{mark}]\d+)?([eE][+-]\d{{1,3}})?([kmbtKMBT万萬亿億]?)",
        re.ASCII,
    )
    for mark, groups in _GROUPS.items()
}
_LOOSE = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")


class NumberColumn(Struct, frozen=True, eq=False):
    """The numbers of a column, NaN where a cell is empty or unreadable; the unreadable rows; words taken as empty."""

    values: Floats
    bad: tuple[int, ...] = ()
    words: Counter[str] = field(default_factory=Counter)


def decimal_mark(columns: Iterable[Sequence[str]], *, decimal_comma: bool | None, delimiter: str) -> str | None:
    """Return the decimal mark of a file, "." or ",", decided over all its cells; None where both readings are possible.

    A cell such as 1,234.5 or 1.25 decides; the majority of such cells wins. 1.234 and 1,234 alone decide nothing: then
    the header's language does, and an English header in a comma-delimited file writes a point.
    """
    votes: Counter[str] = Counter()
    cells = [c for column in columns for c in column]
    if decimal_comma or delimiter != "," or "," in "\n".join(cells):
        votes.update(map(_vote, cells))
    if votes["."] != votes[","]:
        return "." if votes["."] > votes[","] else ","
    if votes["."] or (votes["?"] and decimal_comma is None and delimiter != ","):
        return None
    return "," if decimal_comma and votes["?"] else "."


def read_numbers(texts: Sequence[str], mark: str, *, may_be_short: bool = False) -> NumberColumn:
    """Return the numbers of a column's cells, each the double nearest to its decimal.

    Args:
        texts: the cells.
        mark: the decimal mark.
        may_be_short: whether 940.97M and 1.57B are numbers, as in a column of volumes.
    """
    quick = _read_plain(texts) if mark == "." else None
    return NumberColumn(quick) if quick is not None else _read_any(texts, mark, may_be_short=may_be_short)


def _read_plain(texts: Sequence[str]) -> Floats | None:
    """Return the numbers where every cell is empty or digits, a point and a sign; else None."""
    joined = "\n".join(texts) + "\n"
    if (
        not joined.isascii()
        or joined.encode().translate(None, _PLAIN)
        or ".\n" in joined
        or joined.count("\n") != len(texts)
    ):
        return None
    try:
        return np.array([float(t) if t else _NAN for t in texts])
    except ValueError:
        return None


def _read_any(texts: Sequence[str], mark: str, *, may_be_short: bool) -> NumberColumn:
    values = np.full(len(texts), _NAN)
    bad: list[int] = []
    loose: list[int] = []
    words: Counter[str] = Counter()
    has_decimals = False
    for row, text in enumerate(texts):
        text = text.strip(BLANK)
        if not text:
            continue
        if text.casefold() in EMPTY_WORDS:
            words[text] += 1
            continue
        found = _NUMBER[mark].fullmatch(text)
        if not found or not (found[1].strip("+-") or found[3]) or (found[5] and not may_be_short):
            bad.append(row)
            continue
        values[row] = _value(found, mark)
        if found[2] in (".", ",") and _LOOSE.fullmatch(text):
            loose.append(row)
        has_decimals |= found[3] is not None and not found[5]
    odd = _out_of_line(values, loose) if has_decimals and loose else []
    values[odd] = _NAN
    return NumberColumn(values, tuple(sorted({*bad, *odd})), words)


def _value(found: re.Match[str], mark: str) -> float:
    digits = (found[1] + (found[3] or "")).translate(_UNGROUP[mark])
    power = int((found[4] or "e0")[1:]) + _POWERS[found[5].casefold()]
    return float(f"{digits}e{power}" if power else digits)


def _out_of_line(values: Floats, loose: list[int]) -> list[int]:
    """Return the rows such as 1,234 whose reading as 1234 does not lie among the column's other values, or 1.234 does.

    In a column of decimals such a cell may be a decimal whose mark was damaged.
    """
    firm = np.delete(values, loose)
    firm = firm[firm > 0]
    if not len(firm):
        return loose
    low, high = firm.min() / 2, firm.max() * 2
    return [r for r in loose if not (low <= values[r] <= high) or low <= values[r] / 1000 <= high]


def _vote(text: str) -> str:
    """Return the decimal mark that a cell proves, "?" where it may be either, "" where it has none."""
    text = text.strip(BLANK + "kmbtKMBT万萬亿億+-")
    points, commas = text.count("."), text.count(",")
    if not points and not commas:
        return ""
    if points and commas:
        last = max(".,", key=text.rfind)
        return last if text.count(last) == 1 else ""
    used = "." if points else ","
    if points + commas > 1:
        return "," if points else "."
    return "?" if _LOOSE.fullmatch(text) else used
