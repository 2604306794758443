"""The script a user writes with backtrader and quantstats for one run: buy at dates, hold, and a tear sheet.

``python run_script.py PRICES.csv TRADES.csv OUT.html HOLD``; TRADES.csv has a column ``entry_session``.
"""

import sys
from typing import Any

import backtrader as bt
import pandas as pd
import quantstats as qs


class HoldAfter(bt.Strategy):  # type: ignore[misc]
    """Buys at the open of given rows, and sells at an open some rows later."""

    params = (("entries", ()), ("hold", 20))

    def next(self) -> None:
        row = len(self) - 1
        if row + 1 - self.p.hold in self.p.entries:
            self.close()
        if row + 1 in self.p.entries:
            self.order_target_percent(target=0.95)


def main(prices: str, trades: str, out: str, hold: str) -> None:
    """Run the strategy and write the tear sheet."""
    frame = pd.read_csv(prices, parse_dates=["date"], index_col="date")
    sessions = pd.to_datetime(pd.read_csv(trades)["entry_session"])
    cerebro: Any = bt.Cerebro()
    cerebro.broker.set_cash(1_000_000)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame, volume=None, openinterest=None))
    cerebro.addstrategy(HoldAfter, entries=set(frame.index.get_indexer(sessions)), hold=int(hold))
    cerebro.addanalyzer(bt.analyzers.TimeReturn, _name="returns")
    (strategy,) = cerebro.run()
    returns = pd.Series(strategy.analyzers.returns.get_analysis())
    returns.index = pd.to_datetime(returns.index)
    qs.reports.html(returns, output=out, title="hold after events")


if __name__ == "__main__":
    main(*sys.argv[1:])
