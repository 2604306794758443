"""Events of files: the bundled catalogue, a user's own, and each row with what keeps it from being an event."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import chain, pairwise
from math import isfinite
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple, replace
from pydantic import ValidationError

from datasets.csv_rows import CsvRow, read_csv, sheet_csv
from datasets.errors import UserError, unknown_name
from datasets.events.event import PoliticalEvent, faults_of
from datasets.events.short_rows import complete_cells
from datasets.files import created_file
from datasets.home import hustings_home
from datasets.instants import iso_z
from datasets.visibility import current_visibility, using_visibility

CATALOGUE = Path(__file__).parent / "catalogue"
_RARE = ("labelled_at", "tags", "extra", "vote")
_REQUIRED = ("country", "kind", "title")
_DATED = ("known_at", "date")
_BUNDLED = "the bundled catalogue"


def _place_in_time(event: PoliticalEvent) -> tuple[datetime, str]:
    return event.known_at or datetime.max.replace(tzinfo=UTC), event.event_id


class EventCatalogue:
    """An immutable list of events in the order in which they became known (undated ones last).

    ``labels`` names the file and hash of a second coder's labels, where they replace the events' own; ``priors`` those
    of the quotes the events carry; ``own`` the files of one's own events among them.
    """

    def __init__(
        self,
        events: Iterable[PoliticalEvent],
        *,
        labels: Mapping[str, str] | None = None,
        priors: Mapping[str, str] | None = None,
        own: Iterable["OwnFile"] = (),
    ) -> None:
        self.labels, self.priors, self.own = labels, priors, tuple(own)
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
        return self.with_events(e for e in self._events if wanted(e))

    def with_events(self, events: Iterable[PoliticalEvent], **changed: Any) -> "EventCatalogue":
        """Return other events with what is said of these; ``changed`` replaces ``labels`` or ``priors``."""
        return EventCatalogue(events, **{"labels": self.labels, "priors": self.priors, "own": self.own, **changed})

    def as_visible(self, show: Callable[[PoliticalEvent], PoliticalEvent | None]) -> "EventCatalogue":
        """Return the events as ``show`` returns them, without those it returns as None; their order stays."""
        visible = self.with_events(())
        visible._events = tuple(shown for e in self._events if (shown := show(e)) is not None)
        visible._by_id = {e.event_id: e for e in visible._events}
        return visible

    def sha256(self) -> str:
        """Return a hash of all fields of the events; blank ones that few events have are left out."""
        return self._sha256

    @cached_property
    def _sha256(self) -> str:
        digest = hashlib.sha256()
        for e in self._events:
            row = e.model_dump(mode="json", exclude={n for n in _RARE if not getattr(e, n)})
            digest.update(json.dumps(row, sort_keys=True).encode())
        return digest.hexdigest()


class OwnFile(Struct, frozen=True):
    """A file of one's own events: its name, the hash of its bytes, and how many events it holds."""

    name: str
    sha256: str
    events: int


class EventRow(CsvRow, frozen=True):
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
        whole = EventCatalogue(chain.from_iterable(_checked(_files_of(path), {}).values()))
    return _visible(whole)


def own_events() -> Path:
    """Return the folder of one's own catalogue, ``$HUSTINGS_HOME/events``; it need not exist."""
    return hustings_home() / "events"


def combined_events(paths: Iterable[Path], *, only: bool = False) -> EventCatalogue:
    """Return the bundled events with one's own catalogue and the events of files, in order.

    Args:
        paths: CSV files, or directories of them.
        only: leave out the bundled events and one's own catalogue.

    Raises:
        UserError: as ``load_events``; an id that two files give, with both places.
    """
    folder = own_events()
    with using_visibility(None):
        own = [*([folder] if any(folder.glob("*.csv")) and not only else []), *paths]
        files = list(dict.fromkeys(file.resolve() for path in own for file in _files_of(path)))
        places = {} if only else dict.fromkeys((e.event_id for e in _bundled()), _BUNDLED)
        added = _checked(files, places)
        bundled = () if only else tuple(_bundled())
        hashed = ((file, hashlib.sha256(file.read_bytes()).hexdigest()) for file in added)
        named = sorted((OwnFile(file.name, sha256, len(added[file])) for file, sha256 in hashed), key=astuple)
        events = [*bundled, *chain.from_iterable(added.values())]
        whole = EventCatalogue(events, own=named) if own or only else _bundled()
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


def _checked(files: Sequence[Path], places: dict[str, str]) -> dict[Path, list[PoliticalEvent]]:
    """Return the events of each file, which is called by its path where another one has its name."""
    names = Counter(file.name for file in files)
    shown = {file: str(file) if names[file.name] > 1 else file.name for file in files}
    return {file: list(_checked_rows(file, places, shown[file])) for file in files}


