"""Seeded markets with events for the tests of studies, with effects planted where a test wants one."""

from datetime import timedelta
from typing import Any

import numpy as np

from datasets.arrays import Floats
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.instants import to_datetime
from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars, Source, make_bars
from engine.plan.costs import Terms
from engine.run.backtest import Window as Dates
from engine.run.backtest import backtest
from engine.study.study_input import StudyInput
from strategies.buy_after_event import BuyAfterEvent
from tests.engine.markets import market_of

FREE = Terms(commission_bps=0, slippage_bps=0)


def walk(
    n: int = 1_500,
    *,
    seed: int = 1,
    sd: float = 0.01,
    drift: float = 0.0,
    effects: dict[int, float] | None = None,
    symbol: str = "AAA",
    mic: str = "XTKS",
    first: str = "2001-01-03",
) -> Bars:
    """Return weekday bars of a seeded random walk; ``effects`` are added to the close-to-close return of some bars."""
    rng = np.random.default_rng(seed)
    days = np.busday_offset(np.datetime64(first), np.arange(n), roll="forward")
    moves = drift + sd * rng.standard_normal(n)
    for row, effect in (effects or {}).items():
        moves[row] += effect
    close: Floats = 1_000 * np.cumprod(1 + moves, dtype=np.float64)
    open_ = np.concatenate(([1_000.0], close[:-1])) * (1 + 0.0001 * rng.standard_normal(n))
    return make_bars(
        Instrument(symbol, symbol, mic, "JPY", 0.0, 0.0, 0.0),
        Source("test", "seeded random walk"),
        session=days,
        open_=open_,
        high=np.maximum(open_, close) * 1.0001,
        low=np.minimum(open_, close) * 0.9999,
        close=close,
        volume=np.full(n, np.nan),
        where=str,
    )


def events_before(bars: Bars, rows: list[int], **other: Any) -> EventCatalogue:
    """Return events each known an hour before a bar opens."""
    return EventCatalogue(
        PoliticalEvent(
            event_id=f"E{n}",
            country="JP",
            kind="general_election",
            title=f"event {n}",
            announced_at=to_datetime(int(bars.open_at[row])) - timedelta(days=20),
            known_at=to_datetime(int(bars.open_at[row])) - timedelta(hours=1),
            **other,
        )
        for n, row in enumerate(rows)
    )


def subject(
    *markets: Bars, rows: list[int], hold: int = 1, terms: Terms = FREE, benchmark: str | None = None, **given: object
) -> StudyInput:
    """Return a study's subject: buy the first market after events known before some of its bars."""
    rule = BuyAfterEvent(instrument=markets[0].symbol, hold=hold, **given)  # type: ignore[arg-type]
    events, market = events_before(markets[0], rows), market_of(*markets)
    run = backtest(rule, events, market, terms=terms, benchmark=benchmark)
    return StudyInput(rule, events, market, terms, Dates(), run, benchmark)
