"""What quantstats 0.0.86 reckons, worked again from its own conventions: a difference is explained when this meets it.

Nothing here is shown as a number of ours. Each function takes the series as ``performance.Series`` and returns what
quantstats' table holds, in its units before rounding: fractions in %.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from math import ceil, erf, exp, log, pi, sqrt

import numpy as np

from datasets.instants import to_date
from datasets.prices.bars import Floats
from engine.metrics.metrics import drawdown, grouped_returns, session_rate, total_return
from engine.metrics.performance import Series, autocorrelation_penalty, familiar_numbers, months_before
from engine.metrics.return_metrics import Number, beta, excess_kurtosis, skew

_NORMAL_5 = -1.6448536269514722
"""The 5 % quantile of the standard normal distribution."""
USUAL_YEAR = 252


@dataclass(frozen=True, eq=False)
class Theirs:
    """A series as quantstats sees it, ``periods`` a year; the penalty of the ``first`` column is given to all."""

    series: Series
    periods: int
    first: Series

    @property
    def returns(self) -> Floats:
        """The returns as they are."""
        return self.series.returns

    @property
    def excess(self) -> Floats:
        """Returns less the cash rate of one of ``periods``; a rate below 0 is left out."""
        return self.returns - session_rate(max(0.0, self.series.cash_rate), self.periods)


def cagr(returns: Floats, periods: int) -> float:
    """Return growth to the power of periods over rows: a row counts as a period, whatever days lie between."""
    return float(abs(1 + total_return(returns)) ** (periods / len(returns)) - 1)


def sharpe(t: Theirs) -> float:
    """Return the Sharpe ratio at a whole number of sessions a year."""
    return float(t.excess.mean() / t.excess.std(ddof=1) * sqrt(t.periods))


def sortino(t: Theirs) -> float:
    """Return the Sortino ratio at a whole number of sessions a year."""
    return float(t.excess.mean() / np.sqrt(np.mean(np.minimum(t.excess, 0) ** 2)) * sqrt(t.periods))


def penalty(t: Theirs) -> float:
    """Return the penalty of the first column's excess returns."""
    return autocorrelation_penalty(first_excess(t))


def first_excess(t: Theirs) -> Floats:
    """Return the excess returns of the first column."""
    return t.first.returns - session_rate(max(0.0, t.series.cash_rate), t.periods)


def probabilistic_sharpe(t: Theirs) -> float:
    """Return Bailey and López de Prado's with the ratio of excess returns and the shape of the raw ones."""
    ratio = sharpe(t) / sqrt(t.periods)
    lean, tails = skew(t.returns), excess_kurtosis(t.returns)
    assert not isinstance(lean, str) and not isinstance(tails, str)
    spread = (1 - lean * ratio + (tails + 2) / 4 * ratio**2) / (len(t.returns) - 1)
    return 50 * (1 + erf(ratio / sqrt(2 * spread)))


def exposure(t: Theirs) -> float:
    """Return the share of days whose return is not 0, rounded up to a whole per cent."""
    return float(ceil(float((t.returns != 0).mean()) * 100))


def risk_adjusted_return(t: Theirs) -> float:
    """Return the CAGR of excess returns at 252 rows a year over their exposure."""
    share = ceil(float((t.excess != 0).mean()) * 100) / 100
    return 100 * cagr(t.excess, USUAL_YEAR) / share


def gain_to_pain_monthly(t: Theirs) -> float:
    """Return the sum over the losses of months whose days were summed, the cash rate left out."""
    month = t.series.sessions.astype("datetime64[M]")
    sums = np.array([t.returns[month == m].sum() for m in np.unique(month)])
    return float(sums.sum() / -sums[sums < 0].sum())


def gain_to_pain(t: Theirs) -> float:
    """Return the sum of the days over that of the losing ones, the cash rate left out."""
    return float(t.returns.sum() / -t.returns[t.returns < 0].sum())


def ulcer_index(t: Theirs) -> float:
    """Return the root of the sum of squared drawdowns over n - 1."""
    below = drawdown(t.returns)
    return float(np.sqrt((below**2).sum() / (len(below) - 1)))


def deepest(t: Theirs) -> float:
    """Return the deepest drawdown, positive."""
    return -float(drawdown(t.returns).min(initial=0.0))


def max_drawdown(t: Theirs) -> Number:
    """Return the deepest drawdown of those it sees, in %."""
    return -100 * deepest(t) if falls(t) else "not seen"


def value_at_risk(t: Theirs) -> float:
    """Return the 5 % quantile of a normal distribution, and a minus before it whatever its sign."""
    return -100 * abs(float(t.returns.mean() + _NORMAL_5 * t.returns.std(ddof=1)))


def expected_shortfall(t: Theirs) -> float:
    """Return the mean beyond that quantile of a normal distribution, and a minus before it."""
    return -100 * abs(_normal_shortfall(t.returns))


def _normal_shortfall(values: Floats) -> float:
    density = exp(-(_NORMAL_5**2) / 2) / sqrt(2 * pi)
    return float(values.mean() - values.std(ddof=1) * density / 0.05)


