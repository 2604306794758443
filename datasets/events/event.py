"""Political events: what happened, when it became public, and what was known of it at any instant."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from datasets.errors import UserError, unknown_name
from datasets.events.odds_book import Quotes, happened, last_quotes, margin_removed, quotes_before
from datasets.instants import iso_z
from datasets.visibility import current_visibility, using_visibility

CATALOGUE = Path(__file__).parent / "catalogue"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Kind(StrEnum):
    """What sort of event it is."""

    GENERAL_ELECTION = "general_election"
    PRESIDENTIAL_ELECTION = "presidential_election"
    LEGISLATIVE_ELECTION = "legislative_election"
    LEADERSHIP_ELECTION = "leadership_election"
    REFERENDUM = "referendum"
    DISSOLUTION = "dissolution"
    RESIGNATION = "resignation"
    APPOINTMENT = "appointment"
    CONFIDENCE_VOTE = "confidence_vote"
    IMPEACHMENT = "impeachment"
    BUDGET_OR_POLICY = "budget_or_policy"
    PARTY_CONGRESS = "party_congress"
    COUP_OR_MARTIAL_LAW = "coup_or_martial_law"
    INAUGURATION = "inauguration"
    MACRO_RELEASE = "macro_release"


ELECTIONS = frozenset({Kind.GENERAL_ELECTION, Kind.PRESIDENTIAL_ELECTION, Kind.LEGISLATIVE_ELECTION})


class ProGrowth(StrEnum):
    """Whether the programme that won was read as good for growth."""

    YES = "yes"
    NO = "no"
    MIXED = "mixed"
    UNKNOWN = "unknown"


class Majority(StrEnum):
    """What the vote gave the winner in the chamber."""

    SUPERMAJORITY = "supermajority"
    MAJORITY = "majority"
    COALITION = "coalition"
    HUNG = "hung"
    NOT_APPLICABLE = "n/a"


class Surprise(StrEnum):
    """Whether the outcome was expected on the eve."""

    UPSET = "upset"
    EXPECTED = "expected"


class Confidence(StrEnum):
    """How sure the facts and the first session are."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def _aware(value: Any) -> Any:
    """Turn text into an aware UTC instant; refuse a naive one."""
    if not isinstance(value, str):
        return value
    try:
        at = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
    except (ValueError, OverflowError) as e:
        raise ValueError(f"'{value}' is not an instant such as 2026-02-08T11:00:00Z") from e
    if at.tzinfo is None:
        raise ValueError(f"'{value}' is naive: an instant must carry its offset, such as 2026-02-08T11:00:00Z")
    try:
        return at.astimezone(UTC)
    except OverflowError as e:
        raise ValueError(f"'{value}' lies beyond the years 1 to 9999 in UTC") from e


def _decimal(value: Any) -> Decimal | None:
    """Return a finite number given as text or as a number, or None."""
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _tags(value: Any) -> Any:
    return tuple(t.strip() for t in value.split(";") if t.strip()) if isinstance(value, str) else value


def _sources(value: Any) -> Any:
    return tuple(value.split()) if isinstance(value, str) else value


Instant = Annotated[datetime, BeforeValidator(_aware)]
Share = Annotated[float, Field(ge=0, le=1)]
Tags = Annotated[tuple[str, ...], BeforeValidator(_tags)]
Sources = Annotated[tuple[str, ...], BeforeValidator(_sources)]

OUTCOME_FIELDS: dict[str, Any] = {
    "title": "",
    "known_at": None,
    "known_at_basis": None,
    "signal_from": None,
    "winner": None,
    "winner_party": None,
    "incumbent_won": None,
    "winner_share": None,
    "share_kind": None,
    "majority": None,
    "surprise": None,
    "implied_probability": None,
    "program": (),
    "pro_growth": ProGrowth.UNKNOWN,
    "label_basis": None,
    "reported_move": None,
    "move_note": None,
    "sources": (),
    "confidence": None,
}
"""The fields that tell the outcome, with the value that stands for "not known yet"."""

