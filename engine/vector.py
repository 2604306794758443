"""Plan -> account on arrays: the same fills, trades and equity as the replay to 1e-9, without walking the bars.

Where a trade leaves depends on prices alone, never on the account: each exit is found by one search of its holding
bars. The account is then reckoned from fill to fill, and the days between two fills at once. A margin call cannot be
had this way: it is refused, and the replay does it.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from datasets.bars import Bars, Flags, Floats
from datasets.instants import Instants, to_ns
from engine.account import (
    STOP_LOSS,
    TAKE_PROFIT,
    Account,
    Held,
    Later,
    fill_note,
    make_trade,
    opening_scale,
    size_opening,
)
from engine.costs import MAINTENANCE, Costs, Terms
from engine.daybook import AccountDays, account_days
from engine.plan import Moment, Plan, PlannedTrade, Skipped
from engine.run import Fill, Trade
from engine.strategy import Phase
from engine.trade_table import spans

_OPEN, _NEVER = Phase.OPEN, 2**63


class NotVectorisableError(Exception):
    """The account would meet a margin call: only the replay can follow it."""


def evaluate(plan: Plan, bars: list[Bars], terms: Terms, *, since: np.datetime64 | None = None) -> Account:
    """Return the account that ``engine.replay.replay`` returns for the same arguments.

    Its fills and trades are made when they are first looked at.

    Raises:
        NotVectorisableError: equity falls below the maintenance margin.
    """
    ledger = _Ledger({b.symbol: b for b in bars}, terms, account_days(bars, since))
    dues = _dues(plan, ledger)
    before = np.array([(d.order + 1) >> 1 for d in dues], dtype=np.int64)
    upto = ledger.days.marked_at.searchsorted(before).tolist()
    at = 0
    while at < len(dues):
        at = ledger.settle(dues, at, upto[at])
    ledger.write_days(len(ledger.days.sessions))
    return ledger.account(plan)


class _Exit(NamedTuple):
    """Where a trade leaves: the bar's price, before slippage, and why."""

    moment: Moment
    price: float
    reason: str


def _exit_of(trade: PlannedTrade, bars: Bars, paid: float) -> _Exit | None:
    """Return where a trade entered at ``paid`` leaves, or None if it is held to the end of the bars."""
    planned = None
    if trade.exit is not None:
        planned = _Exit(trade.exit, _price(bars, trade.exit), trade.exit_reason)
    stopped = _stop_of(trade, bars, paid) if trade.stop_loss or trade.take_profit else None
    return stopped or planned


def _price(bars: Bars, moment: Moment) -> float:
    return (bars.open if moment.phase is _OPEN else bars.close).item(moment.bar)


def _stop_of(trade: PlannedTrade, bars: Bars, paid: float) -> _Exit | None:
    """Return the first stop or target reached before the planned exit, or None. Both in one bar: stopped."""
    sign = 1 if trade.weight > 0 else -1
    stop = paid * (1 - sign * trade.stop_loss) if trade.stop_loss is not None else -sign * np.inf
    target = paid * (1 + sign * trade.take_profit) if trade.take_profit is not None else sign * np.inf
    end, ends_at_open = len(bars), False
    if trade.exit is not None:
        end, ends_at_open = trade.exit.bar + 1, trade.exit.phase is Phase.OPEN
    first = trade.entry.bar + (trade.entry.phase is Phase.CLOSE)
    rows = slice(first, end)
    worst, best = (bars.low, bars.high) if sign > 0 else (bars.high, bars.low)
    in_bar = _reached(worst[rows], best[rows], stop, target, sign)
    at_open = _reached(bars.open[rows], bars.open[rows], stop, target, sign) & bars.opens_apart[rows]
    if trade.entry.phase is Phase.OPEN:
        at_open[:1] = False  # the open at which it was entered
    if ends_at_open:
        in_bar[-1:] = at_open[-1:] = False  # the planned exit comes first
    hit = np.flatnonzero(in_bar | at_open)
    if not len(hit):
        return None
    moment = Moment(first + int(hit[0]), Phase.OPEN if at_open[hit[0]] else Phase.CLOSE)
    return _level_hit(bars, moment, stop=stop, target=target, sign=sign)


def _reached(worst: Floats, best: Floats, stop: float, target: float, sign: int) -> Flags:
    reached: Flags = (sign * (worst - stop) <= 0) | (sign * (best - target) >= 0)
    return reached


