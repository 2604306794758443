"""Fifteen trades in three currencies in plain Python: an index, a fund, a pair, a bond, and two contracts that settle.

Two weekends and a holiday lie between. The ledger below reads literals alone: prices, rates, costs and days. What
it keeps is compared with the replay and with the arrays, to the cent.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from datasets.events import EventCatalogue
from datasets.markets.short_rates import ShortRates
from datasets.prices.account_currency import AccountCurrency
from datasets.prices.bars import Bars, Source
from datasets.prices.sources.files import parse_table
from datasets.prices.table import bars_of
from engine.account.evaluate import evaluate
from engine.account.records import Account
from engine.account.replay import replay
from engine.plan.costs import Fx, Terms
from engine.plan.plan import make_plan
from engine.strategy import After, Leg, NextOpen, Phase
from tests.engine.contracts import contract
from tests.engine.markets import bars_at, event, instrument, market_of, scripted

CENT = 0.005
DAYS = [date(2024, 2, d) for d in (1, 2, 5, 6, 7, 8, 9, 13, 14, 15, 16)]
"""Two weekends lie in it, and Monday 12 is Tokyo's holiday; New York and the pairs are open then."""
HOLIDAY = date(2024, 2, 12)
ALL_DAYS = sorted([*DAYS, HOLIDAY])
TOKYO = [100.0, 101.0, 103.0, 102.5, 104.0, 103.0, 105.0, 108.0, 107.0, 109.5, 110.0]
NEW_YORK = [50.0, 50.5, 50.2, 51.0, 50.8, 51.5, 51.2, 51.9, 52.3, 52.0, 51.4, 51.0]
DOLLAR = [146.0, 147.0, 148.5, 148.0, 148.2, 149.0, 149.3, 149.4, 150.5, 150.2, 150.0, 149.8]
EURO = [1.08, 1.079, 1.0765, 1.074, 1.075, 1.077, 1.0775, 1.0785, 1.072, 1.073, 1.0755, 1.077]
"""Closes; each open is 0.2 % below the close of its bar."""
OPEN = 0.998
SHORT_RATES = {"USD": 0.0533, "JPY": -0.001, "EUR": 0.04}
YIELDS = [0.05, 0.02, -0.01, -0.13, 0.0, 0.11, -0.02, 0.04, 0.16, 0.13, 0.08]
"""Of Tokyo's bond of ten years, in per cent at each close; it has no opens."""
HOURS = {"TOK": ("00:00", "06:00"), "NYF": ("14:30", "21:00")}
COSTS = {
    "TOK": (2.0, 3.0),
    "BND": (0.5, 1.0),
    "NYF": (1.0, 2.0),
    "USDJPY": (0.2, 0.5),
    "EURUSD": (0.2, 0.5),
    "WIN": (0, 40),
    "LOSE": (0, 0),
}
BORROW, CASH = 0.03, 1_000_000.0
SETTLES = date(2024, 2, 14)
CONTRACTS = {
    "WIN": [0.41, 0.43, 0.40, 0.44, 0.52, 0.47, 0.55, 0.61, 0.72, 1.0],
    "LOSE": [0.58, 0.57, 0.60, 0.55, 0.50, 0.53, 0.46, 0.40, 0.29, 0.0],
}
"""A quote a day at noon UTC, and the settlement at noon of the 14th. The provider takes 7 % of p (1 - p) on a trade."""
CONTRACT_DAYS = [day for day in ALL_DAYS if day <= SETTLES]
WHOLE = ("NYF", *CONTRACTS)


