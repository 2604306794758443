"""Small markets, events and rules from literals, for the tests of the engine."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.events.odds_book import Quote
from datasets.instants import to_ns
from datasets.markets.instruments import Instrument, InstrumentTable
from datasets.prices.bars import Bars, Source
from datasets.prices.sources.base import BarSource
from datasets.prices.sources.builtin import BuiltinSource
from datasets.prices.sources.files import DirectorySource
from engine.account.bar_matrix import bar_matrix, cost_model
from engine.account.records import Account
from engine.account.replay import replay
from engine.account.trade_table import table_of_plans
from engine.metrics.many_plans import PlanResults, Results
from engine.plan.costs import Terms
from engine.plan.plan import Plan, make_plan
from engine.strategy import Clock, Leg, Strategy, Symbols, strategy
from engine.strategy.market import Market, MarketView

about: Any = pytest.approx
"""For a number within a tuple, where mypy would have a plain one."""

TOKYO = ("00:00", "06:00")
LONDON = ("08:00", "16:30")
NEW_YORK = ("14:30", "21:00")


def instrument(symbol: str = "AAA", *, mic: str = "XTKS", **other: Any) -> Instrument:
    """Return an instrument that costs nothing and can be held in any fraction, unless scripted otherwise."""
    given = {"currency": "JPY", "lot": 0.0, "commission_bps": 0.0, "slippage_bps": 0.0, **other}
    return Instrument(symbol=symbol, name=symbol, mic=mic, **given)


def utc(text: str) -> datetime:
    """Return an aware instant of text such as ``2024-01-02T06:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ns(text: str) -> int:
    """Return the nanoseconds of text such as ``2024-01-02T06:00``."""
    return to_ns(utc(text))


def bars_at(of: Instrument, rows: Sequence[tuple[Any, ...]]) -> Bars:
    """Return bars of (session, open_at, close_at, open, high, low, close) or these and whether the open is real."""
    whole = [r if len(r) == 8 else (*r, True) for r in rows]
    prices: dict[str, Any] = {
        n: np.array([r[i] for r in whole], dtype=float) for n, i in zip(_PRICES, range(3, 7), strict=True)
    }
    return Bars(
        instrument=of,
        source=Source("test", "literals in a test"),
        session=np.array([r[0] for r in whole], dtype="datetime64[D]"),
        open_at=np.array([ns(r[1]) if isinstance(r[1], str) else r[1] for r in whole], dtype=np.int64),
        close_at=np.array([ns(r[2]) if isinstance(r[2], str) else r[2] for r in whole], dtype=np.int64),
        volume=np.full(len(whole), np.nan),
        open_is_real=np.array([r[7] for r in whole], dtype=bool),
        **prices,
    )


_PRICES = ("open", "high", "low", "close")


def bars(of: Instrument, rows: Iterable[tuple[Any, ...]], *, hours: tuple[str, str] = TOKYO) -> Bars:
    """Return bars of (session, open, high, low, close[, open is real]), open at the same hours (UTC) every day."""
    return bars_at(of, [(r[0], f"{r[0]}T{hours[0]}", f"{r[0]}T{hours[1]}", *r[1:]) for r in rows])


def flat_day(session: str, price: float) -> tuple[Any, ...]:
    """Return a row of one price all day."""
    return (session, price, price, price, price)


def days(first: str, n: int, *, step: int = 1) -> list[str]:
    """Return n dates from the first on."""
    start = datetime.fromisoformat(first)
    return [f"{start + timedelta(days=step * i):%Y-%m-%d}" for i in range(n)]


