"""Claims about numbers over a moving window, by hand."""

import numpy as np
import pytest

from engine.metrics.return_metrics import rolling_beta, rolling_sharpe, rolling_sortino, rolling_volatility

NAN = np.nan


def test_volatility_of_each_window():
    # of 0.01 and 0.03 the deviation (n - 1) is 0.02 / root 2; four sessions a year double it
    found = rolling_volatility(np.array([0.01, 0.03, 0.03]), 2, 4.0)
    assert found.tolist() == pytest.approx([NAN, 0.0282842712, 0.0], nan_ok=True)


def test_a_window_that_does_not_vary_has_no_sharpe_ratio():
    found = rolling_sharpe(np.array([0.01, 0.03, 0.03]), 2, 1.0)
    assert found.tolist() == pytest.approx([NAN, 0.02 / 0.0141421356, NAN], nan_ok=True)


def test_a_window_without_a_loss_has_no_sortino_ratio():
    # mean 0.01 over the root of (0.01 ** 2) / 2
    found = rolling_sortino(np.array([0.03, -0.01, 0.01, 0.02]), 2, 1.0)
    assert found.tolist() == pytest.approx([NAN, 0.01 / 0.00707106781, 0.0, NAN], nan_ok=True)


def test_beta_to_a_benchmark_that_stands_still_is_not_there():
    found = rolling_beta(np.array([0.02, 0.04, 0.05]), np.array([0.01, 0.02, 0.02]), 2)
    assert found.tolist() == pytest.approx([NAN, 2.0, NAN], nan_ok=True)


def test_a_series_shorter_than_the_window_has_none():
    assert np.isnan(rolling_volatility(np.array([0.1]), 5, 252.0)).all()
