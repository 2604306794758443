"""A second coder's labels: a CSV file that takes the place of the catalogue's labels without touching them.

Columns: ``event_id`` and any of ``pro_growth``, ``surprise``, ``program``, ``label_basis``, ``labelled_at``, ``coder``.
A blank leaves what the catalogue says; ``unknown`` takes a label away. ``labelled_at`` is the instant at which the
coder wrote, or last revised, the labels of the row: a rule that decides earlier sees none of the event's.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from datasets.errors import UserError, unknown_name
from datasets.events.coding import LABELS, PROGRAM_TAGS, bases_of, basis_text
from datasets.events.event import EventCatalogue, Instant, PoliticalEvent, ProGrowth, Surprise

_COLUMNS = ("event_id", *LABELS, "label_basis", "labelled_at", "coder")
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
_WORDS: dict[str, tuple[str, ...]] = {"pro_growth": tuple(ProGrowth), "surprise": (*Surprise, "unknown")}


@dataclass(frozen=True)
class CodedEvent:
    """What a coder says of one event: only the labels that were given, each as its text."""

    event_id: str
    labels: dict[str, str]
    label_basis: str = ""
    coder: str = ""
    where: str = ""
    labelled_at: datetime | None = None


@dataclass(frozen=True)
class LabelFile:
    """A coder's labels by event, with the file's name and the hash of its bytes."""

    name: str
    sha256: str
    events: dict[str, CodedEvent] = field(default_factory=dict)

    def identity(self) -> dict[str, str]:
        """Return what a run's manifest says of the file."""
        return {"file": self.name, "sha256": self.sha256}


def load_labels(path: Path) -> LabelFile:
    """Return the labels of a CSV file.

    Raises:
        UserError: no such file, not UTF-8, a wrong column, a value that is no label, an event coded twice.
    """
    try:
        data = path.read_bytes()
        rows = list(_read(io.StringIO(data.decode("utf-8-sig"), newline=""), path.name))
    except OSError as e:
        raise UserError(f"no labels at '{path}': name a CSV file with event_id and {', '.join(LABELS)}") from e
    except UnicodeDecodeError as e:
        raise UserError(f"{path.name}: not UTF-8; save the file as UTF-8") from e
    except csv.Error as e:
        raise UserError(f"{path.name}: cannot be read as CSV ({e})") from e
    by_id: dict[str, CodedEvent] = {}
    for row in rows:
        if row.event_id in by_id:
            raise UserError(f"{row.where}: '{row.event_id}' is coded already at {by_id[row.event_id].where}")
        by_id[row.event_id] = row
    return LabelFile(path.name, hashlib.sha256(data).hexdigest(), by_id)


def relabelled(events: EventCatalogue, labels: LabelFile) -> EventCatalogue:
    """Return the events with a coder's labels in place of their own.

    Raises:
        UserError: the file codes an event that is not there.
    """
    known = [e.event_id for e in events]
    for row in labels.events.values():
        if row.event_id not in events:
            raise UserError(f"{row.where}: {unknown_name('event', row.event_id, known)}")
    coded = (_coded(e, labels.events[e.event_id]) if e.event_id in labels.events else e for e in events)
    return EventCatalogue(coded, labels=labels.identity())


def _coded(event: PoliticalEvent, row: CodedEvent) -> PoliticalEvent:
    values: dict[str, Any] = {}
    if "pro_growth" in row.labels:
        values["pro_growth"] = ProGrowth(row.labels["pro_growth"])
    if "surprise" in row.labels:
        values["surprise"] = None if row.labels["surprise"] == "unknown" else Surprise(row.labels["surprise"])
    if "program" in row.labels:
        values["program"] = tags_of(row.labels["program"])
    return event.model_copy(
        update={**values, "label_basis": _basis(event, row), "labelled_at": _labelled_at(event, row)}
    )


def _labelled_at(event: PoliticalEvent, row: CodedEvent) -> datetime | None:
    """Return when the last of an event's labels was coded, of those whose instant is recorded.

    The event's own instant counts as long as one of its own labels stands.
    """
    own = {name for name in LABELS if getattr(event, name) not in (None, (), ProGrowth.UNKNOWN)}
    standing = event.labelled_at if own - set(row.labels) else None
    return max((at for at in (standing, row.labelled_at) if at is not None), default=None)


def _basis(event: PoliticalEvent, row: CodedEvent) -> str | None:
    """Return the basis of each label: the coder's own words, else "coder NAME" for the labels replaced."""
    if row.label_basis:
        return row.label_basis
    coder = f"coder {row.coder}" if row.coder else "second coder"
    taken = {name for name, value in row.labels.items() if value == "unknown"}
    new = dict.fromkeys((n for n in row.labels if n not in taken), coder)
    return basis_text({n: b for n, b in {**bases_of(event.label_basis), **new}.items() if n not in taken})


def tags_of(text: str) -> tuple[str, ...]:
    """Return the tags of a cell of ``program``.

    >>> tags_of("tax_cut; pro_growth"), tags_of("unknown")
    (('tax_cut', 'pro_growth'), ())
    """
    return tuple(t.strip() for t in text.split(";") if t.strip() and t.strip() != "unknown")


def _read(text: Iterable[str], file: str) -> Iterator[CodedEvent]:
    reader = csv.DictReader(text, restkey="_more")
    columns = reader.fieldnames or ()
    for extra in (c for c in columns if c not in _COLUMNS):
        raise unknown_name(f"column in {file} line 1:", extra, _COLUMNS, hint=f"it has {', '.join(_COLUMNS)}")
    if "event_id" not in columns or not set(columns) & set(LABELS):
        raise UserError(f"{file} line 1: labels need event_id and at least one of {', '.join(LABELS)}")
    for cells in reader:
        where = f"{file} line {reader.line_num}"
        if "_more" in cells or None in cells.values():
            raise UserError(f"{where}: not {len(columns)} fields as the header has")
        yield _row({k: v.strip() for k, v in cells.items()}, where)


def _row(cells: dict[str, str], where: str) -> CodedEvent:
    given = {name: cells[name] for name in LABELS if cells.get(name)}
    for name, value in given.items():
        _check(name, value, where)
    if not cells["event_id"]:
        raise UserError(f"{where}: event_id is blank")
    return CodedEvent(
        cells["event_id"],
        given,
        cells.get("label_basis", ""),
        cells.get("coder", ""),
        where,
        _instant(cells.get("labelled_at", ""), where),
    )


def _instant(text: str, where: str) -> datetime | None:
    try:
        return _INSTANT.validate_python(text) if text else None
    except ValidationError as e:
        raise UserError(f"{where}: labelled_at: {e.errors()[0]['msg'].removeprefix('Value error, ')}") from e


def _check(name: str, value: str, where: str) -> None:
    known = PROGRAM_TAGS if name == "program" else _WORDS[name]
    for word in tags_of(value) if name == "program" else (value,):
        if word not in known:
            raise unknown_name(f"{name} at {where}:", word, known, hint=f"it is one of {', '.join(known)}")
