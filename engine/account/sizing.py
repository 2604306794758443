"""What an account does with a plan, whoever walks it: how openings are sized, and what a trade leaves behind."""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

from datasets.instants import to_ns
from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars
from engine.account.records import OPEN_AT_END, Fill, Trade
from engine.plan.costs import BPS, Costs, Terms
from engine.plan.decision import Skipped
from engine.plan.plan import PlannedTrade
from engine.strategy import Phase

LOT_TOLERANCE = 1e-9
"""A quantity this close below a whole number of lots is that number."""
SMALLEST_SCALE = 1e-6
"""Openings that the exposure limit would scale below this share of their size are skipped."""
SCALE_NOTED = 0.999
"""Openings scaled below this share of their size have a note; above it is room for the commission."""
STOP_LOSS, TAKE_PROFIT, TRAILING_STOP, MARGIN_CALL = "stop_loss", "take_profit", "trailing_stop", "margin_call"


class Held(Struct):
    """A trade now held: its signed units, what it was entered at, and the scale the exposure limit left it.

    ``best`` is the best price since: of the entry, and of the highs of completed bars (short: the lows). ``borrow``,
    ``carry`` and ``roll`` are the fee charged, the carry earned and the commissions of rolls so far. ``owed`` is what
    was borrowed in the quote currency to pay a pair or a future (signed as the units), 0 for all else. ``sign`` is 1
    long and -1 short; ``stop`` and ``target`` are levels, ``ends`` the bar of the exit and whether it is at its open.
    """

    plan: PlannedTrade
    units: float
    entry: Fill
    scale: float
    called: bool = False
    borrow: float = 0.0
    carry: float = 0.0
    roll: float = 0.0
    owed: float = 0.0
    best: float = 0.0
    sign: int = 1
    stop: float | None = None
    target: float | None = None
    ends: tuple[int, bool] | None = None

    def __post_init__(self) -> None:
        plan, at = self.plan, self.entry.price
        self.best, self.sign = at, 1 if self.units > 0 else -1
        self.stop = None if plan.stop_loss is None else at * (1 - self.sign * plan.stop_loss)
        self.target = None if plan.take_profit is None else at * (1 + self.sign * plan.take_profit)
        self.ends = None if plan.exit is None else (plan.exit.bar, plan.exit.phase is Phase.OPEN)


def opening_scale(
    openings: Sequence[PlannedTrade],
    costs: dict[str, Costs],
    terms: Terms,
    *,
    equity: float,
    gross: float,
    margins: Mapping[str, float],
    margin: float,
) -> float:
    """Return the share of their size at which the openings of one instant fit under the limits together.

    These are the exposure limit and, for futures, the equity: their initial margins must not exceed it.

    Args:
        openings: what is to be opened.
        costs: by instrument.
        terms: those of the account.
        equity: just before them.
        gross: the exposure held.
        margins: the initial margins of futures by instrument, as fractions of their value.
        margin: the initial margins of what is held.
    """
    wanted = initial = 0.0
    for trade in openings:
        value = abs(trade.weight) * equity * (1 + costs[trade.instrument].commission_bps * BPS)
        wanted, initial = wanted + value, initial + value * margins.get(trade.instrument, 0.0)
    room, left = terms.max_gross * equity - gross, equity - margin
    if wanted <= 0:
        return 0.0
    scale = 1.0 if room >= wanted else room / wanted
    return scale if left >= initial or not initial else min(scale, left / initial)


def size_opening(
    trade: PlannedTrade, terms: Terms, *, equity: float, scale: float, paid: float, of: Instrument
) -> float | Skipped:
    """Return the signed units of an opening at the price paid, or why there are none."""
    if scale < SMALLEST_SCALE:
        margin = ", and the initial margin of futures to equity" if of.is_future else ""
        return _skip(trade, f"no room: gross exposure is limited to {terms.max_gross:g} times equity{margin}")
    units = whole_lots(abs(trade.weight) * equity * scale / paid, of.lot * of.unit)
    if units <= 0:
        have, each = round(equity * scale, 6), f"{of.unit:g} x " if of.is_future else ""  # summed otherwise, the same
        what = f"{trade.weight:g} of equity {have:,.0f}"
        return _skip(trade, f"{what} buys less than one lot of {of.lot:g} at {each}{paid:,.6g}")
    return units if trade.weight > 0 else -units


