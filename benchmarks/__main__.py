"""One instrument x 9,000 bars x 40 events: plain backtrader fed by pandas, our replay, and the evaluation on arrays.

Medians of five interleaved runs. Final equity is checked to agree before any time is compared.
"""

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import backtrader as bt
import numpy as np
import pandas as pd

from datasets.bars import Bars, Source, make_bars
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.instants import to_datetime, to_ns
from datasets.instruments import Instrument, InstrumentTable
from engine.costs import Terms
from engine.market import Market
from engine.plan import Plan, make_plan
from engine.replay import replay
from engine.vector import evaluate
from strategies.buy_after_event import BuyAfterEvent

BARS, EVENTS, HOLD, RUNS = 9_000, 40, 20, 5
FREE = Terms(commission_bps=0, slippage_bps=0)


def one_market() -> Bars:
    """Return 9,000 weekday bars of a seeded random walk."""
    rng = np.random.default_rng(1)
    days = np.busday_offset(np.datetime64("1990-01-02"), np.arange(BARS), roll="forward")
    close = 1000 * np.exp(np.cumsum(0.01 * rng.standard_normal(BARS)))
    open_ = close * np.exp(0.003 * rng.standard_normal(BARS))
    return make_bars(
        Instrument("AAA", "A", "XTKS", "JPY", 0.0, 0.0, 0.0),
        Source("benchmark", "random walk"),
        session=days,
        open_=open_,
        high=np.maximum(open_, close) * 1.001,
        low=np.minimum(open_, close) * 0.999,
        close=close,
        volume=np.full(BARS, np.nan),
        where=str,
    )


def events_of(bars: Bars) -> EventCatalogue:
    """Return 40 events, each known an hour after a close, far enough apart not to overlap."""
    rows = np.linspace(100, BARS - 100, EVENTS).astype(int)
    instants = [to_datetime(int(bars.close_at[r]) + 3_600_000_000_000) for r in rows]
    return EventCatalogue(
        PoliticalEvent(event_id=f"E{n}", country="JP", kind="general_election", title="t", known_at=at)
        for n, at in enumerate(instants)
    )


class PlainHold(bt.Strategy):
    """The same rule written for backtrader: all its own sizing, at the next open."""

    params = (("entries", frozenset()),)

    def __init__(self) -> None:
        self.left = -1

    def next(self) -> None:
        if self.left > 0:
            self.left -= 1
            if self.left == 0:
                self.close()
        elif len(self) - 1 in self.p.entries:
            self.buy(size=0.95 * self.broker.getvalue() / self.data.open[1])  # the size our rule resolves at the fill
            self.left = HOLD


def plain_backtrader(bars: Bars, plan: Plan) -> float:
    """Return the final equity of plain backtrader with its own pandas feed."""
    columns = {n: getattr(bars, n) for n in ("open", "high", "low", "close", "volume")}
    cerebro = bt.Cerebro()
    cerebro.adddata(bt.feeds.PandasData(dataname=pd.DataFrame(columns, index=pd.DatetimeIndex(bars.session))))
    cerebro.broker.setcash(1_000_000)
    cerebro.addstrategy(PlainHold, entries=frozenset(t.entry.bar - 1 for t in plan.trades))
    cerebro.run()
    return float(cerebro.broker.getvalue())


def seconds(work: Callable[[], float]) -> tuple[float, float]:
    """Return how long a piece of work took, and what it returned."""
    began = time.perf_counter()
    value = work()
    return time.perf_counter() - began, value


class _One:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars

    def symbols(self) -> list[str]:
        return [self._bars.symbol]

    def load(self, instrument: Instrument) -> Bars:
        return self._bars


def main() -> int:
    """Run the three in turn, five times, and print medians and ratios."""
    bars = one_market()
    assert to_ns(datetime(1990, 1, 2, tzinfo=UTC)) <= bars.open_at[0]
    market = Market(_One(bars), InstrumentTable([bars.instrument]))
    plan = make_plan(BuyAfterEvent(instrument="AAA", hold=HOLD), events_of(bars), market)
    peers: dict[str, Callable[[], float]] = {
        "plain backtrader, pandas feed": lambda: plain_backtrader(bars, plan),
        "replay": lambda: float(replay(plan, [bars], FREE).equity[-1]),
        "evaluate": lambda: float(evaluate(plan, [bars], FREE).equity[-1]),
    }
    took: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(RUNS):
        found = {}
        for name, work in peers.items():
            spent, found[name] = seconds(work)
            took[name].append(spent)
        spread = max(found.values()) / min(found.values()) - 1
        if spread > 1e-9:
            print(f"final equities differ by {spread:.1e}: {found}", file=sys.stderr)
            return 1
    slowest = statistics.median(took["plain backtrader, pandas feed"])
    print(f"{BARS} bars, {len(plan.trades)} trades, medians of {RUNS} interleaved runs; final equity agrees to 1e-9")
    for name, each in took.items():
        middle = statistics.median(each)
        print(f"{name:32} {middle * 1e3:9.2f} ms   {slowest / middle:8.1f} times plain backtrader")
    return 0


if __name__ == "__main__":
    sys.exit(main())
