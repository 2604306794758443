"""What trading costs and what money earns, with their units."""

from enum import StrEnum
from math import isnan
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from datasets.arrays import Floats
from datasets.errors import UserError
from datasets.markets.instruments import Instrument

BPS = 1e-4
P = TypeVar("P", float, Floats)
DAYS_PER_YEAR = 365.0
MONEY_MARKET_YEAR = 360.0
"""Days of a year in the short rates of currencies (actual/360)."""
MAINTENANCE = 0.25
"""A position is closed when equity falls below this share of gross exposure (shorts and leverage only)."""


class Fx(StrEnum):
    """Whether a position in another currency earns its local return on the account's capital, or is bought with it."""

    HEDGED = "hedged"
    UNHEDGED = "unhedged"


def maintenance_of(instrument: Instrument) -> float:
    """Return the fraction of a position's value below which equity must not fall: of a future its own."""
    return instrument.maintenance_margin / 100 if instrument.is_future else MAINTENANCE


def carry_of(value: float | Floats, rate: P, days: int) -> P:
    """Return what a value in a currency pair earns in so many calendar days at an annual rate (carry)."""
    earned: P = value * rate * days / MONEY_MARKET_YEAR  # type: ignore[assignment]
    return earned


class Costs(Struct, frozen=True):
    """Costs of one instrument: commission of the traded value and slippage of the price in basis points.

    ``borrow_rate`` is the annual fee on a short position, a fraction of its value (simple, on actual/365).
    ``event_slippage_bps`` comes on top at the first fill after an event, when spreads are wide.
    """

    commission_bps: float
    slippage_bps: float
    borrow_rate: float = 0.0
    event_slippage_bps: float = 0.0

    def fill_price(self, price: P, *, buy: bool, after_event: bool = False) -> P:
        """Return the price after slippage, which always moves it against the trade."""
        bps = self.slippage_bps + self.event_slippage_bps * after_event
        return price * (1 + bps * BPS) if buy else price * (1 - bps * BPS)

    def commission(self, value: float) -> float:
        """Return the commission of a traded value (either sign)."""
        return abs(value) * self.commission_bps * BPS

    def with_fee(self, fee: float) -> "Costs":
        """Return the costs with a provider's fee, a share of the traded value; of a settlement (NaN) there are none."""
        if isnan(fee):
            return replace(self, commission_bps=0.0, slippage_bps=0.0)
        return replace(self, commission_bps=self.commission_bps + fee / BPS) if fee else self

    def borrow_fee(self, short_value: P, days: int) -> P:
        """Return the fee on borrowed shares of a value for so many calendar days."""
        return short_value * self.borrow_rate * days / DAYS_PER_YEAR


class Terms(Struct, frozen=True):
    """The account: its cash, what cash earns, what shorts pay, what may be held, overriding costs, and its currency.

    ``cash_rate`` and ``borrow_rate`` are annual fractions (effective, and simple on actual/365); ``max_gross`` limits
    the sum of absolute position values over equity; costs of None are the instrument's own. A blank ``currency`` is
    that of the first instrument; with ``fx`` unhedged bars must have rates to it (``Market.in_currency``).
    """

    cash: float = 1_000_000.0
    cash_rate: float = 0.0
    borrow_rate: float = 0.0
    max_gross: float = 1.0
    commission_bps: float | None = None
    slippage_bps: float | None = None
    currency: str = ""
    fx: Fx = Fx.HEDGED
    event_slippage_bps: float = 0.0

    def __post_init__(self) -> None:
        force_setattr(self, "fx", Fx(self.fx))  # a manifest holds it as text
        _within("cash", self.cash, 1e-6, 1e15)
        _within("cash rate", self.cash_rate, -0.5, 1.0)
        _within("borrow rate", self.borrow_rate, 0.0, 5.0)
        _within("event slippage bps", self.event_slippage_bps, 0.0, 4_000.0)
        _within("max gross", self.max_gross, 0.01, 20.0)
        for name, bps in (("commission bps", self.commission_bps), ("slippage bps", self.slippage_bps)):
            if bps is not None:
                _within(name, bps, 0.0, 5_000.0)

    def costs(self, instrument: Instrument) -> Costs:
        """Return the costs of an instrument under these terms."""
        return Costs(
            instrument.commission_bps if self.commission_bps is None else self.commission_bps,
            instrument.slippage_bps if self.slippage_bps is None else self.slippage_bps,
            0.0 if instrument.base_currency or instrument.is_future else self.borrow_rate,
            self.event_slippage_bps,
        )

    def interest(self, idle: float, days: int) -> float:
        """Return what idle cash earns in so many calendar days.

        Idle cash is equity less gross exposure, of futures their initial margin; negative idle cash (leverage) pays
        the same rate.
        """
        return float(idle * ((1 + self.cash_rate) ** (days / DAYS_PER_YEAR) - 1))


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UserError(f"{name} is {value:g}; it must lie between {low:g} and {high:g}")
