"""Adjusted p-values against Benjamini and Hochberg's own example, values worked by hand and plain loops."""

from itertools import combinations

import numpy as np
import pytest
from arch.bootstrap import SPA
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from engine.statistics.multiple import (
    backtest_overfitting,
    benjamini_hochberg,
    benjamini_yekutieli,
    holm,
    long_run_variance,
    max_t,
    sidak,
    step_m,
    superior_predictive_ability,
)

# Benjamini and Hochberg 1995, section 4.1: thrombolysis with rt-PA
PAPER = np.array(
    [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
)


# ---- adjusted p-values ---------------------------------------------------------------------------------------------------


def test_benjamini_and_hochberg_reject_four():
    got = benjamini_hochberg(PAPER)
    assert (got <= 0.05).tolist() == [True] * 4 + [False] * 11
    assert got[3:5] == pytest.approx([0.035625, 0.0603])  # 0.0095 x 15 / 4, 0.0201 x 15 / 5


def test_holm_rejects_three():
    got = holm(PAPER)
    assert (got <= 0.05).sum() == 3
    assert got[:4] == pytest.approx([0.0015, 0.0056, 0.0247, 0.114])  # times 15, 14, 13, 12


def test_under_any_dependence_fewer_are_rejected():
    """Benjamini and Yekutieli's factor for 15 tests is 1 + 1/2 + ... + 1/15 = 3.3182290."""
    got = benjamini_yekutieli(PAPER)
    assert got[3] == pytest.approx(0.035625 * 3.3182290)
    assert (got <= 0.05).sum() == 3


def test_order_does_not_matter_and_nothing_adjusts_to_nothing():
    turn = np.array([2, 0, 1])
    assert holm(np.array([0.01, 0.02, 0.04])[turn]) == pytest.approx(np.array([0.03, 0.04, 0.04])[turn])
    assert len(holm(np.array([]))) == 0


def test_sidak_by_hand():
    assert sidak(0.05, 1) == pytest.approx(0.05)
    assert sidak(0.1, 3) == pytest.approx(0.271)
    assert sidak(1e-18, 10) == pytest.approx(1e-17)
    assert sidak(1.0, 5) == 1.0


# ---- max-T ---------------------------------------------------------------------------------------------------------------

PLACEBO = np.array([[0.5, -1.0], [2.5, 0.1], [-0.2, 0.3], [1.0, -3.0]])  # largest: 1.0, 2.5, 0.3, 3.0


def test_max_t_by_hand():
    got = max_t(np.array([2.5, -4.0, 0.1]), np.column_stack((PLACEBO, np.zeros(4))))
    assert got == pytest.approx([3 / 5, 1 / 5, 1.0])


def test_max_t_of_all_lists_counts_the_events_own():
    lists = np.vstack((PLACEBO, [2.6, 0.0]))
    assert max_t(np.array([2.6, 0.0]), lists, identity_included=True) == pytest.approx([2 / 5, 1.0])


def test_a_placebo_that_could_not_be_tested_counts_against():
    lists = np.vstack((PLACEBO, [np.nan, 0.1]))
    assert max_t(np.array([9.0, 1.0]), lists) == pytest.approx([2 / 6, 5 / 6])


def test_a_statistic_that_cannot_be_had_is_not_significant():
    assert max_t(np.array([np.nan, 9.0]), PLACEBO) == pytest.approx([1.0, 1 / 5])


def test_identical_statistics_cost_nothing_where_holm_doubles():
    same = np.repeat(np.random.default_rng(1).normal(size=(199, 1)), 2, axis=1)
    t = np.array([2.5, 2.5])
    alone = max_t(t[:1], same[:, :1])
    assert max_t(t, same).tolist() == [alone[0], alone[0]]
    assert holm(np.repeat(alone, 2)) == pytest.approx([2 * alone[0]] * 2)


@given(
    arrays(np.float64, (30, 4), elements=st.floats(-5, 5)),
    arrays(np.float64, 4, elements=st.floats(-5, 5)),
)
def test_max_t_lies_between_the_single_p_and_1(placebo, observed):
    adjusted = max_t(observed, placebo)
    for j in range(4):
        single = (1 + sum(abs(placebo[i, j]) >= abs(observed[j]) for i in range(30))) / 31
        assert single <= adjusted[j] <= 1


# ---- superior predictive ability -----------------------------------------------------------------------------------------


def skilled(seed: int = 1):
    """Return 500 sessions of five rules of which only the first, by far the least volatile, earns anything."""
    x = np.random.default_rng(seed).normal(size=(500, 5)) * np.array([0.001, 0.01, 0.05, 0.1, 0.2])
    return x - x.mean(axis=0) + np.array([0.0003, 0, 0, 0, 0])


def test_studentising_finds_what_raw_means_miss():
    found = superior_predictive_ability(skilled(), block=10, draws=499, seed=1)
    raw = superior_predictive_ability(skilled(), block=10, draws=499, seed=1, studentize=False)
    assert found.p == pytest.approx(1 / 500)  # never 0: the identity counts
    assert raw.p is not None
    assert raw.p > 0.3
    assert step_m(skilled(), level=0.05, block=10, draws=499, seed=1) == (0,)
    assert step_m(skilled(), level=0.05, block=10, draws=499, seed=1, studentize=False) == ()


def test_arch_still_ignores_its_own_studentize():
    """The defect that is worked around; should this fail, the division by hand may go."""
    p = []
    for studentize in (True, False):
        spa = SPA(np.zeros(500), -skilled(), block_size=10, reps=199, studentize=studentize, seed=1)
        spa.compute()
        p.append(spa.pvalues["consistent"])
    assert p[0] == p[1] > 0.3


def test_without_skill_nothing_is_found():
    x = np.random.default_rng(7).normal(size=(400, 6))
    found = superior_predictive_ability(x - x.mean(axis=0) - 0.01, block=5, draws=199, seed=1)
    assert found.p is not None
    assert found.p > 0.5
    assert found.error == pytest.approx(np.sqrt(found.p * (1 - found.p) / 199))
    assert step_m(x - x.mean(axis=0), level=0.05, block=5, draws=199, seed=1) == ()


def test_scale_of_a_rule_changes_nothing_once_studentised():
    x = skilled(3)
    base = superior_predictive_ability(x, block=10, draws=99, seed=1)
    scaled = superior_predictive_ability(x * np.array([1, 4, 0.5, 8, 2]), block=10, draws=99, seed=1)
    assert scaled.p == base.p
    assert scaled.statistic == pytest.approx(base.statistic)


def test_the_statistic_is_the_largest_mean_in_standard_errors():
    x = skilled(4)
    got = superior_predictive_ability(x, block=1, draws=9, seed=1)  # blocks of one: the plain standard error
    assert got.statistic == pytest.approx(0.0003 / x[:, 0].std() * np.sqrt(500))


def test_long_run_variance_is_that_of_archs_bootstrap():
    """The variance of 20,000 resampled means of a correlated series, times T; 4 standard errors are 4 %."""
    from arch.bootstrap import StationaryBootstrap

    noise = np.random.default_rng(2).normal(size=201)
    x = noise[1:] + 0.8 * noise[:-1]
    means = StationaryBootstrap(8, x, seed=1).apply(np.mean, 20_000)
    assert long_run_variance(x[:, None], block=8)[0] == pytest.approx(200 * means.var(), rel=0.04)
    assert long_run_variance(x[:, None], block=1)[0] == pytest.approx(x.var())  # blocks of one know no neighbours


@pytest.mark.parametrize(
    ("excess", "reason"),
    [
        (np.ones((59, 2)), "59 sessions of 2 rules; at least 60 sessions and a rule are needed"),
        (np.ones((60, 0)), "60 sessions of 0 rules; at least 60 sessions and a rule are needed"),
        (np.full((80, 2), 0.1), "a rule's returns over the benchmark's do not vary, or are not numbers"),
        (np.zeros((80, 1)), "a rule's returns over the benchmark's do not vary, or are not numbers"),
        (np.full((80, 1), np.nan), "a rule's returns over the benchmark's do not vary, or are not numbers"),
    ],
)
def test_series_that_bear_no_such_test_are_told(excess, reason):
    assert superior_predictive_ability(excess, block=5, draws=99, seed=1).reason == reason
    assert step_m(excess, level=0.05, block=5, draws=99, seed=1) == reason


# ---- overfitting ---------------------------------------------------------------------------------------------------------


def noise(sessions: int, configurations: int, seed: int):
    """Return returns of rules without skill."""
    return np.random.default_rng(seed).normal(size=(sessions, configurations))


def test_of_noise_it_is_about_a_half_on_average():
    """Sixty samples: the standard deviation of one is about 0.2, of their mean 0.026."""
    found = [backtest_overfitting(noise(120, 10, seed), blocks=8).pbo for seed in range(60)]
    assert np.mean([p for p in found if p is not None]) == pytest.approx(0.5, abs=0.1)


def test_real_skill_is_never_overfitted():
    x = noise(240, 12, 1)
    x[:, 4] += 1.0
    got = backtest_overfitting(x, blocks=10)
    assert (got.pbo, got.configurations, got.blocks, got.splits) == (0.0, 12, 10, 252)


def test_where_one_half_pays_for_the_other_the_best_is_always_the_worst():
    x = noise(400, 10, 2)
    got = backtest_overfitting(x - x.mean(axis=0), blocks=8)
    assert got.pbo is not None
    assert got.pbo > 0.95


@pytest.mark.parametrize("seed", [3, 4, 5])
@pytest.mark.parametrize(("configurations", "middle"), [(10, 5), (11, 6)])
def test_it_is_the_plain_loop(seed, configurations, middle):
    """Of 11 the sixth has logit 0 and counts; of 10 the fifth is the last that is below."""
    x = noise(60, configurations, seed)
    parts = np.split(x, 6)
    ranks = []
    for chosen in combinations(range(6), 3):
        inner = np.vstack([parts[i] for i in chosen])
        outer = np.vstack([parts[i] for i in range(6) if i not in chosen])
        best = (inner.mean(axis=0) / inner.std(axis=0)).argmax()
        ranks.append(stats.rankdata(outer.mean(axis=0) / outer.std(axis=0))[best])
    got = backtest_overfitting(x, blocks=6)
    assert (got.pbo, got.splits) == (sum(r <= middle for r in ranks) / 20, 20)


def test_events_are_blocks_where_there_are_few():
    got = backtest_overfitting(noise(9, 10, 4))
    assert (got.blocks, got.splits) == (8, 70)
    assert got.pbo is not None


@pytest.mark.parametrize(
    ("performance", "reason"),
    [
        (np.ones((100, 9)), "9 configurations; at least 10 are needed"),
        (np.ones((5, 10)), "5 observations in 4 blocks; at least 6 blocks are needed"),
        (np.ones((0, 10)), "0 observations in 0 blocks; at least 6 blocks are needed"),
        (np.full((100, 10), np.nan), "returns that are not numbers"),
        (np.zeros((100, 10)), "no configuration's returns vary"),
    ],
)
def test_too_little_for_overfitting_is_told(performance, reason):
    got = backtest_overfitting(performance)
    assert (got.pbo, got.reason) == (None, reason)
