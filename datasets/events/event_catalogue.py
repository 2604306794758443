"""Events of files: the bundled catalogue, a user's own, and each row with what keeps it from being an event."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path

from pydantic import ValidationError

from datasets.csv_rows import CsvRow, read_csv
from datasets.errors import UserError, unknown_name
from datasets.events.event import PoliticalEvent, faults_of
from datasets.visibility import current_visibility, using_visibility

CATALOGUE = Path(__file__).parent / "catalogue"
_REQUIRED = ("event_id", "country", "kind", "title", "known_at")


def _place_in_time(event: PoliticalEvent) -> tuple[datetime, str]:
    return event.known_at or datetime.max.replace(tzinfo=UTC), event.event_id


class EventCatalogue:
    """An immutable list of events in the order in which they became known (undated ones last).

    ``labels`` names the file and hash of a second coder's labels, where they replace the events' own; ``priors`` those
    of the quotes the events carry.
    """

    def __init__(
        self,
        events: Iterable[PoliticalEvent],
        *,
        labels: Mapping[str, str] | None = None,
        priors: Mapping[str, str] | None = None,
    ) -> None:
        self.labels, self.priors = labels, priors
        self._events = tuple(sorted(events, key=_place_in_time))
        self._by_id = {e.event_id: e for e in self._events}

    def __iter__(self) -> Iterator[PoliticalEvent]:
        return iter(self._events)

    @classmethod
    def of(cls, events: Iterable[PoliticalEvent]) -> "EventCatalogue":
        """Return events as a catalogue in order: themselves where they are one."""
        in_order = isinstance(events, cls) and all(
            _place_in_time(a) <= _place_in_time(b) for a, b in pairwise(events._events)
        )
        return events if isinstance(events, cls) and in_order else cls(events)

    @cached_property
    def timings(self) -> tuple[PoliticalEvent, ...]:
        """The timing of each event: what a rule sees to find its decision."""
        return tuple(e.timing() for e in self)

    def __len__(self) -> int:
        return len(self._events)

    def __contains__(self, event_id: object) -> bool:
        return event_id in self._by_id

    def get(self, event_id: str) -> PoliticalEvent:
        """Return the event of an id.

        Raises:
            UserError: no such event.
        """
        if event_id not in self._by_id:
            raise unknown_name("event", event_id, self._by_id, hint="'hustings events list' shows them all")
        return self._by_id[event_id]

    def select(self, wanted: Callable[[PoliticalEvent], bool]) -> "EventCatalogue":
        """Return the events for which ``wanted`` is true."""
        return EventCatalogue((e for e in self._events if wanted(e)), labels=self.labels, priors=self.priors)

    def as_visible(self, show: Callable[[PoliticalEvent], PoliticalEvent | None]) -> "EventCatalogue":
        """Return the events as ``show`` returns them, without those it returns as None; their order stays."""
        visible = EventCatalogue((), labels=self.labels, priors=self.priors)
        visible._events = tuple(shown for e in self._events if (shown := show(e)) is not None)
        visible._by_id = {e.event_id: e for e in visible._events}
        return visible

    def sha256(self) -> str:
        """Return a hash of all fields of the events; a blank ``labelled_at`` is left out."""
        return self._sha256

    @cached_property
    def _sha256(self) -> str:
        rows = [
            e.model_dump(mode="json", exclude={"labelled_at"} if e.labelled_at is None else None) for e in self._events
        ]
        return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class EventRow(CsvRow):
    """One row of a file of events: its cells that are not blank, and its event, None where there are faults."""

    event: PoliticalEvent | None = None


def bundled_events() -> EventCatalogue:
    """Return the catalogue that comes with hustings, as the visibility in force shows it."""
    return _visible(_bundled())


def load_events(path: Path) -> EventCatalogue:
    """Return the events of a CSV file, or of every CSV file of a directory, as the visibility in force shows them.

    Raises:
        UserError: nothing there, not UTF-8, a missing or unknown column, a bad row (line named), an id given twice.
    """
    with using_visibility(None):
        whole = EventCatalogue(_checked_events(path))
    return _visible(whole)


def event_rows(path: Path) -> Iterator[EventRow]:
    """Yield every row of a CSV file, or of every CSV file of a directory, also those with faults.

    Under a visibility only the rows of events that it shows are there, without their cells.

    Raises:
        UserError: nothing there, not UTF-8, not CSV, a missing or unknown column.
    """
    visibility = current_visibility()
    if visibility is None:
        yield from _all_rows(path)
        return
    visibility.on_access("events")
    with using_visibility(None):
        rows = list(_all_rows(path))
    for row in rows:
        shown = None if row.event is None else visibility.event(row.event)
        if shown is not None:
            yield replace(row, cells={}, event=shown)


@lru_cache(maxsize=1)
def _bundled() -> EventCatalogue:
    with using_visibility(None):
        return load_events(CATALOGUE)


def _visible(events: EventCatalogue) -> EventCatalogue:
    visibility = current_visibility()
    if visibility is None:
        return events
    visibility.on_access("events")
    return events.as_visible(visibility.event)


def _checked_events(path: Path) -> Iterator[PoliticalEvent]:
    places: dict[str, str] = {}
    for row in _all_rows(path):
        if row.event is None:
            raise UserError(f"{row.where}: {row.faults[0]}")
        first = places.setdefault(row.event.event_id, row.where)
        if first != row.where:
            raise UserError(f"{row.where}: event_id '{row.event.event_id}' appears already at {first}")
        yield row.event


def _all_rows(path: Path) -> Iterator[EventRow]:
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise UserError(f"no events at '{path}': name a CSV file or a directory of CSV files")
    for file in files:
        yield from map(_event_row, read_csv(file, required=_REQUIRED, known=PoliticalEvent.model_fields).all_rows)


def _event_row(row: CsvRow) -> EventRow:
    if row.faults:
        return EventRow(row.file, row.line, {}, row.faults)
    cells = {column: cell for column, cell in row.cells.items() if cell}
    try:
        return EventRow(row.file, row.line, cells, event=PoliticalEvent.model_validate(cells))
    except ValidationError as e:
        return EventRow(row.file, row.line, cells, faults_of(e))