def _level_hit(bars: Bars, moment: Moment, *, stop: float, target: float, sign: int) -> _Exit:
    price = _price(bars, moment)
    high, low = (price, price) if moment.phase is Phase.OPEN else (bars.high[moment.bar], bars.low[moment.bar])
    worst = low if sign > 0 else high
    level, reason = (stop, STOP_LOSS) if sign * (worst - stop) <= 0 else (target, TAKE_PROFIT)
    return _Exit(moment, float(level) if low <= level <= high else price, reason)


class _Move(NamedTuple):
    """A trade of the plan with where it leaves, which hangs on prices alone.

    ``price`` is that of the entry, ``paid`` the same after slippage.
    """

    trade: PlannedTrade
    bars: Bars
    costs: Costs
    price: float
    paid: float
    exit: _Exit | None


class _Due(NamedTuple):
    """An entry or an exit at its place in time (``order``): twice an instant (ns), and one more for an open.

    Dues sort as they are done: at one place exits before entries, each by the place of its instrument, exits then by
    when they were entered, and all by their place in the plan.
    """

    order: int
    opens: bool
    place: int
    entered: int
    n: int
    move: _Move


def _dues(plan: Plan, ledger: "_Ledger") -> list[_Due]:
    """Return all that is due, in order."""
    place = {symbol: n for n, symbol in enumerate(ledger.bars)}
    dues, held = list[_Due](), list[tuple[int, int, _Move]]()
    for n, trade in enumerate(plan.trades):
        move, at = _move(trade, ledger), place[trade.instrument]
        entered, left = _order(move.bars, trade.entry), _NEVER
        dues.append(_Due(entered, True, at, 0, n, move))
        if move.exit is not None:
            left = _order(move.bars, move.exit.moment)
            dues.append(_Due(left, False, at, entered, n, move))
        held.append((entered, left, move))
    dues.sort()
    ledger.marks = _marks_of(held, [d.order for d in dues if d.opens])
    return dues


def _marks_of(held: list[tuple[int, int, _Move]], orders: list[int]) -> dict[int, dict[int, float]]:
    """Return what each trade is worth where something opens (``orders``) after its own entry and before it leaves."""
    there, marks = np.array(orders, dtype=np.int64), {}
    for entered, left, move in held:
        first = bisect_right(orders, entered)
        last = bisect_left(orders, left, lo=first)
        if first < last:
            prices = _prices_at(move.bars, there[first:last]).tolist()
            marks[id(move)] = dict(zip(orders[first:last], prices, strict=True))
    return marks


def _move(trade: PlannedTrade, ledger: "_Ledger") -> _Move:
    bars, costs = ledger.bars[trade.instrument], ledger.costs[trade.instrument]
    price = _price(bars, trade.entry)
    paid = costs.fill_price(price, buy=trade.weight > 0)
    return _Move(trade, bars, costs, price, paid, _exit_of(trade, bars, paid))


def _order(bars: Bars, moment: Moment) -> int:
    if moment.phase is _OPEN:
        return 2 * bars.open_at.item(moment.bar) + 1
    return 2 * bars.close_at.item(moment.bar)


class _Done(NamedTuple):
    """A fill, short of its words; of an entry also the scale that the exposure limit left it."""

    move: _Move
    quantity: float
    moment: Moment
    price: float
    paid: float
    commission: float
    reason: str
    scale: float


class _Over(NamedTuple):
    """An instrument, and over which days how much of it was held by a trade: the first day, their number, quantity."""

    bars: Bars
    first: list[int]
    days: list[int]
    quantity: list[float]


