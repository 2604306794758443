"""Any ``backtrader.Strategy``, given the events: replayed under the same broker, with the same guard on time.

The strategy gets one feed an instrument (daily bars stamped with their true closes, under its symbol) and
``self.events``: the events as known at the instant of each step. Nothing later is there to be read: rows are laid
down one at a time, and an event's outcome appears when it was known.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import backtrader as bt
import numpy as np
from msgspec import Struct, field

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.instants import to_datetime
from datasets.prices.bars import Bars
from engine.account.daily_ledger import DailyLedger, account_calendar
from engine.account.records import OPEN_AT_END, Account, Fill, Trade
from engine.account.replay_broker import WHATEVER_COMES, Execution, GuardedBroker
from engine.account.replay_cerebro import CHEAT, Feeds, SealedCerebro, seal, unsupported
from engine.account.replay_feed import feed_of
from engine.plan.costs import Terms
from engine.plan.decision import Skipped
from engine.strategy.strategy_calls import error_place

_FLAT = 1e-9
_CALLED = (
    "next", "prenext", "nextstart", "notify_order", "notify_trade", "notify_cashvalue", "notify_fund", "notify_timer",
)  # fmt: skip
"""What of a strategy is called at steps."""
_CHEATING = ("next_open", "nextstart_open", "prenext_open")


class KnownEvents(Struct, frozen=True, dict=True):
    """The events a backtrader strategy may see: announced or known by now, outcomes only once known."""

    _catalogue: EventCatalogue
    now: Callable[[], datetime]

    def __iter__(self) -> Iterator[PoliticalEvent]:
        at = self.now()
        for event in self._catalogue:
            public = [t for t in (event.announced_at, event.known_at) if t is not None]
            if public and min(public) <= at:
                yield event.as_known(at)

    def known(self) -> list[PoliticalEvent]:
        """Return the events whose outcome is known by now, oldest first."""
        at = self.now()
        return [e if at >= public else e.as_known(at) for e, known_at, public in self._known if at >= known_at]

    @cached_property
    def _known(self) -> list[tuple[PoliticalEvent, datetime, datetime]]:
        """The events whose outcome is known once, with the instants when it is and when nothing of it is hidden."""
        return [(e, e.known_at, e.wholly_public_from()) for e in self._catalogue if e.known_at is not None]


class _GuardedStrategy(bt.Strategy):  # type: ignore[misc]
    """What a strategy finds changed in backtrader's own class; what it defines itself comes first.

    It steps from the first bar of any feed on: a market that begins later does not hold up the others, unless an
    indicator waits for it. Until it begins, ``len(data)`` is 0 and its prices are NaN.

    Targets see orders still pending: two rules that both want 30 % of one market make 30 %, not 60 %.
    """

    _was_due = False

    @property
    def datas(self: Any) -> Any:
        """The feeds, in the order of the instruments."""
        return self._feeds

    @datas.setter
    def datas(self: Any, feeds: list[Any]) -> None:
        self._feeds = Feeds(feeds)

    def _getminperstatus(self: Any) -> int:
        due = [need - len(d) for need, d in zip(self._minperiods, self.datas, strict=True) if len(d) or need > 1]
        self._minperstatus = status = max(due)
        self._was_due = self._was_due or status <= 0
        return int(status)

    def close(self: Any, data: Any = None, size: Any = None, **kwargs: Any) -> Any:
        """Send what is missing to no position: a second close before the market opens would turn it round."""
        data = _feed(self, data)
        if size is not None:
            return super().close(data=data, size=size, **kwargs)
        held = self.getposition(data).size
        left = held + sum(s for s in _pending(self, data) if s * held < 0)
        if left * held <= _FLAT:
            return None
        return (self.sell if left > 0 else self.buy)(data=data, size=abs(left), **kwargs)

    def order_target_size(self: Any, data: Any = None, target: float = 0, **kwargs: Any) -> Any:
        """Send what is missing to a position of ``target`` units."""
        data = _feed(self, data)
        if not len(data) or not np.isfinite(target):
            return None  # a market that has not begun has no price to aim by
        size = target - self.getposition(data).size - sum(_pending(self, data))
        if abs(size) < _FLAT:
            return None
        return (self.buy if size > 0 else self.sell)(data=data, size=abs(size), **kwargs)

    def order_target_value(self: Any, data: Any = None, target: float = 0.0, price: Any = None, **kwargs: Any) -> Any:
        """Send what is missing to a position of the value ``target`` at the last close."""
        data = _feed(self, data)
        return self.order_target_size(data=data, target=target / (price or data.close[0]), **kwargs)

    def order_target_percent(self: Any, data: Any = None, target: float = 0.0, **kwargs: Any) -> Any:
        """Send what is missing to a position of ``target`` times equity."""
        return self.order_target_value(data=data, target=target * self.broker.getvalue(), **kwargs)


def _feed(strategy: Any, data: Any) -> Any:
    if isinstance(data, str):
        return strategy.getdatabyname(data)
    return strategy.data if data is None else data


def _pending(strategy: Any, data: Any) -> list[float]:
    """Return the signed sizes of market orders that wait for their price."""
    orders = [o for o in strategy.broker.pending if o is not None and o.data is data]
    return [float(o.executed.remsize) for o in orders if o.exectype == bt.Order.Market]


class _Fee(Struct, frozen=True):
    """The borrow fee that the position in a feed is charged from the mark of a day (ns) on."""

    name: str
    at: int
    paid: float


class _Marks(bt.Analyzer):  # type: ignore[misc]
    """Writes the daily ledger as the steps pass, and closes everything on a margin call."""

    params = (("ledger", None), ("fees", None))

    def next(self) -> None:
        broker = self.strategy.broker
        self.mark(broker.now + 1)

    prenext = nextstart = next

    def stop(self) -> None:
        self.mark(None)

    def mark(self, before: int | None) -> None:
        """Write the days that have closed before an instant."""
        ledger: DailyLedger = self.p.ledger
        broker = self.strategy.broker
        for day in ledger.due(before):
            broker.cash += ledger.interest(day)
            at = int(ledger.days.marked_at[day])  # a strategy may have stopped the run before
            values = {d: broker.known_value(d, at) for d, p in broker.positions.items() if p.size}
            due = {d._name: broker.borrow_fee(d, value, ledger.gap_after(day)) for d, value in values.items()}
            self.p.fees.extend(_Fee(name, at, fee) for name, fee in due.items() if fee)
            called = ledger.write(
                day,
                equity=broker.cash + sum(values.values()),
                cash=broker.cash,
                gross=sum(map(abs, values.values())),
                due=sum(due.values()),
            )
            for data in list(broker.positions) if called else ():
                self._call(data)

    def _call(self, data: Any) -> None:
        """Send the order that closes a position, unless it is waiting already for the market to open."""
        broker = self.strategy.broker
        waiting = any(o is not None and o.data is data and "margin_call" in o.info for o in broker.pending)
        if broker.getposition(data).size and not waiting:
            self.strategy.close(data=data, margin_call=True)


def replay_custom(
    strategy: type[bt.Strategy],
    parameters: dict[str, Any],
    bars: list[Bars],
    events: EventCatalogue,
    terms: Terms,
    *,
    since: np.datetime64 | None = None,
) -> Account:
    """Return the account after a backtrader strategy has been run over the bars.

    Args:
        strategy: the user's class.
        parameters: values for its ``params``.
        bars: one feed each, in this order.
        events: what ``self.events`` shows as it becomes known.
        terms: cash, rates, costs and the exposure limit.
        since: the first session of the account, and the first bar the strategy sees.

    Raises:
        UserError: there is a future among the bars, none from ``since`` on, or the strategy cannot run.
    """
    if futures := [b.symbol for b in bars if b.instrument.is_future]:
        what = f"{', '.join(futures)}: a backtrader.Strategy cannot trade futures, its broker knows no margin of theirs"
        raise UserError(f"{what}; write the rule as a hustings Strategy")
    shown = bars if since is None else [b.from_session(since) for b in bars]
    for whole, cut in zip(bars, shown, strict=True):
        if not len(cut):
            raise UserError(f"no bars of {whole.symbol} from {since} on: it has {whole.span()}")
    cerebro = SealedCerebro(stdstats=False, preload=False, runonce=False)
    broker = GuardedBroker(
        {b.symbol: terms.costs(b.instrument) for b in shown},
        {b.symbol: b.instrument.lot for b in shown},
        terms.max_gross,
        terms.cash,
    )
    cerebro.setbroker(broker)
    for each in shown:
        cerebro.adddata(_custom_feed(each), name=each.symbol)
    cerebro.addstrategy(_guarded(strategy, KnownEvents(events, lambda: to_datetime(broker.now))), **parameters)
    ledger = DailyLedger(account_calendar(shown), terms)
    fees: list[_Fee] = []
    cerebro.addanalyzer(_Marks, ledger=ledger, fees=fees)
    run = cerebro.run
    seal(cerebro, broker)
    try:
        ran = run()
    except Exception as e:
        if why := unsupported(e):
            raise UserError(f"{strategy.__name__}: {why}{error_place(e)}") from e
        raise
    if not ran:
        raise UserError(f"{strategy.__name__} raised StrategySkipError: there is no other strategy to run")
    notes = [*_never(strategy, ran[0]), *cerebro.silent_timers()]
    return _account(ledger, broker, {b.symbol: b for b in shown}, fees, notes)


def _custom_feed(bars: Bars) -> Any:
    names = ("open_at", "close_at", "open", "high", "low", "close", "volume", "open_is_real")
    rows = {name: getattr(bars, name) for name in names}
    rows["open"] = np.where(bars.open_is_real, bars.open, bars.close)  # nobody could trade at a stale open
    rows["ends_session"] = np.append(bars.session[1:] != bars.session[:-1], True)
    return feed_of(rows)


def _guarded(strategy: type[bt.Strategy], events: KnownEvents) -> Any:
    """Return the user's class with ours behind it, and the events, unless it has a name of its own for them.

    Raises:
        UserError: all it has is for cheat_on_open.
    """
    called = _own(strategy, _CALLED)
    only = _own(strategy, _CHEATING)
    if only and not called:
        why = f"{only[0]}() is called with cheat_on_open only, which is not supported ({CHEAT})"
        raise UserError(f"nothing of {strategy.__name__} would ever be called: {why}")
    metaclass: Any = type(strategy)
    given = {} if hasattr(strategy, "events") else {"events": events}
    return metaclass(strategy.__name__, (strategy, _GuardedStrategy), given)


def _own(strategy: type[bt.Strategy], names: Sequence[str]) -> list[str]:
    """Return those of the methods that a strategy defines itself."""
    return [n for n in names if getattr(strategy, n) is not getattr(bt.Strategy, n)]


def _never(strategy: type[bt.Strategy], ran: Any) -> list[str]:
    """Return what to say of a strategy of which nothing was called."""
    called = _own(strategy, _CALLED)
    if not called:
        return [f"nothing of {strategy.__name__} was called: it has no next()"]
    if "next" in called and not ran._was_due:
        need = max(ran._minperiods)
        return [f"next() of {strategy.__name__} was never called: its indicators need {need} bars"]
    return []


def _account(
    ledger: DailyLedger, broker: GuardedBroker, bars: dict[str, Bars], fees: list[_Fee], notes: list[str]
) -> Account:
    trades = [
        trade
        for s, b in bars.items()
        for trade in _round_trips([e for e in broker.executions if e.name == s], b, [f for f in fees if f.name == s])
    ]
    never = [o for o in broker.pending if o is not None and o.alive()]
    skipped = [Skipped("", next(iter(bars)), text) for text in notes]
    skipped += [Skipped("", name, text) for name, text in broker.refused]
    skipped += [
        Skipped("", o.data._name, f"order of {o.executed.remsize:g} was never filled: {_why_never(o)}") for o in never
    ]
    return Account(
        ledger.days,
        ledger.equity,
        ledger.cash,
        ledger.exposure,
        tuple(_fill(e, bars[e.name]) for e in broker.executions),
        tuple(sorted(trades, key=lambda t: (t.entry_at, t.instrument))),
        tuple(skipped),
    )


def _why_never(order: Any) -> str:
    return "no bar after it" if order.exectype in WHATEVER_COMES else "its price was not reached after it was sent"


def _fill(e: Execution, bars: Bars) -> Fill:
    return Fill(
        event_id="",
        instrument=e.name,
        side="buy" if e.size > 0 else "sell",
        quantity=abs(e.size),
        decided_at=e.sent_at,
        filled_at=e.filled_at,
        session=str(bars.session[e.row]),
        price=e.paid,
        reference_price=e.reference,
        commission=e.commission,
        slippage=abs(e.size) * abs(e.paid - e.reference),
        reason="order",
    )


class _Trip(Struct):
    """A position on its way from flat to flat."""

    first: Execution
    size: float = 0.0
    bought: list[tuple[float, Execution]] = field(default_factory=list)
    sold: list[tuple[float, Execution]] = field(default_factory=list)
    borrow: float = 0.0

    def add(self, size: float, execution: Execution) -> None:
        """Add part of an execution, to the entries or to the exits."""
        (self.bought if size * self.first.size > 0 else self.sold).append((size, execution))
        self.size += size


def _round_trips(executions: list[Execution], bars: Bars, fees: list[_Fee]) -> Iterator[Trade]:
    """Yield one trade from flat to flat; an order that turns a position round ends one and begins the next.

    A fee is charged to what was held at its mark.
    """
    trip: _Trip | None = None
    waiting = sorted(fees, key=lambda f: f.at, reverse=True)
    for e in executions:
        left = e.size
        while trip is not None and waiting and waiting[-1].at < e.filled_at:
            trip.borrow += waiting.pop().paid
        if trip is not None and trip.size * left < 0:
            part = -trip.size if abs(left) >= abs(trip.size) - _FLAT else left
            trip.add(part, e)
            left -= part
            if abs(trip.size) < _FLAT:
                yield _trade(trip, bars)
                trip = None
        if abs(left) > _FLAT:
            trip = trip or _Trip(e)
            trip.add(left, e)
    if trip is not None:
        trip.borrow += sum(f.paid for f in waiting)
        yield _trade(trip, bars)


def _trade(trip: _Trip, bars: Bars) -> Trade:
    is_open = abs(trip.size) >= _FLAT
    parts = [*trip.bought, *trip.sold]
    last = max((e for _, e in parts), key=lambda e: e.filled_at)
    mark = float(bars.close[-1])
    exits = [(-s, e.paid) for s, e in trip.sold] + ([(trip.size, mark)] if is_open else [])
    commission = sum(e.commission * abs(s / e.size) for s, e in parts)
    slippage = sum(abs(s) * abs(e.paid - e.reference) for s, e in parts)
    quantity = sum(s for s, _ in trip.bought)
    entry = sum(s * e.paid for s, e in trip.bought) / quantity
    exit_ = sum(s * p for s, p in exits) / quantity
    pnl = quantity * (exit_ - entry) - commission - trip.borrow
    known = int(np.searchsorted(bars.close_at, trip.first.sent_at, side="right")) - 1
    decision_price = float(bars.close[known]) if known >= 0 else None
    return Trade(
        event_id="",
        instrument=bars.symbol,
        side="long" if quantity > 0 else "short",
        weight=None,
        quantity=abs(quantity),
        decided_at=trip.first.sent_at,
        decision_price=decision_price,
        gap=None if decision_price is None else trip.first.reference / decision_price - 1,
        entry_session=str(bars.session[trip.first.row]),
        entry_at=trip.first.filled_at,
        entry_price=entry,
        exit_session=str(bars.session[-1] if is_open else bars.session[last.row]),
        exit_at=int(bars.close_at[-1]) if is_open else last.filled_at,
        exit_price=exit_,
        exit_reason=OPEN_AT_END if is_open else "order",
        costs=commission + slippage + trip.borrow,
        pnl=pnl,
        return_=pnl / abs(quantity * entry),
        borrow=trip.borrow,
    )
