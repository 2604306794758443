"""The trade of February 2026: a win for fiscal expansion lifts shares and weakens the yen."""

from datasets.events import Kind, Majority, PoliticalEvent
from engine.strategy import After, Fraction, Leg, NextOpen, Sessions, Strategy, Symbols, strategy
from engine.strategy.market import MarketView


@strategy
class TakaichiTrade(Strategy):
    """Buy Nikkei, TOPIX and the dollar against the yen at their next opens after a Japanese win for fiscal expansion.

    Args:
        markets: what to buy, each in an equal share
        hold: sessions held, exit at the open that follows them
        weight: share of equity put in, all legs together
    """

    markets: Symbols = ("N225", "TOPIX", "USDJPY")
    hold: Sessions = 10
    weight: Fraction = 0.9

    def wants(self, event: PoliticalEvent) -> bool:
        won = (Majority.SUPERMAJORITY, Majority.MAJORITY, Majority.COALITION)
        return (
            event.country == "JP"
            and event.kind == Kind.GENERAL_ELECTION
            and "fiscal_expansion" in event.program
            and event.majority in won
        )

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        each = self.weight / len(self.markets)
        return [Leg(name, each, entry=NextOpen(), exit=After(sessions=self.hold)) for name in self.markets]
