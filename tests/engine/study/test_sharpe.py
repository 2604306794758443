"""Sharpe ratios against the worked examples of Bailey and López de Prado 2012 and 2014, and values worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.statistics.sharpe import (
    expected_maximum,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
    sharpe_of_trades,
)

PAPER = {"sharpe": 2.5 / np.sqrt(250), "n": 1250, "variance": 0.5 / 250}  # five years of days, 2.5 a year
YEAR = {"daily": 252, "weekly": 52, "monthly": 12}


# ---- published -----------------------------------------------------------------------------------------------------------


def test_probabilistic_sharpe_of_24_months():
    got = probabilistic_sharpe(1.585 / np.sqrt(12), 24, skew=-2.448, kurtosis=10.164)
    assert got == pytest.approx(0.913234, abs=5e-7)


def deflated_sharpe(sharpe, n, *, trials, variance, **moments):
    """Return the deflated ratio as ``sharpe_after_trials`` computes it, with moments that are given."""
    return probabilistic_sharpe(sharpe, n, benchmark=expected_maximum(trials) * np.sqrt(variance), **moments)


def test_the_best_of_100_trials():
    assert expected_maximum(100) == pytest.approx(2.5306029, abs=5e-8)
    assert expected_maximum(100) * np.sqrt(0.5 / 250) == pytest.approx(0.1132, abs=5e-5)


def test_deflated_sharpe_of_the_paper():
    assert deflated_sharpe(**PAPER, trials=100, skew=-3, kurtosis=10) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(**PAPER, trials=46, skew=-3, kurtosis=10) == pytest.approx(0.9505, abs=5e-5)
    assert deflated_sharpe(**PAPER, trials=88) == pytest.approx(0.9505, abs=5e-5)  # normal returns


def test_excess_kurtosis_in_place_of_raw_is_another_number():
    """The usual mistake: 0.9018 for 0.9004."""
    wrong = deflated_sharpe(**PAPER, trials=100, skew=-3, kurtosis=10 - 3)
    assert wrong == pytest.approx(0.9018, abs=5e-5)
    assert wrong != pytest.approx(0.9004, abs=5e-4)


@pytest.mark.parametrize(("period", "years"), [("daily", 2.73), ("weekly", 2.83), ("monthly", 3.24)])
def test_track_record_that_two_needs_to_beat_one(period, years):
    q = YEAR[period]
    got = minimum_track_record(2 / np.sqrt(q), benchmark=1 / np.sqrt(q))
    assert got == pytest.approx(years * q, abs=0.005 * q)


def test_track_record_of_skewed_fat_tailed_months():
    got = minimum_track_record(2 / np.sqrt(12), benchmark=1 / np.sqrt(12), skew=-0.72, kurtosis=5.78)
    assert got == pytest.approx(4.99 * 12, abs=0.005 * 12)


# ---- by hand -------------------------------------------------------------------------------------------------------------


def test_probabilistic_sharpe_by_hand():
    assert probabilistic_sharpe(0.5, 10, benchmark=0.5) == 0.5
    assert probabilistic_sharpe(2.0, 4) == pytest.approx(0.9772499)  # Phi(2 root of 3 / root of 3)


def test_a_record_of_the_length_needed_has_just_that_chance():
    n = minimum_track_record(0.3, skew=-0.5, kurtosis=4, confidence=0.9)
    assert isinstance(n, float)
    assert probabilistic_sharpe(0.3, n, skew=-0.5, kurtosis=4) == pytest.approx(0.9)  # type: ignore[arg-type]


def test_what_no_record_can_show_is_shown():
    assert minimum_track_record(0.1, benchmark=0.1) == (
        "a Sharpe ratio of 0.1 does not exceed 0.1, however long the record"
    )
    assert probabilistic_sharpe(0.1, 1) == "1 returns; at least 2 are needed"


def test_moments_that_cannot_be_are_shown():
    reason = "skewness and kurtosis that no returns can have together with this Sharpe ratio"
    assert probabilistic_sharpe(1.0, 20, skew=3, kurtosis=1) == reason
    assert minimum_track_record(1.0, skew=3, kurtosis=1) == reason


def test_one_trial_deflates_nothing():
    assert expected_maximum(1) == 0.0
    assert deflated_sharpe(0.2, 50, trials=1, variance=9.0) == probabilistic_sharpe(0.2, 50)


def test_moments_are_scipys_with_raw_kurtosis():
    x = np.random.default_rng(1).gamma(2, size=50)
    assert moments(x) == pytest.approx((stats.skew(x), stats.kurtosis(x, fisher=False)))


# ---- of trades -----------------------------------------------------------------------------------------------------------

TRADES = np.array([0.01, 0.02, 0.03, 0.04, 0.05])  # mean 3, standard deviation root of 2.5: 1.8973666 a trade


def test_five_trades_by_hand():
    got = sharpe_of_trades(TRADES)
    assert got.sharpe == pytest.approx(1.8973666)
    assert got.probabilistic == pytest.approx(0.9883289, abs=5e-8)  # Phi(1.8973666 x 2 / root of 2.8)
    assert got.minimum_trades == pytest.approx(3.1043116)  # 1 + 2.8 (1.6448536 / 1.8973666)^2
    assert (got.n, got.trials, got.expected_maximum_sharpe, got.deflated) == (5, 1, 0.0, got.probabilistic)


def test_moments_of_few_trades_are_not_used_and_it_says_so():
    got = sharpe_of_trades(np.array([0.01, 0.01, 0.01, 0.01, 0.3]))
    assert (got.skew, got.kurtosis) == (0.0, 3.0)
    assert got.notes["moments"] == "skewness and kurtosis of 5 observations (below 30): a normal's are used"


def test_moments_of_thirty_trades_are_used():
    trades = np.append(np.full(29, 0.01), 0.31)  # skewness 28 / root of 29, kurtosis 841/29 - 2 + 1/29
    got = sharpe_of_trades(trades)
    assert got.skew == pytest.approx(5.1994695)
    assert got.kurtosis == pytest.approx(28.0344828)
    assert "moments" not in got.notes


def test_trials_deflate():
    """Sharpe ratios of 0 and 2 a trade: their standard deviation, root of 2, times 0.5772 Phi^-1(1 - 1 / (2 e))."""
    got = sharpe_of_trades(TRADES, trial_sharpes=[0.0, 2.0])
    assert got.expected_maximum_sharpe == pytest.approx(0.7350451)
    assert got.deflated is not None
    assert got.probabilistic is not None
    assert got.deflated < got.probabilistic
    assert got.trials == 2


def test_trials_of_unknown_sharpe_still_count():
    some = sharpe_of_trades(TRADES, trial_sharpes=[0.0, 1.0])
    more = sharpe_of_trades(TRADES, trial_sharpes=[0.0, 1.0, None, None])
    assert more.trials == 4
    assert more.expected_maximum_sharpe is not None
    assert some.expected_maximum_sharpe is not None
    assert more.expected_maximum_sharpe > some.expected_maximum_sharpe


def test_trials_none_of_which_is_known_cannot_deflate():
    got = sharpe_of_trades(TRADES, trial_sharpes=[None, None, 1.2])
    assert (got.expected_maximum_sharpe, got.deflated) == (None, None)
    assert got.notes["deflated"] == "Sharpe ratios of 1 of 3 trials are known; at least 2 are needed"


def test_trades_that_lose_have_no_track_record_that_would_do():
    got = sharpe_of_trades(-TRADES)
    assert got.minimum_trades is None
    assert got.notes["minimum_trades"] == "a Sharpe ratio of -1.9 does not exceed 0, however long the record"
    assert got.probabilistic == pytest.approx(1 - 0.9883289, abs=5e-8)


@pytest.mark.parametrize(
    ("trades", "reason"),
    [
        ([], "no observations; a Sharpe ratio needs at least 2"),
        ([0.1], "1 observation; a Sharpe ratio needs at least 2"),
        ([0.1, 0.1, 0.1], "all observations are equal: their spread is zero"),
        ([0.1, float("nan")], "1 of 2 observations is not a number"),
    ],
)
def test_trades_without_a_sharpe_ratio_say_why(trades, reason):
    got = sharpe_of_trades(np.array(trades))
    assert (got.sharpe, got.probabilistic, got.deflated) == (None, None, None)
    assert set(got.notes.values()) == {reason}
    assert got.n == len(trades)


@pytest.mark.parametrize("n", [2, 3])
def test_two_and_three_trades_have_one(n):
    got = sharpe_of_trades(TRADES[:n])
    assert got.sharpe is not None
    assert got.probabilistic is not None


@given(st.floats(0.01, 2), st.integers(2, 200), st.integers(1, 300))
def test_more_trials_never_make_a_result_surer(sharpe, n, trials):
    few = deflated_sharpe(sharpe, n, trials=trials, variance=0.04)
    more = deflated_sharpe(sharpe, n, trials=trials + 1, variance=0.04)
    assert isinstance(few, float)
    assert isinstance(more, float)
    assert 0 <= more <= few <= 1
