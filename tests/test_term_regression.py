"""Regression on who is in power and permutation of terms, against values worked by hand, statsmodels and enumeration."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.statistics.significance import Significance
from examples.term_regression import ENUMERATED_UP_TO, TermReturns, party_regression, term_permutation

# Four terms of two periods, the party in the second and fourth: means 2.5 without it, 7.5 with it.
HAND = TermReturns(
    np.array([1.0, 3, 5, 7, 2, 4, 8, 10]), np.array([0, 0, 1, 1, 2, 2, 3, 3]), np.array([False, True, False, True])
)


def terms(returns, of, in_power):
    """Return terms from lists."""
    return TermReturns(np.array(returns, dtype=float), np.array(of, dtype=np.intp), np.array(in_power, dtype=bool))


def both(found: Significance) -> list[float | None]:
    """Return statistic and p, to be compared at once."""
    return [found.statistic, found.p]


# ---- regression ----------------------------------------------------------------------------------------------------------


def test_gap_is_the_difference_of_the_means():
    assert (HAND.mean(in_power=True), HAND.mean(in_power=False), HAND.gap) == (7.5, 2.5, 5.0)


def test_newey_west_by_hand():
    # Each period moves the gap by u / 4 (with the party) or -u / 4: 3, -1, -5, -1, 1, -3, 1, 5 eighths. The sum of their
    # squares is 72 / 64 = 1.125, that of neighbours 5 / 64, which counts twice with the weight 1/2.
    got = party_regression(HAND, lags=1)
    assert got.hac.error == pytest.approx(1.0968705)  # root of 1.203125
    assert got.hac.test.statistic == pytest.approx(4.5584231)
    assert got.hac.test.p == pytest.approx(5.1537e-6, rel=1e-4)  # two tails of the normal
    assert (got.n, got.n_terms, got.gap) == (8, 4, 5.0)


def test_no_lag_is_white():
    assert party_regression(HAND, lags=0).hac.error == pytest.approx(1.0606602)  # root of 1.125


def test_clusters_by_hand():
    # The sums of the eighths by term are 2, -6, -2, 6: 80 / 64 = 1.25, times 4/3 for the terms and 7/6 for the periods.
    got = party_regression(HAND, lags=1).by_term
    assert got.error == pytest.approx(1.3944334)  # root of 1.944444
    assert got.test.statistic == pytest.approx(3.5856858)
    assert got.test.p == pytest.approx(0.0371364, abs=5e-8)  # two tails of t(3)
    assert (got.test.n, got.test.reference) == (4, "t(3)")


@pytest.mark.parametrize(("n", "lags"), [(8, 2), (100, 4), (864, 6), (1068, 6), (4000, 9)])
def test_lags_follow_the_rule_of_thumb(n, lags):
    values = np.random.default_rng(1).normal(size=n)
    of = np.arange(n) * 4 // n
    got = party_regression(TermReturns(values, of, np.array([False, True, False, True])))
    assert f"normal, {lags} lags" in got.hac.test.reference


# ---- permutation -----------------------------------------------------------------------------------------------------------


def test_permutation_of_four_terms_by_hand():
    # The six ways give gaps of 5, -5, -2, 2, 1, -1: two are as far from 0 as 5.
    by_t, by_gap = term_permutation(HAND)
    assert both(by_gap) == pytest.approx([5.0, 1 / 3])
    assert both(by_t) == pytest.approx([4.4721360, 1 / 3])  # 5 / root of 1.25
    assert (by_t.n, by_t.error, by_gap.reference) == (4, 0.0, "all 6 ways to give 2 of 4 terms to the party")


def test_a_gap_in_the_middle_of_the_ways_is_nothing():
    by_t, by_gap = term_permutation(TermReturns(HAND.returns, HAND.term, np.array([True, False, False, True])))
    assert [*both(by_gap), by_t.p] == pytest.approx([1.0, 1.0, 1.0])


def test_of_wild_and_tame_terms_the_t_statistic_thinks_otherwise_than_the_gap():
    # The party's two terms are 0 and 10, the others' 1, 1 and 1.5: the gap of 3.83 is the largest but for {1.5, 10}
    # (5.08) and those of {1, 10} (4.67, twice); the t-statistic of {0, 10} is the smallest but for {0, 10}'s own.
    by_t, by_gap = term_permutation(terms([0, 10, 1, 1, 1.5], [0, 1, 2, 3, 4], [True, True, False, False, False]))
    assert both(by_gap) == pytest.approx([3.8333333, 0.4])
    assert by_t.p is not None and by_t.p > 0.7


terms_of_some = st.lists(
    st.tuples(st.lists(st.integers(-50, 50), min_size=1, max_size=5), st.booleans()), min_size=4, max_size=8
).filter(lambda ts: 2 <= sum(p for _, p in ts) <= len(ts) - 2 and len({x for v, _ in ts for x in v}) > 1)


@settings(max_examples=40)
@given(terms_of_some)
def test_the_gap_is_permuted_as_a_plain_loop_would(made):
    values, in_power = [np.array(v, dtype=float) for v, _ in made], [p for _, p in made]

    def gap(held: tuple[int, ...]) -> float:
        within = np.concatenate([v for i, v in enumerate(values) if i in held])
        without = np.concatenate([v for i, v in enumerate(values) if i not in held])
        return float(within.mean() - without.mean())

    true = gap(tuple(np.flatnonzero(in_power)))
    found = [gap(c) for c in combinations(range(len(made)), sum(in_power))]
    of = np.repeat(np.arange(len(made)), [len(v) for v in values])
    _, by_gap = term_permutation(TermReturns(np.concatenate(values), of, np.array(in_power)))
    assert by_gap.statistic == pytest.approx(true, abs=1e-9)
    assert by_gap.p == pytest.approx(np.mean([abs(g) >= abs(true) - 1e-9 for g in found]))


@settings(max_examples=40)
@given(terms_of_some)
def test_the_t_statistic_is_statsmodels_clustered_one_without_its_small_sample_factor(made):
    values = np.concatenate([v for v, _ in made]).astype(float)
    n, k = len(values), len(made)
    of = np.repeat(np.arange(k), [len(v) for v, _ in made])
    given_terms = TermReturns(values, of, np.array([p for _, p in made]))
    by_term, permuted = party_regression(given_terms, lags=0).by_term.test, term_permutation(given_terms)[0]
    if permuted.statistic is not None and by_term.statistic is not None:  # terms that are all alike have none
        factor = np.sqrt(k / (k - 1) * (n - 1) / (n - 2))
        assert by_term.statistic * factor == pytest.approx(permuted.statistic, rel=1e-6, abs=1e-9)


def test_twenty_three_terms_are_all_looked_at():
    rng = np.random.default_rng(3)
    made = TermReturns(rng.normal(size=23 * 48), np.repeat(np.arange(23), 48), np.arange(23) % 2 == 0)
    by_t, by_gap = term_permutation(made)
    assert by_t.reference == by_gap.reference == "all 1,352,078 ways to give 12 of 23 terms to the party"
    assert by_t.p == pytest.approx(by_gap.p, abs=0.02)  # terms of equal length and spread: little to studentize


def test_the_other_party_has_the_same_p():
    other = TermReturns(HAND.returns, HAND.term, ~HAND.in_power)
    assert [s.p for s in term_permutation(other)] == [s.p for s in term_permutation(HAND)]


# ---- what is not available ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returns", "in_power", "reason"),
    [
        ([1, 2, 3, 4], [True] * 4, "4 of 4 terms were the party's; at least 2 on each side are needed"),
        ([1, 2, 3, 4], [False] * 4, "0 of 4 terms were the party's; at least 2 on each side are needed"),
        (
            [1, 2, 3, 4],
            [True, False, False, False],
            "1 of 4 terms were the party's; at least 2 on each side are needed",
        ),
        ([2, 2, 2, 2], [True, True, False, False], "all observations are equal: their spread is zero"),
        ([1, np.nan, 3, 4], [True, True, False, False], "1 of 4 observations is not a number"),
    ],
)
def test_what_cannot_be_tested_says_why(returns, in_power, reason):
    made = terms(returns, [0, 1, 2, 3], in_power)
    got = party_regression(made)
    for test in (got.hac.test, got.by_term.test, *term_permutation(made)):
        assert (test.statistic, test.p, test.reason) == (None, None, reason)
    assert (got.hac.error, got.by_term.error) == (None, None)


def test_terms_that_are_all_alike_have_a_gap_and_no_t_statistic():
    by_t, by_gap = term_permutation(terms([1, 1, 2, 2], [0, 1, 2, 3], [False, False, True, True]))
    assert both(by_gap) == pytest.approx([1.0, 1 / 3])
    assert (by_t.p, by_t.reason) == (None, "the terms of each side are equal: their spread is zero")


def test_a_party_never_in_power_has_no_gap():
    assert terms([1, 2], [0, 1], [False, False]).gap is None


def test_more_lags_than_returns_are_refused():
    assert party_regression(HAND, lags=8).hac.test.reason == "8 lags of 8 returns"


def test_more_ways_than_are_looked_at_are_refused():
    many = TermReturns(np.arange(28.0), np.arange(28), np.arange(28) % 2 == 0)
    assert ENUMERATED_UP_TO < 40_116_600
    assert term_permutation(many)[0].reason.startswith("40,116,600 ways to give the terms to the party")


def test_leaving_a_term_out_renumbers_the_others():
    left = HAND.leaving(1)
    assert left.returns.tolist() == [1, 3, 2, 4, 8, 10]
    assert left.term.tolist() == [0, 0, 1, 1, 2, 2]
    assert left.in_power.tolist() == [False, False, True]
    assert left.gap == pytest.approx(6.5)  # 9 - 2.5
