"""Priors: what markets held each event's outcomes to be worth, as known strictly before its polls closed.

The file (CSV: ``event_id, observed_at, outcome, probability, source``) keeps what was observed. What a rule sees of it
is the last quote of each outcome strictly before the event's cut-off and strictly before the instant of its decision.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from datasets.csv_rows import CsvRow, csv_text, read_csv
from datasets.errors import UserError, unknown_name
from datasets.events.event import PoliticalEvent
from datasets.events.event_catalogue import EventCatalogue
from datasets.events.odds_book import (
    PROBABILITY,
    STALE_AFTER,
    Quote,
    Quotes,
    folded,
    last_quotes,
    probability_of,
    quotes_before,
)
from datasets.files import replace_file
from datasets.instants import INSTANT, iso_z, parse_instant

COLUMNS = ("event_id", "observed_at", "outcome", "probability", "source")


class PriorTable(Struct, frozen=True):
    """The quotes of each event in the order of their instants, and the name and hash of the file."""

    file: str
    sha256: str
    quotes: Mapping[str, Quotes]

    def usable(self, event: PoliticalEvent) -> Quotes:
        """Return the quotes of an event strictly before its cut-off; none where it has no cut-off."""
        at, _ = cutoff(event)
        return () if at is None else quotes_before(self.quotes.get(event.event_id, ()), at)

    def identity(self) -> dict[str, str]:
        """Return what a run's manifest says of the file."""
        return {"file": self.file, "sha256": self.sha256}


def cutoff(event: PoliticalEvent) -> tuple[datetime | None, str]:
    """Return the instant strictly before which a quote is a prior of the event, and the field it follows from.

    The close of the polls; where that is blank local midnight of the day of the vote; else the earlier of
    ``signal_from`` and ``known_at``. Never later than ``known_at``.
    """
    first: tuple[datetime | None, str]
    if event.polls_close_at is not None:
        first = (event.polls_close_at, "polls_close_at")
    elif event.vote_begins_at is not None:
        first = (event.vote_begins_at, "midnight of voted_on")
    else:
        first = (event.signal_from or event.known_at, "signal_from" if event.signal_from else "known_at")
    named = [(at, why) for at, why in (first, (event.known_at, "known_at")) if at is not None]
    return min(named, key=lambda n: n[0]) if named else (None, "no instant is known")


def load_priors(path: Path, events: EventCatalogue) -> PriorTable:
    """Return the quotes of a CSV file.

    Raises:
        UserError: no such file, a wrong column, a bad row (line named), an unknown event, one outcome in two
            spellings, two quotes of one outcome at one instant.
    """
    file = read_csv(path, required=COLUMNS, known=COLUMNS)
    quotes = [(row, _quote(row, events)) for row in file.rows]
    _check_once(quotes)
    by_event: dict[str, list[Quote]] = {}
    for row, quote in quotes:
        by_event.setdefault(row.text("event_id"), []).append(quote)
    return PriorTable(file.name, file.sha256, {event_id: tuple(sorted(own)) for event_id, own in by_event.items()})


def _quote(row: CsvRow, events: EventCatalogue) -> Quote:
    event_id = row.text("event_id")
    if event_id not in events:
        known = [e.event_id for e in events]
        raise unknown_name(f"event at {row.where}:", event_id, known, hint="'hustings events list' shows them all")
    for name in (n for n in ("outcome", "source") if not row.text(n)):
        raise UserError(f"{row.where}: {name} is blank")
    return Quote(
        row.need("observed_at", parse_instant, INSTANT),
        row.text("outcome"),
        row.need("probability", probability_of, PROBABILITY),
        row.text("source"),
    )


def _check_once(quotes: list[tuple[CsvRow, Quote]]) -> None:
    """Refuse an outcome in two spellings, and two quotes of one outcome at one instant."""
    spellings: dict[tuple[str, str], tuple[str, str]] = {}
    places: dict[tuple[str, str, datetime], str] = {}
    for row, quote in quotes:
        outcome, where = quote.outcome, row.where
        key = (row.text("event_id"), folded(outcome))
        spelling, first = spellings.setdefault(key, (outcome, where))
        if spelling != outcome:
            raise UserError(f"{where}: outcome '{outcome}' is '{spelling}' at {first}; write it one way per event")
        first = places.setdefault((*key, quote.observed_at), where)
        if first != where:
            raise UserError(
                f"{where}: '{outcome}' of {key[0]} at {iso_z(quote.observed_at)} appears already at {first};"
                " keep one quote per outcome and instant"
            )


