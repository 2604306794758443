"""The table of numbers beside the familiar figures: the account, and the benchmark on the same sessions."""

from collections.abc import Callable
from dataclasses import dataclass

from datasets.bars import Floats
from engine.metrics import (
    cagr,
    drawdown,
    session_rate,
    sessions_per_year,
    sharpe,
    sortino,
    span_days,
    total_return,
    volatility,
)
from engine.run import Run
from engine.series_numbers import Number, beside_benchmark, series_numbers
from reports.labels import METRICS
from reports.numbers import days, percent, ratio

_NONE = "–"
_MORE: tuple[tuple[str, str, Callable[[float | None], str]], ...] = (
    ("best_day", "Best day", percent),
    ("worst_day", "Worst day", percent),
    ("best_month", "Best month", percent),
    ("worst_month", "Worst month", percent),
    ("best_year", "Best year", percent),
    ("worst_year", "Worst year", percent),
    ("longest_drawdown", "Longest drawdown", lambda v: days(v).replace(".0", "")),
    ("ulcer_index", "Ulcer index", percent),
    ("calmar", "Calmar ratio", ratio),
    ("recovery_factor", "Recovery factor", ratio),
    ("skew", "Skewness", ratio),
    ("excess_kurtosis", "Excess kurtosis", ratio),
    ("value_at_risk", "Daily 5 % quantile", percent),
    ("expected_shortfall", "Mean beyond it", percent),
    ("winning_days", "Winning days", percent),
    ("winning_months", "Winning months", percent),
    ("average_win", "Mean winning day", percent),
    ("average_loss", "Mean losing day", percent),
    ("payoff_ratio", "Payoff ratio of days", ratio),
)
_BESIDE: tuple[tuple[str, str, Callable[[float | None], str]], ...] = (
    ("beta", "Beta", ratio),
    ("alpha", "Alpha a year", percent),
    ("correlation", "Correlation", ratio),
    ("r_squared", "R²", ratio),
    ("information_ratio", "Information ratio", ratio),
)


@dataclass(frozen=True)
class KeyRow:
    """One number of the account and of the benchmark as text; ``note`` says why one of them is not there."""

    label: str
    strategy: str
    benchmark: str
    note: str


def key_numbers(run: Run) -> list[KeyRow]:
    """Return the rows that stand where quantstats has its "Key Performance Metrics"."""
    return [*_headline_rows(run), *_series_rows(run), *_beside_rows(run)]


def _headline_rows(run: Run) -> list[KeyRow]:
    theirs = {} if run.benchmark_returns is None else _benchmark_numbers(run, run.benchmark_returns)
    rows = []
    for m in METRICS:
        missing = run.notes.get(m.name, "not recorded") if run.metrics.get(m.name) is None else ""
        written, why = _told(theirs.get(m.name), m.write)
        rows.append(KeyRow(m.label, m.write(run.metrics.get(m.name)), written, _notes(missing, why, run)))
    return rows


def _told(number: Number | None, write: Callable[[float | None], str]) -> tuple[str, str]:
    """Return a number as text and why it is not there; a dash where it has no meaning."""
    if number is None:
        return _NONE, ""
    return (write(None), number) if isinstance(number, str) else (write(number), "")


def _notes(ours: str, theirs: str, run: Run) -> str:
    if ours == theirs:
        return ours
    return "; ".join(n for n in (ours, f"{run.benchmark}: {theirs}" if theirs else "") if n)


def _benchmark_numbers(run: Run, returns: Floats) -> dict[str, Number]:
    per_year = sessions_per_year(run.sessions)
    excess = returns - session_rate(run.manifest["terms"]["cash_rate"], per_year)
    return {
        "total_return": total_return(returns),
        "cagr": cagr(returns, span_days(run.sessions)),
        "volatility": volatility(returns, per_year),
        "sharpe": sharpe(excess, per_year),
        "sortino": sortino(excess, per_year),
        "max_drawdown": float(drawdown(returns).min(initial=0.0)),
    }


def _series_rows(run: Run) -> list[KeyRow]:
    ours = series_numbers(run.sessions, run.returns)
    theirs = {} if run.benchmark_returns is None else series_numbers(run.sessions, run.benchmark_returns)
    rows = []
    for name, label, write in _MORE:
        (mine, why), (other, why_not) = _told(ours[name], write), _told(theirs.get(name), write)
        rows.append(KeyRow(label, mine, other, _notes(why, why_not, run)))
    return rows


def _beside_rows(run: Run) -> list[KeyRow]:
    if run.benchmark_returns is None:
        return []
    found = beside_benchmark(run.sessions, run.returns, run.benchmark_returns)
    too_few = run.notes.get("volatility")
    if too_few:
        found |= dict.fromkeys(("alpha", "information_ratio"), too_few)  # yearly, as the volatility is
    return [KeyRow(label, *_row(found[name], write)) for name, label, write in _BESIDE]


def _row(number: Number, write: Callable[[float | None], str]) -> tuple[str, str, str]:
    written, why = _told(number, write)
    return written, _NONE, why
