"""vectorbt, its columns cut into blocks: the size of the block and the engine (numba or Rust) are those that win here.

A signal is on the bar before its fill and is filled at the next open, so that the stops of the entry's own bar are
looked at, as everywhere else.
"""

import time
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt

from benchmarks.worlds import (
    BARS,
    CASH,
    EVENTS,
    HOLD,
    SHARE,
    WEIGHT,
    Combination,
    event_rows,
    grid,
    markets,
    prices,
    votes,
)

BLOCKS, ENGINES = (50, 100, 200, 400), ("numba", "rust")
"""Tried on a first part of the work; wider blocks were slower still."""
TRIED = 400


def _signals(rows: Any, holds: Any) -> tuple[Any, Any]:
    """Return the entries and exits of (n, EVENTS) rows after which it is bought, held for ``holds`` (n,) bars."""
    column = np.arange(len(rows))[:, None]
    entries, exits = (np.zeros((BARS, len(rows)), dtype=bool, order="F") for _ in range(2))
    entries[rows, column] = exits[rows + holds[:, None], column] = True
    return entries, exits


def _final(rows: Any, holds: Any, engine: str, **stops: Any) -> Any:
    of = prices()
    column = {n: v[:, None] for n, v in of.columns().items()}
    entries, exits = _signals(rows, holds)
    return vbt.Portfolio.from_signals(
        entries=entries,
        exits=exits,
        price=np.append(of.open[1:], of.close[-1])[:, None],
        **column,
        size=WEIGHT,
        size_type="percent",
        init_cash=CASH,
        stop_entry_price="fillprice",
        stop_exit_price="stoplimit",
        max_orders=2 * EVENTS * len(rows),
        engine=engine,
        **stops,
    ).final_value()


def _none(value: float | None) -> float:
    return np.nan if value is None else value


def _of_combinations(chosen: Sequence[Combination], engine: str) -> Any:
    rows = np.array([event_rows() + c.delay for c in chosen])
    stop, target = (np.array([[_none(getattr(c, n)) for c in chosen]]) for n in ("stop", "target"))
    return _final(rows, np.array([c.hold for c in chosen]), engine, sl_stop=stop, tp_stop=target)


def _of_calendars(chosen: Any, engine: str) -> Any:
    return _final(chosen, np.full(len(chosen), HOLD), engine)


def _in_blocks(work: Callable[[Any, str], Any], parts: Any, block: int, engine: str) -> Any:
    found = [np.atleast_1d(work(parts[i : i + block], engine)) for i in range(0, len(parts), block)]
    return np.concatenate(found)


def _tuned(work: Callable[[Any, str], Any], parts: Any) -> Callable[[], Any]:
    """Return the work in the blocks and with the engine that took least for its first parts, each tried twice."""

    def took(block: int, engine: str) -> float:
        began = time.perf_counter()
        _in_blocks(work, parts[:TRIED], block, engine)
        return time.perf_counter() - began

    tries = {each: min(took(*each), took(*each)) for each in product(BLOCKS, ENGINES)}
    block, engine = min(tries, key=lambda each: tries[each])
    return lambda: _in_blocks(work, parts, block, engine)


def one_plan() -> Callable[[], Any]:
    """Return W1."""
    return lambda: _of_calendars(event_rows()[None, :], "numba")


def combinations() -> Callable[[], Any]:
    """Return W3."""
    return _tuned(_of_combinations, grid())


def one_account() -> Callable[[], float]:
    """Return W2: one group of columns that share their cash, marked at the last known price."""
    of = markets()
    frames = [pd.DataFrame(p.columns(), pd.DatetimeIndex(p.session)) for p in of]
    day = _days(frames)
    opens, closes = (pd.DataFrame({n: f[kind] for n, f in enumerate(frames)}, day) for kind in ("open", "close"))
    size = pd.DataFrame(np.nan, day, opens.columns)
    for vote in votes():
        for end, weight in (("entry", SHARE), ("exit", 0.0)):
            size.loc[pd.Timestamp(of[vote.market].session[getattr(vote, end)]), vote.market] = weight
    last = closes.ffill()

    def work() -> float:
        portfolio = vbt.Portfolio.from_orders(
            last,
            size,
            size_type="targetpercent",
            price=opens,
            val_price=opens.fillna(last),
            init_cash=CASH,
            cash_sharing=True,
            group_by=True,
            call_seq="auto",
        )
        return float(portfolio.final_value())

    return work


def _days(frames: Sequence[pd.DataFrame]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.unique(np.concatenate([f.index.to_numpy() for f in frames])))