def with_priors(events: EventCatalogue, table: PriorTable) -> EventCatalogue:
    """Return the events with their quotes strictly before their cut-off; later ones are in no event at all."""
    priced = (e.with_quotes(table.usable(e)) if e.event_id in table.quotes else e for e in events)
    return events.with_events(priced, priors=table.identity())


def priors_csv(quotes: Mapping[str, Iterable[Quote]]) -> str:
    """Return quotes by event as the text of a priors file, in order of event, instant and outcome."""
    rows = ((event_id, q) for event_id in sorted(quotes) for q in sorted(quotes[event_id]))
    return csv_text(COLUMNS, ((e, iso_z(q.observed_at), q.outcome, repr(q.probability), q.source) for e, q in rows))


def add_quotes(path: Path, event_id: str, quotes: Iterable[Quote], events: EventCatalogue) -> None:
    """Write the quotes of an event to a priors file, with those it holds; the file is replaced at once.

    Raises:
        UserError: the file that is there is no priors file, or holds one of the quotes; it cannot be written.
    """
    had = load_priors(path, events).quotes if path.exists() else {}
    new = tuple(quotes)
    taken = {(q.observed_at, folded(q.outcome)) for q in had.get(event_id, ())}
    if any((q.observed_at, folded(q.outcome)) in taken for q in new):
        raise UserError(f"'{path}' has quotes of {event_id} at these instants already: name another file")
    text = priors_csv({**had, event_id: (*had.get(event_id, ()), *new)})
    try:
        replace_file(path, text.encode())
    except OSError as e:
        raise UserError(f"'{path}' cannot be written ({e.strerror}); name another file") from e


class PriorReading(Struct, frozen=True):
    """What a priors file says of one event.

    ``quotes`` the last one of each outcome; ``probabilities`` the same, margin removed; ``surprise`` 1 - p of what
    happened; ``note`` says why something is unknown.
    """

    event_id: str
    cutoff_at: datetime | None
    cutoff_basis: str
    n_observations: int
    n_before: int
    quotes: Mapping[str, Quote]
    probabilities: Mapping[str, float]
    happened: str | None
    surprise: float | None
    note: str


def read_prior(event: PoliticalEvent, table: PriorTable) -> PriorReading:
    """Return what the file says of an event, once its outcome is known."""
    priced = event.with_quotes(table.usable(event))
    at, basis = cutoff(event)
    return PriorReading(
        event_id=event.event_id,
        cutoff_at=at,
        cutoff_basis=basis,
        n_observations=len(table.quotes.get(event.event_id, ())),
        n_before=len(table.usable(event)),
        quotes=last_quotes(table.usable(event)),
        probabilities=priced.priors,
        happened=priced.outcome,
        surprise=priced.surprise_size if priced.priors else None,
        note=_note(priced, at),
    )


def _note(event: PoliticalEvent, at: datetime | None) -> str:
    """Return why an event has no prior or no surprise, or a warning of an old one; blank if all is well."""
    if at is None:
        return "no cut-off: polls_close_at, voted_on, signal_from and known_at are all blank"
    if not event.quotes:
        return f"no quote before the cut-off {iso_z(at)}"
    if event.outcome is None:
        return _unmatched(event)
    age = at - event.quotes[-1].observed_at
    return f"the last quote is {age.days} days older than the cut-off" if age > STALE_AFTER else ""


def _unmatched(event: PoliticalEvent) -> str:
    names = " or ".join(f"'{n}'" for n in (event.winner, event.winner_party) if n)
    if not names:
        return "what happened is unknown: winner and winner_party are blank"
    return f"what happened is unknown: not one outcome alone of {', '.join(event.priors)} names {names}"