@dataclass
class _Ledger:
    """The account from due to due."""

    bars: dict[str, Bars]
    terms: Terms
    days: AccountDays
    held: dict[int, tuple[_Move, float]] = field(default_factory=dict)
    fills: list[_Done] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.costs: dict[str, Costs] = {s: self.terms.costs(b.instrument) for s, b in self.bars.items()}
        self.cash = self.terms.cash
        self._idle, self._short = self.terms.cash, 0.0
        self.marks: dict[int, dict[int, float]] = {}
        self._lengths, self._cashes = list[int](), list[float]()
        self._over: dict[str, _Over] = {}
        self._written = 0
        self._first: dict[str, int | None] = {}
        n = len(self.days.sessions)
        self._cash, self._net, self._gross = np.empty(n), np.zeros(n), np.zeros(n)
        self._pays = self.terms.cash_rate != 0 or self.terms.borrow_rate != 0
        self._gaps = (
            np.diff(self.days.sessions, prepend=self.days.sessions[:1]).astype(np.int64) if self._pays else None
        )

    # ---- at each place in time -------------------------------------------------------------------------------------

    def settle(self, dues: list[_Due], at: int, upto: int) -> int:
        """Write the days before a due (``upto``) and do it, an entry with all others of its place; return the next."""
        self.write_days(upto)
        order, opens, _, _, _, move = dues[at]
        if not opens:
            if id(move) in self.held:
                self._close(move, cast(_Exit, move.exit))
            return at + 1
        end = at + 1
        while end < len(dues) and dues[end].order == order:
            end += 1
        self._open_together(order, [d.move for d in dues[at:end]])
        return end

    def _open_together(self, order: int, moves: list[_Move]) -> None:
        equity, gross = self.cash, 0.0
        for key, (_, quantity) in self.held.items():
            value = quantity * self.marks[key][order]
            equity, gross = equity + value, gross + abs(value)
        planned = [m.trade for m in moves]
        scale = opening_scale(planned, self.costs, self.terms, equity=equity, gross=gross)
        for move in moves:
            self._open(move, equity=equity, scale=scale)

    def _open(self, move: _Move, *, equity: float, scale: float) -> None:
        lot = move.bars.instrument.lot
        size = size_opening(move.trade, self.terms, equity=equity, scale=scale, paid=move.paid, lot=lot)
        if isinstance(size, Skipped):
            self.skipped.append(size)
            return
        self._fill(move, size, move.trade.entry, move.price, move.paid, "entry", scale)
        self.held[id(move)] = (move, size)

    def _close(self, move: _Move, exit_: _Exit) -> None:
        _, quantity = self.held.pop(id(move))
        paid = move.costs.fill_price(exit_.price, buy=quantity < 0)
        self._fill(move, -quantity, exit_.moment, exit_.price, paid, exit_.reason)

    def _fill(
        self, move: _Move, quantity: float, moment: Moment, price: float, paid: float, reason: str, scale: float = 1.0
    ) -> None:
        commission = move.costs.commission(quantity * paid)
        self.cash -= quantity * paid + commission
        self.fills.append(_Done(move, quantity, moment, price, paid, commission, reason, scale))

    # ---- the days --------------------------------------------------------------------------------------------------

    def write_days(self, upto: int) -> None:
        """Put down the days up to one; they are valued together, or at once where the cash of one hangs on another."""
        if upto <= self._written:
            return
        days = upto - self._written
        self._lengths.append(days)
        self._cashes.append(self.cash)
        for move, quantity in self.held.values():
            self._hold(move, days, quantity)
        first, self._written = self._written, upto
        if self._pays:
            self._value_days()
            self._earn(slice(first, upto))

    def _hold(self, move: _Move, days: int, quantity: float) -> None:
        symbol = move.trade.instrument
        if symbol not in self._over:
            self._over[symbol] = _Over(move.bars, [], [], [])
        _, first, lengths, quantities = self._over[symbol]
        first.append(self._written)
        lengths.append(days)
        quantities.append(quantity)

    def _value_days(self) -> None:
        """Write cash and the value of what was held for the days put down so far."""
        written = np.repeat(np.array(self._cashes), np.array(self._lengths, dtype=np.int64))
        self._cash[self._written - len(written) : self._written] = written
        for bars, first, lengths, quantities in self._over.values():
            times = np.array(lengths)
            days = spans(np.array(first), times)
            value = np.repeat(np.array(quantities), times) * self._marks(bars, days)
            np.add.at(self._net, days, value)
            np.add.at(self._gross, days, np.abs(value))
        self._lengths, self._cashes, self._over = [], [], {}

    def _marks(self, bars: Bars, days: NDArray[np.int64]) -> Floats:
        """Return the last prices at the marks of days; those of a market that marks them itself are its closes."""
        if bars.symbol not in self._first:
            first = max(0, len(bars) - len(self.days.marked_at))
            alone = np.array_equal(bars.close_at[first:], self.days.marked_at)
            self._first[bars.symbol] = first if alone else None
        row = self._first[bars.symbol]
        if row is None:
            return _known_prices(bars, self.days.marked_at[days])
        marks: Floats = bars.close[row + days]
        return marks

    def _earn(self, days: slice) -> None:
        """Write the cash at each day's mark, interest reckoned on what was idle and short the day before."""
        net, gross = self._net[days], self._gross[days]
        short = (gross - net) / 2
        gaps = cast(NDArray[np.int64], self._gaps)[days].tolist()
        idle, lent, money = self._idle, self._short, self.cash
        for n, gap in enumerate(gaps):
            money += self.terms.interest(idle, lent, gap)
            self._cash[days.start + n] = money
            idle, lent = money + net[n] - gross[n], short[n]
        self.cash, self._idle, self._short = float(money), float(idle), float(lent)

    def account(self, plan: Plan) -> Account:
        """Return what is left at the end, with the trades still held marked at their last price.

        Raises:
            NotVectorisableError: equity fell below the maintenance margin.
        """
        self._value_days()
        held = np.flatnonzero(self._gross)
        gross, worth = self._gross[held], self._cash[held] + self._net[held]
        if np.any(worth < MAINTENANCE * gross):
            raise NotVectorisableError("equity falls below the maintenance margin")
        equity, exposure = self._cash.copy(), np.zeros(len(self._cash))
        equity[held], exposure[held] = worth, gross / worth
        told = _Told(self.fills, plan)
        fills, trades = Later(lambda: told.fills), Later(lambda: told.trades)
        return Account(self.days, equity, self._cash, exposure, fills, trades, tuple(self.skipped))


