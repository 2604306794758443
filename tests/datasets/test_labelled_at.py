"""Labels that were coded, or revised, after the outcome was known."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent, bundled_events, load_events
from datasets.events.event_catalogue import write_events
from datasets.events.label_file import load_labels, relabelled
from datasets.events.lint import lint

HEADER = "event_id,country,kind,title,known_at,winner,surprise,implied_probability,program,pro_growth,label_basis,labelled_at\n"
ROW = "JP-1,JP,general_election,A vote,2020-01-01T00:00Z,Ann,upset,0.3,tax_cut,yes,pro_growth: source; surprise: source,2020-06-01T09:00+09:00\n"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def event(tmp_path: Path) -> PoliticalEvent:
    (tmp_path / "events.csv").write_text(HEADER + ROW)
    return next(iter(load_events(tmp_path / "events.csv")))


def labels_of(event: PoliticalEvent) -> tuple[object, ...]:
    return (event.pro_growth, event.program, event.surprise, event.label_basis, event.labelled_at)


def test_labels_are_unknown_before_they_were_coded_and_the_outcome_is_known(event: PoliticalEvent) -> None:
    seen = event.as_known(at("2020-05-31T23:59:59"))
    assert labels_of(seen) == ("unknown", (), None, None, None)
    assert (seen.winner, seen.implied_probability) == ("Ann", 0.3)
    assert event.as_known(at("2020-06-01T00:00:00")) is event


def test_nothing_of_them_is_seen_before_the_outcome_even_if_coded_then(event: PoliticalEvent) -> None:
    early = event.model_copy(update={"labelled_at": at("2019-12-01")})
    assert early.as_known(at("2019-12-31")).pro_growth == "unknown"
    assert early.as_known(at("2019-11-30")).labelled_at is None
    assert early.as_known(at("2020-01-01")).pro_growth == "yes"


def test_a_blank_changes_no_hash_and_an_instant_does(event: PoliticalEvent) -> None:
    blank = event.model_copy(update={"labelled_at": None})
    hashes = {EventCatalogue([e]).sha256() for e in (event, blank)}
    assert len(hashes) == 2
    assert all(e.labelled_at is None for e in bundled_events())


def test_the_instant_is_written_and_read_back(event: PoliticalEvent, tmp_path: Path) -> None:
    write_events(tmp_path / "again.csv", [event])
    (again,) = load_events(tmp_path / "again.csv")
    assert again == event
    assert again.as_row()["labelled_at"] == "2020-06-01T00:00:00Z"


@pytest.mark.parametrize(
    ("row", "coded_at"),
    [
        ("JP-1,mixed,,,2021-01-01T00:00Z", "2021-01-01"),  # its own programme and surprise stand, coded earlier
        ("JP-1,mixed,,,2020-02-01T00:00Z", "2020-06-01"),  # they stand, and were coded later
        ("JP-1,mixed,expected,austerity,2020-02-01T00:00Z", "2020-02-01"),  # none of its own stands
        ("JP-1,mixed,expected,austerity,", None),
        ("JP-1,mixed,,,", "2020-06-01"),
    ],
)
def test_a_second_coder_says_when_he_coded(
    event: PoliticalEvent, tmp_path: Path, row: str, coded_at: str | None
) -> None:
    path = tmp_path / "anna.csv"
    path.write_text(f"event_id,pro_growth,surprise,program,labelled_at\n{row}\n")
    coded = relabelled(EventCatalogue([event]), load_labels(path)).get("JP-1")
    assert coded.pro_growth == "mixed"
    assert coded.labelled_at == (None if coded_at is None else at(coded_at))


def test_a_coders_instant_without_an_offset_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "anna.csv"
    path.write_text("event_id,pro_growth,labelled_at\nJP-1,yes,2021-01-01T00:00\n")
    with pytest.raises(
        UserError, match=r"^anna.csv line 2: labelled_at is '2021-01-01T00:00'; it must be an instant with its offset"
    ):
        load_labels(path)


def test_lint_doubts_an_instant_without_labels(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(HEADER + ROW.replace("upset", "").replace("tax_cut,yes,pro_growth: source; surprise: source", ",,"))
    assert "labelled_at is given, but no label" in [f.message for f in lint(path)[1]]