def profit_ratio(t: Theirs) -> float:
    """Return the ratio of days with those of 0 counted as gains."""
    won, lost = t.returns[t.returns >= 0], t.returns[t.returns < 0]
    return float((won.mean() / len(won)) / (-lost.mean() / len(lost)))


def outlier_win_ratio(t: Theirs) -> float:
    """Return the 99 % quantile over the mean of the days that did not lose."""
    return float(np.quantile(t.returns, 0.99) / t.returns[t.returns >= 0].mean())


def serenity(t: Theirs) -> float:
    """Return the sum of returns less the yearly rate, over ulcer index times the drawdowns' normal shortfall."""
    pitfall = -_normal_shortfall(drawdown(t.returns)) / float(t.returns.std(ddof=1))
    return float((t.returns.sum() - t.series.cash_rate) / (ulcer_index(t) * pitfall))


def information_ratio(t: Theirs) -> float:
    """Return mean over deviation of the active returns of a day, not of a year; 0 where there are none."""
    assert t.first.benchmark is not None
    active = t.first.returns - t.first.benchmark
    spread = float(active.std(ddof=1))
    return float(active.mean()) / spread if spread else 0.0


def treynor(t: Theirs) -> float:
    """Return the total return less the yearly rate, over beta."""
    assert t.series.benchmark is not None
    slope = beta(t.returns, t.series.benchmark)
    assert not isinstance(slope, str)
    return 100 * (total_return(t.returns) - t.series.cash_rate) / slope


def since(months: int, yearly: bool) -> Callable[[Theirs], float]:
    """Return the return since a day so many months before the last, that day's own return included."""

    def of(t: Theirs) -> float:
        start = months_before(to_date(t.series.sessions[-1]), months)
        part = t.returns[t.series.sessions >= np.datetime64(start, "D")]
        return 100 * (cagr(part, t.periods) if yearly else total_return(part))

    return of


@dataclass(frozen=True)
class Fall:
    """A drawdown as quantstats dates it: from its first to its last day under water; ``days`` counts both."""

    first: date
    last: date
    depth: float
    days: int
    lowest: date


def falls(t: Theirs) -> list[Fall]:
    """Return the drawdowns; a single one that begins on the first day is not there."""
    below = drawdown(t.returns)
    edge = np.flatnonzero(np.diff(np.concatenate(([0], (below < 0).astype(np.int8), [0]))))
    edge = edge if edge.tolist()[:1] != [0] or len(edge) > 2 else edge[:0]
    found = []
    for a, b in zip(edge[::2], edge[1::2], strict=True):
        first, last = to_date(t.series.sessions[a]), to_date(t.series.sessions[b - 1])
        low = to_date(t.series.sessions[a + int(below[a:b].argmin())])
        found.append(Fall(first, last, float(below[a:b].min()), (last - first).days + 1, low))
    return found


def cleaned(name: str) -> Callable[[Theirs], Number]:
    """Return one of our own numbers, at a whole number of sessions a year."""

    def of(t: Theirs) -> Number:
        return familiar_numbers(t.series)[name]

    return of


def monthly_mean(t: Theirs, sign: int) -> float:
    """Return the mean of the months of one sign, in %."""
    months = np.array(list(grouped_returns(t.series.sessions, t.returns, "monthly").values()))
    return 100 * float(months[sign * months > 0].mean())


def ruin(t: Theirs) -> float:
    """Return the probability of ruin as if every day were a bet of all there is."""
    moved = t.returns[t.returns != 0]
    share = float((moved > 0).mean())
    return float(exp(len(t.returns) * log((1 - share) / (1 + share)))) if share < 1 else 0.0


def average_fall(t: Theirs) -> float:
    """Return the mean days of the drawdowns, rounded to a whole number."""
    return float(np.round(np.mean([f.days for f in falls(t)])))


def omega(t: Theirs) -> float:
    """Return Omega of the excess returns at a whole number of sessions a year."""
    return float(t.excess[t.excess > 0].sum() / -t.excess[t.excess < 0].sum())


def total_less_rate(t: Theirs) -> float:
    """Return the total return less the yearly cash rate, however long the span."""
    return total_return(t.returns) - t.series.cash_rate


def product(*names: str) -> Callable[[Theirs], Number]:
    """Return the product of some of our own numbers."""

    def of(t: Theirs) -> Number:
        found = familiar_numbers(t.series)
        values = [found[n] for n in names]
        reasons = [v for v in values if isinstance(v, str)]
        return reasons[0] if reasons else float(np.prod([v for v in values if not isinstance(v, str)]))

    return of


def r_squared(t: Theirs) -> Number:
    """Return R² of the first column, which stands in every column."""
    return familiar_numbers(t.first)["r_squared"]


def alpha(t: Theirs) -> float:
    """Return alpha times a whole number of sessions a year."""
    assert t.series.benchmark is not None
    slope = beta(t.returns, t.series.benchmark)
    assert not isinstance(slope, str)
    return float((t.returns.mean() - slope * t.series.benchmark.mean()) * t.periods)
