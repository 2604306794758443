"""The table of performance metrics: the account, and the benchmark on the same sessions."""

from typing import Any

from engine.metrics.metrics import buy_and_hold_metrics
from engine.metrics.performance import BENCHMARK_METRICS, PERFORMANCE_METRICS, Series
from engine.metrics.table import METRICS, Metric, Metrics, metrics_of
from engine.run.run import Run


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
