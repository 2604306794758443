"""How each row of quantstats' table is answered: our number, and the convention that gives quantstats' own."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from engine.metrics.return_metrics import Number
from reports import quantstats_again as again
from reports.quantstats_again import Theirs, cleaned, falls

Again = Callable[[Theirs], Number]


@dataclass(frozen=True)
class Rule:
    """How a row of quantstats is answered.

    ``name``: our number, empty where we show none; ``scale`` brings it to quantstats' units; ``again`` works
    quantstats' number out of its own convention; ``why`` names that convention.
    """

    name: str
    scale: float
    again: Again
    why: str


_YEAR = "a year is a whole number of sessions in quantstats, the realised number here"
_PENALTY = "the autocorrelation of the first column is held against every column, and " + _YEAR
_ZERO = "days that did not move count as gains"
_SUM = "returns are summed, not compounded"
_RATE = "the cash rate is left out"
_ROWS = "rows over sessions a year, whatever days lie between; here calendar days over 365"
UNDER_MEAN = "to the last day under water, both ends counted, and rounded; here to the day it is made good"
UNDER = "a drawdown ends on its last day under water; here on the day it is made good"


def _ours(name: str, scale: float = 1.0) -> Again:
    """Return quantstats' number where it has our convention."""

    def of(t: Theirs) -> Number:
        value = cleaned(name)(t)
        return value if isinstance(value, str) else value * scale

    return of


def _same(name: str, scale: float = 1.0) -> Rule:
    return Rule(name, scale, _ours(name, scale), "")


