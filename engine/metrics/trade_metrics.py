"""The trade's view of a run: numbers a closed trade or an event, whatever the account did in between."""

from collections.abc import Sequence
from statistics import fmean, median

from engine.account.records import Trade
from engine.metrics.metrics import Metrics

NS_PER_DAY = 86_400e9
NAMES = (
    "n_events",
    "n_trades",
    "win_rate",
    "mean_trade",
    "median_trade",
    "best_trade",
    "worst_trade",
    "profit_factor",
    "days_held",
    "pnl",
    "costs",
    "costs_of_mean",
)


def closed_returns(trades: Sequence[Trade]) -> list[float]:
    """Return the net return of each closed trade, in the order of the trades."""
    return [t.return_ for t in trades if t.is_closed]


def trade_metrics(trades: Sequence[Trade]) -> Metrics:
    """Return the numbers named in ``NAMES``, of closed trades; what cannot be had is None with its reason.

    Returns are fractions of the value put in, ``days_held`` the mean in calendar days, ``pnl`` and ``costs`` sums in
    account currency, ``costs_of_mean`` costs over the P&L before costs.
    """
    closed = [t for t in trades if t.is_closed]
    if not closed:
        return _nothing()
    returns = closed_returns(trades)
    gains, losses = sum(t.pnl for t in closed if t.pnl > 0), -sum(t.pnl for t in closed if t.pnl < 0)
    pnl, costs = sum(t.pnl for t in closed), sum(t.costs for t in closed)
    values: dict[str, float | int | None] = {
        "n_events": len({t.event_id for t in closed if t.event_id}),
        "n_trades": len(closed),
        "win_rate": sum(t.pnl > 0 for t in closed) / len(closed),
        "mean_trade": fmean(returns),
        "median_trade": median(returns),
        "best_trade": max(returns),
        "worst_trade": min(returns),
        "profit_factor": gains / losses if losses else None,
        "days_held": fmean((t.exit_at - t.entry_at) / NS_PER_DAY for t in closed),
        "pnl": pnl,
        "costs": costs,
        "costs_of_mean": costs / (pnl + costs) if pnl + costs > 0 else None,
    }
    notes = {"profit_factor": "no losing trade", "costs_of_mean": "the trades gained nothing before costs"}
    return Metrics(values, {name: why for name, why in notes.items() if values[name] is None})


def _nothing() -> Metrics:
    counted = dict.fromkeys(("n_events", "n_trades", "pnl", "costs"), 0)
    values: dict[str, float | int | None] = {name: counted.get(name) for name in NAMES}
    return Metrics(values, {name: "no closed trades" for name, value in values.items() if value is None})
