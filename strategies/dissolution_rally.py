"""Tokyo's saying that elections are a buy: from the dissolution to the vote."""

from datetime import datetime

from datasets.events import Kind, PoliticalEvent
from engine.strategy import Clock, Country, Fraction, LastCloseBefore, Leg, NextOpen, Strategy, Symbol, strategy
from engine.strategy.market import MarketView


@strategy
class DissolutionRally(Strategy):
    """Buy when the dissolution of the lower house is announced, sell at the last close before the vote.

    Args:
        instrument: what to buy
        country: whose lower house
        weight: share of equity put in
    """

    instrument: Symbol = "N225"
    country: Country = "JP"
    weight: Fraction = 0.95

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        return event.announced_at

    def wants(self, event: PoliticalEvent) -> bool:
        return event.country == self.country and event.kind == Kind.GENERAL_ELECTION

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        if event.vote_begins_at is None:
            return []
        return [Leg(self.instrument, self.weight, entry=NextOpen(), exit=LastCloseBefore(event.vote_begins_at))]
