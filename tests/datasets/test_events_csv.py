"""Events written as CSV are read back equal, whatever they hold."""

import string
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import UserError
from datasets.events import Kind, Majority, PoliticalEvent, ProGrowth, Surprise, bundled_events, load_events
from datasets.events.event_catalogue import events_csv, write_events

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).map(str.strip).filter(bool)
LINES = st.lists(TEXT, min_size=1, max_size=3).map(" ".join)
SHARES = st.none() | st.floats(0, 1)


@st.composite
def political_events(draw: st.DrawFn) -> PoliticalEvent:
    known = draw(st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)))
    at = None if known is None else known.replace(tzinfo=UTC)
    return PoliticalEvent(
        event_id=draw(st.text(string.ascii_letters + string.digits, min_size=1, max_size=9)),
        country="JP",
        kind=draw(st.sampled_from(Kind)),
        title=draw(LINES),
        voted_on=draw(st.none() | st.dates()),
        announced_at=None if at is None else at - timedelta(microseconds=draw(st.integers(0, 10**12))),
        scheduled_for=at,
        known_at=at,
        known_at_basis=draw(st.none() | LINES),
        incumbent_won=draw(st.none() | st.booleans()),
        winner_share=draw(SHARES),
        majority=draw(st.none() | st.sampled_from(Majority)),
        surprise=draw(st.none() | st.sampled_from(Surprise)),
        implied_probability=draw(SHARES),
        program=tuple(draw(st.lists(st.sampled_from(["tax_cut", "austerity"]), unique=True))),
        pro_growth=draw(st.sampled_from(ProGrowth)),
        reported_move=draw(st.none() | st.decimals(-99, 99, places=2)),
        move_note=draw(st.none() | TEXT),
        sources=("https://example.org/a,b", "background-knowledge"),
    )


@given(political_events())
def test_any_event_is_read_back_equal(tmp_path_factory: pytest.TempPathFactory, event: PoliticalEvent) -> None:
    path = tmp_path_factory.mktemp("csv") / "events.csv"
    write_events(path, [event])
    (again,) = load_events(path)
    assert again == event
    assert str(again.reported_move) == str(event.reported_move)  # with the decimals it was printed with


def test_the_bundled_catalogue_is_read_back_equal(tmp_path: Path) -> None:
    write_events(tmp_path / "all.csv", bundled_events())
    again = load_events(tmp_path / "all.csv")
    assert list(again) == list(bundled_events())
    assert again.sha256() == bundled_events().sha256()


def test_the_lines_are_those_of_rfc_4180() -> None:
    event = PoliticalEvent(
        event_id="JP-1", country="JP", kind=Kind.REFERENDUM, title='A "yes", or not', voted_on=date(2026, 2, 8),
        reported_move=Decimal("2.30"), program=("tax_cut", "austerity"), incumbent_won=True,
    )  # fmt: skip
    header, line, rest = events_csv([event]).split("\r\n")
    assert header.startswith("event_id,country,kind,title,timezone,voted_on,announced_at")
    assert line.startswith('JP-1,JP,referendum,"A ""yes"", or not",UTC,2026-02-08,,')
    assert ",true," in line
    assert ",tax_cut;austerity,unknown," in line
    assert ",2.30," in line
    assert rest == ""


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("work")
    with pytest.raises(UserError, match="is there already"):
        write_events(path, bundled_events())
    assert path.read_text() == "work"
    with pytest.raises(UserError, match="cannot be written"):
        write_events(tmp_path / "no" / "mine.csv", bundled_events())
