"""Plan -> account on arrays: the same fills, trades and equity as the replay to 1e-9, without walking the bars.

Where a trade leaves depends on prices alone, never on the account: each exit is found by one search of its holding
bars. The account is then reckoned from fill to fill, and the days between two fills at once. A margin call cannot be
had this way: it is refused, and the replay does it.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from datasets.instants import Instants, to_ns
from datasets.prices.bars import Bars, Flags, Floats
from engine.account.daily_ledger import AccountCalendar, account_calendar
from engine.account.records import Account, Fill, Later, Trade
from engine.account.sizing import STOP_LOSS, TAKE_PROFIT, Held, fill_note, make_trade, opening_scale, size_opening
from engine.account.trade_table import spans
from engine.plan.costs import MAINTENANCE, Costs, Terms
from engine.plan.plan import BarPrice, Plan, PlannedTrade, Skipped
from engine.strategy import Phase

_OPEN, _NEVER = Phase.OPEN, 2**63


class NotVectorisableError(Exception):
    """The account would meet a margin call: only the replay can follow it."""


def evaluate(plan: Plan, bars: list[Bars], terms: Terms, *, since: np.datetime64 | None = None) -> Account:
    """Return the account that ``engine.account.replay.replay`` returns for the same arguments.

    Its fills and trades are made when they are first looked at.

    Raises:
        NotVectorisableError: equity falls below the maintenance margin.
    """
    ledger = _Ledger({b.symbol: b for b in bars}, terms, account_calendar(bars, since))
    ledger.settle(_dues(plan, ledger))
    return ledger.account(plan)


class _Exit(NamedTuple):
    """Where a trade leaves: the bar's price, before slippage, and why."""

    moment: BarPrice
    price: float
    reason: str


def _exit_of(trade: PlannedTrade, bars: Bars, paid: float) -> _Exit | None:
    """Return where a trade entered at ``paid`` leaves, or None if it is held to the end of the bars."""
    planned = None
    if trade.exit is not None:
        planned = _Exit(trade.exit, _price(bars, trade.exit), trade.exit_reason)
    stopped = _stop_of(trade, bars, paid) if trade.stop_loss or trade.take_profit else None
    return stopped or planned


def _price(bars: Bars, moment: BarPrice) -> float:
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
    at_open = _reached(bars.open[rows], bars.open[rows], stop, target, sign) & bars.has_separate_open[rows]
    if trade.entry.phase is Phase.OPEN:
        at_open[:1] = False  # the open at which it was entered
    if ends_at_open:
        in_bar[-1:] = at_open[-1:] = False  # the planned exit comes first
    hit = np.flatnonzero(in_bar | at_open)
    if not len(hit):
        return None
    moment = BarPrice(first + int(hit[0]), Phase.OPEN if at_open[hit[0]] else Phase.CLOSE)
    return _level_hit(bars, moment, stop=stop, target=target, sign=sign)


def _reached(worst: Floats, best: Floats, stop: float, target: float, sign: int) -> Flags:
    reached: Flags = (sign * (worst - stop) <= 0) | (sign * (best - target) >= 0)
    return reached


def _level_hit(bars: Bars, moment: BarPrice, *, stop: float, target: float, sign: int) -> _Exit:
    price = _price(bars, moment)
    high, low = (price, price) if moment.phase is Phase.OPEN else (bars.high[moment.bar], bars.low[moment.bar])
    worst = low if sign > 0 else high
    level, reason = (stop, STOP_LOSS) if sign * (worst - stop) <= 0 else (target, TAKE_PROFIT)
    return _Exit(moment, float(level) if low <= level <= high else price, reason)


@dataclass(slots=True, eq=False)
class _Move:
    """A trade of the plan with where it leaves, which hangs on prices alone; held, also how much of it and since when.

    ``price`` is that of the entry, ``paid`` the same after slippage; ``leaves`` is the place in time of the exit, and
    ``since`` the first day not yet put down.
    """

    trade: PlannedTrade
    bars: Bars
    costs: Costs
    price: float
    paid: float
    exit: _Exit | None
    leaves: int = _NEVER
    quantity: float = 0.0
    since: int = 0


