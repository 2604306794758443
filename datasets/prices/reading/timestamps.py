"""What the times of day in a column of stamps mean: nothing for daily rows, instants for intraday ones."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Instants, Sessions
from datasets.errors import UserError
from datasets.prices.reading.stamps import SECOND_NS, Stamp

_NAT = np.datetime64("NaT", "D")
_ZONES = ("Europe/London", "America/New_York", "Asia/Tokyo")
_INTRADAY = 1.5
"""So many different instants a date, and the rows are intraday."""


@dataclass(frozen=True, eq=False)
class Dates:
    """A column of dates: sessions (NaT where unreadable), instants of intraday rows, and remarks on them."""

    session: Sessions
    at: Instants | None = None
    utc_offset_hours: float | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Stamped:
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
        remarks = (
            *remarks,
            f"stamps carry the zone {', '.join(map(_offset_text, sorted(zones)))}; sessions are {whose}",
        )
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


def _offset_text(minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
