"""Where a trade's P&L comes from, part by part; and how much of a result depends on one event."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.account.records import Trade


@dataclass(frozen=True)
class Attribution:
    """The parts of one trade's P&L, in the account's currency; they sum to ``pnl``.

    ``asset`` is what the market did for the position from the last close known at the decision to the exit, before
    costs and at the entry's exchange rate; ``gap`` what of it was gone before the fill (negative: the price had run
    away); ``fx`` what the change of the exchange rate did (0: hedged); ``carry`` what a pair earned of short rates;
    ``costs`` commission, slippage, borrow fee and rolls (negative). Without a close before the decision ``gap`` is None
    and ``asset`` begins at the entry.
    """

    event_id: str
    instrument: str
    asset: float
    gap: float | None
    fx: float
    carry: float
    costs: float
    pnl: float

    def parts(self) -> tuple[float, ...]:
        """Return the parts in order, a missing one as 0."""
        return self.asset, self.gap or 0.0, self.fx, self.carry, self.costs


def attribution(trade: Trade) -> Attribution:
    """Return the parts of a trade's P&L."""
    gap = None
    if trade.decision_price is not None and trade.gap is not None:
        sign = 1 if trade.side == "long" else -1
        gap = -sign * trade.units * trade.decision_price * trade.gap * trade.entry_rate
    asset = trade.pnl + trade.costs - trade.carry - trade.fx - (gap or 0.0)
    return Attribution(trade.event_id, trade.instrument, asset, gap, trade.fx, trade.carry, -trade.costs, trade.pnl)


def total_of(each: Sequence[Attribution], instrument: str = "") -> Attribution:
    """Return the sums of the parts of several trades; the gap is None where none of them has one."""
    gaps = [a.gap for a in each if a.gap is not None]
    sums = {name: sum(getattr(a, name) for a in each) for name in ("asset", "fx", "carry", "costs", "pnl")}
    return Attribution(event_id="", instrument=instrument, gap=sum(gaps) if gaps else None, **sums)


def in_cents(parts: Sequence[float], total: float) -> list[float]:
    """Return the parts rounded to cents so that they sum to the total rounded to cents; the largest takes the rest.

    >>> in_cents([0.004, 0.004, 0.004], 0.012)
    [0.01, 0.0, 0.0]
    """
    cents = [round(p * 100) for p in parts]
    largest = max(range(len(parts)), key=lambda n: abs(parts[n]))
    cents[largest] += round(total * 100) - sum(cents)
    return [c / 100 for c in cents]


@dataclass(frozen=True)
class WithoutEvent:
    """What is left of a run's trades when those of one event are taken away.

    ``mean_trade`` is the mean net return of the others, None when none is left; ``change`` is that less the mean of
    all; ``pnl`` is the sum of the P&L of the others.
    """

    event_id: str
    n_trades: int
    mean_trade: float | None
    change: float | None
    pnl: float


def leave_one_out(trades: Sequence[Trade]) -> list[WithoutEvent]:
    """Return for each event with trades what is left without it, in the order of the trades."""
    return [_without(event_id, trades) for event_id in dict.fromkeys(t.event_id for t in trades)]


def _without(event_id: str, trades: Sequence[Trade]) -> WithoutEvent:
    rest = [t for t in trades if t.event_id != event_id]
    mean, all_ = (sum(t.return_ for t in some) / len(some) if some else None for some in (rest, trades))
    change = None if mean is None or all_ is None else mean - all_
    return WithoutEvent(event_id, len(rest), mean, change, sum(t.pnl for t in rest))
