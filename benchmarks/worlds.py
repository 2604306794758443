"""The markets and events of the benchmarks: seeded, and of numpy alone, so that each interpreter makes the same.

An event is known an hour after a close, so that the next open is the first price that may be traded.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

BARS, EVENTS, HOLD, WEIGHT = 9_000, 40, 20, 0.95
"""W1: one instrument."""
MARKETS, VOTES, SHARE = 12, 250, 0.05
"""W2: twelve instruments with their own holidays in one account; each event buys one of them."""
CASH = 1_000_000.0
HOLDS, DELAYS = range(1, 51), range(5)
STOPS, TARGETS = (None, 0.03, 0.05, 0.10), (None, 0.10)
"""W3: 2,000 combinations."""


@dataclass(frozen=True, eq=False)
class Prices:
    """The bars of one instrument: ``session`` (datetime64[D]) and four prices of the same length."""

    session: Any
    open: Any
    high: Any
    low: Any
    close: Any

    def __len__(self) -> int:
        return len(self.session)

    def columns(self) -> dict[str, Any]:
        """Return the four prices by name."""
        return {n: getattr(self, n) for n in ("open", "high", "low", "close")}


@dataclass(frozen=True, eq=False)
class Combination:
    """One point of W3's grid; a stop or target of None is none."""

    hold: int
    delay: int
    stop: float | None
    target: float | None


def prices(n_bars: int = BARS, *, seed: int = 1, holidays: float = 0.0, first: str = "1990-01-02") -> Prices:
    """Return the weekday bars of a random walk; of its days a share are holidays, drawn by the seed too."""
    draw = np.random.default_rng(seed)
    close = 1000 * np.exp(np.cumsum(0.01 * draw.standard_normal(n_bars)))
    open_ = close * np.exp(0.003 * draw.standard_normal(n_bars))
    high, low = np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999
    n_days = int(n_bars / (1 - holidays))
    kept = np.sort(draw.permutation(n_days)[:n_bars])
    session = np.busday_offset(np.datetime64(first), kept, roll="forward")
    return Prices(session, open_, high, low, close)


def event_rows(n_bars: int = BARS, n_events: int = EVENTS) -> Any:
    """Return the rows of the bars after whose close each event is known, evenly spread."""
    return np.linspace(100, n_bars - 100, n_events).astype(int)


def grid() -> list[Combination]:
    """Return the 2,000 combinations of W3, the holding period running slowest."""
    return [Combination(*each) for each in product(HOLDS, DELAYS, STOPS, TARGETS)]


@dataclass(frozen=True, eq=False)
class Vote:
    """An event of W2: the market it buys, the row there after whose close it is known."""

    market: int
    row: int

    @property
    def entry(self) -> int:
        """The row of the first open after it."""
        return self.row + 1

    @property
    def exit(self) -> int:
        """The row of the open at which it is left."""
        return self.row + 1 + HOLD


def markets() -> list[Prices]:
    """Return W2's twelve markets, each without 3 % of the weekdays, its own."""
    return [prices(seed=100 + n, holidays=0.03) for n in range(MARKETS)]


def votes() -> list[Vote]:
    """Return W2's 250 events in turn over the markets, in order of rows."""
    rows = np.linspace(100, BARS - 100, VOTES).astype(int)
    return [Vote(n % MARKETS, int(row)) for n, row in enumerate(rows)]
