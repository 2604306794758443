"""Intervals against Fisher's own, closed forms worked by hand, and the test they invert."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.statistics.bootstrap import _steps, event_interval, sign_flip_interval, t_interval
from engine.statistics.event_tests import sign_flip

DARWIN = np.array([49.0, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48])  # Fisher 1935, chapter III
SIX = np.array([3.0, 1, 2, 7, 5, 4])


def flips(values, level=0.95, draws=999):
    """Return the sign-flip interval; draws matter above 20 observations only."""
    return sign_flip_interval(np.array(values, dtype=float), level, draws=draws, seed=1)


def ends(interval):
    """Return both ends."""
    return [interval.low, interval.high]


def test_t_interval_of_darwins_maize():
    """Fisher's: 20.93 and 2.145 standard errors of 9.75 on both sides, eighths of an inch."""
    assert ends(t_interval(DARWIN, 0.95)) == pytest.approx([0.03, 41.84], abs=0.005)


def test_t_interval_of_two():
    """Mean 2, standard error 1, and the 75 % point of t(1) is 1."""
    assert ends(t_interval(np.array([1.0, 3.0]), 0.5)) == pytest.approx([1.0, 3.0])


def test_six_events_are_between_the_least_and_the_largest_at_95_percent():
    """p of six cannot be below 1 / 32: beyond the extremes a mean has p 0.03125, within them 0.0625."""
    got = flips(SIX)
    assert ends(got) == [1.0, 7.0]
    assert got.method == "means the sign-flip test does not reject, all patterns"


def test_the_next_step_is_the_next_subset_mean():
    """At 90 % three of 32 patterns may reach: from below 1, 1.5 (of 1 and 2), 2; from above 7, 6 (of 7 and 5), 5.5."""
    assert ends(flips(SIX, 0.90)) == [2.0, 5.5]


def test_five_events_have_no_95_percent_interval():
    got = flips(SIX[:5])
    assert ends(got) == [None, None]
    assert got.reason == "p of 5 observations is always above 0.05: no mean is rejected"
    assert ends(flips(SIX[:5], 0.9375)) == [1.0, 7.0]  # at 1 - 2 / 32 there is one


def test_darwins_interval_is_where_plain_enumeration_crosses_5_percent():
    low, high = ends(flips(DARWIN))
    signs = 1 - 2 * ((np.arange(2**15)[:, None] >> np.arange(15)) & 1)

    def p(mean):
        away = DARWIN - mean
        return float((np.abs(signs @ away) >= abs(away.sum()) - 1e-9).mean())

    assert p(low - 0.001) <= 0.05 < p(low + 0.001)
    assert p(high + 0.001) <= 0.05 < p(high - 0.001)


@given(
    st.lists(st.integers(-50, 50), min_size=6, max_size=10).filter(lambda x: len(set(x)) > 1),
    st.sampled_from([0.8, 0.9, 0.95]),
)
def test_the_interval_is_the_test_turned_round(values, level):
    x = np.array(values, dtype=float)
    low, high = ends(flips(x, level))

    def p(mean):
        found = sign_flip(x - mean, draws=1, seed=1).p
        return 1.0 if found is None else found

    assert p(low - 1e-6) <= 1 - level + 1e-12
    assert p(high + 1e-6) <= 1 - level + 1e-12
    assert p(low + 1e-6) > 1 - level
    assert p(high - 1e-6) > 1 - level
    assert low <= x.mean() <= high


def test_drawn_patterns_give_nearly_the_t_interval_of_many_events():
    x = np.random.default_rng(3).normal(1, 1, 60)
    got = flips(x, draws=20_000)
    assert ends(got) == pytest.approx(ends(t_interval(x, 0.95)), abs=0.02)
    assert got.method.endswith("20,000 drawn patterns")
    assert got == flips(x, draws=20_000)


def test_drawn_patterns_are_the_drawn_test_turned_round():
    x = np.random.default_rng(4).normal(0.5, 1, 25)
    low, _ = ends(flips(x, draws=999))
    below, above = (sign_flip(x - low - d, draws=999, seed=1).p for d in (-1e-6, 1e-6))
    assert below is not None
    assert above is not None
    assert below <= 0.05 < above


def test_a_pattern_that_flips_none_or_all_reaches_every_mean():
    """Drawn once in a million, of 21 observations; of 1, 2 and 6 the pattern that flips 1 and 2 reaches from 1.5 and 6."""
    lower, upper = _steps(np.array([1.0, 2, 6]), np.array([0.0, 9, 3]), np.array([0.0, 3, 2]))
    assert lower.tolist() == [-np.inf, -np.inf, 1.5]
    assert upper.tolist() == [np.inf, np.inf, 6.0]


def test_too_few_draws_give_no_interval():
    assert flips(np.arange(30.0), draws=10).reason == ("p of 30 observations is always above 0.05: no mean is rejected")
    assert flips(np.arange(30.0), draws=0).reason == "no draws; 30 observations need them"


def test_of_two_intervals_of_five_events_one_can_be_had():
    by_t, by_flips = event_interval(SIX[:5], 0.95, draws=99, seed=1)
    assert by_t.low is not None
    assert by_flips.low is None
    assert [i.name for i in (by_t, by_flips)] == ["t", "sign-flip"]


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_too_few_observations_are_shown(n):
    found = event_interval(np.array([0.01, -0.02, 0.04])[:n], 0.95, draws=99, seed=1)
    for each in found:
        assert (each.low is None) == bool(each.reason)
        assert each.n == n
    if n < 2:
        counted = ("no observations", "1 observation")[n]
        assert found[0].reason == f"{counted}; a t interval needs at least 2"
        assert found[1].reason == f"{counted}; a sign-flip interval needs at least 2"


def test_equal_and_missing_observations_are_shown():
    for each in event_interval(np.full(12, 0.1), 0.95, draws=99, seed=1):
        assert each.reason == "all observations are equal: their spread is zero"
    for each in event_interval(np.array([0.1] * 11 + [np.nan]), 0.95, draws=99, seed=1):
        assert each.reason == "1 of 12 observations is not a number"
