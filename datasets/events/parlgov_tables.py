"""Reads ParlGov's CSV files, in either of their layouts, into votes with results and cabinets."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from datasets.csv_rows import CsvRow, bundled_rows, read_csv
from datasets.errors import UserError

_DATE = "a date such as 2021-10-31"
_ISO2 = {r["country"]: r["iso2"] for r in bundled_rows(Path(__file__).with_name("parlgov_countries.csv"))}
"""ParlGov's countries: its short names are ISO 3166's three letters."""
_PARLIAMENT = "13"
"""The code of a parliamentary election in the table ``Election`` (ParlGov's ``Code``); 1 is the European one."""


@dataclass(frozen=True)
class Result:
    """What one party got; ``party`` is its short name, ``name`` its English one, ``vote_share`` in percent.

    ``left_right`` is its position, 0 (left) to 10, where the files have it.
    """

    party: str
    name: str
    seats: int
    vote_share: float
    left_right: float | None = None


@dataclass(frozen=True)
class Cabinet:
    """One cabinet; ``pm_party`` is ParlGov's number of the prime minister's party, None if there is none."""

    began_on: date
    is_caretaker: bool
    pm_party: str | None


@dataclass(frozen=True)
class Vote:
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
            sources=_page(r),
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


def _page(row: CsvRow) -> tuple[str, ...]:
    address = row.text("wikipedia")
    return (address,) if address.startswith("http") and " " not in address else ()


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
