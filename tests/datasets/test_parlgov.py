"""ParlGov's tables become events without instants; what they do not tell stays blank."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from datasets.errors import UserError
from datasets.events import load_events
from datasets.events.event_catalogue import write_events
from datasets.events.lint import lint
from datasets.events.parlgov import parlgov_events

FILES = Path(__file__).parent / "parlgov"
TABLES, VIEWS = FILES / "tables", FILES / "views"


def test_canada_2021_from_the_tables() -> None:
    event = parlgov_events(TABLES).get("CA-2021-09-20-GE")
    assert event.title == "Parliamentary election: Liberal Party of Canada first with 160 of 338 seats"
    assert (event.voted_on, event.timezone, event.kind) == (date(2021, 9, 20), "America/Toronto", "general_election")
    assert (event.winner_party, event.winner_share, event.share_kind, event.majority) == ("LPC", 0.473, "seats", None)
    assert event.incumbent_won is True  # Trudeau before and after
    assert (event.known_at, event.known_at_basis, event.confidence) == (None, "date only (ParlGov)", "low")
    assert event.sources == (
        "https://github.com/hdigital/parlgov-web",
        "https://en.wikipedia.org/wiki/2021_Canadian_federal_election",
    )


def test_a_dissolution_announces_the_vote_that_follows_from_the_end_of_its_day() -> None:
    events = parlgov_events(TABLES)
    canada = events.get("CA-2021-09-20-GE")  # dissolved on 15 August, noted with the election of 2019
    assert canada.announced_at == datetime(2021, 8, 16, 4, 0, tzinfo=UTC)
    assert (
        canada.announced_at_basis == "dissolution of 2021-08-15 (ParlGov); minute not known, set to the end of that day"
    )
    assert events.get("CA-2019-10-21-GE").announced_at is None
    assert events.get("PT-2022-01-30-GE").announced_at == datetime(2021, 11, 5, tzinfo=UTC)  # noted with both
    assert events.get("PT-2019-10-06-GE").announced_at is None


def test_a_vote_of_two_days_is_dated_by_its_first() -> None:
    event = parlgov_events(TABLES).get("CZ-1998-06-19-GE")
    assert event.voted_on == date(1998, 6, 19)
    assert event.known_at_basis == "date only (ParlGov); voting ended 1998-06-20"


def test_a_caretaker_before_the_vote_leaves_the_incumbent_blank() -> None:
    assert parlgov_events(TABLES).get("CZ-1998-06-19-GE").incumbent_won is None


def test_seats_alone_tell_a_majority_and_nothing_below_half() -> None:
    portugal = parlgov_events(TABLES).get("PT-2022-01-30-GE")
    assert (portugal.winner_party, portugal.winner_share, portugal.majority) == ("PS", 0.522, "majority")
    assert portugal.incumbent_won is True


def test_of_japan_2021_only_the_proportional_seats_are_there() -> None:
    event = parlgov_events(TABLES).get("JP-2021-10-31-GE")
    assert (event.winner_party, event.winner_share, event.majority) == ("LDP", None, None)
    assert event.title == "Parliamentary election: Liberal Democratic Party first"
    assert event.known_at_basis == "date only (ParlGov); ParlGov holds only the 176 proportional seats"
    assert event.incumbent_won is None  # no cabinet after it in the files


def test_missing_seats_and_members_without_a_party_leave_the_winner_in_doubt() -> None:
    event = parlgov_events(TABLES).get("FR-2022-06-19-LE")
    assert (event.kind, event.winner_party, event.winner_share) == ("legislative_election", "E", None)


def test_european_elections_are_left_out_and_a_country_can_be_chosen() -> None:
    assert [e.event_id for e in parlgov_events(TABLES, "pt")] == ["PT-2019-10-06-GE", "PT-2022-01-30-GE"]
    assert [e.event_id for e in parlgov_events(VIEWS)] == ["GB-1997-05-01-GE"]
    with pytest.raises(UserError, match=r"unknown country 'US'; ParlGov's files hold CA, CZ, FR, JP, PT"):
        parlgov_events(TABLES, "US")


def test_the_united_kingdom_1997_from_the_views() -> None:
    event = parlgov_events(VIEWS).get("GB-1997-05-01-GE")
    assert (event.winner_party, event.winner_share, event.majority) == ("Lab", 0.634, "majority")
    assert event.incumbent_won is False
    assert event.title == "Parliamentary election: Labour first with 418 of 659 seats"
    assert event.announced_at is None


@pytest.mark.parametrize("folder", [TABLES, VIEWS])
def test_what_is_imported_is_read_back_and_has_no_findings(tmp_path: Path, folder: Path) -> None:
    events = parlgov_events(folder)
    write_events(tmp_path / "events.csv", events)
    assert list(load_events(tmp_path / "events.csv")) == list(events)
    assert lint(tmp_path / "events.csv") == (len(events), [])


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("31__elections__Election.csv", "2021-09-20,1", "20.9.2021,1", r"31__elections__Election.csv line 7: date is '20.9.2021'; it must be a date"),
        ("31__elections__Election.csv", "seats_total", "seats", "31__elections__Election.csv line 1: column 'seats_total' is missing"),
        ("32__elections__ElectionResult.csv", ",160,", ",many,", "32__elections__ElectionResult.csv line 2: seats is 'many'; it must be a number"),
        ("41__cabinets__Cabinet.csv", "2019-11-20", "", "41__cabinets__Cabinet.csv line 4: start_date is ''; it must be a date"),
    ],
)  # fmt: skip
def test_a_bad_table_is_reported_with_file_and_line(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    shutil.copytree(TABLES, tmp_path / "t")
    path = tmp_path / "t" / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError) as e:
        parlgov_events(tmp_path / "t")
    assert str(e.value).startswith(said)


def test_tables_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no ParlGov tables in"):
        parlgov_events(tmp_path)
    shutil.copy(TABLES / "31__elections__Election.csv", tmp_path)
    with pytest.raises(UserError, match="no table Country in"):
        parlgov_events(tmp_path)
