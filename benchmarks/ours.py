"""W1 and W2 by hustings: the replay on backtrader, and the same account on arrays."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from benchmarks.worlds import HOLD, SHARE, WEIGHT, Prices, event_rows, markets, prices, votes
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.instants import to_datetime
from datasets.markets.instruments import Instrument, InstrumentTable
from datasets.prices.bars import Bars, Source, make_bars
from engine.account.evaluate import evaluate
from engine.plan.costs import Terms
from engine.plan.plan import Plan, make_plan
from engine.strategy import After, Fraction, Leg, NextOpen, Strategy, Symbols, strategy
from engine.strategy.market import Market, MarketView
from strategies.buy_after_event import BuyAfterEvent

FREE = Terms(commission_bps=0, slippage_bps=0)
"""No costs, so that no peer's own way of computing them is in the picture."""
AN_HOUR = 3_600_000_000_000


def bars_of(of: Prices, symbol: str = "M0") -> Bars:
    """Return prices as bars of Tokyo's hours."""
    return make_bars(
        Instrument(symbol, symbol, "XTKS", "JPY", 0.0, 0.0, 0.0),
        Source("benchmark", "random walk"),
        session=of.session,
        open_=of.open,
        high=of.high,
        low=of.low,
        close=of.close,
        volume=np.full(len(of), np.nan),
        where=str,
    )


def event_after(bars: Bars, row: int, name: str) -> PoliticalEvent:
    """Return an event known an hour after the close of a row."""
    at = to_datetime(int(bars.close_at[row]) + AN_HOUR)
    return PoliticalEvent(event_id=name, country="JP", kind="general_election", title="t", known_at=at)


class Memory:
    """Bars held in memory, as a source."""

    def __init__(self, bars: Sequence[Bars]) -> None:
        self._bars = {b.symbol: b for b in bars}

    def symbols(self) -> list[str]:
        """Return the symbols there are."""
        return list(self._bars)

    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of one."""
        return self._bars[instrument.symbol]


def market_of(bars: Sequence[Bars]) -> Market:
    """Return the market of several instruments."""
    return Market(Memory(bars), InstrumentTable([b.instrument for b in bars]))


@strategy
class BuyTheOneNamed(Strategy):
    """W2, and growing markets: buy at the next open the market that the event's id begins with.

    Args:
        markets: what may be traded
        weight: share of equity put into each
    """

    markets: Symbols
    weight: Fraction = SHARE

    def wants(self, event: PoliticalEvent) -> bool:
        return True

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        return [Leg(event.event_id.split("-")[0], self.weight, entry=NextOpen(), exit=After(sessions=HOLD))]


def one_event_list(n_bars: int, n_events: int) -> tuple[Plan, list[Bars]]:
    """Return the plan of W1, of any size, and its bars."""
    bars = bars_of(prices(n_bars))
    events = EventCatalogue(event_after(bars, r, f"E{n}") for n, r in enumerate(event_rows(n_bars, n_events).tolist()))
    rule = BuyAfterEvent(instrument="M0", hold=HOLD, weight=WEIGHT)
    return make_plan(rule, events, market_of([bars])), [bars]


@lru_cache
def one_account_plan() -> tuple[Plan, list[Bars]]:
    """Return the plan of W2 and its bars."""
    bars = [bars_of(p, f"M{n}") for n, p in enumerate(markets())]
    events = EventCatalogue(event_after(bars[v.market], v.row, f"M{v.market}-{n}") for n, v in enumerate(votes()))
    rule = BuyTheOneNamed(markets=tuple(b.symbol for b in bars))
    return make_plan(rule, events, market_of(bars)), bars


def replay_one_plan(n_bars: str, n_events: str) -> Callable[[], float]:
    """Return the replay of W1, of any size."""
    from engine.account.replay import replay  # brings backtrader, which sweeps of arrays do without

    plan, bars = one_event_list(int(n_bars), int(n_events))
    return lambda: float(replay(plan, bars, FREE).equity[-1])


def evaluate_one_plan(n_bars: str, n_events: str) -> Callable[[], float]:
    """Return the account of W1 on arrays, of any size."""
    plan, bars = one_event_list(int(n_bars), int(n_events))
    return lambda: float(evaluate(plan, bars, FREE).equity[-1])


def replay_one_account() -> Callable[[], float]:
    """Return the replay of W2."""
    from engine.account.replay import replay

    plan, bars = one_account_plan()
    return lambda: float(replay(plan, bars, FREE).equity[-1])


def evaluate_one_account() -> Callable[[], float]:
    """Return the account of W2 on arrays."""
    plan, bars = one_account_plan()
    return lambda: float(evaluate(plan, bars, FREE).equity[-1])
