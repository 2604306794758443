"""Look-ahead: rules that cheat in one way each are caught with the decision named; honest ones pass."""

import random
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pytest

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent, load_events
from datasets.events.label_file import load_labels, relabelled
from datasets.instants import to_ns
from datasets.prices.bars import Bars
from engine.account.replay_custom import KnownEvents
from engine.lookahead.orders import lookahead_orders
from engine.lookahead.report import CHECKS, LookaheadReport, Subject
from engine.lookahead.rules import lookahead
from engine.lookahead.worlds import (
    delayed_world,
    hidden_after,
    pools_of,
    redrawn_after,
    redrawn_world,
    shown_at,
    world_at,
)
from engine.plan.plan import make_plan
from engine.strategy import After, Leg, NextOpen, Strategy, Symbol, strategy
from tests.engine.markets import bars, days, event, instrument, market_of, utc

CLOSES = [100, 101, 99, 102, 101, 98, 97, 99, 103, 102, 104, 103, 101, 102, 100, 99, 101, 104, 105, 103]


def aaa() -> Bars:
    """Twenty sessions from Monday 2024-01-01 on (weekends too), 00:00 to 06:00 UTC, each opening at the last close."""
    opens = [100, *CLOSES[:-1]]
    rows = zip(days("2024-01-01", 20), opens, CLOSES, strict=True)
    return bars(instrument(), [(d, o, max(o, c) + 1, min(o, c) - 1, c) for d, o, c in rows])


EVENTS = EventCatalogue(
    [
        event("JP-A", "2024-01-03T07:00", announced_at="2024-01-02T07:00Z", winner_party="LDP", pro_growth="yes", reported_move="3.0", main_index="AAA"),
        event("JP-B", "2024-01-07T07:00", announced_at="2024-01-04T07:00Z", winner_party="DPJ", pro_growth="no", reported_move="-0.9", main_index="AAA"),
        event("JP-C", "2024-01-10T07:00", announced_at="2024-01-08T07:00Z", winner_party="LDP", pro_growth="mixed", labelled_at="2024-01-15T00:00Z"),
        event("JP-D", "2024-01-13T07:00", announced_at="2024-01-12T07:00Z", winner_party="DPJ", pro_growth="yes", majority="hung"),
    ]
)  # fmt: skip


class _Buys(Strategy):
    """Buys the next open; a test's rule says when."""

    instrument: Symbol = "AAA"

    def wants(self, event: PoliticalEvent) -> bool:
        return True

    def legs(self, event, market):
        return [Leg("AAA", 0.5, NextOpen(), After(2))]


@strategy
class Honest(_Buys):
    """Buy after a pro-growth win in a market that rose over two sessions."""

    def wants(self, event):
        return event.pro_growth == "yes"

    def legs(self, event, market):
        return super().legs(event, market) if market.move("AAA", sessions=1) > -0.5 else []


@strategy
class ReadsNextClose(_Buys):
    """Buy where the next close is above the last."""

    def legs(self, event, market):
        whole, n = market._market.bars("AAA"), len(market.bars("AAA"))
        return super().legs(event, market) if whole.close[n] > whole.close[n - 1] else []


@strategy
class AsksForTheNextClose(_Buys):
    """Ask the market itself for a close to come."""

    def legs(self, event, market):
        return super().legs(event, market) if market.close("AAA", back=-1) > 0 else []


@strategy
class DecidesBeforeTheCount(_Buys):
    """Decide an hour before the outcome was known."""

    def decides_at(self, event, clock):
        return None if event.known_at is None else event.known_at.replace(hour=6)


@strategy
class ReadsTheMove(_Buys):
    """Buy where the move that was published later is up."""

    def wants(self, event):
        return event.reported_move is not None and event.reported_move > 0


@strategy
class Random(_Buys):
    """Toss a coin."""

    def wants(self, event):
        return RANDOM.random() < 0.5


