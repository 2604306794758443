"""Three runs kept by a clerk: every trade and the final equity reckoned again in plain Python, to the cent.

The clerk reads bars, events and terms, and nothing else of the engine: he finds the bars of an event, sizes, stops,
pays and keeps the cash by himself.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from datasets.events import PoliticalEvent, bundled_events
from datasets.instants import to_ns
from datasets.markets.instruments import bundled_instruments
from datasets.prices.bars import Bars
from datasets.prices.sources.builtin import ArchSource
from engine.plan.costs import Terms
from engine.run.backtest import Window, backtest
from engine.run.run import Run
from engine.strategy.market import Market
from strategies.buy_after_event import BuyAfterEvent
from strategies.pro_growth_win import ProGrowthWin
from strategies.takaichi_trade import TakaichiTrade
from tests.engine.markets import builtin_bars, real_bars

DAY = 86_400_000_000_000
CENT = 0.005


@dataclass(frozen=True)
class Bar:
    """One bar as the clerk reads it."""

    session: date
    open_at: int
    close_at: int
    open: float
    high: float
    low: float
    close: float
    real: bool


def read(bars: Bars) -> list[Bar]:
    """Return bars as plain values."""
    columns = (bars.open_at, bars.close_at, bars.open, bars.high, bars.low, bars.close, bars.open_is_real)
    sessions = [date.fromisoformat(str(s)) for s in bars.session]
    return [Bar(s, *row) for s, row in zip(sessions, zip(*(c.tolist() for c in columns), strict=True), strict=True)]


@dataclass
class Wish:
    """What the rule wants after one event, in one market: bars found, price not yet."""

    event_id: str
    symbol: str
    weight: float
    entry: tuple[int, str]
    leave: tuple[int, str] | None
    stop: float | None = None
    target: float | None = None
    reason: str = "held"
    quantity: float = 0.0
    paid: float = 0.0
    commission: float = 0.0
    got: float = 0.0
    fee: float = 0.0
    pnl: float = 0.0
    why: str = ""
    on: list[date] = field(default_factory=list)


def wish(
    event: PoliticalEvent, symbol: str, bars: list[Bar], *, weight: float, hold: int, delay: int = 0, **stops: Any
) -> Wish | None:
    """Return what is wanted after an event: the first open later than it, and so many sessions on; None if it cannot be."""
    assert event.known_at is not None
    known = to_ns(event.known_at)
    bar = 0
    while bar < len(bars) and bars[bar].open_at <= known:
        bar += 1
    if bar + delay >= len(bars) or bars[bar].open_at - known > 45 * DAY:
        return None
    bar += delay
    phase = "open" if bars[bar].real else "close"
    last = bar + hold + (phase == "close")
    leave = None if last >= len(bars) else (last, "open" if bars[last].real else "close")
    for before, after in zip(bars[bar:last], bars[bar + 1 : last + 1], strict=False):
        if (after.session - before.session).days > 45:
            return None
    return Wish(event.event_id, symbol, weight, (bar, phase), leave, **stops)


@dataclass
class Clerk:
    """Keeps cash and positions through every price in the order of the instants."""

    books: dict[str, list[Bar]]
    terms: Terms
    cost: dict[str, tuple[float, float]]
    cash: float = 0.0
    last: dict[str, float] = field(default_factory=dict)
    held: list[Wish] = field(default_factory=list)
    done: list[Wish] = field(default_factory=list)

    def keep(self, wishes: Iterable[Wish]) -> float:
        """Return the final equity."""
        self.cash = self.terms.cash
        end = max(b[-1].close_at for b in self.books.values())
        wishes = list(wishes)
        for w in wishes:
            last = len(self.books[w.symbol]) - 1
            if w.leave is None and end - self.books[w.symbol][last].close_at > 45 * DAY and w.entry != (last, "close"):
                w.leave, w.reason = (last, "close"), "bars_end"  # this market ended, the others went on
        idle, short, yesterday = self.cash, list[tuple[Wish, float]](), None
        for _, order, what in sorted(self._diary(), key=lambda d: d[:2]):
            if order == 1:
                session = what
                if yesterday is not None:
                    n = (session - yesterday).days
                    self.cash += idle * ((1 + self.terms.cash_rate) ** (n / 365) - 1)
                    for w, value in short:
                        w.fee += value * self.terms.borrow_rate * n / 365
                        self.cash -= value * self.terms.borrow_rate * n / 365
                idle = self.equity() - self.gross()
                short = [(w, -w.quantity * self.last[w.symbol]) for w in self.held if w.quantity < 0]
                yesterday = session
            else:
                self._prices(what, wishes)
        for w in self.held:
            w.got = self.books[w.symbol][-1].close
            w.why = "open_at_end"
            w.pnl = w.quantity * (w.got - w.paid) - w.commission
        self.done += self.held
        for w in self.done:
            w.pnl -= w.fee
        return self.equity()

    def equity(self) -> float:
        return self.cash + sum(w.quantity * self.last[w.symbol] for w in self.held)

    def gross(self) -> float:
        return sum(abs(w.quantity) * self.last[w.symbol] for w in self.held)

    def _diary(self) -> list[tuple[int, int, Any]]:
        """Return closes (0), ends of sessions (1) and opens (2) with their instants."""
        opens: dict[int, list[Any]] = {}
        closes: dict[int, list[Any]] = {}
        ends: dict[date, int] = {}
        for symbol, bars in self.books.items():
            for n, b in enumerate(bars):
                if b.real:
                    opens.setdefault(b.open_at, []).append((symbol, n, "open"))
                closes.setdefault(b.close_at, []).append((symbol, n, "close"))
                ends[b.session] = max(ends.get(b.session, 0), b.close_at)
        return (
            [(at, 0, v) for at, v in closes.items()]
            + [(at, 1, s) for s, at in ends.items()]
            + [(at, 2, v) for at, v in opens.items()]
        )

    def _prices(self, prices: list[tuple[str, int, str]], wishes: list[Wish]) -> None:
        for symbol, n, phase in prices:
            self.last[symbol] = getattr(self.books[symbol][n], phase)
        for symbol, n, phase in prices:
            for w in [w for w in self.held if w.symbol == symbol]:
                self._maybe_leave(w, n, phase)
        new = [w for w in wishes if (w.symbol, *w.entry) in prices]
        if not new:
            return
        equity = self.equity()
        wanted = sum(abs(w.weight) * equity * (1 + self.cost[w.symbol][0]) for w in new)
        room = self.terms.max_gross * equity - self.gross()
        share = min(1.0, room / wanted)
        if share <= 0:
            return
        for w in new:
            commission, slippage = self.cost[w.symbol]
            side = 1 if w.weight > 0 else -1
            w.paid = self.last[w.symbol] * (1 + side * slippage)
            w.quantity = w.weight * equity * share / w.paid
            lot = bundled_instruments().find(w.symbol).lot
            if lot:
                w.quantity = side * (abs(w.quantity) // lot) * lot
            if w.quantity == 0:
                continue
            w.commission = abs(w.quantity) * w.paid * commission
            self.cash -= w.quantity * w.paid + w.commission
            w.on.append(self.books[w.symbol][w.entry[0]].session)
            self.held.append(w)

    def _maybe_leave(self, w: Wish, n: int, phase: str) -> None:
        bar = self.books[w.symbol][n]
        up = w.quantity > 0
        stop = None if w.stop is None else w.paid * (1 - w.stop if up else 1 + w.stop)
        target = None if w.target is None else w.paid * (1 + w.target if up else 1 - w.target)
        planned = w.leave == (n, phase)
        if phase == "open":
            if planned:
                self._leave(w, bar, bar.open, w.reason)
            elif stop is not None and (bar.open <= stop if up else bar.open >= stop):
                self._leave(w, bar, bar.open, "stop_loss")
            elif target is not None and (bar.open >= target if up else bar.open <= target):
                self._leave(w, bar, bar.open, "take_profit")
        elif stop is not None and (bar.low <= stop if up else bar.high >= stop):
            self._leave(w, bar, min(max(stop, bar.low), bar.high), "stop_loss")
        elif target is not None and (bar.high >= target if up else bar.low <= target):
            self._leave(w, bar, min(max(target, bar.low), bar.high), "take_profit")
        elif planned:
            self._leave(w, bar, bar.close, w.reason)

    def _leave(self, w: Wish, bar: Bar, price: float, why: str) -> None:
        commission, slippage = self.cost[w.symbol]
        w.got = price * (1 - slippage if w.quantity > 0 else 1 + slippage)
        paid = abs(w.quantity) * w.got * commission
        self.cash += w.quantity * w.got - paid
        w.commission += paid
        w.pnl = w.quantity * (w.got - w.paid) - w.commission
        w.why = why
        w.on.append(bar.session)
        self.held.remove(w)
        self.done.append(w)


def clerk_of(market: Market, symbols: Iterable[str], terms: Terms) -> Clerk:
    """Return a clerk over the bars of some markets; costs are the instrument's own unless the terms say otherwise."""
    cost = {}
    for symbol in symbols:
        own = bundled_instruments().find(symbol)
        commission = own.commission_bps if terms.commission_bps is None else terms.commission_bps
        slippage = own.slippage_bps if terms.slippage_bps is None else terms.slippage_bps
        cost[symbol] = (commission / 10_000, slippage / 10_000)
    return Clerk({s: read(market.bars(s)) for s in symbols}, terms, cost)


