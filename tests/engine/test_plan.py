"""Plans worked by hand: which bar an entry or exit falls on, and what is skipped and why."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.prices.bars import Bars
from engine.account.replay import replay
from engine.plan.costs import Terms
from engine.plan.plan import BarPrice, Plan, make_plan
from engine.strategy import (
    After,
    AtNextEvent,
    BeforeVote,
    Clock,
    Exit,
    LastCloseBefore,
    Leg,
    Never,
    NextClose,
    NextOpen,
    Phase,
    Strategy,
    Symbol,
    strategy,
)
from engine.strategy.market import LookAheadError, Market, MarketView
from strategies.buy_after_event import BuyAfterEvent
from strategies.fade_the_shock import FadeTheShock
from strategies.pro_growth_win import ProGrowthWin
from tests.engine.markets import MemorySource, bars, event, flat_day, instrument, market_of, scripted, utc

OPEN, CLOSE = Phase.OPEN, Phase.CLOSE
AAA = instrument()
SESSIONS = [f"2024-01-{d:02}" for d in (9, 10, 11, 12, 15, 16, 17, 18, 19, 22)]
"""Ten sessions of Tokyo, 00:00 to 06:00 UTC: Tuesday 9 to Monday 22 January. Rows 0 to 9."""
TEN = bars(AAA, [flat_day(s, 100.0) for s in SESSIONS])
MORNING = "2024-01-10T12:00"
"""After the close of row 1: the next open is that of row 2."""


def plan_of(
    given: Any, events: list[PoliticalEvent], *markets: Bars, decides: str = "known_at", since: date | None = None
) -> Plan:
    """Return the plan of the legs."""
    markets = markets or (TEN,)
    rule = scripted(given, markets=[b.symbol for b in markets], decides=decides)
    return make_plan(rule, EventCatalogue(events), market_of(*markets), since=since)


def one(leg: Leg, at: str = MORNING, *others: PoliticalEvent, **given: Any) -> Any:
    """Return the one trade of one leg after one event, or the reason why there is none."""
    plan = plan_of({"E": [leg]}, [event("E", at), *others], **given)
    assert len(plan.trades) + len(plan.skipped) == 1
    return plan.trades[0] if plan.trades else plan.skipped[0].reason


def moments(leg: Leg, at: str = MORNING) -> tuple[Any, Any]:
    """Return (row, phase) of entry and exit."""
    trade = one(leg, at)
    return (trade.entry.bar, trade.entry.phase), trade.exit and (trade.exit.bar, trade.exit.phase)


# ---- entries -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "at", "expected"),
    [
        (NextOpen(), "2024-01-10T12:00", (2, OPEN)),
        (NextOpen(), "2024-01-10T23:59:59", (2, OPEN)),
        (NextOpen(), "2024-01-11T00:00", (3, OPEN)),  # known at the very open: too late for it
        (NextOpen(), "2024-01-11T03:00", (3, OPEN)),
        (NextOpen(), "2024-01-12T12:00", (4, OPEN)),  # over a weekend
        (NextOpen(delay=1), "2024-01-10T12:00", (3, OPEN)),
        (NextOpen(delay=3), "2024-01-10T12:00", (5, OPEN)),
        (NextOpen(after=utc("2024-01-17T00:00")), "2024-01-10T12:00", (7, OPEN)),
        (NextOpen(after=utc("2024-01-01T00:00")), "2024-01-10T12:00", (2, OPEN)),
        (NextClose(), "2024-01-10T12:00", (2, CLOSE)),
        (NextClose(), "2024-01-11T03:00", (2, CLOSE)),
        (NextClose(), "2024-01-11T06:00", (3, CLOSE)),  # known at the very close
        (NextClose(delay=2), "2024-01-11T06:00", (5, CLOSE)),
    ],
)
def test_entry_is_the_first_price_strictly_after_the_decision(entry, at, expected):
    assert moments(Leg("AAA", 1, entry, Never()), at)[0] == expected


@pytest.mark.parametrize(("sessions", "expected"), [(1, (4, CLOSE)), (3, (2, CLOSE)), (5, (0, CLOSE))])
def test_before_vote_holds_so_many_sessions_up_to_the_last_close_before_the_vote(sessions, expected):
    """Vote on Wednesday 17 January: the last close before it is that of the 16th, row 5."""
    vote = event("E", "2024-01-17T12:00", announced_at=utc("2024-01-01T00:00"), voted_on=date(2024, 1, 17))
    leg = Leg("AAA", 1, BeforeVote(sessions), LastCloseBefore(utc("2024-01-17T00:00")))
    (trade,) = plan_of({"E": [leg]}, [vote], decides="announced_at").trades
    assert (trade.entry.bar, trade.entry.phase) == expected
    assert trade.exit == BarPrice(5, CLOSE)


def test_day_of_the_vote_is_that_of_its_own_place():
    """The vote's day begins in Tokyo at 15:00 UTC of the day before: a close of 15:30 UTC is no longer before it."""
    late = bars(AAA, [flat_day(s, 100.0) for s in SESSIONS], hours=("08:00", "15:30"))
    vote = event(
        "E", "2024-01-17T12:00", announced_at=utc("2024-01-01T00:00"), voted_on=date(2024, 1, 17), timezone="Asia/Tokyo"
    )
    (trade,) = plan_of({"E": [Leg("AAA", 1, BeforeVote(1), Never())]}, [vote], late, decides="announced_at").trades
    assert trade.entry == BarPrice(3, CLOSE)  # last close before is row 4, of the 15th