_Due = tuple[int, bool, int, int, int, _Move]
"""An entry or an exit at its place in time: twice an instant (ns), and one more for an open; whether it opens; the
place of its instrument; when it was entered (exits); its place in the plan; and the trade.

Dues sort as they are done: at one place exits before entries, each by the place of its instrument, exits then by when
they were entered, and all by their place in the plan.
"""


def _dues(plan: Plan, ledger: "_Ledger") -> list[_Due]:
    """Return all that is due, in order."""
    place = {symbol: n for n, symbol in enumerate(ledger.bars)}
    dues = list[_Due]()
    for n, trade in enumerate(plan.trades):
        move, at = _move(trade, ledger), place[trade.instrument]
        entered = _order(move.bars, trade.entry)
        dues.append((entered, True, at, 0, n, move))
        if move.exit is not None:
            move.leaves = _order(move.bars, move.exit.moment)
            dues.append((move.leaves, False, at, entered, n, move))
    dues.sort()
    return dues


def _move(trade: PlannedTrade, ledger: "_Ledger") -> _Move:
    bars, costs = ledger.bars[trade.instrument], ledger.costs[trade.instrument]
    price = _price(bars, trade.entry)
    paid = costs.fill_price(price, buy=trade.weight > 0)
    return _Move(trade, bars, costs, price, paid, _exit_of(trade, bars, paid))


def _order(bars: Bars, moment: BarPrice) -> int:
    if moment.phase is _OPEN:
        return 2 * bars.open_at.item(moment.bar) + 1
    return 2 * bars.close_at.item(moment.bar)


