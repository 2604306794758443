"""Visibility: what is loaded while one is in force, and that nothing of it stays afterwards."""

from contextlib import suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.events import PoliticalEvent, bundled_events, event_rows, load_events
from datasets.markets.instruments import bundled_instruments
from datasets.prices.sources.adjusted import AdjustedSource
from datasets.prices.sources.builtin import BuiltinSource
from datasets.prices.sources.files import DirectorySource
from datasets.visibility import Visibility, current_visibility, using_visibility

HEADER = "event_id,country,kind,title,known_at,winner\n"
ROWS = HEADER + "JP-1,JP,referendum,A,2020-01-01T00:00Z,Ann\nJP-2,JP,referendum,B,2021-01-01T00:00Z,Bo\n"


def only_the_first(event: PoliticalEvent) -> PoliticalEvent | None:
    return event.model_copy(update={"winner": "hidden"}) if event.event_id == "JP-1" else None


def first_row(bars):
    return bars.sessions_until(bars.session[0])


FIRST_ONLY = Visibility(only_the_first, first_row)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv"
    path.write_text(ROWS)
    return path


def test_events_of_a_file_are_seen_through_it(file: Path) -> None:
    with using_visibility(FIRST_ONLY):
        assert [(e.event_id, e.winner) for e in load_events(file)] == [("JP-1", "hidden")]
        assert [(r.cells, r.event and r.event.winner) for r in event_rows(file)] == [({}, "hidden")]
    assert [e.winner for e in load_events(file)] == ["Ann", "Bo"]


def test_the_bundled_catalogue_is_seen_through_it_and_whole_again_after() -> None:
    whole = bundled_events()
    with using_visibility(Visibility(lambda e: e if e.country == "IN" else None, first_row)):
        seen = bundled_events()
        assert {e.country for e in seen} == {"IN"}
        assert "JP-2026-02-08-GE" not in seen
    assert bundled_events() is whole


@pytest.mark.parametrize("outer", [False, True])
def test_bars_of_any_source_are_seen_through_it_once(tmp_path: Path, outer: bool) -> None:
    (tmp_path / "TOPIX.csv").write_text("date,close\n2024-01-04,100\n2024-01-05,101\n2024-01-09,102\n")
    topix, seen = bundled_instruments().find("TOPIX"), []

    def count(bars):
        seen.append(len(bars))
        return first_row(bars)

    source = DirectorySource(tmp_path)
    with using_visibility(replace(FIRST_ONLY, bars=count)):
        bars = (AdjustedSource(source, [], None) if outer else source).load(topix)
    assert (len(bars), seen) == (1, [3])
    assert len(source.load(topix)) == 3


def test_simulated_bars_are_made_of_the_whole_catalogue_whatever_is_seen_of_it() -> None:
    topix = bundled_instruments().find("TOPIX")
    with using_visibility(Visibility(lambda e: None, lambda bars: bars)):
        seen = BuiltinSource().load(topix)
    assert seen.sha256() == BuiltinSource().load(topix).sha256()


def test_what_was_held_before_is_held_again_after_an_error() -> None:
    with using_visibility(FIRST_ONLY):
        with suppress(UserError), using_visibility(None):
            raise UserError("anything")
        assert current_visibility() is FIRST_ONLY
    assert current_visibility() is None


def test_it_hears_of_files_opened_next_to_it_but_not_of_those_handed_out(file: Path, tmp_path: Path) -> None:
    shown: list[str] = []
    with using_visibility(replace(FIRST_ONLY, on_open=lambda p: shown.append(p.name))):
        load_events(file)
        assert shown == []
        file.read_text()
        (tmp_path / "new.txt").write_text("written, not read")
    file.read_text()
    assert shown == ["events.csv"]