@strategy
class EverySecond(_Buys):
    """Buy after every second event it was asked about."""

    def legs(self, event, market):
        COUNT.append(event.event_id)
        return super().legs(event, market) if len(COUNT) % 2 else []


@strategy
class Broken(_Buys):
    """Divide by zero."""

    def wants(self, event):
        return bool(1 / 0)


RANDOM = random.Random(5)
COUNT: list[str] = []


def report_of(rule: Strategy, events: EventCatalogue = EVENTS, **other: Any) -> LookaheadReport:
    return lookahead(Subject(lambda: nullcontext(rule), events, market_of(aaa()), **other))


def caught(report: LookaheadReport, check: str) -> list[tuple[str, str, str]]:
    found = next(c for c in report.checks if c.name == check)
    return [(o.subject, str(o.at)[:16], o.given_away_by) for o in found.offences]


def test_an_honest_rule_passes_every_check_at_every_decision() -> None:
    report = report_of(Honest())
    assert [(c.name, c.examined, c.changed) for c in report.checks] == [(name, 4, 0) for name in CHECKS]
    assert report.files == ()


def test_a_rule_that_reads_the_next_close_is_caught_where_it_rose() -> None:
    # closes after the decisions: 99 to 102 on the 4th, 97 to 99 on the 8th, 102 to 104 on the 11th; 101 to 102 on the 14th
    report = report_of(ReadsNextClose())
    assert caught(report, "cut") == [
        ("JP-A", "2024-01-03 07:00", "data: close of AAA"),
        ("JP-B", "2024-01-07 07:00", "data: close of AAA"),
        ("JP-C", "2024-01-10 07:00", "data: close of AAA"),
        ("JP-D", "2024-01-13 07:00", "data: close of AAA"),
    ]
    first = report.offences[0]
    assert first.with_future == "at 2024-01-03T07:00:00Z: +0.5 AAA entered 2024-01-04T00:00:00Z"
    assert first.without == "nothing at 2024-01-03T07:00:00Z"
    assert len(caught(report, "scrambled")) == 4


def test_a_close_to_come_that_the_engine_refuses_is_an_offence_not_bad_input() -> None:
    report = report_of(AsksForTheNextClose())
    assert caught(report, "cut")[0] == ("JP-A", "2024-01-03 07:00", "the engine refuses it")
    assert "1 sessions ahead was requested" in report.offences[0].with_future


def test_a_decision_that_needs_the_hour_of_the_outcome_is_an_offence() -> None:
    assert caught(report_of(DecidesBeforeTheCount()), "cut")[0][:2] == ("JP-A", "2024-01-03 06:00")


def test_the_move_published_after_the_session_is_no_knowledge_of_the_night() -> None:
    assert report_of(ReadsTheMove()).offences == ()  # the engine shows no rule the move before its week is over
    plan = make_plan(ReadsTheMove(), EVENTS, market_of(aaa()))
    assert [t for t in plan.trades if t.event_id == "JP-A"] == []


def outcome_rule(read: Any) -> Strategy:
    @strategy
    class ReadsOutcome(_Buys):
        """Buy at the announcement where LDP will win."""

        def decides_at(self, event, clock):
            return event.announced_at

        def wants(self, event):
            known = {e.event_id: e.winner_party for e in read()}
            return known.get(event.event_id) == "LDP"

    return ReadsOutcome()


def write(path: Path) -> Path:
    rows = [f"{e.event_id},JP,general_election,t,{e.announced_at},{e.known_at},{e.winner_party}\n" for e in EVENTS]
    path.write_text("event_id,country,kind,title,announced_at,known_at,winner_party\n" + "".join(rows))
    return path


def test_the_outcome_at_the_announcement_is_caught_with_its_field(tmp_path: Path) -> None:
    path = write(tmp_path / "events.csv")
    report = report_of(outcome_rule(lambda: load_events(path)), facts=(path,))
    assert caught(report, "cut") == [
        ("JP-A", "2024-01-02 07:00", "events: winner_party"),
        ("JP-C", "2024-01-08 07:00", "events: winner_party"),
    ]
    assert [s for s, _, _ in caught(report, "scrambled")] == ["JP-A", "JP-B", "JP-C", "JP-D"]  # B and D are wanted then
    assert caught(report, "opened") == []


