"""Abnormal returns and the variance of their sums, against values worked by hand and against statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm

from engine.statistics.abnormal import Fit, Model, abnormal_returns, bhar, car_variance, fit

ZIGZAG = np.tile([0.01, -0.01], 20)  # 40 sessions, mean 0, sum of squares 0.004
MARKET = np.tile([0.02, 0.02, -0.02, -0.02], 10)  # mean 0, sum of squares 0.016, uncorrelated with ZIGZAG


def fitted(model: Model, returns, market=None) -> Fit:
    """Return a fit that is there."""
    found = fit(model, returns, market)
    assert isinstance(found, Fit), found
    return found


def test_mean_model_by_hand():
    f = fitted(Model.MEAN, ZIGZAG + 0.001)
    assert [f.alpha, f.beta, f.n] == pytest.approx([0.001, 0.0, 40])
    assert f.sd == pytest.approx(0.010127393670836666)  # root of 0.004 / 39
    assert (f.market_mean, f.market_ss) == (None, None)
    assert f.residuals == pytest.approx(ZIGZAG)


def test_mean_model_needs_no_benchmark_and_ignores_one():
    assert fitted(Model.MEAN, ZIGZAG, np.full(40, np.nan)).n == 40


def test_market_adjusted_by_hand():
    f = fitted(Model.MARKET, MARKET + ZIGZAG + 0.003, MARKET)
    assert (f.alpha, f.beta) == (0.0, 1.0)
    assert f.residuals == pytest.approx(ZIGZAG + 0.003)
    assert f.sd == pytest.approx(0.010127393670836666)  # about its own mean, not about 0


def test_market_model_by_hand():
    f = fitted(Model.MARKET_MODEL, 0.002 + 1.5 * MARKET + ZIGZAG, MARKET)
    assert [f.alpha, f.beta] == pytest.approx([0.002, 1.5])
    assert f.sd == pytest.approx(0.010259783520851541)  # root of 0.004 / 38: two parameters
    assert f.market_mean == pytest.approx(0.0)
    assert f.market_ss == pytest.approx(0.016)


def test_abnormal_returns_by_hand():
    f = fitted(Model.MARKET_MODEL, 0.002 + 1.5 * MARKET + ZIGZAG, MARKET)
    got = abnormal_returns(f, np.array([0.05, 0.0]), np.array([0.02, np.nan]))
    assert got[0] == pytest.approx(0.018)  # 0.05 - 0.002 - 1.5 x 0.02
    assert np.isnan(got[1])
    assert abnormal_returns(fitted(Model.MEAN, ZIGZAG + 0.001), np.array([0.05])) == pytest.approx([0.049])
    assert abnormal_returns(fitted(Model.MARKET, ZIGZAG, MARKET), np.array([0.05]), np.array([0.02])) == pytest.approx(
        [0.03]
    )


def test_a_model_with_a_benchmark_does_not_go_on_without_it():
    f = fitted(Model.MARKET_MODEL, MARKET + ZIGZAG, MARKET)
    with pytest.raises(ValueError, match="needs the benchmark's returns"):
        abnormal_returns(f, ZIGZAG)
    with pytest.raises(ValueError, match="needs the benchmark's returns"):
        car_variance(f, 3)


def test_car_variance_by_hand():
    mean = fitted(Model.MEAN, ZIGZAG)
    assert car_variance(mean, 4) == pytest.approx(0.004 / 39 * (4 + 16 / 40))
    adjusted = fitted(Model.MARKET, MARKET + ZIGZAG, MARKET)
    assert car_variance(adjusted, 4) == pytest.approx(0.004 / 39 * 4)
    model = fitted(Model.MARKET_MODEL, MARKET + ZIGZAG, MARKET)
    window = np.array([0.03, 0.01])
    assert car_variance(model, 2, window) == pytest.approx(0.004 / 38 * (2 + 4 / 40 + 0.04**2 / 0.016))


def test_car_variance_of_the_market_model_is_that_of_the_forecast_errors_of_least_squares():
    """1'(I + X* (X'X)^-1 X*')1 s2, from statsmodels' own covariance of the parameters."""
    rng = np.random.default_rng(1)
    market, noise = rng.normal(0.001, 0.012, 120), rng.normal(0, 0.01, 120)
    window = np.array([0.02, -0.01, 0.004, 0.03, -0.002])
    f = fitted(Model.MARKET_MODEL, 0.0003 + 0.8 * market + noise, market)
    ols = sm.OLS(0.0003 + 0.8 * market + noise, sm.add_constant(market)).fit()
    ones = np.array([5.0, window.sum()])
    assert [f.alpha, f.beta] == pytest.approx(ols.params)
    assert car_variance(f, 5, window) == pytest.approx(5 * ols.mse_resid + ones @ ols.cov_params() @ ones)


def test_one_session_of_the_market_model_is_the_forecast_error_of_least_squares():
    rng = np.random.default_rng(2)
    market = rng.normal(0, 0.01, 60)
    returns = market + rng.normal(0, 0.01, 60)
    ols = sm.OLS(returns, sm.add_constant(market)).fit()
    forecast = ols.get_prediction(np.array([[1.0, 0.05]]))
    f = fitted(Model.MARKET_MODEL, returns, market)
    assert car_variance(f, 1, np.array([0.05])) == pytest.approx(float(forecast.var_pred_mean[0] + ols.mse_resid))


def test_sessions_that_lack_either_are_left_out_and_stand_as_gaps():
    returns, market = ZIGZAG.copy(), MARKET.copy()
    returns[3], market[7] = np.nan, np.inf
    f = fitted(Model.MARKET_MODEL, returns, market)
    assert f.n == 38
    assert np.flatnonzero(np.isnan(f.residuals)).tolist() == [3, 7]


@pytest.mark.parametrize(
    ("model", "returns", "market", "reason"),
    [
        (Model.MEAN, ZIGZAG[:29], None, "29 sessions in the estimation window; at least 30 are needed"),
        (Model.MEAN, np.array([]), None, "0 sessions in the estimation window; at least 30 are needed"),
        (Model.MARKET, ZIGZAG, None, "no benchmark, which the model 'market' needs"),
        (Model.MARKET_MODEL, ZIGZAG, np.full(40, 0.001), "the benchmark does not move in the estimation window"),
        (Model.MARKET, MARKET, MARKET, "abnormal returns do not vary in the estimation window"),
        (Model.MARKET_MODEL, 2 * MARKET, MARKET, "abnormal returns do not vary in the estimation window"),
        (Model.MEAN, np.full(40, 0.1), None, "abnormal returns do not vary in the estimation window"),
        (Model.MEAN, np.zeros(40), None, "abnormal returns do not vary in the estimation window"),
    ],
)
def test_what_cannot_be_fitted_is_told(model, returns, market, reason):
    assert fit(model, returns, market) == reason


def test_thirty_sessions_are_enough():
    assert fitted(Model.MEAN, ZIGZAG[:30]).n == 30


def test_buy_and_hold_compounds_both():
    assert bhar(np.array([0.5, -0.5]), np.array([0.0, 0.0])) == pytest.approx(-0.25)
