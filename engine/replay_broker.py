"""The broker of every replay: backtrader's, with a guard on time, costs in basis points and a limit on exposure.

What plain backtrader does and this one does not (each a test in tests/engine/test_backtrader_traps.py): fill an
order on a bar that had already been seen, or at an open before the order was sent; reject an order because the price
gapped; read 5 as 500 percent commission; sell short five times the equity.
"""

from dataclasses import dataclass
from typing import Any

import backtrader as bt
import numpy as np

from datasets.bars import Floats
from datasets.instants import Instants
from engine.costs import Costs

_DUST = 1e-9


class BarFeed(bt.feed.DataBase):  # type: ignore[misc]
    """Rows of arrays as a backtrader feed, each with the instants at which its open and its close come into being.

    ``preload`` copies the arrays whole; without it one row at a time is laid down, so that the future is not there.
    """

    params = (("rows", None),)

    def __init__(self) -> None:
        super().__init__()
        rows: dict[str, Any] = self.p.rows
        self.open_at: Instants = rows["open_at"]
        self.close_at: Instants = rows["close_at"]
        self._stamps = day_numbers(rows.get("stamp_at", self.close_at))
        self._columns: list[tuple[str, Floats]] = [("datetime", self._stamps)]
        self._columns += [(name, rows[name]) for name in ("open", "high", "low", "close", "volume")]
        self._next_row = 0

    def start(self) -> None:
        super().start()
        self._next_row = 0

    def preload(self) -> None:
        zeros = np.zeros(len(self._stamps)).tobytes()
        given = {name: np.ascontiguousarray(values).tobytes() for name, values in self._columns}
        for alias in self.lines.getlinealiases():
            getattr(self.lines, alias).array.frombytes(given.get(alias, zeros))
        self.home()

    def _load(self) -> bool:
        row = self._next_row
        if row >= len(self._stamps):
            return False
        for name, values in self._columns:
            getattr(self.lines, name)[0] = values[row]
        self._next_row = row + 1
        return True

    def rewind(self, size: int = 1) -> None:
        """Take back rows laid down too early (cerebro looks one row ahead in every feed): the future is erased."""
        self.backwards(size=size, force=True)
        self._next_row -= size

    @property
    def row(self) -> int:
        """The row now current, from 0."""
        return len(self) - 1


def feed_of(rows: dict[str, Any]) -> Any:
    """Return the feed of a dictionary of equally long arrays: open_at close_at open high low close volume."""
    feed: Any = BarFeed
    return feed(rows=rows)


def day_numbers(instants: Instants) -> Floats:
    """Return instants as backtrader's day numbers (days since 0001-01-01, plus one), exact to some 10 microseconds."""
    whole, part = np.divmod(instants, 86_400_000_000_000)
    return whole.astype(np.float64) + 719_163.0 + part / 8.64e13


class BpsCommission(bt.CommInfoBase):  # type: ignore[misc]
    """Commission in basis points of the traded value; sizes may be fractions."""

    params = (("bps", 0.0), ("commtype", bt.CommInfoBase.COMM_PERC), ("stocklike", True), ("percabs", True))

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        return float(abs(size * price) * self.p.bps * 1e-4)

    def getsize(self, price: float, cash: float) -> float:
        return float(cash / price)


@dataclass(frozen=True)
class Execution:
    """One fill as the broker made it: signed size, price before and after slippage, instants in ns."""

    name: str
    row: int
    size: float
    reference: float
    paid: float
    commission: float
    sent_at: int
    filled_at: int


