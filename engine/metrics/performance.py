"""The numbers a performance sheet is expected to show, each with one stated definition, or the reason why it has none.

Beyond those of ``metrics`` and ``return_metrics``: ratios, periods back from the last session, streaks
and shares. Rates are yearly only where said; a yearly one is given only over a year or more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from math import erf, sqrt

import numpy as np

from datasets.instants import Sessions, to_date
from datasets.prices.bars import Flags, Floats
from engine.metrics.metrics import (
    cagr,
    drawdown,
    drawdowns,
    grouped_returns,
    session_rate,
    sessions_per_year,
    sharpe,
    sortino,
    span_days,
    total_return,
    volatility,
)
from engine.metrics.return_metrics import (
    Number,
    beside_benchmark,
    beta,
    excess_kurtosis,
    payoff_ratio,
    periods_won,
    return_metrics,
    skew,
    ulcer_index,
    winning,
)


@dataclass(frozen=True, eq=False)
class Series:
    """One account day by day: ``held`` says in which sessions it had a position; None for a benchmark, always held."""

    sessions: Sessions
    returns: Floats
    cash_rate: float = 0.0
    held: Flags | None = None
    benchmark: Floats | None = None

    @property
    def excess(self) -> Floats:
        """Returns less the cash rate of a session."""
        return self.returns - session_rate(self.cash_rate, self.per_year)

    @property
    def per_year(self) -> float:
        """The realised sessions a year."""
        return sessions_per_year(self.sessions)


def familiar_numbers(series: Series) -> dict[str, Number]:
    """Return every number by name; a text is the reason why one is not there."""
    return {
        **_rates(series),
        **return_metrics(series.sessions, series.returns),
        **_ratios(series),
        **_days(series),
        **_periods_back(series),
        **_drawdowns(series),
        **_won(series),
        **_beside(series),
    }


def _rates(s: Series) -> dict[str, Number]:
    yearly = cagr(s.returns, span_days(s.sessions))
    share = 1.0 if s.held is None else float(s.held.mean())
    return {
        "exposure": share,
        "total_return": total_return(s.returns),
        "cagr": yearly,
        "risk_adjusted_return": yearly if isinstance(yearly, str) else yearly / share if share else "never held",
        "volatility": volatility(s.returns, s.per_year),
        "max_drawdown": float(drawdown(s.returns).min(initial=0.0)),
    }


def _ratios(s: Series) -> dict[str, Number]:
    found, penalty = {"sharpe": sharpe(s.excess, s.per_year)}, autocorrelation_penalty(s.excess)
    found["sortino"] = sortino(s.excess, s.per_year)
    return {
        **found,
        "smart_sharpe": _over(found["sharpe"], penalty),
        "smart_sortino": _over(found["sortino"], penalty),
        "adjusted_sortino": _over(found["sortino"], sqrt(2)),
        "smart_adjusted_sortino": _over(found["sortino"], penalty * sqrt(2)),
        "probabilistic_sharpe": probabilistic_sharpe(s.excess),
        "omega": gains_over_losses(s.excess),
        "gain_to_pain": gain_to_pain(s.excess),
        "gain_to_pain_monthly": gain_to_pain(_monthly_excess(s)),
        "ulcer_performance": ulcer_performance(s),
        "tail_ratio": tail_ratio(s.returns),
        "profit_factor_days": gains_over_losses(s.returns),
        "profit_ratio": profit_ratio(s.returns),
        "outlier_win_ratio": _over_mean(s.returns, 0.99, s.returns > 0, "no winning day"),
        "outlier_loss_ratio": _over_mean(s.returns, 0.01, s.returns < 0, "no losing day"),
        "risk_return_ratio": _over(sharpe(s.returns, s.per_year), sqrt(s.per_year) or 1.0),
        "kelly": kelly(s.returns),
    }


def _over(number: Number, by: float) -> Number:
    return number if isinstance(number, str) else number / by


def _monthly_excess(s: Series) -> Floats:
    months = np.array(list(grouped_returns(s.sessions, s.returns, "monthly").values()))
    excess: Floats = months - ((1 + s.cash_rate) ** (1 / 12) - 1)
    return excess


def autocorrelation_penalty(returns: Floats) -> float:
    """Return by how much returns that follow one another make a deviation look too small (after Lo 2002).

    The root of 1 + 2 times the sum of (n - k) / n times the k-th power of the absolute first autocorrelation.
    """
    n = len(returns)
    if n < 3 or float(np.ptp(returns[:-1])) == 0 or float(np.ptp(returns[1:])) == 0:
        return 1.0
    first = abs(float(np.corrcoef(returns[:-1], returns[1:])[0, 1]))
    k = np.arange(1, n)
    return float(np.sqrt(1 + 2 * np.sum((n - k) / n * first**k)))


def probabilistic_sharpe(excess: Floats) -> Number:
    """Return the probability that the true Sharpe ratio exceeds 0 (Bailey and López de Prado 2012)."""
    ratio, lean, tails = sharpe(excess, 1.0), skew(excess), excess_kurtosis(excess)
    for number in (ratio, lean, tails):
        if isinstance(number, str):
            return number
    assert not isinstance(ratio, str) and not isinstance(lean, str) and not isinstance(tails, str)
    spread = (1 - lean * ratio + (tails + 2) / 4 * ratio**2) / (len(excess) - 1)
    return 0.5 * (1 + erf(ratio / sqrt(2 * spread))) if spread > 0 else "its variance would not be positive"


def gains_over_losses(values: Floats) -> Number:
    """Return the sum of the gains over that of the losses; of excess returns that is Omega at the cash rate."""
    losses = -float(values[values < 0].sum())
    return float(values[values > 0].sum()) / losses if losses > 0 else "no loss"


def gain_to_pain(values: Floats) -> Number:
    """Return the sum of all values over the sum of the losses (Schwager 2012)."""
    losses = -float(values[values < 0].sum())
    return float(values.sum()) / losses if losses > 0 else "no loss"


def ulcer_performance(s: Series) -> Number:
    """Return CAGR less the cash rate over the ulcer index (Martin and McCann 1989)."""
    yearly, pain = cagr(s.returns, span_days(s.sessions)), ulcer_index(drawdown(s.returns))
    if isinstance(yearly, str) or isinstance(pain, str):
        return yearly if isinstance(yearly, str) else pain
    return (yearly - s.cash_rate) / pain if pain > 0 else "no drawdown"


def treynor(s: Series, benchmark: Floats) -> Number:
    """Return CAGR less the cash rate over beta (Treynor 1965)."""
    yearly, slope = cagr(s.returns, span_days(s.sessions)), beta(s.returns, benchmark)
    if isinstance(yearly, str) or isinstance(slope, str):
        return yearly if isinstance(yearly, str) else slope
    return (yearly - s.cash_rate) / slope if slope else "beta is 0"


def tail_ratio(returns: Floats) -> Number:
    """Return the 95 % quantile over the 5 % one, both without their sign."""
    high, low = np.quantile(returns, [0.95, 0.05])
    return float(abs(high / low)) if low != 0 else "the 5 % quantile is 0"


def profit_ratio(returns: Floats) -> Number:
    """Return the mean gain over the number of gains, over the same of the losses; days that did not move are neither.

    >>> profit_ratio(np.array([0.0] * 90 + [0.02] * 5 + [-0.01] * 5))
    2.0
    """
    won, lost = returns[returns > 0], returns[returns < 0]
    if not len(won) or not len(lost):
        return "needs a gain and a loss"
    return float((won.mean() / len(won)) / (-lost.mean() / len(lost)))


def _over_mean(returns: Floats, quantile: float, among: Flags, none: str) -> Number:
    return float(np.quantile(returns, quantile) / returns[among].mean()) if among.any() else none


def kelly(returns: Floats) -> Number:
    """Return Kelly's share of the days that moved, as if they were bets: p - (1 - p) / payoff (Kelly 1956)."""
    share, payoff = winning(returns), payoff_ratio(returns)
    if isinstance(share, str) or isinstance(payoff, str):
        return share if isinstance(share, str) else payoff
    return share - (1 - share) / payoff


