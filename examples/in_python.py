"""A user's script: a rule of its own, a run, what it supports, and a comparison; type-checked as strictly as all else.

python examples/in_python.py
"""

import hustings as hs
from datasets.events import PoliticalEvent
from engine.strategy import After, Leg, NextOpen, Sessions, Strategy, Symbol, strategy
from engine.strategy.market import MarketView


@strategy
class Landslide(Strategy):
    """Buy an index after a landslide in Japan, and hold it.

    Args:
        instrument: index to buy
        hold: sessions held
    """

    instrument: Symbol = "TOPIX"
    hold: Sessions = 10

    def wants(self, event: PoliticalEvent) -> bool:
        return event.country == "JP" and event.is_election and event.majority == "supermajority"

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        return [Leg(self.instrument, 0.95, entry=NextOpen(), exit=After(sessions=self.hold))]


def main() -> None:
    """Print what two holding periods earned, and whether that is evidence."""
    short, long = hs.run(Landslide(hold=5)), hs.run(Landslide, hold=20, cash=500_000)
    print(short, long, sep="\n")
    print(long.trades[["event_id", "entry_at", "return"]].to_string())
    print(hs.study(long, draws=100))
    print(hs.compare(short, long).frame.loc[["total_return", "max_drawdown"]].to_string())


if __name__ == "__main__":
    main()