def test_vote_called_too_late_is_skipped():
    vote = event("E", "2024-01-17T12:00", announced_at=utc("2024-01-12T08:00"), voted_on=date(2024, 1, 17))
    plan = plan_of({"E": [Leg("AAA", 1, BeforeVote(3), Never())]}, [vote], decides="announced_at")
    assert [s.reason for s in plan.skipped] == [
        "announced at 2024-01-12T08:00:00Z, less than 3 sessions before the vote"
    ]


def test_vote_without_a_date_is_skipped():
    assert one(Leg("AAA", 1, BeforeVote(3), Never())) == "unknown: voted_on"


def test_before_vote_waits_for_bars_that_reach_the_vote():
    """The bars end on the 22nd, the vote is on 8 February: the fifth session before it is not among them."""
    vote = event("E", "2024-02-08T12:00", announced_at=utc("2024-01-01T00:00"), voted_on=date(2024, 2, 8))
    plan = plan_of({"E": [Leg("AAA", 1, BeforeVote(5), Never())]}, [vote], decides="announced_at")
    assert plan.trades == ()
    assert len(plan.skipped) == 1


# ---- exits ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "exit_", "expected"),
    [
        (NextOpen(), After(1), (3, OPEN)),  # rows 2
        (NextOpen(), After(3), (5, OPEN)),  # rows 2, 3, 4
        (NextOpen(), After(1, at=CLOSE), (2, CLOSE)),
        (NextOpen(), After(3, at=CLOSE), (4, CLOSE)),
        (NextClose(), After(1), (4, OPEN)),  # row 3 is the first held
        (NextClose(), After(3), (6, OPEN)),
        (NextClose(), After(1, at=CLOSE), (3, CLOSE)),
        (NextClose(), After(3, at=CLOSE), (5, CLOSE)),
        (NextOpen(), After(7), (9, OPEN)),
        (NextOpen(), After(8), None),  # the open that follows row 9 is not there
        (NextOpen(), After(8, at=CLOSE), (9, CLOSE)),
        (NextOpen(), Never(), None),
        (NextOpen(), LastCloseBefore(utc("2024-01-16T06:00")), (4, CLOSE)),  # strictly before
        (NextOpen(), LastCloseBefore(utc("2024-01-16T06:01")), (5, CLOSE)),
        (NextOpen(), LastCloseBefore(utc("2024-01-23T00:00")), (9, CLOSE)),
        (NextOpen(), LastCloseBefore(utc("2024-03-01T00:00")), None),  # Tokyo goes on, the bars do not
    ],
)
def test_exit_counts_the_sessions_held(entry, exit_, expected):
    assert moments(Leg("AAA", 1, entry, exit_))[1] == expected


