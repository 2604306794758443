"""The parameters ``kind`` and ``kinds``: what they let in, and what a run says of the events they leave out."""

from datetime import UTC, datetime

import pytest

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent, bundled_events
from datasets.markets.instruments import bundled_instruments
from engine.run.backtest import backtest
from engine.run.run import Run
from engine.strategy import Leg, Never, NextOpen, OptionalKind, Strategy, Symbol, build, strategy
from engine.strategy.market import Market, MarketView
from strategies.loading import find_strategy
from tests.engine.markets import builtin_bars

BOTH = "general_election,leadership_election"


def run(name: str, events: EventCatalogue | None = None, **given: str) -> Run:
    market = Market(builtin_bars(), bundled_instruments())
    return backtest(build(find_strategy(name), given), bundled_events() if events is None else events, market)


def left_out(result: Run) -> list[str]:
    return [s.reason for s in result.skipped if not s.event_id]


def event(what: str, kind: str, **given: object) -> PoliticalEvent:
    day = {"a": 6, "b": 7, "c": 8}[what]
    known_at = datetime(2014, 5, day, 12, tzinfo=UTC)
    return PoliticalEvent(event_id=f"JP-{what}", country="JP", kind=kind, title=what, known_at=known_at, **given)


def test_the_takaichi_trade_takes_general_elections_alone_by_default() -> None:
    kinds = {e.event_id: e.kind for e in bundled_events()}
    assert {kinds[t.event_id] for t in run("takaichi-trade").trades} == {"general_election"}


def test_with_leadership_elections_it_trades_the_vote_its_name_comes_from() -> None:
    trades = [t for t in run("takaichi-trade", kinds=BOTH).trades if t.event_id == "JP-2025-10-04-LDP"]
    assert {t.instrument: t.entry_session for t in trades} == dict.fromkeys(("N225", "TOPIX", "USDJPY"), "2025-10-06")


def test_one_line_says_what_kinds_leave_out() -> None:
    fiscal = {"program": ("fiscal_expansion",)}
    events = EventCatalogue(
        [
            event("a", "general_election", majority="majority", **fiscal),
            event("b", "leadership_election", **fiscal),
            event("c", "legislative_election", majority="hung", **fiscal),  # not wanted, whatever the kinds
        ]
    )
    assert left_out(run("takaichi-trade", events)) == ["left out by kinds: 1 leadership_election"]
    assert left_out(run("takaichi-trade", events, kinds=BOTH)) == []


def test_a_kind_that_is_chosen_leaves_out_the_others_in_one_line() -> None:
    events = EventCatalogue([event("a", "war"), event("b", "sanctions"), event("c", "sanctions")])
    assert left_out(run("buy-after-event", events, kind="war")) == ["left out by kind: 2 sanctions"]
    assert left_out(run("buy-after-event", events)) == []
    assert left_out(run("buy-after-event", events, kind="war", country="US")) == []


def test_the_rarest_kinds_share_one_number() -> None:
    [line] = left_out(run("buy-after-event", kind="general_election", country="JP"))
    assert line.count(",") == 4
    assert line.endswith("of other kinds")


def test_a_rule_need_not_be_able_to_answer_on_kinds_that_it_leaves_out() -> None:
    @strategy
    class Narrow(Strategy):
        """Trades what it is given."""

        instrument: Symbol = "TOPIX"
        kind: OptionalKind = None

        def wants(self, event: PoliticalEvent) -> bool:
            return self.kind == event.kind and (event.kind == "war" or bool(event.title[99]))

        def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
            return [Leg(self.instrument, 0.5, entry=NextOpen(), exit=Never())]

    market = Market(builtin_bars(), bundled_instruments())
    result = backtest(
        build(Narrow, {"kind": "war"}), EventCatalogue([event("a", "war"), event("b", "sanctions")]), market
    )
    assert (len(result.trades), left_out(result)) == (1, [])


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UserError, match="parameter kinds of takaichi-trade is 'general_electoin'"):
        build(find_strategy("takaichi-trade"), {"kinds": "general_electoin"})
