"""The performance metrics of a series of daily returns, beyond the headline: one table, each with one definition.

Rates are yearly only where the label says so; a yearly one is given only over a year or more.
"""

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from math import erf, sqrt
from statistics import fmean

import numpy as np
from msgspec import Struct

from datasets.arrays import Floats, Sessions
from datasets.instants import to_date
from engine.account.records import Trade
from engine.metrics.metrics import (
    Drawdown,
    Number,
    buy_and_hold_metrics,
    cagr,
    drawdown,
    drawdowns,
    grouped_returns,
    session_rate,
    sessions_per_year,
    sharpe,
    total_return,
)
from engine.metrics.return_metrics import (
    beta,
    correlation,
    excess_kurtosis,
    expected_shortfall,
    information_ratio,
    skew,
    ulcer_index,
    value_at_risk,
)
from engine.metrics.table import COUNT, PERCENT, RATIO, Metric, Metrics, NotAvailable, Requirement, Unit, metrics_of

NS_PER_DAY = 86_400e9
Trades = Sequence[Trade]
TradesOf = Metric[Trades]

_ANY = (Requirement[Trades](bool, lambda _: "no trades"),)
_GAINED = (*_ANY, Requirement[Trades](lambda trades: _gross(trades) > 0, lambda _: "no gain before costs"))


def _costs(trades: Trades) -> float:
    return sum(t.costs for t in trades)


def _gross(trades: Trades) -> float:
    return sum(t.pnl for t in trades) + _costs(trades)


def _holding_period(trades: Trades) -> float:
    return fmean((t.exit_at - t.entry_at) / NS_PER_DAY for t in trades)


MORE_TRADE_METRICS = (
    TradesOf(
        "n_events",
        "Events traded",
        Unit.COUNT,
        0,
        lambda c: len({t.event_id for t in c if t.event_id}),
        (),
        "with a trade",
    ),
    TradesOf("best_trade", "Best trade", Unit.PERCENT, 1, lambda c: max(t.return_ for t in c), _ANY, "net return"),
    TradesOf("worst_trade", "Worst trade", Unit.PERCENT, 1, lambda c: min(t.return_ for t in c), _ANY, "net return"),
    TradesOf("days_held", "Average holding period", Unit.DAYS, 0, _holding_period, _ANY, "calendar days"),
    TradesOf("pnl", "P&L", Unit.MONEY, 1, lambda c: sum(t.pnl for t in c), (), "net, account currency"),
    TradesOf("costs", "Costs", Unit.MONEY, -1, _costs, (), "commission, slippage and borrow fee"),
    TradesOf(
        "costs_of_mean",
        "Cost drag",
        Unit.PERCENT,
        -1,
        lambda c: _costs(c) / _gross(c),
        _GAINED,
        "of the P&L before costs",
    ),
)


def more_trade_metrics(trades: Trades) -> Metrics:
    """Return ``MORE_TRADE_METRICS`` of some trades."""
    return metrics_of(MORE_TRADE_METRICS, trades)


class Series(Struct, frozen=True, eq=False, dict=True):
    """Daily returns of an account, with its portfolio metrics, or of a benchmark, which is held throughout (None)."""

    sessions: Sessions
    returns: Floats
    cash_rate: float = 0.0
    metrics: Metrics | None = None
    benchmark: Floats | None = None

    @cached_property
    def portfolio(self) -> Metrics:
        """The portfolio metrics of the headline."""
        return self.metrics or buy_and_hold_metrics(self.sessions, self.returns, cash_rate=self.cash_rate)

    @cached_property
    def excess(self) -> Floats:
        """Returns less the cash rate of a session."""
        return self.returns - session_rate(self.cash_rate, self.per_year)

    @cached_property
    def per_year(self) -> float:
        """The realised sessions a year."""
        return sessions_per_year(self.sessions)

    @cached_property
    def drawdowns(self) -> list[Drawdown]:
        """All drawdowns, deepest first."""
        return drawdowns(self.sessions, self.returns)

    def headline(self, name: str) -> float:
        """Return a portfolio metric.

        Raises:
            NotAvailable: it is n/a.
        """
        value = self.portfolio.values[name]
        return known(self.portfolio.notes[name] if value is None else value)

    def grouped(self, period: str) -> Floats:
        """Return the compounded returns of its weeks, months, quarters or years."""
        return np.array(list(grouped_returns(self.sessions, self.returns, period).values()))


