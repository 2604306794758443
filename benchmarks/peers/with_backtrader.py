"""Plain backtrader, fed by its own pandas feed."""

from collections.abc import Callable, Sequence

import backtrader as bt
import pandas as pd

from benchmarks.worlds import (
    CASH,
    HOLD,
    MARKETS,
    SHARE,
    WEIGHT,
    Combination,
    Prices,
    event_rows,
    grid,
    markets,
    prices,
    votes,
)

Numbers = list[float]


class Hold(bt.Strategy):
    """W1 and W3: buys at the open after an event, sells at the open so many bars later; a stop and a target between."""

    params = (("entries", frozenset()), ("hold", HOLD), ("stop", None), ("target", None))

    def __init__(self) -> None:
        self.left, self.inner = -1, []

    def next(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.leave()
        if len(self) - 1 in self.p.entries:
            self.enter()

    def enter(self) -> None:
        """Buy at the next open; the size is the one that hustings resolves at the fill."""
        price = self.data.open[1]
        size, self.left = WEIGHT * self.broker.getvalue() / price, self.p.hold
        self.buy(size=size)
        stop = target = None
        if self.p.stop is not None:
            stop = self.sell(size=size, exectype=bt.Order.Stop, price=price * (1 - self.p.stop))
        if self.p.target is not None:
            target = self.sell(size=size, exectype=bt.Order.Limit, price=price * (1 + self.p.target), oco=stop)
        self.inner = [o for o in (stop, target) if o is not None]

    def leave(self) -> None:
        for order in self.inner:
            self.cancel(order)
        if self.position:
            self.close()


def _feed(of: Prices) -> object:
    return bt.feeds.PandasData(dataname=pd.DataFrame(of.columns(), index=pd.DatetimeIndex(of.session)))


def _final(of: Sequence[Prices], rule: type[bt.Strategy], *, at_open: bool = False, **params: object) -> float:
    cerebro = bt.Cerebro(cheat_on_open=at_open)
    for each in of:
        cerebro.adddata(_feed(each))
    cerebro.broker.setcash(CASH)
    cerebro.broker.set_checksubmit(False)  # a stop sent with its buy is no short sale
    cerebro.addstrategy(rule, **params)
    cerebro.run()
    return float(cerebro.broker.getvalue())


def one_plan() -> Callable[[], float]:
    """Return W1."""
    entries = frozenset(event_rows().tolist())
    return lambda: _final([prices()], Hold, entries=entries)


def one_plan_of(n_bars: str, n_events: str) -> Callable[[], float]:
    """Return W1 of another size."""
    of, entries = prices(int(n_bars)), frozenset(event_rows(int(n_bars), int(n_events)).tolist())
    return lambda: _final([of], Hold, entries=entries)


def combinations(every: str = "1") -> Callable[[], Numbers]:
    """Return W3, one combination of each so many."""
    of, rows, chosen = prices(), event_rows(), grid()[:: int(every)]

    def one(c: Combination) -> float:
        entries = frozenset((rows + c.delay).tolist())
        return _final([of], Hold, entries=entries, hold=c.hold, stop=c.stop, target=c.target)

    return lambda: [one(c) for c in chosen]


class Account(bt.Strategy):
    """W2: twelve markets, one account; it acts at the opens, for there the sizes are resolved."""

    params = (("entries", {}), ("exits", {}))

    def __init__(self) -> None:
        self.seen = [0] * len(self.datas)

    def next_open(self) -> None:
        fresh = [n for n, d in enumerate(self.datas) if len(d) > self.seen[n]]
        equity = self.broker.getcash() + sum(self.value(n, n in fresh) for n in range(MARKETS))
        for n in fresh:
            self.seen[n] = row = len(self.datas[n])
            if (n, row - 1) in self.p.exits:
                self.close(self.datas[n])
            if (n, row - 1) in self.p.entries:
                self.buy(self.datas[n], size=SHARE * equity / self.datas[n].open[0])

    prenext_open = nextstart_open = next_open

    def value(self, n: int, fresh: bool) -> float:
        """Return what is held of a market at its open, or its last close where it does not trade that day."""
        data = self.datas[n]
        size = self.getposition(data).size
        return float(size * (data.open[0] if fresh else data.close[0])) if size else 0.0


def one_account() -> Callable[[], float]:
    """Return W2."""
    entries, exits = ({(v.market, getattr(v, n)) for v in votes()} for n in ("entry", "exit"))
    return lambda: _final(markets(), Account, at_open=True, entries=entries, exits=exits)
