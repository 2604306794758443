"""ParlGov's tables as events without instants: parliamentary elections of 37 democracies since 1900.

ParlGov (Döring and Manow, parlgov.org) is in the public domain (CC0 1.0). Two layouts are read: the tables of its
database (``Election``, ``ElectionResult``, ``Party``, ``Country``, ``Cabinet``, ``CabinetParty``), and the views of its
releases (``view_election.csv``, ``view_cabinet.csv``).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from datasets.errors import unknown_name
from datasets.events.event import Confidence, Extra, Majority, PoliticalEvent
from datasets.events.event_catalogue import EventCatalogue
from datasets.events.kinds import Kind
from datasets.events.parlgov_tables import Result, Vote, read_votes
from datasets.markets.zones import main_zone, zones

SOURCE = "https://github.com/hdigital/parlgov-web"
BASIS = "date only (ParlGov)"
_PRESIDENTIAL = frozenset({"CY", "FR"})
"""Where the executive is a president's, a vote for parliament is a legislative election."""
_NO_PARTY = frozenset({"none", "other", "others", "etc", "no-seat", "one-seat"})
_COMPLETE = 0.95
"""Below this share of the seats accounted for, the winner's share is unknown."""


@dataclass(frozen=True)
class _Quirk:
    seats_are_partial: bool = False
    note: str = ""


QUIRKS = {
    ("JP", date(2021, 10, 31)): _Quirk(seats_are_partial=True, note="holds only the 176 proportional seats"),
    ("IT", date(2008, 4, 13)): _Quirk(note="the first of two days of voting"),
}
"""Rows of ParlGov that say less than they seem to."""


def parlgov_events(folder: Path, country: str | None = None) -> EventCatalogue:
    """Return the parliamentary elections of a directory of ParlGov's files, of one country or of all.

    ``known_at`` is blank: a rule that acts on the outcome skips them until it is given. European ones are left out.

    Raises:
        UserError: the tables are not there, have no such column, or hold a bad date or number; no such country.
    """
    votes = read_votes(folder)
    known = sorted({v.country for v in votes})
    if country is not None and country.strip().upper() not in known:
        raise unknown_name("country", country, known, hint=f"ParlGov's files hold {', '.join(known)}")
    wanted = [v for v in votes if country is None or v.country == country.strip().upper()]
    return EventCatalogue(_event(v) for v in wanted if v.country in zones())


def _event(vote: Vote) -> PoliticalEvent:
    what, kind = ("LE", Kind.LEGISLATIVE_ELECTION) if vote.country in _PRESIDENTIAL else ("GE", Kind.GENERAL_ELECTION)
    zone, quirk = main_zone(vote.country), QUIRKS.get((vote.country, vote.ended_on), _Quirk())
    first = _first(vote.results)
    share = None if first is None or quirk.seats_are_partial else _share(first, vote)
    announced, announced_basis = _announced(vote, zone)
    return PoliticalEvent(
        event_id=f"{vote.country}-{vote.began_on}-{what}",
        country=vote.country,
        kind=kind,
        title=_title(vote, first, share),
        timezone=zone,
        voted_on=vote.began_on,
        announced_at=announced,
        announced_at_basis=announced_basis,
        known_at_basis="; ".join([BASIS, *_remarks(vote, quirk)]),
        winner_party=None if first is None else first.party,
        incumbent_won=incumbent_won(vote),
        winner_share=share,
        share_kind=None if share is None else "seats",
        majority=_majority(share),
        sources=(SOURCE, *vote.sources),
        confidence=Confidence.LOW,
        extra=_columns(vote, quirk),
    )


def _columns(vote: Vote, quirk: _Quirk) -> Extra:
    """Return the own columns of a vote: seats of the first party and of all, its position, and its lead.

    The lead is over the party with the second most seats, in points of the vote.
    """
    ranked = _ranked(vote.results)
    if _first(vote.results) is None:
        return Extra()
    lead = ranked[0].vote_share - ranked[1].vote_share if len(ranked) > 1 else None
    seats = None if quirk.seats_are_partial else ranked[0].seats
    columns = {
        "seats": seats,
        "seats_total": vote.seats_total or None,
        "lead": lead,
        "left_right": ranked[0].left_right,
    }
    return Extra({name: round(float(value), 4) for name, value in columns.items() if value is not None})


def incumbent_won(vote: Vote) -> bool | None:
    """Return whether the prime minister's party before the vote provided the first prime minister after it.

    None where that is not known: no cabinet on either side, a caretaker cabinet, a prime minister without a party.
    """
    regular = (c for c in sorted(vote.cabinets_after, key=lambda c: c.began_on) if not c.is_caretaker)
    before, after = vote.cabinet_before, next(regular, None)
    if before is None or before.is_caretaker or before.pm_party is None or after is None or after.pm_party is None:
        return None
    return before.pm_party == after.pm_party


def _first(results: Iterable[Result]) -> Result | None:
    """Return the party with the most seats, by votes among equals; None when two are equal in both."""
    ranked = _ranked(results)
    tied = len(ranked) > 1 and (ranked[0].seats, ranked[0].vote_share) == (ranked[1].seats, ranked[1].vote_share)
    return None if not ranked or tied else ranked[0]


def _ranked(results: Iterable[Result]) -> list[Result]:
    parties = [r for r in results if r.seats and r.party.casefold() not in _NO_PARTY]
    return sorted(parties, key=lambda r: (r.seats, r.vote_share), reverse=True)


def _share(first: Result, vote: Vote) -> float | None:
    counted = sum(r.seats for r in vote.results)
    if not vote.seats_total or not _COMPLETE <= counted / vote.seats_total <= 2 - _COMPLETE:
        return None
    return round(first.seats / vote.seats_total, 3)


def _majority(share: float | None) -> Majority | None:
    """Return what follows from the seats alone: below half, they do not show whether there is a coalition."""
    if share is None or share <= 0.5:
        return None
    return Majority.SUPERMAJORITY if share > 2 / 3 else Majority.MAJORITY


def _title(vote: Vote, first: Result | None, share: float | None) -> str:
    if first is None:
        return "Parliamentary election"
    seats = "" if share is None else f" with {first.seats} of {vote.seats_total} seats"
    return f"Parliamentary election: {first.name} first{seats}"


def _announced(vote: Vote, zone: str) -> tuple[datetime | None, str | None]:
    """Return the end of the day of the dissolution in the country's zone, and its basis."""
    if vote.dissolved_on is None:
        return None, None
    at = datetime.combine(vote.dissolved_on + timedelta(days=1), time(), ZoneInfo(zone))
    return at, f"dissolution of {vote.dissolved_on} (ParlGov); minute not known, set to the end of that day"


def _remarks(vote: Vote, quirk: _Quirk) -> Iterator[str]:
    if vote.ended_on != vote.began_on:
        yield f"voting ended {vote.ended_on}"
    if quirk.note:
        yield f"ParlGov {quirk.note}" if quirk.seats_are_partial else quirk.note
