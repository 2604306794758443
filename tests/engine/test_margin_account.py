"""The second book with a future: a margin account kept in plain Python, over a roll, a margin call and a short.

The ledger reads literals alone. It never pays for a future: its cash holds what futures have realised, and equity is
that and what they would realise now. The replay and the arrays pay and receive values instead; to the cent it is one.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from datasets.events import EventCatalogue
from datasets.prices.account_currency import AccountCurrency
from datasets.prices.actions import ActionKind, CorporateAction, price_return
from engine.account.evaluate import evaluate
from engine.account.replay import replay
from engine.plan.costs import Fx, Terms
from engine.plan.plan import make_plan
from engine.run.attribution import attribution
from engine.strategy import After, Leg, NextOpen, Phase
from tests.engine.markets import bars_at, evaluate_plans, event, instrument, market_of, scripted

CENT = 0.005
DAYS = [date(2024, 2, d) for d in (1, 2, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16)]
FUTURE = [100.0, 101.0, 103.0, 104.0, 103.5, 101.0, 87.0, 88.0, 90.0, 88.5, 87.0, 88.0]
"""Closes as the vendor wrote them: of the old contract up to 7 February, of the new one from the 8th on."""
FUND = [50.0, 50.5, 50.2, 51.0, 50.8, 51.5, 51.2, 51.9, 52.3, 52.0, 51.4, 51.0]
DOLLAR = [146.0, 147.0, 148.5, 148.0, 148.2, 149.0, 149.3, 149.4, 150.5, 150.2, 150.0, 149.8]
OPEN = 0.998
"""Each open is 0.2 % below the close of its bar."""
ROLLED, RATIO = date(2024, 2, 8), 0.99
MULTIPLIER, INITIAL, MAINTENANCE, OF_FUND = 500, 0.12, 0.10, 0.25
COMMISSION, SLIPPAGE = 2e-4, 3e-4
CASH, YEARLY = 1_000_000.0, 0.02


@dataclass
class Position:
    """One trade: what is wanted, and what became of it in account currency."""

    symbol: str
    weight: float
    opened: date
    closed: date
    at_close: bool = False
    size: float = 0.0
    paid: float = 0.0
    rate: float = 1.0
    pnl: float = 0.0
    called: bool = False

    @property
    def units(self) -> float:
        return self.size * (MULTIPLIER if self.symbol == "FUT" else 1)


def _wanted() -> list[Position]:
    d = {day.day: day for day in DAYS}
    return [
        Position("FUT", 4.5, d[5], d[15]),
        Position("NYF", 0.3, d[6], d[16]),
        Position("FUT", -1.0, d[13], d[15], at_close=True),
    ]


@dataclass
class Book:
    """The margin account in a currency (blank: hedged, every rate is 1)."""

    currency: str
    cash: float = CASH
    last: dict[str, tuple[float, float]] = field(default_factory=dict)
    held: list[Position] = field(default_factory=list)

    def rate(self, symbol: str, n: int, *, close: bool) -> float:
        """Return the rate at a price: at the future's close the pair closes too, before that its open is known."""
        own = "JPY" if symbol == "FUT" else "USD"
        if self.currency in ("", own):
            return 1.0
        dollar = DOLLAR[n] * (1.0 if close and symbol == "FUT" else OPEN)
        return 1 / dollar if own == "JPY" else dollar

    def value(self, p: Position) -> float:
        """Return the value that is exposed."""
        price, rate = self.last[p.symbol]
        if p.symbol == "FUT":
            return p.units * (p.paid * p.rate + (price - p.paid) * rate)
        return p.units * price * rate

    def equity(self) -> float:
        open_pnl = sum(p.units * (self.last["FUT"][0] - p.paid) * self.last["FUT"][1] for p in self._futures())
        return self.cash + open_pnl + sum(self.value(p) for p in self.held if p.symbol == "NYF")

    def _futures(self) -> list[Position]:
        return [p for p in self.held if p.symbol == "FUT"]

    def keep(self, wanted: list[Position]) -> tuple[list[float], list[float]]:
        """Return equity and cash at the end of each day."""
        equity, cash, due = [], [], 0.0
        for n, day in enumerate(DAYS):
            for symbol, close in (("FUT", False), ("NYF", False), ("NYF", True), ("FUT", True)):
                self.pass_price(symbol, n, wanted, close=close)
            self.cash += due
            equity.append(self.equity())
            cash.append(self.cash)
            needed = sum(abs(self.value(p)) * (MAINTENANCE if p.symbol == "FUT" else OF_FUND) for p in self.held)
            for p in self.held if equity[-1] < needed else []:
                p.called = True
            tied = sum(abs(self.value(p)) * (INITIAL if p.symbol == "FUT" else 1) for p in self.held)
            gap = (DAYS[n + 1] - day).days if n + 1 < len(DAYS) else 0
            due = (equity[-1] - tied) * ((1 + YEARLY) ** (gap / 365) - 1)
            for p in self._futures() if n + 1 < len(DAYS) and DAYS[n + 1] == ROLLED else []:
                roll = 2 * COMMISSION * abs(p.units) * self.last["FUT"][0] * self.last["FUT"][1]
                due, p.pnl = due - roll, p.pnl - roll
        return equity, cash

    def pass_price(self, symbol: str, n: int, wanted: list[Position], *, close: bool) -> None:
        day = DAYS[n]
        price = (FUTURE if symbol == "FUT" else FUND)[n] * (1.0 if close else OPEN)
        price *= RATIO if symbol == "FUT" and day < ROLLED else 1.0
        self.last[symbol] = (price, self.rate(symbol, n, close=close))
        for p in [p for p in self.held if p.symbol == symbol]:
            if p.called or (p.closed == day and p.at_close == close):
                self.leave(p)
        for p in wanted:
            if p.symbol == symbol and p.opened == day and not close:
                self.enter(p)

    def enter(self, p: Position) -> None:
        (price, p.rate), side = self.last[p.symbol], 1 if p.weight > 0 else -1
        p.paid = price * (1 + side * SLIPPAGE)
        contract = p.paid * p.rate * (MULTIPLIER if p.symbol == "FUT" else 1)
        p.size = side * float(int(abs(p.weight) * self.equity() / contract))
        cost = abs(p.units) * p.paid * p.rate * COMMISSION
        self.cash -= cost + (p.units * p.paid * p.rate if p.symbol == "NYF" else 0.0)
        p.pnl -= cost
        self.held.append(p)

    def leave(self, p: Position) -> None:
        price, rate = self.last[p.symbol]
        got = price * (1 - (1 if p.weight > 0 else -1) * SLIPPAGE)
        cost = abs(p.units) * got * rate * COMMISSION
        if p.symbol == "FUT":
            gain = p.units * (got - p.paid) * rate
            self.cash += gain - cost
        else:
            gain = p.units * (got * rate - p.paid * p.rate)
            self.cash += p.units * got * rate - cost
        p.pnl += gain - cost
        self.held.remove(p)


