"""A landslide in Japan lifts its neighbours, each from its own next open."""

from datasets.events import Kind, Majority, PoliticalEvent
from engine.strategy import After, Delay, Fraction, Leg, Markets, NextOpen, Sessions, Strategy, strategy
from engine.strategy.market import MarketView
from engine.strategy.market_shares import weights


@strategy
class RegionalSpillover(Strategy):
    """Buy the neighbours' indices after a Japanese landslide, each at its own next open.

    Args:
        markets: what to buy, each in an equal share; -NAME sells short, NAME:0.3 has that share of equity
        hold: sessions held in each market, exit at the open that follows them
        delay: sessions waited in each market before buying
        weight: share of equity put in, all legs together
    """

    markets: Markets = ("KOSPI", "HSI", "SSEC", "ASX200", "NIFTY50", "SPX")
    hold: Sessions = 5
    delay: Delay = 0
    weight: Fraction = 0.9

    def wants(self, event: PoliticalEvent) -> bool:
        return (
            event.country == "JP" and event.kind == Kind.GENERAL_ELECTION and event.majority == Majority.SUPERMAJORITY
        )

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        entry, exit_ = NextOpen(delay=self.delay), After(sessions=self.hold)
        return [Leg(name, each, entry=entry, exit=exit_) for name, each in weights(self.markets, self.weight)]
