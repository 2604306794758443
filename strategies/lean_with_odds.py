"""Favourites win more often than their odds say: hold over the vote what the favourite is good for."""

from datetime import datetime, timedelta
from typing import Annotated

import numpy as np
from pydantic import Field

from datasets.events import PoliticalEvent
from datasets.events.odds_book import OutcomeOdds
from datasets.instants import to_ns
from engine.statistics.regression import regress
from engine.strategy import After, Clock, Fraction, Leg, NextClose, Phase, Sessions, Strategy, Symbol, strategy
from engine.strategy.market import MarketView

LEAST, LEAST_CHANGE = 20, 0.005
"""Pairs of a close and a quote, and the standard deviation of the probability's changes, for an estimate of b."""


@strategy
class LeanWithOdds(Strategy):
    """Hold an index over a vote, by the edge that its odds leave and by what an outcome is worth to the index.

    Args:
        instrument: what to trade
        outcome: the outcome whose odds are read, as the priors file names it
        stretch: the odds p / (1 - p) are believed to this power; above 1 favourites are underpriced, below 1 longshots
        kelly: share of Kelly's fraction
        cap: largest share of equity, on either side
        days: days before the day of the vote at which it decides
        hold: sessions held, to a close
    """

    instrument: Symbol = "SPX"
    outcome: str = "Republican"
    stretch: Annotated[float, Field(gt=0, le=5)] = 1.2
    kelly: Fraction = 0.5
    cap: Fraction = 0.95
    days: Sessions = 1
    hold: Sessions = 2

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        return event.known_at if event.vote_begins_at is None else event.vote_begins_at - timedelta(days=self.days)

    def wants(self, event: PoliticalEvent) -> bool:
        return event.is_vote and self.outcome in event.priors

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        p, b = event.priors.get(self.outcome, 0.0), self._slope(event, market)
        if not (b and 0 < p < 1):
            return []
        odds = (p / (1 - p)) ** self.stretch
        q = odds / (1 + odds)
        fraction = self.kelly * (q - p) / (b * q * (1 - q))  # of the mean b (q - p) over the variance b² q (1 - q)
        weight = round(max(-self.cap, min(self.cap, fraction)), 4)
        leg = Leg(self.instrument, weight, entry=NextClose(), exit=After(sessions=self.hold, at=Phase.CLOSE))
        return [leg] if weight else []

    def _slope(self, event: PoliticalEvent, market: MarketView) -> float:
        """Return b of r = a + b dp over the closes up to now, each with the probability by then; 0 without enough."""
        quotes, bars = market.odds(event), market.bars(self.instrument)
        if not quotes:
            return 0.0
        quoted = bars.close_at >= to_ns(quotes[0].observed_at)
        changes = np.diff(OutcomeOdds(quotes, self.outcome).at(bars.close_at[quoted])[0])
        known = np.isfinite(changes)
        if known.sum() < LEAST or changes[known].std() < LEAST_CHANGE:
            return 0.0
        return regress(np.diff(np.log(bars.close[quoted]))[known], changes[known]).slope
