"""Least squares of one or two regressors, with standard errors for errors that are not alike or not independent."""

from collections.abc import Mapping
from enum import StrEnum

import numpy as np
from msgspec import Struct

from datasets.arrays import Floats

NEWEY_WEST_LAGS = 5
"""Lags of Newey and West's covariance, with Bartlett's weights 1 - l/6: a trading week, the same for every length."""
_ROUNDING = 1e-12


class Errors(StrEnum):
    """What the standard errors of a regression allow for."""

    CLASSICAL = "OLS"
    """Nothing: the errors are alike and independent."""
    HC1 = "HC1"
    """Errors that are not alike, times n / (n - k) (MacKinnon and White 1985)."""
    HC3 = "HC3"
    """The same, each residual over 1 - its leverage: near its level with few observations (Long and Ervin 2000)."""
    NEWEY_WEST = "Newey-West"
    """Errors that are not alike and depend on those of the last 5 rows (Newey and West 1987)."""


class Regression(Struct, frozen=True, eq=False):
    """y = a + b1 x1 (+ b2 x2) + e by least squares.

    ``coefficients`` (k,), the constant first; ``covariances`` (k, k) of each kind; ``r2`` is NaN where y does not vary.
    """

    n: int
    coefficients: Floats
    covariances: Mapping[Errors, Floats]
    r2: float

    @property
    def slope(self) -> float:
        """The coefficient of the first regressor."""
        return float(self.coefficients[1])

    @property
    def half_width(self) -> float:
        """Half of the slope's 90 % interval (HC3, Student's t)."""
        from scipy.special import stdtrit  # noqa: PLC0415 - not needed, and slow to import, for the coefficients

        return float(stdtrit(self.n - len(self.coefficients), 0.95)) * self.error(Errors.HC3)

    def error(self, kind: Errors, which: int = 1) -> float:
        """Return the standard error of a coefficient; 1 is the slope."""
        return float(np.sqrt(self.covariances[kind][which, which]))

    def t(self, kind: Errors, which: int = 1) -> float:
        """Return the t statistic of a coefficient; NaN where its error is zero."""
        error = self.error(kind, which)
        return float(self.coefficients[which]) / error if error > 0 else float("nan")


def regress(y: Floats, *x: Floats) -> Regression:
    """Return the regression of y (n,) on a constant and one or two regressors (n,).

    Raises:
        ValueError: no more rows than coefficients, a value that is no number, regressors that do not vary or are
            multiples of each other.
    """
    design = np.column_stack((np.ones(len(y)), *x))
    n, k = design.shape
    if n <= k:
        raise ValueError(f"{n} rows; a regression with {k} coefficients needs at least {k + 1}")
    if not (np.isfinite(design).all() and np.isfinite(y).all()):
        raise ValueError("a row of the regression holds a value that is no number")
    centred = design[:, 1:] - design[:, 1:].mean(axis=0)
    if (
        np.linalg.matrix_rank(centred) < k - 1
        or (np.ptp(centred, axis=0) <= _ROUNDING * abs(design[:, 1:]).max()).any()
    ):
        raise ValueError("the regressors do not vary, or are multiples of each other")
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ y
    residuals = y - design @ coefficients
    total = float(((y - y.mean()) ** 2).sum())
    r2 = 1 - float(residuals @ residuals) / total if total > 0 else float("nan")
    return Regression(n, coefficients, _covariances(design, residuals, inverse), r2)


def _covariances(design: Floats, residuals: Floats, inverse: Floats) -> dict[Errors, Floats]:
    """Return the covariance of the coefficients of each kind; ``inverse`` is (X'X)^-1."""
    n, k = design.shape
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    scores = design * residuals[:, None]
    jackknifed = scores / np.maximum(1 - leverage, _ROUNDING)[:, None]
    long_run = scores.T @ scores
    for lag in range(1, min(NEWEY_WEST_LAGS, n - 1) + 1):
        across = scores[lag:].T @ scores[:-lag]
        long_run = long_run + (1 - lag / (NEWEY_WEST_LAGS + 1)) * (across + across.T)
    middle = {
        Errors.HC1: scores.T @ scores * n / (n - k),
        Errors.HC3: jackknifed.T @ jackknifed,
        Errors.NEWEY_WEST: long_run,
    }
    classical: Floats = inverse * float(residuals @ residuals) / (n - k)
    return {Errors.CLASSICAL: classical, **{kind: inverse @ m @ inverse for kind, m in middle.items()}}
