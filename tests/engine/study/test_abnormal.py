"""Abnormal returns and the variance of their sums, against values worked by hand and against statsmodels."""

import numpy as np
import pytest

from engine.study.settings import Model
from tests.engine.study.one_window import abnormal_returns, car_variance, fit

ZIGZAG = np.tile([0.01, -0.01], 20)  # 40 sessions, mean 0, sum of squares 0.004
MARKET = np.tile([0.02, 0.02, -0.02, -0.02], 10)  # mean 0, sum of squares 0.016, uncorrelated with ZIGZAG


def test_mean_model_by_hand():
    f = fit(Model.MEAN, ZIGZAG + 0.001)
    assert [f.alpha, f.beta, f.n] == pytest.approx([0.001, 0.0, 40])
    assert f.sd == pytest.approx(0.010127393670836666)  # root of 0.004 / 39
    assert f.residuals == pytest.approx(ZIGZAG)


def test_mean_model_needs_no_benchmark_and_ignores_one():
    assert fit(Model.MEAN, ZIGZAG, np.full(40, np.nan)).n == 40


def test_market_adjusted_by_hand():
    f = fit(Model.MARKET, MARKET + ZIGZAG + 0.003, MARKET)
    assert (f.alpha, f.beta) == (0.0, 1.0)
    assert f.residuals == pytest.approx(ZIGZAG + 0.003)
    assert f.sd == pytest.approx(0.010127393670836666)  # about its own mean, not about 0


def test_market_model_by_hand():
    f = fit(Model.MARKET_MODEL, 0.002 + 1.5 * MARKET + ZIGZAG, MARKET)
    assert [f.alpha, f.beta] == pytest.approx([0.002, 1.5])
    assert f.sd == pytest.approx(0.010259783520851541)  # root of 0.004 / 38: two parameters
    assert f.market_mean == pytest.approx(0.0)
    assert f.market_ss == pytest.approx(0.016)


def test_abnormal_returns_by_hand():
    f = fit(Model.MARKET_MODEL, 0.002 + 1.5 * MARKET + ZIGZAG, MARKET)
    got = abnormal_returns(f, np.array([0.05, 0.0]), np.array([0.02, np.nan]))
    assert got[0] == pytest.approx(0.018)  # 0.05 - 0.002 - 1.5 x 0.02
    assert np.isnan(got[1])
    assert abnormal_returns(fit(Model.MEAN, ZIGZAG + 0.001), np.array([0.05]), np.zeros(1)) == pytest.approx([0.049])
    assert abnormal_returns(fit(Model.MARKET, ZIGZAG, MARKET), np.array([0.05]), np.array([0.02])) == pytest.approx(
        [0.03]
    )


def test_car_variance_by_hand():
    mean = fit(Model.MEAN, ZIGZAG)
    assert car_variance(mean, 4) == pytest.approx(0.004 / 39 * (4 + 16 / 40))
    adjusted = fit(Model.MARKET, MARKET + ZIGZAG, MARKET)
    assert car_variance(adjusted, 4) == pytest.approx(0.004 / 39 * 4)
    model = fit(Model.MARKET_MODEL, MARKET + ZIGZAG, MARKET)
    window = np.array([0.03, 0.01])
    assert car_variance(model, 2, window) == pytest.approx(0.004 / 38 * (2 + 4 / 40 + 0.04**2 / 0.016))


def test_car_variance_of_the_market_model_is_that_of_the_forecast_errors_of_least_squares():
    """1'(I + X* (X'X)^-1 X*')1 s2, from statsmodels' own covariance of the parameters."""
    from statsmodels.api import OLS, add_constant

    rng = np.random.default_rng(1)
    market, noise = rng.normal(0.001, 0.012, 120), rng.normal(0, 0.01, 120)
    window = np.array([0.02, -0.01, 0.004, 0.03, -0.002])
    f = fit(Model.MARKET_MODEL, 0.0003 + 0.8 * market + noise, market)
    ols = OLS(0.0003 + 0.8 * market + noise, add_constant(market)).fit()
    ones = np.array([5.0, window.sum()])
    assert [f.alpha, f.beta] == pytest.approx(ols.params)
    assert car_variance(f, 5, window) == pytest.approx(5 * ols.mse_resid + ones @ ols.cov_params() @ ones)


def test_one_session_of_the_market_model_is_the_forecast_error_of_least_squares():
    from statsmodels.api import OLS, add_constant

    rng = np.random.default_rng(2)
    market = rng.normal(0, 0.01, 60)
    returns = market + rng.normal(0, 0.01, 60)
    ols = OLS(returns, add_constant(market)).fit()
    forecast = ols.get_prediction(np.array([[1.0, 0.05]]))
    f = fit(Model.MARKET_MODEL, returns, market)
    assert car_variance(f, 1, np.array([0.05])) == pytest.approx(float(forecast.var_pred_mean[0] + ols.mse_resid))


def test_sessions_that_lack_either_are_left_out_and_stand_as_gaps():
    returns, market = ZIGZAG.copy(), MARKET.copy()
    returns[3], market[7] = np.nan, np.inf
    f = fit(Model.MARKET_MODEL, returns, market)
    assert f.n == 38
    assert np.flatnonzero(np.isnan(f.residuals)).tolist() == [3, 7]
