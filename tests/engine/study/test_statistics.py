"""Tests of "no effect" against published examples, values worked by hand, scipy and plain enumeration."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.statistics.event_tests import bmp, cross_sectional_t, flipped, sign, sign_flip
from engine.statistics.significance import Significance
from examples.base_rates import generalized_sign, poisson_binomial

FIVE = np.array([0.01, 0.02, 0.03, 0.04, 0.05])
DARWIN = np.array([49.0, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48])  # Fisher 1935, chapter III

returns = st.floats(-0.5, 0.5).map(lambda x: round(x, 4))
samples = st.lists(returns, min_size=0, max_size=9).map(lambda xs: np.array(xs, dtype=float))


def both(found: Significance) -> list[float | None]:
    """Return statistic and p, to be compared at once."""
    return [found.statistic, found.p]


def flip(values, draws=999, seed=1):
    """Return the sign-flip test with draws that matter above 20 observations only."""
    return sign_flip(np.array(values, dtype=float), draws=draws, seed=seed)


# ---- parametric ----------------------------------------------------------------------------------------------------------


def test_cross_sectional_t_by_hand():
    got = cross_sectional_t(FIVE)
    assert got.statistic == pytest.approx(4.242640687)  # 3 / root of (2.5 / 5)
    assert got.p == pytest.approx(0.0132356, abs=5e-8)
    assert (got.n, got.reference, got.error, got.reason) == (5, "t(4)", 0.0, "")


def test_cross_sectional_t_is_scipys():
    got = cross_sectional_t(DARWIN)
    assert both(got) == pytest.approx(list(stats.ttest_1samp(DARWIN, 0)))


def test_two_observations_are_read_from_t1():
    got = cross_sectional_t(np.array([1.0, 3.0]))
    assert both(got) == pytest.approx([2.0, 0.29516724])  # 1 - 2 arctan(2) / pi


def test_bmp_by_hand():
    got = bmp(np.array([2.0, -1.0, 3.0]))
    assert got.statistic == pytest.approx(1.1094004)  # (4 / 3) / root of ((13 / 3) / 3)
    assert (got.name, got.n, got.reference) == ("BMP t", 3, "t(2)")


# ---- signs -------------------------------------------------------------------------------------------------------------


def test_seventeen_of_seventeen():
    got = sign(np.full(17, 0.01))
    assert both(got) == pytest.approx([17, 2 / 2**17])


@pytest.mark.parametrize(("positive", "negative", "p"), [(5, 0, 2 / 32), (4, 1, 12 / 32), (3, 3, 1.0), (0, 1, 1.0)])
def test_sign_by_hand(positive, negative, p):
    assert sign(np.concatenate((np.ones(positive), -np.ones(negative)))).p == pytest.approx(p)


def test_zeros_are_left_out_of_the_sign_test_and_it_says_so():
    got = sign(np.array([0.0, 1.0, 2.0, 0.0, 1.0]))
    assert [got.n, got.p] == pytest.approx([3, 0.25])
    assert got.reference == "binomial(3, 1/2), exact; 2 of exactly 0 left out"


def test_generalized_sign_by_hand():
    got = generalized_sign(np.array([0.1, 0.2, 0.3]), np.array([0.2, 0.5, 0.8]))
    assert got.p == pytest.approx(0.16)  # 2 x 0.2 x 0.5 x 0.8
    assert got.statistic == pytest.approx(1.9867985)  # 1.5 / root of (0.16 + 0.25 + 0.16)
    assert got.reference == "Poisson-binomial, exact, base rates 0.20 to 0.80"


def test_seventeen_of_seventeen_where_seven_in_ten_windows_rise_anyway():
    got = generalized_sign(np.full(17, 0.01), np.full(17, 0.7))
    assert got.p == pytest.approx(0.0046526, abs=5e-8)  # 2 x 0.7^17, three hundred times the sign test's
    assert got.statistic == pytest.approx(2.6992062)  # 17 x 0.3 / root of (17 x 0.21)


def test_with_one_half_the_generalized_sign_test_is_the_sign_test():
    values = np.array([0.1, 0.2, -0.1, 0.3, 0.2])
    assert generalized_sign(values, np.full(5, 0.5)).p == pytest.approx(12 / 32)


def test_nothing_that_happened_is_not_positive():
    assert generalized_sign(np.array([0.0, 0.1]), np.array([0.5, 0.5])).p == pytest.approx(1.0)


@pytest.mark.parametrize("rate", [0.0, 1.0, float("nan")])
def test_a_base_rate_that_leaves_nothing_to_chance_is_shown(rate):
    got = generalized_sign(np.array([0.1, 0.1]), np.array([0.5, rate]))
    assert got.reason == "a base rate is not between 0 and 1, exclusive"


def test_equal_rates_are_binomial():
    assert poisson_binomial(np.full(12, 0.3)) == pytest.approx(stats.binom.pmf(np.arange(13), 12, 0.3))


# ---- sign-flip -----------------------------------------------------------------------------------------------------------


def test_darwins_maize_as_fisher_counted_it():
    """863 of the 32,768 arrangements give a sum of 314 or more, as many one of -314 or less."""
    got = flip(DARWIN)
    assert got.p == pytest.approx(2 * 863 / 32768)
    assert got.statistic == pytest.approx(314 / 15)
    assert (got.error, got.n) == (0.0, 15)


def test_five_events_cannot_reach_five_percent():
    got = flip(FIVE)
    assert got.p == 0.0625
    assert got.reference == "all 32 sign patterns; p is at least 0.0625"


def test_two_and_three_observations():
    assert flip([0.01, 0.02]).p == 0.5
    assert flip([0.01, 0.02, 0.03]).p == 0.25


def test_equal_observations_are_no_obstacle_to_flipping_signs():
    assert flip([0.1] * 6).p == 2 / 64


def test_a_zero_raises_the_floor():
    got = flip([0.01, 0.02, 0.03, 0.0])
    assert (got.p, got.reference) == (0.25, "all 16 sign patterns; p is at least 0.25")


def test_a_sum_in_another_order_still_is_the_same_sum():
    assert flip([0.1, 0.2, 0.3, -0.6]).p == 1.0  # the mean is 0 but for rounding


def test_twenty_observations_are_exact_and_twenty_one_are_drawn():
    assert flip(np.ones(20)).p == 2 / 2**20
    drawn = flip(np.ones(21), draws=1999)
    assert drawn.p == pytest.approx(1 / 2000)  # no drawn pattern is as far out as the identity
    assert drawn.error == pytest.approx(np.sqrt(1 / 2000 * 1999 / 2000 / 1999))
    assert drawn.reference == "1,999 drawn of 2^21 sign patterns; p is at least 9.54e-07"


def test_draws_agree_with_the_binomial_they_estimate():
    """With observations of equal size the sum is a count of signs: 30 with 20 positive is 0.0987 of binomial(30, 1/2)."""
    values = np.concatenate((np.ones(20), -np.ones(10)))
    got = flip(values, draws=40_000, seed=7)
    assert got.p == pytest.approx(0.0987, abs=4 * got.error)
    assert got.error == pytest.approx(0.0015, abs=5e-5)


def test_the_same_seed_gives_the_same_p_and_another_one_another():
    values = np.random.default_rng(5).normal(0.3, 1, 25)
    assert flip(values, seed=1) == flip(values, seed=1)
    assert flip(values, seed=1).p != flip(values, seed=2).p


def test_draws_beyond_one_block_are_all_there():
    found = flipped(np.ones(25), draws=90_001, seed=1)
    assert found.sums.shape == (90_001,)
    assert found.sums.tolist() == found.sizes.tolist()
    assert found.sizes.mean() == pytest.approx(12.5, abs=0.05)


def test_no_draws_are_shown():
    assert flip(np.ones(21), draws=0).reason == "no draws; 21 observations need them"


@given(samples)
def test_sign_flip_is_plain_enumeration(values):
    got = flip(values)
    if got.p is None:
        assert len(values) < 2 or not values.any()
        return
    whole = [round(v * 10_000) for v in values]
    sums = [abs(sum(s * v for s, v in zip(signs, whole, strict=True))) for signs in product((1, -1), repeat=len(whole))]
    assert got.p == sum(s >= abs(sum(whole)) for s in sums) / len(sums)


@given(samples, st.sampled_from([0.37, 12.0, 1e6]))
def test_scale_and_direction_change_no_p(values, scale):
    for test in (flip, cross_sectional_t, sign):
        p, other, mirror = (test(v).p for v in (values, values * scale, -values))
        assert (p is None) == (other is None) == (mirror is None)
        if p is not None:
            assert other == pytest.approx(p, rel=1e-6)
            assert mirror == pytest.approx(p, rel=1e-6)


@given(samples)
def test_p_lies_above_0_and_not_above_1_or_there_is_a_reason(values):
    rates = np.linspace(0.3, 0.7, len(values))
    for got in (flip(values), cross_sectional_t(values), bmp(values), sign(values), generalized_sign(values, rates)):
        assert (got.p is None) == bool(got.reason) == (got.statistic is None)
        if got.p is not None and got.statistic is not None:
            assert 0 < got.p <= 1
            assert np.isfinite(got.statistic)


@given(samples.filter(lambda v: len(v) >= 2 and bool(v.any())))
def test_sign_flip_stays_above_its_floor(values):
    p = flip(values).p
    assert p is not None
    assert p >= 2.0 ** (1 - np.count_nonzero(values))


def test_t_tests_never_say_a_p_of_nothing():
    p = cross_sectional_t(np.concatenate((np.full(500, 1.0), np.full(500, 1.0001)))).p
    assert p is not None
    assert p > 0


# ---- what is not available --------------------------------------------------------------------------------------------------

ONE_SAMPLE: dict[str, tuple[Callable[[Any], Significance], str, int]] = {
    "cross-sectional t": (cross_sectional_t, "a t-test", 2),
    "BMP t": (bmp, "a t-test", 2),
    "sign-flip": (flip, "a sign-flip test", 2),
    "sign": (sign, "a sign test", 1),
    "generalized sign": (lambda v: generalized_sign(v, np.full(len(v), 0.5)), "a sign test", 1),
}


@pytest.mark.parametrize("name", ONE_SAMPLE)
@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_too_few_events_are_shown(name, n):
    test, called, least = ONE_SAMPLE[name]
    got = test(np.array([0.01, -0.02, 0.04])[:n])
    counted = ("no observations", "1 observation", "2 observations")
    assert (got.name, got.n) == (name, n)
    if n < least:
        assert (got.statistic, got.p) == (None, None)
        assert got.reason == f"{counted[n]}; {called} needs at least {least}"
    else:
        assert got.reason == ""
        assert got.p is not None


@pytest.mark.parametrize("name", ["cross-sectional t", "BMP t"])
@pytest.mark.parametrize("value", [0.0, 0.1, -0.3])
def test_equal_observations_have_no_spread(name, value):
    assert ONE_SAMPLE[name][0](np.full(7, value)).reason == "all observations are equal: their spread is zero"


@pytest.mark.parametrize("name", ["sign", "sign-flip"])
def test_nothing_but_zeros_has_no_direction(name):
    assert ONE_SAMPLE[name][0](np.zeros(4)).reason == "all observations are zero"


@pytest.mark.parametrize("name", ONE_SAMPLE)
def test_what_is_not_a_number_is_reported_and_not_dropped(name):
    got = ONE_SAMPLE[name][0](np.array([0.1, np.nan, 0.3]))
    assert got.reason == "1 of 3 observations is not a number"
    assert ONE_SAMPLE[name][0](np.array([np.inf, np.nan, 0.3])).reason == "2 of 3 observations are not numbers"
