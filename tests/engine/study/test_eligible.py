"""A rule that looks at prices is held against the dates at which it would have traded, and no others."""

from datetime import timedelta

import numpy as np

from engine.backtest import Window as Dates
from engine.backtest import backtest
from engine.study.eligible import eligible_rows, moved_by
from engine.study.subject import Subject
from strategies.fade_the_shock import FadeTheShock
from tests.engine.markets import event, market_of
from tests.engine.study.worlds import FREE, events_before, subject, walk


def test_a_rule_that_asks_for_no_price_may_be_sent_anywhere() -> None:
    given = subject(walk(), rows=[300, 500])
    ref = given.desk(None).reference
    assert eligible_rows(given.strategy, given.plan, given.events, given.market, ref) is None


def test_a_rule_that_buys_after_falls_is_sent_to_the_sessions_after_falls() -> None:
    shocks = [200, 350, 500, 800, 1_000]
    market = walk(sd=0.002, effects=dict.fromkeys(shocks, -0.05))
    events, bars = events_before(market, shocks[:2]), market_of(market)
    rule = FadeTheShock(instrument="AAA", fall=0.02, hold=2)
    given = Subject(rule, events, bars, FREE, Dates(), backtest(rule, events, bars, terms=FREE))
    found = eligible_rows(rule, given.plan, events, bars, market)
    assert found is not None
    assert np.flatnonzero(found).tolist() == [s + 1 for s in shocks]


def test_an_event_moves_with_all_its_instants() -> None:
    first = event("E", "2024-01-05T10:00", announced_at="2024-01-01T00:00:00Z", voted_on="2024-01-05")
    moved = moved_by(first, timedelta(days=7))
    assert str(moved.known_at) == "2024-01-12 10:00:00+00:00"
    assert str(moved.announced_at) == "2024-01-08 00:00:00+00:00"
    assert str(moved.voted_on) == "2024-01-12"
    assert moved.event_id == "E"
