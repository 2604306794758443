"""A vote that the market had not priced moves the index by what had not been priced."""

from datasets.events import PoliticalEvent
from datasets.events.kinds import Ballot
from engine.strategy import After, Fraction, Leg, NextOpen, OptionalCountry, Sessions, Strategy, Symbol, strategy
from engine.strategy.market import MarketView


@strategy
class SurpriseWin(Strategy):
    """Buy an index at the first open after a vote whose outcome had been held unlikely, and hold it.

    Args:
        instrument: what to buy
        prior_below: trade if the outcome's probability, as known before the polls closed, was below this
        hold: sessions held, exit at the open that follows them
        weight: share of equity put in
        country: where the vote was held, or none for all
    """

    instrument: Symbol = "SPX"
    prior_below: Fraction = 0.5
    hold: Sessions = 20
    weight: Fraction = 0.95
    country: OptionalCountry = "US"

    def wants(self, event: PoliticalEvent) -> bool:
        if event.ballot not in (Ballot.ELECTION, Ballot.REFERENDUM) or self.country not in (None, event.country):
            return False
        return event.outcome_prior is not None and event.outcome_prior < self.prior_below

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        return [Leg(self.instrument, self.weight, entry=NextOpen(), exit=After(sessions=self.hold))]
