"""``MarketView``, under the name that strategy files import it by."""

from engine.strategy.market import BarClock, LookAheadError, Market, MarketView, TooFewBarsError

__all__ = ["BarClock", "LookAheadError", "Market", "MarketView", "TooFewBarsError"]
