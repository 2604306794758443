"""The sessions at which a rule that reads prices would trade: its placebo dates are chosen among them.

A rule such as "buy after a first session that fell 2 %" is compared with other sessions that fell 2 %, not with all.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from datasets.arrays import Flags
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.instants import to_ns
from datasets.prices.bars import Bars
from engine.plan.plan import Plan
from engine.strategy import Strategy
from engine.strategy.market import BarClock, Market, MarketView, TooFewBarsError
from engine.strategy.strategy_calls import call_strategy

MAX_CALLS = 60_000
"""The limit of the calls of a rule: events are moved to every session, one event after the other, up to it."""
_INSTANTS = ("announced_at", "scheduled_for", "polls_close_at", "known_at", "signal_from")


@dataclass(frozen=True)
class _RecordingView(MarketView):
    """A market view that records the instruments whose prices are read."""

    read: list[str] = field(default_factory=list)

    def bars(self, instrument: str) -> Bars:
        self.read.append(instrument)
        return super().bars(instrument)


def eligible_rows(strategy: Strategy, plan: Plan, events: EventCatalogue, market: Market, ref: Bars) -> Flags | None:
    """Return the rows of the reference calendar at which the rule would trade; None where it reads no price.

    A row is the first session to open after the decision. Events are moved by whole days, all their instants together.
    """
    traded = [events.get(i) for i in dict.fromkeys(t.event_id for t in plan.trades)]
    if not any(_reads_prices(strategy, e, market) for e in traded):
        return None
    eligible = np.zeros(len(ref), dtype=bool)
    for event in traded[: max(1, MAX_CALLS // len(ref))]:
        _mark(eligible, strategy, event, market, ref)
    return eligible


def _reads_prices(strategy: Strategy, event: PoliticalEvent, market: Market) -> bool:
    decided_at = _decided_at(strategy, event, market)
    if decided_at is None:
        return False
    view = _RecordingView(market, decided_at)
    _would_trade(strategy, event.as_known(decided_at), view)
    return bool(view.read)


def _decided_at(strategy: Strategy, event: PoliticalEvent, market: Market) -> datetime | None:
    return call_strategy(strategy, lambda: strategy.decides_at(event, BarClock(market)))


def _mark(eligible: Flags, strategy: Strategy, event: PoliticalEvent, market: Market, ref: Bars) -> None:
    """Mark the rows at which the rule would trade this event."""
    decided_at = _decided_at(strategy, event, market)
    if decided_at is None:
        return
    home = min(int(np.searchsorted(ref.open_at, to_ns(decided_at), side="right")), len(ref) - 1)
    for days in (ref.session - ref.session[home]).astype(int).tolist():
        moved = moved_by(event, timedelta(days=days))
        at = _decided_at(strategy, moved, market)
        row = len(ref) if at is None else int(np.searchsorted(ref.open_at, to_ns(at), side="right"))
        if at is not None and row < len(ref) and not eligible[row]:
            eligible[row] = _would_trade(strategy, moved.as_known(at), MarketView(market, at))


def _would_trade(strategy: Strategy, event: PoliticalEvent, view: MarketView) -> bool:
    try:
        return bool(call_strategy(strategy, lambda: strategy.legs(event, view)))
    except TooFewBarsError:
        return False


def moved_by(event: PoliticalEvent, by: timedelta) -> PoliticalEvent:
    """Return an event at another time, all its instants and its day of the vote moved together."""
    update: dict[str, Any] = {n: at + by for n in _INSTANTS if (at := getattr(event, n)) is not None}
    if event.voted_on is not None:
        update["voted_on"] = event.voted_on + by
    return event.model_copy(update=update)
