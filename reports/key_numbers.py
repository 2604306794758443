"""The table of numbers beside the familiar figures: the account, and the benchmark on the same sessions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from engine.metrics.metrics import held_sessions
from engine.metrics.performance import Series, familiar_numbers
from engine.metrics.return_metrics import Number
from engine.metrics.table import METRICS, MIN_SESSIONS
from engine.run.run import Run
from reports.numbers import count, days, metric_text, percent, ratio

Write = Callable[[float | None], str]
NONE = "–"
SERIES = ("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown")
"""Headline numbers that a benchmark has too."""
YEARLY = frozenset(
    {
        "volatility",
        "sharpe",
        "sortino",
        "smart_sharpe",
        "smart_sortino",
        "adjusted_sortino",
        "smart_adjusted_sortino",
        "probabilistic_sharpe",
        "risk_adjusted_return",
        "alpha",
        "information_ratio",
    }
)
"""Withheld where volatility is: too few sessions or trades stand behind them."""


@dataclass(frozen=True)
class Familiar:
    """One number of ``engine.metrics.performance``: its name on the page, and how it is written."""

    name: str
    label: str
    write: Write


FAMILIAR = (
    Familiar("risk_adjusted_return", "CAGR over time in market", percent),
    Familiar("smart_sharpe", "Sharpe, less autocorrelation", ratio),
    Familiar("smart_sortino", "Sortino, less autocorrelation", ratio),
    Familiar("adjusted_sortino", "Sortino/√2", ratio),
    Familiar("probabilistic_sharpe", "Probability that Sharpe exceeds 0", percent),
    Familiar("omega", "Omega, at the cash rate", ratio),
    Familiar("longest_drawdown", "Longest drawdown", lambda v: days(v).replace(".0", "")),
    Familiar("average_drawdown", "Mean drawdown", percent),
    Familiar("average_drawdown_days", "Mean drawdown lasts", days),
    Familiar("ulcer_index", "Ulcer index", percent),
    Familiar("ulcer_performance", "Ulcer performance index", ratio),
    Familiar("calmar", "Calmar ratio", ratio),
    Familiar("recovery_factor", "Recovery factor", ratio),
    Familiar("skew", "Skewness", ratio),
    Familiar("excess_kurtosis", "Excess kurtosis", ratio),
    Familiar("value_at_risk", "Daily 5 % quantile", percent),
    Familiar("expected_shortfall", "Mean beyond it", percent),
    Familiar("tail_ratio", "Tail ratio", ratio),
    Familiar("outlier_win_ratio", "Outlier win ratio", ratio),
    Familiar("outlier_loss_ratio", "Outlier loss ratio", ratio),
    Familiar("average_day", "Mean day that moved", percent),
    Familiar("average_win", "Mean winning day", percent),
    Familiar("average_loss", "Mean losing day", percent),
    Familiar("payoff_ratio", "Payoff ratio of days", ratio),
    Familiar("profit_ratio", "Profit ratio of days", ratio),
    Familiar("profit_factor_days", "Profit factor of days", ratio),
    Familiar("gain_to_pain", "Gain to pain, days", ratio),
    Familiar("gain_to_pain_monthly", "Gain to pain, months", ratio),
    Familiar("winning_streak", "Longest winning streak, sessions", count),
    Familiar("losing_streak", "Longest losing streak, sessions", count),
    Familiar("winning_days", "Winning days", percent),
    Familiar("winning_months", "Winning months", percent),
    Familiar("winning_quarters", "Winning quarters", percent),
    Familiar("winning_years", "Winning years", percent),
    Familiar("average_up_month", "Mean winning month", percent),
    Familiar("average_down_month", "Mean losing month", percent),
    Familiar("best_day", "Best day", percent),
    Familiar("worst_day", "Worst day", percent),
    Familiar("best_month", "Best month", percent),
    Familiar("worst_month", "Worst month", percent),
    Familiar("best_year", "Best year", percent),
    Familiar("worst_year", "Worst year", percent),
    Familiar("month_to_date", "Month to date", percent),
    Familiar("year_to_date", "Year to date", percent),
    Familiar("months_3", "Last 3 months", percent),
    Familiar("months_6", "Last 6 months", percent),
    Familiar("months_12", "Last year", percent),
    Familiar("years_3", "Last 3 years, a year", percent),
    Familiar("years_5", "Last 5 years, a year", percent),
    Familiar("years_10", "Last 10 years, a year", percent),
)
BESIDE = (
    Familiar("beta", "Beta", ratio),
    Familiar("alpha", "Alpha a year", percent),
    Familiar("correlation", "Correlation", ratio),
    Familiar("r_squared", "R²", ratio),
    Familiar("information_ratio", "Information ratio", ratio),
    Familiar("treynor", "Treynor ratio", ratio),
)


@dataclass(frozen=True)
class KeyRow:
    """One number of the account and of the benchmark as text; ``note`` says why one of them is not there."""

    label: str
    strategy: str
    benchmark: str
    note: str


def account_numbers(run: Run) -> dict[str, Number]:
    """Return every familiar number of the account; those too few trades stand behind are the reason instead."""
    held = held_sessions(run.sessions, run.trades)
    rate = float(run.manifest["terms"]["cash_rate"])
    found = familiar_numbers(Series(run.sessions, run.returns, rate, held, run.benchmark_returns))
    return _withheld(found, run.notes.get("volatility"))


def benchmark_numbers(run: Run) -> dict[str, Number]:
    """Return every familiar number of the benchmark, on the account's sessions; none without one."""
    if run.benchmark_returns is None:
        return {}
    found = familiar_numbers(Series(run.sessions, run.benchmark_returns, float(run.manifest["terms"]["cash_rate"])))
    short = f"{len(run.sessions)} sessions; at least {MIN_SESSIONS} are needed"
    return _withheld(found, short if len(run.sessions) < MIN_SESSIONS else None)


