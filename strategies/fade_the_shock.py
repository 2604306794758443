"""Political shocks overshoot: buy after a bad first session."""

from datetime import datetime

from datasets.events import PoliticalEvent
from engine.strategy import (
    After,
    Clock,
    Distance,
    Fraction,
    Leg,
    NextOpen,
    OptionalCountry,
    OptionalKind,
    Sessions,
    Strategy,
    Symbol,
    strategy,
)
from engine.strategy.market import MarketView


@strategy
class FadeTheShock(Strategy):
    """Buy the open after a first session that fell beyond a threshold, and hold.

    The first session is the first to close after the event was known; the decision falls at that close.

    Args:
        instrument: what to watch and to buy
        fall: how far the first session must fall, as a fraction of the close before it
        hold: sessions held, exit at the open that follows them
        weight: share of equity put in
        country: whose events, or none for all
        kind: which events, or none for all
    """

    instrument: Symbol = "TOPIX"
    fall: Distance = 0.02
    hold: Sessions = 10
    weight: Fraction = 0.95
    country: OptionalCountry = "JP"
    kind: OptionalKind = None

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        return None if event.known_at is None else clock.close_after(self.instrument, event.known_at)

    def wants(self, event: PoliticalEvent) -> bool:
        return self.country in (None, event.country) and self.kind in (None, event.kind)

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        if market.move(self.instrument) > -self.fall:
            return []
        return [Leg(self.instrument, self.weight, entry=NextOpen(), exit=After(sessions=self.hold))]
