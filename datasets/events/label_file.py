"""A second coder's labels: a CSV file that takes the place of the catalogue's labels without touching them.

Columns: ``event_id`` and any of ``pro_growth``, ``surprise``, ``program``, ``label_basis``, ``label_sources``,
``label_dated``, ``label_note``, ``labelled_at``, ``coder``. A blank leaves what the catalogue says; ``unknown`` takes a
label away. ``labelled_at`` is the instant at which the
coder wrote, or last revised, the labels of the row: a rule that decides earlier sees none of the event's.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from datasets.csv_rows import CsvRow, bundled_rows, read_csv
from datasets.errors import UserError, unknown_name
from datasets.events.event import PoliticalEvent, ProGrowth, Surprise
from datasets.events.event_catalogue import EventCatalogue
from datasets.instants import INSTANT, parse_instant

LABELS = ("pro_growth", "surprise", "program")
"""The labels that are judgement, not data."""

BASES = ("blind", "source", "background")
"""What a label may rest on: two coders who saw neither the title nor the market's move, a page dated before the event,
or background knowledge."""

PROGRAM_TAGS = {r["tag"]: r["says"] for r in bundled_rows(Path(__file__).with_name("program_tags.csv"))}
"""The allowed tags of ``program``, with what each says."""
_COLUMNS = ("event_id", *LABELS, "label_basis", "label_sources", "label_dated", "label_note", "labelled_at", "coder")
_CODERS = Path(__file__).parent / "coders"
_WORDS: dict[str, tuple[str, ...]] = {"pro_growth": tuple(ProGrowth), "surprise": (*Surprise, "unknown")}


def bases_of(label_basis: str | None) -> dict[str, str]:
    """Return what each label rests on.

    >>> bases_of("surprise: background; pro_growth: source")
    {'surprise': 'background', 'pro_growth': 'source'}
    """
    parts = (p.partition(":") for p in (label_basis or "").split(";") if p.strip())
    return {name.strip(): basis.strip() for name, _, basis in parts}


class CodedEvent(Struct, frozen=True):
    """What a coder says of one event: only the labels that were given, each as its text."""

    event_id: str
    labels: dict[str, str]
    label_basis: str = ""
    label_sources: tuple[str, ...] = ()
    label_dated: date | None = None
    label_note: str = ""
    coder: str = ""
    where: str = ""
    labelled_at: datetime | None = None


class LabelFile(Struct, frozen=True):
    """A coder's labels by event, with the file's name and the hash of its bytes."""

    name: str
    sha256: str
    events: dict[str, CodedEvent] = field(default_factory=dict)

    def identity(self) -> dict[str, str]:
        """Return what a run's manifest says of the file."""
        return {"file": self.name, "sha256": self.sha256}


def coders() -> list[str]:
    """Return the names of the coders whose labels come with hustings."""
    return sorted(p.stem for p in _CODERS.glob("*.csv"))


def load_labels(path: Path) -> LabelFile:
    """Return the labels of a CSV file, or of a bundled coder where ``path`` is a name (``coders``) and no file.

    Raises:
        UserError: no such file, not UTF-8, a wrong column, a value that is no label, an event coded twice.
    """
    if not path.exists() and str(path) in coders():
        path = _CODERS / f"{path}.csv"
    if not path.exists() and path.name == str(path) and not path.suffix:
        raise unknown_name("coder", str(path), coders(), hint=f"bundled: {', '.join(coders())}; or name a CSV file")
    file = read_csv(path, required=("event_id",), known=_COLUMNS)
    if not set(file.columns) & set(LABELS):
        raise UserError(f"{file.name} line 1: labels need event_id and at least one of {', '.join(LABELS)}")
    by_id: dict[str, CodedEvent] = {}
    for coded in map(_coded_event, file.rows):
        first = by_id.setdefault(coded.event_id, coded)
        if first is not coded:
            raise UserError(f"{coded.where}: '{coded.event_id}' is coded already at {first.where}")
    return LabelFile(file.name, file.sha256, by_id)


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
    return events.with_events(coded, labels=labels.identity())


def _coded(event: PoliticalEvent, row: CodedEvent) -> PoliticalEvent:
    values: dict[str, Any] = {}
    if "pro_growth" in row.labels:
        values["pro_growth"] = ProGrowth(row.labels["pro_growth"])
    if "surprise" in row.labels:
        values["surprise"] = None if row.labels["surprise"] == "unknown" else Surprise(row.labels["surprise"])
    if "program" in row.labels:
        values["program"] = tags_of(row.labels["program"])
    values |= {name: getattr(row, name) or None for name in ("label_dated", "label_note")}
    return event.model_copy(
        update={
            **values,
            "label_sources": row.label_sources,
            "label_basis": _basis(event, row),
            "labelled_at": _labelled_at(event, row),
        }
    )