def _withheld(found: dict[str, Number], reason: str | None) -> dict[str, Number]:
    return found if reason is None else {n: reason if n in YEARLY else v for n, v in found.items()}


def key_numbers(run: Run) -> list[KeyRow]:
    """Return the rows that stand where quantstats has its "Key Performance Metrics"."""
    ours, theirs = account_numbers(run), benchmark_numbers(run)
    more = [_row(f, ours, theirs, run) for f in FAMILIAR]
    beside = [_row(f, ours, {}, run) for f in BESIDE] if theirs else []
    return [*_headline_rows(run, theirs), *more, *beside]


def _headline_rows(run: Run, theirs: Mapping[str, Number]) -> list[KeyRow]:
    rows = []
    for m in METRICS:
        missing = run.notes.get(m.name, "not recorded") if run.metrics.get(m.name) is None else ""
        write = partial(metric_text, m)
        written, why = told(theirs.get(m.name) if m.name in SERIES else None, write)
        rows.append(KeyRow(m.label, write(run.metrics.get(m.name)), written, _notes(missing, why, run)))
    return rows


def _row(of: Familiar, ours: Mapping[str, Number], theirs: Mapping[str, Number], run: Run) -> KeyRow:
    (mine, why), (other, why_not) = told(ours[of.name], of.write), told(theirs.get(of.name), of.write)
    return KeyRow(of.label, mine, other, _notes(why, why_not, run))


def told(number: Number | None, write: Write) -> tuple[str, str]:
    """Return a number as text and why it is not there; a dash where it has no meaning."""
    if number is None:
        return NONE, ""
    return (write(None), number) if isinstance(number, str) else (write(number), "")


def _notes(ours: str, theirs: str, run: Run) -> str:
    if ours == theirs:
        return ours
    return "; ".join(n for n in (ours, f"{run.benchmark}: {theirs}" if theirs else "") if n)
