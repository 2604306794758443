"""Metrics of the trades of one run that a sweep does not need; one still open is at its mark."""

from collections.abc import Sequence
from statistics import fmean

from engine.account.records import Trade
from engine.metrics.table import Metric, Metrics, Requirement, Unit, metrics_of

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
