"""Instants: aware UTC datetimes at the surface, int64 nanoseconds since 1970 in arrays."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

Instants = NDArray[np.int64]
"""Nanoseconds since 1970-01-01T00:00Z."""
Sessions = NDArray[np.datetime64]
"""Exchange-local dates, datetime64[D]."""

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
    micro: datetime = np.datetime64(int(ns) // 1000, "us").astype(datetime)
    return micro.replace(tzinfo=UTC)


def iso_z(at: datetime | int) -> str:
    """Return an instant as ``2026-02-09T00:00:00Z``.

    >>> iso_z(0)
    '1970-01-01T00:00:00Z'
    """
    moment = at if isinstance(at, datetime) else to_datetime(at)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_date(session: Any) -> date:
    """Return the python date of a numpy datetime64[D]."""
    value: date = np.datetime64(session, "D").astype(date)
    return value
