"""The broker of every replay: backtrader's, with a guard on time, costs in basis points and a limit on exposure.

What plain backtrader does and this one does not (each a test in tests/engine/test_backtrader_traps.py): fill an
order on a bar that had already been seen, or at an open before the order was sent; reject an order because the price
gapped; read 5 as 500 percent commission; sell short five times the equity.
"""

from datetime import timedelta
from typing import Any, cast

import backtrader as bt
import numpy as np
from msgspec import Struct

from datasets.errors import UserError
from engine.account.replay_feed import NEVER, PriceAt, day_number
from engine.account.sizing import whole_lots
from engine.plan.costs import BPS, Costs

_DUST = 1e-9
_LIMITS = (bt.Order.Limit, bt.Order.StopLimit, bt.Order.StopTrailLimit)
WHATEVER_COMES = (bt.Order.Market, bt.Order.Close)
"""Orders that ask for no price: the first, or the first at which a session closes."""
_KINDS = frozenset(range(len(bt.Order.ExecTypes)))
_STAMP_ERROR = 1e-8
"""In days: datetimes have whole microseconds, stamps some 10, so that equal instants differ by less than this."""


class _BpsCommission(bt.CommInfoBase):  # type: ignore[misc]
    """Commission in basis points of the traded value; sizes may be fractions."""

    params = (("bps", 0.0), ("commtype", bt.CommInfoBase.COMM_PERC), ("stocklike", True), ("percabs", True))

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        return float(abs(size * price) * self.p.bps * BPS)

    def getsize(self, price: float, cash: float) -> float:
        return float(cash / price)


class Execution(Struct, frozen=True):
    """One fill as the broker made it: signed size, price before and after slippage, instants in ns."""

    name: str
    row: int
    size: float
    reference: float
    paid: float
    commission: float
    sent_at: int
    filled_at: int


def _check_order(order: Any) -> None:
    """Refuse what no exchange would take: a size that is no number, a price the sender chose himself."""
    name = order.data._name
    if order.exectype not in _KINDS:
        raise UserError(f"order of {order.created.size:g} {name} is of a kind {order.exectype!r} that there is not")
    if not np.isfinite(order.created.size):
        raise UserError(f"order of {order.created.size} {name}: its size must be a number (a price may be NaN still)")
    if order.exectype == bt.Order.Historical or {"fill_price", "decided_at", "sent_at"} & set(order.info):
        raise UserError(
            f"order of {order.created.size:g} {name} names its own fill; send a market, limit or stop order"
        )


def _date_validity(order: Any, now: int) -> None:
    """Say until when an order is valid, as backtrader documents it, from now on and not from its market's last bar.

    A number is a date as backtrader counts days; 0 and an empty timedelta are the end of this day.
    """
    valid, until, today = order.p.valid, order.valid, day_number(now)
    if isinstance(valid, timedelta):
        until = today + valid / timedelta(days=1)
    if valid is not None and not valid:
        until = float(np.floor(today)) + 1 - 2 * _STAMP_ERROR
    order.valid = None if until is None else until + _STAMP_ERROR


