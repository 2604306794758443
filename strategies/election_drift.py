"""Uncertainty resolves before the vote: own the market in the sessions that lead up to it."""

from datetime import datetime

from datasets.events import PoliticalEvent
from engine.strategy import (
    BeforeVote,
    Clock,
    Country,
    Fraction,
    LastCloseBefore,
    Leg,
    OptionalKind,
    Sessions,
    Strategy,
    Symbol,
    strategy,
)
from engine.strategy.market import MarketView


@strategy
class ElectionDrift(Strategy):
    """Own an index from so many sessions before a scheduled vote to the last close before it.

    Args:
        instrument: what to buy
        sessions: sessions held, up to the last close before the day of the vote
        country: whose votes
        kind: which elections, or none for all
        weight: share of equity put in
    """

    instrument: Symbol = "SPX"
    sessions: Sessions = 5
    country: Country = "US"
    kind: OptionalKind = None
    weight: Fraction = 0.95

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        return event.announced_at

    def wants(self, event: PoliticalEvent) -> bool:
        return event.country == self.country and event.is_election and self.kind in (None, event.kind)

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        if event.vote_begins_at is None:
            return []
        entry, exit_ = BeforeVote(sessions=self.sessions), LastCloseBefore(event.vote_begins_at)
        return [Leg(self.instrument, self.weight, entry=entry, exit=exit_)]