def _days(s: Series) -> dict[str, Number]:
    moved = s.returns[s.returns != 0]
    return {
        "average_day": float(moved.mean()) if len(moved) else "nothing moved",
        "expected_day": _geometric(s.returns),
        "expected_month": _geometric(_of(s, "monthly")),
        "expected_year": _geometric(_of(s, "yearly")),
        "winning_streak": float(_longest(s.returns > 0)),
        "losing_streak": float(_longest(s.returns < 0)),
    }


def _of(s: Series, period: str) -> Floats:
    return np.array(list(grouped_returns(s.sessions, s.returns, period).values()))


def _geometric(values: Floats) -> Number:
    grown = 1 + total_return(values)
    return float(grown ** (1 / len(values)) - 1) if len(values) and grown > 0 else "the account was lost"


def _longest(flags: Flags) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _periods_back(s: Series) -> dict[str, Number]:
    """Return compounded returns of the sessions after the same day so many months before the last; yearly from 3 years.

    A year back from 4 July has the sessions from 5 July on: 365 days and not 366.
    """
    last = to_date(s.sessions[-1])
    found: dict[str, Number] = {
        "month_to_date": total_return(s.returns[s.sessions >= np.datetime64(last.replace(day=1), "D")]),
        "year_to_date": total_return(s.returns[s.sessions >= np.datetime64(date(last.year, 1, 1), "D")]),
    }
    for name, months in (("months_3", 3), ("months_6", 6), ("months_12", 12)):
        found[name] = _since(s, months_before(last, months), lambda r, _: total_return(r))
    for name, years in (("years_3", 3), ("years_5", 5), ("years_10", 10)):
        found[name] = _since(s, months_before(last, 12 * years), cagr)
    return found


