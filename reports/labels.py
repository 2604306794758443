"""What the numbers of a run are called on a page, how each is written, and which way is better."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.account.records import OPEN_AT_END
from reports.numbers import count, days, percent, points, ratio, signed


@dataclass(frozen=True)
class Metric:
    """One number of ``compute_metrics``; ``better`` is 1 if more is better, -1 if less is, 0 if neither."""

    name: str
    label: str
    write: Callable[[float | None], str]
    write_difference: Callable[[float | None], str]
    better: int
    meaning: str


METRICS = (
    Metric("total_return", "Total return", percent, points, 1, "compounded over all sessions"),
    Metric("cagr", "CAGR", percent, points, 1, "yearly growth, actual/365"),
    Metric("volatility", "Volatility", percent, points, -1, "yearly, of daily returns"),
    Metric("sharpe", "Sharpe ratio", ratio, signed, 1, "yearly, over the cash rate"),
    Metric("sortino", "Sortino ratio", ratio, signed, 1, "yearly, over the cash rate"),
    Metric("max_drawdown", "Max drawdown", percent, points, 1, "below the highest equity so far"),
    Metric("exposure", "Time in market", percent, points, 0, "share of sessions with a position"),
    Metric("n_trades", "Closed trades", count, lambda v: signed(v, 0), 0, "entry to exit"),
    Metric("win_rate", "Win rate", percent, points, 1, "closed trades with a profit"),
    Metric("profit_factor", "Profit factor", ratio, signed, 1, "gains over losses"),
    Metric("mean_trade", "Mean trade", percent, points, 1, "net return on the value put in"),
    Metric("median_trade", "Median trade", percent, points, 1, "net return on the value put in"),
)

TRADE_METRICS = (
    Metric("n_events", "Events traded", count, lambda v: signed(v, 0), 0, "with a closed trade"),
    Metric("n_trades", "Closed trades", count, lambda v: signed(v, 0), 0, "entry to exit"),
    Metric("mean_trade", "Mean trade", percent, points, 1, "net return on the value put in"),
    Metric("median_trade", "Median trade", percent, points, 1, "net return on the value put in"),
    Metric("win_rate", "Win rate", percent, points, 1, "closed trades with a profit"),
    Metric("best_trade", "Best trade", percent, points, 1, "net return on the value put in"),
    Metric("worst_trade", "Worst trade", percent, points, 1, "net return on the value put in"),
    Metric("profit_factor", "Profit factor", ratio, signed, 1, "gains over losses"),
    Metric("days_held", "Mean time held", days, lambda v: signed(v, 1), 0, "calendar days, entry to exit"),
    Metric("costs_of_mean", "Share lost to costs", percent, points, -1, "costs over the P&L before costs"),
)
"""Numbers of ``engine.metrics.trade_metrics``: the trades' view."""

_EXITS = {OPEN_AT_END: "still held when the bars end", "bars_end": "its bars end here"}


def exit_words(reason: str) -> str:
    """Return an exit reason in words.

    >>> exit_words("open_at_end"), exit_words("held 20 sessions")
    ('still held when the bars end', 'held 20 sessions')
    """
    return _EXITS.get(reason, reason.replace("_", " "))
