"""An oracle of the study's expected returns: one model fitted to one estimation window, and the variance of a CAR."""

from dataclasses import dataclass

import numpy as np

from datasets.arrays import Floats
from engine.study.settings import Model


@dataclass(frozen=True)
class Fit:
    """A model fitted to one estimation window.

    ``sd`` is the standard deviation of an abnormal return, a session: with ddof 1, of the market model the root of
    SSR / (T - 2). ``n`` is T, the sessions used. ``market_mean`` and ``market_ss`` (the sum of squares about that mean)
    are the benchmark's over them. ``residuals`` are abnormal returns, NaN on the sessions left out.
    """

    model: Model
    alpha: float
    beta: float
    sd: float
    n: int
    market_mean: float
    market_ss: float
    residuals: Floats


def fit(model: Model, returns: Floats, market: Floats | None = None) -> Fit:
    """Return a model fitted to the returns (T,) of an estimation window; a session without both returns is left out."""
    m = np.zeros(len(returns)) if market is None or model is Model.MEAN else market
    used = np.isfinite(returns + m)
    if not used.any():
        raise ValueError("0 sessions in the estimation window")
    r, m = returns[used], m[used]
    ss = float(((m - m.mean()) ** 2).sum())
    beta = float((r - r.mean()) @ (m - m.mean())) / ss if model is Model.MARKET_MODEL else float(model is Model.MARKET)
    alpha = 0.0 if model is Model.MARKET else float(r.mean() - beta * m.mean())
    residuals = np.full(len(returns), np.nan)
    residuals[used] = r - alpha - beta * m
    away = residuals[used] - residuals[used].mean()
    sd = float(np.sqrt((away**2).sum() / (len(r) - (2 if model is Model.MARKET_MODEL else 1))))
    return Fit(model, alpha, beta, sd, len(r), float(m.mean()), ss, residuals)


def abnormal_returns(fitted: Fit, returns: Floats, market: Floats) -> Floats:
    """Return the returns less what the fitted model expects; NaN where the asset or the benchmark has none."""
    return returns - fitted.alpha - fitted.beta * market


def car_variance(fitted: Fit, sessions: float, market_window: Floats | None = None) -> float:
    """Return the variance of an abnormal return cumulated over L sessions, estimation error included.

    The mean model: s2 (L + L2/T) (Brown and Warner 1985); market-adjusted: s2 L; the market model:
    s2 (L + L2/T + (sum of M - L mean(M))2 / Sxx) (Patell 1976; Campbell, Lo and MacKinlay 1997, chapter 4).
    """
    if fitted.model is Model.MARKET:
        return fitted.sd**2 * sessions
    factor = sessions + sessions**2 / fitted.n
    if fitted.model is Model.MARKET_MODEL and market_window is not None:
        factor += (float(market_window.sum()) - sessions * fitted.market_mean) ** 2 / fitted.market_ss
    return fitted.sd**2 * factor
