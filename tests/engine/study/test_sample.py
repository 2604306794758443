"""What counts as one observation: never eight for eight markets on one day, never two for windows that overlap."""

import numpy as np
import pytest

from datasets.events import bundled_events
from datasets.markets.instruments import bundled_instruments
from engine.plan.costs import Terms
from engine.run.backtest import Window as Dates
from engine.run.backtest import backtest
from engine.strategy.market import Market
from engine.study.legs import overlaps, place
from engine.study.sample import Sample, grouped, make_sample
from engine.study.settings import EventWindow, Model, Settings
from engine.study.study import study
from engine.study.study_input import StudyInput
from strategies.regional_spillover import RegionalSpillover
from tests.engine.markets import real_bars
from tests.engine.study.worlds import subject, walk

EIGHT = ("N225", "TOPIX", "KOSPI", "HSI", "SSEC", "ASX200", "NIFTY50", "SPX")


def sample_of(given: StudyInput, counterfactual: Model | None = Model.MEAN) -> Sample:
    model = given.return_model(counterfactual)
    return make_sample(place(given.pairs, model), model)


def test_events_far_apart_are_one_observation_each() -> None:
    found = sample_of(subject(walk(), rows=[300, 500, 700], hold=5))
    assert [o.events for o in found.usable] == [("E0",), ("E1",), ("E2",)]
    assert found.rows.tolist() == [300, 500, 700]


def test_overlapping_windows_are_one_observation_and_adjoining_ones_two() -> None:
    found = sample_of(subject(walk(), rows=[300, 304, 309, 314], hold=5))
    assert [o.events for o in found.usable] == [("E0", "E1"), ("E2",), ("E3",)]


def test_abnormal_return_by_hand() -> None:
    market = walk(400, drift=0.001)
    found = sample_of(subject(market, rows=[300], hold=2)).usable[0]
    returns = market.close[1:] / market.close[:-1] - 1
    usual = returns[169:289].mean()  # sessions 170 to 289, that is 130 to 11 before session 300
    assert found.net == pytest.approx(market.open[302] / market.open[300] - 1)
    assert found.abnormal == pytest.approx(found.net - 2 * usual)
    spread = returns[169:289].std(ddof=1) * np.sqrt(2 + 4 / 120)
    assert found.standardized == pytest.approx(found.abnormal / spread)


def test_the_window_of_another_event_is_no_part_of_the_estimation_window() -> None:
    calm = walk(400)
    stormy = walk(400, effects={250: 0.5})
    events = [250, 300]
    quiet, loud = (sample_of(subject(m, rows=events, hold=1)).usable[1] for m in (calm, stormy))
    assert loud.sd == pytest.approx(quiet.sd)


def test_an_event_without_an_estimation_window_is_lost_with_its_reason() -> None:
    found = sample_of(subject(walk(400), rows=[40, 300]))
    assert [o.events for o in found.usable] == [("E1",)]
    assert found.lost[0].reason.startswith("E0: fewer than 60 of the 120 sessions of the estimation window before")


def test_event_windows_sum_closes_around_session_zero() -> None:
    market = walk(400)
    given = subject(market, rows=[300], hold=20)
    model = given.return_model(Model.MEAN)
    windowed = model.with_window(EventWindow(-1, 2))
    found = make_sample(place(given.pairs, windowed), windowed).usable[0]
    returns = market.close[1:] / market.close[:-1] - 1
    assert found.net == pytest.approx(returns[298:302].sum())  # sessions 299 to 302


def test_a_window_that_leaves_the_bars_is_no_observation() -> None:
    given = subject(walk(400), rows=[300, 390], hold=2)
    model = given.return_model(Model.MEAN)
    windowed = model.with_window(EventWindow(0, 20))
    assert len(make_sample(place(given.pairs, windowed), windowed).usable) == 1