def known(number: Number) -> float:
    """Return a value that another metric is computed from.

    Raises:
        NotAvailable: there is none.
    """
    if isinstance(number, str):
        raise NotAvailable(number)
    return number


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
    ratio, lean, tails = known(sharpe(excess, 1.0)), known(skew(excess)), known(excess_kurtosis(excess))
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
    yearly, pain = s.headline("cagr"), known(ulcer_index(drawdown(s.returns)))
    return (yearly - s.cash_rate) / pain if pain > 0 else "no drawdown"


def treynor(s: Series) -> Number:
    """Return CAGR less the cash rate over beta (Treynor 1965)."""
    yearly, slope = s.headline("cagr"), known(beta(s.returns, _benchmark(s)))
    return (yearly - s.cash_rate) / slope if slope else "beta is 0"


def profit_ratio(returns: Floats) -> Number:
    """Return the mean gain over the number of gains, over the same of the losses; days that did not move are neither.

    >>> profit_ratio(np.array([0.0] * 90 + [0.02] * 5 + [-0.01] * 5))
    2.0
    """
    won, lost = returns[returns > 0], returns[returns < 0]
    if not len(won) or not len(lost):
        return "needs a gain and a loss"
    return float((won.mean() / len(won)) / (-lost.mean() / len(lost)))


def _adjusted(s: Series, name: str) -> float:
    """Return a ratio of the headline, lessened by the autocorrelation of the returns."""
    return s.headline(name) / autocorrelation_penalty(s.excess)


def _cagr_in_market(s: Series) -> Number:
    yearly, share = s.headline("cagr"), s.headline("exposure")
    return yearly / share if share else "never held"


def _over_drawdown(s: Series, name: str) -> Number:
    """Return a growth of the headline over the deepest drawdown (CAGR: Young 1991); a loss stays negative."""
    growth, deepest = s.headline(name), s.headline("max_drawdown")
    return growth / -deepest if deepest < 0 else "no drawdown"


def _excess_months(s: Series) -> Floats:
    return np.asarray(s.grouped("monthly") - ((1 + s.cash_rate) ** (1 / 12) - 1))


def _last(s: Series) -> date:
    return to_date(s.sessions[-1])


def _last_months(s: Series, months: int) -> Number:
    """Return the compounded return of the sessions after the same day so many months before the last session.

    A year back from 4 July has the sessions from 5 July on: 365 days and not 366.
    """
    start = months_before(_last(s), months)
    return _begun_later(s, start) or total_return(s.returns[s.sessions > np.datetime64(start, "D")])


def _last_years(s: Series, years: int) -> Number:
    """Return the yearly growth over the last so many years."""
    start = months_before(_last(s), 12 * years)
    days = (_last(s) - start).days
    return _begun_later(s, start) or cagr(s.returns[s.sessions > np.datetime64(start, "D")], days)


def _begun_later(s: Series, start: date) -> str:
    first = to_date(s.sessions[0])
    return f"the account begins {first}" if first > start else ""