class _Told:
    """The fills and trades of an account in full, made when they are first looked at."""

    def __init__(self, done: list[_Done], plan: Plan) -> None:
        self._done, self._plan = done, plan

    @cached_property
    def fills(self) -> tuple[Fill, ...]:
        """Every fill, in the order in which they were made."""
        return tuple(_fill_of(d) for d in self._done)

    @cached_property
    def trades(self) -> tuple[Trade, ...]:
        """Every trade, by entry and then by place in the plan; those still held are marked at the last price."""
        held, closed = dict[int, tuple[Held, Bars]](), list[tuple[PlannedTrade, Trade]]()
        for done, fill in zip(self._done, self.fills, strict=True):
            bars = done.move.bars
            if done.reason == "entry":
                held[id(done.move)] = (Held(done.move.trade, done.quantity, fill, done.scale), bars)
            else:
                position, _ = held.pop(id(done.move))
                closed.append((position.plan, make_trade(position, bars, fill)))
        closed += [(h.plan, make_trade(h, bars, None)) for h, bars in held.values()]
        order = {id(t): n for n, t in enumerate(self._plan.trades)}
        return tuple(t for _, t in sorted(closed, key=lambda pair: (pair[1].entry_at, order[id(pair[0])])))


def _fill_of(done: _Done) -> Fill:
    trade, bars, quantity = done.move.trade, done.move.bars, done.quantity
    return Fill(
        event_id=trade.event_id,
        instrument=trade.instrument,
        side="buy" if quantity > 0 else "sell",
        quantity=abs(quantity),
        decided_at=to_ns(trade.decided_at),
        filled_at=done.moment.at(bars),
        session=str(bars.session[done.moment.bar]),
        price=done.paid,
        reference_price=done.price,
        commission=done.commission,
        slippage=abs(quantity) * abs(done.paid - done.price),
        reason=done.reason,
        note=fill_note(trade, done.reason),
    )


def _prices_at(bars: Bars, orders: NDArray[np.int64]) -> Floats:
    """Return the last prices that exist at places in time."""
    at, opens = orders >> 1, (orders & 1) == 1
    opened = np.where(opens, bars.open_at.searchsorted(at, side="right"), bars.open_at.searchsorted(at)) - 1
    return _last_prices(bars, bars.close_at.searchsorted(at, side="right") - 1, opened)


def _known_prices(bars: Bars, instants: Instants) -> Floats:
    """Return the last prices that exist at instants at which nothing opens."""
    closed = np.searchsorted(bars.close_at, instants, side="right") - 1
    opened = np.searchsorted(bars.open_at, instants, side="left") - 1
    return _last_prices(bars, closed, opened)


def _last_prices(bars: Bars, closed: NDArray[np.int64], opened: NDArray[np.int64]) -> Floats:
    """Return the prices of the last rows that have closed, or of those that have opened where these are later."""
    from_open = (opened > closed) & bars.opens_apart[np.maximum(opened, 0)]
    prices: Floats = np.where(from_open, bars.open[np.maximum(opened, 0)], bars.close[np.maximum(closed, 0)])
    return prices