def _checked_rows(file: Path, places: dict[str, str], shown: str) -> Iterator[PoliticalEvent]:
    """Yield the events of a file called ``shown``; ``places`` holds where each id was given so far, and is added to."""
    for row in _rows_of(file):
        if row.event is None:
            raise UserError(f"{row.where}: {row.faults[0]}")
        where, event_id = f"{shown} line {row.line}", row.event.event_id
        if event_id in places:
            hint = "; --only-events leaves the catalogue out" if places[event_id] == _BUNDLED else ""
            hint = hint or ("" if "event_id" in row.cells else "; give each an event_id")
            raise UserError(f"{where}: event_id '{event_id}' appears already at {places[event_id]}{hint}")
        places[event_id] = where
        yield row.event


def _files_of(path: Path) -> list[Path]:
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise UserError(f"no events at '{path}': name a CSV file or a directory of CSV files")
    return files


def _all_rows(path: Path) -> Iterator[EventRow]:
    for file in _files_of(path):
        yield from _rows_of(file)


def _rows_of(file: Path) -> Iterator[EventRow]:
    read = read_csv(file, required=_REQUIRED)
    if not set(_DATED) & set(read.columns):
        raise UserError(f"{read.name} line 1: neither known_at nor date is there: give one of them")
    own = own_columns(read.name, read.columns)
    yield from (_event_row(row, own) for row in read.all_rows)


def own_columns(name: str, columns: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that the catalogue does not have.

    Raises:
        UserError: one is nearly a column of the catalogue, or no name.
    """
    known = [*PoliticalEvent.model_fields, "date", "time"]
    own = tuple(c for c in columns if c not in known)
    for column in own:
        if any(_is_slip(column, k) for k in known) or not column.isidentifier():
            raise unknown_name(f"column in {name} line 1:", column, known, hint="an own column needs a name of its own")
    return own


def _is_slip(name: str, known: str) -> bool:
    """Return whether a name of five letters or more is a known one cut short, or the same but for one letter."""
    if len(name) >= 5 and known.startswith(name):
        return True
    return min(len(name), len(known)) >= 5 and bool(_without_a_letter(name) & _without_a_letter(known))


def _without_a_letter(name: str) -> set[str]:
    return {name, *(name[:n] + name[n + 1 :] for n in range(len(name)))}


def _event_row(row: CsvRow, own: tuple[str, ...]) -> EventRow:
    if row.faults:
        return EventRow(row.file, row.line, {}, row.faults)
    cells = {column: cell for column, cell in row.cells.items() if cell}
    event, faults = event_of_cells(cells, own)
    return EventRow(row.file, row.line, cells, faults, event=event)


def event_of_cells(cells: Mapping[str, str], own: Iterable[str]) -> tuple[PoliticalEvent | None, tuple[str, ...]]:
    """Return the event of the cells of a row that are not blank, or None and what keeps it from being one.

    Args:
        cells: text by column; ``date`` and ``time`` are read too (``datasets/events/short_rows.py``).
        own: the columns that are one's own.
    """
    extra = {c: _number_or_text(cells[c]) for c in own if c in cells}
    try:
        filled = complete_cells({c: cell for c, cell in cells.items() if c not in extra})
        return PoliticalEvent.model_validate({**filled, "extra": extra}), ()
    except ValidationError as e:
        return None, faults_of(e)
    except ValueError as e:
        return None, (str(e),)
    except OverflowError:
        return None, (
            f"'{cells.get('known_at', cells.get('date'))}' has no instant in UTC between the years 1 and 9999",
        )


def _number_or_text(cell: str) -> float | str:
    try:
        number = float(cell)
    except ValueError:
        return cell
    return number if isfinite(number) else cell


def events_csv(events: Iterable[PoliticalEvent]) -> str:
    """Return a header and one line an event, in the columns of the catalogue and own ones; lines end in CR LF."""
    listed = list(events)
    names = [name for name in PoliticalEvent.model_fields if name != "extra"]
    own = sorted({name for e in listed for name in e.extra})
    extra = ((e, [e.extra.get(name, "") for name in own]) for e in listed)
    rows = (
        [*(_cell(n, getattr(e, n)) for n in names), *(f"{v:.15g}" if isinstance(v, float) else v for v in values)]
        for e, values in extra
    )
    return sheet_csv([*names, *own], rows, line_end="\r\n")


def write_events(path: Path, events: Iterable[PoliticalEvent]) -> None:
    """Write events to a new CSV file.

    Raises:
        UserError: the file is there already, or cannot be written.
    """
    try:
        with created_file(path, events_csv(events).encode()):
            return
    except FileExistsError as e:
        raise UserError(f"'{path}' is there already: name a new file, so that no work is lost") from e
    except OSError as e:
        raise UserError(f"'{path}' cannot be written ({e.strerror}); name another file") from e


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if name == "fields_known_at":
        return "; ".join(f"{field}: {iso_z(at)}" for field, at in value)
    if isinstance(value, tuple):
        return (" " if name in ("sources", "label_sources") else ";").join(value)
    return iso_z(value) if isinstance(value, datetime) else str(value)
