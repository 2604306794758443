"""The rule the project began with: a pro-growth election win lifts the index."""

from datasets.events import PoliticalEvent
from engine.strategy import After, Country, Fraction, Leg, NextOpen, Sessions, Strategy, Symbol, strategy
from engine.strategy.market import MarketView


@strategy
class ProGrowthWin(Strategy):
    """Buy an index at the first open after a pro-growth election win, and hold it.

    Args:
        instrument: what to buy
        hold: sessions held, exit at the open that follows them
        weight: share of equity put in
        country: where the election was held
    """

    instrument: Symbol = "TOPIX"
    hold: Sessions = 20
    weight: Fraction = 0.95
    country: Country = "JP"

    def wants(self, event: PoliticalEvent) -> bool:
        return event.kind == "general_election" and event.country == self.country and event.pro_growth == "yes"

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        return [Leg(self.instrument, self.weight, entry=NextOpen(), exit=After(sessions=self.hold))]
