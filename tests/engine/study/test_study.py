"""What a study says with hardly anything to go on, and what it finds where something was planted."""

import json

import numpy as np
import pytest
from msgspec.structs import asdict

from datasets.errors import UserError
from engine.study.settings import EventWindow, Model, Scheme, Settings
from engine.study.study import study
from tests.engine.study.worlds import subject, walk

QUICK = Settings(draws=500)
TEN = list(range(200, 1_400, 120))


def test_no_event_says_nothing_at_all() -> None:
    made = study(subject(walk(), rows=[]), QUICK)
    assert made.verdict == "No observation has an abnormal return: no conclusion is possible."
    assert made.observations == ()
    assert made.views[0].mean_net is None
    assert {"power", "placebo", "concentration"} <= set(made.reasons)


def test_one_observation_has_no_test_and_says_where_it_stands() -> None:
    made = study(subject(walk(effects={700: 0.2}), rows=[700]), QUICK)
    assert all(t.p is None and t.reason for t in made.views[0].tests)
    assert made.verdict == (
        "One observation is an anecdote: no test applies to it. Its percentile among placebo dates is 100 %."
    )
    assert made.power is None
    assert made.reasons["power"] == "1 observation: no test, and so no power"


def test_trades_that_mostly_end_at_a_stop_are_not_tested_against_zero() -> None:
    near, far = (study(subject(walk(), rows=TEN, hold=20, stop_loss=s), QUICK) for s in (0.005, 0.5))
    for test in near.views[0].tests[:2]:
        assert test.p is None
        assert "of the same trades on all dates: equal returns vary little" in test.reason
    assert near.views[0].tests[2].p is not None
    assert near.power is not None
    assert {(r.bmp, r.own) for r in near.power.rows} == {(None, None)}
    assert all(t.p is not None for t in far.views[0].tests)


def test_more_trades_than_a_study_reads_are_refused_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.study.prepare.MOST_TRADES", 9)
    with pytest.raises(UserError, match=r"^10 trades: a study reads at most 9; shorten the time with --from and --to"):
        study(subject(walk(), rows=TEN), QUICK)


def test_windows_that_fill_the_calendar_leave_no_placebo_dates() -> None:
    made = study(subject(walk(), rows=TEN, hold=60), QUICK)
    assert "separate windows; at least 22 are needed" in made.views[0].tests[2].reason


@pytest.mark.parametrize(("n", "floor"), [(2, 0.5), (3, 0.25), (5, 0.0625)])
def test_a_handful_states_the_floor_of_its_sign_flip_test(n: int, floor: float) -> None:
    made = study(subject(walk(effects=dict.fromkeys(TEN[:n], 0.1)), rows=TEN[:n]), QUICK)
    flips = made.views[0].tests[1]
    assert flips.p == pytest.approx(floor)
    assert f"With {n} observations the p-value of the sign-flip test is at least {floor:g}." in made.verdict
    assert "not evidence" in made.verdict or "not distinguishable" in made.verdict


def test_observations_that_are_all_equal_have_no_spread_and_no_test() -> None:
    flat = walk(sd=0.0)
    made = study(subject(flat, rows=TEN), QUICK)
    assert made.observations == ()
    assert len(made.lost) == 10
    assert "the returns before it do not vary" in made.lost[0].reason


def test_an_effect_that_was_planted_is_found_and_hangs_on_no_single_event() -> None:
    made = study(subject(walk(effects=dict.fromkeys(TEN, 0.03)), rows=TEN), QUICK)
    assert all(t.p is not None and t.p < 0.01 for t in made.views[0].tests)
    assert made.views[0].mean_abnormal == pytest.approx(0.03, abs=0.01)
    assert made.verdict.startswith(
        "Chance alone is an unlikely explanation. Nothing shows that rule and events were chosen before their prices"
    )
    assert "hindsight. Primary test, placebo on the t-statistic: p" in made.verdict
    assert "The result does not depend on one observation" in made.verdict
    assert "Nothing shows that rule and events were chosen before" in made.verdict


def test_one_giant_among_ten_is_named() -> None:
    made = study(subject(walk(effects={TEN[3]: 0.6}), rows=TEN), QUICK)
    assert made.concentration is not None
    assert made.concentration.top == "E3"
    assert made.concentration.top_share is not None
    assert made.concentration.top_share > 0.8
    assert "not distinguishable from placebo dates" in made.verdict


def test_volatile_event_days_are_not_taken_for_good_ones() -> None:
    signs = {row: 0.15 * (-1) ** n for n, row in enumerate(TEN[:-1])}
    made = study(subject(walk(effects={**signs, TEN[-1]: 0.15, TEN[0]: 0.30}), rows=TEN), QUICK)
    trade = made.views[0]
    assert trade.placebo_mean.p is not None
    assert trade.placebo_mean.p <= 0.05
    assert trade.tests[2].p is not None
    assert trade.tests[2].p > 0.05
    assert "volatile days alone can cause that" in made.verdict