RULES: dict[str, Rule] = {
    "Time in Market": Rule(
        "exposure",
        100,
        again.exposure,
        "days whose return is not 0, rounded up to a whole per cent; here sessions held",
    ),
    "Cumulative Return": _same("total_return", 100),
    "CAGR﹪": Rule("cagr", 100, lambda t: 100 * again.cagr(t.returns, t.periods), _ROWS),
    "Sharpe": Rule("sharpe", 1, again.sharpe, _YEAR),
    "Prob. Sharpe Ratio": Rule(
        "probabilistic_sharpe",
        100,
        again.probabilistic_sharpe,
        "the shape of raw returns beside a ratio of excess ones",
    ),
    "Smart Sharpe": Rule("smart_sharpe", 1, lambda t: again.sharpe(t) / again.penalty(t), _PENALTY),
    "Sortino": Rule("sortino", 1, again.sortino, _YEAR),
    "Smart Sortino": Rule("smart_sortino", 1, lambda t: again.sortino(t) / again.penalty(t), _PENALTY),
    "Sortino/√2": Rule("adjusted_sortino", 1, lambda t: again.sortino(t) / sqrt(2), _YEAR),
    "Smart Sortino/√2": Rule(
        "smart_adjusted_sortino", 1, lambda t: again.sortino(t) / again.penalty(t) / sqrt(2), _PENALTY
    ),
    "Omega": Rule("omega", 1, again.omega, _YEAR),
    "Max Drawdown": Rule(
        "max_drawdown", 100, again.max_drawdown, "a drawdown that begins on the first day is not seen"
    ),
    "Longest DD Days": Rule("longest_drawdown", 1, lambda t: float(max(f.days for f in falls(t))), UNDER),
    "Volatility (ann.)": Rule("volatility", 100, lambda t: float(100 * t.returns.std(ddof=1) * sqrt(t.periods)), _YEAR),
    "R^2": Rule("r_squared", 1, again.r_squared, ""),
    "Information Ratio": Rule(
        "information_ratio", 1, again.information_ratio, "of a day; here of a year, as Sharpe is"
    ),
    "Calmar": Rule("calmar", 1, lambda t: again.cagr(t.returns, t.periods) / again.deepest(t), "CAGR by " + _ROWS),
    "Skew": _same("skew"),
    "Kurtosis": _same("excess_kurtosis"),
    "Ulcer Performance Index": Rule(
        "ulcer_performance",
        1,
        lambda t: again.total_less_rate(t) / again.ulcer_index(t),
        "the total return less the yearly rate; here CAGR less the rate",
    ),
    "Risk-Adjusted Return": Rule(
        "risk_adjusted_return",
        100,
        again.risk_adjusted_return,
        "CAGR of excess returns at 252 rows a year, over days whose excess return is not 0",
    ),
    "Risk-Return Ratio": Rule("risk_return_ratio", 1, lambda t: float(t.returns.mean() / t.returns.std(ddof=1)), ""),
    "Avg. Return": _same("average_day", 100),
    "Avg. Win": _same("average_win", 100),
    "Avg. Loss": _same("average_loss", 100),
    "Win/Loss Ratio": _same("payoff_ratio"),
    "Profit Ratio": Rule("profit_ratio", 1, again.profit_ratio, _ZERO),
    "Expected Daily": _same("expected_day", 100),
    "Expected Monthly": _same("expected_month", 100),
    "Expected Yearly": _same("expected_year", 100),
    "Kelly Criterion": _same("kelly", 100),
    "Risk of Ruin": Rule("", 1, again.ruin, "takes every day for a bet of the whole account: no number of an account"),
    "Daily Value-at-Risk": Rule(
        "value_at_risk", 100, again.value_at_risk, "of a normal distribution, a minus before it; here historical"
    ),
    "Expected Shortfall (cVaR)": Rule(
        "expected_shortfall",
        100,
        again.expected_shortfall,
        "of a normal distribution, a minus before it; here historical",
    ),
    "Max Consecutive Wins": _same("winning_streak"),
    "Max Consecutive Losses": _same("losing_streak"),
    "Gain/Pain Ratio": Rule("gain_to_pain", 1, again.gain_to_pain, _RATE),
    "Gain/Pain (1M)": Rule("gain_to_pain_monthly", 1, again.gain_to_pain_monthly, f"{_SUM}, and {_RATE}"),
    "Payoff Ratio": _same("payoff_ratio"),
    "Profit Factor": _same("profit_factor_days"),
    "Common Sense Ratio": Rule(
        "", 1, again.product("profit_factor_days", "tail_ratio"), "a product of two ratios that are shown"
    ),
    "CPC Index": Rule(
        "", 1, again.product("profit_factor_days", "winning_days", "payoff_ratio"), "a product of ratios shown"
    ),
    "Tail Ratio": _same("tail_ratio"),
    "Outlier Win Ratio": Rule("outlier_win_ratio", 1, again.outlier_win_ratio, _ZERO),
    "Outlier Loss Ratio": _same("outlier_loss_ratio"),
    "MTD": _same("month_to_date", 100),
    "3M": Rule("months_3", 100, again.since(3, yearly=False), "the day it begins on is counted: one day more"),
    "6M": Rule("months_6", 100, again.since(6, yearly=False), "the day it begins on is counted: one day more"),
    "YTD": _same("year_to_date", 100),
    "1Y": Rule("months_12", 100, again.since(12, yearly=False), "the day it begins on is counted: 366 days"),
    "3Y (ann.)": Rule("years_3", 100, again.since(35, yearly=True), "35 months back, and " + _ROWS),
    "5Y (ann.)": Rule("years_5", 100, again.since(59, yearly=True), "59 months back, and " + _ROWS),
    "10Y (ann.)": Rule("years_10", 100, again.since(119, yearly=True), "119 months back, and " + _ROWS),
    "All-time (ann.)": Rule("cagr", 100, lambda t: 100 * again.cagr(t.returns, t.periods), _ROWS),
    "Best Day": _same("best_day", 100),
    "Worst Day": _same("worst_day", 100),
    "Best Month": _same("best_month", 100),
    "Worst Month": _same("worst_month", 100),
    "Best Year": _same("best_year", 100),
    "Worst Year": _same("worst_year", 100),
    "Avg. Drawdown": _same("average_drawdown", 100),
    "Avg. Drawdown Days": Rule("average_drawdown_days", 1, again.average_fall, UNDER_MEAN),
    "Recovery Factor": Rule(
        "recovery_factor", 1, lambda t: abs(float(t.returns.sum())) / again.deepest(t), f"{_SUM}, and the sign is lost"
    ),
    "Ulcer Index": Rule("ulcer_index", 1, again.ulcer_index, "over n - 1; here over n"),
    "Serenity Index": Rule(
        "", 1, again.serenity, "a sum of returns less a yearly rate, over a normal shortfall of drawdowns"
    ),
    "Avg. Up Month": _same("average_up_month", 100),
    "Avg. Down Month": _same("average_down_month", 100),
    "Win Days": _same("winning_days", 100),
    "Win Month": _same("winning_months", 100),
    "Win Quarter": _same("winning_quarters", 100),
    "Win Year": _same("winning_years", 100),
    "Beta": _same("beta"),
    "Alpha": Rule("alpha", 1, again.alpha, _YEAR),
    "Correlation": _same("correlation", 100),
    "Treynor Ratio": Rule(
        "treynor", 100, again.treynor, "the total return less the yearly rate; here CAGR less the rate"
    ),
}


DATES: dict[str, Callable[[Theirs], float | str]] = {
    "Start Period": lambda t: str(t.series.sessions[0]),
    "End Period": lambda t: str(t.series.sessions[-1]),
    "Risk-Free Rate": lambda t: 100 * t.series.cash_rate,
    "Max DD Date": lambda t: str(min(falls(t), key=lambda f: f.depth).lowest),
    "Max DD Period Start": lambda t: str(min(falls(t), key=lambda f: f.depth).first),
    "Max DD Period End": lambda t: str(min(falls(t), key=lambda f: f.depth).last),
}
"""Dates and the rate: what stands there by quantstats' own way of dating."""
