"""The presidential puzzle as a rule: hold US shares while one party has the White House."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

from datasets.events import Kind, PoliticalEvent
from engine.strategy import Fraction, LastCloseBefore, Leg, NextOpen, Strategy, Symbol, strategy
from engine.strategy.market import MarketView


@strategy
class PresidentialCycle(Strategy):
    """Hold the US market through the terms of one party, from inauguration (plus some days) to the next one.

    Each term is a trade of its own: a party that is re-elected is sold at the last close and bought at the next open.

    Args:
        instrument: what to hold
        party: Democratic or Republican
        days_after: calendar days after an inauguration at which the change is made
        weight: share of equity put in
    """

    instrument: Symbol = "SPX"
    party: str = "Democratic"
    days_after: Annotated[int, Field(ge=0, le=365)] = 0
    weight: Fraction = 0.95

    def wants(self, event: PoliticalEvent) -> bool:
        return event.country == "US" and event.kind == Kind.PRESIDENTIAL_ELECTION and event.winner_party == self.party

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        if event.voted_on is None:
            return []
        shift = timedelta(days=self.days_after)
        begins = _inauguration(event.voted_on.year + 1) + shift
        ends = _inauguration(event.voted_on.year + 5) + shift
        return [Leg(self.instrument, self.weight, entry=NextOpen(after=begins), exit=LastCloseBefore(ends))]


def _inauguration(year: int) -> datetime:
    """Return midnight in Washington of the day a term begins: 20 January, before 1937 4 March."""
    month, day = (1, 20) if year >= 1937 else (3, 4)
    return datetime(year, month, day, 5, tzinfo=UTC)
