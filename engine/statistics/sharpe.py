"""Inference on a Sharpe ratio: probabilistic and deflated ratio, and the maximum of many trials.

Every ratio here is per period (a session, a month, an observation) and never annual; kurtosis is raw, 3 for a normal.
For a rule that trades on events the periods are its observations (`engine.statistics.observations`): days out of the
market carry no information about it.
"""

from collections.abc import Sequence
from functools import partial
from math import e, erfc, sqrt
from statistics import NormalDist

import numpy as np
from msgspec import Struct

from datasets.arrays import Floats
from engine.statistics.significance import counted, no_spread, why_not

MIN_FOR_MOMENTS = 30
"""Below so many observations skewness and kurtosis are noise, and a normal's are used."""
NORMAL = (0.0, 3.0)
_QUANTILE = NormalDist().inv_cdf


def probabilistic_sharpe(
    sharpe: float, n: int, *, benchmark: float = 0.0, skew: float = 0.0, kurtosis: float = 3.0
) -> float | str:
    """Return one minus the one-sided p-value of a Sharpe ratio against a benchmark (Bailey and López de Prado 2012).

    No probability that the true ratio is above it. Phi of (SR - SR*) times the root of (T - 1), over the root of
    1 - g3 SR + (g4 - 1) SR2 / 4.
    """
    spread = _variance(sharpe, skew, kurtosis)
    if n < 2:
        return f"{n} returns; at least 2 are needed"
    if spread <= 0:
        return _IMPOSSIBLE
    return erfc(-(sharpe - benchmark) * sqrt((n - 1) / spread) / sqrt(2)) / 2


def minimum_track_record(
    sharpe: float, *, benchmark: float = 0.0, confidence: float = 0.95, skew: float = 0.0, kurtosis: float = 3.0
) -> float | str:
    """Return the returns needed for a confidence (Bailey and López de Prado 2012), or why no number is enough.

    1 + (1 - g3 SR + (g4 - 1) SR2 / 4) (z / (SR - SR*))2.
    """
    spread = _variance(sharpe, skew, kurtosis)
    if sharpe <= benchmark:
        return f"a Sharpe ratio of {sharpe:.3g} does not exceed {benchmark:.3g}, however long the record"
    if spread <= 0:
        return _IMPOSSIBLE
    return 1 + spread * (_QUANTILE(confidence) / (sharpe - benchmark)) ** 2


_IMPOSSIBLE = "skewness and kurtosis that no returns can have together with this Sharpe ratio"


def _variance(sharpe: float, skew: float, kurtosis: float) -> float:
    """Return T - 1 times the variance of a Sharpe ratio (Mertens 2002); ``kurtosis`` is raw."""
    return 1 - skew * sharpe + (kurtosis - 1) * sharpe**2 / 4


def expected_maximum(n: int) -> float:
    """Return the expected maximum of n independent standard normals (Bailey and López de Prado 2014); 0 of one.

    (1 - g) Phi^-1(1 - 1/n) + g Phi^-1(1 - 1/(n e)), g Euler's constant.

    >>> round(expected_maximum(100), 7)
    2.5306029
    """
    if n < 2:
        return 0.0
    return (1 - np.euler_gamma) * _QUANTILE(1 - 1 / n) + np.euler_gamma * _QUANTILE(1 - 1 / (n * e))


class TradeSharpe(Struct, frozen=True):
    """The Sharpe ratio of observations and its inference; ``notes`` says by name why a number is None.

    ``n`` counts the observations and ``trials`` all that were tried, this one included. ``expected_maximum_sharpe`` is
    the largest Sharpe ratio expected of so many zero-skill trials (Bailey and López de Prado 2014): `expected_maximum`
    times the standard deviation of the trials' ratios. ``probabilistic`` and ``deflated`` are one minus
    the one-sided p-values of a ratio of 0 and of that maximum; ``minimum_trades`` is the number of
    observations at which the first is 95 %. ``skew`` and ``kurtosis`` (raw) are those used; below 30 observations a
    normal's, and the note "moments" says so.
    """

    n: int
    trials: int
    sharpe: float | None
    probabilistic: float | None
    expected_maximum_sharpe: float | None
    deflated: float | None
    minimum_trades: float | None
    skew: float
    kurtosis: float
    notes: dict[str, str]


def sharpe_of_trades(returns: Floats, *, trial_sharpes: Sequence[float | None] = ()) -> TradeSharpe:
    """Return the Sharpe ratio of observations, with T their number.

    Args:
        returns: (N,), one fraction an observation.
        trial_sharpes: per observation, of every distinct trial of the rule, this one included; None where not known.
            They count as independent, which makes ``deflated`` conservative where trials are alike.
    """
    known = [s for s in trial_sharpes if s is not None]
    sd = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return sharpe_after_trials(returns, trials=max(1, len(trial_sharpes)), known=len(known), sd=sd)


def sharpe_after_trials(returns: Floats, *, trials: int, known: int, sd: float | None) -> TradeSharpe:
    """Return the Sharpe ratio of observations, deflated for trials.

    Args:
        returns: (N,), one fraction an observation; T is N.
        trials: independent ones, this one included.
        known: the number of trials whose Sharpe ratios are known.
        sd: the standard deviation of these ratios (n - 1); None below two.
    """
    n, reason = len(returns), why_not(returns, least=2, test="a Sharpe ratio") or no_spread(returns)
    if reason:
        return _none(n, trials, reason)
    sharpe = float(np.mean(returns) / np.std(returns, ddof=1))
    skew, kurtosis = moments(returns) if len(returns) >= MIN_FOR_MOMENTS else NORMAL
    above = partial(probabilistic_sharpe, sharpe, n, skew=skew, kurtosis=kurtosis)
    maximum: float | str = f"Sharpe ratios of {known} of {trials:,} trials are known; at least 2 are needed"
    if trials == 1 or sd is not None:
        maximum = expected_maximum(trials) * (sd or 0.0)
    inferred = {
        "probabilistic": above(),
        "expected_maximum_sharpe": maximum,
        "deflated": maximum if isinstance(maximum, str) else above(benchmark=maximum),
        "minimum_trades": minimum_track_record(sharpe, skew=skew, kurtosis=kurtosis),
    }
    notes = {name: value for name, value in inferred.items() if isinstance(value, str)}
    if len(returns) < MIN_FOR_MOMENTS:
        notes["moments"] = (
            f"skewness and kurtosis of {len(returns)} observations (below {MIN_FOR_MOMENTS}): a normal's are used"
        )
    numbers = {name: None if isinstance(value, str) else value for name, value in inferred.items()}
    return TradeSharpe(n, trials, sharpe, **numbers, skew=skew, kurtosis=kurtosis, notes=notes)


def of_enough(found: TradeSharpe, least: int) -> TradeSharpe:
    """Return the same, without its numbers where they are of fewer than ``least`` observations."""
    if found.n >= least or found.sharpe is None:
        return found
    return _none(found.n, found.trials, f"{counted(found.n)}; at least {least} are needed")


def _none(n: int, trials: int, reason: str) -> TradeSharpe:
    names = ("sharpe", "probabilistic", "expected_maximum_sharpe", "deflated", "minimum_trades")
    return TradeSharpe(n, trials, None, None, None, None, None, *NORMAL, notes=dict.fromkeys(names, reason))


def moments(returns: Floats) -> tuple[float, float]:
    """Return skewness and raw kurtosis, of the moments about the mean over N.

    >>> moments(np.array([-1.0, 1.0]))
    (0.0, 1.0)
    """
    z = (returns - returns.mean()) / returns.std()
    return float((z**3).mean()), float((z**4).mean())
