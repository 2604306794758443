"""Adds a row to a file of one's own events, or changes one: the file is checked as a whole before it is replaced."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from datasets.csv_rows import csv_text, read_csv
from datasets.errors import UserError, unknown_name
from datasets.events.event import PoliticalEvent
from datasets.events.event_catalogue import event_of_cells, own_columns
from datasets.files import replace_file

Cells = dict[str, str]


def add_event(file: Path, cells: Mapping[str, str], others: Iterable[PoliticalEvent]) -> PoliticalEvent:
    """Add an event to a file, which is made where it is not there, and return it.

    Args:
        file: one's own CSV file.
        cells: the columns of the row that are not blank.
        others: the events that are there already, those of the file among them.

    Raises:
        UserError: the row is no event, its id or (where no id is given) its day and country are taken, or the file
            cannot be read or written; it is then as it was.
    """
    columns, rows = _read(file)
    event = _checked(cells, file)
    for other in others:
        if other.event_id == event.event_id:
            raise UserError(f"event_id '{event.event_id}' is taken; give another with --id, or change it: events edit")
        if (
            "event_id" not in cells
            and other.country == event.country
            and event.local_day
            and other.local_day == event.local_day
        ):
            raise UserError(
                f"{other.event_id} is an event of {event.country} of that day; "
                f"if yours is another, say so with --id {event.event_id}"
            )
    _write(file, columns, [*rows, {**cells, "event_id": event.event_id}])
    return event


def edit_event(files: Sequence[Path], event_id: str, changes: Mapping[str, str]) -> tuple[PoliticalEvent, Path]:
    """Change cells of an event in the one of some files that holds it; return it, and the file.

    Raises:
        UserError: no file holds it, the row is no event any more, or the file cannot be written; it is then as it was.
    """
    known: list[str] = []
    for file in files:
        columns, rows = _read(file)
        for number, cells in enumerate(rows):
            found = _checked(cells, file).event_id
            known.append(found)
            if found == event_id:
                changed = {**cells, "event_id": event_id, **changes}
                event = _checked({c: v for c, v in changed.items() if v}, file)
                _write(file, columns, [*rows[:number], changed, *rows[number + 1 :]])
                return event, file
    raise unknown_name("event of your own", event_id, known, hint="bundled events cannot be changed; add your own")


def _checked(cells: Mapping[str, str], file: Path) -> PoliticalEvent:
    given = {c: v for c, v in cells.items() if v}
    event, faults = event_of_cells(given, own_columns(file.name, given))
    if event is None:
        raise UserError(f"the row is no event: {faults[0]}")
    return event


def _read(file: Path) -> tuple[list[str], list[Cells]]:
    if not file.exists():
        return [], []
    read = read_csv(file)
    return list(read.columns), [dict(row.cells) for row in read.rows]


def _write(file: Path, columns: Sequence[str], rows: Sequence[Cells]) -> None:
    named = list(dict.fromkeys([*columns, *(column for row in rows for column in row)]))
    text = csv_text(named, ([row.get(c, "") for c in named] for row in rows))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, text.encode(), durable=True)
    except OSError as e:
        raise UserError(f"'{file}' cannot be written ({e.strerror}); name another with --file") from e
