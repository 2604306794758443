"""Labels against the first session: the figures of a review by another program, and the bound by hand."""

from functools import cache
from itertools import count
from pathlib import Path

import pytest

from datasets.events import EventCatalogue, PoliticalEvent
from datasets.prices.bars import Bars
from engine.study.labels import label_reactions
from hustings.inputs import events_of, instruments_of, source_of
from tests.engine.markets import bars, days, flat_day, instrument

about = pytest.approx
SYMBOL = "TOPIX"


def world(*groups: tuple[str, str, str, int, int]) -> tuple[EventCatalogue, Bars]:
    """Return events of (pro_growth, basis, surprise, how many rose, how many fell), a session apart, and their bars."""
    moves = [(g, b, s, up) for g, b, s, rose, fell in groups for up in [True] * rose + [False] * fell]
    sessions = days("2024-01-09", 2 * len(moves) + 2)
    price, number, rows, events = 100.0, count(), [flat_day(sessions[0], 100.0)], []
    for growth, basis, surprise, up in moves:
        n = next(number)
        events.append(_event(n, f"{sessions[2 * n]}T12:00Z", growth, basis, surprise))
        price *= 1.0 + (0.01 + n / 1e5) * (1 if up else -1)
        rows += [flat_day(sessions[2 * n + 1], price), flat_day(sessions[2 * n + 2], price)]
    return EventCatalogue(events), bars(instrument(SYMBOL), rows)


def _event(n: int, at: str, growth: str, basis: str, surprise: str) -> PoliticalEvent:
    return PoliticalEvent.model_validate(
        {"event_id": f"JP-{n}", "country": "JP", "kind": "general_election", "title": "A vote", "known_at": at,
         "pro_growth": growth, "surprise": surprise or None, "main_index": SYMBOL,
         "label_basis": f"pro_growth: {basis}; surprise: background"}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("yes", "no", "p"),
    [((20, 1), (0, 10), 2.48e-7), ((46, 15), (5, 13), 0.00046), ((38, 25), (9, 9), 0.59), ((40, 26), (9, 9), 0.43)],
)
def test_fishers_p_is_that_of_the_review(yes: tuple[int, int], no: tuple[int, int], p: float) -> None:
    events, of = world(("yes", "source", "expected", *yes), ("no", "source", "expected", *no))
    first, *_ = label_reactions(events, lambda index: of)[0]
    assert (first.label, first.basis) == ("pro_growth", "source")
    assert [(g.value, g.n, g.up) for g in (first.first, first.second)] == [
        ("yes", sum(yes), yes[0]),
        ("no", sum(no), no[0]),
    ]
    assert first.p_sign == about(p, rel=0.02)


def test_a_label_knows_more_than_the_surprise_where_expected_outcomes_go_its_way_too() -> None:
    events, of = world(("yes", "source", "expected", 8, 0), ("no", "source", "upset", 0, 2))
    found, n = label_reactions(events, lambda index: of)
    assert n == 10
    assert found[0].p_surprise == about(0.5**8)  # eight tosses of a coin, two upsets for granted
    assert found[0].warning.startswith("pro_growth (source) separates first sessions better than the surprise")
    events, of = world(("yes", "blind", "expected", 5, 3), ("no", "blind", "upset", 0, 2))
    found, _ = label_reactions(events, lambda index: of)
    assert found[0].p_surprise == about((56 + 28 + 8 + 1) / 256)  # at least 5 of 8
    assert found[0].warning == ""


def test_moves_by_hand_and_bases_apart() -> None:
    events, of = world(("yes", "blind", "upset", 2, 0), ("no", "blind", "expected", 0, 2), ("yes", "source", "", 1, 1))
    found, _ = label_reactions(events, lambda index: of)
    growth = [r for r in found if r.label == "pro_growth"]
    assert [r.basis for r in growth] == ["blind", "all"]  # two events of basis source, and no "no" among them
    assert growth[0].first.mean == about((1.0 + 1.001) / 2)
    assert growth[0].second.mean == about(-(1.002 + 1.003) / 2)
    assert growth[0].p_size == about(1 / 3)  # two above two: one of six orders, two-sided
    (surprise, _) = [r for r in found if r.label == "surprise"]
    assert surprise.p_size == about(1 / 3)  # upsets moved less here: by size, not by sign
    assert surprise.warning == ""


def test_an_event_without_bars_or_with_simulated_ones_is_left_out() -> None:
    events, of = world(("yes", "blind", "upset", 2, 0), ("no", "blind", "expected", 0, 2))
    assert label_reactions(events, lambda index: None) == ([], 0)
    assert label_reactions(events.select(lambda e: e.event_id == "JP-0"), lambda index: of)[1] == 1


@pytest.mark.parametrize(("coder", "yes", "no"), [("coder1", (40, 65), (9, 18)), ("coder2", (39, 65), (10, 20))])
def test_the_blind_coders_labels_on_real_bars(market_dir: Path, coder: str, yes: object, no: object) -> None:
    # the review counted 66 votes with bars, in its own reading of hours; the number of rises is the same
    source, known = source_of(market_dir), {i.symbol: i for i in instruments_of(market_dir)}
    held = {s.casefold() for s in source.symbols()}

    @cache
    def bars_of(index: str) -> Bars | None:
        return source.load(known[index]) if index in known and index.casefold() in held else None

    found, _ = label_reactions(events_of([], Path(coder)), bars_of)
    [coded] = [r for r in found if r.label == "pro_growth" and r.basis == f"coder {coder}"]
    assert ((coded.first.up, coded.first.n), (coded.second.up, coded.second.n)) == (yes, no)
    assert coded.warning == ""
