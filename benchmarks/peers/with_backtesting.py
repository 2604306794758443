"""backtesting.py: one instrument, whole units; a vast capital makes those as good as fractions."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from backtesting import Backtest, Strategy

from benchmarks.worlds import CASH, HOLD, WEIGHT, Combination, event_rows, grid, prices

LARGE = 1e8  # times the cash: a unit is then less than 1e-11 of it


class Hold(Strategy):
    """Buys at the open after an event, sells at the open so many bars later; a stop and a target between."""

    entries: Any = frozenset()
    opens: Any = ()
    hold = HOLD
    stop: Any = None
    target: Any = None

    def init(self) -> None:
        self.left = -1

    def next(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.position.close()
        row = len(self.data) - 1
        if row in self.entries:
            self.enter(self.opens[row + 1])

    def enter(self, price: float) -> None:
        self.left = self.hold
        stop = None if self.stop is None else price * (1 - self.stop)
        target = None if self.target is None else price * (1 + self.target)
        self.buy(size=WEIGHT, sl=stop, tp=target)


def _made() -> Backtest:
    of = prices()
    frame = pd.DataFrame({n.capitalize(): v for n, v in of.columns().items()}, index=pd.DatetimeIndex(of.session))
    Hold.opens = of.open
    return Backtest(frame, Hold, cash=CASH * LARGE)


def one_plan() -> Callable[[], float]:
    """Return W1."""
    entries = frozenset(event_rows().tolist())
    return lambda: float(_made().run(entries=entries)["Equity Final [$]"]) / LARGE


def combinations(every: str = "1") -> Callable[[], list[float]]:
    """Return W3, one combination of each so many."""
    rows, chosen = event_rows(), grid()[:: int(every)]

    def one(test: Backtest, c: Combination) -> float:
        entries = frozenset((rows + c.delay).tolist())
        found = test.run(entries=entries, hold=c.hold, stop=c.stop, target=c.target)
        return float(found["Equity Final [$]"]) / LARGE

    def all_of_them() -> list[float]:
        test = _made()
        return [one(test, c) for c in chosen]

    return all_of_them