def check(run: Run, clerk: Clerk, wishes: Iterable[Wish | None]) -> None:
    """Hold every trade and the final equity of a run against the clerk's."""
    equity = clerk.keep(w for w in wishes if w is not None)
    place: Callable[[Any], Any] = lambda row: row[:3]  # noqa: E731 - event, market, entry
    mine = sorted(
        ((w.event_id, w.symbol, str(w.on[0]), str(w.on[1]) if len(w.on) > 1 else "", w) for w in clerk.done), key=place
    )
    theirs = sorted(
        ((t.event_id, t.instrument, t.entry_session, t.exit_session if t.is_closed else "", t) for t in run.trades),
        key=place,
    )
    assert [row[:4] for row in theirs] == [row[:4] for row in mine]
    for (*_, t), (*_, w) in zip(theirs, mine, strict=True):
        assert t.exit_reason.split()[0] == w.why
        assert t.quantity == pytest.approx(abs(w.quantity), rel=1e-9)
        assert t.entry_price == pytest.approx(w.paid, rel=1e-9)
        assert t.exit_price == pytest.approx(w.got, rel=1e-9)
        assert t.pnl == pytest.approx(w.pnl, abs=CENT)
        assert t.return_ == pytest.approx(w.pnl / abs(w.quantity * w.paid), rel=1e-6)
    assert run.final_equity == pytest.approx(equity, abs=CENT)


