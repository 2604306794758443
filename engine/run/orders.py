"""The orders of a rule for one event: its planned trades with dates, about how many units, and the levels of stops."""

from datetime import date

from msgspec import Struct

from datasets.instants import iso_z, to_date
from datasets.markets.sessions import horizon_note
from datasets.prices.bars import Bars
from engine.account.sizing import whole_lots
from engine.plan.plan import BarPrice, PlannedTrade
from engine.strategy.contract import GAINS, LEVELS


class OrderPrice(Struct, frozen=True):
    """When an order is filled: the open or the close of a session."""

    session: str
    phase: str
    at: str


class Order(Struct, frozen=True):
    """What to buy (``weight`` above 0) or to sell short, when, and when to leave.

    ``units`` is the quantity (of a future: contracts of its ``multiplier``) that ``weight`` of the cash buys at
    ``last_close``, that of ``last_session``, rounded down to lots; ``levels`` are the prices of stops and targets if it
    was filled there. ``exit`` is None where it is held to the end of the bars.
    """

    instrument: str
    weight: float
    decided_at: str
    entry: OrderPrice
    exit: OrderPrice | None
    exit_reason: str
    units: float | None
    last_close: float | None
    last_session: str | None
    distances: dict[str, float]
    levels: dict[str, float | None]
    notes: tuple[str, ...]
    multiplier: float = 1.0


def order_of(trade: PlannedTrade, bars: Bars, known: Bars, *, cash: float) -> Order:
    """Return the order of a planned trade.

    Args:
        trade: the trade.
        bars: the bars its entry and exit are rows of.
        known: the bars made so far; the last close is that of the last one closed before the entry.
        cash: the equity.
    """
    closed = known.until(trade.entry.at(bars) - 1)
    close = float(closed.close[-1]) if len(closed) else None
    distances: dict[str, float] = {name: v for name in LEVELS if (v := getattr(trade, name)) is not None}
    above = [n for n in distances if (n in GAINS) == (trade.weight > 0)]
    entry, leave = _price(trade.entry, bars), None if trade.exit is None else _price(trade.exit, bars)
    last = date.fromisoformat((leave or entry).session)
    of = bars.instrument
    hours = horizon_note(of.mic, date.fromisoformat(entry.session), last)
    return Order(
        instrument=trade.instrument,
        weight=trade.weight,
        decided_at=iso_z(trade.decided_at),
        entry=entry,
        exit=leave,
        exit_reason=trade.exit_reason,
        units=None if close is None else whole_lots(abs(trade.weight) * cash / close / of.unit, of.lot),
        last_close=close,
        last_session=str(to_date(closed.session[-1])) if len(closed) else None,
        distances=distances,
        levels={n: None if close is None else close * (1 + d if n in above else 1 - d) for n, d in distances.items()},
        notes=(*trade.notes, *([hours] if hours else [])),
        multiplier=bars.instrument.unit,
    )


def _price(price: BarPrice, bars: Bars) -> OrderPrice:
    return OrderPrice(str(to_date(bars.session[price.bar])), price.phase.value, iso_z(price.at(bars)))