def test_exit_that_would_not_come_after_the_entry_is_skipped():
    leg = Leg("AAA", 1, NextOpen(), LastCloseBefore(utc("2024-01-11T00:00")))
    assert one(leg) == "the exit (last close before 2024-01-11T00:00:00Z) would not come after the entry"


def test_exit_before_the_first_bar_is_skipped():
    """Announced and voted in the weeks before the bars begin: there is no close before the vote."""
    leg = Leg("AAA", 1, NextOpen(), LastCloseBefore(utc("2024-01-08T00:00")))
    assert one(leg, "2024-01-02T00:00") == (
        "the exit (last close before 2024-01-08T00:00:00Z) would not come after the entry"
    )


@pytest.mark.parametrize(
    ("country", "expected"), [(None, (5, OPEN)), ("JP", (5, OPEN)), ("US", (8, OPEN)), ("FR", None)]
)
def test_exit_at_the_next_event_falls_on_the_open_after_it_is_known(country, expected):
    others = [
        event("SAME", "2024-01-12T12:00", kind="resignation"),
        event("JAPAN", "2024-01-15T06:00", kind="dissolution"),
        event("AMERICA", "2024-01-18T00:00:01", kind="dissolution", country="US"),
    ]
    trade = one(Leg("AAA", 1, NextOpen(), AtNextEvent("dissolution", country)), MORNING, *others)  # type: ignore[arg-type]
    assert (trade.exit and (trade.exit.bar, trade.exit.phase)) == expected


def test_event_known_before_the_entry_does_not_end_the_trade():
    other = event("D", "2024-01-10T13:00", kind="dissolution")
    assert one(Leg("AAA", 1, NextOpen(), AtNextEvent("dissolution")), MORNING, other).exit is None  # type: ignore[arg-type]


# ---- opens that were not traded ------------------------------------------------------------------------------------------


def test_fills_meant_for_an_open_that_was_not_traded_go_to_the_close():
    rows = [(*flat_day(s, 100.0), s not in ("2024-01-11", "2024-01-15")) for s in SESSIONS]
    market = bars(AAA, rows)
    (entry,) = plan_of([Leg("AAA", 1, NextOpen(), After(4))], [event("E", MORNING)], market).trades
    assert entry.entry == BarPrice(2, CLOSE)
    assert entry.notes == ("entry at the close: the bar has no real open",)
    (exit_,) = plan_of([Leg("AAA", 1, NextOpen(), After(3))], [event("E", "2024-01-09T03:00")], market).trades
    assert (exit_.entry, exit_.exit) == (BarPrice(1, OPEN), BarPrice(4, CLOSE))
    assert exit_.notes == ("exit at the close: the bar has no real open",)


# ---- too far, too early, holes -------------------------------------------------------------------------------------------

HOLE = bars(AAA, [flat_day(s, 100.0) for s in ("1985-01-09", "1985-01-10", "1985-02-26", "1985-02-27")])
"""47 days between rows 1 and 2, before the calendar of Tokyo begins (1990): tests/engine/test_gaps.py has the rule by it."""


def test_no_trade_waits_for_a_bar_beyond_45_days():
    reason = plan_of([Leg("AAA", 1, NextOpen(), After(1))], [event("E", "1985-01-11T00:00")], HOLE).skipped[0].reason
    assert reason == "no bar within 45 days after 1985-01-11T00:00:00Z; the next is of 1985-02-26"


def test_a_trade_waits_45_days_to_the_second():
    (trade,) = plan_of([Leg("AAA", 1, NextOpen(), Never())], [event("E", "1985-01-12T00:00")], HOLE).trades
    assert trade.entry == BarPrice(2, OPEN)


def test_no_trade_is_held_across_a_hole():
    reason = plan_of([Leg("AAA", 1, NextOpen(), After(2))], [event("E", "1985-01-09T12:00")], HOLE).skipped[0].reason
    assert reason == (
        "the bars have a gap of 47 days from 1985-01-10 to 1985-02-26 on the way from the decision to the exit"
    )


