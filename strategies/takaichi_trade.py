"""The trade of February 2026: a win for fiscal expansion lifts shares, and weakens the yen and its bonds."""

from datasets.events import Kind, Majority, PoliticalEvent
from engine.strategy import After, AnyMarkets, Fraction, Kinds, Leg, Markets, NextOpen, Sessions, Strategy, strategy
from engine.strategy.market import MarketView
from engine.strategy.market_shares import weights


@strategy
class TakaichiTrade(Strategy):
    """Buy Nikkei, TOPIX and the dollar against the yen at their next opens after a Japanese win for fiscal expansion.

    Args:
        markets: what to buy, each in an equal share; -NAME sells short, NAME:0.3 has that share of equity
        hold: sessions held, exit at the open that follows them
        weight: share of equity put in, all legs together
        kinds: which events; a kind in which citizens elect no chamber needs no majority
        bonds: what to sell short besides, such as JGB10Y, in a share like that of a market; blank for none
    """

    markets: Markets = ("N225", "TOPIX", "USDJPY")
    hold: Sessions = 10
    weight: Fraction = 0.9
    kinds: Kinds = (Kind.GENERAL_ELECTION,)
    bonds: AnyMarkets = ()

    def wants(self, event: PoliticalEvent) -> bool:
        won = (Majority.SUPERMAJORITY, Majority.MAJORITY, Majority.COALITION)
        return (
            event.country == "JP"
            and event.kind in self.kinds
            and "fiscal_expansion" in event.program
            and (event.majority in won or not event.is_election)
        )

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        entry, exit_ = NextOpen(), After(sessions=self.hold)
        markets = (*self.markets, *(f"-{bond}" for bond in self.bonds))
        return [Leg(name, each, entry=entry, exit=exit_) for name, each in weights(markets, self.weight)]
