"""The cells of a column of dates: parts, time of day and zone; nothing for daily rows, instants for intraday ones."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from datasets.arrays import Instants, Sessions
from datasets.errors import UserError
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


class Stamp(Struct, frozen=True):
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


_NAT = np.datetime64("NaT", "D")
_ZONES = ("Europe/London", "America/New_York", "Asia/Tokyo")
_INTRADAY = 1.5
"""So many different instants a date, and the rows are intraday."""


class Dates(Struct, frozen=True, eq=False):
    """A column of dates: sessions (NaT where unreadable), instants of intraday rows, and remarks on them."""

    session: Sessions
    at: Instants | None = None
    utc_offset_hours: float | None = None
    remarks: tuple[str, ...] = ()


class Stamped(Struct, frozen=True, eq=False, dict=True):
    """A column of stamps: its cells, these taken apart, the date in each (NaT where there is none), the zone given."""

    texts: Sequence[str]
    stamps: Sequence[Stamp | None]
    session: Sessions
    where: Callable[[int], str]
    zone: str | None

    @cached_property
    def good(self) -> NDArray[np.bool_]:
        """The rows that have a date."""
        return ~np.isnat(self.session)

    @cached_property
    def times(self) -> NDArray[np.int64]:
        """Nanoseconds after midnight, -1 where the cell has no time."""
        return np.array([-1 if s is None or s.time_ns is None else s.time_ns for s in self.stamps], dtype=np.int64)

    @cached_property
    def offsets(self) -> list[int | None]:
        """Minutes ahead of UTC, None where the cell has no zone."""
        return [s.offset_minutes if s else None for s in self.stamps]

    @cached_property
    def is_epoch(self) -> bool:
        """Whether the stamps count from 1970."""
        return any(s is not None and s.form == "epoch" for s, g in zip(self.stamps, self.good, strict=True) if g)

    def local(self) -> Instants:
        """Return the instants as if every stamp were in UTC; 1970 where there is no date."""
        return np.where(self.good, self.session, np.datetime64(0, "D")).astype("datetime64[ns]").astype(
            np.int64
        ) + np.where(self.times < 0, 0, self.times)

    def needed_zone(self) -> str:
        """Return the zone that was given.

        Raises:
            UserError: none was; with the first row that shows why one is needed.
        """
        if self.zone is not None:
            return self.zone
        row = int(np.flatnonzero(self.good & (self.times >= 0))[0])
        raise UserError(
            f"{self.where(row)}: '{self.texts[row]}' is a time without the exchange's zone; "
            f"say which, such as --zone {self._likely_zone()}"
        )

    def _likely_zone(self) -> str:
        """Return a zone, and why: the first in which the stamps are weekdays where they are not so everywhere.

        A day of currencies begins at 17:00 in New York: its stamps are Sundays there, and Mondays farther east.
        """
        if any(o is None for o, g in zip(self.offsets, self.good, strict=True) if g):
            return _ZONES[0]
        at = [_local_dates(self, zone)[self.good].astype(np.int64) for zone in _ZONES]
        weekends = dict(zip(_ZONES, (int(((days + 3) % 7 >= 5).sum()) for days in at), strict=True))
        fits = [zone for zone, n in weekends.items() if not n]
        other = next((zone for zone, n in weekends.items() if n), None)
        if not fits or other is None:
            return _ZONES[0]
        return f"{fits[0]} (there all rows are weekdays; in {other} {weekends[other]} are not)"


def dates_of(column: Stamped, remarks: tuple[str, ...]) -> Dates:
    """Return the dates of a column, with instants where its rows are intraday.

    Raises:
        UserError: a zone is needed and was not given.
    """
    if (column.times[column.good] < 0).all():
        return Dates(column.session, remarks=remarks)
    column = _of_one_kind(column)
    zones = _zones(column)
    if zones:
        whose = "its dates" if column.zone is None else f"dates of {column.zone}"
        offsets = (f"{'-' if z < 0 else '+'}{abs(z) // 60:02d}:{abs(z) % 60:02d}" for z in sorted(zones))
        remarks = (*remarks, f"stamps carry the zone {', '.join(offsets)}; sessions are {whose}")
    instants, days = np.unique(column.local()[column.good]), np.unique(column.session[column.good])
    dates = _intraday(column) if len(instants) > _INTRADAY * len(days) else _daily(column)
    is_date = set(zones) == {0} and dates.at is None  # midnights in UTC are dates written long
    hours = zones.most_common(1)[0][0] / 60 if zones and column.zone is None and not is_date else None
    return replace(dates, utc_offset_hours=hours, remarks=(*remarks, *dates.remarks))


def _of_one_kind(column: Stamped) -> Stamped:
    """Return the column without the dates of stamps that have a zone where most have none, or the other way round."""
    aware = np.array([o is not None for o in column.offsets])
    mostly = bool(aware[column.good].mean() > 0.5)
    return replace(column, session=np.where(aware == mostly, column.session, _NAT))


def _zones(column: Stamped) -> Counter[int]:
    """Return how often the stamps carry which zone; none where they count from 1970."""
    if column.is_epoch:
        return Counter()
    return Counter(o for o, g in zip(column.offsets, column.good, strict=True) if g and o is not None)


def _daily(column: Stamped) -> Dates:
    """Return the date of each stamp; one in UTC that is no midnight is a date only in the exchange's zone."""
    good = column.good
    if not (column.times[good] > 0).any():
        return Dates(column.session)
    offsets = {o for o, g in zip(column.offsets, good, strict=True) if g}
    if offsets == {0} or (column.zone is not None and None not in offsets):
        return Dates(_local_dates(column, column.needed_zone()))
    return Dates(column.session, remarks=("one row a date: the times of day are left alone",))


def _intraday(column: Stamped) -> Dates:
    column = replace(column, session=np.where(column.times >= 0, column.session, _NAT))
    offsets = column.offsets
    if all(o is None for o, g in zip(offsets, column.good, strict=True) if g):
        zone = column.needed_zone()
        at, exists = _to_utc(column.local(), zone)
        return Dates(np.where(exists, column.session, _NAT), at, remarks=(f"stamps are read as times of {zone}",))
    at = _in_utc(column)
    if column.zone is None and not column.is_epoch:
        return Dates(column.session, at)
    return Dates(_local_dates(column, column.needed_zone()), at)


def _in_utc(column: Stamped) -> Instants:
    return column.local() - np.array([o or 0 for o in column.offsets], dtype=np.int64) * 60 * SECOND_NS


def _to_utc(local: Instants, zone: str) -> tuple[Instants, NDArray[np.bool_]]:
    """Return the instants of local times, and which of them exist once (not so an hour at each change of clocks)."""
    from pandas import DatetimeIndex  # noqa: PLC0415 - only for intraday stamps

    index: Any = DatetimeIndex(local.astype("datetime64[ns]"))
    found = index.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    exists: NDArray[np.bool_] = ~found.isna()
    return np.asarray(found.tz_convert("UTC").tz_localize(None).as_unit("ns").asi8, dtype=np.int64), exists


def _local_dates(column: Stamped, zone: str) -> Sessions:
    """Return the dates of the stamps' instants in a zone."""
    from pandas import DatetimeIndex  # noqa: PLC0415 - only for stamps in another zone

    index: Any = DatetimeIndex(_in_utc(column).astype("datetime64[ns]"), tz="UTC")
    local = index.tz_convert(zone).tz_localize(None)
    return np.where(column.good, local.to_numpy().astype("datetime64[D]"), _NAT)
