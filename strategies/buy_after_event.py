"""The generic rule, for people who write no code."""

from enum import StrEnum

from datasets.events import PoliticalEvent
from engine.strategy import (
    After,
    Delay,
    Fraction,
    Leg,
    NextClose,
    NextOpen,
    OptionalCondition,
    OptionalCountry,
    OptionalDistance,
    OptionalFlag,
    OptionalKind,
    OptionalMajority,
    OptionalProGrowth,
    OptionalSurprise,
    OptionalText,
    Phase,
    Sessions,
    Strategy,
    Symbol,
    condition_holds,
    strategy,
)
from engine.strategy.market import MarketView


class Side(StrEnum):
    """Which way to trade."""

    LONG = "long"
    SHORT = "short"


@strategy
class BuyAfterEvent(Strategy):
    """Buy (or sell short) one instrument after every event that passes the filters, and hold.

    Args:
        instrument: what to trade; home: the event's own main index, home-fx: its currency against the dollar
        side: long or short
        hold: sessions held
        delay: sessions waited before entering
        entry: at the next open or the next close after the outcome is known
        exit: at an open or a close
        weight: share of equity put in
        stop_loss: loss at which to leave, as a fraction of the entry price, or none
        take_profit: gain at which to leave, as a fraction of the entry price, or none
        trailing_stop: loss from the best price since the entry at which to leave, as a fraction, or none
        country: two letters, or none for all
        kind: kind of event, or none for all
        pro_growth: label, or none for all
        incumbent_won: true or false, or none for all
        majority: what the vote gave the winner, or none for all
        winner_party: the winner's party, or none for all
        surprise: upset or expected, or none for all
        tag: a tag of one's own events, or none for all
        extra: a condition on an own column, such as tariff_rate>=25 or court=supreme, or none
    """

    instrument: Symbol = "TOPIX"
    side: Side = Side.LONG
    hold: Sessions = 20
    delay: Delay = 0
    entry: Phase = Phase.OPEN
    exit: Phase = Phase.OPEN
    weight: Fraction = 0.95
    stop_loss: OptionalDistance = None
    take_profit: OptionalDistance = None
    trailing_stop: OptionalDistance = None
    country: OptionalCountry = None
    kind: OptionalKind = None
    pro_growth: OptionalProGrowth = None
    incumbent_won: OptionalFlag = None
    majority: OptionalMajority = None
    winner_party: OptionalText = None
    surprise: OptionalSurprise = None
    tag: OptionalText = None
    extra: OptionalCondition = None

    def wants(self, event: PoliticalEvent) -> bool:
        return (
            self.country in (None, event.country)
            and self.kind in (None, event.kind)
            and (self.pro_growth is None or event.pro_growth == self.pro_growth)
            and (self.incumbent_won is None or event.incumbent_won == self.incumbent_won)
            and (self.majority is None or event.majority == self.majority)
            and (self.winner_party is None or event.winner_party == self.winner_party)
            and (self.surprise is None or event.surprise == self.surprise)
            and (self.tag is None or self.tag in event.tags)
            and (self.extra is None or condition_holds(self.extra, event.extra))
        )

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        entry = NextOpen(delay=self.delay) if self.entry is Phase.OPEN else NextClose(delay=self.delay)
        return [
            Leg(
                self.instrument,
                self.weight if self.side is Side.LONG else -self.weight,
                entry=entry,
                exit=After(sessions=self.hold, at=self.exit),
                stop_loss=self.stop_loss,
                take_profit=self.take_profit,
                trailing_stop=self.trailing_stop,
            )
        ]