class GuardedBroker(bt.brokers.BackBroker):  # type: ignore[misc]
    """Fills an order only at a price made strictly after the order's instant.

    ``costs`` and ``lots`` are given per feed; ``max_gross`` limits the sum of absolute positions over equity. What it
    cuts or refuses is listed in ``refused`` as (feed name, text).
    """

    def __init__(
        self, costs: dict[str, Costs], lots: dict[str, float], max_gross: float, cash: float, *, planned: bool = False
    ) -> None:
        super().__init__()
        self.set_checksubmit(False)
        self._planned = planned
        self._costs, self._lots, self._max_gross = costs, lots, max_gross
        super().set_cash(cash)
        self.pending: Any
        self.refused: list[tuple[str, str]] = []
        self.executions: list[Execution] = []
        self._filling: PriceAt | None = None
        self._value: float
        self._valuelever: float
        for name, cost in costs.items():
            self.addcommissioninfo(_BpsCommission(bps=cost.commission_bps), name=name)

    @property
    def now(self) -> int:
        """The instant (ns) of the last close that can be read, whoever asks: an order sent is of no earlier one."""
        return int(max(d.now for d in self.cerebro.datas))

    def next(self) -> None:
        """Match pending orders with the prices made so far, in the order of their instants.

        At one instant those that reduce a position go first. Market orders fill at opens of rows that are not appended
        yet: at a close elsewhere, what has opened in between has been traded, and can no longer be cancelled.

        Orders of a plan come one at a time with their price: each is matched, and no value is marked that nobody reads.
        """
        if self._planned:
            self._try_exec(self.pending.popleft())
            return
        orders = sorted(self.pending, key=lambda o: (self._due(o), self._adds(o), o.ref))
        self.pending.clear()
        self.pending.extend(orders)
        super().next()
        for child in (o for o in self.pending if not o.active()):
            child.addinfo(sent_at=self.now)  # of an order that waits for its parent this is its fill, in the end

    def notify(self, order: Any) -> None:
        """Keep a copy of an order for whoever is notified; nobody is notified of a planned one."""
        if self._planned:
            return
        if self._filling is not None and order.executed.exbits:
            filled_at = day_number(self._filling.place >> 1)
            order.executed.dt = order.executed.exbits[-1].dt = filled_at
        super().notify(order)

    def _due(self, order: Any) -> int:
        """Return the place in time at which an order fills or can: prices inside a bar are of its close."""
        first = self._price_of(order)
        if first.place != NEVER or order.exectype in WHATEVER_COMES:
            return first.place
        return 2 * self.now if self._is_fresh(order.data) else NEVER

    def _is_fresh(self, data: Any) -> bool:
        """Return whether the current row of a feed was appended at this step: older rows have been matched."""
        return bool(data.row >= 0 and data.close_at[data.row] == self.now)

    def _price_of(self, order: Any) -> PriceAt:
        """Return the price at which an order fills whatever comes after, if there is one by now or at this instant.

        That of a market order is the first to come, that of an order at the close the first that ends a session. A
        limit or a stop fills at an open that lies beyond its price.
        """
        data, sent = order.data, int(order.info["sent_at"])
        if order.exectype == bt.Order.Market:
            return cast(PriceAt, data._first_price(sent))
        if order.exectype == bt.Order.Close:
            return cast(PriceAt, data._session_close(sent))
        opened = data._last_open(self.now)
        if order.exectype in (bt.Order.Limit, bt.Order.Stop) and opened is not None:
            below = opened.price <= order.created.price
            above = opened.price >= order.created.price
            fills = below if order.isbuy() == (order.exectype == bt.Order.Limit) else above
            lapsed = order.valid and data._stamps[opened.row] > order.valid
            if fills and opened.place > 2 * sent + 1 and not lapsed:
                return cast(PriceAt, opened)
        return PriceAt(0, NEVER, np.nan)

    def _adds(self, order: Any) -> bool:
        return bool(self.getposition(order.data).size * order.executed.remsize >= 0)

    def getposition(self, data: Any) -> Any:
        """Return the position in a feed; in one that has not begun yet there is none."""
        return self.positions[data] if len(data) else bt.Position()

    def known_value(self, data: Any, at: int) -> float:
        """Return what is held of a feed, at its last price by an instant (ns): open or close."""
        size = self.positions[data].size
        return float(size * data._known_price(2 * at)) if size else 0.0

    def borrow_fee(self, data: Any, value: float, days: int) -> float:
        """Return the fee for so many calendar days on what is held of a feed, if that is short."""
        return self._costs[data._name].borrow_fee(max(-value, 0.0), days)

    def _get_value(self, datas: Any = None, lever: bool = False) -> float:
        """Return equity, or what is held of some feeds, at the last prices that there are."""
        value = float(super()._get_value(datas, lever))
        if self._planned:
            return value
        held = [d for d in datas or self.positions if self.positions[d].size]
        now = self.now
        since = sum(self.known_value(d, now) - float(self.positions[d].size * d.close[0]) for d in held)
        if datas is None:  # this is what getvalue() returns until it is computed again
            self._value += since
            self._valuelever += since
        return value + since

    def cancel(self, order: Any, bracket: bool = False) -> Any:
        """Take an order back, unless the open at which it fills is past or of this very instant."""
        if not bracket and order.active() and self._price_of(order).place <= 2 * self.now + 1:
            return False
        return super().cancel(order, bracket)

    def submit(self, order: Any, check: bool = True) -> Any:
        """Take an order, noting the instant it was sent at.

        Raises:
            UserError: its size is no number, or it names its own price.
        """
        if not self._planned:
            _check_order(order)
            _date_validity(order, self.now)
        order.addinfo(sent_at=self.now)
        return super().submit(order, check=check)

    def submit_accept(self, order: Any) -> None:
        """Take an order at once, and report both steps, as backtrader does."""
        order.submit()
        self.notify(order)
        super().submit_accept(order)

    def _try_exec(self, order: Any) -> None:
        """Execute an order whose price is made after it was decided, else leave it pending."""
        data, row = order.data, order.data.row
        if row < 0:
            return  # its market has not begun
        if "fill_price" in order.info:
            if data.close_at[row] > order.info["decided_at"]:
                self._fill(order, PriceAt(row, 2 * int(data.close_at[row]), order.info["fill_price"]))
            return
        first, sent = self._price_of(order), order.info["sent_at"]
        if first.place <= 2 * self.now:
            self._fill(order, first)
        elif order.exectype not in WHATEVER_COMES and self._is_fresh(data) and data.open_at[row] > sent:
            super()._try_exec(order)

    def _execute(self, order: Any, ago: Any = None, price: Any = None, **other: Any) -> None:
        """Execute what backtrader's matching found, with our slippage and within the exposure limit."""
        if ago is None or price is None:
            super()._execute(order, ago=ago, price=price, **other)
            return
        row = order.data.row
        self._fill(order, PriceAt(row, 2 * int(order.data.close_at[row]), price))

    def _fill(self, order: Any, at: PriceAt) -> None:
        buy = order.isbuy()
        slips = order.exectype not in _LIMITS  # a limit fills at its price or not at all
        after_event = self._planned and bool(order.info["after_event"])
        costs = order.info.get("costs", self._costs[order.data._name])  # a planned order brings those of its bar
        self.getcommissioninfo(order.data).p.bps = costs.commission_bps
        paid = costs.fill_price(at.price, buy=buy, after_event=after_event) if slips else at.price
        if not self._fit(order, paid, at.place):
            order.margin()
            self.notify(order)
            self._ococheck(order)
            self._bracketize(order, cancel=True)
            return
        need = abs(order.executed.remsize) * paid
        lent = (
            0.0 if self.cash > 2 * need else 3 * need - 2 * min(self.cash, 0.0)
        )  # negative cash is refused; the limit is ours
        self.cash += lent
        self._filling = at
        super()._execute(order, ago=0, price=paid)
        self._filling = None
        self.cash -= lent
        self._sweep(order)
        self.executions.append(
            Execution(
                name=order.data._name,
                row=at.row,
                size=float(order.executed.size),
                reference=at.price,
                paid=paid,
                commission=float(order.executed.comm),
                sent_at=order.info.get("decided_at", order.info["sent_at"]),
                filled_at=at.place >> 1,
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

    def _fit(self, order: Any, price: float, place: int) -> bool:
        """Cut an order to whole lots and to what the exposure limit lets in; return False if nothing is left."""
        if "fill_price" in order.info:
            return True  # planned orders are sized at the fill
        name, size = order.data._name, order.executed.remsize
        held = self.positions[order.data].size
        wanted = held + size
        if abs(wanted) <= abs(held) + 1e-12 and held * wanted >= 0:
            return self._shrink(order, closes=abs(wanted) < _DUST * abs(held))
        allowed = float(np.sign(wanted)) * whole_lots(
            min(abs(wanted), self._room(order, price, place)), self._lots[name]
        )
        fits = allowed - held
        if fits * size <= 0:
            self.refused.append((name, f"order of {size:g} refused: {self._limit(order, abs(wanted), price, place)}"))
            return False
        if abs(fits) < abs(size) - 1e-9:
            why = self._limit(order, abs(wanted), price, place)
            self.refused.append((name, f"order of {size:g} cut to {fits:g}: {why}"))
            order.executed.remsize = order.created.size = order.size = fits
        return True

    def _shrink(self, order: Any, *, closes: bool) -> bool:
        """Cut an order that reduces a position to whole lots; one that closes it sells the rest, whatever that is."""
        name, size = order.data._name, order.executed.remsize
        fits = float(np.sign(size)) * whole_lots(abs(size), self._lots[name])
        if closes or abs(fits - size) < _DUST * abs(size):
            return True
        why = f"only lots of {self._lots[name]:g} can be traded, except to close"
        if not fits:
            self.refused.append((name, f"order of {size:g} refused: {why}"))
            return False
        self.refused.append((name, f"order of {size:g} cut to {fits:g}: {why}"))
        order.executed.remsize = order.created.size = order.size = fits
        return True

    def _room(self, order: Any, price: float, place: int) -> float:
        """Return how many units may be held in all, other positions at their value at the fill."""
        others = {
            d: p.size * d._known_price(place) for d, p in self.positions.items() if d is not order.data and p.size
        }
        equity = self.cash + sum(others.values()) + self.positions[order.data].size * price
        rate = 1 + self._costs[order.data._name].commission_bps * BPS
        return float(max(0.0, self._max_gross * equity - sum(map(abs, others.values()))) / (price * rate))

    def _limit(self, order: Any, wanted: float, price: float, place: int) -> str:
        if wanted <= self._room(order, price, place):
            return f"only lots of {self._lots[order.data._name]:g} can be held"
        return f"gross exposure is limited to {self._max_gross:g} times equity"