def test_us_elections_on_the_nasdaq_with_stops_delay_costs_and_interest():
    terms = Terms(cash_rate=0.02, commission_bps=5.0, slippage_bps=10.0)
    market = Market(ArchSource(), bundled_instruments())
    rule = BuyAfterEvent(
        instrument="IXIC",
        country="US",
        kind="presidential_election",  # type: ignore[arg-type]
        hold=30,
        delay=1,
        stop_loss=0.04,
        take_profit=0.05,
    )
    run = backtest(rule, bundled_events(), market, terms=terms)
    clerk = clerk_of(market, ["IXIC"], terms)
    wanted = [
        e
        for e in bundled_events()
        if e.country == "US" and e.kind == "presidential_election" and e.known_at is not None
    ]
    check(
        run,
        clerk,
        [wish(e, "IXIC", clerk.books["IXIC"], weight=0.95, hold=30, delay=1, stop=0.04, target=0.05) for e in wanted],
    )
    assert [t.event_id[:7] for t in run.trades] == ["US-2000", "US-2004", "US-2008", "US-2012", "US-2016"]
    assert {t.exit_reason for t in run.trades} >= {"stop_loss", "take_profit"}


def test_us_elections_on_the_nasdaq_sold_short():
    terms = Terms(cash_rate=0.02, borrow_rate=0.01, max_gross=0.5)
    market = Market(ArchSource(), bundled_instruments())
    rule = BuyAfterEvent(instrument="IXIC", side="short", country="US", hold=45, stop_loss=0.06)  # type: ignore[arg-type]
    run = backtest(rule, bundled_events(), market, terms=terms)
    clerk = clerk_of(market, ["IXIC"], terms)
    wanted = [e for e in bundled_events() if e.country == "US" and e.known_at is not None]
    check(run, clerk, [wish(e, "IXIC", clerk.books["IXIC"], weight=-0.95, hold=45, stop=0.06) for e in wanted])
    assert len(run.trades) >= 5


