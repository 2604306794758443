"""A rule that reads prices is compared with the dates at which it would trade, and no others."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from datasets.events import PoliticalEvent
from engine.run.backtest import Window as Dates
from engine.run.backtest import backtest
from engine.strategy import After, Clock, Delay, Leg, NextOpen, Strategy, Symbol, strategy
from engine.strategy.market import MarketView
from engine.study.calendars import eligible_rows, moved_by
from engine.study.placebo import draw_placebos
from engine.study.sample import make_samples
from engine.study.settings import Model, Scheme
from engine.study.study_input import StudyInput
from strategies.fade_the_shock import FadeTheShock
from tests.engine.markets import event, market_of
from tests.engine.study.worlds import FREE, events_before, subject, walk


def test_a_rule_that_asks_for_no_price_may_be_sent_anywhere() -> None:
    given = subject(walk(), rows=[300, 500])
    ref = given.return_model(None).reference
    assert eligible_rows(given.strategy, given.plan, given.events, given.market, ref) is None


def test_a_rule_that_buys_after_falls_is_sent_to_the_sessions_after_falls() -> None:
    shocks = [200, 350, 500, 800, 1_000]
    market = walk(sd=0.002, effects=dict.fromkeys(shocks, -0.05))
    events, bars = events_before(market, shocks[:2]), market_of(market)
    rule = FadeTheShock(instrument="AAA", fall=0.02, hold=2)
    given = StudyInput(rule, events, bars, FREE, Dates(), backtest(rule, events, bars, terms=FREE))
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


@strategy
class FadeLater(Strategy):
    """Buy some sessions after a first session that fell."""

    instrument: Symbol = "AAA"
    delay: Delay = 2

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        return None if event.known_at is None else clock.close_after(self.instrument, event.known_at)

    def wants(self, event: PoliticalEvent) -> bool:
        return True

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        if market.move(self.instrument) > -0.02:
            return []
        return [Leg(self.instrument, 0.5, entry=NextOpen(delay=self.delay), exit=After(sessions=2))]


@pytest.mark.parametrize("delay", [0, 2])
def test_every_event_itself_is_at_an_eligible_date_however_long_the_rule_waits(delay: int) -> None:
    shocks = list(range(200, 1_400, 30))
    market = walk(sd=0.002, effects=dict.fromkeys(shocks, -0.05))
    events, bars = events_before(market, shocks[:3]), market_of(market)
    rule = FadeLater(delay=delay)
    given = StudyInput(rule, events, bars, FREE, Dates(), backtest(rule, events, bars, terms=FREE))
    samples = make_samples(given.pairs, given.return_model(Model.MEAN), ())
    eligible = eligible_rows(rule, given.plan, events, bars, market)
    drawn = draw_placebos(samples, Scheme.STRATIFIED, draws=100, seed=0, eligible=eligible)
    assert not isinstance(drawn, str)
    placed = set(drawn[0].calendars.rows.ravel().tolist())
    assert placed <= {s + 1 + delay for s in shocks}
    assert [o.delay for o in samples[0].usable] == [delay] * 3


def test_placebo_dates_lie_within_the_dates_of_the_run() -> None:
    given = subject(walk(), rows=[900, 1_100, 1_300], hold=2)
    samples = make_samples(given.pairs, given.return_model(Model.MEAN), ())
    since = given.return_model(Model.MEAN).reference.session[700]
    for scheme in (Scheme.STRATIFIED, Scheme.SHIFT):
        drawn = draw_placebos(samples, scheme, draws=100, seed=0, since=since)
        assert not isinstance(drawn, str)
        assert drawn[0].calendars.rows.min() >= 700
