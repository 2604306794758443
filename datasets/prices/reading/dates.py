"""Columns of dates as price files write them: the order of day and month decided over the whole column."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from datasets.arrays import Sessions
from datasets.errors import UserError
from datasets.instants import weekday
from datasets.prices.reading.timestamps import (
    BLANK,
    Dates,
    Stamp,
    Stamped,
    clock_text,
    dates_of,
    epochs_of,
    stamp_by_pattern,
    stamp_of,
)

_NAT = np.datetime64("NaT", "D")
ORDERS = ("DMY", "MDY", "YMD")
_EARLIEST, _LATEST = 1600, 2200


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
        times: the cells of a column of times, where there is one.
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
        texts = [f"{d.strip(BLANK)} {clock_text(t.strip(BLANK))}" for d, t in zip(texts, times, strict=True)]
    stamps = [
        stamp_by_pattern(t.strip(BLANK), date_format)
        if date_format and "%" in date_format
        else stamp_of(t.strip(BLANK))
        for t in texts
    ]
    if times is None and not date_format:
        stamps = _as_epochs(texts, stamps)
    session, remarks = _calendar_dates(texts, stamps, where=where, order=(date_format or "").upper())
    _check_readable(texts, session, where)
    return dates_of(Stamped(texts, stamps, session, where, zone), remarks)


def _as_epochs(texts: Sequence[str], stamps: list[Stamp | None]) -> list[Stamp | None]:
    """Return the stamps of a column whose cells are dates only as counts from 1970, some of them from before 1973."""
    read = [s for s in stamps if s is not None and s.form != "epoch"]
    dates = int((~np.isnat(_days([s.parts for s in read if s.form == "ymd"], "YMD"))).sum())
    if all(s is not None and s.form == "epoch" for s in stamps) or dates * 2 > len(stamps):
        return stamps
    return epochs_of(texts) or stamps


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


def _calendar_dates(
    texts: Sequence[str], stamps: Sequence[Stamp | None], *, where: Callable[[int], str], order: str
) -> tuple[Sessions, tuple[str, ...]]:
    """Return the date in each stamp, NaT where there is none, and remarks on how they were read."""
    forms = Counter(s.form for s in stamps if s)
    main = forms.most_common(1)[0][0] if forms else "ymd"
    remarks: tuple[str, ...] = ()
    session = np.full(len(stamps), _NAT)
    for form in {"ymd", main}:
        rows = [n for n, s in enumerate(stamps) if s and s.form == form]
        parts = [s.parts for s in stamps if s and s.form == form]
        if form in ("ymd", "epoch", "era") or not rows:
            session[rows] = _days(parts, "YMD")
            remarks = ("dates are read as years of an era",) if form == "era" else remarks
            continue
        chosen = _order(form, parts, order, where=lambda n, r=rows: (where(r[n]), texts[r[n]]))  # type: ignore[misc]
        session[rows] = _days(parts, chosen, short=form.endswith("short"))
        remarks = (_order_remark(chosen, short=form.endswith("short")),)
    for n in _odd_padding(stamps):
        session[n] = _NAT
    return session, remarks


def _order_remark(order: str, *, short: bool) -> str:
    words = {"DMY": "day, month, year", "MDY": "month, day, year", "YMD": "year, month, day"}[order]
    return f"dates are read as {words}" + ("; years 69 to 99 as 1969 to 1999" if short else "")


def _odd_padding(stamps: Sequence[Stamp | None]) -> list[int]:
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
    form: str, parts: Sequence[tuple[int, int, int]], given: str, *, where: Callable[[int], tuple[str, str]]
) -> str:
    """Return the order of day and month: as given, or the one that makes a calendar of the column."""
    short = form.endswith("short")
    if given in ORDERS and (short or given != "YMD"):
        return given
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
    weekends = int((weekday(held) >= 5).sum())
    step = np.diff(held).astype(np.int64)
    back = min(int((step < 0).sum()), int((step > 0).sum()))
    slow = len(held) if len(step) and np.median(np.abs(step)) > 31 else 0
    return _impossible(days) + weekends + back + slow


def _check_readable(texts: Sequence[str], session: Sessions, where: Callable[[int], str]) -> None:
    bad = np.flatnonzero(np.isnat(session))
    if len(bad) * 2 > len(texts):
        row = int(bad[0])
        raise UserError(f"{where(row)}: date is '{texts[row][:40]}'; it must be like 2026-02-09")
