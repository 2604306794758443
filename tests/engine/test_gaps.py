"""Sessions that the calendar holds and the bars lack: which trades that ends, and what is shown of the others."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from datasets.markets.instruments import bundled_instruments
from datasets.markets.sessions import calendar_sessions
from datasets.prices.bars import Bars
from datasets.prices.sources.files import DirectorySource
from engine.account.evaluate import evaluate
from engine.account.replay import replay
from engine.plan.costs import Terms
from engine.plan.plan import BarPrice, Plan
from engine.strategy import (
    After,
    AtNextEvent,
    BeforeVote,
    Exit,
    LastCloseBefore,
    Leg,
    Never,
    NextClose,
    NextOpen,
    Phase,
)
from engine.strategy.market import BarClock
from tests.engine.markets import NEW_YORK, bars, event, flat_day, instrument, market_of, utc
from tests.engine.test_plan import plan_of

TOKYO = instrument()
WALL_STREET = instrument("USA", mic="XNYS", currency="USD")
CURRENCY = instrument("FXX", mic="FX")


def tokyo(*january: int) -> Bars:
    """Return bars of Tokyo on the given days of January 2024: its sessions are 4, 5, 9 to 12, 15 to 19, 22 to 26."""
    return bars(TOKYO, [flat_day(f"2024-01-{d:02}", 100.0) for d in january])


def outcome(given: Bars, leg: Leg, at: str, *others: Any) -> Any:
    """Return the notes of the one trade, or the reason why there is none."""
    plan = plan_of({"E": [leg]}, [event("E", at), *others], given)
    return plan.trades[0].notes if plan.trades else plan.skipped[0].reason


def buy(symbol: str = "AAA", *, exit_: Exit | None = None, delay: int = 0) -> Leg:
    return Leg(symbol, 1, NextOpen(delay=delay), exit_ or Never())


def test_bars_without_november_2020_do_not_buy_the_us_election_in_december():
    """From 9 to 30 November the NYSE held 15 sessions (Thanksgiving off): a month later is not the reaction."""
    october = [f"2020-10-{d}" for d in (28, 29, 30)]
    december = [f"2020-12-{d:02}" for d in (1, 2, 3)]
    market = bars(WALL_STREET, [flat_day(d, 100.0) for d in october + december], hours=NEW_YORK)
    assert outcome(market, buy("USA"), "2020-11-07T16:24") == (
        "the bars lack 15 sessions after 2020-11-07T16:24:00Z, 2020-11-09 to 2020-11-30; the next is of 2020-12-01"
    )


def test_entry_two_sessions_late_is_kept_and_names_the_missing_sessions():
    market = bars(TOKYO, [flat_day(f"2026-02-{d:02}", 100.0) for d in (5, 6, 12, 13)])  # the 11th is a holiday
    assert outcome(market, buy(), "2026-02-08T11:00") == (
        "entry 2 sessions late: the bars lack 2026-02-09, 2026-02-10",
    )


def test_only_sessions_after_the_decision_are_late():
    market = tokyo(9, 10, 18, 19)  # lacks 11, 12, 15, 16, 17
    assert outcome(market, buy(), "2024-01-16T12:00") == ("entry 1 session late: the bars lack 2024-01-17",)
    assert outcome(market, buy(), "2024-01-17T00:00") == ()


@pytest.mark.parametrize(("at", "late"), [("2024-01-11T00:00", 1), ("2024-01-10T23:59", 2)])
def test_session_that_opens_at_the_decision_is_not_one_the_entry_could_have_had(at, late):
    (note,) = outcome(tokyo(9, 10, 15, 16), buy(), at)
    assert note.startswith(f"entry {late} session")


def test_more_than_five_sessions_lacking_before_the_entry_end_it():
    assert outcome(tokyo(9, 10, 18, 19), buy(), "2024-01-10T12:00") == (
        "entry 5 sessions late: the bars lack 2024-01-11, 2024-01-12, 2024-01-15, 2024-01-16, 2024-01-17",
    )
    assert outcome(tokyo(9, 10, 19, 22), buy(), "2024-01-10T12:00") == (
        "the bars lack 6 sessions after 2024-01-10T12:00:00Z, 2024-01-11 to 2024-01-18; the next is of 2024-01-19"
    )


def test_no_trade_is_held_across_more_than_five_sessions_lacking():
    assert outcome(tokyo(9, 10, 18, 19), buy(exit_=After(2)), "2024-01-08T12:00") == ()
    assert outcome(tokyo(9, 10, 19, 22), buy(exit_=After(2)), "2024-01-08T12:00") == (
        "the bars have a gap of 6 sessions from 2024-01-10 to 2024-01-19 on the way from the decision to the exit"
    )
    assert outcome(tokyo(9, 10, 19, 22), buy(exit_=After(1)), "2024-01-08T12:00") == ()


def test_delay_counts_the_sessions_there_are_and_names_the_missing_sessions():
    assert outcome(tokyo(9, 10, 12, 16, 17), buy(delay=2), "2024-01-09T12:00") == (
        "entry 2 sessions late: the bars lack 2024-01-11, 2024-01-15",
    )
    assert "gap of 6 sessions" in outcome(tokyo(9, 10, 19, 22), buy(delay=1), "2024-01-09T12:00")


def test_event_shortly_before_the_bars_begin_meets_the_same_rule():
    assert outcome(tokyo(9, 10), buy(), "2024-01-04T12:00") == ("entry 1 session late: the bars lack 2024-01-05",)
    assert outcome(tokyo(15, 16), buy(), "2024-01-03T12:00") == (
        "the bars lack 6 sessions after 2024-01-03T12:00:00Z, 2024-01-04 to 2024-01-12; the next is of 2024-01-15"
    )


def test_holidays_are_no_hole():
    """Golden Week of 2019: no session in Tokyo from 27 April to 6 May."""
    market = bars(TOKYO, [flat_day(d, 100.0) for d in ("2019-04-25", "2019-04-26", "2019-05-07", "2019-05-08")])
    assert outcome(market, buy(exit_=After(1)), "2019-04-26T12:00") == ()


def test_currency_may_rest_on_christmas_day_but_not_for_six_weekdays():
    def days(*december: int) -> Bars:
        return bars(CURRENCY, [flat_day(f"2023-12-{d:02}", 100.0) for d in december])

    assert outcome(days(21, 22, 26, 27), buy("FXX"), "2023-12-22T23:00") == ()
    assert outcome(days(13, 14, 25), buy("FXX"), "2023-12-14T12:00") == (
        "the bars lack 6 sessions after 2023-12-14T12:00:00Z, 2023-12-15 to 2023-12-22; the next is of 2023-12-25"
    )


def test_close_before_a_vote_is_not_one_from_before_a_hole():
    """Vote on Monday 22 January; held for two sessions up to the last close before it."""

    def entry(*january: int) -> Any:
        vote = event("E", "2024-01-22T12:00", announced_at=utc("2024-01-05T08:00"), voted_on=date(2024, 1, 22))
        plan: Plan = plan_of(
            {"E": [Leg("AAA", 1, BeforeVote(2), Never())]}, [vote], tokyo(*january), decides="announced_at"
        )
        return plan.trades[0].notes if plan.trades else plan.skipped[0].reason

    assert entry(9, 10, 11, 12, 15, 16, 17, 18, 19, 22) == ()
    assert entry(9, 10, 11, 12, 15, 16, 17, 22, 23) == ("entry 2 sessions early: the bars lack 2024-01-18, 2024-01-19",)
    assert entry(9, 10, 11, 22, 23) == (
        "the bars lack 6 sessions before 2024-01-22T00:00:00Z, 2024-01-12 to 2024-01-19: "
        "the last close there is is of 2024-01-11"
    )


def test_exit_at_the_last_close_before_an_instant_likewise():
    leg = Leg("AAA", 1, NextClose(), LastCloseBefore(utc("2024-01-22T00:00")))
    assert outcome(tokyo(9, 10, 11, 12, 15, 16, 17, 18, 22), leg, "2024-01-08T12:00") == (
        "exit 1 session early: the bars lack 2024-01-19",
    )
    assert outcome(tokyo(9, 10, 11, 22), leg, "2024-01-08T12:00") == (
        "the bars lack 6 sessions before 2024-01-22T00:00:00Z, 2024-01-12 to 2024-01-19: "
        "the last close there is is of 2024-01-11"
    )


def test_exit_at_an_event_in_a_hole_is_late():
    leg = buy(exit_=AtNextEvent("dissolution"))  # type: ignore[arg-type]
    fall = event("FALL", "2024-01-15T12:00", kind="dissolution")
    assert outcome(tokyo(9, 10, 11, 12, 15, 18, 19), leg, "2024-01-08T12:00", fall) == (
        "exit 2 sessions late: the bars lack 2024-01-16, 2024-01-17",
    )


def test_decision_at_a_close_is_not_one_from_behind_a_hole():
    clock = BarClock(market_of(tokyo(9, 10, 19, 22)))
    assert clock.close_after("AAA", utc("2024-01-10T12:00")) is None
    assert clock.close_after("AAA", utc("2024-01-09T12:00"), nth=2) is None
    assert clock.close_after("AAA", utc("2024-01-18T00:00")) == utc("2024-01-19T06:00")


def test_replay_and_evaluation_tell_the_same_note():
    market = tokyo(9, 10, 12, 15, 16)
    plan = plan_of({"E": [buy(exit_=After(1, at=Phase.CLOSE))]}, [event("E", "2024-01-10T12:00")], market)
    assert plan.trades[0].entry == BarPrice(2, Phase.OPEN)
    for account in (replay(plan, [market], Terms()), evaluate(plan, [market], Terms())):
        assert account.trades[0].note == "entry 1 session late: the bars lack 2024-01-11"
        assert account.fills[0].note == "entry 1 session late: the bars lack 2024-01-11"


@pytest.mark.parametrize(
    ("symbol", "lacks", "some"),
    [
        ("TOPIX", 1, ["2026-08-20"]),
        ("T1306", 0, []),
        ("ASX200", 678, ["2023-01-03", "2025-09-05"]),
        ("NIFTY50", 46, ["2010-11-05", "2011-10-26", "2024-01-20"]),
    ],
)
def test_what_real_files_lack_is_what_their_notes_say(market_dir, symbol, lacks, some):
    """SOURCES.md: TOPIX misses one session, T1306 none, ASX200 678 in one gap, NIFTY50 46: Diwali, weekends and others."""
    found = DirectorySource(market_dir).load(bundled_instruments().find(symbol)).missing
    inside = found.session[found.bar > 0]
    assert len(inside) == lacks
    assert np.isin(np.array(some, dtype="datetime64[D]"), inside).all()


def test_the_calendar_used_above_is_the_one_of_january_2024():
    sessions = calendar_sessions("XTKS", date(2024, 1, 1), date(2024, 1, 26))
    assert [int(str(s)[-2:]) for s in sessions] == [4, 5, 9, 10, 11, 12, 15, 16, 17, 18, 19, 22, 23, 24, 25, 26]