def _skip(trade: PlannedTrade, reason: str) -> Skipped:
    return Skipped(trade.event_id, trade.instrument, reason)


def _trade_note(planned: PlannedTrade, of: Instrument, scale: float, reason: str) -> str:
    """Return the notes on a trade: on its entry, its size, and its exit if that was as planned."""
    shown = round(scale, 12)  # 31.25 %, summed in another order, is written alike
    limit = "the exposure limit or the margin of futures" if of.is_future else "the exposure limit"
    scaled = f"scaled to {shown:.1%} by {limit}" if scale < SCALE_NOTED else ""
    exit_ = fill_note(planned, reason) if reason == planned.exit_reason else ""
    return "; ".join(n for n in (fill_note(planned, "entry"), scaled, exit_) if n)


def fill_note(trade: PlannedTrade, reason: str) -> str:
    """Return what the plan says of one fill: of the entry, or of the exit it planned."""
    if reason not in ("entry", trade.exit_reason):
        return ""
    side = "entry" if reason == "entry" else "exit"
    return "; ".join(n for n in trade.notes if n.startswith(side))


def make_trade(
    planned: PlannedTrade,
    bars: Bars,
    entry: Fill,
    exit_: Fill | None,
    *,
    units: float,
    scale: float,
    borrow: float = 0.0,
    carry: float = 0.0,
    roll: float = 0.0,
) -> Trade:
    """Return the trade a position leaves when it is closed, or at the end of the bars when ``exit_`` is None."""
    of = bars.instrument
    price = reference = float(bars.close[-1])  # of a position still held at the last close
    rate = 1.0 if bars.close_rate is None else float(bars.close_rate[-1])
    if exit_ is not None:
        price, reference, rate = exit_.price, exit_.reference_price, exit_.rate
    known = int(np.searchsorted(bars.close_at, to_ns(planned.decided_at), side="right")) - 1
    decision_price = float(bars.close[known]) if known >= 0 else None
    fills = [entry] if exit_ is None else [entry, exit_]
    commission = sum(f.commission for f in fills)
    paid_at = rate if bars.is_financed else entry.rate
    pnl = units * (price * rate - entry.price * paid_at) - commission - borrow - roll + carry
    moved = reference - entry.reference_price if bars.is_financed else reference
    return Trade(
        event_id=planned.event_id,
        instrument=bars.symbol,
        side="long" if units > 0 else "short",
        weight=planned.weight,
        quantity=entry.quantity,
        decided_at=to_ns(planned.decided_at),
        decision_price=decision_price,
        gap=None if decision_price is None else entry.reference_price / decision_price - 1,
        entry_session=entry.session,
        entry_at=entry.filled_at,
        entry_price=entry.price,
        exit_session=str(bars.session[-1]) if exit_ is None else exit_.session,
        exit_at=int(bars.close_at[-1]) if exit_ is None else exit_.filled_at,
        exit_price=price,
        exit_reason=OPEN_AT_END if exit_ is None else exit_.reason,
        costs=commission + sum(f.slippage for f in fills) + borrow + roll,
        pnl=pnl,
        return_=pnl / abs(units * entry.price * entry.rate),
        note=_trade_note(planned, of, scale, OPEN_AT_END if exit_ is None else exit_.reason),
        borrow=borrow,
        carry=carry,
        fx=units * moved * (rate - entry.rate),
        entry_rate=entry.rate,
        exit_rate=rate,
        multiplier=of.unit,
        roll=roll,
    )


def whole_lots(quantity: float, lot: float) -> float:
    """Return a quantity rounded down to whole lots; a lot of 0 means any fraction.

    >>> whole_lots(237.9, 10)
    230.0
    >>> whole_lots(237.9, 0)
    237.9
    """
    return float(np.floor(quantity / lot + LOT_TOLERANCE) * lot) if lot else quantity
