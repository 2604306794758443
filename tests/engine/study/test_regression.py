"""Least squares with robust standard errors, against values worked by hand and statsmodels."""

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS

from engine.statistics.regression import Errors, regress

# y = 1 + 2 x + e with e = 1, -1, -1, 1: b = 2, a = 1. Sum of e^2 4, s^2 = 4 / 2 = 2, sum of squared x less mean 5.
X, Y = np.array([0.0, 1, 2, 3]), np.array([2.0, 2, 4, 8])


def test_by_hand():
    fitted = regress(Y, X)
    assert fitted.coefficients == pytest.approx([1, 2])
    assert fitted.r2 == pytest.approx(1 - 4 / 24)
    assert fitted.error(Errors.CLASSICAL) ** 2 == pytest.approx(2 / 5)
    # The scores of b are (x - 1.5) e: -1.5, 0.5, -0.5, 1.5; their squares sum to 5, over 5^2, times 4 / 2.
    assert fitted.error(Errors.HC1) ** 2 == pytest.approx(5 / 25 * 2)
    # Leverages 0.7, 0.3, 0.3, 0.7: (2.25 / 0.09 * 2 + 0.25 / 0.49 * 2) / 25.
    assert fitted.error(Errors.HC3) ** 2 == pytest.approx((50 + 0.5 / 0.49) / 25)
    # Neighbours: -0.75, -0.25, -0.75 (weight 5/6); two apart 0.75, 0.75 (4/6); three apart -2.25 (3/6); each twice.
    assert fitted.error(Errors.NEWEY_WEST) ** 2 == pytest.approx(
        (5 + 2 * (-1.75 * 5 / 6 + 1.5 * 4 / 6 - 2.25 / 2)) / 25
    )
    assert fitted.t(Errors.CLASSICAL) == pytest.approx(2 / 0.4**0.5)


@pytest.mark.parametrize("regressors", [1, 2])
def test_statsmodels_agrees(regressors):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((60, regressors))
    y = 0.3 + x @ [2.0, -1.0][:regressors] + rng.standard_t(4, 60) * (1 + abs(x[:, 0]))
    ours, theirs = regress(y, *x.T), OLS(y, np.column_stack((np.ones(60), x)))
    kinds = {
        Errors.CLASSICAL: theirs.fit(),
        Errors.HC1: theirs.fit(cov_type="HC1"),
        Errors.HC3: theirs.fit(cov_type="HC3"),
        Errors.NEWEY_WEST: theirs.fit(cov_type="HAC", cov_kwds={"maxlags": 5}),
    }
    assert ours.r2 == pytest.approx(kinds[Errors.CLASSICAL].rsquared)
    for kind, fitted in kinds.items():
        assert ours.t(kind) == pytest.approx(fitted.tvalues[1])
        if regressors == 2:
            assert ours.t(kind, 2) == pytest.approx(fitted.tvalues[2])


@pytest.mark.parametrize(
    ("x", "said"),
    [
        ([X[:2]], "2 rows; a regression with 2 coefficients needs at least 3"),
        ([np.full(4, 0.16)], "do not vary"),
        ([X, 2 * X + 1], "multiples of each other"),
        ([np.array([0, 1, np.nan, 2])], "no number"),
    ],
)
def test_what_cannot_be_fitted_is_refused(x, said):
    with pytest.raises(ValueError, match=said):
        regress(Y[: len(x[0])], *x)