def test_an_event_at_the_edge_of_the_bars_is_told_and_the_others_are_studied() -> None:
    made = study(subject(walk(), rows=[10, *TEN]), QUICK)
    assert made.views[0].n == 10
    assert [o.events for o in made.lost] == [("E0",)]
    assert made.lost[0].abnormal is None


def test_missing_benchmark_days_make_an_observation_na_with_the_reason() -> None:
    own, other = walk(), walk(seed=2, symbol="BBB")
    cut = other._cut(np.r_[0:698, 703:1500])
    given = subject(own, cut, rows=[*TEN[:4], 700], benchmark="BBB")
    made = study(given, Settings(model=Model.MARKET_MODEL, draws=500))
    assert [o.events for o in made.lost] == [("E4",)]
    assert "the benchmark has missing sessions" in made.lost[0].reason


def test_a_market_model_without_a_benchmark_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"--model market-model needs an instrument .*--benchmark"):
        study(subject(walk(), rows=TEN), Settings(model=Model.MARKET_MODEL))


def test_a_market_move_shared_with_the_benchmark_is_no_abnormal_return() -> None:
    moves = dict.fromkeys(TEN, 0.05)
    own, bench = walk(seed=1, effects=moves), walk(seed=2, sd=0.001, symbol="BBB", effects=moves)
    given = subject(own, bench, rows=TEN, benchmark="BBB", entry="close", exit="close", delay=0)
    alone, against = (study(given, Settings(model=m, draws=500)).views[0] for m in (Model.MEAN, Model.MARKET))
    assert alone.mean_net == pytest.approx(against.mean_net)
    assert against.mean_abnormal is not None


def test_long_holding_periods_withhold_the_tests_of_zero() -> None:
    made = study(subject(walk(), rows=[300, 600, 900], hold=100), Settings(scheme=Scheme.SHIFT, draws=500))
    assert made.model == "none"
    assert [t.p for t in made.views[0].tests[:2]] == [None, None]
    assert made.views[0].tests[2].p is not None
    assert any("more than 60 sessions" in n for n in made.notes)


def test_windows_share_their_placebo_dates_and_are_adjusted_for_their_number() -> None:
    settings = Settings(draws=500, windows=(EventWindow(0, 0), EventWindow(0, 5)))
    made = study(subject(walk(effects=dict.fromkeys(TEN, 0.03)), rows=TEN), settings)
    assert [v.name for v in made.views] == ["trade", "0:0", "0:5"]
    for view in made.views:
        assert view.p_adjusted is not None
        assert view.tests[2].p is not None
        assert view.p_adjusted >= view.tests[2].p / 2 - 1e-12


def test_the_same_seed_gives_the_same_study_and_another_seed_another() -> None:
    given = subject(walk(), rows=TEN)
    one, two, three = (study(given, Settings(draws=500, seed=s)) for s in (1, 1, 2))
    assert one == two
    assert one.views[0].tests[2] != three.views[0].tests[2]


def test_a_study_is_plain_json_without_nan() -> None:
    made = study(subject(walk(), rows=[5, *TEN]), Settings(draws=500, windows=(EventWindow(-1, 1),)))
    assert json.loads(json.dumps(made, default=asdict, allow_nan=False))["strategy"] == "buy-after-event"


def test_flipping_a_label_takes_its_event_out() -> None:
    from engine.run.backtest import Window as Dates
    from engine.run.backtest import backtest
    from engine.study.study_input import StudyInput
    from strategies.pro_growth_win import ProGrowthWin
    from tests.engine.markets import market_of
    from tests.engine.study.worlds import FREE, events_before

    market = walk()
    rule, bars = ProGrowthWin(instrument="AAA", hold=1), market_of(market)
    events = events_before(market, TEN, pro_growth="yes")
    given = StudyInput(rule, events, bars, FREE, Dates(), backtest(rule, events, bars, terms=FREE))
    made = study(given, QUICK)
    flips = [v for v in made.variations if v.kind == "label"]
    assert [v.n for v in flips] == [9] * 10
    expected = np.mean([o.net for o in made.observations[1:]])
    assert flips[0].what == "E0: yes -> no"
    assert flips[0].mean_net == pytest.approx(expected)


def test_a_window_in_which_no_event_has_a_return_is_untested_and_changes_no_other_p_value() -> None:
    given = subject(walk(), rows=[1_300, 1_350, 1_450], hold=2)
    beyond, within = EventWindow(0, 250), EventWindow(0, 2)
    made = study(given, Settings(draws=200, windows=(within, beyond)))
    assert [(v.name, v.n, v.p_adjusted is None) for v in made.views] == [
        ("trade", 3, False),
        ("0:2", 3, False),
        ("0:250", 0, True),
    ]
    alone = study(given, Settings(draws=200, windows=(within,)))
    assert [v.p_adjusted for v in made.views[:2]] == [v.p_adjusted for v in alone.views]
