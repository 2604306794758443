"""The shape of a trade, which is the trade without its date, and the net return of a shape entered at any bar.

The return of a trade depends on its instrument, side, phases, length, stops and costs, and not on the account. So the
net return of one shape at every bar is one vector, and ten thousand placebo calendars are lookups in it.
"""

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datasets.arrays import Floats
from datasets.prices.bars import Bars
from engine.account.exits import Stops, first_hits
from engine.plan.costs import BPS, Costs, carry_of
from engine.plan.plan import Numbers64, PlannedTrade
from engine.strategy import Phase
from engine.strategy.contract import LEVELS
from engine.strategy.gaps import broken_before


class Shape(Struct, frozen=True):
    """A trade without its date.

    ``held`` counts the bars from that of the entry to that of the exit; ``side`` is 1 long, -1 short; the levels are
    those of a ``Leg``, ``after_event`` that of a ``PlannedTrade``.
    """

    instrument: str
    side: int
    entry: Phase
    exit: Phase
    held: int
    stop_loss: float | None = None
    take_profit: float | None = None
    trailing_stop: float | None = None
    after_event: bool = True

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
        **{name: getattr(trade, name) for name in LEVELS},
        after_event=trade.after_event,
    )


def net_returns(bars: Bars, shape: Shape, costs: Costs) -> Floats:
    """Return the net return of a shape entered at each bar, as ``engine.account.replay`` leaves it in its trade.

    Returns:
        One fraction a bar: P&L net of costs and carry, in account currency, over the value at entry; NaN where the
        trade does not end within the bars, does not exit after its entry, or is held across a gap.
    """
    returns = np.full(len(bars), np.nan)
    first = np.arange(len(bars) - shape.held)
    if not len(first):
        return returns
    entered, left = _ticks(bars, first, shape.entry), _ticks(bars, first + shape.held, shape.exit)
    price = _at(entered, bars.open, bars.close)
    paid = costs.fill_price(price, buy=shape.side > 0, after_event=shape.after_event)
    out, left_at = _at(left, bars.open, bars.close), left
    if any(getattr(shape, name) is not None for name in LEVELS):
        levels = np.repeat(np.array([[getattr(shape, name)] for name in LEVELS], dtype=float), len(paid), axis=1)
        stops = Stops(paid, np.full(len(paid), float(shape.side)), levels)
        hits = first_hits(bars, entered, left >> 1, stops)
        hit = hits.before(left)
        out, left_at = np.where(hit, hits.price, out), np.where(hit, hits.tick, left)
    got = costs.fill_price(out, buy=shape.side < 0)
    rate_in, rate_out = _rates(bars, entered), _rates(bars, left_at)
    growth = _growth(bars, paid, got, rate_in, rate_out)
    paid, sold = paid * rate_in, got * rate_out
    charged = costs.commission_bps * BPS * (1 + sold / paid) + _held(bars, shape, costs, first, left_at >> 1) / paid
    gaps = np.cumsum(broken_before(bars))
    lasts = _at(left, bars.open_at, bars.close_at) > _at(entered, bars.open_at, bars.close_at)
    whole = lasts & (gaps[left >> 1] == gaps[first])
    returns[: len(first)] = np.where(whole, shape.side * (growth - 1) - charged, np.nan)
    return returns


def _growth(bars: Bars, paid: Floats, got: Floats, rate_in: Floats, rate_out: Floats) -> Floats:
    """Return what 1 paid becomes, in account currency: of a pair that is financed only the P&L changes its rate."""
    if bars.close_rate is None:
        return got / paid
    return 1 + (got / paid - 1) * rate_out / rate_in if bars.is_financed else got * rate_out / (paid * rate_in)


def _rates(bars: Bars, ticks: Numbers64) -> Floats:
    if bars.open_rate is None or bars.close_rate is None:
        return np.ones(len(ticks))
    return _at(ticks, bars.open_rate, bars.close_rate)


def _held(bars: Bars, shape: Shape, costs: Costs, first: Numbers64, last: Numbers64) -> Floats:
    """Return what one unit held from one row to another costs in account currency: borrow fee and rolls, less carry.

    All are of the value at each close, and fee and carry for the days to the next row.
    """
    if bars.carry is None and bars.rolls is None and (shape.side > 0 or not costs.borrow_fee(1.0, 1)):
        return np.zeros(len(first))
    value: Floats = bars.close[:-1] * (1.0 if bars.close_rate is None else bars.close_rate[:-1])
    days = np.diff(bars.session.astype("datetime64[D]").astype(np.int64)).astype(float)
    fee = costs.borrow_fee(1.0, 1) if shape.side < 0 else 0.0
    carry = np.zeros(len(days)) if bars.carry is None else carry_of(1.0, bars.carry[:-1], 1)
    rolls = np.zeros(len(days)) if bars.rolls is None else 2 * costs.commission_bps * BPS * bars.rolls[1:]
    daily: Floats = value * ((fee - shape.side * carry) * days + rolls)
    due: Floats = np.concatenate(([0.0], np.cumsum(np.nan_to_num(daily))))
    return np.asarray(due[last] - due[first])


def _ticks(bars: Bars, rows: Numbers64, phase: Phase) -> Numbers64:
    """Return the ticks at which a phase of bars is traded: the close of a bar without an own open."""
    return rows * 2 + (bars.has_separate_open[rows] & (phase is Phase.OPEN))


def _at(ticks: Numbers64, at_open: NDArray[Any], at_close: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.where(ticks & 1, at_open[ticks >> 1], at_close[ticks >> 1]))
