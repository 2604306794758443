"""The table of performance metrics: the account, and the benchmark on the same sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.metrics.metrics import buy_and_hold_metrics
from engine.metrics.performance import BENCHMARK_METRICS, PERFORMANCE_METRICS, Series
from engine.metrics.table import METRICS, Metric, Metrics, metrics_of
from engine.run.run import Run
from reports.numbers import metric_text

NONE = "–"


@dataclass(frozen=True)
class PerformanceRow:
    """One metric of the account and of the benchmark as text; ``note`` says why one of them is n/a."""

    label: str
    account: str
    benchmark: str
    note: str


def performance_table(run: Run) -> tuple[Metric[Any], ...]:
    """Return the metrics that a run's performance is shown by; those against a benchmark where it has one."""
    against = () if run.benchmark_returns is None else BENCHMARK_METRICS
    return (*METRICS, *PERFORMANCE_METRICS, *against)


def account_metrics(run: Run) -> Metrics:
    """Return every metric of the performance table of the account."""
    headline = Metrics(run.metrics, run.notes)
    series = Series(run.sessions, run.returns, _cash_rate(run), headline, run.benchmark_returns)
    return _joined(headline, metrics_of(performance_table(run)[len(METRICS) :], series))


def benchmark_metrics(run: Run) -> Metrics:
    """Return the metrics of the benchmark on the account's sessions, held throughout; none without one."""
    if run.benchmark_returns is None:
        return Metrics({}, {})
    headline = buy_and_hold_metrics(run.sessions, run.benchmark_returns, cash_rate=_cash_rate(run))
    series = Series(run.sessions, run.benchmark_returns, _cash_rate(run), headline)
    return _joined(headline, metrics_of(PERFORMANCE_METRICS, series))


def _cash_rate(run: Run) -> float:
    return float(run.manifest["terms"]["cash_rate"])


def _joined(first: Metrics, second: Metrics) -> Metrics:
    return Metrics({**first.values, **second.values}, {**first.notes, **second.notes})


def performance_rows(run: Run) -> Sequence[PerformanceRow]:
    """Return the performance table as text."""
    ours, theirs = account_metrics(run), benchmark_metrics(run)
    return [_row(metric, ours, theirs, str(run.benchmark)) for metric in performance_table(run)]


def _row(metric: Metric[Any], ours: Metrics, theirs: Metrics, benchmark: str) -> PerformanceRow:
    name = metric.name
    other = metric_text(metric, theirs.values[name]) if name in theirs.values else NONE
    why, why_not = (found.notes.get(name, "") for found in (ours, theirs))
    notes = [why, f"{benchmark}: {why_not}" if why_not and why_not != why else ""]
    return PerformanceRow(metric.label, metric_text(metric, ours.values[name]), other, "; ".join(n for n in notes if n))