def _takaichi(event: PoliticalEvent) -> bool:
    return (
        event.country == "JP"
        and event.kind == "general_election"
        and event.known_at is not None
        and "fiscal_expansion" in event.program
        and event.majority in ("supermajority", "majority", "coalition")
    )


def test_the_takaichi_trade_on_simulated_markets():
    """Three markets of two exchanges. Each of them goes up or down after its own opens."""
    terms = Terms(cash=50_000_000.0, cash_rate=0.005)
    market = Market(builtin_bars(), bundled_instruments())
    run = backtest(TakaichiTrade(), bundled_events(), market, terms=terms, window=Window(date(1990, 1, 1)))
    symbols = ("N225", "TOPIX", "USDJPY")
    clerk = clerk_of(market, symbols, terms)
    check(
        run,
        clerk,
        [
            wish(e, s, clerk.books[s], weight=0.9 / 3, hold=10)
            for e in bundled_events()
            if _takaichi(e)
            for s in symbols
        ],
    )
    assert len(run.trades) >= 6
    assert {t.instrument for t in run.trades} == set(symbols)


def test_a_fund_in_lots_on_simulated_markets():
    """T1306 trades in lots of 10; ten times the weight meets the limit of exposure."""
    terms = Terms(cash=500_000.0, max_gross=0.7)
    market = Market(builtin_bars(), bundled_instruments())
    run = backtest(ProGrowthWin(instrument="T1306", hold=7), bundled_events(), market, terms=terms)
    clerk = clerk_of(market, ["T1306"], terms)
    check(run, clerk, [wish(e, "T1306", clerk.books["T1306"], weight=0.95, hold=7) for e in _pro_growth_wins()])
    assert len(run.trades) >= 3
    assert all(t.quantity % 10 == 0 for t in run.trades)


def _pro_growth_wins() -> list[PoliticalEvent]:
    return [
        e
        for e in bundled_events()
        if e.country == "JP" and e.kind == "general_election" and e.pro_growth == "yes" and e.known_at is not None
    ]


@pytest.mark.parametrize("symbol", ["TOPIX", "N225", "USDJPY"])
def test_pro_growth_wins_on_real_markets(market_dir: Path, symbol: str):
    terms = Terms(cash=10_000_000.0)
    market = Market(real_bars(market_dir), bundled_instruments())
    run = backtest(ProGrowthWin(instrument=symbol), bundled_events(), market, terms=terms, window=Window())
    clerk = clerk_of(market, [symbol], terms)
    check(run, clerk, [wish(e, symbol, clerk.books[symbol], weight=0.95, hold=20) for e in _pro_growth_wins()])
    assert run.trades


def test_the_takaichi_trade_on_real_markets(market_dir: Path):
    terms = Terms()
    market = Market(real_bars(market_dir), bundled_instruments())
    run = backtest(TakaichiTrade(), bundled_events(), market, terms=terms)
    symbols = ("N225", "TOPIX", "USDJPY")
    clerk = clerk_of(market, symbols, terms)
    wishes = [
        wish(e, s, clerk.books[s], weight=0.9 / 3, hold=10) for e in bundled_events() if _takaichi(e) for s in symbols
    ]
    check(run, clerk, wishes)
    assert "JP-2026-02-08-GE" in {t.event_id for t in run.trades}
