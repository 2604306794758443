"""W5's works: plans and accounts of growing markets, lists of events and grids; each returns the work to be timed."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.ours import FREE, BuyTheOneNamed, bars_of, event_after, market_of
from benchmarks.worlds import WEIGHT, event_rows, prices
from datasets.events import EventCatalogue
from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars, Source, make_intraday_bars
from engine.account.evaluate import evaluate
from engine.metrics.many_plans import evaluate_grid
from engine.plan.plan import make_plan
from engine.plan.plan_grid import plan_grid
from engine.strategy.placeholders import grid_space
from strategies.buy_after_event import BuyAfterEvent

A_DAY, MINUTES = 100, 3
"""Intraday bars: so many in a session, of so many minutes."""
LONG, SHORT = 25_000, 2_500
"""Daily bars of the market of many events, and of each of many markets."""
_MINUTE = 60_000_000_000


def bars(n: str) -> Callable[[], float]:
    """Return the planning and evaluation of 40 events over n intraday bars."""
    whole = _intraday(int(n))
    rows = event_rows(len(whole) // A_DAY) * A_DAY + A_DAY - 1
    return _one_market(whole, rows, hold=20, weight=WEIGHT)


def events(n: str) -> Callable[[], float]:
    """Return the planning and evaluation of n events over 25,000 daily bars, each held for a session."""
    return _one_market(bars_of(prices(LONG, first="1925-01-02")), event_rows(LONG, int(n)), hold=1, weight=0.3)


def _one_market(whole: Bars, rows: Any, *, hold: int, weight: float) -> Callable[[], float]:
    known = EventCatalogue(event_after(whole, r, f"E{n}") for n, r in enumerate(rows.tolist()))
    rule, market = BuyAfterEvent(instrument=whole.symbol, hold=hold, weight=weight), market_of([whole])
    return lambda: float(evaluate(make_plan(rule, known, market), [whole], FREE).equity[-1])


def _intraday(n: int) -> Bars:
    of, sessions = prices(n), n // A_DAY
    first = np.datetime64("1990-01-02") - max(0, sessions - 11_000)
    session = np.busday_offset(first, np.repeat(np.arange(sessions), A_DAY), roll="forward")
    minute = np.tile(np.arange(A_DAY) * MINUTES, sessions)
    open_at = session.astype("datetime64[ns]").astype(np.int64) + minute * _MINUTE
    return make_intraday_bars(
        Instrument("M0", "M0", "XTKS", "JPY", 0.0, 0.0, 0.0),
        Source("benchmark", "random walk"),
        session=session,
        open_at=open_at,
        close_at=open_at + MINUTES * _MINUTE,
        open_=of.open,
        high=of.high,
        low=of.low,
        close=of.close,
        volume=np.full(n, np.nan),
        where=str,
    )


def instruments(n: str) -> Callable[[], float]:
    """Return the planning and evaluation of n markets of 2,500 daily bars and five events each, in one account."""
    whole = [bars_of(prices(SHORT, seed=100 + k), f"M{k}") for k in range(int(n))]
    known = EventCatalogue(_five_each(whole))
    rule, market = BuyTheOneNamed(markets=tuple(b.symbol for b in whole), weight=0.001), market_of(whole)
    return lambda: float(evaluate(make_plan(rule, known, market), whole, FREE).equity[-1])


def _five_each(whole: Sequence[Bars]) -> list[Any]:
    rows = [(k, r + k) for k in range(len(whole)) for r in range(300, 1800, 300)]
    return [event_after(whole[k], r, f"M{k}-{r}") for k, r in rows]


def combinations(n: str) -> Callable[[], float]:
    """Return the planning and all metrics of n combinations of W1 (1,000 to a million)."""
    whole = bars_of(prices())
    known = EventCatalogue(event_after(whole, r, f"E{k}") for k, r in enumerate(event_rows().tolist()))
    stops = [None, *(0.01 + 0.005 * k for k in range(39))]
    targets = [None, *(0.01 + 0.005 * k for k in range(99))]
    many = int(n) // 250
    axes = {
        "hold": range(1, 51),
        "delay": range(5),
        "stop_loss": stops[:many],
        "take_profit": targets[: many // 40 or 1],
    }
    market = market_of([whole])

    def work() -> float:
        combos = grid_space(BuyAfterEvent, {"instrument": "M0", "weight": WEIGHT}, axes)
        found = evaluate_grid(plan_grid(combos, known, market), FREE)
        return float(np.sum(found.final_equity))

    return work