def test_facts_read_as_plain_text_cannot_be_cut_and_are_an_offence(tmp_path: Path) -> None:
    path = write(tmp_path / "events.csv")

    def read() -> list[PoliticalEvent]:
        lines = [line.split(",") for line in path.read_text().splitlines()[1:]]
        return [EVENTS.get(cells[0]) for cells in lines]

    report = report_of(outcome_rule(read), facts=(path,))
    assert caught(report, "opened") == [("JP-A", "2024-01-02 07:00", "file: events.csv")]
    elsewhere = report_of(outcome_rule(read))
    assert (elsewhere.offences, elsewhere.files) == ((), ("events.csv",))


REVISED = (
    "event_id,country,kind,title,announced_at,known_at,pro_growth,labelled_at\n"
    "JP-B,JP,general_election,t,2024-01-04T07:00Z,2024-01-07T07:00Z,yes,2024-01-09T12:00Z\n"
)


def test_a_label_revised_later_is_caught_with_the_instant_it_was_coded(tmp_path: Path) -> None:
    path = tmp_path / "revised.csv"
    path.write_text(REVISED)

    @strategy
    class ReadsTheLabel(_Buys):
        """Buy where the catalogue says yes, whenever that was written."""

        def wants(self, event):
            labels = {e.event_id: e.pro_growth for e in load_events(path)}
            return labels.get(event.event_id) == "yes"

    events = load_events(path)
    assert caught(report_of(ReadsTheLabel(), events), "cut") == [
        ("JP-B", "2024-01-07 07:00", "events: pro_growth, coded 2024-01-09T12:00:00Z")
    ]
    assert caught(report_of(ReadsTheLabel(), events), "scrambled")[0][0] == "JP-B"
    assert report_of(Honest(), events).offences == ()


def test_the_labels_of_a_coders_file_read_by_the_rule_are_an_offence(tmp_path: Path) -> None:
    path = tmp_path / "anna.csv"
    path.write_text("event_id,pro_growth,labelled_at\nJP-B,yes,2024-01-09T12:00Z\n")

    @strategy
    class ReadsTheCoder(_Buys):
        """Buy where the second coder says yes."""

        def wants(self, event):
            coded = load_labels(path).events.get(event.event_id)
            return coded is not None and coded.labels["pro_growth"] == "yes"

    events = relabelled(EVENTS, load_labels(path))
    report = report_of(ReadsTheCoder(), events, facts=(path,))
    assert caught(report, "opened") == [("JP-A", "2024-01-03 07:00", "file: anna.csv")]


def test_a_backtrader_strategy_is_shown_no_label_before_it_was_coded() -> None:
    early = KnownEvents(EVENTS, lambda: utc("2024-01-14T00:00")).known()[2]
    late = KnownEvents(EVENTS, lambda: utc("2024-01-15T00:00")).known()[2]
    assert (early.event_id, early.pro_growth, late.pro_growth) == ("JP-C", "unknown", "mixed")


@pytest.mark.parametrize("rule", [Random(), EverySecond()])
def test_a_rule_that_is_not_the_same_twice_is_told_so_and_not_called_a_cheat(rule: Strategy) -> None:
    COUNT.clear()
    many = EventCatalogue(
        event(f"JP-{n}", f"2024-01-{n + 2:02}T07:00", announced_at="2024-01-01T07:00Z") for n in range(15)
    )
    report = report_of(rule, many)
    assert [c.name for c in report.checks if c.changed] == ["again"]
    assert [c.examined for c in report.checks] == [15, None, None, None, None]


def test_an_error_in_a_rule_is_bad_input_as_in_a_run() -> None:
    with pytest.raises(UserError, match="broken raised ZeroDivisionError"):
        report_of(Broken())