_Done = tuple[_Move, float, float, float, float, bool]
"""A fill, short of its words: trade, quantity, price paid, commission, the scale that was left it, whether it opens."""


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
    days: AccountCalendar
    held: dict[int, _Move] = field(default_factory=dict)
    fills: list[_Done] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.costs: dict[str, Costs] = {s: self.terms.costs(b.instrument) for s, b in self.bars.items()}
        self.cash = self.terms.cash
        self._idle, self._short = self.terms.cash, 0.0
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

    def settle(self, dues: list[_Due]) -> None:
        """Do all that is due, each after the days before it are written, and write those that are left."""
        self._openings = list(dict.fromkeys(order for order, opens, *_ in dues if opens))
        self._opened, n = 0, len(self._openings)
        self._net_at, self._gross_at = np.zeros(n), np.zeros(n)  # what is held where something opens
        before = np.array([(order + 1) >> 1 for order, *_ in dues], dtype=np.int64)
        upto = self.days.marked_at.searchsorted(before).tolist()
        at = 0
        while at < len(dues):
            self._write_days(upto[at])
            _, opens, _, _, n, move = dues[at]
            if opens:
                at = self._open_together(dues, at)
            else:
                self._close(n, move)
                at += 1
        self._write_days(len(self.days.sessions))
        for move in self.held.values():
            self._put_down(move)

    def _open_together(self, dues: list[_Due], at: int) -> int:
        """Do all entries of the place of one, and return the first due after them."""
        order, end = dues[at][0], at + 1
        while end < len(dues) and dues[end][0] == order:
            end += 1
        equity, gross = self.cash + self._net_at.item(self._opened), self._gross_at.item(self._opened)
        self._opened += 1
        planned = [due[5].trade for due in dues[at:end]]
        scale = opening_scale(planned, self.costs, self.terms, equity=equity, gross=gross)
        for _, _, _, _, n, move in dues[at:end]:
            self._open(n, move, equity=equity, scale=scale)
        return end

    def _open(self, n: int, move: _Move, *, equity: float, scale: float) -> None:
        lot = move.bars.instrument.lot
        size = size_opening(move.trade, self.terms, equity=equity, scale=scale, paid=move.paid, lot=lot)
        if isinstance(size, Skipped):
            self.skipped.append(size)
            return
        self._fill(move, size, move.paid, scale, opens=True)
        move.quantity, move.since = size, self._written
        self.held[n] = move
        self._value_where_others_open(move)

    def _value_where_others_open(self, move: _Move) -> None:
        """Add what a trade just opened is worth wherever something opens until it leaves."""
        until = bisect_left(self._openings, move.leaves, lo=self._opened)
        if until == self._opened:
            return
        there = slice(self._opened, until)
        value = move.quantity * _prices_at(move.bars, np.array(self._openings[there]))
        self._net_at[there] += value
        self._gross_at[there] += np.abs(value)

    def _close(self, n: int, move: _Move) -> None:
        if self.held.pop(n, None) is None:
            return
        self._put_down(move)
        price = cast(_Exit, move.exit).price
        self._fill(move, -move.quantity, move.costs.fill_price(price, buy=move.quantity < 0), 1.0, opens=False)

    def _fill(self, move: _Move, quantity: float, paid: float, scale: float, *, opens: bool) -> None:
        commission = move.costs.commission(quantity * paid)
        self.cash -= quantity * paid + commission
        self.fills.append((move, quantity, paid, commission, scale, opens))

    # ---- the days --------------------------------------------------------------------------------------------------

    def _write_days(self, upto: int) -> None:
        """Put down the days up to one; they are valued together, or at once where the cash of one hangs on another."""
        if upto <= self._written:
            return
        self._lengths.append(upto - self._written)
        self._cashes.append(self.cash)
        first, self._written = self._written, upto
        if self._pays:
            for move in self.held.values():
                self._put_down(move)
            self._value_days()
            self._earn(slice(first, upto))

    def _put_down(self, move: _Move) -> None:
        """Put down over which days a trade was held, up to those written."""
        symbol, days = move.bars.symbol, self._written - move.since
        if not days:
            return
        if symbol not in self._over:
            self._over[symbol] = _Over(move.bars, [], [], [])
        _, first, lengths, quantities = self._over[symbol]
        first.append(move.since)
        lengths.append(days)
        quantities.append(move.quantity)
        move.since = self._written

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
        held = np.flatnonzero(self._gross != 0)
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
        for (move, quantity, _, _, scale, opens), fill in zip(self._done, self.fills, strict=True):
            if opens:
                held[id(move)] = (Held(move.trade, quantity, fill, scale), move.bars)
            else:
                position, bars = held.pop(id(move))
                closed.append((position.plan, make_trade(position, bars, fill)))
        closed += [(h.plan, make_trade(h, bars, None)) for h, bars in held.values()]
        order = {id(t): n for n, t in enumerate(self._plan.trades)}
        return tuple(t for _, t in sorted(closed, key=lambda pair: (pair[1].entry_at, order[id(pair[0])])))


def _fill_of(done: _Done) -> Fill:
    move, quantity, paid, commission, _, opens = done
    trade, bars = move.trade, move.bars
    moment, price, reason = (trade.entry, move.price, "entry") if opens else cast(_Exit, move.exit)
    return Fill(
        event_id=trade.event_id,
        instrument=trade.instrument,
        side="buy" if quantity > 0 else "sell",
        quantity=abs(quantity),
        decided_at=to_ns(trade.decided_at),
        filled_at=moment.at(bars),
        session=str(bars.session[moment.bar]),
        price=paid,
        reference_price=price,
        commission=commission,
        slippage=abs(quantity) * abs(paid - price),
        reason=reason,
        note=fill_note(trade, reason),
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
    from_open = (opened > closed) & bars.has_separate_open[np.maximum(opened, 0)]
    prices: Floats = np.where(from_open, bars.open[np.maximum(opened, 0)], bars.close[np.maximum(closed, 0)])
    return prices