LABEL_FIELDS: dict[str, Any] = {n: OUTCOME_FIELDS[n] for n in ("pro_growth", "program", "surprise", "label_basis")}
"""The fields that are somebody's judgement, which may have been coded later than the outcome was known."""


class PoliticalEvent(BaseModel):
    """One event. A blank is unknown, never a default; all instants are aware UTC.

    ``announced_at``: the date of the vote became public; ``polls_close_at``; ``known_at``: the outcome could be
    acted on; ``signal_from``: a material part of the outcome was already trading; ``scheduled_for``: when it had
    first been due, if it was moved. ``winner_share`` is a fraction of what ``share_kind`` says; ``reported_move`` a
    published percentage with the decimals it was printed with; ``program`` a set of coarse tags. ``surprise`` may be
    given as a number, 1 - p of what happened: ``implied_probability`` and the label follow from it. ``labelled_at``:
    when its labels (LABEL_FIELDS) were coded or last revised; before it they are unknown. Blank: not recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    kind: Kind
    title: str
    timezone: str = "UTC"
    voted_on: date | None = None
    announced_at: Instant | None = None
    announced_at_basis: str | None = None
    scheduled_for: Instant | None = None
    polls_close_at: Instant | None = None
    known_at: Instant | None = None
    known_at_basis: str | None = None
    signal_from: Instant | None = None
    winner: str | None = None
    winner_party: str | None = None
    incumbent_won: bool | None = None
    winner_share: Share | None = None
    share_kind: str | None = None
    majority: Majority | None = None
    surprise: Surprise | None = None
    implied_probability: Share | None = None
    program: Tags = ()
    pro_growth: ProGrowth = ProGrowth.UNKNOWN
    label_basis: str | None = None
    labelled_at: Instant | None = None
    main_index: str | None = None
    reported_move: Annotated[Decimal, Field(ge=-100, le=1000)] | None = None
    move_note: str | None = None
    sources: Sources = ()
    confidence: Confidence | None = None
    _quotes: Quotes = PrivateAttr(())

    @model_validator(mode="before")
    @classmethod
    def _printable(cls, data: Any) -> Any:
        for name, value in data.items() if isinstance(data, dict) else ():
            if isinstance(value, str) and _CONTROL.search(value):
                raise ValueError(f"{name} holds a control character, such as a line break: write it on one line")
        return data

    @model_validator(mode="before")
    @classmethod
    def _surprise_as_number(cls, data: Any) -> Any:
        size = _decimal(data.get("surprise")) if isinstance(data, dict) else None
        if size is None:
            return data
        if not 0 <= size <= 1:
            raise ValueError(f"surprise is {size}; as a number it is 1 - p of what happened, from 0 to 1")
        given = _decimal(data.get("implied_probability"))
        if given not in (None, 1 - size):
            raise ValueError(f"surprise {size} and implied_probability {given} disagree: they must add up to 1")
        label = Surprise.UPSET if size > Decimal("0.5") else Surprise.EXPECTED
        return {**data, "surprise": label, "implied_probability": float(1 - size)}

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as e:  # a folder of zones is an OSError
            raise ValueError(f"timezone '{self.timezone}' is not an IANA zone such as Asia/Tokyo") from e
        named = [(n, getattr(self, n)) for n in ("announced_at", "polls_close_at", "known_at")]
        known = [(n, at) for n, at in named if at is not None]
        for (before, early), (after, late) in pairwise(known):
            if late < early:
                raise ValueError(f"{after} {iso_z(late)} lies before {before} {iso_z(early)}")
        return self

    @property
    def is_election(self) -> bool:
        """Whether voters elected a parliament, a chamber or a president."""
        return self.kind in ELECTIONS

    @property
    def vote_begins_at(self) -> datetime | None:
        """Local midnight of the day of the vote, in UTC: the last close before it precedes the vote."""
        if self.voted_on is None:
            return None
        return datetime.combine(self.voted_on, time(), ZoneInfo(self.timezone)).astimezone(UTC)

    @property
    def quotes(self) -> Quotes:
        """What markets asked for its outcomes before the polls closed, oldest first (``datasets/events/priors.py``)."""
        return self._quotes

    @property
    def priors(self) -> Mapping[str, float]:
        """The probability of each outcome by the last quotes, margin removed; empty when there are none."""
        return margin_removed(last_quotes(self._quotes))

    @property
    def outcome(self) -> str | None:
        """The quoted outcome that happened; None before it was known, or where none, or several, name the winner."""
        return happened(self.priors, winner=self.winner, party=self.winner_party)

    @property
    def outcome_prior(self) -> float | None:
        """The probability of what happened, by its quotes, or where it has none ``implied_probability``.

        None before the outcome was known, and where its quotes do not tell.
        """
        if not self._quotes:
            return self.implied_probability
        return None if self.outcome is None else self.priors[self.outcome]

    @property
    def surprise_size(self) -> float | None:
        """1 - p of what happened, in [0, 1]; None where that is unknown."""
        return None if self.outcome_prior is None else 1 - self.outcome_prior

    def with_quotes(self, quotes: Quotes) -> "PoliticalEvent":
        """Return the event with quotes, oldest first, all strictly before its polls closed."""
        priced = self.model_copy()
        priced._quotes = quotes
        return priced

    def as_known(self, at: datetime) -> "PoliticalEvent":
        """Return the event as it could be seen at an instant: before ``known_at`` its outcome is unknown.

        Labels are unknown before ``labelled_at`` too. That it was moved is unknown until the date on which it did take
        place had been announced. Of its quotes those are seen that were observed strictly before.
        """
        unlabelled: dict[str, Any] = {}
        if self.labelled_at is not None and at < self.labelled_at:
            unlabelled = {**LABEL_FIELDS, "labelled_at": None}
        if self.known_at is not None and at >= self.known_at:
            return self.model_copy(update=unlabelled) if unlabelled else self
        moved = self.announced_at is not None and at >= self.announced_at
        hidden = {**OUTCOME_FIELDS, **unlabelled}
        seen = self.model_copy(update=hidden if moved else {**hidden, "scheduled_for": None})
        return seen.with_quotes(quotes_before(self._quotes, at)) if self._quotes else seen

    def as_row(self) -> dict[str, Any]:
        """Return the event as plain values, instants as text, for JSON."""
        row: dict[str, Any] = self.model_dump(mode="json")
        row["reported_move"] = None if self.reported_move is None else float(self.reported_move)
        return {k: iso_z(v) if isinstance(v := getattr(self, k), datetime) else row[k] for k in row}


class EventCatalogue:
    """An immutable list of events in the order in which they became known (undated ones last).

    ``labels`` names the file and hash of a second coder's labels, where they stand in place of the events' own;
    ``priors`` those of the quotes the events carry.
    """

    def __init__(
        self,
        events: Iterable[PoliticalEvent],
        *,
        labels: Mapping[str, str] | None = None,
        priors: Mapping[str, str] | None = None,
    ) -> None:
        self.labels, self.priors = labels, priors
        late = datetime.max.replace(tzinfo=UTC)
        self._events = tuple(sorted(events, key=lambda e: (e.known_at or late, e.event_id)))
        self._by_id = {e.event_id: e for e in self._events}

    def __iter__(self) -> Iterator[PoliticalEvent]:
        return iter(self._events)

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

    def as_visible(self, look: Callable[[PoliticalEvent], PoliticalEvent | None]) -> "EventCatalogue":
        """Return the events as ``look`` shows them, without those it shows as None; their order stays."""
        seen = EventCatalogue((), labels=self.labels, priors=self.priors)
        seen._events = tuple(shown for e in self._events if (shown := look(e)) is not None)
        seen._by_id = {e.event_id: e for e in seen._events}
        return seen

    def sha256(self) -> str:
        """Return a hash of everything the events say; a blank ``labelled_at`` says nothing."""
        said = [e.model_dump(mode="json", exclude=_unsaid(e)) for e in self._events]
        text = json.dumps(said, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _unsaid(event: PoliticalEvent) -> set[str] | None:
    return {"labelled_at"} if event.labelled_at is None else None


def bundled_events() -> EventCatalogue:
    """Return the catalogue that comes with hustings, as the visibility in force shows it."""
    return _visible(_bundled())


@lru_cache(maxsize=1)
def _bundled() -> EventCatalogue:
    with using_visibility(None):
        return load_events(CATALOGUE)


def load_events(path: Path) -> EventCatalogue:
    """Return the events of a CSV file, or of every CSV file of a directory, as the visibility in force shows them.

    Raises:
        UserError: nothing there, not UTF-8, a missing or unknown column, a bad row (line named), a doubled id.
    """
    with using_visibility(None):
        whole = EventCatalogue(_checked_events(path))
    return _visible(whole)


def _visible(events: EventCatalogue) -> EventCatalogue:
    visibility = current_visibility()
    if visibility is None:
        return events
    visibility.on_access("events")
    return events.as_visible(visibility.event)


def _checked_events(path: Path) -> Iterator[PoliticalEvent]:
    seen: dict[str, str] = {}
    for row in event_rows(path):
        if row.event is None:
            raise UserError(f"{row.where}: {row.faults[0]}")
        if row.event.event_id in seen:
            first = seen[row.event.event_id]
            raise UserError(f"{row.where}: event_id '{row.event.event_id}' stands already at {first}")
        seen[row.event.event_id] = row.where
        yield row.event


@dataclass(frozen=True)
class EventRow:
    """One row of a file of events: its cells, and the event they make, or what keeps them from making one."""

    file: str
    line: int
    cells: dict[str, str]
    event: PoliticalEvent | None
    faults: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """File and line, for a message."""
        return f"{self.file} line {self.line}"


def event_rows(path: Path) -> Iterator[EventRow]:
    """Yield every row of a CSV file, or of every CSV file of a directory, whether it can be read or not.

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