def test_a_rule_that_decides_earlier_when_news_is_late_is_caught() -> None:
    @strategy
    class Backwards(_Buys):
        """Wait for the week's end, unless the outcome came after the sixth."""

        def decides_at(self, event, clock):
            if event.known_at is None:
                return None
            return utc("2024-01-16T00:00") if event.known_at < utc("2024-01-11T00:00") else event.known_at

    assert caught(report_of(Backwards()), "delayed") == [("JP-C", "2024-01-16 00:00", "events: known_at")]


def test_decisions_before_the_first_date_are_not_examined() -> None:
    report = report_of(ReadsNextClose(), since=utc("2024-01-09T00:00").date())
    assert [s for s, _, _ in caught(report, "cut")] == ["JP-C", "JP-D"]


# ---- worlds --------------------------------------------------------------------------------------------------------------


AT = to_ns(utc("2024-01-05T03:00"))  # in the fifth session, which opened at 00:00 and closes at 06:00


def test_a_cut_leaves_prices_that_had_come_into_being_and_the_hours_of_all() -> None:
    whole, cut = aaa(), hidden_after(aaa(), AT)
    assert np.array_equal(cut.close_at, whole.close_at)
    assert (np.isfinite(cut.open).sum(), np.isfinite(cut.close).sum(), np.isfinite(cut.high).sum()) == (5, 4, 4)
    assert cut.open[4] == 102


@pytest.mark.parametrize("sign", [1, -1])
def test_redrawn_prices_are_the_same_up_to_the_instant_and_all_others_after(sign: int) -> None:
    whole, other = aaa(), redrawn_after(aaa(), AT, seed=3, sign=sign)
    assert other.open[:5].tolist() == whole.open[:5].tolist()
    assert other.close[:4].tolist() == whole.close[:4].tolist()
    assert (sign * (other.open[5:] / whole.open[5:] - 1) > 0.04).all()
    assert (sign * (other.close[4:] / whole.close[4:] - 1) > 0.04).all()
    assert (
        (other.high >= np.maximum(other.open, other.close)) & (other.low <= np.minimum(other.open, other.close))
    ).all()


def test_redrawn_outcomes_are_others_where_they_were_unknown_and_the_same_where_known() -> None:
    at = utc("2024-01-08T00:00")
    worlds = [redrawn_world(at, pools_of(EVENTS), seed=0, sign=s) for s in (1, -1)]
    for world in worlds:
        known = world.event(EVENTS.get("JP-A"))
        assert known is not None
        assert (known.winner_party, known.pro_growth, known.known_at) == ("LDP", "yes", utc("2024-01-03T07:00"))
        assert known.reported_move != EVENTS.get("JP-A").reported_move  # it is of the session after
        later = world.event(EVENTS.get("JP-D"))
        assert later is not None
        assert later.winner_party == "LDP"
        assert later.pro_growth in ("no", "mixed", "unknown")
        assert later.majority != "hung"
        assert world.event(later) is later  # drawn again it might be true
    assert len({w.event(EVENTS.get("JP-D")).pro_growth for w in worlds}) == 2


def test_an_event_is_not_there_before_it_was_announced() -> None:
    assert shown_at(EVENTS.get("JP-B"), utc("2024-01-04T06:59")) is None
    seen = shown_at(EVENTS.get("JP-B"), utc("2024-01-04T07:00"))
    assert seen is not None
    assert (seen.winner_party, seen.known_at) == (None, None)
    assert [e.event_id for e in EVENTS.as_visible(world_at(utc("2024-01-05T00:00")).event)] == ["JP-A", "JP-B"]


def test_late_news_moves_every_instant_at_which_something_became_known() -> None:
    late = delayed_world().event(EVENTS.get("JP-C"))
    assert late is not None
    assert (late.announced_at, late.known_at, late.labelled_at) == (
        utc("2024-01-09T07:00"),
        utc("2024-01-11T07:00"),
        utc("2024-01-16T00:00"),
    )