def months_before(day: date, months: int) -> date:
    """Return the same day so many months before, or the last of that month where it has no such day.

    >>> months_before(date(2024, 3, 31), 1)
    datetime.date(2024, 2, 29)
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    following = np.datetime64(f"{year + (month + 1) // 12}-{(month + 1) % 12 + 1:02d}-01", "D")
    return date(year, month + 1, min(day.day, to_date(following - 1).day))


def _benchmark(s: Series) -> Floats:
    assert s.benchmark is not None, "a metric against a benchmark needs one"
    return s.benchmark


def _alpha(s: Series) -> float:
    """Return a session's mean less beta times the benchmark's, times the sessions a year."""
    slope = known(beta(s.returns, _benchmark(s)))
    return float((s.returns.mean() - slope * _benchmark(s).mean()) * s.per_year)


def _mean_drawdown(s: Series, what: str) -> Number:
    return float(np.mean([getattr(d, what) for d in s.drawdowns])) if s.drawdowns else "no drawdown"


def _outlier_win(s: Series) -> Number:
    """Return the 99 % quantile of the returns over the mean gain."""
    gains = s.returns[s.returns > 0]
    return float(np.quantile(s.returns, 0.99) / gains.mean()) if len(gains) else "no winning day"


Sheet = Metric[Series]
_RISK = (
    Requirement[Series](
        lambda s: s.portfolio.values["volatility"] is not None, lambda s: s.portfolio.notes["volatility"]
    ),
)
"""What a yearly risk figure needs is what volatility needs."""

PERFORMANCE_METRICS = (
    Sheet("risk_adjusted_return", "CAGR over time in market", PERCENT, 1, _cagr_in_market, _RISK),
    Sheet("smart_sharpe", "Autocorrelation-adjusted Sharpe", RATIO, 1, lambda s: _adjusted(s, "sharpe")),
    Sheet("smart_sortino", "Autocorrelation-adjusted Sortino", RATIO, 1, lambda s: _adjusted(s, "sortino")),
    Sheet("adjusted_sortino", "Sortino/√2", RATIO, 1, lambda s: s.headline("sortino") / sqrt(2)),
    Sheet(
        "smart_adjusted_sortino",
        "Autocorrelation-adjusted Sortino/√2",
        RATIO,
        1,
        lambda s: _adjusted(s, "sortino") / sqrt(2),
    ),
    Sheet(
        "probabilistic_sharpe",
        "Probability that Sharpe exceeds 0",
        PERCENT,
        1,
        lambda s: probabilistic_sharpe(s.excess),
        _RISK,
    ),
    Sheet("omega", "Omega, at the cash rate", RATIO, 1, lambda s: gains_over_losses(s.excess)),
    Sheet(
        "longest_drawdown", "Longest drawdown, days", COUNT, -1, lambda s: max((d.days for d in s.drawdowns), default=0)
    ),
    Sheet("average_drawdown", "Mean drawdown", PERCENT, 1, lambda s: _mean_drawdown(s, "depth")),
    Sheet("average_drawdown_days", "Mean drawdown lasts", Unit.DAYS, -1, lambda s: _mean_drawdown(s, "days")),
    Sheet("ulcer_index", "Ulcer index", PERCENT, -1, lambda s: ulcer_index(drawdown(s.returns))),
    Sheet("ulcer_performance", "Ulcer performance index", RATIO, 1, ulcer_performance),
    Sheet("calmar", "Calmar ratio", RATIO, 1, lambda s: _over_drawdown(s, "cagr")),
    Sheet("recovery_factor", "Recovery factor", RATIO, 1, lambda s: _over_drawdown(s, "total_return")),
    Sheet("value_at_risk", "VaR 95 %, daily", PERCENT, 1, lambda s: value_at_risk(s.returns)),
    Sheet(
        "expected_shortfall", "Expected shortfall (CVaR), daily", PERCENT, 1, lambda s: expected_shortfall(s.returns)
    ),
    Sheet("outlier_win_ratio", "Outlier win ratio", RATIO, 0, _outlier_win),
    Sheet("profit_ratio", "Profit ratio of days", RATIO, 1, lambda s: profit_ratio(s.returns)),
    Sheet("gain_to_pain", "Gain to pain, days", RATIO, 1, lambda s: gain_to_pain(s.excess)),
    Sheet("gain_to_pain_monthly", "Gain to pain, months", RATIO, 1, lambda s: gain_to_pain(_excess_months(s))),
    Sheet("months_3", "Last 3 months", PERCENT, 1, lambda s: _last_months(s, 3)),
    Sheet("months_6", "Last 6 months", PERCENT, 1, lambda s: _last_months(s, 6)),
    Sheet("months_12", "Last year", PERCENT, 1, lambda s: _last_months(s, 12)),
    Sheet("years_3", "Last 3 years, a year", PERCENT, 1, lambda s: _last_years(s, 3)),
    Sheet("years_5", "Last 5 years, a year", PERCENT, 1, lambda s: _last_years(s, 5)),
    Sheet("years_10", "Last 10 years, a year", PERCENT, 1, lambda s: _last_years(s, 10)),
)
"""Of an account or a benchmark."""

BENCHMARK_METRICS = (
    Sheet("alpha", "Alpha a year", PERCENT, 1, _alpha, _RISK),
    Sheet("r_squared", "R²", RATIO, 0, lambda s: known(correlation(s.returns, _benchmark(s))) ** 2),
    Sheet(
        "information_ratio",
        "Information ratio",
        RATIO,
        1,
        lambda s: information_ratio(s.returns, _benchmark(s), s.per_year),
        _RISK,
    ),
    Sheet("treynor", "Treynor ratio", RATIO, 1, treynor),
)
"""Of an account against a benchmark on the same sessions."""
