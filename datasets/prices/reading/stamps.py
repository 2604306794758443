"""One cell of a column of dates, taken apart: its parts as written, its time of day, its zone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from datasets.instants import NS_PER_DAY

SECOND_NS = 1_000_000_000
BLANK = " \t"
"""What may surround a cell. No other space: a damaged digit can become a no-break space of Windows-1252."""
FULL_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_MONTHS = {name: n for n, full in enumerate(FULL_MONTHS, 1) for name in (full, full[:3])} | {"sept": 9}

_TIMED = re.compile(
    r"(.*?\S)(?:T|,?\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?"  # date, hour, minute, second
    r"\s*([AaPp]\.?[Mm]\.?)?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])\s?(\d{1,2})\2\s?(\d{1,2})\.?|(\d{4})年(\d{1,2})月(\d{1,2})日", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_NUMERIC = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})", re.ASCII)
_MONTH_FIRST = re.compile(r"(?:[A-Za-z]{3,9},? )?([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})", re.ASCII)
_DAY_FIRST = re.compile(r"(?:[A-Za-z]{3,9},? )?(\d{1,2})[- ]([A-Za-z]{3,9})\.?[- ,]+(\d{4}|\d{2})", re.ASCII)
_ERA = re.compile(
    r"(明治|大正|昭和|平成|令和|民國|民国|[MTSHR])?(\d{1,3}|元)(?:年(\d{1,2})月(\d{1,2})日|([-/.])(\d{1,2})\5(\d{1,2}))",
    re.ASCII,
)
_YEAR_ZERO = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018, "民國": 1911, "民国": 1911}
_YEAR_ZERO |= {"M": 1867, "T": 1911, "S": 1925, "H": 1988, "R": 2018}
_INTEGER = re.compile(r"(-?\d{1,13})(?:\.0+)?", re.ASCII)
_LEAST_STEP, _LONGEST_STEP, _LAST_MS = 1_800, 40_000_000, 7_258_118_400_000
"""Between two epochs lie half an hour to a year in seconds; more is milliseconds. The last is of the year 2200."""
_FIRST_DAY, _LAST_DAY = -135_140, 84_005
_EPOCH = re.compile(r"(\d{9,10}|\d{12,13})(?:\.0+)?", re.ASCII)


@dataclass(frozen=True)
class Stamp:
    """A cell taken apart: ``parts`` as written, ``form`` for their order, ``pads`` for month and day as text."""

    form: str
    parts: tuple[int, int, int] = (0, 0, 0)
    pads: tuple[str, str] = ("", "")
    time_ns: int | None = None
    offset_minutes: int | None = None


def is_date(text: str) -> bool:
    """Return whether a cell has the form of a date or stamp, in any order of day and month."""
    return stamp_of(text.strip(BLANK)) is not None


def clock_text(text: str) -> str:
    """Return 153000 and 1530 as 15:30:00 and 15:30."""
    if re.fullmatch(r"\d{6}|\d{4}", text, re.ASCII):
        return ":".join(text[n : n + 2] for n in range(0, len(text), 2))
    return text


def stamp_of(text: str) -> Stamp | None:
    """Return a cell taken apart, None where it is no date in any form."""
    plain = _date_parts(text)
    if plain:
        return plain
    found = _TIMED.fullmatch(text)
    if not found:
        count = _EPOCH.fullmatch(text)
        return _counted(int(count[1]), 1_000_000 if len(count[1]) > 10 else SECOND_NS) if count else None
    day = _date_parts(found[1])
    time_ns = _time_ns(found)
    if day is None or time_ns is None:
        return None
    return Stamp(day.form, day.parts, day.pads, time_ns, _offset_minutes(found[7]))


def _date_parts(text: str) -> Stamp | None:
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = (found[1], found[3], found[4]) if found[1] else (found[5], found[6], found[7])
        return Stamp("ymd", (int(year), int(month), int(day)), (month, day))
    if found := _COMPACT.fullmatch(text):
        return Stamp("ymd", (int(found[1]), int(found[2]), int(found[3])))
    if found := _NUMERIC.fullmatch(text):
        form = "dotted" if found[2] == "." else "numeric"
        form += " short" if len(found[4]) == 2 else ""
        return Stamp(form, (int(found[1]), int(found[3]), int(found[4])), (found[1], found[3]))
    if found := _MONTH_FIRST.fullmatch(text):
        return _named(found[3], found[1], found[2])
    if found := _DAY_FIRST.fullmatch(text):
        return _named(found[3], found[2], found[1])
    return _era(text)


def _era(text: str) -> Stamp | None:
    """Return a date of a Japanese era or of the Republic of China; without an era only a year of three digits is one.

    Its form is its own: it is believed only where most of the column is so written, as a digit of 2024 may be lost.
    """
    found = _ERA.fullmatch(text)
    if not found or (not found[1] and len(found[2]) != 3):
        return None
    year = (1 if found[2] == "元" else int(found[2])) + _YEAR_ZERO[found[1] or "民國"]
    month, day = found[3] or found[6], found[4] or found[7]
    return Stamp("era", (year, int(month), int(day)), (month, day))


def _named(year: str, month: str, day: str) -> Stamp | None:
    number = _MONTHS.get(month.casefold())
    if number is None:
        return None
    century = 0 if len(year) == 4 else 2000 if int(year) < 69 else 1900
    return Stamp("ymd", (century + int(year), number, int(day)))


def epochs_of(texts: Sequence[str]) -> list[Stamp | None] | None:
    """Return a column of integers as seconds or milliseconds since 1970, before or after; None where it is none.

    Single cells are too short to be known: 811800 is one only among others that are hours or more apart.
    """
    cells = [_INTEGER.fullmatch(t.strip(BLANK)) for t in texts]
    if len(cells) < 2 or not all(cells):
        return None
    counts = [int(c[1]) for c in cells if c]
    steps = sorted(abs(b - a) for a, b in pairwise(counts))
    step = steps[len(steps) // 2]
    if step < _LEAST_STEP or max(map(abs, counts)) > _LAST_MS:
        return None
    return [_counted(n, 1_000_000 if step > _LONGEST_STEP else SECOND_NS) for n in counts]


def _counted(count: int, unit_ns: int) -> Stamp | None:
    day, time_ns = divmod(count * unit_ns, NS_PER_DAY)
    if not _FIRST_DAY <= day <= _LAST_DAY:
        return None
    at = date(1970, 1, 1) + timedelta(days=day)
    return Stamp("epoch", (at.year, at.month, at.day), time_ns=time_ns, offset_minutes=0)


def stamp_by_pattern(text: str, pattern: str) -> Stamp | None:
    """Return a cell taken apart by a pattern such as %d/%m/%y, None where it does not fit."""
    try:
        at = datetime.strptime(text, pattern)
    except ValueError:
        return None
    has_time = any(code in pattern for code in ("%H", "%I", "%X", "%c", "%T"))
    seconds = at.hour * 3600 + at.minute * 60 + at.second
    offset = at.utcoffset()
    return Stamp(
        "ymd",
        (at.year, at.month, at.day),
        time_ns=seconds * SECOND_NS + at.microsecond * 1000 if has_time else None,
        offset_minutes=None if offset is None else int(offset.total_seconds()) // 60,
    )


def _time_ns(found: re.Match[str]) -> int | None:
    hour, minute, second = int(found[2]), int(found[3]), int(found[4] or 0)
    if found[6]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[6][0] in "pP" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    return (hour * 3600 + minute * 60 + second) * SECOND_NS + int((found[5] or "").ljust(9, "0"))


def _offset_minutes(text: str | None) -> int | None:
    if text is None:
        return None
    if text in ("Z", "UTC", "GMT"):
        return 0
    minutes = int(text[1:3]) * 60 + int(text[3:].lstrip(":") or 0)
    return -minutes if text[0] == "-" else minutes