def _labelled_at(event: PoliticalEvent, row: CodedEvent) -> datetime | None:
    """Return when the last of an event's labels was coded, of those whose instant is recorded.

    The event's own instant counts as long as one of its own labels remains.
    """
    own = {name for name in LABELS if getattr(event, name) not in (None, (), ProGrowth.UNKNOWN)}
    own_at = event.labelled_at if own - set(row.labels) else None
    return max((at for at in (own_at, row.labelled_at) if at is not None), default=None)


def _basis(event: PoliticalEvent, row: CodedEvent) -> str | None:
    """Return the basis of each label: the coder's own words, else "coder NAME" for the labels replaced."""
    if row.label_basis:
        return row.label_basis
    coder = f"coder {row.coder}" if row.coder else "second coder"
    taken = {name for name, value in row.labels.items() if value == "unknown"}
    new = dict.fromkeys((n for n in row.labels if n not in taken), coder)
    bases = {**bases_of(event.label_basis), **new}
    return "; ".join(f"{name}: {basis}" for name, basis in bases.items() if name not in taken) or None


def tags_of(text: str) -> tuple[str, ...]:
    """Return the tags of a cell of ``program``.

    >>> tags_of("tax_cut; pro_growth"), tags_of("unknown")
    (('tax_cut', 'pro_growth'), ())
    """
    return tuple(t.strip() for t in text.split(";") if t.strip() and t.strip() != "unknown")


def _coded_event(row: CsvRow) -> CodedEvent:
    labels = {name: row.text(name) for name in LABELS if row.text(name)}
    for name, value in labels.items():
        _check(name, value, row.where)
    if not row.text("event_id"):
        raise UserError(f"{row.where}: event_id is blank")
    return CodedEvent(
        row.text("event_id"),
        labels,
        label_basis=row.text("label_basis"),
        label_sources=tuple(row.text("label_sources").split()),
        label_dated=row.read("label_dated", date.fromisoformat, "a date such as 2026-02-07"),
        label_note=row.text("label_note"),
        coder=row.text("coder"),
        where=row.where,
        labelled_at=row.read("labelled_at", parse_instant, INSTANT),
    )


def _check(name: str, value: str, where: str) -> None:
    known = PROGRAM_TAGS if name == "program" else _WORDS[name]
    for word in tags_of(value) if name == "program" else (value,):
        if word not in known:
            raise unknown_name(f"{name} at {where}:", word, known, hint=f"it is one of {', '.join(known)}")


Pair = tuple[str, str]
_UNCODED = ("", "unknown")


class Agreement(Struct, frozen=True):
    """Two coders on one label. ``kappa`` is None where it is not defined; ``table`` counts pairs (first, second)."""

    label: str
    n: int
    agree: int
    kappa: float | None
    table: dict[Pair, int]
    differ: tuple[str, ...] = ()


def cohens_kappa(pairs: Sequence[Pair]) -> float | None:
    """Return Cohen's kappa (Cohen 1960): agreement beyond chance, over what chance leaves; at most 1.

    None without pairs, or when both coders gave one and the same word throughout.

    >>> cohens_kappa([("yes", "yes"), ("yes", "no"), ("no", "no"), ("no", "no")])
    0.5
    """
    n = len(pairs)
    observed = sum(a == b for a, b in pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(first[word] * second[word] for word in first)
    return None if n * n == chance else (observed * n - chance) / (n * n - chance)


def agreement(events: EventCatalogue, labels: LabelFile) -> list[Agreement]:
    """Return for each label how the catalogue and a second coder agree over the events that both coded.

    A tag of the programme is a label of its own, present or absent, over the events whose programme both coded.
    """
    both = [(e, labels.events[e.event_id]) for e in events if e.event_id in labels.events]
    words = [_one(name, list(_words(name, both))) for name in ("pro_growth", "surprise")]
    tagged = [(e, row) for e, row in both if e.program and row.labels.get("program", "") not in _UNCODED]
    tags = [_one(f"program: {tag}", list(_tags(tag, tagged))) for tag in PROGRAM_TAGS]
    return [*words, *(t for t in tags if any("yes" in pair for pair in t.table))]


def _words(name: str, both: Sequence[tuple[PoliticalEvent, CodedEvent]]) -> Iterator[tuple[str, Pair]]:
    for event, row in both:
        pair = str(getattr(event, name) or ""), row.labels.get(name, "")
        if not set(pair) & set(_UNCODED):
            yield event.event_id, pair


def _tags(tag: str, both: Sequence[tuple[PoliticalEvent, CodedEvent]]) -> Iterator[tuple[str, Pair]]:
    for event, row in both:
        there = tag in event.program, tag in tags_of(row.labels["program"])
        yield event.event_id, ("yes" if there[0] else "no", "yes" if there[1] else "no")


def _one(label: str, coded: Sequence[tuple[str, Pair]]) -> Agreement:
    pairs = [pair for _, pair in coded]
    return Agreement(
        label=label,
        n=len(pairs),
        agree=sum(a == b for a, b in pairs),
        kappa=cohens_kappa(pairs),
        table=dict(sorted(Counter(pairs).items())),
        differ=tuple(event_id for event_id, (a, b) in coded if a != b),
    )