def test_no_delay_reaches_across_a_hole():
    plan = plan_of([Leg("AAA", 1, NextOpen(delay=1), After(1))], [event("E", "1985-01-09T12:00")], HOLE)
    assert plan.trades == ()
    assert "gap of 47 days" in plan.skipped[0].reason


def test_event_before_the_first_bar_is_skipped():
    assert one(Leg("AAA", 1, NextOpen(), Never()), "2023-11-01T00:00") == "before the first bar; bars begin 2024-01-09"


def test_event_after_the_last_bar_is_skipped():
    assert one(Leg("AAA", 1, NextOpen(), Never()), "2024-01-22T00:00") == (
        "no bar after 2024-01-22T00:00:00Z; bars end 2024-01-22"
    )


def test_events_decided_before_the_window_are_left_out():
    events = [event("OLD", "2024-01-10T23:59"), event("NEW", "2024-01-11T00:00")]
    plan = plan_of([Leg("AAA", 1, NextOpen(), Never())], events, since=date(2024, 1, 11))
    assert [t.event_id for t in plan.trades] == ["NEW"]
    assert plan.skipped == ()
    assert plan.considered == 2


# ---- legs that cannot be -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leg", "message"),
    [
        (Leg("AAA", 0.0, NextOpen(), Never()), "weight is 0.0; it must be a number other than 0"),
        (Leg("AAA", float("nan"), NextOpen(), Never()), "weight is nan"),
        (Leg("AAA", 1, NextOpen(), Never(), stop_loss=-0.1), "stop_loss is -0.1; it must be above 0"),
        (Leg("AAA", 1, NextOpen(), Never(), take_profit=0.0), "take_profit is 0.0; it must be above 0"),
    ],
)
def test_leg_that_says_nothing_is_refused(leg, message):
    with pytest.raises(UserError, match=message):
        one(leg)


@pytest.mark.parametrize("entry", [NextOpen(delay=-1), NextClose(delay=-2), BeforeVote(-2), BeforeVote(0)])
def test_entry_that_looks_back_is_refused(entry):
    """A delay of -1 would buy at an open before the decision."""
    vote = event("E", "2024-01-17T12:00", announced_at=utc("2024-01-10T08:00"), voted_on=date(2024, 1, 17))
    with pytest.raises(UserError):
        plan_of({"E": [Leg("AAA", 1, entry, Never())]}, [vote], decides="announced_at")


@pytest.mark.parametrize("exit_", [After(0), After(-5), After(-5, at=CLOSE)])
def test_exit_after_no_session_is_refused(exit_: Exit):
    with pytest.raises(UserError):
        one(Leg("AAA", 1, NextOpen(), exit_))


@pytest.mark.parametrize(
    "leg",
    [
        Leg("AAA", 1, NextOpen(after=datetime(2024, 1, 15)), Never()),
        Leg("AAA", 1, NextOpen(), LastCloseBefore(datetime(2024, 1, 15))),
    ],
)
def test_naive_instant_in_a_leg_is_shown_in_one_line(leg):
    with pytest.raises(UserError):
        one(leg)


def test_naive_instant_of_decision_is_shown_in_one_line():
    @strategy
    class Naive(BuyAfterEvent):
        def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
            return datetime(2024, 1, 10)

    with pytest.raises(UserError):
        make_plan(Naive(instrument="AAA"), [event("E", MORNING)], market_of(TEN))


def test_error_in_a_rule_is_shown_with_its_place():
    @strategy
    class Broken(BuyAfterEvent):
        def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
            raise ZeroDivisionError("no sense")

    with pytest.raises(UserError, match=r"broken raised ZeroDivisionError: no sense \(test_plan\.py line \d+\)"):
        make_plan(Broken(instrument="AAA"), [event("E", MORNING)], market_of(TEN))


def test_unknown_instrument_is_shown():
    with pytest.raises(UserError, match="unknown instrument 'AAB' \\(did you mean 'AAA'\\?\\)"):
        plan_of([Leg("AAB", 1, NextOpen(), Never())], [event("E", MORNING)])