def _since(s: Series, start: date, number: Callable[[Floats, int], Number]) -> Number:
    """Return a number of the returns after a date, over the days since; a reason where the account is younger."""
    if to_date(s.sessions[0]) > start:
        return f"the account begins {to_date(s.sessions[0])}"
    days = (to_date(s.sessions[-1]) - start).days
    return number(s.returns[s.sessions > np.datetime64(start, "D")], days)


def months_before(day: date, months: int) -> date:
    """Return the same day so many months before, or the last of that month where it has no such day.

    >>> months_before(date(2024, 3, 31), 1)
    datetime.date(2024, 2, 29)
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    following = np.datetime64(f"{year + (month + 1) // 12}-{(month + 1) % 12 + 1:02d}-01", "D")
    return date(year, month + 1, min(day.day, to_date(following - 1).day))


def _drawdowns(s: Series) -> dict[str, Number]:
    found = drawdowns(s.sessions, s.returns)
    if not found:
        return dict.fromkeys(("average_drawdown", "average_drawdown_days"), "no drawdown")
    return {
        "average_drawdown": float(np.mean([d.depth for d in found])),
        "average_drawdown_days": float(np.mean([d.days for d in found])),
    }


def _won(s: Series) -> dict[str, Number]:
    months = _of(s, "monthly")
    return {
        "average_up_month": float(months[months > 0].mean()) if (months > 0).any() else "no winning month",
        "average_down_month": float(months[months < 0].mean()) if (months < 0).any() else "no losing month",
        "winning_quarters": periods_won(s.sessions, s.returns, "quarterly"),
        "winning_years": periods_won(s.sessions, s.returns, "yearly"),
    }


def _beside(s: Series) -> dict[str, Number]:
    if s.benchmark is None:
        return {}
    return {**beside_benchmark(s.sessions, s.returns, s.benchmark), "treynor": treynor(s, s.benchmark)}
