"""One instrument x 9,000 bars x 40 events: plain backtrader fed by pandas, our replay, and the evaluation on arrays.

Final equity is checked to agree before any time is compared.
"""

from collections.abc import Callable

import backtrader as bt
import numpy as np
import pandas as pd

from benchmarks.timing import interleaved, show
from datasets.bars import Bars, Source, make_bars
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.instants import to_datetime
from datasets.instruments import Instrument, InstrumentTable
from engine.costs import Terms
from engine.market import Market
from engine.plan import Plan, make_plan
from engine.replay import replay
from engine.vector import evaluate
from strategies.buy_after_event import BuyAfterEvent

BARS, EVENTS, HOLD = 9_000, 40, 20
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


class _One:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars

    def symbols(self) -> list[str]:
        return [self._bars.symbol]

    def load(self, instrument: Instrument) -> Bars:
        return self._bars


def main() -> None:
    """Run the three in turn and print medians and ratios."""
    bars = one_market()
    market = Market(_One(bars), InstrumentTable([bars.instrument]))
    plan = make_plan(BuyAfterEvent(instrument="AAA", hold=HOLD), events_of(bars), market)
    plain = "plain backtrader, pandas feed"
    peers: dict[str, Callable[[], float]] = {
        plain: lambda: plain_backtrader(bars, plan),
        "replay": lambda: float(replay(plan, [bars], FREE).equity[-1]),
        "evaluate": lambda: float(evaluate(plan, [bars], FREE).equity[-1]),
    }
    title = f"{BARS} bars, {len(plan.trades)} trades, final equity agrees to 1e-9"
    show(title, interleaved(peers, agree=1e-9), against=plain)


if __name__ == "__main__":
    main()
