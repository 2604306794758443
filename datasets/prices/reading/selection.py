"""Which rows and which column of a file are meant, and whether its rows are of one instrument."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from datasets.arrays import Flags, Floats, Sessions
from datasets.errors import UserError, unknown_name
from datasets.prices.reading.layouts import Layout, Lines, find_layout, plain_name, role_of, unknown_columns
from datasets.prices.reading.timestamps import BLANK, is_date

_FIRST_LINES = 15
_SHOWN = 5
_JUMP = np.log(1.5)
_NAMING = frozenset(
    plain_name(n)
    for n in (
        "name",
        "index",
        "index name",
        "instrument",
        "security",
        "stock",
        "asset",
        "isin",
        "ric",
        "sedol",
        "cusip",
    )
) | frozenset(map(plain_name, ("tradingsymbol", "名称", "指数名称", "銘柄名", "銘柄", "指数名", "종목명", "지수명")))
"""Columns that say of what a row is."""


class Selection(Struct, frozen=True):
    """What a user says of a file: of several series the ``column`` that is the close, or ``only`` COLUMN=VALUE.

    ``date_format`` is DMY, MDY, YMD, or a pattern such as %d/%m/%y, where day and month cannot be distinguished;
    ``zone`` the exchange's time zone, where stamps need one.
    """

    column: str | None = None
    only: str | None = None
    date_format: str | None = None
    zone: str | None = None

    def layout_of(self, lines: Lines) -> tuple[int, Layout] | None:
        """Return the number of title lines and the layout, as ``find_layout``, with the close in the named column."""
        if self.column is None:
            return find_layout(lines)
        wanted = self.column.strip().casefold()
        for above, cells in enumerate(lines[:_FIRST_LINES]):
            names = [c.strip() for c in cells]
            place = next((n for n, c in enumerate(names) if c.casefold() == wanted), None)
            date = next((n for n, c in enumerate(names) if role_of(c) == "date"), 0 if names and not names[0] else None)
            if place is not None and date is not None and place != date:
                return above, Layout(f"column {names[place]}", tuple(names), {"date": date, "close": place})
        return None

    def rows(self, names: Sequence[str], columns: Sequence[Sequence[str | None]], where: str) -> Flags | None:
        """Mark the rows that ``only`` chooses, None for all.

        Raises:
            UserError: ``only`` is not COLUMN=VALUE, or there is no such column or no such row.
        """
        if self.only is None:
            return None
        column, equals, value = self.only.partition("=")
        if not equals:
            raise UserError(f"--where '{self.only}' must be COLUMN=VALUE, such as Name=AAA")
        place = next((n for n, c in enumerate(names) if c.strip().casefold() == column.strip().casefold()), None)
        if place is None:
            raise unknown_name(f"column of {where}", column, names)
        chosen = np.array([(c or "").strip() == value.strip() for c in columns[place]], dtype=np.bool_)
        if not chosen.any():
            raise UserError(f"{where}: no row with {column} {value}; the column holds {_some(columns[place])}")
        return chosen


WHOLE = Selection()
"""Nothing said: the file holds one series, and its dates can be read one way only."""


def column_remarks(layout: Layout) -> list[str]:
    """Return remarks on the columns that are left alone, and on the close where its name does not say so."""
    unknown = unknown_columns(layout)
    left = [f"columns left alone: {', '.join(unknown)}"] if unknown else []
    name = layout.names[layout.columns["close"]] if "close" in layout.columns else ""
    is_said = layout.name not in ("one series", f"column {name}") or plain_name(name) in ("value", "close")
    return left if is_said else [*left, f"column '{name}' is read as the close"]


def check_one_instrument(
    layout: Layout, columns: Sequence[Sequence[str | None]], *, session: Sessions, close: Floats, name: str
) -> None:
    """Raise a UserError where a column of words separates the rows into several series.

    It does where its name says of what a row is, where each date has a row for several of its words, or where it
    changes only with a step back in time or a jump of the close.
    """
    used = {*layout.columns.values(), *layout.returns}
    for n, title in enumerate(layout.names):
        if n in used or n >= len(columns) or not title.strip():
            continue
        words = np.array([(c or "").strip() for c in columns[n]], dtype=object)
        if _separates(words, session, close, is_naming=plain_name(title) in _NAMING):
            first = words[0]
            raise UserError(
                f"{name}: column {title.strip()}: {_some(columns[n])}: rows of several instruments, and a series is of "
                f"one; choose it with '--where {title.strip()}={first}'"
            )


def _separates(words: Floats, session: Sessions, close: Floats, *, is_naming: bool) -> bool:
    distinct = set(words)
    if not 2 <= len(distinct) <= max(2, len(words) // 2) or not all(
        any(map(str.isalpha, word)) and not is_date(word.strip(BLANK)) for word in distinct
    ):
        return False
    if is_naming:
        return True
    days = set(session.tolist())
    if len(days) < len(words) and len({*zip(session.tolist(), words, strict=True)}) == len(words):
        return True
    changes = np.flatnonzero(words[1:] != words[:-1])
    if len(changes) + 1 != len(distinct):
        return False
    with np.errstate(all="ignore"):
        moves = np.abs(np.log(close[changes + 1] / close[changes]))
    steps = np.sign(np.diff(session).astype(np.int64))
    return bool((moves > _JUMP).all() or (steps[changes] == -np.sign(steps.sum())).all())


def _some(column: Sequence[str | None]) -> str:
    held = list(dict.fromkeys((c or "").strip() or "(blank)" for c in column))
    return ", ".join(held[:_SHOWN])[:120] + (f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else "")
