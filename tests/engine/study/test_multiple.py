"""Adjusted p-values against values worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.statistics.significance import max_t, sidak


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


def test_identical_statistics_cost_nothing():
    same = np.repeat(np.random.default_rng(1).normal(size=(199, 1)), 2, axis=1)
    t = np.array([2.5, 2.5])
    alone = max_t(t[:1], same[:, :1])
    assert max_t(t, same).tolist() == [alone[0], alone[0]]


@given(arrays(np.float64, (30, 4), elements=st.floats(-5, 5)), arrays(np.float64, 4, elements=st.floats(-5, 5)))
def test_max_t_lies_between_the_single_p_and_1(placebo, observed):
    adjusted = max_t(observed, placebo)
    for j in range(4):
        single = (1 + sum(abs(placebo[i, j]) >= abs(observed[j]) for i in range(30))) / 31
        assert single <= adjusted[j] <= 1
