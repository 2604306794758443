"""What an account leaves: fills, trades, one value a day, and which trades are one observation."""

from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct

from datasets.arrays import Floats
from engine.account.daily_ledger import AccountCalendar
from engine.plan.decision import Skipped

OPEN_AT_END = "open_at_end"
ROUNDING = 1e-13
"""A daily return below it is none: the last digits of a sum."""


class Fill(Struct, frozen=True):
    """One execution. ``price`` is after slippage, ``reference_price`` before, both in the instrument's currency.

    ``quantity`` of a future is contracts. ``rate`` is the price of that currency in the account's (1: hedged, or the
    same); ``commission`` and ``slippage`` are in account currency. Instants are int64 ns UTC.
    """

    event_id: str
    instrument: str
    side: str
    quantity: float
    decided_at: int
    filled_at: int
    session: str
    price: float
    reference_price: float
    commission: float
    slippage: float
    reason: str
    note: str = ""
    rate: float = 1.0


class Trade(Struct, frozen=True):
    """One position from entry to exit.

    ``quantity`` is positive, ``side`` long or short, ``weight`` the signed fraction planned (None: sent in
    units). ``decision_price`` is the
    last close known at the decision and ``gap`` the move from it to the entry's reference price, as a fraction.
    ``costs`` are commission, slippage, ``borrow``, the fee of a short position, and ``roll``, the commissions of the
    rolls of a future; ``pnl`` is net of all of them; ``multiplier`` is that of a future, 1 of all else;
    ``return_`` is pnl over the entry's value. ``carry`` is what a currency pair earned of short rates, ``fx`` what the
    change of the exchange rate from ``entry_rate`` to ``exit_rate`` did; both are in pnl.
    A trade still held at the end of the bars has ``exit_reason`` open_at_end and is marked at the last close.
    """

    event_id: str
    instrument: str
    side: str
    weight: float | None
    quantity: float
    decided_at: int
    decision_price: float | None
    gap: float | None
    entry_session: str
    entry_at: int
    entry_price: float
    exit_session: str
    exit_at: int
    exit_price: float
    exit_reason: str
    costs: float
    pnl: float
    return_: float
    note: str = ""
    borrow: float = 0.0
    carry: float = 0.0
    fx: float = 0.0
    entry_rate: float = 1.0
    exit_rate: float = 1.0
    multiplier: float = 1.0
    roll: float = 0.0

    @property
    def units(self) -> float:
        """How many units of what is priced it holds: the quantity, of a future times the multiplier."""
        return self.quantity * self.multiplier

    @property
    def value(self) -> float:
        """Its value at entry, in account currency: less than was planned where the exposure limit cut it."""
        return self.units * self.entry_price * self.entry_rate

    @property
    def is_closed(self) -> bool:
        """Whether it was exited before the bars ended."""
        return self.exit_reason != OPEN_AT_END


class Account(Struct, frozen=True, eq=False):
    """What a replay leaves: one value a day, fills, trades, and what could not be traded."""

    days: AccountCalendar
    equity: Floats
    cash: Floats
    exposure: Floats
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]
    skipped: tuple[Skipped, ...]

    def returns(self, cash: float) -> Floats:
        """Return the daily returns of an account that began with so much cash; 0 after the loss of all."""
        previous = np.concatenate(([cash], self.equity[:-1]))
        return change(np.divide(self.equity, previous, out=np.ones_like(previous), where=previous != 0))


def change(ratio: Floats) -> Floats:
    """Return equity over the equity before, less 1; 0 where only the last digits of a sum differ."""
    return np.where(np.abs(ratio - 1) < ROUNDING, 0.0, ratio - 1)


def observed(trades: Iterable[Trade]) -> list[list[list[Trade]]]:
    """Return the trades by observation and in it by event, in order of time.

    Events whose trades overlap in time are one observation. A trade without an event is an event of its own.
    """
    events: dict[str, list[Trade]] = {}
    for place, trade in enumerate(trades):
        events.setdefault(trade.event_id or f" {place}", []).append(trade)
    spans = {name: (min(t.entry_at for t in legs), max(t.exit_at for t in legs)) for name, legs in events.items()}
    ordered = sorted(events, key=lambda name: spans[name])
    groups: dict[int, list[list[Trade]]] = {}
    for name, group in zip(ordered, overlapping([spans[n] for n in ordered]), strict=True):
        groups.setdefault(group, []).append(events[name])
    return [*groups.values()]


def event_return(legs: Sequence[Trade]) -> float:
    """Return what the trades of an event made together: their P&L over their value at entry.

    One that the exposure limit cut so counts for less. Of a single trade it is its return, to the bit.
    """
    return legs[0].return_ if len(legs) == 1 else sum(t.pnl for t in legs) / sum(t.value for t in legs)


def overlapping(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Return the group of each span, in order of their beginnings: one that begins before all of a group end joins it.

    >>> overlapping([(0, 4), (1, 2), (3, 6), (6, 7)])
    [0, 0, 0, 1]
    """
    group, end, groups = -1, -(2**63), []
    for began, ended in spans:
        group += began >= end
        end = max(end, ended)
        groups.append(group)
    return groups
