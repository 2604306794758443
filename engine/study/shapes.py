"""The shape of a trade, apart from its date: what it would have returned had it been entered at any other bar.

A trade's return hangs on its instrument, its side, its phases, its length, its stops and its costs, and on nothing of
the account. So the net return of one shape at every bar is one vector, and ten thousand placebo calendars are lookups.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datasets.prices.bars import Bars, Flags, Floats
from engine.plan.costs import BPS, Costs
from engine.plan.plan import PlannedTrade
from engine.strategy import Phase
from engine.strategy.gaps import broken_before


@dataclass(frozen=True)
class Shape:
    """A trade without its date.

    ``held`` counts the bars from that of the entry to that of the exit; ``side`` is 1 long, -1 short; stop and target
    are fractions of the price paid.
    """

    instrument: str
    side: int
    entry: Phase
    exit: Phase
    held: int
    stop_loss: float | None = None
    take_profit: float | None = None

    @property
    def first(self) -> int:
        """The first session whose return it earns, counted from the bar of the entry."""
        return 0 if self.entry is Phase.OPEN else 1

    @property
    def last(self) -> int:
        """The last session whose return it earns, counted from the bar of the entry; a night alone counts as one."""
        return max(self.held - 1 if self.exit is Phase.OPEN else self.held, self.first)


def shape_of(trade: PlannedTrade) -> Shape:
    """Return the shape of a planned trade.

    Raises:
        ValueError: it has no planned exit.
    """
    if trade.exit is None:
        raise ValueError(f"{trade.event_id} {trade.instrument} has no planned exit")
    return Shape(
        instrument=trade.instrument,
        side=1 if trade.weight > 0 else -1,
        entry=trade.entry.phase,
        exit=trade.exit.phase,
        held=trade.exit.bar - trade.entry.bar,
        stop_loss=trade.stop_loss,
        take_profit=trade.take_profit,
    )


def net_returns(bars: Bars, shape: Shape, costs: Costs) -> Floats:
    """Return the net return of a shape entered at each bar, as ``engine.account.replay`` would leave it in its trade.

    Returns:
        One fraction a bar: P&L net of commission and slippage over the value at entry; NaN where the trade would not
        end within the bars, would not exit after its entry, or would be held across a hole.
    """
    found = np.full(len(bars), np.nan)
    n = len(bars) - shape.held
    if n <= 0:
        return found
    way = _Way(bars, shape, n)
    paid = _slipped(way.price_in, costs, buy=shape.side > 0)
    out = way.price_out if shape.stop_loss is None and shape.take_profit is None else _with_stops(way, paid)
    got = _slipped(out, costs, buy=shape.side < 0)
    commission = costs.commission_bps * BPS * (1 + got / paid)
    found[:n] = np.where(way.whole, shape.side * (got / paid - 1) - commission, np.nan)
    return found


class _Way:
    """The bars of a shape entered at each of the first ``n`` bars."""

    def __init__(self, bars: Bars, shape: Shape, n: int) -> None:
        self.bars, self.shape, self.n = bars, shape, n
        first, last = slice(0, n), slice(shape.held, shape.held + n)
        self.in_at_open = bars.has_separate_open[first] if shape.entry is Phase.OPEN else np.zeros(n, dtype=bool)
        self.out_at_open = bars.has_separate_open[last] if shape.exit is Phase.OPEN else np.zeros(n, dtype=bool)
        self.price_in = np.where(self.in_at_open, bars.open[first], bars.close[first])
        self.price_out = np.where(self.out_at_open, bars.open[last], bars.close[last])
        began = np.where(self.in_at_open, bars.open_at[first], bars.close_at[first])
        ended = np.where(self.out_at_open, bars.open_at[last], bars.close_at[last])
        holes = np.cumsum(broken_before(bars))
        self.whole = (ended > began) & (holes[last] == holes[first])


def _slipped(price: Floats, costs: Costs, *, buy: bool) -> Floats:
    moved: Floats = price * (1 + costs.slippage_bps * BPS if buy else 1 - costs.slippage_bps * BPS)
    return moved


def _with_stops(way: _Way, paid: Floats) -> Floats:
    """Return the exit prices with the first stop or target reached on the way; both in one bar: stopped."""
    sign, shape = way.shape.side, way.shape
    stop = paid * (1 - sign * shape.stop_loss) if shape.stop_loss is not None else np.full(way.n, -sign * np.inf)
    target = paid * (1 + sign * shape.take_profit) if shape.take_profit is not None else np.full(way.n, sign * np.inf)
    out, left = way.price_out.copy(), np.zeros(way.n, dtype=bool)
    for k in range(shape.held + 1):
        for price, hit in (_open_hit(way, k, stop, target), _bar_hit(way, k, stop, target)):
            out = np.where(hit & ~left, price, out)
            left |= hit
    return out


def _open_hit(way: _Way, k: int, stop: Floats, target: Floats) -> tuple[Floats, Flags]:
    """Return the open of the k-th bar, and where it passed a level; not the open it was entered or left at."""
    rows, sign = slice(k, k + way.n), way.shape.side
    price = way.bars.open[rows]
    open_counts = way.bars.has_separate_open[rows] & (k > 0)
    if k == way.shape.held:
        open_counts = open_counts & ~way.out_at_open
    return price, open_counts & ((sign * (price - stop) <= 0) | (sign * (price - target) >= 0))


def _bar_hit(way: _Way, k: int, stop: Floats, target: Floats) -> tuple[Floats, Flags]:
    """Return the level touched within the k-th bar (its close where it lies wholly beyond), and where."""
    rows, sign = slice(k, k + way.n), way.shape.side
    high, low, close = way.bars.high[rows], way.bars.low[rows], way.bars.close[rows]
    worst, best = (low, high) if sign > 0 else (high, low)
    counts = way.in_at_open if k == 0 else np.ones(way.n, dtype=bool)
    if k == way.shape.held:
        counts = counts & ~way.out_at_open
    stopped = sign * (worst - stop) <= 0
    level = np.where(stopped, stop, target)
    price = np.where((low <= level) & (level <= high), level, close)
    return price, counts & (stopped | (sign * (best - target) >= 0))


def window_sums(returns: Floats, first: int, last: int) -> Floats:
    """Return for each bar the sum of the returns ``first`` to ``last`` bars from it (CAR sums simple returns).

    Args:
        returns: one fraction a bar; NaN where there is none.
        first: the first bar counted, from the bar itself (negative: before it).
        last: the last bar counted.

    Returns:
        One sum a bar; NaN where the window leaves the bars or holds a NaN.
    """
    total = np.concatenate(([0.0], np.cumsum(np.nan_to_num(returns))))
    absent = np.concatenate(([0], np.cumsum(np.isnan(returns))))
    rows = np.arange(len(returns))
    begin, end = rows + first, rows + last + 1
    inside = (begin >= 0) & (end <= len(returns))
    begin, end = np.clip(begin, 0, len(returns)), np.clip(end, 0, len(returns))
    return np.where(inside & (absent[end] == absent[begin]), total[end] - total[begin], np.nan)


@lru_cache(maxsize=64)
def close_returns(bars: Bars) -> Floats:
    """Return the simple returns of the closes, one a bar; NaN at the first bar and across a hole."""
    found = np.full(len(bars), np.nan)
    found[1:] = bars.close[1:] / bars.close[:-1] - 1
    found[broken_before(bars)] = np.nan
    found.setflags(write=False)
    return found


Rows = NDArray[np.intp]
"""Numbers of bars."""