def _rows(closes: list[float], opens: str, shuts: str, *, evening: bool) -> list[tuple[Any, ...]]:
    rows = []
    for day, close in zip(DAYS, closes, strict=True):
        begins = date.fromordinal(day.toordinal() - evening)
        high, low = close * 1.001, close * OPEN * 0.999
        rows.append((str(day), f"{begins}T{opens}", f"{day}T{shuts}", close * OPEN, high, low, close))
    return rows


def _run(currency: str) -> tuple[Any, ...]:
    costs: dict[str, Any] = {"commission_bps": COMMISSION * 1e4, "slippage_bps": SLIPPAGE * 1e4, "lot": 1.0}
    margins: dict[str, Any] = {"initial_margin": INITIAL * 100, "maintenance_margin": MAINTENANCE * 100}
    future = instrument("FUT", mic="CMES", multiplier=float(MULTIPLIER), **margins, **costs)
    raw = bars_at(future, _rows(FUTURE, "23:00", "22:00", evening=True))
    rolled = price_return(raw, [CorporateAction("FUT", ROLLED, ActionKind.ROLL, RATIO, "made up")])
    fund = bars_at(instrument("NYF", mic="XNYS", currency="USD", **costs), _rows(FUND, "14:30", "21:00", evening=False))
    pair = bars_at(instrument("USDJPY", mic="FX"), _rows(DOLLAR, "22:00", "22:00", evening=True))
    market = replace(market_of(rolled, fund, pair), account=AccountCurrency(currency))
    legs, events = {}, []
    for n, p in enumerate(_wanted()):
        held = DAYS.index(p.closed) - DAYS.index(p.opened) + p.at_close
        before = date.fromordinal(p.opened.toordinal() - 1)
        events.append(event(f"E{n}", f"{before}T22:30"))
        exit_ = After(held, at=Phase.CLOSE if p.at_close else Phase.OPEN)
        legs[f"E{n}"] = [Leg(p.symbol, p.weight, NextOpen(), exit_)]
    plan = make_plan(scripted(legs, markets=["FUT", "NYF"]), EventCatalogue(events), market)
    bars, fx = market.loaded(plan.instruments), Fx.UNHEDGED if currency else Fx.HEDGED
    return plan, bars, Terms(cash=CASH, cash_rate=YEARLY, max_gross=5.0, currency=currency, fx=fx)


@pytest.mark.parametrize("currency", ["", "USD", "JPY"])
def test_replay_and_arrays_keep_the_margin_account_to_the_cent(currency: str) -> None:
    wanted = _wanted()
    equity, cash = Book(currency).keep(wanted)
    assert [p.called for p in wanted] == [True, True, False]
    plan, bars, terms = _run(currency)
    for account in (replay(plan, bars, terms), evaluate(plan, bars, terms)):
        assert account.equity == pytest.approx(equity, abs=CENT)
        assert account.cash == pytest.approx(cash, abs=CENT)
        trades = {t.event_id: t for t in account.trades}
        for n, p in enumerate(wanted):
            t = trades[f"E{n}"]
            assert t.quantity == abs(p.size)
            assert t.pnl == pytest.approx(p.pnl, abs=CENT)
            assert sum(attribution(t).parts()) == pytest.approx(p.pnl, abs=CENT)
            assert t.value == pytest.approx(abs(p.units) * p.paid * p.rate, abs=CENT)
        assert [trades[f"E{n}"].exit_reason == "margin_call" for n in range(3)] == [True, True, False]
        assert [trades[f"E{n}"].exit_session for n in range(3)] == ["2024-02-12", "2024-02-12", "2024-02-15"]
        assert [trades[f"E{n}"].multiplier for n in range(3)] == [MULTIPLIER, 1.0, MULTIPLIER]
        assert [trades[f"E{n}"].roll > 0 for n in range(3)] == [True, False, False]
    assert evaluate_plans([plan], bars, terms).final_equity == pytest.approx(np.array(equity[-1:]), abs=CENT)
