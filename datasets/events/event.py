"""A political event: what happened, when it became public, and what was known of it at any instant."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from datasets.events.kinds import Kind
from datasets.events.odds_book import Quotes, happened, last_quotes, margin_removed, quotes_before
from datasets.instants import iso_z, parse_instant

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


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
    return parse_instant(value) if isinstance(value, str) else value


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
"""The fields of the outcome, with the value that means "not known yet"."""

LABEL_FIELDS: dict[str, Any] = {n: OUTCOME_FIELDS[n] for n in ("pro_growth", "program", "surprise", "label_basis")}
"""The fields that are somebody's judgement, which may have been coded later than the outcome was known."""


class PoliticalEvent(BaseModel):
    """One event. A blank is unknown (of ``timezone``: UTC); all instants are aware UTC.

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
        return self.kind.is_election

    @property
    def vote_begins_at(self) -> datetime | None:
        """Local midnight of the day of the vote, in UTC: the last close before it precedes the vote."""
        if self.voted_on is None:
            return None
        return datetime.combine(self.voted_on, time(), ZoneInfo(self.timezone)).astimezone(UTC)

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

    def timing(self) -> "PoliticalEvent":
        """Return the event with its instants, and nothing else of its outcome."""
        unknown = self.as_known(datetime.min.replace(tzinfo=UTC))
        return unknown.model_copy(update={"known_at": self.known_at, "signal_from": self.signal_from})

    def as_row(self) -> dict[str, Any]:
        """Return the event as plain values, instants as text, for JSON."""
        row: dict[str, Any] = self.model_dump(mode="json")
        row["reported_move"] = None if self.reported_move is None else float(self.reported_move)
        return {k: iso_z(v) if isinstance(v := getattr(self, k), datetime) else row[k] for k in row}


def faults_of(error: ValidationError) -> tuple[str, ...]:
    """Return what is wrong with the cells of a row, one sentence each."""
    return tuple(_fault(each) for each in error.errors(include_url=False))


def _fault(error: Any) -> str:
    field = f"{error['loc'][0]}: " if error["loc"] else ""
    found = f", found '{error['input']}'" if error["loc"] and isinstance(error["input"], str) else ""
    return f"{field}{error['msg'].removeprefix('Value error, ')}{found}"
