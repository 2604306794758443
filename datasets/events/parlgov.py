"""ParlGov's CSV files, in either layout, as events without instants: elections of 37 democracies since 1900."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from datasets.csv_rows import CsvRow, bundled_rows, read_csv
from datasets.errors import UserError, unknown_name
from datasets.events.event import Confidence, Extra, Majority, PoliticalEvent
from datasets.events.event_catalogue import EventCatalogue
from datasets.events.kinds import Kind
from datasets.markets.zones import main_zone, zones

_DATE = "a date such as 2021-10-31"
_ISO2 = {r["country"]: r["iso2"] for r in bundled_rows(Path(__file__).with_name("parlgov_countries.csv"))}
"""ParlGov's countries: its short names are ISO 3166's three letters."""
_PARLIAMENT = "13"
"""The code of a parliamentary election in the table ``Election`` (ParlGov's ``Code``); 1 is the European one."""


class Result(Struct, frozen=True):
    """What one party got; ``party`` is its short name, ``name`` its English one, ``vote_share`` in percent.

    ``left_right`` is its position, 0 (left) to 10, where the files have it.
    """

    party: str
    name: str
    seats: int
    vote_share: float
    left_right: float | None = None


class Cabinet(Struct, frozen=True):
    """One cabinet; ``pm_party`` is ParlGov's number of the prime minister's party, None if there is none."""

    began_on: date
    is_caretaker: bool
    pm_party: str | None


class Vote(Struct, frozen=True):
    """One parliamentary election as ParlGov has it; ``country`` is ISO 3166's two letters."""

    country: str
    began_on: date
    ended_on: date
    seats_total: int
    results: tuple[Result, ...]
    cabinet_before: Cabinet | None
    cabinets_after: tuple[Cabinet, ...]
    dissolved_on: date | None = None
    sources: tuple[str, ...] = ()


def read_votes(folder: Path) -> list[Vote]:
    """Return every parliamentary election of a directory in either layout.

    Raises:
        UserError: the tables are not there, have no such column, or hold a bad date or number.
    """
    if (folder / "view_election.csv").is_file():
        return _votes_of_views(folder)
    if _find(folder, "Election") is not None:
        return _votes_of_tables(folder)
    raise UserError(f"no ParlGov tables in '{folder}': it needs view_election.csv, or Election.csv and its like")


def _votes_of_tables(folder: Path) -> list[Vote]:
    countries = {r.text("id"): r.text("code_iso2") for r in _table(folder, "Country", "id code_iso2")}
    parties = {r.text("id"): r for r in _table(folder, "Party", "id name_short name_english")}
    results: dict[str, list[Result]] = defaultdict(list)
    for r in _table(folder, "ElectionResult", "election party seats vote_share"):
        results[r.text("election")].append(_result(r, parties.get(r.text("party")), "name_short", "name_english"))
    pms = [r for r in _table(folder, "CabinetParty", "cabinet party pm") if _whole(r, "pm")]
    formed = _table(folder, "Cabinet", "id start_date caretaker previous_parliament_election")
    leads = {r.text("cabinet"): r.text("party") for r in pms}
    cabinets = _Cabinets(formed, leads, number="id", election="previous_parliament_election")
    columns = "id type country date seats_total dissolution_date previous_parliament_election previous_cabinet"
    elections = {r.text("id"): r for r in _table(folder, "Election", columns)}
    return [
        Vote(
            country=countries.get(r.text("country"), ""),
            began_on=_opened(r),
            ended_on=_day(r, "date"),
            seats_total=_whole(r, "seats_total"),
            results=tuple(results[number]),
            dissolved_on=_dissolved(r, elections.get(r.text("previous_parliament_election"))),
            cabinet_before=cabinets.by_number.get(r.text("previous_cabinet")),
            cabinets_after=cabinets.since(number, _day(r, "date")),
            sources=(page,) if (page := r.text("wikipedia")).startswith("http") and " " not in page else (),
        )
        for number, r in elections.items()
        if r.text("type") == _PARLIAMENT
    ]


def _votes_of_views(folder: Path) -> list[Vote]:
    columns = (
        "country_name_short election_type election_date vote_share seats seats_total party_name_short"
        " party_name_english election_id previous_cabinet_id"
    )
    rows = [r for r in _table(folder, "view_election", columns) if r.text("election_type") == "parliament"]
    results: dict[str, list[Result]] = defaultdict(list)
    for r in rows:
        results[r.text("election_id")].append(_result(r, r, "party_name_short", "party_name_english"))
    columns = "start_date caretaker prime_minister election_id cabinet_id party_id"
    formed = [] if _find(folder, "view_cabinet") is None else _table(folder, "view_cabinet", columns)
    leads = {r.text("cabinet_id"): r.text("party_id") for r in formed if _whole(r, "prime_minister")}
    cabinets = _Cabinets(formed, leads, number="cabinet_id", election="election_id")
    return [
        Vote(
            country=_ISO2.get(r.text("country_name_short"), ""),
            began_on=_day(r, "election_date"),
            ended_on=_day(r, "election_date"),
            seats_total=_whole(r, "seats_total"),
            results=tuple(results[number]),
            cabinet_before=cabinets.by_number.get(r.text("previous_cabinet_id")),
            cabinets_after=cabinets.since(number, _day(r, "election_date")),
        )
        for number, r in {r.text("election_id"): r for r in rows}.items()
    ]


def _result(row: CsvRow, party: CsvRow | None, short: str, name: str) -> Result:
    names = ("none", "none") if party is None else (party.text(short), party.text(name))
    position = row.read("left_right", float, "a number")
    return Result(*names, _whole(row, "seats"), row.read("vote_share", float, "a number") or 0.0, position)


class _Cabinets:
    """Cabinets by their number, and by the election of the parliament in which they were formed."""

    def __init__(self, rows: Iterable[CsvRow], leads: Mapping[str, str], *, number: str, election: str) -> None:
        self.by_number: dict[str, Cabinet] = {}
        self._after: dict[str, list[Cabinet]] = defaultdict(list)
        for r in rows:
            cabinet = Cabinet(_day(r, "start_date"), bool(_whole(r, "caretaker")), leads.get(r.text(number)))
            self.by_number[r.text(number)] = cabinet
            self._after[r.text(election)].append(cabinet)

    def since(self, election: str, day: date) -> tuple[Cabinet, ...]:
        """Return the cabinets after an election that began on its day or later."""
        return tuple(c for c in self._after[election] if c.began_on >= day)


def _opened(row: CsvRow) -> date:
    """Return the first day of voting; ParlGov dates a vote of two days by its last and notes the other."""
    try:
        noted = json.loads(row.text("data_json") or "{}").get("opening_date", "")
        return min(date.fromisoformat(noted), _day(row, "date"))
    except (ValueError, AttributeError, TypeError):
        return _day(row, "date")


def _dissolved(row: CsvRow, previous: CsvRow | None) -> date | None:
    """Return the day the outgoing parliament was dissolved.

    ParlGov gives the date mostly with the election of the parliament that was dissolved, at times with the next one:
    the day between the two votes is meant.
    """
    since = date.min if previous is None else _day(previous, "date")
    days = [r.read("dissolution_date", date.fromisoformat, _DATE) for r in (row, previous) if r is not None]
    return next((d for d in days if d is not None and since < d < _opened(row)), None)


def _find(folder: Path, table: str) -> Path | None:
    """Return the file of a table: ``Election.csv``, or with a prefix as in ``31__elections__Election.csv``."""
    return next((p for p in sorted(folder.glob("*.csv")) if p.stem.split("__")[-1] == table), None)


def _table(folder: Path, table: str, columns: str) -> list[CsvRow]:
    path = _find(folder, table)
    if path is None:
        raise UserError(f"no table {table} in '{folder}': ParlGov's {table}.csv must be there")
    rows = read_csv(path, required=columns.split(), or_latin_1=True).rows
    return [replace(row, cells={k: "" if v == "NA" else v for k, v in row.cells.items()}) for row in rows]


def _day(row: CsvRow, column: str) -> date:
    return row.need(column, date.fromisoformat, _DATE)


def _whole(row: CsvRow, column: str) -> int:
    return int(row.read(column, float, "a number") or 0)


SOURCE = "https://github.com/hdigital/parlgov-web"
BASIS = "date only (ParlGov)"
_PRESIDENTIAL = frozenset({"CY", "FR"})
"""Where the executive is a president's, a vote for parliament is a legislative election."""
_NO_PARTY = frozenset({"none", "other", "others", "etc", "no-seat", "one-seat"})
_COMPLETE = 0.95
"""Below this share of the seats accounted for, the winner's share is unknown."""


class _Quirk(Struct, frozen=True):
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
