"""Events: what is read, what is refused, and what can be seen of them when."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from datasets.errors import UserError
from datasets.events import CATALOGUE, PoliticalEvent, ProGrowth, bundled_events, load_events

HEADER = "event_id,country,kind,title,announced_at,polls_close_at,known_at,pro_growth\n"
ROW = "JP-1,JP,general_election,A vote,2026-01-19T09:00:00Z,2026-02-08T11:00:00Z,2026-02-08T11:00:00Z,yes\n"


def load(folder: Path, content: str | bytes):
    path = folder / "events.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_events(path)


def test_the_bundled_catalogue_has_japan_and_the_us_each_row_with_a_source() -> None:
    events = bundled_events()
    for country in ("JP", "US"):
        with (CATALOGUE / f"{country}.csv").open(encoding="utf-8", newline="") as file:
            rows = [row["event_id"] for row in csv.DictReader(file)]
        assert len(rows) >= 70
        assert sorted(e.event_id for e in events if e.country == country) == sorted(rows)
    assert all(e.sources for e in events)


def test_the_landslide_of_february_2026() -> None:
    event = bundled_events().get("JP-2026-02-08-GE")
    assert event.known_at == datetime(2026, 2, 8, 11, 0, tzinfo=UTC)  # exit polls at the close of voting, 20:00 JST
    assert event.announced_at == datetime(2026, 1, 19, 9, 0, tzinfo=UTC)
    assert (event.winner, event.pro_growth, event.majority) == ("Sanae Takaichi", "yes", "supermajority")
    assert event.vote_begins_at == datetime(2026, 2, 7, 15, 0, tzinfo=UTC)  # midnight in Tokyo


def test_nothing_of_the_outcome_is_seen_before_it_was_known() -> None:
    event = bundled_events().get("JP-2026-02-08-GE")
    before = event.as_known(datetime(2026, 2, 8, 10, 59, tzinfo=UTC))
    assert (before.winner, before.pro_growth, before.majority) == (None, ProGrowth.UNKNOWN, None)
    assert (before.title, before.program, before.known_at, before.surprise) == ("", (), None, None)
    assert (before.voted_on, before.polls_close_at) == (event.voted_on, event.polls_close_at)
    seen = event.as_known(datetime(2026, 2, 8, 11, 0, tzinfo=UTC))
    assert (seen.winner, seen.title, seen.reported_move) == (event.winner, event.title, None)
    assert event.as_known(datetime(2026, 3, 8, 11, 0, tzinfo=UTC)) == event


def test_two_versions_of_one_event_are_seen_each_as_itself() -> None:
    event, at = bundled_events().get("JP-2026-02-08-GE"), datetime(2026, 2, 8, 10, 59, tzinfo=UTC)
    assert event.as_known(at).title == ""
    other = event.model_copy(update={"announced_at": None, "known_at": at})
    assert other.as_known(at).winner == event.winner
    assert event.as_known(at).winner is None
    assert event.as_known(at) == event.as_known(at)


def test_a_blank_is_unknown(tmp_path: Path) -> None:
    event = next(iter(load(tmp_path, HEADER + "X-1,JP,general_election,A vote,,,2026-02-08T11:00:00Z,\n")))
    assert (event.announced_at, event.incumbent_won, event.pro_growth) == (None, None, ProGrowth.UNKNOWN)


def test_offsets_become_utc(tmp_path: Path) -> None:
    row = ROW.replace("2026-02-08T11:00:00Z,yes", "2026-02-08T20:00:00+09:00,yes")
    assert next(iter(load(tmp_path, HEADER + row))).known_at == datetime(2026, 2, 8, 11, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("event_id,country,kind,title\n", "events.csv line 1: neither known_at nor date is there: give one of them"),
        (HEADER.replace("pro_growth", "title"), "events.csv line 1: column 'title' appears twice"),
        (HEADER.replace("pro_growth", "pro_grow"), "unknown column in events.csv line 1: 'pro_grow' (did you mean"),
        (
            HEADER + ROW.replace("11:00:00Z,yes", "11:00:00,yes"),
            "events.csv line 2: known_at: '2026-02-08T11:00:00' is naive",
        ),
        (
            HEADER + ROW.replace("2026-02-08T11:00:00Z,yes", "2026-02-08T10:59:00Z,yes"),
            "events.csv line 2: known_at 2026-02-08T10:59:00Z lies before polls_close_at 2026-02-08T11:00:00Z",
        ),
        (
            HEADER + ROW.replace("2026-01-19", "2026-03-19"),
            "events.csv line 2: polls_close_at 2026-02-08T11:00:00Z lies before announced_at",
        ),
        (HEADER + ROW + ROW, "events.csv line 3: event_id 'JP-1' appears already at events.csv line 2"),
        (HEADER + ROW.replace("general_election", "General!"), "events.csv line 2: kind: 'General!' is no kind"),
        (HEADER + ROW.replace(",yes", ",maybe"), "events.csv line 2: pro_growth: Input should be"),
        (HEADER + ROW.replace(",yes\n", "\n"), "events.csv line 2: not 8 fields"),
        (HEADER + ROW.replace("yes\n", "yes,more\n"), "events.csv line 2: not 8 fields"),
        (HEADER.encode() + ROW.replace("A vote", "\xe9").encode("latin-1"), "events.csv line 2: not UTF-8"),
    ],
)
def test_each_fault_is_refused_with_file_and_line(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(UserError) as e:
        load(tmp_path, content)
    assert said in str(e.value)
    assert "\n" not in str(e.value)


def test_an_unknown_event_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown event 'JP-2026-02-08-GF' .did you mean 'JP-2026-02-08-GE'"):
        bundled_events().get("JP-2026-02-08-GF")


def test_a_directory_of_files_is_one_catalogue(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + ROW)
    (tmp_path / "b.csv").write_text(HEADER + ROW.replace("JP-1", "JP-2"))
    assert [e.event_id for e in load_events(tmp_path)] == ["JP-1", "JP-2"]
    with pytest.raises(UserError, match="no events at"):
        load_events(tmp_path / "nowhere")


def test_vote_days_begin_at_local_midnight() -> None:
    event = PoliticalEvent(
        event_id="US-1", country="US", kind="presidential_election", title="t", timezone="America/New_York",
        voted_on="2024-11-05",
    )  # fmt: skip
    assert event.vote_begins_at == datetime(2024, 11, 5, 5, 0, tzinfo=UTC)


MOVED = {
    "event_id": "US-1", "country": "US", "kind": "macro_release", "title": "Jobs report", "timezone": "America/New_York",
    "announced_at": "2026-02-04T15:00:00Z", "scheduled_for": "2026-02-06T13:30:00Z", "known_at": "2026-02-11T13:30:00Z",
    "reported_move": "-0.30", "move_note": "of the next session",
}  # fmt: skip


def test_a_postponed_release_tells_when_it_was_first_due() -> None:
    event = PoliticalEvent.model_validate(MOVED)
    assert event.scheduled_for == datetime(2026, 2, 6, 13, 30, tzinfo=UTC)
    assert event.as_row()["scheduled_for"] == "2026-02-06T13:30:00Z"


def test_a_vote_brought_forward_was_first_due_after_it_was_known() -> None:
    event = PoliticalEvent.model_validate({**MOVED, "scheduled_for": "2027-10-01T00:00:00Z"})
    assert event.scheduled_for == datetime(2027, 10, 1, tzinfo=UTC)


def test_that_an_event_was_moved_is_seen_once_the_new_date_is_announced() -> None:
    event = PoliticalEvent.model_validate(MOVED)
    assert event.as_known(datetime(2026, 2, 4, 14, 59, tzinfo=UTC)).scheduled_for is None
    assert event.as_known(datetime(2026, 2, 4, 15, 0, tzinfo=UTC)).scheduled_for == event.scheduled_for
    undated = PoliticalEvent.model_validate({**MOVED, "announced_at": None})
    assert undated.as_known(datetime(2026, 2, 11, 13, 29, tzinfo=UTC)).scheduled_for is None


def test_a_note_on_the_move_is_not_seen_before_the_outcome() -> None:
    event = PoliticalEvent.model_validate(MOVED)
    assert event.as_known(datetime(2026, 2, 11, 13, 29, tzinfo=UTC)).move_note is None
    assert event.as_known(datetime(2026, 2, 18, 13, 29, tzinfo=UTC)).move_note is None
    assert event.as_known(datetime(2026, 2, 18, 13, 30, tzinfo=UTC)).move_note == "of the next session"


def test_a_published_move_keeps_its_decimals() -> None:
    event = PoliticalEvent.model_validate(MOVED)
    assert str(event.reported_move) == "-0.30"
    assert event.as_row()["reported_move"] == -0.3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"timezone": "America"}, "timezone 'America' is not an IANA zone"),
        ({"timezone": "A" * 5000}, "is not an IANA zone"),
        ({"title": "red \x1b[31m"}, "title holds a control character"),
        ({"reported_move": "1e400"}, "reported_move"),
        ({"reported_move": "500000"}, "reported_move"),
    ],
)
def test_what_no_event_can_say(tmp_path: Path, change: dict[str, str], said: str) -> None:
    row = {
        "event_id": "XX-2024-01-01-GE",
        "country": "XX",
        "kind": "general_election",
        "title": "t",
        "known_at": "2024-01-01T00:00:00Z",
        **change,
    }
    with pytest.raises(UserError) as e:
        load(tmp_path, ",".join(row) + "\n" + ",".join(row.values()) + "\n")
    assert said in str(e.value)
