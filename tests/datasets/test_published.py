"""Published first-session moves against the bars."""

from decimal import Decimal
from pathlib import Path

import pytest

from datasets.events import PoliticalEvent, bundled_events
from datasets.markets.instruments import bundled_instruments
from datasets.prices.bars import Bars
from datasets.prices.published_moves import PublishedMove, published_moves, within_rounding
from datasets.prices.sources.files import DirectorySource


def event(published: str, known_at: str, note: str = "") -> PoliticalEvent:
    return PoliticalEvent.model_validate(
        {
            "event_id": "JP-1", "country": "JP", "kind": "general_election", "title": "t", "known_at": known_at,
            "main_index": "TOPIX", "reported_move": published, **({"move_note": note} if note else {}),
        }
    )  # fmt: skip


def bars(folder: Path) -> Bars:
    """Closes of 100, 102.27 and 102.27 on Friday, Monday and Tuesday, 6, 9 and 10 February 2026 in Tokyo."""
    (folder / "TOPIX.csv").write_text(
        "date,open,high,low,close,volume\n2026-02-06,100,100,100,100,\n2026-02-09,101,103,101,102.27,\n"
        "2026-02-10,102,103,102,102.27,\n"
    )
    return DirectorySource(folder).load(bundled_instruments().find("TOPIX"))


@pytest.mark.parametrize(
    ("published", "agrees"),
    [("2.27", True), ("2.3", True), ("2", True), ("2.30", False), ("2.26", False), ("2.4", False), ("-2.27", False)],
)
def test_a_move_agrees_within_the_decimals_it_was_printed_with(tmp_path: Path, published: str, agrees: bool) -> None:
    (move,) = published_moves([event(published, "2026-02-08T11:00:00Z")], lambda _: bars(tmp_path))
    assert (str(move.session), move.agrees) == ("2026-02-09", agrees)
    assert move.found == pytest.approx(2.27)


def test_half_a_unit_of_the_last_decimal_still_agrees() -> None:
    assert within_rounding(Decimal("5"), 5.5)
    assert not within_rounding(Decimal("5"), 5.51)
    assert not within_rounding(Decimal("5.0"), 5.06)


@pytest.mark.parametrize(
    ("known_at", "session"),
    [
        ("2026-02-09T06:29:00Z", "2026-02-09"),  # a minute before the close of 15:30
        ("2026-02-09T06:30:00Z", "2026-02-10"),  # at the close: the session is over
    ],
)
def test_the_session_is_the_first_that_closes_strictly_after(tmp_path: Path, known_at: str, session: str) -> None:
    (move,) = published_moves([event("0", known_at, "a note")], lambda _: bars(tmp_path))
    assert (str(move.session), move.note) == (session, "a note")


@pytest.mark.parametrize("known_at", ["2026-02-10T06:30:00Z", "2026-02-06T06:29:00Z", "2020-01-01T00:00:00Z"])
def test_bars_that_lack_the_session_or_the_close_before_it_find_nothing(tmp_path: Path, known_at: str) -> None:
    (move,) = published_moves([event("2.27", known_at)], lambda _: bars(tmp_path))
    assert (move.found, move.agrees) == (None, None)
    assert move.why.startswith("the bars of TOPIX do not hold the session")


def test_no_bars_find_nothing() -> None:
    (move,) = published_moves([event("2.27", "2026-02-08T11:00:00Z")], lambda _: None)
    assert (move.agrees, move.why) == (None, "no bars of TOPIX")


def test_events_without_a_figure_are_left_out() -> None:
    assert (
        published_moves(
            [event("2.27", "2026-02-08T11:00:00Z").model_copy(update={"reported_move": None})], lambda _: None
        )
        == []
    )


def moves_on(folder: Path) -> list[PublishedMove]:
    source = DirectorySource(folder)
    at_hand = {i.symbol: i for i in bundled_instruments() if i.symbol in source.symbols()}
    read: dict[str, Bars] = {}

    def load(index: str) -> Bars | None:
        if index in at_hand and index not in read:
            read[index] = source.load(at_hand[index])
        return read.get(index)

    return published_moves(bundled_events(), load)


def test_published_moves_agree_with_real_bars_or_say_why_not(market_dir: Path) -> None:
    found = moves_on(market_dir)
    assert sum(m.agrees is True for m in found) >= AGREE
    assert [m.event_id for m in found if m.agrees is False and not m.note] == []


def test_the_moves_around_two_landslides_are_those_of_the_press(market_dir: Path) -> None:
    found = {m.event_id: m.found for m in moves_on(market_dir)}
    assert found["JP-2026-02-08-GE"] == pytest.approx(2.29, abs=0.005)
    assert found["US-2008-11-04-PE"] == pytest.approx(-5.27, abs=0.005)


AGREE = 40
"""How many published moves agree at least."""