def _all_rows(path: Path) -> Iterator[EventRow]:
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise UserError(f"no events at '{path}': name a CSV file or a directory of CSV files")
    for file in files:
        yield from _read(file)


_REQUIRED = ("event_id", "country", "kind", "title", "known_at")


def _read(path: Path) -> Iterator[EventRow]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as e:
        line = e.object[: e.start].count(b"\n") + 1
        raise UserError(f"{path.name} line {line}: not UTF-8; save the file as UTF-8") from e
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="_more")
    columns: Sequence[str] = reader.fieldnames or ()
    for missing in (c for c in _REQUIRED if c not in columns):
        found = ",".join(columns)[:80] or "nothing"
        raise UserError(f"{path.name} line 1: column '{missing}' is missing, found {found}; events need "
                        f"{','.join(_REQUIRED)}")  # fmt: skip
    for again in (c for i, c in enumerate(columns) if c in columns[:i]):
        raise UserError(f"{path.name} line 1: column '{again}' stands twice")
    for extra in (c for c in columns if c not in PoliticalEvent.model_fields):
        raise unknown_name(f"column in {path.name} line 1:", extra, PoliticalEvent.model_fields)
    for cells in _rows(reader, path):
        yield _event_row(path.name, reader.line_num, cells, len(columns))


def _rows(reader: "csv.DictReader[str]", path: Path) -> Iterator[dict[str, str]]:
    try:
        yield from reader
    except csv.Error as e:
        raise UserError(f"{path.name} line {reader.line_num}: cannot be read as CSV ({e})") from e


def _event_row(file: str, line: int, cells: dict[str, str], n_columns: int) -> EventRow:
    if "_more" in cells or None in cells.values():
        return EventRow(file, line, {}, None, (f"not {n_columns} fields as the header has",))
    cells = {k: v.strip() for k, v in cells.items() if v.strip()}
    try:
        return EventRow(file, line, cells, PoliticalEvent.model_validate(cells))
    except ValidationError as e:
        return EventRow(file, line, cells, None, tuple(map(_fault, e.errors(include_url=False))))


def _fault(error: Any) -> str:
    field = f"{error['loc'][0]}: " if error["loc"] else ""
    found = f", found '{error['input']}'" if error["loc"] and isinstance(error["input"], str) else ""
    return f"{field}{error['msg'].removeprefix('Value error, ')}{found}"