class GuardedBroker(bt.brokers.BackBroker):  # type: ignore[misc]
    """Fills an order only at a price that comes into being strictly after the order's instant.

    ``costs`` and ``lots`` are given per feed; ``max_gross`` limits the sum of absolute positions over equity. What it
    cuts or refuses is listed in ``refused`` as (feed name, text).
    """

    def __init__(self, costs: dict[str, Costs], lots: dict[str, float], max_gross: float, cash: float) -> None:
        super().__init__()
        self.set_checksubmit(False)
        self._costs, self._lots, self._max_gross = costs, lots, max_gross
        self.set_cash(cash)
        self.now = 0
        self.refused: list[tuple[str, str]] = []
        self.executions: list[Execution] = []
        for name, cost in costs.items():
            self.addcommissioninfo(BpsCommission(bps=cost.commission_bps), name=name)

    def next(self) -> None:
        """Match pending orders against the rows now current."""
        self.now = max((int(d.close_at[d.row]) for d in self.cerebro.datas if d.row >= 0), default=0)
        super().next()

    def submit(self, order: Any, check: bool = True) -> Any:
        """Take an order, noting the instant it was sent at and the last bar it could have seen."""
        order.addinfo(sent_at=self.now, seen_row=order.data.row)
        return super().submit(order, check=check)

    def _try_exec(self, order: Any) -> None:
        """Execute an order whose price came into being after it was decided, else leave it pending."""
        data, row = order.data, order.data.row
        if "fill_price" in order.info:
            if data.close_at[row] > order.info["decided_at"]:
                self._fill(order, order.info["fill_price"], int(data.close_at[row]))
        elif row <= order.info["seen_row"]:
            return  # the market has not traded since: its last bar was already seen
        elif data.open_at[row] > order.info["sent_at"]:
            super()._try_exec(order)
        elif data.close_at[row] > order.info["sent_at"] and order.exectype == bt.Order.Market:
            self._fill(order, data.close[0], int(data.close_at[row]))

    def _execute(self, order: Any, ago: Any = None, price: Any = None, **other: Any) -> None:
        """Execute what backtrader's matching found, with our slippage and within the exposure limit."""
        if ago is None or price is None:
            super()._execute(order, ago=ago, price=price, **other)
            return
        row = order.data.row
        at_open = order.exectype == bt.Order.Market
        self._fill(order, price, int((order.data.open_at if at_open else order.data.close_at)[row]))

    def _fill(self, order: Any, price: float, at: int) -> None:
        buy = order.isbuy()
        paid = self._costs[order.data._name].fill_price(price, buy=buy)
        if not self._fit(order, paid):
            order.margin()
            self.notify(order)
            return
        need = abs(order.executed.remsize) * paid
        lent = (
            0.0 if self.cash > 2 * need else 3 * need - 2 * min(self.cash, 0.0)
        )  # negative cash is refused; the limit is ours
        self.cash += lent
        super()._execute(order, ago=0, price=paid)
        self.cash -= lent
        self._sweep(order)
        self.executions.append(
            Execution(
                name=order.data._name,
                row=order.data.row,
                size=float(order.executed.size),
                reference=price,
                paid=paid,
                commission=float(order.executed.comm),
                sent_at=order.info.get("decided_at", order.info["sent_at"]),
                filled_at=at,
            )
        )

    def _sweep(self, order: Any) -> None:
        """Take away what rounding leaves of an order or a position: sums of fractions do not cancel exactly."""
        dust = _DUST * abs(order.created.size)
        if order.alive() and abs(order.executed.remsize) < dust:
            order.completed()
            self.notify(order)
        position = self.positions[order.data]
        if position.size and abs(position.size) < dust:
            position.size, position.price = 0, 0.0

    def _fit(self, order: Any, price: float) -> bool:
        """Cut an order that would break the exposure limit down to what fits; return False if nothing does."""
        if "fill_price" in order.info:
            return True  # planned orders are sized at the fill
        held = self.positions[order.data].size
        wanted = held + order.executed.remsize
        if abs(wanted) <= abs(held) + 1e-12 and held * wanted >= 0:
            return True
        others = sum(abs(p.size * d.close[0]) for d, p in self.positions.items() if d is not order.data)
        equity = self.cash + sum(p.size * (price if d is order.data else d.close[0]) for d, p in self.positions.items())
        rate = 1 + self._costs[order.data._name].commission_bps * 1e-4
        room = max(0.0, self._max_gross * equity - others) / (price * rate)
        allowed = float(np.sign(wanted)) * self._round(min(abs(wanted), room), order.data._name)
        size = allowed - held
        if size * order.executed.remsize <= 0:
            self.refused.append((order.data._name, f"order of {order.executed.remsize:g} refused: {self._limit()}"))
            return False
        if abs(size) < abs(order.executed.remsize) - 1e-9:
            self.refused.append(
                (order.data._name, f"order of {order.executed.remsize:g} cut to {size:g}: {self._limit()}")
            )
            order.executed.remsize = order.created.size = order.size = size
        return True

    def _round(self, quantity: float, name: str) -> float:
        lot = self._lots[name]
        return np.floor(quantity / lot + 1e-9) * lot if lot else quantity

    def _limit(self) -> str:
        return f"gross exposure is limited to {self._max_gross:g} times equity"
