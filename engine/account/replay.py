"""Plan -> account, moved bar by bar through backtrader. The reference for all faster ways.

Each bar becomes two ticks, its open and its close, stamped with their own instants (a single print is one tick), so
that prices of several exchanges pass in the order in which they are made. Only ticks inside a holding window are
walked: outside of them nothing is held and nothing can happen. At one instant: closings first, then openings, sized
together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from typing import Any, NamedTuple

import backtrader as bt
import numpy as np
from msgspec import Struct

from datasets.arrays import Floats, Instants
from datasets.instants import to_ns
from datasets.prices.account_currency import refuse_missing
from datasets.prices.bars import Bars
from engine.account.daily_ledger import DailyLedger, account_calendar
from engine.account.records import Account, Fill, Trade
from engine.account.replay_broker import GuardedBroker
from engine.account.replay_feed import feed_of
from engine.account.sizing import (
    MARGIN_CALL,
    STOP_LOSS,
    TAKE_PROFIT,
    TRAILING_STOP,
    Held,
    fill_note,
    make_trade,
    opening_scale,
    size_opening,
)
from engine.plan.costs import Costs, Terms, carry_of, maintenance_of
from engine.plan.decision import Skipped
from engine.plan.plan import Plan, PlannedTrade
from engine.strategy import Phase

OPEN_AFTER_CLOSE = 500_000
"""So many ns after its instant an open is stamped for backtrader: where one market closes as another opens, or the
same one opens again, closes pass first. Instants are whole milliseconds."""


def replay(plan: Plan, bars: list[Bars], terms: Terms, *, since: np.datetime64 | None = None) -> Account:
    """Return the account after the plan has been walked through backtrader.

    Args:
        plan: what to trade; its rows refer to ``bars``.
        bars: the bars of every instrument of the plan.
        terms: cash, rates, costs and the exposure limit.
        since: the first session of the account; earlier ones are not part of it.
    """
    by_symbol = {b.symbol: b for b in bars}
    account = _ReplayedAccount(by_symbol, terms, DailyLedger(account_calendar(bars, since), terms))
    windows: dict[str, list[PlannedTrade]] = {s: [] for s in by_symbol}
    for trade in plan.trades:
        windows[trade.instrument].append(trade)
    held = {s: trades for s, trades in windows.items() if trades}
    if held:
        _run_backtrader(held, account, plan, terms)
    account.mark_until(None)
    return account.account()


class _Tick(NamedTuple):
    """A price just made at an instant: of the feed ``data``, where it is at a ``place``, the open or close of a bar.

    ``high`` and ``low`` are those of the bar at its close, and the price itself at its open. ``rate`` is the exchange
    rate then, ``carry`` what a pair earns a year, ``costs`` are those of a fill there.
    """

    data: Any
    symbol: str
    place: int
    bar: int
    is_open: bool
    at: int
    price: float
    high: float
    low: float
    rate: float
    carry: float
    costs: Costs


class _Feed(Struct, frozen=True, eq=False):
    """One instrument for backtrader: its feed, its ticks, and their stamps (ns, shape (n,))."""

    data: Any
    ticks: list[_Tick]
    stamp_at: Instants


def _feed(bars: Bars, trades: list[PlannedTrade], costs: Costs) -> _Feed:
    inside = np.zeros(len(bars), dtype=bool)
    for trade in trades:
        inside[trade.entry.bar : len(bars) if trade.exit is None else trade.exit.bar + 1] = True
    row = np.repeat(np.flatnonzero(inside), 2)
    is_open = np.tile([True, False], len(row) // 2)
    keep = ~is_open | bars.has_separate_open[row]
    row, is_open = row[keep], is_open[keep]
    at = np.where(is_open, bars.open_at[row], bars.close_at[row])
    stamp_at = at + is_open * OPEN_AFTER_CLOSE
    rows = {"open_at": at, "close_at": at, "volume": bars.volume[row], "stamp_at": stamp_at}
    for name, ours in (("open", bars.open), ("high", bars.high), ("low", bars.low), ("close", bars.close)):
        rows[name] = np.where(is_open, bars.open[row], ours[row])
    data = feed_of(rows)
    for trade in trades:
        refuse_missing(bars, trade.entry.tick, 2 * len(bars) - 2 if trade.exit is None else trade.exit.tick)
    rate = _rates(bars, row, is_open)
    carry = np.zeros(len(row)) if bars.carry is None else bars.carry[row]
    place = np.arange(1, len(row) + 1)
    columns = (v.tolist() for v in (place, row, is_open, at, rows["close"], rows["high"], rows["low"], rate, carry))
    charged = repeat(costs) if bars.fee is None else map(costs.with_fee, bars.fee[row].tolist())
    return _Feed(data, list(map(_Tick, repeat(data), repeat(bars.symbol), *columns, charged)), stamp_at)


def _rates(bars: Bars, row: Any, is_open: Any) -> Floats:
    """Return the exchange rate at each tick; 1 where there is none to apply."""
    if bars.open_rate is None or bars.close_rate is None:
        return np.ones(len(row))
    return np.asarray(np.where(is_open, bars.open_rate[row], bars.close_rate[row]))


def _run_backtrader(held: dict[str, list[PlannedTrade]], account: "_ReplayedAccount", plan: Plan, terms: Terms) -> None:
    costs = {s: account.costs[s] for s in held}
    lots = {s: account.bars[s].instrument.lot * account.bars[s].instrument.unit for s in held}
    feeds = [_feed(account.bars[symbol], trades, costs[symbol]) for symbol, trades in held.items()]
    cerebro = _Walk(feeds)
    cerebro.setbroker(GuardedBroker(costs, lots, terms.max_gross, terms.cash, planned=True))
    for symbol, feed in zip(held, feeds, strict=True):
        cerebro.adddata(feed.data, name=symbol)
    cerebro.addstrategy(_Executor, account=account, plan=plan)
    cerebro.run(stdstats=False)


class _Walk(bt.Cerebro):  # type: ignore[misc]
    """Cerebro with a loop of its own: at each instant only the ticks there are looked at, and the plan is due.

    Cerebro's own loop reads every feed at every instant, marks every position, and notifies the strategy each time.
    Here a feed moves to the tick of an order when that is sent.
    """

    def __init__(self, feeds: list[_Feed]) -> None:
        super().__init__()
        self._feeds = feeds

    def _runonce(self, runstrats: Sequence[Any]) -> None:
        (executor,) = runstrats
        for ticks in _instants(self._feeds):
            executor.account.act(ticks)


def _instants(feeds: Sequence[_Feed]) -> Iterator[list[_Tick]]:
    """Yield the ticks of each instant, in the order of the instants; of one instant in the order of the feeds."""
    stamps = np.concatenate([f.stamp_at for f in feeds])
    order, ticks = np.argsort(stamps, kind="stable"), [tick for f in feeds for tick in f.ticks]
    begins = np.flatnonzero(np.diff(stamps[order], prepend=-1)).tolist()
    ticks = [ticks[n] for n in order.tolist()]
    for begin, end in pairwise([*begins, len(ticks)]):
        yield ticks[begin:end]


class _Executor(bt.Strategy):  # type: ignore[misc]
    """Through which the orders of an account go."""

    params = (("account", None), ("plan", None))

    def __init__(self) -> None:
        self.account: _ReplayedAccount = self.p.account
        self.account.open_for(self, self.p.plan)


@dataclass
class _ReplayedAccount:
    """Keeps the account during a replay: sizes and sends orders to backtrader, and marks the days."""

    bars: dict[str, Bars]
    terms: Terms
    ledger: DailyLedger
    costs: dict[str, Costs] = field(init=False)
    held: list[Held] = field(default_factory=list)
    last: dict[str, _Tick] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    trades: list[tuple[int, Trade]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.costs = {s: self.terms.costs(b.instrument) for s, b in self.bars.items()}
        self.executor: Any = None
        self._due: dict[tuple[str, int, bool], list[PlannedTrade]] = {}
        self._order: dict[int, int] = {}
        self._flat_cash = self.terms.cash
        self._rolls = {s: _roll_days(b, self.ledger.days.marked_at) for s, b in self.bars.items()}
        charged = any(b.carry is not None or b.rolls is not None for b in self.bars.values())
        self._is_charged = bool(self.terms.borrow_rate) or charged
        self._margins = {s: b.instrument.tied for s, b in self.bars.items() if b.instrument.is_future}

    def open_for(self, executor: _Executor, plan: Plan) -> None:
        """Take the plan and the backtrader strategy through which its orders go."""
        self.executor = executor
        for n, trade in enumerate(plan.trades):
            due = (trade.instrument, trade.entry.bar, trade.entry.phase is Phase.OPEN)
            self._due.setdefault(due, []).append(trade)
            self._order[id(trade)] = n

    # ---- at each instant -------------------------------------------------------------------------------------------

    def act(self, ticks: list[_Tick]) -> None:
        """Do all that is due at the instant of these ticks: mark past days, close, then open."""
        if (before := ticks[0].at + ticks[0].is_open) > self.ledger.next_mark:
            self.mark_until(before)
        for tick in ticks:
            self.last[tick.symbol] = tick
        for tick in ticks if self.held else ():
            for trade in [h for h in self.held if h.plan.instrument == tick.symbol]:
                left = _left(trade, tick)
                if left is not None:
                    self._close(trade, tick, *left)
                elif not tick.is_open:  # a trailing stop follows a bar that is complete
                    trade.best = max(trade.best, tick.high) if trade.sign > 0 else min(trade.best, tick.low)
        openings = [(t, tick) for tick in ticks for t in self._due.get((tick.symbol, tick.bar, tick.is_open), ())]
        if openings:
            self._open_together(openings)

    def _open_together(self, openings: list[tuple[PlannedTrade, _Tick]]) -> None:
        """Size all openings of one instant on the equity just before them, scaled if they exceed the limit."""
        equity = self._cash_now() + sum(map(self._value, self.held))
        planned = [trade for trade, _ in openings]
        costs = {tick.symbol: tick.costs for _, tick in openings}
        margin = sum(abs(self._value(h)) * self._margins.get(h.plan.instrument, 0.0) for h in self.held)
        held = {"gross": self._gross(), "margin": margin if self._margins else 0.0}
        scale = opening_scale(planned, costs, self.terms, equity=equity, margins=self._margins, **held)
        for trade, tick in openings:
            self._open(trade, tick, equity=equity, scale=scale)

    def _open(self, trade: PlannedTrade, tick: _Tick, *, equity: float, scale: float) -> None:
        price, of = tick.price, self.bars[tick.symbol].instrument
        paid = tick.costs.fill_price(price, buy=trade.weight > 0, after_event=trade.after_event) * tick.rate
        size = size_opening(trade, self.terms, equity=equity, scale=scale, paid=paid, of=of)
        if isinstance(size, Skipped):
            self.skipped.append(size)
            return
        fill = self._send(trade, tick, size, price, "entry")
        owed = size * fill.price if self.bars[tick.symbol].is_financed else 0.0
        self.held.append(Held(trade, size, fill, scale, owed=owed))

    def _close(self, trade: Held, tick: _Tick, price: float, reason: str) -> None:
        fill = self._send(trade.plan, tick, -trade.units, price, reason)
        self.held.remove(trade)
        if trade.owed:
            self._set_cash(self._cash_now() - trade.owed * (tick.rate - trade.entry.rate))
        self._record(trade, fill)

    def _send(self, trade: PlannedTrade, tick: _Tick, units: float, price: float, reason: str) -> Fill:
        """Send one order to backtrader, see it filled, and return the fill."""
        decided = to_ns(trade.decided_at)
        tick.data.lines.advance(tick.place - len(tick.data))
        send = self.executor.buy if units > 0 else self.executor.sell
        asked = {"fill_price": price * tick.rate, "decided_at": decided, "costs": tick.costs}
        order = send(data=tick.data, size=abs(units), **asked, after_event=reason == "entry" and trade.after_event)
        self.executor.broker.next()
        if order.status != bt.Order.Completed:
            where = f"{tick.symbol} at {tick.at} decided at {decided}"
            raise AssertionError(f"{trade.event_id}: order of {where} not filled")
        done = self.executor.broker.executions[-1]
        fill = Fill(
            event_id=trade.event_id,
            instrument=tick.symbol,
            side="buy" if units > 0 else "sell",
            quantity=abs(units) / self.bars[tick.symbol].instrument.unit,
            decided_at=decided,
            filled_at=tick.at,
            session=str(self.bars[tick.symbol].session[tick.bar]),
            price=done.paid / tick.rate,
            reference_price=price,
            commission=done.commission,
            slippage=abs(units) * abs(done.paid - price * tick.rate),
            reason=reason,
            note=fill_note(trade, reason),
            rate=tick.rate,
        )
        self.fills.append(fill)
        return fill

    def _record(self, trade: Held, exit_: Fill | None) -> None:
        plan, bars = trade.plan, self.bars[trade.plan.instrument]
        made = make_trade(
            plan,
            bars,
            trade.entry,
            exit_,
            units=trade.units,
            scale=trade.scale,
            borrow=trade.borrow,
            carry=trade.carry,
            roll=trade.roll,
        )
        self.trades.append((self._order[id(plan)], made))

    # ---- the days --------------------------------------------------------------------------------------------------

    def mark_until(self, before: int | None) -> None:
        """Mark every day whose last market closed before an instant; None marks all that are left."""
        if not self.held:
            self._set_cash(self.ledger.write_idle(before, cash=self._cash_now()))
            return
        for day in self.ledger.due(before):
            self._set_cash(self._cash_now() + self.ledger.interest(day))
            called = self._mark(day)
            for trade in self.held if called else ():
                trade.called = True

    def _mark(self, day: int) -> bool:
        cash, values = self._cash_now(), [self._value(h) for h in self.held]
        gross, equity = sum(map(abs, values)), cash + sum(values)
        due = sum(self._charge(h, day) for h in self.held) if self._is_charged else 0.0
        if not self._margins:
            return self.ledger.write(day, equity=equity, cash=cash, gross=gross, due=due)
        held = [(abs(v), self.bars[h.plan.instrument].instrument) for h, v in zip(self.held, values, strict=True)]
        margin = sum(v * of.tied for v, of in held), sum(v * maintenance_of(of) for v, of in held)
        not_paid = sum(h.units * h.entry.price * h.entry.rate for h in self.held if h.plan.instrument in self._margins)
        return self.ledger.write(day, equity=equity, cash=cash + not_paid, gross=gross, due=due, margin=margin)

    def _charge(self, trade: Held, day: int) -> float:
        """Charge what a position costs until the next day, fees and rolls less carry, to its trade, and return it."""
        tick, days = self.last[trade.plan.instrument], self.ledger.gap_after(day)
        value = trade.units * tick.price * tick.rate
        fee = self.costs[tick.symbol].borrow_fee(max(-value, 0.0), days)
        carry = carry_of(value, tick.carry, days)
        rolled = 2 * self.costs[tick.symbol].commission(value) if day + 1 in self._rolls[tick.symbol] else 0.0
        trade.borrow += fee
        trade.carry += carry
        trade.roll += rolled
        return fee + rolled - carry

    def _value(self, trade: Held) -> float:
        """Return what a position is valued at in account currency, less what the money borrowed for it has risen."""
        tick = self.last[trade.plan.instrument]
        value = trade.units * tick.price * tick.rate
        return value - trade.owed * (tick.rate - trade.entry.rate) if trade.owed else value

    def _cash_now(self) -> float:
        return float(self.executor.broker.cash) if self.executor is not None else self._flat_cash

    def _set_cash(self, cash: float) -> None:
        if self.executor is None:
            self._flat_cash = cash
        else:
            self.executor.broker.cash = cash

    def _gross(self) -> float:
        return sum(abs(self._value(h)) for h in self.held)

    def account(self) -> Account:
        """Return what is left at the end, with the trades still held marked at their last price."""
        for trade in self.held:
            self._record(trade, None)
        trades = tuple(t for _, t in sorted(self.trades, key=lambda pair: (pair[1].entry_at, pair[0])))
        ledger = self.ledger
        return Account(
            ledger.days, ledger.equity, ledger.cash, ledger.exposure, tuple(self.fills), trades, tuple(self.skipped)
        )


def _roll_days(bars: Bars, marked_at: Instants) -> frozenset[int]:
    """Return the days of an account at whose mark a future has first traded in a new contract."""
    if bars.rolls is None:
        return frozenset()
    first = np.where(bars.has_separate_open, bars.open_at + 1, bars.close_at)[bars.rolls]
    return frozenset(n for n in np.searchsorted(marked_at, first).tolist() if n < len(marked_at))


def _left(trade: Held, tick: _Tick) -> tuple[float, str] | None:
    """Return the price at which a trade is closed at a tick of its instrument, and why; None where it goes on."""
    if trade.called:
        return tick.price, MARGIN_CALL
    ends = trade.ends == (tick.bar, tick.is_open)
    stopped = None if ends and tick.is_open else _stopped(trade, tick)
    return (tick.price, trade.plan.exit_reason) if ends and stopped is None else stopped


def _stopped(trade: Held, tick: _Tick) -> tuple[float, str] | None:
    """Return the price and reason of a stop or target reached at a tick, or None. Both in one bar: stopped.

    The stop that is reached first counts, the fixed one where both are equal. A level that the tick lies wholly beyond
    fills at the tick's own price: the open, or the close of a bar without one.
    """
    sign, high, low = trade.sign, tick.high, tick.low
    worst, best = (low, high) if sign > 0 else (high, low)
    stop, reason = trade.stop, STOP_LOSS
    if trade.plan.trailing_stop is not None:
        trailing = trade.best * (1 - sign * trade.plan.trailing_stop)
        if stop is None or sign * (trailing - stop) > 0:
            stop, reason = trailing, TRAILING_STOP
    if stop is not None and sign * (worst - stop) <= 0:
        return (stop if low <= stop <= high else tick.price), reason
    target = trade.target
    if target is not None and sign * (best - target) >= 0:
        return (target if low <= target <= high else tick.price), TAKE_PROFIT
    return None
