"""Dates and instants as price files write them, decided over the whole column rather than cell by cell."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.errors import UserError
from datasets.instants import NS_PER_DAY, Instants, Sessions

_DAY_NS = 1_000_000_000
_NAT = np.datetime64("NaT", "D")
_FULL_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_MONTHS = {name: n for n, full in enumerate(_FULL_MONTHS, 1) for name in (full, full[:3])} | {"sept": 9}
ORDERS = ("DMY", "MDY", "YMD")
_EARLIEST, _LATEST = 1600, 2200

_TIMED = re.compile(
    r"(.*?\S)(?:T|,?\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*([AaPp]\.?[Mm]\.?)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])\s?(\d{1,2})\2\s?(\d{1,2})\.?|(\d{4})年(\d{1,2})月(\d{1,2})日", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_NUMERIC = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})", re.ASCII)
_MONTH_FIRST = re.compile(r"(?:[A-Za-z]{3,9},? )?([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})", re.ASCII)
_DAY_FIRST = re.compile(r"(?:[A-Za-z]{3,9},? )?(\d{1,2})[- ]([A-Za-z]{3,9})\.?[- ,]+(\d{4}|\d{2})", re.ASCII)
_EPOCH = re.compile(r"(\d{9,10}|\d{12,13})(?:\.0+)?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Dates:
    """A column of dates: sessions (NaT where unreadable), instants of intraday rows, and what is to be said of them."""

    session: Sessions
    at: Instants | None = None
    utc_offset_hours: float | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Stamp:
    """A cell taken apart. ``parts`` stand as written; ``form`` says in which order."""

    form: str
    parts: tuple[int, int, int] = (0, 0, 0)
    pads: tuple[str, str] = ("", "")
    time_ns: int | None = None
    offset_minutes: int | None = None


def read_dates(
    texts: Sequence[str],
    times: Sequence[str] | None = None,
    *,
    where: Callable[[int], str],
    date_format: str | None = None,
    zone: str | None = None,
) -> Dates:
    """Return the dates of a column.

    Args:
        texts: its cells, such as 2026-02-09, 20260209, 9.2.2026, "Feb 9, 2026", 2021-05-28 09:00:00+09:00, 1622160000.
        times: the cells of a column of times beside it.
        where: names the place of a row.
        date_format: DMY, MDY or YMD for dates such as 03/04/2026, or a pattern such as %d/%m/%y.
        zone: the time zone of stamps that carry none; and that of the sessions, for stamps in UTC.

    Raises:
        UserError: both orders of day and month are possible, a zone is needed, or no row holds a date.
    """
    _check_arguments(date_format, zone)
    quick = _iso(texts) if times is None or (len(set(times)) == 1 and not zone) else None
    if quick is not None:
        return Dates(quick)
    if times is not None:
        texts = [f"{d.strip()} {_clock(t.strip())}" for d, t in zip(texts, times, strict=True)]
    stamps = [_told(t.strip(), date_format) if date_format and "%" in date_format else _stamp(t.strip()) for t in texts]
    session, remarks = _calendar_dates(texts, stamps, where=where, order=(date_format or "").upper())
    _check_readable(texts, session, where)
    return _timed(texts, stamps, session, where=where, zone=zone, remarks=remarks)


def is_date(text: str) -> bool:
    """Return whether a cell has the form of a date or stamp, in any order of day and month."""
    return _stamp(text.strip()) is not None


def _check_arguments(date_format: str | None, zone: str | None) -> None:
    if date_format is not None and "%" not in date_format and date_format.upper() not in ORDERS:
        raise UserError(f"date format '{date_format}' is unknown; give DMY, MDY, YMD or a pattern such as %d/%m/%Y")
    if zone is None:
        return
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only where one is named

    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as e:
        raise UserError(f"time zone '{zone}' is unknown; give one such as Europe/London or UTC") from e


def _iso(texts: Sequence[str]) -> Sessions | None:
    """Return the dates where every cell is like 2026-02-09, else None."""
    joined = "".join(texts)
    if not texts or len(joined) != 10 * len(texts) or not joined.isascii() or set(map(len, texts)) != {10}:
        return None
    letters = np.frombuffer(joined.encode(), dtype=np.uint8).reshape(-1, 10)
    dashes = letters == ord("-")
    digits = (letters >= ord("0")) & (letters <= ord("9"))
    if not (dashes[:, [4, 7]].all() and digits[:, [0, 1, 2, 3, 5, 6, 8, 9]].all()):
        return None
    try:
        found = np.array(texts, dtype="datetime64[D]")
    except ValueError:
        return None
    inside = (found >= np.datetime64(f"{_EARLIEST}-01-01")) & (found < np.datetime64(f"{_LATEST}-01-01"))
    return found if inside.all() else None


def _clock(text: str) -> str:
    """Return 153000 and 1530 as 15:30:00 and 15:30."""
    if re.fullmatch(r"\d{6}|\d{4}", text, re.ASCII):
        return ":".join(text[n : n + 2] for n in range(0, len(text), 2))
    return text


def _stamp(text: str) -> _Stamp | None:
    plain = _date_parts(text)
    if plain:
        return plain
    found = _TIMED.fullmatch(text)
    if not found:
        return _epoch(text)
    day = _date_parts(found[1])
    time_ns = _time_ns(found)
    if day is None or time_ns is None:
        return None
    return _Stamp(day.form, day.parts, day.pads, time_ns, _offset_minutes(found[7]))


def _date_parts(text: str) -> _Stamp | None:
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = (found[1], found[3], found[4]) if found[1] else (found[5], found[6], found[7])
        return _Stamp("ymd", (int(year), int(month), int(day)), (month, day))
    if found := _COMPACT.fullmatch(text):
        return _Stamp("ymd", (int(found[1]), int(found[2]), int(found[3])))
    if found := _NUMERIC.fullmatch(text):
        form = "dotted" if found[2] == "." else "numeric"
        form += " short" if len(found[4]) == 2 else ""
        return _Stamp(form, (int(found[1]), int(found[3]), int(found[4])), (found[1], found[3]))
    if found := _MONTH_FIRST.fullmatch(text):
        return _named(found[3], found[1], found[2])
    if found := _DAY_FIRST.fullmatch(text):
        return _named(found[3], found[2], found[1])
    return None


def _named(year: str, month: str, day: str) -> _Stamp | None:
    number = _MONTHS.get(month.casefold())
    if number is None:
        return None
    return _Stamp("ymd", (_full_year(int(year)) if len(year) == 2 else int(year), number, int(day)))


def _epoch(text: str) -> _Stamp | None:
    found = _EPOCH.fullmatch(text)
    if not found:
        return None
    ns = int(found[1]) * (1_000_000 if len(found[1]) > 10 else 1_000_000_000)
    day = date(1970, 1, 1) + timedelta(days=ns // NS_PER_DAY)
    return _Stamp("epoch", (day.year, day.month, day.day), time_ns=ns % NS_PER_DAY, offset_minutes=0)


def _told(text: str, pattern: str) -> _Stamp | None:
    try:
        at = datetime.strptime(text, pattern)
    except ValueError:
        return None
    has_time = any(code in pattern for code in ("%H", "%I", "%X", "%c", "%T"))
    seconds = at.hour * 3600 + at.minute * 60 + at.second
    offset = at.utcoffset()
    return _Stamp(
        "ymd",
        (at.year, at.month, at.day),
        time_ns=seconds * _DAY_NS + at.microsecond * 1000 if has_time else None,
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
    return (hour * 3600 + minute * 60 + second) * _DAY_NS + int((found[5] or "").ljust(9, "0"))


def _offset_minutes(text: str | None) -> int | None:
    if text is None:
        return None
    if text in ("Z", "UTC", "GMT"):
        return 0
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return -minutes if text[0] == "-" else minutes


def _full_year(year: int) -> int:
    return year + (2000 if year < 69 else 1900)


def _calendar_dates(
    texts: Sequence[str], stamps: Sequence[_Stamp | None], *, where: Callable[[int], str], order: str
) -> tuple[Sessions, tuple[str, ...]]:
    """Return the date in each stamp, NaT where there is none, and remarks on how they were read."""
    forms = Counter(s.form for s in stamps if s)
    main = forms.most_common(1)[0][0] if forms else "ymd"
    remarks: tuple[str, ...] = ()
    session = np.full(len(stamps), _NAT)
    for form in {"ymd", main}:
        rows = [n for n, s in enumerate(stamps) if s and s.form == form]
        parts = [s.parts for s in stamps if s and s.form == form]
        if form in ("ymd", "epoch") or not rows:
            session[rows] = _days(parts, "YMD")
            continue
        chosen = _order(form, parts, order, where=lambda n, r=rows: (where(r[n]), texts[r[n]]))  # type: ignore[misc]
        session[rows] = _days(parts, chosen, short=form.endswith("short"))
        remarks = (_order_remark(chosen, short=form.endswith("short")),)
    for n in _odd_padding(stamps):
        session[n] = _NAT
    return session, remarks


def _order_remark(order: str, *, short: bool) -> str:
    said = {"DMY": "day, month, year", "MDY": "month, day, year", "YMD": "year, month, day"}[order]
    return f"dates are read as {said}" + ("; years 69 to 99 as 1969 to 1999" if short else "")


def _odd_padding(stamps: Sequence[_Stamp | None]) -> list[int]:
    """Return the rows that write a month or day unlike the others: 2026-2-9 among 2026-02-09, where a digit is lost."""
    odd: list[int] = []
    for place in (0, 1):
        padded = [n for n, s in enumerate(stamps) if s and len(s.pads[place]) == 2 and s.pads[place][0] == "0"]
        single = [n for n, s in enumerate(stamps) if s and len(s.pads[place]) == 1]
        if padded and single:
            odd += single if len(single) <= len(padded) else padded
    return odd


def _days(parts: Sequence[tuple[int, int, int]], order: str, *, short: bool = False) -> Sessions:
    """Return the dates of parts written in an order, NaT where there is no such date."""
    if not parts:
        return np.empty(0, dtype="datetime64[D]")
    array = np.array(parts, dtype=np.int64)
    year, month, day = (array[:, order.index(letter)] for letter in "YMD")
    if short:
        year = year + np.where(year < 69, 2000, 1900)
    may_be = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (year >= _EARLIEST) & (year < _LATEST)
    months = np.where(may_be, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(may_be, day - 1, 0).astype("timedelta64[D]")
    may_be &= days.astype("datetime64[M]") == months
    return np.where(may_be, days, _NAT)


def _order(
    form: str, parts: Sequence[tuple[int, int, int]], told: str, *, where: Callable[[int], tuple[str, str]]
) -> str:
    """Return the order of day and month: as told, or the one that makes a calendar of the column."""
    short = form.endswith("short")
    if told in ORDERS and (short or told != "YMD"):
        return told
    if form == "dotted":
        return "DMY"
    orders = ORDERS if short else ORDERS[:2]
    days = {o: _days(parts, o, short=short) for o in orders}
    for measure in (_impossible, _faults):
        found = {o: measure(d) for o, d in days.items()}
        best, second, *_ = sorted(found, key=lambda o: (found[o], _faults(days[o])))
        is_clear = found[best] * 10 < found[second] and found[best] <= len(parts) // 10
        if is_clear and _faults(days[best]) <= _faults(days[second]):
            return best
    place, text = where(0)
    raise UserError(f"{place}: date is '{text}', which may be {best} or {second}; say which with --date-format {best}")


def _impossible(days: Sessions) -> int:
    """Return how many dates do not exist."""
    return int(np.isnat(days).sum())


def _faults(days: Sessions) -> int:
    """Return what speaks against a reading: dates that do not exist, weekends, steps back, more than a month a step."""
    held = days[~np.isnat(days)]
    weekends = int((((held.astype(np.int64) + 3) % 7) >= 5).sum())
    step = np.diff(held).astype(np.int64)
    back = min(int((step < 0).sum()), int((step > 0).sum()))
    slow = len(held) if len(step) and np.median(np.abs(step)) > 31 else 0
    return _impossible(days) + weekends + back + slow


def _check_readable(texts: Sequence[str], session: Sessions, where: Callable[[int], str]) -> None:
    bad = np.flatnonzero(np.isnat(session))
    if len(bad) * 2 > len(texts):
        row = int(bad[0])
        raise UserError(f"{where(row)}: date is '{texts[row][:40]}'; it must be like 2026-02-09")


def _timed(
    texts: Sequence[str],
    stamps: Sequence[_Stamp | None],
    session: Sessions,
    *,
    where: Callable[[int], str],
    zone: str | None,
    remarks: tuple[str, ...],
) -> Dates:
    """Return the dates with what their times of day mean: nothing for daily rows, instants for intraday ones."""
    good = ~np.isnat(session)
    times = np.array([-1 if s is None or s.time_ns is None else s.time_ns for s in stamps], dtype=np.int64)
    offsets = [s.offset_minutes if s else None for s in stamps]
    if (times[good] < 0).all():
        return Dates(session, remarks=remarks)
    session = session.copy()
    main = Counter(o is not None for o, g in zip(offsets, good, strict=True) if g).most_common(1)[0][0]
    session[np.array([(o is not None) != main for o in offsets])] = _NAT
    good = ~np.isnat(session)
    is_epoch = any(s is not None and s.form == "epoch" for s, g in zip(stamps, good, strict=True) if g)
    shown = (
        None if is_epoch or not main else Counter(o for o, g in zip(offsets, good, strict=True) if g and o is not None)
    )
    hours = shown.most_common(1)[0][0] / 60 if shown else None
    if shown:
        remarks = (
            *remarks,
            f"stamps carry the zone {', '.join(map(_offset_text, sorted(shown)))}; sessions are its dates",
        )
    if _is_intraday(session[good], times[good]):
        return _intraday(texts, session, times, offsets, where=where, zone=zone, hours=hours, remarks=remarks)
    if (times[good] > 0).any():
        if is_epoch:
            row = int(np.flatnonzero(good & (times > 0))[0])
            at = session.astype("datetime64[ns]").astype(np.int64) + times
            session[good] = _local_dates(at[good], _needed_zone(zone, where(row), texts[row]))
        else:
            remarks = (*remarks, "one row a date: the times of day are left alone")
    return Dates(session, None, hours, remarks)


def _is_intraday(session: Sessions, times: NDArray[np.int64]) -> bool:
    instants = np.unique(session.astype(np.int64) * NS_PER_DAY + times)
    return len(instants) > 1.5 * len(np.unique(session))


def _intraday(
    texts: Sequence[str],
    session: Sessions,
    times: NDArray[np.int64],
    offsets: Sequence[int | None],
    *,
    where: Callable[[int], str],
    zone: str | None,
    hours: float | None,
    remarks: tuple[str, ...],
) -> Dates:
    session[times < 0] = _NAT
    good = ~np.isnat(session)
    local = np.where(good, session, np.datetime64(0, "D")).astype("datetime64[ns]").astype(np.int64) + times
    first = int(np.flatnonzero(good)[0])
    is_aware = offsets[first] is not None
    if not is_aware:
        at, exists = _to_utc(local, _needed_zone(zone, where(first), texts[first]))
        session[~exists] = _NAT
        remarks = (*remarks, f"stamps are read as times of {zone}")
    else:
        at = local - np.array([o or 0 for o in offsets], dtype=np.int64) * 60 * _DAY_NS
        if zone or hours is None:
            session[good] = _local_dates(at[good], _needed_zone(zone, where(first), texts[first]))
    return Dates(session, at, hours, remarks)


def _needed_zone(zone: str | None, place: str, text: str) -> str:
    if zone is None:
        raise UserError(
            f"{place}: '{text}' is a time without the exchange's zone; say which, such as --zone Europe/London"
        )
    return zone


def _to_utc(local: Instants, zone: str) -> tuple[Instants, NDArray[np.bool_]]:
    """Return the instants of local times, and which of them exist once (not so an hour at each change of clocks)."""
    from pandas import DatetimeIndex  # noqa: PLC0415 - only for intraday stamps

    index: Any = DatetimeIndex(local.astype("datetime64[ns]"))
    found = index.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    exists: NDArray[np.bool_] = ~found.isna()
    return np.asarray(found.tz_convert("UTC").tz_localize(None).as_unit("ns").asi8, dtype=np.int64), exists


def _local_dates(at: Instants, zone: str) -> Sessions:
    from pandas import DatetimeIndex  # noqa: PLC0415 - only for stamps in another zone

    index: Any = DatetimeIndex(at.astype("datetime64[ns]"), tz="UTC")
    local = index.tz_convert(zone).tz_localize(None)
    return np.asarray(local.to_numpy().astype("datetime64[D]"))


def _offset_text(minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
