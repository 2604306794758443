"""What the columns of price files are called, in the languages they are published in, and the layouts they make."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from datasets.csv_rows import bundled_rows
from datasets.errors import UserError
from datasets.prices.reading.timestamps import is_date

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


def writes_decimal_comma(names: Sequence[str]) -> bool | None:
    """Return whether a header's language writes 1.234,5; None where it is English, which is written anywhere."""
    known = {plain_name(n) for n in names if role_of(n)}
    if known - _POINT_NAMES:
        return True
    return False if known - _ASCII_NAMES else None


Lines = Sequence[Sequence[str]]
_FIRST_LINES = 15
_PRICES = ("open", "high", "low")


class Layout(Struct, frozen=True):
    """Where a file's columns are.

    ``columns`` leads from role to place; ``names`` are the header's cells; ``header_lines`` is how many lines the
    header takes. In a layout of returns (in per cent) the close is made by compounding the columns ``returns``.
    """

    name: str
    names: tuple[str, ...]
    columns: Mapping[str, int]
    header_lines: int = 1
    tickers: tuple[str, ...] = ()
    returns: tuple[int, ...] = ()

    @property
    def ticker(self) -> str | None:
        """The name by which the header calls what the file holds."""
        return self.tickers[0] if self.tickers else None

    def decimal_comma(self) -> bool | None:
        """Return whether the header's language writes 1.234,5; None where that is not known."""
        return writes_decimal_comma(self.names)


def yfinance(lines: Lines) -> Layout | None:
    """Three header lines: Price, Ticker, Date."""
    if len(lines) < 3 or min(map(len, lines[:3])) < 2:
        return None
    fields, tickers, index = lines[0], lines[1], lines[2]
    labels = (plain_name(fields[0]), plain_name(tickers[0]), role_of(index[0]))
    if (
        labels[0] not in ("price", "attributes", "")
        or labels[1] not in ("ticker", "symbols", "")
        or labels[2] != "date"
    ):
        return None
    if any(c.strip() for c in index[1:]):
        return None
    found = _by_name((index[0], *fields[1:]), "yfinance, three header lines")
    held = sorted({c.strip() for c in tickers[1:]} - {""})
    return found and replace(found, header_lines=3, tickers=tuple(held))


def fama_french(lines: Lines) -> Layout | None:
    """Returns in per cent: date, Mkt-RF, SMB, HML, RF."""
    names = [plain_name(c).replace("-", " ") for c in lines[0]]
    if not {"date", "mkt rf", "rf"} <= set(names):
        return None
    market, riskless = names.index("mkt rf"), names.index("rf")
    return Layout("Fama-French", tuple(lines[0]), {"date": names.index("date")}, returns=(market, riskless))


def fred(lines: Lines) -> Layout | None:
    """A date and one series under its identifier."""
    if len(lines[0]) != 2:
        return None
    first, series = (c.strip() for c in lines[0])
    if (
        (first.casefold() != "observation_date" and first != "DATE")
        or role_of(series)
        or not re.fullmatch(r"[A-Z][A-Z0-9_]*", series)
    ):
        return None
    return Layout("FRED", (first, series), {"date": 0, "close": 1}, tickers=(series,))


def one_series(lines: Lines) -> Layout | None:
    """A date and one number, whatever its column is called unless the name says that it is no close."""
    if len(lines[0]) != 2 or role_of(lines[0][0]) != "date" or not lines[0][1].strip():
        return None
    name, cells = lines[0][1], next((row for row in lines[1:] if len(row) == 2), ())
    if plain_name(name) != "value" and (role_of(name) or is_left_alone(name) or not any(map(holds_number, cells[1:]))):
        return None
    return Layout("one series", tuple(lines[0]), {"date": 0, "close": 1})


def by_names(lines: Lines) -> Layout | None:
    """Any columns of known names, in any order, with a date and a close; what else is there shows whose file it is.

    Stooq puts its names in angle brackets, Yahoo has an adjusted close, investing.com a column of changes in per cent.
    """
    found, names = _by_name(lines[0], "plain", lines[1] if len(lines) > 1 else ()), lines[0]
    if found and all(re.fullmatch(r"\s*<\w+>\s*", c) for c in names):
        return replace(found, name="Stooq")
    if found and "adjusted_close" in found.columns:
        return replace(found, name="Yahoo")
    return replace(found, name="investing.com") if found and any(map(is_change, names)) else found


LAYOUTS: tuple[Callable[[Lines], Layout | None], ...] = (yfinance, fama_french, fred, one_series, by_names)


def find_layout(lines: Lines) -> tuple[int, Layout] | None:
    """Return the number of title lines above the header, and the layout; None where no line is a header."""
    for above in range(min(len(lines), _FIRST_LINES)):
        if not lines[above]:
            continue
        for recognise in LAYOUTS:
            found = recognise(lines[above:])
            if found:
                return above, found
    return None


def known_columns(cells: Sequence[str]) -> int:
    """Return how many cells of a line are names of columns."""
    return sum(role_of(c) is not None for c in cells)


def check_layout(layout: Layout, where: str) -> None:
    """Raise a UserError for a header in which a column appears twice or is nearly one that is missing."""
    seen: dict[str, str] = {}
    for name in layout.names:
        role = role_of(name)
        if role and role in seen:
            raise UserError(
                f"{where}: columns '{seen[role]}' and '{name}' both mean {role}; keep the one that is meant"
            )
        if role:
            seen[role] = name
    if len(layout.tickers) > 1:
        raise UserError(f"{where}: prices of several instruments ({', '.join(layout.tickers)[:80]}); a file holds one")
    for name in unknown_columns(layout):
        for role in _PRICES:
            names = [n for n, r in _ROLE.items() if r == role]
            if role not in layout.columns and get_close_matches(plain_name(name), names, n=1, cutoff=0.65):
                raise UserError(f"{where}: unknown column '{name}' (did you mean '{role}'?); correct or remove it")


def unknown_columns(layout: Layout) -> list[str]:
    """Return the names of the columns that are not read and not known to hold no price."""
    used = {*layout.columns.values(), *layout.returns}
    if layout.returns:
        return []
    return [n for i, n in enumerate(layout.names) if i not in used and n.strip() and not is_left_alone(n)]


def holds_number(cell: str) -> bool:
    """Return whether a cell is digits with marks between them."""
    return re.fullmatch(r"[-+]?\d[\d.,' ]*", cell.strip()) is not None


def _by_name(names: Sequence[str], layout: str, cells: Sequence[str] = ()) -> Layout | None:
    columns: dict[str, int] = {}
    for n, name in enumerate(names):
        role = role_of(name)
        if role:
            columns.setdefault(role, n)
    if "date" not in columns and columns.get("time") == 0:
        columns["date"] = columns.pop("time")
    place = columns.get("time", len(cells))
    if "date" not in columns and place < len(cells) and is_date(cells[place]) and not is_date(cells[0]):
        columns["date"] = columns.pop("time")  # the first column counts the rows
    if "date" not in columns and names and not names[0].strip():
        columns["date"] = 0  # the unnamed index of a data frame
    if "date" not in columns or "close" not in columns:
        return None
    return Layout(layout, tuple(n.strip() for n in names), columns)
