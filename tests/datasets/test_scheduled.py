"""Events to come: what the bundled file holds, and what is said of a bad row."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from datasets.errors import UserError
from datasets.events.kinds import Ballot
from datasets.events.scheduled import DateBasis, load_scheduled, scheduled_events

HEADER = "event_id,country,kind,title,scheduled_for,date_basis,polls_close_local,timezone,sources,note,confidence\n"
ROW = "FR-2027-04-11-R1,FR,presidential_election,First round,2027-04-11 or 2027-04-18,fixed by law,20:00,Europe/Paris,,art. 7,high\n"


def test_the_bundled_file_has_ninety_events_to_come_each_with_a_basis() -> None:
    events = scheduled_events()
    assert len(events) >= 90
    assert [e.days[0] for e in events] == sorted(e.days[0] for e in events)
    assert all(e.days[0] > date(2026, 12, 1) for e in events)
    assert {e.date_basis for e in events} == set(DateBasis)
    assert all(e.event_id.startswith(f"{e.country}-{e.days[0]}-") for e in events)
    assert all(e.sources or e.note for e in events)
    for event in events:
        ZoneInfo(event.timezone)


def test_facts_that_law_fixes() -> None:
    by_id = {e.event_id: e for e in scheduled_events()}
    votes = {(e.country, e.days[0]) for e in by_id.values() if e.kind.ballot is Ballot.ELECTION and not e.is_latest}
    assert ("US", date(2028, 11, 7)) in votes  # the Tuesday after the first Monday of November
    assert ("MX", date(2027, 6, 6)) in votes  # the first Sunday of June


def test_a_row_is_read(tmp_path: Path) -> None:
    path = tmp_path / "next.csv"
    path.write_text(
        HEADER + ROW + ROW.replace("2027-04-11-R1", "2027-06-30-X").replace("2027-04-11 or 2027-04-18", "by 2027-06-30")
    )
    first, second = load_scheduled(path)
    assert (first.days, first.is_latest) == ((date(2027, 4, 11), date(2027, 4, 18)), False)
    assert (first.scheduled_for, second.scheduled_for) == ("2027-04-11 or 2027-04-18", "by 2027-06-30")
    assert second.as_row()["is_latest"] is True


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2027-04-11 or 2027-04-18", "April", r"next.csv line 2: scheduled_for is 'April'; it must be a date, 'DATE or DATE'"),
        ("fixed by law", "by custom", r"date_basis at next.csv line 2: 'by custom'; it is one of fixed by law, announced"),
        ("presidential_election", "presidental_election", r"did you mean 'presidential_election'"),
        (",FR,", ",France,", r"country is 'France'; it must be two letters"),
        ("First round", "", r"next.csv line 2: title is ''; it must be filled"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "next.csv"
    path.write_text(HEADER + ROW.replace(old, new))
    with pytest.raises(UserError, match=said):
        load_scheduled(path)


def test_an_id_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "next.csv"
    path.write_text(HEADER + ROW + ROW)
    with pytest.raises(UserError, match=r"next.csv line 3: event_id 'FR-2027-04-11-R1' is given twice"):
        load_scheduled(path)


def test_a_close_of_polls_is_an_hour_of_the_rows_zone(tmp_path: Path) -> None:
    path = tmp_path / "next.csv"
    path.write_text(HEADER + ROW + ROW.replace("R1", "R2").replace("20:00", ""))
    first, second = load_scheduled(path)
    assert first.closes_at == datetime(2027, 4, 11, 18, tzinfo=UTC)  # summer time in Paris
    assert second.closes_at == datetime(2027, 4, 11, 22, tzinfo=UTC)  # the end of the day, where no hour is known
    event = first.as_event(announced_at=datetime(2026, 12, 1, tzinfo=UTC))
    assert (event.voted_on, event.known_at, event.winner) == (date(2027, 4, 11), first.closes_at, None)


@pytest.mark.parametrize("hour", ["20:00 (large towns)", "25:00", "8 pm"])
def test_an_hour_in_words_is_refused(tmp_path: Path, hour: str) -> None:
    path = tmp_path / "next.csv"
    path.write_text(HEADER + ROW.replace("20:00", hour))
    with pytest.raises(
        UserError, match=r"next.csv line 2: polls_close_local is '.*'; it must be an hour such as 20:00"
    ):
        load_scheduled(path)


def test_a_zone_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "next.csv"
    path.write_text(HEADER + ROW.replace("Europe/Paris", "Paris"))
    with pytest.raises(UserError, match=r"next.csv line 2: timezone is 'Paris'; it must be an IANA zone"):
        load_scheduled(path)
