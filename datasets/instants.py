"""Instants: aware UTC datetimes at the surface, int64 nanoseconds since 1970 in arrays."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from msgspec import Struct

from datasets.arrays import Integers, Sessions

INSTANT = "an instant with its offset, such as 2026-02-08T11:00:00Z"
"""What a cell of an instant must be."""

NS_PER_DAY = 86_400_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ns(at: datetime) -> int:
    """Return the nanoseconds since 1970 of an aware datetime.

    >>> to_ns(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000000
    """
    delta = at - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1_000


def to_datetime(ns: int) -> datetime:
    """Return the aware UTC datetime of nanoseconds since 1970 (whole microseconds).

    >>> to_datetime(1_000_000_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    return _EPOCH + timedelta(microseconds=int(ns) // 1000)


def iso_z(at: datetime | int) -> str:
    """Return an instant as ``2026-02-09T00:00:00Z``.

    >>> iso_z(0)
    '1970-01-01T00:00:00Z'
    """
    moment = at if isinstance(at, datetime) else to_datetime(at)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Return the instant in UTC that a text with an offset names.

    Raises:
        ValueError: it names none, has no offset, or lies beyond the years 1 to 9999.

    >>> parse_instant("2026-02-08T20:00:00+09:00").isoformat()
    '2026-02-08T11:00:00+00:00'
    """
    try:
        at = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except (ValueError, OverflowError) as e:
        raise ValueError(f"'{text}' is not an instant such as 2026-02-08T11:00:00Z") from e
    if at.tzinfo is None:
        raise ValueError(f"'{text}' is naive: an instant must have its offset, such as 2026-02-08T11:00:00Z")
    try:
        return at.astimezone(UTC)
    except OverflowError as e:
        raise ValueError(f"'{text}' lies beyond the years 1 to 9999 in UTC") from e


class InstantWindow(Struct, frozen=True):
    """A window between two instants, such as a debate or the night of a count."""

    name: str
    begins_at: datetime
    ends_at: datetime

    @property
    def span(self) -> str:
        """Its two ends in words."""
        return f"{iso_z(self.begins_at)} to {iso_z(self.ends_at)}"


def weekday(session: Sessions) -> Integers:
    """Return the weekday of dates, Monday being 0.

    >>> weekday(np.array(["2026-02-09"], dtype="datetime64[D]")).tolist()
    [0]
    """
    return (session.astype("datetime64[D]").astype(np.int64) + 3) % 7


def to_date(session: Any) -> date:
    """Return the python date of a numpy datetime64[D]."""
    value: date = np.datetime64(session, "D").astype(date)
    return value
