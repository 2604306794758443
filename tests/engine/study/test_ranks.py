"""Rank tests against closed forms worked by hand and against plain loops over scipy's ranks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.statistics.ranks import corrado, grank, uniform_ranks

RISING = np.arange(31.0)


def noise(events: int, sessions: int, seed: int = 1):
    """Return (events, sessions) of normal numbers."""
    return np.random.default_rng(seed).normal(size=(events, sessions))


def test_corrado_by_hand():
    """Both events rise through m = 31 sessions and the last is the event: z = root of 3 (m - 1) / (m + 1)."""
    got = corrado(np.array([RISING, 10 * RISING - 3]), 30)
    assert got.statistic == pytest.approx(1.677050983)
    assert got.p == pytest.approx(0.0935325, abs=5e-8)
    assert (got.n, got.reference) == (2, "normal, ranks among 31 sessions")


def test_the_middle_of_the_ranks_is_no_effect():
    got = corrado(np.array([RISING, RISING]), 15)
    assert (got.statistic, got.p) == (0.0, 1.0)


def test_corrado_is_the_plain_loop_with_missing_values_and_ties():
    abnormal = np.round(noise(5, 90), 1)
    abnormal[1, :40], abnormal[3, 7:9] = np.nan, np.nan
    u = [stats.rankdata(row, nan_policy="omit") / (np.isfinite(row).sum() + 1) - 0.5 for row in abnormal]
    columns = [[row[t] for row in u if np.isfinite(row[t])] for t in range(90)]
    scaled = [sum(c) / np.sqrt(len(c)) for c in columns]
    expected = scaled[89] / np.sqrt(sum(s**2 for s in scaled) / 90)
    assert corrado(abnormal, 89).statistic == pytest.approx(expected)


def test_equal_returns_share_their_rank():
    assert uniform_ranks(np.array([[5.0, 0.0, 0.0, np.nan]])) == pytest.approx(
        np.array([[0.25, -0.125, -0.125, np.nan]]), nan_ok=True
    )


def test_a_session_nobody_has_counts_for_nothing():
    abnormal = noise(3, 60)
    gap = np.insert(abnormal, 20, np.nan, axis=1)
    assert corrado(gap, 60).statistic == pytest.approx(corrado(abnormal, 59).statistic)


def test_an_event_without_a_return_on_its_day_is_not_counted():
    abnormal = noise(3, 60)
    abnormal[0, 59] = np.nan
    assert corrado(abnormal, 59).n == 2
    abnormal[1, 59] = np.nan
    assert corrado(abnormal, 59).reason == "1 observation; a rank test needs at least 2"


@given(st.integers(0, 10_000))
def test_ranks_care_for_order_alone(seed):
    abnormal = noise(4, 50, seed)
    assert corrado(np.exp(abnormal), 49).statistic == pytest.approx(corrado(abnormal, 49).statistic)
    assert corrado(-abnormal, 49).p == pytest.approx(corrado(abnormal, 49).p)


def test_grank_by_hand():
    """Both CARs outrank T = 30 rising sessions: Z2 = 3 (m - 1) / (m + 1) = 2.8125, t2 = 2.8125 x 29 / 27.1875 = 3."""
    sars = np.array([RISING[:30], RISING[:30]]) / 30
    got = grank(sars, np.array([10.0, 11.0]))
    assert got.statistic == pytest.approx(np.sqrt(3))
    assert (got.n, got.reference) == (2, "t(29)")
    assert grank(sars, np.array([-10.0, -11.0])).statistic == pytest.approx(-np.sqrt(3))


def test_grank_is_the_plain_loop():
    sars, z = noise(6, 120), noise(1, 6, 2)[0] + 0.8
    whole = np.column_stack((sars, z / np.std(z, ddof=1)))
    u = np.array([stats.rankdata(row) / 122 - 0.5 for row in whole]).mean(axis=0)
    Z = u[120] / np.sqrt((u**2).mean())
    expected = Z * np.sqrt(119 / (120 - Z**2))
    assert grank(sars, z).statistic == pytest.approx(expected)
    assert grank(sars, z).p == pytest.approx(2 * stats.t.sf(abs(expected), 119))


def test_grank_with_sessions_that_some_events_lack_is_the_plain_loop():
    """The mean of a session is over those there, and its square weighs by their share (T of the shortest is 80)."""
    sars, z = noise(4, 120, 3), np.array([0.5, 1.8, -0.2, 2.2])
    sars[0, :40], sars[2, 50:55] = np.nan, np.nan
    whole = np.column_stack((sars, z / np.std(z, ddof=1)))
    u = [stats.rankdata(row, nan_policy="omit") / (np.isfinite(row).sum() + 1) - 0.5 for row in whole]
    columns = [[row[t] for row in u if np.isfinite(row[t])] for t in range(121)]
    variance = sum(len(c) / 4 * np.mean(c) ** 2 for c in columns) / 121
    Z = np.mean(columns[120]) / np.sqrt(variance)
    assert grank(sars, z).statistic == pytest.approx(Z * np.sqrt(119 / (120 - Z**2)))


def test_grank_ranks_the_cars_over_their_own_spread():
    """CARs of 3 to 5 with standard deviation 1 outrank every session below 3, whatever unit they are in."""
    sars = np.tile(np.linspace(-2, 2, 40), (3, 1))
    z = np.array([3.0, 4.0, 5.0])
    assert grank(sars, z).statistic == pytest.approx(grank(sars, 1000 * z).statistic)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_events_are_told(n):
    counted = ("no observations", "1 observation")[n]
    reason = f"{counted}; a rank test needs at least 2"
    assert corrado(noise(n, 60), 59).reason == reason
    assert grank(noise(n, 60), np.ones(n)).reason == reason


@pytest.mark.parametrize("n", [2, 3])
def test_two_and_three_events_are_ranked(n):
    assert corrado(noise(n, 60), 59).p is not None
    assert grank(noise(n, 60), np.arange(1.0, n + 1)).p is not None


def test_short_windows_are_told():
    reason = "29 sessions in the estimation window; at least 30 are needed"
    assert corrado(noise(4, 29), 28).reason == reason
    assert grank(noise(4, 29), np.arange(4.0)).reason == reason


def test_ranks_that_do_not_vary_are_told():
    assert corrado(np.ones((3, 40)), 39).reason == "the mean rank of the events is the same on every session"
    assert corrado(np.array([RISING, -RISING]), 30).reason == "the mean rank of the events is the same on every session"
    assert grank(np.array([RISING, -RISING]), np.array([50.0, -50.0])).reason == (
        "the mean rank of the events varies on no other session"
    )
    assert grank(np.ones((3, 40)), np.array([2.0, 3.0, 4.0])).reason == (
        "the mean rank of the events varies on no other session"
    )
    assert grank(noise(3, 40), np.ones(3)).reason == "all observations are equal: their spread is zero"
    assert grank(noise(3, 40), np.array([1.0, np.nan, 2.0])).reason == "1 of 3 observations is not a number"