# ---- what a rule may know ------------------------------------------------------------------------------------------------


def test_field_that_is_unknown_is_reported():
    topix = bars(instrument("TOPIX"), [flat_day(s, 100.0) for s in SESSIONS])
    plan = make_plan(ProGrowthWin(), [event("E", "2024-01-10T12:00")], market_of(topix))
    assert plan.trades == ()
    assert [s.reason for s in plan.skipped] == ["unknown at 2024-01-10T12:00:00Z: pro_growth"]


def test_event_that_no_knowledge_would_make_wanted_is_not_mentioned():
    topix = bars(instrument("TOPIX"), [flat_day(s, 100.0) for s in SESSIONS])
    events = [
        event("FRANCE", "2024-01-10T12:00", country="FR"),
        event("NO", "2024-01-10T12:00", pro_growth="no"),
        event("OTHER", "2024-01-10T12:00", kind="dissolution"),
    ]
    plan = make_plan(ProGrowthWin(), events, market_of(topix))
    assert (plan.trades, plan.skipped, plan.considered) == ((), (), 3)


def test_event_never_known_is_reported():
    topix = bars(instrument("TOPIX"), [flat_day(s, 100.0) for s in SESSIONS])
    plan = make_plan(ProGrowthWin(), [event("E", None, pro_growth="yes")], market_of(topix))
    assert [s.reason for s in plan.skipped] == [
        "no instant of decision: known_at is blank; give it in the file of events"
    ]


def test_outcome_is_not_to_be_seen_when_the_vote_is_announced():
    seen: list[tuple[Any, ...]] = []

    @strategy
    class Early(Strategy):
        instrument: Symbol = "AAA"

        def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
            seen.append((event.winner, event.pro_growth, event.title))
            return event.announced_at

        def wants(self, event: PoliticalEvent) -> bool:
            seen.append((event.winner, event.pro_growth, event.title))
            return True

        def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
            seen.append((event.winner, event.pro_growth, event.title))
            return []

    vote = event(
        "E",
        "2024-01-17T12:00",
        announced_at=utc("2024-01-10T08:00"),
        winner="Aoki",
        pro_growth="yes",
        title="Aoki wins",
    )
    make_plan(Early(), [vote], market_of(TEN))
    assert set(seen) == {(None, "unknown", "")}


def deciding(decides: Callable[[PoliticalEvent, Clock], datetime | None]) -> Strategy:
    """Return a rule that buys AAA at the next open after the instant a function decides at."""

    @strategy
    class Peeking(Strategy):
        instrument: Symbol = "AAA"

        def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
            return decides(event, clock)

        def wants(self, event: PoliticalEvent) -> bool:
            return True

        def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
            return [Leg("AAA", 1, NextOpen(), Never())]

    return Peeking()


def days_before(event: PoliticalEvent, days: int) -> datetime | None:
    return None if event.known_at is None else event.known_at - timedelta(days=days)


@pytest.mark.parametrize("announced", [None, "2024-01-09T12:00"])
def test_a_rule_that_decides_days_before_the_outcome_by_when_it_came_is_refused(announced: str | None):
    coup = event("E", "2024-01-17T12:00", announced_at=None if announced is None else utc(announced))
    with pytest.raises(LookAheadError, match="decides on E at 2024-01-12T12:00:00Z by its known_at, which came later"):
        make_plan(deciding(lambda e, clock: days_before(e, 5)), [coup], market_of(TEN))


def test_a_rule_that_picks_votes_by_how_long_the_count_took_is_refused():
    def long_counts(e: PoliticalEvent, clock: Clock) -> datetime | None:
        return e.announced_at if e.known_at is not None and e.known_at > utc("2024-01-18T00:00") else None

    vote = event("E", "2024-01-19T12:00", announced_at=utc("2024-01-09T12:00"))
    with pytest.raises(LookAheadError, match="by its known_at"):
        make_plan(deciding(long_counts), [vote], market_of(TEN))


