"""Abnormal returns: what is left of a return when a model of the estimation window has had its say."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from datasets.prices.bars import Floats

MIN_ESTIMATION = 30
_ROUNDING = 1e-12


class Model(StrEnum):
    """What would have been earned without the event."""

    MEAN = "mean"
    """The asset's own mean return (Brown and Warner 1980, 1985)."""
    MARKET = "market"
    """The benchmark's return of the same session (Brown and Warner 1980, 1985)."""
    MARKET_MODEL = "market-model"
    """alpha + beta times the benchmark's return, by least squares (MacKinlay 1997)."""


@dataclass(frozen=True)
class Fit:
    """A model fitted to one estimation window.

    ``sd`` is the standard deviation of an abnormal return, a session: with ddof 1, of the market model the root of
    SSR / (T - 2). ``n`` is T, the sessions used. ``market_mean`` and ``market_ss`` (the sum of squares about that mean)
    are the benchmark's over them; None where the model has no benchmark. ``residuals`` are abnormal returns, one for
    each session given, NaN on those left out.
    """

    model: Model
    alpha: float
    beta: float
    sd: float
    n: int
    market_mean: float | None
    market_ss: float | None
    residuals: Floats


def fit(model: Model, returns: Floats, market: Floats | None = None) -> Fit | str:
    """Return a model fitted to the returns of an estimation window, or why it cannot be.

    ``returns`` and ``market`` (the benchmark) are fractions a session, of the same shape (T,); a session that lacks
    either is left out.
    """
    if model is Model.MEAN:
        market = None
    elif market is None:
        return f"no benchmark, which the model {model.value!r} needs"
    used: NDArray[np.bool_] = np.isfinite(returns if market is None else returns + market)
    n = int(used.sum())
    if n < MIN_ESTIMATION:
        return f"{n} sessions in the estimation window; at least {MIN_ESTIMATION} are needed"
    if market is not None and _flat(market[used]):
        return "the benchmark does not move in the estimation window"
    return _fitted(model, returns, market, used=used)


def _fitted(model: Model, returns: Floats, market: Floats | None, *, used: NDArray[np.bool_]) -> Fit | str:
    r, m = returns[used], None if market is None else market[used]
    alpha, beta = _line(model, r, m)
    residuals = np.full(len(returns), np.nan)
    residuals[used] = r - alpha if m is None else r - alpha - beta * m
    freedom = len(r) - (2 if model is Model.MARKET_MODEL else 1)
    deviations = residuals[used] - residuals[used].mean()
    sd = float(np.sqrt((deviations**2).sum() / freedom))
    if sd <= _ROUNDING * float(np.abs(r).max()):
        return "abnormal returns do not vary in the estimation window"
    mean, ss = (None, None) if m is None else (float(m.mean()), _sum_of_squares(m))
    return Fit(model, alpha, beta, sd, len(r), mean, ss, residuals)


def _line(model: Model, r: Floats, m: Floats | None) -> tuple[float, float]:
    """Return alpha and beta."""
    if m is None:
        return float(r.mean()), 0.0
    if model is Model.MARKET:
        return 0.0, 1.0
    beta = float((r - r.mean()) @ (m - m.mean())) / _sum_of_squares(m)
    return float(r.mean() - beta * m.mean()), beta


def _sum_of_squares(x: Floats) -> float:
    return float(((x - x.mean()) ** 2).sum())


def _flat(x: Floats) -> bool:
    return float(np.ptp(x)) <= _ROUNDING * float(np.abs(x).max())


def abnormal_returns(fit: Fit, returns: Floats, market: Floats | None = None) -> Floats:
    """Return the returns less what the fitted model expects; NaN where the asset or the benchmark has none.

    Raises:
        ValueError: the model has a benchmark and no returns of it are given.
    """
    return returns - fit.alpha if fit.model is Model.MEAN else returns - fit.alpha - fit.beta * _given(fit, market)


def car_variance(fit: Fit, sessions: float, market_window: Floats | None = None) -> float:
    """Return the variance of an abnormal return cumulated over L sessions, estimation error included.

    The mean model: s2 (L + L2/T) (Brown and Warner 1985); market-adjusted: s2 L; the market model:
    s2 (L + L2/T + (sum of M - L mean(M))2 / Sxx) (Patell 1976; Campbell, Lo and MacKinlay 1997, chapter 4). Abnormal
    returns are taken as independent from session to session.

    Args:
        fit: the model and its estimation window.
        sessions: L, the sessions held; it need not be whole.
        market_window: returns of the benchmark over the window, whose sum alone counts; only the market model needs it.

    Raises:
        ValueError: the market model without ``market_window``.
    """
    if fit.model is Model.MARKET:
        return fit.sd**2 * sessions
    factor = sessions + sessions**2 / fit.n
    if fit.market_mean is None or fit.market_ss is None:
        return fit.sd**2 * factor
    away = float(_given(fit, market_window).sum()) - sessions * fit.market_mean
    return fit.sd**2 * (factor + away**2 / fit.market_ss)


def _given(fit: Fit, market: Floats | None) -> Floats:
    if market is None:
        raise ValueError(f"the model {fit.model.value!r} needs the benchmark's returns")
    return market


def bhar(returns: Floats, benchmark: Floats) -> float:
    """Return the buy-and-hold abnormal return of one window (Barber and Lyon 1997), as a fraction.

    >>> round(bhar(np.array([0.10, 0.10]), np.array([0.05, 0.05])), 6)
    0.1075
    """
    return float(np.prod(1 + returns) - np.prod(1 + benchmark))
