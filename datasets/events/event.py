"""A political event: what happened, when it became public, and what was known of it at any instant."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from datasets.errors import did_you_mean
from datasets.events.kinds import Ballot, Kind, OwnKind, kind_of
from datasets.events.odds_book import Quotes, happened, last_quotes, margin_removed, quotes_before
from datasets.instants import iso_z, parse_instant
from datasets.markets.zones import zone_of

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Extra(dict[str, float | str]):
    """The own columns of an event by name; one that is not there is NaN, of which every comparison is false."""

    def __missing__(self, name: str) -> float:
        return math.nan


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


class WinnerStatus(StrEnum):
    """What the winner was when the outcome became known."""

    LEADS = "leads"
    PROJECTED = "projected"
    ELECTED = "elected"
    APPOINTED = "appointed"


class Surprise(StrEnum):
    """Whether the outcome was expected on the eve."""

    UPSET = "upset"
    EXPECTED = "expected"


class Confidence(StrEnum):
    """How sure the facts and the first session are."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def _read_by(parse: Callable[[str], Any]) -> BeforeValidator:
    """Return what reads a value that is text, and leaves any other as it is."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def _decimal(value: Any) -> Decimal | None:
    """Return a finite number given as text or as a number, or None."""
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _by_field(text: str) -> tuple[tuple[str, datetime], ...]:
    """Return ``majority: 2015-05-08T12:34:00Z; title: ...`` as pairs of a field and its instant."""
    pairs = (part.partition(":") for part in text.split(";") if part.strip())
    return tuple((name.strip(), parse_instant(at.strip())) for name, _, at in pairs)


Instant = Annotated[datetime, _read_by(parse_instant)]
Share = Annotated[float, Field(ge=0, le=1)]
Tags = Annotated[tuple[str, ...], _read_by(lambda text: tuple(t.strip() for t in text.split(";") if t.strip()))]
Sources = Annotated[tuple[str, ...], _read_by(lambda text: tuple(text.split()))]
EventKind = Annotated[Kind | OwnKind, PlainValidator(kind_of), PlainSerializer(str)]
OwnColumns = Annotated[Extra, PlainValidator(Extra), PlainSerializer(dict)]
FieldInstants = Annotated[tuple[tuple[str, datetime], ...], _read_by(_by_field)]
"""Pairs of a field of the outcome and the instant at which it became public."""

_OUTCOME = (
    "title", "known_at", "known_at_basis", "signal_from", "winner", "winner_party", "winner_status", "incumbent_won",
    "settled_at", "winner_share", "share_kind", "majority", "surprise", "implied_probability", "program", "pro_growth",
    "label_basis", "label_sources", "label_dated", "label_note", "reported_move", "move_note", "sources", "confidence",
    "tags", "extra", "fields_known_at",
)  # fmt: skip
_LABELS = ("pro_growth", "program", "surprise", "label_basis", "label_sources", "label_dated", "label_note")
_OF_WINNER = ("winner_party", "winner_status", "incumbent_won", "winner_share", "implied_probability", *_LABELS)
"""The fields that speak of the winner: none is public before the winner is."""
_ONE_FACT = {"surprise": "implied_probability", "implied_probability": "surprise"}
"""Fields that give each other away: an instant of one of them holds for both."""
_MOVE_AFTER = timedelta(days=7)
_LONG_AGO, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_NOT_DATED = ("known_at", "known_at_basis", "signal_from", "settled_at", "fields_known_at")


_SEEN: dict[tuple[int, datetime], tuple["PoliticalEvent", "PoliticalEvent"]] = {}
"""Events, and each as it was seen at an instant: a replay asks for that again and again."""


class PoliticalEvent(BaseModel):
    """One event. A blank is unknown (of ``timezone``: UTC); all instants are aware UTC.

    ``announced_at``: the date of the vote became public; ``polls_close_at``; ``known_at``: the outcome could be
    acted on; ``signal_from``: a material part of the outcome was already trading; ``scheduled_for``: when it had
    first been due, if it was moved. ``winner_share`` is a fraction of what ``share_kind`` says; ``reported_move`` a
    published percentage with the decimals it was printed with; ``program`` a set of coarse tags. ``surprise`` may be
    given as a number, 1 - p of what happened: ``implied_probability`` and the label follow from it. ``labelled_at``:
    when its labels (LABEL_FIELDS) were coded or last revised; before it they are unknown. Blank: not recorded.
    ``settled_at``: who governs was settled then, where that was later than ``known_at``; ``fields_known_at``: instants
    of single fields that became public later. ``actor``: the country of who acted, where it is another.
    ``vote``: whether citizens vote on it, for a kind of one's own. ``tags`` and ``extra``: one's own words and columns
    (a number or a text each), known from ``known_at`` on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    kind: EventKind
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
    winner_status: WinnerStatus | None = None
    incumbent_won: bool | None = None
    settled_at: Instant | None = None
    winner_share: Share | None = None
    share_kind: str | None = None
    majority: Majority | None = None
    surprise: Surprise | None = None
    implied_probability: Share | None = None
    program: Tags = ()
    pro_growth: ProGrowth = ProGrowth.UNKNOWN
    label_basis: str | None = None
    label_sources: Sources = ()
    label_dated: date | None = None
    label_note: str | None = None
    labelled_at: Instant | None = None
    main_index: str | None = None
    reported_move: Annotated[Decimal, Field(ge=-100, le=1000)] | None = None
    move_note: str | None = None
    sources: Sources = ()
    confidence: Confidence | None = None
    fields_known_at: FieldInstants = ()
    actor: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    vote: bool | None = None
    tags: Tags = ()
    extra: OwnColumns = Extra()
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
        zone_of(self.timezone)
        named = [(n, getattr(self, n)) for n in ("announced_at", "polls_close_at", "known_at")]
        known = [(n, at) for n, at in named if at is not None]
        for (before, early), (after, late) in pairwise(known):
            if late < early:
                raise ValueError(f"{after} {iso_z(late)} lies before {before} {iso_z(early)}")
        if self.fields_known_at or self.settled_at:
            self._check_later_fields()
        return self

    def _check_later_fields(self) -> None:
        later = [*self.fields_known_at, *([("settled_at", self.settled_at)] if self.settled_at else [])]
        datable = [n for n in OUTCOME_FIELDS if n not in _NOT_DATED]
        for name, at in later:
            if name != "settled_at" and name not in datable:
                raise ValueError(
                    f"fields_known_at names '{name}'{did_you_mean(name, datable)}: no field of the outcome"
                )
            if self.known_at is None or at <= self.known_at:
                raise ValueError(f"{name} {iso_z(at)} does not come after known_at: leave it out unless it is later")
        twice = [n for n, count in Counter(n for n, _ in self.fields_known_at).items() if count > 1]
        if twice:
            raise ValueError(f"fields_known_at names '{twice[0]}' twice: a field became public once")

    @property
    def is_election(self) -> bool:
        """Whether voters elected a parliament, a chamber or a president."""
        return self.ballot is Ballot.ELECTION

    @property
    def is_vote(self) -> bool:
        """Whether citizens vote."""
        return self.ballot is not Ballot.NONE

    @property
    def ballot(self) -> Ballot:
        """Whether citizens vote, and on what: an own kind is an election where its row says ``vote``."""
        return Ballot.ELECTION if isinstance(self.kind, OwnKind) and self.vote else self.kind.ballot

    @property
    def vote_begins_at(self) -> datetime | None:
        """Local midnight of the day of the vote, in UTC: the last close before it precedes the vote."""
        if self.voted_on is None:
            return None
        return datetime.combine(self.voted_on, time(), ZoneInfo(self.timezone)).astimezone(UTC)

    @property
    def local_day(self) -> date | None:
        """The day of the vote, else that on which the outcome became known where it happened."""
        known_on = self.known_at and self.known_at.astimezone(ZoneInfo(self.timezone)).date()
        return self.voted_on or known_on

    @property
    def quotes(self) -> Quotes:
        """The quotes of its outcomes before the polls closed, oldest first (``datasets/events/priors.py``)."""
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

        None before the outcome was known, and where its quotes do not say.
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

    def public_at(self, field: str) -> datetime | None:
        """Return when a field of the outcome became public; None where ``known_at`` is blank.

        That is its own instant in ``fields_known_at``, else ``settled_at`` of ``incumbent_won``, a week after the
        outcome of a published move, else ``known_at``; never before the winner it speaks of. ``surprise`` and
        ``implied_probability`` are public together.
        """
        own = dict(self.fields_known_at)
        at = own.get(field, own.get(_ONE_FACT.get(field, ""), self.known_at))
        if at is None or self.known_at is None:
            return None
        if field in ("incumbent_won", "settled_at") and field not in own:
            at = self.settled_at or at
        if field in ("reported_move", "move_note") and field not in own:
            at = at + _MOVE_AFTER
        return max(at, own.get("winner", at)) if field in _OF_WINNER else at

    def next_public(self, fields: Iterable[str], after: datetime) -> datetime | None:
        """Return the first instant after another at which any of some fields became public; None where none did.

        When labels were coded is not looked at: nothing happened then.
        """
        instants = (self.public_at(field) for field in fields if field in OUTCOME_FIELDS)
        return min((at for at in instants if at is not None and at > after), default=None)

    def as_known(self, at: datetime) -> "PoliticalEvent":
        """Return the event as it could be seen at an instant: before ``known_at`` its outcome is unknown.

        So is each field before its own instant, and labels before ``labelled_at``. That it was moved is unknown until
        the date on which it did take place had been announced. Of its quotes those are seen that were observed before.
        """
        if at >= self.wholly_public_from():
            return self
        found = _SEEN.get((id(self), at))
        if found is None:
            if len(_SEEN) >= 4_096:
                _SEEN.clear()
            found = _SEEN[id(self), at] = self, self._seen(at)  # the event is kept, and with it its id
        return found[1]

    def _seen(self, at: datetime) -> "PoliticalEvent":
        unlabelled: dict[str, Any] = {}
        if self.labelled_at is not None and at < self.labelled_at:
            unlabelled = {**LABEL_FIELDS, "labelled_at": None}
        if self.known_at is not None and at >= self.known_at:
            hidden = {**dict(self._not_yet_public(at)), **unlabelled}
            return self.model_copy(update=hidden) if hidden else self
        moved = self.announced_at is not None and at >= self.announced_at
        hidden = {**OUTCOME_FIELDS, **unlabelled}
        seen = self.model_copy(update=hidden if moved else {**hidden, "scheduled_for": None})
        return seen.with_quotes(quotes_before(self._quotes, at)) if self._quotes else seen

    def wholly_public_from(self) -> datetime:
        """Return the instant from which nothing of the event is hidden: long past for nearly all events of a replay."""
        if self.known_at is None:
            return _NEVER
        later = (self.labelled_at, self.settled_at, *(when for _, when in self.fields_known_at))
        return max(self.known_at + _MOVE_AFTER, *(when for when in later if when is not None), _LONG_AGO)

    def _not_yet_public(self, at: datetime) -> Iterator[tuple[str, Any]]:
        """Yield the fields of a known outcome that are not public at an instant, with what stands for them."""
        own = dict(self.fields_known_at)
        late = {*own, *(_ONE_FACT[n] for n in own if n in _ONE_FACT), *(_OF_WINNER if "winner" in own else ())}
        late |= {"incumbent_won", "settled_at"} if self.settled_at else set()
        late |= {"reported_move", "move_note"} if self.reported_move is not None or self.move_note else set()
        for field in late:
            public = self.public_at(field)
            if public is not None and at < public and getattr(self, field) != OUTCOME_FIELDS[field]:
                yield field, OUTCOME_FIELDS[field]
        if any(at < when for when in own.values()):
            yield "fields_known_at", tuple((name, when) for name, when in self.fields_known_at if when <= at)

    def timing(self) -> "PoliticalEvent":
        """Return the event with its instants, and nothing else of its outcome."""
        unknown = self._seen(_LONG_AGO)
        return unknown.model_copy(update={n: getattr(self, n) for n in ("known_at", "signal_from", "settled_at")})

    def as_row(self) -> dict[str, Any]:
        """Return the event as plain values, instants as text, for JSON."""
        row: dict[str, Any] = self.model_dump(mode="json")
        row["reported_move"] = None if self.reported_move is None else float(self.reported_move)
        row["fields_known_at"] = {name: iso_z(at) for name, at in self.fields_known_at}
        return {k: iso_z(v) if isinstance(v := getattr(self, k), datetime) else row[k] for k in row}


OUTCOME_FIELDS: dict[str, Any] = {n: PoliticalEvent.model_fields[n].default for n in _OUTCOME} | {"title": ""}
"""The fields of the outcome, with the value that means "not known yet": the default of one that is not given."""
LABEL_FIELDS: dict[str, Any] = {n: OUTCOME_FIELDS[n] for n in _LABELS}
"""The fields that are somebody's judgement, which may have been coded later than the outcome was known."""


def faults_of(error: ValidationError) -> tuple[str, ...]:
    """Return what is wrong with the cells of a row, one sentence each."""
    return tuple(_fault(each) for each in error.errors(include_url=False))


def _fault(error: Any) -> str:
    field = f"{error['loc'][0]}: " if error["loc"] else ""
    found = f", found '{error['input']}'" if error["loc"] and isinstance(error["input"], str) else ""
    return f"{field}{error['msg'].removeprefix('Value error, ')}{found}"