def test_an_event_nobody_announced_is_not_traded_before_it_came():
    """With announced_at blank nothing says that it was public: not before its outcome, or the first sign of it."""
    fixed = deciding(lambda e, clock: utc("2024-01-10T12:00"))
    coup = event("E", "2024-01-17T12:00")
    (skipped,) = make_plan(fixed, [coup], market_of(TEN)).skipped
    assert skipped.reason == (
        "decided at 2024-01-10T12:00:00Z, and announced_at is blank: nothing says that it was public by then"
    )
    early_sign = event("E", "2024-01-17T12:00", signal_from=utc("2024-01-10T11:00"))
    assert len(make_plan(fixed, [early_sign], market_of(TEN)).trades) == 1


def test_the_clock_gives_no_close_before_the_one_that_follows():
    rule = deciding(lambda e, clock: None if e.known_at is None else clock.close_after("AAA", e.known_at, nth=-3))
    with pytest.raises(LookAheadError, match="nth=-3"):
        make_plan(rule, [event("E", "2024-01-17T12:00")], market_of(TEN))


def test_how_the_outcome_became_known_is_part_of_the_outcome():
    contested = event("E", "2024-01-17T12:00", known_at_basis="official_result", confidence="low")
    seen = contested.as_known(utc("2024-01-10T08:00"))
    assert (seen.known_at_basis, seen.confidence) == (None, None)


def test_outcome_is_to_be_seen_once_known():
    wanted = event("E", MORNING, pro_growth="yes")
    rule = BuyAfterEvent(instrument="AAA", pro_growth="yes", hold=3)  # type: ignore[arg-type]
    (trade,) = make_plan(rule, [wanted], market_of(TEN)).trades
    assert (trade.entry, trade.exit) == (BarPrice(2, OPEN), BarPrice(5, OPEN))


RISING = bars(AAA, [flat_day(s, 100.0 + i) for i, s in enumerate(SESSIONS)])


def view(at: str) -> MarketView:
    """Return the market as known at an instant."""
    return MarketView(market_of(RISING), utc(at))


def test_view_holds_the_bars_closed_by_now():
    assert len(view("2024-01-10T05:59:59").bars("AAA")) == 1
    assert len(view("2024-01-10T06:00").bars("AAA")) == 2  # the close is known when it is made
    assert view("2024-01-10T06:00").close("AAA") == 101.0
    assert view("2024-01-10T06:00").close("AAA", back=1) == 100.0
    assert view("2024-01-10T06:00").move("AAA") == pytest.approx(0.01)


def test_view_refuses_the_future():
    with pytest.raises(LookAheadError, match="close of AAA 1 sessions ahead was requested at 2024-01-10T06:00:00Z"):
        view("2024-01-10T06:00").close("AAA", back=-1)


def test_view_tells_of_bars_that_are_not_there():
    with pytest.raises(UserError, match="AAA has 2 bars by 2024-01-10T06:00:00Z; 3 were requested"):
        view("2024-01-10T06:00").close("AAA", back=2)


def test_event_just_before_the_first_bar_does_not_stop_the_run():
    """The first session to close after it has none before it to fall from: that event cannot be traded, others can."""
    falling = bars(AAA, [flat_day(s, 100.0 - 3 * i) for i, s in enumerate(SESSIONS)])
    events = [event("EARLY", "2024-01-08T12:00"), event("LATER", "2024-01-10T12:00")]
    plan = make_plan(FadeTheShock(instrument="AAA", hold=2), EventCatalogue(events), market_of(falling))
    assert [t.event_id for t in plan.trades] == ["LATER"]


def test_until_ends_the_bars_at_a_session():
    market = Market(MemorySource(RISING), market_of(RISING).instruments, until=date(2024, 1, 13))
    assert str(market.bars("AAA").session[-1]) == "2024-01-12"


def test_plan_names_its_instruments_though_nothing_is_traded():
    plan = plan_of([Leg("AAA", 1, NextOpen(), Never())], [])
    assert (plan.instruments, plan.considered) == (("AAA",), 0)
    account = replay(plan, [TEN], Terms(cash=1000.0))
    assert account.equity.tolist() == [1000.0] * 10
    assert np.array_equal(account.days.sessions, TEN.session)