# ---- strategies that send their own orders -------------------------------------------------------------------------------


class BuysTheNews(bt.Strategy):
    """Buys a tenth after each outcome."""

    def __init__(self) -> None:
        self.seen = 0

    def next(self) -> None:
        known = len(self.events.known())
        if known > self.seen:
            self.order_target_percent(target=0.1 * known)
        self.seen = known


class ReadsClose1(bt.Strategy):
    """Reads the next close as backtrader spells it."""

    def next(self) -> None:
        if len(self.data) > 2 and self.data.close[1] > self.data.close[0]:
            self.buy(size=1)


class DigsForClose1(bt.Strategy):
    """Finds the next close in the feed's private arrays."""

    def next(self) -> None:
        closes, n = dict(self.data._columns)["close"], len(self.data)
        if n < len(closes) and closes[n] > closes[n - 1] + 2:
            self.buy(size=1)


class DigsForOutcome(bt.Strategy):
    """Finds the outcome at the announcement in the catalogue behind its events."""

    def next(self) -> None:
        today = self.data.datetime.date(0)
        for each in self.events._catalogue:
            if each.announced_at.date() == today and each.winner_party == "LDP":
                self.buy(size=1)


class TossesACoin(bt.Strategy):
    """Tosses a coin at each close."""

    def next(self) -> None:
        if RANDOM.random() < 0.5:
            self.buy(size=1)


class Raises(bt.Strategy):
    """Divides by zero."""

    def next(self) -> None:
        self.buy(size=1 / 0)


def orders_of(cls: type[bt.Strategy], **other: Any) -> LookaheadReport:
    return lookahead_orders(Subject(lambda: nullcontext(cls), EVENTS, market_of(aaa())), (aaa(),), {}, **other)


def test_a_backtrader_strategy_that_waits_for_the_news_passes() -> None:
    report = orders_of(BuysTheNews)
    assert [(c.name, c.examined, c.changed) for c in report.checks] == [
        ("again", 4, 0), ("cut", 4, 0), ("delayed", 1, 0), ("scrambled", 4, 0), ("opened", 4, 0),
    ]  # fmt: skip


def test_close_1_is_caught_where_it_was_read() -> None:
    report = orders_of(ReadsClose1)
    assert caught(report, "cut") == [("AAA", "2024-01-03 06:00", "data: close[1] of AAA")]


def test_a_close_dug_out_of_the_feed_is_caught_at_each_order() -> None:
    report = orders_of(DigsForClose1)
    # 99 to 102 at the close of the 3rd, 99 to 103 of the 8th, 101 to 104 of the 17th; 102 to 104 is no more than 2
    assert [(s, at) for s, at, _ in caught(report, "cut")] == [
        ("AAA", "2024-01-03 06:00"),
        ("AAA", "2024-01-08 06:00"),
        ("AAA", "2024-01-17 06:00"),
    ]
    assert caught(report, "cut")[0][2] == "data: bars of AAA"


def test_an_outcome_dug_out_of_the_events_is_caught_with_its_field() -> None:
    assert caught(orders_of(DigsForOutcome), "cut") == [
        ("AAA", "2024-01-02 06:00", "events: winner_party"),
        ("AAA", "2024-01-08 06:00", ""),
    ]


def test_orders_are_examined_at_so_many_instants_and_the_report_says_of_how_many() -> None:
    cut = next(c for c in orders_of(BuysTheNews, decisions=2).checks if c.name == "cut")
    assert (cut.examined, cut.note) == (2, "of 4 instants of orders, evenly spread")


def test_a_strategy_that_tosses_a_coin_is_told_so() -> None:
    report = orders_of(TossesACoin)
    assert [c.name for c in report.checks if c.changed] == ["again"]


def test_an_error_in_a_backtrader_strategy_is_bad_input() -> None:
    with pytest.raises(UserError, match="raised ZeroDivisionError"):
        orders_of(Raises)
