"""A field of an outcome is unknown before its own instant: as known, in rules, in look-ahead worlds and in a run."""

from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest

from datasets.events import EventCatalogue, Majority, PoliticalEvent, ProGrowth, Surprise, bundled_events, load_events
from datasets.events.event_catalogue import write_events
from engine.lookahead.report import LookaheadReport, Subject
from engine.lookahead.rules import lookahead
from engine.plan.plan import make_plan
from engine.strategy import After, Leg, NextOpen, Strategy, strategy
from engine.strategy.market import MarketView
from strategies.buy_after_event import BuyAfterEvent
from tests.engine.markets import bars, event, flat_day, instrument, market_of, utc

SESSIONS = [f"2024-01-{d:02}" for d in (9, 10, 11, 12, 15, 16, 17, 18, 19, 22)]
AAA = instrument()
MARKET = market_of(bars(AAA, [flat_day(s, 100.0) for s in SESSIONS]))
POLL = "2024-01-09T11:00"
COUNT = "2024-01-11T07:00"
BASE = {
    "country": "GB",
    "kind": "general_election",
    "majority": "majority",
    "winner": "Ann Lee",
    "winner_party": "A",
    "winner_status": "leads",
    "incumbent_won": True,
}


def vote(**given: object) -> PoliticalEvent:
    return event("GB-2024-01-09-GE", POLL, **{**BASE, **given})


def test_each_field_is_unknown_before_its_instant_and_known_from_it_on() -> None:
    late = vote(fields_known_at=f"majority: {COUNT}Z; title: {COUNT}Z", settled_at="2024-01-15T12:00Z")
    seen = late.as_known(utc("2024-01-11T06:59"))
    assert (seen.winner, seen.majority, seen.title, seen.incumbent_won) == ("Ann Lee", None, "", None)
    assert (seen.settled_at, seen.fields_known_at) == (None, ())
    seen = late.as_known(utc(COUNT))
    assert (seen.majority, seen.title, seen.incumbent_won) == ("majority", late.title, None)
    assert late.as_known(utc("2024-01-15T12:00")) is late


def test_nothing_that_speaks_of_the_winner_is_known_before_the_winner() -> None:
    late = vote(
        fields_known_at=f"winner: {COUNT}Z", winner_share=0.4, share_kind="seats", pro_growth="yes", surprise="upset"
    )
    seen = late.as_known(utc(POLL))
    assert (seen.winner, seen.winner_party, seen.winner_share, seen.incumbent_won) == (None, None, None, None)
    assert (seen.pro_growth, seen.surprise, seen.majority) == ("unknown", None, "majority")
    assert late.as_known(utc(COUNT)) is late


@pytest.mark.parametrize("dated", ["surprise", "implied_probability"])
def test_a_surprise_and_its_probability_are_public_together(dated: str) -> None:
    late = vote(surprise="0.9", fields_known_at=f"{dated}: {COUNT}Z")
    before, after = (late.as_known(utc(at)) for at in ("2024-01-11T06:59", COUNT))
    assert (before.surprise, before.implied_probability, before.surprise_size) == (None, None, None)
    assert (after.surprise, after.implied_probability) == (Surprise.UPSET, 0.1)


def test_a_published_move_is_known_a_week_after_the_outcome() -> None:
    moved = vote(main_index="TOPIX", reported_move="2.3")
    assert moved.as_known(utc(POLL) + timedelta(days=7, seconds=-1)).reported_move is None
    assert moved.as_known(utc(POLL) + timedelta(days=7)) is moved


def test_instants_of_fields_are_written_and_read_back(tmp_path: Path) -> None:
    late = vote(fields_known_at=f"majority: {COUNT}Z; winner_share: 2024-01-12T00:00+09:00", actor="US")
    write_events(tmp_path / "events.csv", [late])
    (again,) = load_events(tmp_path / "events.csv")
    assert again == late
    assert again.as_row()["fields_known_at"] == {
        "majority": "2024-01-11T07:00:00Z",
        "winner_share": "2024-01-11T15:00:00Z",
    }


@strategy
class HasMajority(Strategy):
    """Buy at the next open after a majority (the rule of a case that bought before the majority was public)."""

    word: str = "majority"

    def wants(self, event: PoliticalEvent) -> bool:
        return event.is_election and event.majority == self.word

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        return [Leg("AAA", 0.9, entry=NextOpen(), exit=After(sessions=1))]

    def instruments(self) -> tuple[str, ...]:
        return ("AAA",)