def _rows(symbol: str, days: list[date], closes: list[float]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for day, close in zip(days, closes, strict=True):
        if symbol in HOURS:
            opens, shuts = (f"{day}T{h}" for h in HOURS[symbol])
        else:  # from 22:00 of the evening before: on Mondays of Sunday
            opens, shuts = f"{date.fromordinal(day.toordinal() - 1)}T22:00", f"{day}T22:00"
        open_ = close * OPEN
        rows.append((str(day), opens, shuts, open_, close * 1.001, open_ * 0.999, close))
    return rows


def _bond_closes(years: int = 10) -> list[float]:
    """Return the worth of a par bond, 100 at first, that is sold at each close for a new one: its payments, priced."""
    worth = [100.0]
    for day, before, coupon, rate in zip(DAYS[1:], DAYS[:-1], YIELDS[:-1], YIELDS[1:], strict=True):
        waits = [half - 2 * (day - before).days / 365 for half in range(1, 2 * years + 1)]  # in halves of a year
        paid = [coupon / 200 + (half == 2 * years) for half in range(1, 2 * years + 1)]
        worth.append(worth[-1] * sum(p / (1 + rate / 200) ** w for p, w in zip(paid, waits, strict=True)))
    return worth


def _bond_bars() -> Bars:
    """Return the bars that the program makes of the yields."""
    commission, slippage = COSTS["BND"]
    of = instrument("BND", maturity=10.0, commission_bps=commission, slippage_bps=slippage)
    lines = "".join(f"{day},{rate}\n" for day, rate in zip(DAYS, YIELDS, strict=True))
    return bars_of(parse_table(f"date,yield\n{lines}".encode(), "BND.csv"), of, Source("test", "literals in a test"))


def _bars() -> dict[str, Bars]:
    def made(symbol: str, mic: str, currency: str, days: list[date], closes: list[float], lot: float = 0.0) -> Bars:
        commission, slippage = COSTS[symbol]
        of = instrument(symbol, mic=mic, currency=currency, lot=lot, commission_bps=commission, slippage_bps=slippage)
        return bars_at(of, _rows(symbol, days, closes))

    return {
        "TOK": made("TOK", "XTKS", "JPY", DAYS, TOKYO),
        "BND": _bond_bars(),
        "NYF": made("NYF", "XNYS", "USD", ALL_DAYS, NEW_YORK, lot=1.0),
        "USDJPY": made("USDJPY", "FX", "JPY", ALL_DAYS, DOLLAR),
        "EURUSD": made("EURUSD", "FX", "USD", ALL_DAYS, EURO),
        **{symbol: _contract(symbol, prices) for symbol, prices in CONTRACTS.items()},
    }


def _contract(symbol: str, prices: list[float]) -> Bars:
    quotes = [(f"{day}T12:00:00Z", price) for day, price in zip(CONTRACT_DAYS[:-1], prices[:-1], strict=True)]
    terms = {"fees": "kalshi", "slippage_bps": str(COSTS[symbol][1])}
    return contract(symbol, quotes, f"{SETTLES}T12:00:00Z", f"{prices[-1]:g}", **terms)


@dataclass
class Position:
    """One trade: what is wanted, and what became of it in account currency."""

    symbol: str
    weight: float
    opened: date
    closed: date
    at_close: bool = False
    enters_at_close: bool = False
    quantity: float = 0.0
    paid: float = 0.0
    rate: float = 1.0
    pnl: float = 0.0


def _wanted() -> list[Position]:
    """Fifteen trades; the first of a name goes over the first weekend, the second over the holiday's."""
    d = {day.day: day for day in ALL_DAYS}
    return [
        Position("TOK", 0.10, d[2], d[6]),
        Position("TOK", -0.08, d[5], d[8]),
        Position("TOK", 0.07, d[8], d[14]),
        Position("TOK", -0.06, d[9], d[13], at_close=True),
        Position("NYF", 0.12, d[2], d[5]),
        Position("NYF", -0.09, d[6], d[12]),
        Position("USDJPY", 0.15, d[2], d[7]),
        Position("USDJPY", -0.11, d[8], d[13]),
        Position("EURUSD", 0.13, d[5], d[9], at_close=True),
        Position("EURUSD", -0.05, d[9], d[15]),
        Position("BND", -0.20, d[2], d[7], at_close=True, enters_at_close=True),
        Position("BND", 0.10, d[9], d[15], at_close=True, enters_at_close=True),
        Position("WIN", 0.06, d[2], d[7]),
        Position("WIN", 0.04, d[8], SETTLES),
        Position("LOSE", 0.03, d[9], SETTLES),
    ]


SLOTS = (("USDJPY", "EURUSD"), ("TOK",), ("TOK", "BND"), ("WIN", "LOSE"), ("NYF",), ("NYF",), ("USDJPY", "EURUSD"))
"""A day in order: the pairs open (22:00 of the evening before), Tokyo opens and closes, the contracts, New York opens and
closes, the pairs close."""
CLOSES = (False, False, True, False, False, True, True)
QUOTE = {"TOK": "JPY", "BND": "JPY", "USDJPY": "JPY", "NYF": "USD", "EURUSD": "USD", "WIN": "USD", "LOSE": "USD"}
SERIES = {
    "TOK": (DAYS, TOKYO),
    "BND": (DAYS, _bond_closes()),
    "NYF": (ALL_DAYS, NEW_YORK),
    "USDJPY": (ALL_DAYS, DOLLAR),
    "EURUSD": (ALL_DAYS, EURO),
    **{symbol: (CONTRACT_DAYS, prices) for symbol, prices in CONTRACTS.items()},
}


@dataclass
class Book:
    """The plain ledger of an account in a currency (blank: hedged, every rate is 1)."""

    currency: str
    cash: float = CASH
    last: dict[str, tuple[float, float]] = field(default_factory=dict)
    held: list[Position] = field(default_factory=list)
    due: float = 0.0

    def price(self, symbol: str, day: date, *, close: bool) -> float:
        days, closes = SERIES[symbol]
        return closes[days.index(day)] * (1.0 if close or symbol in CONTRACTS else OPEN)

    def costs(self, symbol: str, price: float, day: date) -> tuple[float, float]:
        """Return commission and slippage in basis points: of a contract its fee over its price, 0 at the settlement."""
        if symbol not in CONTRACTS:
            return COSTS[symbol]
        return (0, 0) if day == SETTLES else (700 * (1 - price), COSTS[symbol][1])

    def rate(self, symbol: str, day: date, *, close: bool) -> float:
        """Return the price of the quote currency in the account's at a bar's open or close.

        At the close of the pairs their closes are known, at all other instants of a day their opens.
        """
        if not self.currency or QUOTE[symbol] == self.currency:
            return 1.0
        known = close and symbol in ("USDJPY", "EURUSD")
        dollars = {
            "JPY": 1 / self.price("USDJPY", day, close=known),
            "USD": 1.0,
            "EUR": self.price("EURUSD", day, close=known),
        }
        return dollars[QUOTE[symbol]] / dollars[self.currency]

    def value(self, p: Position) -> float:
        price, rate = self.last[p.symbol]
        if p.symbol in ("USDJPY", "EURUSD"):
            return p.quantity * (p.paid * p.rate + (price - p.paid) * rate)
        return p.quantity * price * rate

    def keep(self, wanted: list[Position]) -> list[float]:
        """Return the equity at the end of each day, after all trades have been made."""
        equity: list[float] = []
        for n, day in enumerate(ALL_DAYS):
            for symbols, close in zip(SLOTS, CLOSES, strict=True):
                self.pass_prices([s for s in symbols if day in SERIES[s][0]], day, wanted, close=close)
            self.cash += self.due  # what was held since the last day's end is paid at this one's
            equity.append(self.cash + sum(map(self.value, self.held)))
            self.due = (
                sum(self.charge(p, (ALL_DAYS[n + 1] - day).days) for p in self.held) if day != ALL_DAYS[-1] else 0.0
            )
        return equity

    def pass_prices(self, symbols: list[str], day: date, wanted: list[Position], *, close: bool) -> None:
        for s in symbols:
            self.last[s] = (self.price(s, day, close=close), self.rate(s, day, close=close))
        for p in [p for p in self.held if p.symbol in symbols and p.closed == day and p.at_close == close]:
            self.leave(p, day)
        opening = [p for p in wanted if p.symbol in symbols and p.opened == day and p.enters_at_close == close]
        equity = self.cash + sum(map(self.value, self.held))
        for p in opening:
            self.enter(p, equity)

    def enter(self, p: Position, equity: float) -> None:
        price, p.rate = self.last[p.symbol]
        commission, slippage = self.costs(p.symbol, price, p.opened)
        side = 1 if p.weight > 0 else -1
        p.paid = price * (1 + side * slippage / 10_000)
        p.quantity = p.weight * equity / (p.paid * p.rate)
        if p.symbol in WHOLE:
            p.quantity = side * float(int(abs(p.quantity)))
        value = p.quantity * p.paid * p.rate
        cost = abs(value) * commission / 10_000
        self.cash -= value + cost
        p.pnl -= cost
        self.held.append(p)

    def leave(self, p: Position, day: date) -> None:
        price, rate = self.last[p.symbol]
        commission, slippage = self.costs(p.symbol, price, day)
        got = price * (1 - (1 if p.weight > 0 else -1) * slippage / 10_000)
        cost = abs(p.quantity) * got * rate * commission / 10_000
        if p.symbol in ("USDJPY", "EURUSD"):
            gain, back = p.quantity * (got - p.paid) * rate, p.quantity * p.paid * p.rate
        else:
            gain, back = p.quantity * (got * rate - p.paid * p.rate), p.quantity * p.paid * p.rate
        self.cash += back + gain - cost
        p.pnl += gain - cost
        self.held.remove(p)

    def charge(self, p: Position, days: int) -> float:
        """Return the carry of a pair, or the borrow fee of a short (negative), for so many days."""
        price, rate = self.last[p.symbol]
        value, earned = p.quantity * price * rate, 0.0
        if p.symbol in ("USDJPY", "EURUSD"):
            earned = value * (SHORT_RATES[p.symbol[:3]] - SHORT_RATES[p.symbol[3:]]) * days / 360
        elif value < 0:
            earned = value * BORROW * days / 365
        p.pnl += earned
        return earned


def _terms(currency: str, fx: Fx) -> Terms:
    return Terms(cash=CASH, borrow_rate=BORROW, max_gross=5.0, currency=currency, fx=fx)


def _made(currency: str) -> tuple[Account, Account, dict[str, Bars]]:
    """Return the accounts of replay and arrays over the trades, and the bars."""
    plain = _bars()
    start = np.array(["2000-01-01"], dtype="datetime64[D]")
    short = ShortRates({c: (start, np.array([r])) for c, r in SHORT_RATES.items()})
    market = replace(market_of(*plain.values()), account=AccountCurrency(currency, short))
    legs, events = {}, []
    for n, p in enumerate(_wanted()):
        days = SERIES[p.symbol][0]
        held = days.index(p.closed) - days.index(p.opened) + (p.at_close and not p.enters_at_close)
        held = 99 if p.closed == SETTLES and p.symbol in CONTRACTS else held - (p.symbol in CONTRACTS)
        exit_ = After(held, at=Phase.CLOSE if p.at_close else Phase.OPEN)
        before = date.fromordinal(p.opened.toordinal() - 1)
        hour = "21:30" if p.symbol in ("USDJPY", "EURUSD") else "22:30"
        events.append(event(f"E{n}", f"{before}T{hour}"))
        legs[f"E{n}"] = [Leg(p.symbol, p.weight, NextOpen(), exit_)]
    plan = make_plan(scripted(legs, markets=list(plain)), EventCatalogue(events), market)
    bars, terms = market.loaded(plan.instruments), _terms(currency, Fx.UNHEDGED if currency else Fx.HEDGED)
    return replay(plan, bars, terms), evaluate(plan, bars, terms), plain


@pytest.mark.parametrize("currency", ["", "USD", "JPY", "EUR"])
def test_replay_and_arrays_keep_the_book_to_the_cent(currency: str) -> None:
    wanted = _wanted()
    equity = Book(currency).keep(wanted)
    for account in _made(currency)[:2]:
        by_event = {t.event_id: t for t in account.trades}
        assert len(by_event) == len(wanted)
        for n, p in enumerate(wanted):
            t = by_event[f"E{n}"]
            assert (t.instrument, t.entry_session, t.exit_session) == (p.symbol, str(p.opened), str(p.closed))
            assert t.quantity == pytest.approx(abs(p.quantity), rel=1e-9)
            assert t.pnl == pytest.approx(p.pnl, abs=CENT), (p.symbol, p.opened)
            assert (t.exit_reason == "settled") == (p.symbol in CONTRACTS and p.closed == SETTLES)
        assert account.equity == pytest.approx(equity, abs=CENT)
        assert account.equity[-1] == pytest.approx(CASH + sum(p.pnl for p in wanted), abs=CENT)