def test_groups_are_those_of_all_views_together() -> None:
    given = subject(walk(400), rows=[300, 304], hold=2)
    model = given.return_model(Model.MEAN)
    windowed = model.with_window(EventWindow(0, 5))
    trades, windows = place(given.pairs, model), place(given.pairs, windowed)
    assert len(set(grouped([trades]).values())) == 2
    assert len(set(grouped([trades, windows]).values())) == 1


def test_overlap_by_hand() -> None:
    found = overlaps([(0, 100), (50, 150), (200, 300)])
    assert found.tolist() == [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]]


def test_two_markets_after_one_event_are_one_observation_weighed_by_their_legs() -> None:
    from strategies.takaichi_trade import TakaichiTrade
    from tests.engine.markets import market_of
    from tests.engine.study.worlds import FREE, events_before

    one, two = walk(400, seed=1), walk(400, seed=2, symbol="BBB")
    rule = TakaichiTrade(markets=("AAA", "BBB"), hold=3, weight=0.8)
    events = events_before(one, [300], program=("fiscal_expansion",), majority="majority")
    market = market_of(one, two)
    run = backtest(rule, events, market, terms=FREE)
    found = sample_of(StudyInput(rule, events, market, FREE, Dates(), run))
    assert len(found.usable) == 1
    assert found.usable[0].trades == 2
    legs = [m.open[303] / m.open[300] - 1 for m in (one, two)]
    assert found.usable[0].net == pytest.approx(sum(legs) / 2)
    assert found.usable[0].by_row.net[300] == pytest.approx(sum(legs) / 2)


def test_the_rally_of_9_february_2026_over_eight_indices_is_one_observation(market_dir) -> None:
    market = Market(real_bars(market_dir), bundled_instruments())
    rule = RegionalSpillover(markets=EIGHT, hold=2)
    event = bundled_events().select(lambda e: e.event_id == "JP-2026-02-08-GE")
    run = backtest(rule, event, market)
    assert len(run.trades) == 8
    made = study(StudyInput(rule, event, market, Terms(), Dates(), run), Settings(draws=100))
    assert [(o.events, o.trades) for o in made.observations] == [(("JP-2026-02-08-GE",), 8)]
    assert all(t.p is None and t.n == 1 for t in made.views[0].tests)
    assert made.verdict.startswith("One observation is an anecdote")


def two_legs(first: tuple[int, int], second: tuple[int, int]) -> Sample:
    """Return the sample of one event with two legs on one market, each a side and so many sessions held."""
    from engine.strategy import After, Leg, NextOpen
    from engine.study.study_input import StudyInput as Studied
    from tests.engine.markets import market_of, scripted
    from tests.engine.study.worlds import FREE, events_before

    market = walk(500)
    legs = [Leg("AAA", 0.4 * side, NextOpen(), After(sessions=held)) for side, held in (first, second)]
    rule, events, bars = scripted(legs), events_before(market, [300]), market_of(market)
    return sample_of(Studied(rule, events, bars, FREE, Dates(), backtest(rule, events, bars, terms=FREE)))


def test_a_long_and_a_shorter_short_leg_share_only_the_sessions_they_have_in_common() -> None:
    # r1 + ... + r20 less r1 + ... + r5 is r6 + ... + r20: 15 sessions; half of it is the mean by weight.
    mixed, alone = two_legs((1, 20), (-1, 5)), two_legs((1, 15), (1, 15))
    assert mixed.usable[0].sd == pytest.approx(alone.usable[0].sd / 2, rel=0.1)


def test_legs_that_hedge_each_other_entirely_say_so() -> None:
    found = two_legs((1, 10), (-1, 10))
    assert found.usable == ()
    assert found.lost[0].reason == "E0: its legs hedge each other: the remaining return has no spread"


def test_a_benchmark_that_is_traded_itself_is_refused() -> None:
    from datasets.errors import UserError

    given = subject(walk(), rows=[300, 500], benchmark="AAA")
    with pytest.raises(UserError, match="the benchmark AAA is traded itself"):
        given.return_model(Model.MARKET_MODEL)
