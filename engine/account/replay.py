"""Plan -> account, moved bar by bar through backtrader. The reference for all faster ways.

Each bar becomes two ticks, its open and its close, stamped with their own instants (a single print is one tick), so
that prices of several exchanges pass in the order in which they are made. Only ticks inside a holding window are
walked: outside of them nothing is held and nothing can happen. At one instant: closings first, then openings, sized
together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import backtrader as bt
import numpy as np

from datasets.instants import to_ns
from datasets.prices.bars import Bars
from engine.account.daily_ledger import DailyLedger, account_calendar
from engine.account.records import Account, Fill, Trade
from engine.account.replay_broker import GuardedBroker, feed_of
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
from engine.plan.costs import Costs, Terms
from engine.plan.plan import BarPrice, Plan, PlannedTrade, Skipped
from engine.strategy import Phase
from engine.strategy.contract import LEVELS

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
    feeds = {s: _ticks(by_symbol[s], trades) for s, trades in windows.items() if trades}
    if feeds:
        _run_backtrader(feeds, account, plan, terms)
    account.mark_until(None)
    return account.account()


@dataclass(frozen=True, eq=False)
class _Ticks:
    """The ticks of one instrument: rows for the feed, and of each its bar and phase and its instant."""

    rows: dict[str, Any]
    bar_prices: list[BarPrice]
    at: list[int]


def _ticks(bars: Bars, trades: list[PlannedTrade]) -> _Ticks:
    inside = np.zeros(len(bars), dtype=bool)
    for trade in trades:
        inside[trade.entry.bar : len(bars) if trade.exit is None else trade.exit.bar + 1] = True
    row = np.repeat(np.flatnonzero(inside), 2)
    is_open = np.tile([True, False], len(row) // 2)
    keep = ~is_open | bars.has_separate_open[row]
    row, is_open = row[keep], is_open[keep]
    at = np.where(is_open, bars.open_at[row], bars.close_at[row])
    rows = {"open_at": at, "close_at": at, "volume": bars.volume[row], "stamp_at": at + is_open * OPEN_AFTER_CLOSE}
    for name, ours in (("open", bars.open), ("high", bars.high), ("low", bars.low), ("close", bars.close)):
        rows[name] = np.where(is_open, bars.open[row], ours[row])
    pairs = zip(row.tolist(), is_open.tolist(), strict=True)
    return _Ticks(rows, [BarPrice(b, Phase.OPEN if o else Phase.CLOSE) for b, o in pairs], at.tolist())


def _run_backtrader(feeds: dict[str, _Ticks], account: "_ReplayedAccount", plan: Plan, terms: Terms) -> None:
    cerebro = _Walk(stdstats=False)
    costs = {s: account.costs[s] for s in feeds}
    lots = {s: account.bars[s].instrument.lot for s in feeds}
    broker = GuardedBroker(costs, lots, terms.max_gross, terms.cash, planned=True)
    cerebro.setbroker(broker)
    for symbol, ticks in feeds.items():
        cerebro.adddata(feed_of(ticks.rows), name=symbol)
    cerebro.addstrategy(_Executor, account=account, plan=plan, ticks=feeds)
    cerebro.run()


class _Walk(bt.Cerebro):  # type: ignore[misc]
    """Cerebro with a loop of its own: at each instant only the feeds that have a tick there move, and the plan is due.

    Cerebro's own loop reads every feed at every instant, marks every position, and notifies the strategy each time.
    """

    def _runonce(self, runstrats: Sequence[Any]) -> None:
        (executor,) = runstrats
        for feeds in _instants(self.datas):
            for feed in feeds:
                feed.advance(ticks=False)
            executor.act(feeds)


def _instants(feeds: Sequence[Any]) -> Iterator[list[Any]]:
    """Yield the feeds that have a tick at each instant, in the order of the instants; among them in their own order."""
    stamps = np.concatenate([f.stamp_at for f in feeds])
    of = np.repeat(np.arange(len(feeds)), [len(f.stamp_at) for f in feeds])
    order = np.argsort(stamps, kind="stable")
    begins = np.flatnonzero(np.diff(stamps[order], prepend=-1))
    for rows in np.split(of[order], begins[1:]):
        yield [feeds[n] for n in rows.tolist()]


class _Executor(bt.Strategy):  # type: ignore[misc]
    """Walks the plan: at each instant it passes the new ticks to the account."""

    params = (("account", None), ("plan", None), ("ticks", None))

    def __init__(self) -> None:
        self._account: _ReplayedAccount = self.p.account
        self._account.open_for(self, self.p.plan)

    def act(self, feeds: Sequence[Any]) -> None:
        """Act on the ticks of this instant, before anything later exists."""
        self._account.act([self._tick(feed, feed.row) for feed in feeds])

    def _tick(self, feed: Any, row: int) -> "_Tick":
        ticks = self.p.ticks[feed._name]
        return _Tick(feed, feed._name, ticks.bar_prices[row], ticks.at[row])


@dataclass(frozen=True, eq=False)
class _Tick:
    """A price just made: of the feed ``data``, the open or close of a bar, at an instant."""

    data: Any
    symbol: str
    bar_price: BarPrice
    at: int


@dataclass
class _ReplayedAccount:
    """Keeps the account during a replay: sizes and sends orders to backtrader, and marks the days."""

    bars: dict[str, Bars]
    terms: Terms
    ledger: DailyLedger
    costs: dict[str, Costs] = field(init=False)
    held: list[Held] = field(default_factory=list)
    last: dict[str, float] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    trades: list[tuple[int, Trade]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.costs = {s: self.terms.costs(b.instrument) for s, b in self.bars.items()}
        self.executor: Any = None
        self._due: dict[tuple[str, BarPrice], list[PlannedTrade]] = {}
        self._order: dict[int, int] = {}
        self._flat_cash = self.terms.cash

    def open_for(self, executor: _Executor, plan: Plan) -> None:
        """Take the plan and the backtrader strategy through which its orders go."""
        self.executor = executor
        for n, trade in enumerate(plan.trades):
            self._due.setdefault((trade.instrument, trade.entry), []).append(trade)
            self._order[id(trade)] = n

    # ---- at each instant -------------------------------------------------------------------------------------------

    def act(self, ticks: list[_Tick]) -> None:
        """Do all that is due at the instant of these ticks: mark past days, close, then open."""
        opens = ticks[0].bar_price.phase is Phase.OPEN
        self.mark_until(ticks[0].at + 1 if opens else ticks[0].at)
        for tick in ticks:
            self.last[tick.symbol] = float(tick.data.close[0])
        for tick in ticks if self.held else ():
            for trade, price, reason in list(self._closings(tick)):
                self._close(trade, tick, price, reason)
            self._follow(tick)
        openings = [(t, tick) for tick in ticks for t in self._due.get((tick.symbol, tick.bar_price), ())]
        if openings:
            self._open_together(openings)

    def _closings(self, tick: _Tick) -> Iterator[tuple[Held, float, str]]:
        for trade in [h for h in self.held if h.plan.instrument == tick.symbol]:
            stopped = _stopped(trade, tick) if any(getattr(trade.plan, name) for name in LEVELS) else None
            if trade.called:
                yield trade, self.last[tick.symbol], MARGIN_CALL
            elif tick.bar_price.phase is Phase.OPEN and trade.plan.exit == tick.bar_price:
                yield trade, self.last[tick.symbol], trade.plan.exit_reason
            elif stopped is not None:
                yield trade, *stopped
            elif trade.plan.exit == tick.bar_price:
                yield trade, self.last[tick.symbol], trade.plan.exit_reason

    def _follow(self, tick: _Tick) -> None:
        """Let the trailing stops of what is held follow a bar that is complete."""
        if tick.bar_price.phase is Phase.CLOSE:
            for trade in self.held:
                if trade.plan.trailing_stop and trade.plan.instrument == tick.symbol:
                    price = float(tick.data.high[0] if trade.sign > 0 else tick.data.low[0])
                    trade.best = max(trade.best, price) if trade.sign > 0 else min(trade.best, price)

    def _open_together(self, openings: list[tuple[PlannedTrade, _Tick]]) -> None:
        """Size all openings of one instant on the equity just before them, scaled if they exceed the limit."""
        equity = self._equity_now()
        planned = [trade for trade, _ in openings]
        scale = opening_scale(planned, self.costs, self.terms, equity=equity, gross=self._gross())
        for trade, tick in openings:
            self._open(trade, tick, equity=equity, scale=scale)

    def _open(self, trade: PlannedTrade, tick: _Tick, *, equity: float, scale: float) -> None:
        price, lot = self.last[tick.symbol], self.bars[tick.symbol].instrument.lot
        paid = self.costs[tick.symbol].fill_price(price, buy=trade.weight > 0)
        size = size_opening(trade, self.terms, equity=equity, scale=scale, paid=paid, lot=lot)
        if isinstance(size, Skipped):
            self.skipped.append(size)
            return
        fill = self._send(trade, tick, size, price, "entry")
        self.held.append(Held(trade, size, fill, scale))

    def _close(self, trade: Held, tick: _Tick, price: float, reason: str) -> None:
        fill = self._send(trade.plan, tick, -trade.quantity, price, reason)
        self.held.remove(trade)
        self._record(trade, fill)

    def _send(self, trade: PlannedTrade, tick: _Tick, quantity: float, price: float, reason: str) -> Fill:
        """Send one order to backtrader, see it filled, and return the fill."""
        decided = to_ns(trade.decided_at)
        send = self.executor.buy if quantity > 0 else self.executor.sell
        order = send(data=tick.data, size=abs(quantity), fill_price=price, decided_at=decided)
        self.executor.broker.next()
        if order.status != bt.Order.Completed:
            where = f"{tick.symbol} at {tick.at} decided at {decided}"
            raise AssertionError(f"{trade.event_id}: order of {where} not filled")
        done = self.executor.broker.executions[-1]
        fill = Fill(
            event_id=trade.event_id,
            instrument=tick.symbol,
            side="buy" if quantity > 0 else "sell",
            quantity=abs(quantity),
            decided_at=decided,
            filled_at=tick.at,
            session=str(self.bars[tick.symbol].session[tick.bar_price.bar]),
            price=done.paid,
            reference_price=price,
            commission=done.commission,
            slippage=abs(quantity) * abs(done.paid - price),
            reason=reason,
            note=fill_note(trade, reason),
        )
        self.fills.append(fill)
        return fill

    def _record(self, trade: Held, exit_: Fill | None) -> None:
        self.trades.append((self._order[id(trade.plan)], make_trade(trade, self.bars[trade.plan.instrument], exit_)))

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
        cash, values = self._cash_now(), [h.quantity * self.last[h.plan.instrument] for h in self.held]
        gross, short = sum(map(abs, values)), -sum(v for v in values if v < 0)
        return self.ledger.write(day, equity=cash + sum(values), cash=cash, gross=gross, short=short)

    def _cash_now(self) -> float:
        return float(self.executor.broker.cash) if self.executor is not None else self._flat_cash

    def _set_cash(self, cash: float) -> None:
        if self.executor is None:
            self._flat_cash = cash
        else:
            self.executor.broker.cash = cash

    def _equity_now(self) -> float:
        return self._cash_now() + sum(h.quantity * self.last[h.plan.instrument] for h in self.held)

    def _gross(self) -> float:
        return sum(abs(h.quantity) * self.last[h.plan.instrument] for h in self.held)

    def account(self) -> Account:
        """Return what is left at the end, with the trades still held marked at their last price."""
        for trade in self.held:
            self._record(trade, None)
        trades = tuple(t for _, t in sorted(self.trades, key=lambda pair: (pair[1].entry_at, pair[0])))
        ledger = self.ledger
        return Account(
            ledger.days, ledger.equity, ledger.cash, ledger.exposure, tuple(self.fills), trades, tuple(self.skipped)
        )


def _stopped(trade: Held, tick: _Tick) -> tuple[float, str] | None:
    """Return the price and reason of a stop or target reached at a tick, or None. Both in one bar: stopped.

    A level that the tick lies wholly beyond fills at the tick's own price: the open, or the close of a bar without one.
    """
    sign = trade.sign
    high, low = float(tick.data.high[0]), float(tick.data.low[0])
    worst, best = (low, high) if sign > 0 else (high, low)
    stop, reason = _nearest_stop(trade)
    if stop is not None and sign * (worst - stop) <= 0:
        return (stop if low <= stop <= high else float(tick.data.close[0])), reason
    if trade.plan.take_profit is not None:
        target = trade.entry.price * (1 + sign * trade.plan.take_profit)
        if sign * (best - target) >= 0:
            return (target if low <= target <= high else float(tick.data.close[0])), TAKE_PROFIT
    return None


def _nearest_stop(trade: Held) -> tuple[float | None, str]:
    """Return the level of the stop that is reached first, and which it is; the fixed one where both are equal."""
    plan, sign = trade.plan, trade.sign
    fixed = None if plan.stop_loss is None else trade.entry.price * (1 - sign * plan.stop_loss)
    if plan.trailing_stop is None:
        return fixed, STOP_LOSS
    trailing = trade.best * (1 - sign * plan.trailing_stop)
    return (trailing, TRAILING_STOP) if fixed is None or sign * (trailing - fixed) > 0 else (fixed, STOP_LOSS)