@pytest.mark.parametrize(
    ("instants", "rule", "decided"),
    [
        ({}, HasMajority(), POLL),
        ({"fields_known_at": f"majority: {COUNT}Z"}, HasMajority(), COUNT),
        ({"fields_known_at": f"majority: {COUNT}Z"}, HasMajority(word="hung"), None),
        ({"settled_at": "2024-01-15T12:00Z"}, BuyAfterEvent(instrument="AAA", incumbent_won=True), "2024-01-15T12:00"),
        ({"settled_at": "2024-01-15T12:00Z"}, BuyAfterEvent(instrument="AAA", winner_party="A"), POLL),
        ({"fields_known_at": f"winner: {COUNT}Z"}, BuyAfterEvent(instrument="AAA", winner_party="A"), COUNT),
        (
            {"fields_known_at": f"majority: {COUNT}Z", "settled_at": "2024-01-15T12:00Z"},
            BuyAfterEvent(instrument="AAA", incumbent_won=True, majority=Majority.MAJORITY),
            "2024-01-15T12:00",
        ),
    ],
)
def test_a_rule_decides_when_the_last_field_it_needs_was_public(
    instants: dict[str, str], rule: Strategy, decided: str | None
) -> None:
    plan = make_plan(rule, EventCatalogue([vote(**instants)]), MARKET)
    assert [t.decided_at for t in plan.trades] == ([] if decided is None else [utc(decided)])
    assert plan.skipped == ()
    if decided is not None:
        (trade,) = plan.trades
        opened = trade.entry.at(MARKET.bars("AAA"))
        assert opened > utc(decided).timestamp() * 1e9


def test_labels_coded_years_later_do_not_move_the_decision() -> None:
    coded = vote(pro_growth="yes", labelled_at="2024-01-17T00:00Z")
    plan = make_plan(BuyAfterEvent(instrument="AAA", pro_growth=ProGrowth.YES), EventCatalogue([coded]), MARKET)
    assert plan.trades == ()
    assert [s.reason for s in plan.skipped] == ["unknown at 2024-01-09T11:00:00Z: pro_growth"]


def test_lookahead_passes_a_rule_that_waits_and_catches_one_that_reads_the_catalogue() -> None:
    events = EventCatalogue([vote(fields_known_at=f"majority: {COUNT}Z")])

    @strategy
    class Peeks(HasMajority):
        """Decides when the outcome is known, by a majority that was public two days later."""

        def wants(self, event: PoliticalEvent) -> bool:
            return event.is_election and next(iter(bundled_events())).majority == "majority"

    def report(rule: Strategy, given: EventCatalogue) -> LookaheadReport:
        return lookahead(Subject(lambda: nullcontext(rule), given, MARKET))

    assert report(HasMajority(), events).offences == ()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datasets.events.event_catalogue._bundled", lambda: events)
        found = report(Peeks(), events)
    assert {o.subject for o in found.offences} == {"GB-2024-01-09-GE"}


PUBLIC = {
    ("GB-2015-05-07-GE", "majority"): "2015-05-08T11:00",
    ("KR-2020-04-15-LE", "majority"): "2020-04-15T12:00",
    ("KR-2016-04-13-LE", "winner"): "2016-04-13T18:30",
    ("KR-2012-04-11-LE", "majority"): "2012-04-11T16:10",
    ("KR-2000-04-13-LE", "winner"): "2000-04-13T12:00",
    ("CA-2025-04-28-GE", "majority"): "2025-04-29T19:50",
    ("AU-2022-05-21-GE", "majority"): "2022-05-30T09:30",
    ("AU-2019-05-18-GE", "majority"): "2019-05-19T23:40",
    ("DE-2013-09-22-GE", "majority"): "2013-09-22T21:00",
    ("ES-2023-07-23-GE", "incumbent_won"): "2023-11-16T11:00",
}
"""The earliest instant at which a field can have been public, by pages of that night (shared/catalogue/review.csv)."""


@pytest.mark.parametrize(("event_id", "field"), sorted(PUBLIC))
def test_no_field_of_the_catalogue_is_shown_before_it_was_public(event_id: str, field: str) -> None:
    found = bundled_events().get(event_id)
    earliest = utc(PUBLIC[event_id, field])
    shown = found.public_at(field)
    assert getattr(found, field) is not None
    assert shown is not None
    assert shown >= earliest
    assert getattr(found.as_known(earliest - timedelta(seconds=1)), field) is None
    if field == "majority":
        plan = make_plan(HasMajority(word=found.majority or ""), EventCatalogue([found]), MARKET)
        assert all(t.decided_at >= earliest for t in plan.trades)