class MemorySource:
    """Bars held in memory."""

    def __init__(self, *given: Bars) -> None:
        self._bars = {b.symbol: b for b in given}

    def symbols(self) -> list[str]:
        """Return the symbols given."""
        return list(self._bars)

    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of an instrument."""
        if instrument.symbol not in self._bars:
            raise UserError(f"no bars of {instrument.symbol}")
        return self._bars[instrument.symbol]


class LoadedOnce:
    """Bars of a source that are read once for all tests of a worker: to read and check a file takes 0.1 s."""

    def __init__(self, source: BarSource) -> None:
        self._source = source
        self._bars: dict[str, Bars] = {}

    def symbols(self) -> list[str]:
        """Return the symbols of the source."""
        return list(self._source.symbols())

    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of an instrument."""
        if instrument.symbol not in self._bars:
            self._bars[instrument.symbol] = self._source.load(instrument)
        return self._bars[instrument.symbol]


@cache
def builtin_bars() -> LoadedOnce:
    """Return the built-in bars."""
    return LoadedOnce(BuiltinSource())


@cache
def real_bars(folder: Path) -> LoadedOnce:
    """Return the bars of a directory of price files."""
    return LoadedOnce(DirectorySource(folder))


def market_of(*given: Bars) -> Market:
    """Return a market of the bars given."""
    return Market(MemorySource(*given), InstrumentTable(b.instrument for b in given))


def event(event_id: str, known_at: str | datetime | None, **other: Any) -> PoliticalEvent:
    """Return a Japanese general election whose outcome was known at an instant."""
    at = utc(known_at) if isinstance(known_at, str) else known_at
    given = {"country": "JP", "kind": "general_election", "title": event_id, "known_at": at, **other}
    return PoliticalEvent(event_id=event_id, **given)


def odds_path(event: PoliticalEvent, outcome: str, path: Iterable[float]) -> PoliticalEvent:
    """Return an event with a daily quote of one outcome, the last one at noon two days before the day of the vote."""
    begins, p = event.vote_begins_at, list(path)
    assert begins is not None
    at = (begins + timedelta(hours=12, days=n - len(p) - 1) for n in range(len(p)))
    return event.with_quotes(tuple(Quote(t, outcome, each, "made") for t, each in zip(at, p, strict=True)))


@strategy
class TradesAsScripted(Strategy):
    """Trade the legs it was scripted.

    Args:
        markets: what it may trade
        decides: name of the event's field that is the instant of decision
    """

    markets: Symbols = ("AAA",)
    decides: str = "known_at"

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        at: datetime | None = getattr(event, self.decides)
        return at

    def wants(self, event: PoliticalEvent) -> bool:
        return not isinstance(_given(self), dict) or event.event_id in _given(self)

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        given = _given(self)
        return list(given[event.event_id] if isinstance(given, dict) else given)


def _given(rule: TradesAsScripted) -> Any:
    return vars(rule)["_legs"]  # no field: legs are no parameter that a manifest could hold


def scripted(given: Any, *, markets: Sequence[str] = ("AAA",), decides: str = "known_at") -> TradesAsScripted:
    """Return a rule that trades the given legs: after every event, or by event id."""
    rule = TradesAsScripted(markets=tuple(markets), decides=decides)
    object.__setattr__(rule, "_legs", given)
    return rule


def plan_and_replay(
    given: Any, events: Sequence[PoliticalEvent], *markets: Bars, terms: Terms | None = None, decides: str = "known_at"
) -> tuple[Plan, Account]:
    """Return the plan of the given legs, and the account it leaves."""
    rule = scripted(given, markets=[b.symbol for b in markets], decides=decides)
    plan = make_plan(rule, EventCatalogue(events), market_of(*markets))
    return plan, replay(plan, list(markets), terms or Terms())


def evaluate_plans(plans: Sequence[Plan], of: Sequence[Bars], terms: Terms) -> PlanResults:
    """Return what plans over the same bars leave, computed as ``evaluate_grid`` computes a part of a block."""
    costs = cost_model(bar_matrix(of), terms)
    results = Results(len(plans))
    results.put(np.arange(len(plans)), table_of_plans(plans, costs.matrix), costs, lambda i: plans[i])
    return results.all({})
