"""Claims about numbers over a moving window, by hand."""

import numpy as np
import pytest

from engine.metrics.return_metrics import rolling_sharpe, rolling_sortino

NAN = np.nan


def test_a_window_that_does_not_vary_has_no_sharpe_ratio():
    found = rolling_sharpe(np.array([0.01, 0.03, 0.03]), 2, 1.0)
    assert found.tolist() == pytest.approx([NAN, 0.02 / 0.0141421356, NAN], nan_ok=True)


def test_a_window_without_a_loss_has_no_sortino_ratio():
    # mean 0.01 over the root of (0.01 ** 2) / 2
    found = rolling_sortino(np.array([0.03, -0.01, 0.01, 0.02]), 2, 1.0)
    assert found.tolist() == pytest.approx([NAN, 0.01 / 0.00707106781, 0.0, NAN], nan_ok=True)


def test_a_series_shorter_than_the_window_has_none():
    assert np.isnan(rolling_sharpe(np.array([0.1]), 5, 252.0)).all()
