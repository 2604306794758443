"""Events to come: votes and dates that are fixed by law, announced, or due by a date at the latest."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import asdict

from datasets.csv_rows import CsvRow, read_csv
from datasets.errors import UserError, unknown_name
from datasets.events.event import Confidence, PoliticalEvent
from datasets.events.kinds import Kind
from datasets.markets.zones import zone_of

SCHEDULED = Path(__file__).parent / "scheduled.csv"
_REQUIRED = ("event_id", "country", "kind", "title", "scheduled_for", "date_basis")
_COLUMNS = (*_REQUIRED, "polls_close_local", "timezone", "sources", "note", "confidence")
_DATES = "a date, 'DATE or DATE', 'DATE and DATE', or 'by DATE'"


class DateBasis(StrEnum):
    """How the date of a scheduled event is known."""

    FIXED_BY_LAW = "fixed by law"
    ANNOUNCED = "announced"
    LATEST_POSSIBLE = "latest possible"


class ScheduledEvent(Struct, frozen=True):
    """An event to come: the days it may fall on (``is_latest``: any day up to the last), and how they are known.

    ``polls_close_local`` is the hour at which polls close, or something else ends or begins, None where not known.
    """

    event_id: str
    country: str
    kind: Kind
    title: str
    days: tuple[date, ...]
    is_latest: bool
    date_basis: DateBasis
    polls_close_local: time | None = None
    timezone: str = "UTC"
    sources: tuple[str, ...] = ()
    note: str = ""
    confidence: Confidence | None = None

    @property
    def scheduled_for(self) -> str:
        """The days in words: ``by 2027-06-30``, ``2027-04-11 or 2027-04-18``."""
        return ("by " if self.is_latest else "") + " or ".join(map(str, self.days))

    @property
    def is_exact(self) -> bool:
        """Whether it falls on one day."""
        return len(self.days) == 1 and not self.is_latest

    @property
    def closes_at(self) -> datetime:
        """When polls close on its first day, or where that hour is not known, the end of that day, in UTC."""
        day, zone = self.days[0], ZoneInfo(self.timezone)
        if self.polls_close_local is None:
            return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        return datetime.combine(day, self.polls_close_local, zone).astimezone(UTC)

    def as_event(self, *, announced_at: datetime) -> PoliticalEvent:
        """Return the event with no outcome, as one announced by an instant and decided when its polls close."""
        return PoliticalEvent(
            event_id=self.event_id,
            country=self.country,
            kind=self.kind,
            title=self.title,
            timezone=self.timezone,
            voted_on=self.days[0] if self.kind.is_vote else None,
            announced_at=announced_at,
            polls_close_at=self.closes_at,
            known_at=self.closes_at,
        )

    def as_row(self) -> dict[str, Any]:
        """Return the event as plain values, for JSON."""
        hour = self.polls_close_local
        return {
            **asdict(self),
            "scheduled_for": self.scheduled_for,
            "days": list(map(str, self.days)),
            "polls_close_local": None if hour is None else f"{hour:%H:%M}",
            "sources": list(self.sources),
            "note": self.note or None,
        }


@lru_cache(maxsize=1)
def scheduled_events() -> tuple[ScheduledEvent, ...]:
    """Return the scheduled events that come with hustings, by their first day."""
    return load_scheduled(SCHEDULED)


def load_scheduled(path: Path) -> tuple[ScheduledEvent, ...]:
    """Return the scheduled events of a CSV file, by their first day.

    Raises:
        UserError: no such file, not UTF-8, a missing or unknown column, a value that cannot be, an id given twice.
    """
    events: dict[str, ScheduledEvent] = {}
    for row in read_csv(path, required=_REQUIRED, known=_COLUMNS).rows:
        event = _event(row)
        if event.event_id in events:
            raise UserError(f"{row.where}: event_id '{event.event_id}' is given twice")
        events[event.event_id] = event
    return tuple(sorted(events.values(), key=lambda e: (e.days[0], e.event_id)))


def days_of(text: str) -> tuple[tuple[date, ...], bool]:
    """Return the days that a text names, and whether the last one is only the latest possible.

    Raises:
        ValueError: it names none.

    >>> days_of("by 2027-06-30")
    ((datetime.date(2027, 6, 30),), True)
    >>> [str(day) for day in days_of("2027-04-11 or 2027-04-18")[0]]
    ['2027-04-11', '2027-04-18']
    """
    is_latest = text.startswith("by ")
    parts = text.removeprefix("by ").replace(" and ", " or ").split(" or ")
    return tuple(sorted(date.fromisoformat(part.strip()) for part in parts)), is_latest


def _event(row: CsvRow) -> ScheduledEvent:
    days, is_latest = row.need("scheduled_for", days_of, _DATES)
    return ScheduledEvent(
        event_id=row.need("event_id", _filled, "filled"),
        country=row.need("country", _country, "two letters, such as JP"),
        kind=Kind(_word(row, "kind", tuple(Kind))),
        title=row.need("title", _filled, "filled"),
        days=days,
        is_latest=is_latest,
        date_basis=DateBasis(_word(row, "date_basis", tuple(DateBasis))),
        polls_close_local=row.read(
            "polls_close_local", lambda text: datetime.strptime(text, "%H:%M").time(), "an hour such as 20:00, or empty"
        ),
        timezone=row.read("timezone", lambda t: zone_of(t).key, "an IANA zone such as Asia/Tokyo, or empty") or "UTC",
        sources=tuple(row.text("sources").split()),
        note=row.text("note"),
        confidence=Confidence(_word(row, "confidence", tuple(Confidence))) if row.text("confidence") else None,
    )


def _filled(text: str) -> str:
    if not text:
        raise ValueError("blank")
    return text


def _country(text: str) -> str:
    if not (len(text) == 2 and text.isascii() and text.isupper()):
        raise ValueError("no country")
    return text


def _word(row: CsvRow, column: str, known: tuple[str, ...]) -> str:
    word = row.text(column)
    if word not in known:
        raise unknown_name(f"{column} at {row.where}:", word, known, hint=f"it is one of {', '.join(known)}")
    return word
