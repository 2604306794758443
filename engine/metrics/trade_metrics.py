"""Metrics of the closed trades of one run that a sweep does not need."""

from collections.abc import Sequence
from statistics import fmean

from engine.account.records import Trade
from engine.metrics.table import Metric, Metrics, Requirement, Unit, metrics_of

NS_PER_DAY = 86_400e9
Trades = Sequence[Trade]
ClosedTrades = Metric[Trades]

_ANY = (Requirement[Trades](bool, lambda _: "no closed trades"),)
_GAINED = (*_ANY, Requirement[Trades](lambda closed: _gross(closed) > 0, lambda _: "no gain before costs"))


def closed_returns(trades: Trades) -> list[float]:
    """Return the net return of each closed trade, in the order of the trades."""
    return [t.return_ for t in trades if t.is_closed]


def _costs(closed: Trades) -> float:
    return sum(t.costs for t in closed)


def _pnl(closed: Trades) -> float:
    return sum(t.pnl for t in closed)


def _gross(closed: Trades) -> float:
    return _pnl(closed) + _costs(closed)


def _cost_drag(closed: Trades) -> float:
    return _costs(closed) / _gross(closed)


def _n_events(closed: Trades) -> int:
    return len({t.event_id for t in closed if t.event_id})


def _holding_period(closed: Trades) -> float:
    return fmean((t.exit_at - t.entry_at) / NS_PER_DAY for t in closed)


CLOSED_TRADE_METRICS = (
    ClosedTrades("n_events", "Events traded", Unit.COUNT, 0, _n_events, (), "with a closed trade"),
    ClosedTrades("best_trade", "Best trade", Unit.PERCENT, 1, lambda c: max(closed_returns(c)), _ANY, "net return"),
    ClosedTrades("worst_trade", "Worst trade", Unit.PERCENT, 1, lambda c: min(closed_returns(c)), _ANY, "net return"),
    ClosedTrades("days_held", "Average holding period", Unit.DAYS, 0, _holding_period, _ANY, "calendar days"),
    ClosedTrades("pnl", "P&L", Unit.MONEY, 1, _pnl, (), "net, account currency"),
    ClosedTrades("costs", "Costs", Unit.MONEY, -1, _costs, (), "commission, slippage and borrow fee"),
    ClosedTrades("costs_of_mean", "Cost drag", Unit.PERCENT, -1, _cost_drag, _GAINED, "of the P&L before costs"),
)


def closed_trade_metrics(trades: Trades) -> Metrics:
    """Return ``CLOSED_TRADE_METRICS`` of the closed ones of some trades."""
    return metrics_of(CLOSED_TRADE_METRICS, [t for t in trades if t.is_closed])
