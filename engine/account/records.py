"""What an account leaves: fills, trades, and one value a day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, overload

from datasets.prices.bars import Floats
from engine.account.daily_ledger import AccountCalendar
from engine.plan.plan import Skipped

OPEN_AT_END = "open_at_end"


@dataclass(frozen=True)
class Fill:
    """One execution. ``price`` is after slippage, ``reference_price`` before; instants int64 ns UTC."""

    event_id: str
    instrument: str
    side: str
    quantity: float
    decided_at: int
    filled_at: int
    session: str
    price: float
    reference_price: float
    commission: float
    slippage: float
    reason: str
    note: str = ""


@dataclass(frozen=True)
class Trade:
    """One position from entry to exit.

    ``quantity`` is positive, ``side`` long or short, ``weight`` the signed fraction planned (None: sent in
    units). ``decision_price`` is the
    last close known at the decision and ``gap`` the move from it to the entry's reference price, as a fraction.
    ``costs`` are commission and slippage together; ``pnl`` is net of both; ``return_`` is pnl over the entry's value.
    A trade still held at the end of the bars has ``exit_reason`` open_at_end and is marked at the last close.
    """

    event_id: str
    instrument: str
    side: str
    weight: float | None
    quantity: float
    decided_at: int
    decision_price: float | None
    gap: float | None
    entry_session: str
    entry_at: int
    entry_price: float
    exit_session: str
    exit_at: int
    exit_price: float
    exit_reason: str
    costs: float
    pnl: float
    return_: float
    note: str = ""

    @property
    def is_closed(self) -> bool:
        """Whether it was exited before the bars ended."""
        return self.exit_reason != OPEN_AT_END


T_co = TypeVar("T_co", covariant=True)


class Later(Sequence[T_co]):
    """A tuple that is made when it is first looked at."""

    def __init__(self, make: Callable[[], tuple[T_co, ...]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> tuple[T_co, ...]:
        return self._make()

    @overload
    def __getitem__(self, at: int) -> T_co: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T_co]: ...
    def __getitem__(self, at: int | slice) -> T_co | Sequence[T_co]:
        return self._made[at]

    def __len__(self) -> int:
        return len(self._made)

    def __eq__(self, other: object) -> bool:
        return self._made == (other._made if isinstance(other, Later) else other)

    def __hash__(self) -> int:
        return hash(self._made)


@dataclass(frozen=True, eq=False)
class Account:
    """What a replay leaves: one value a day, fills, trades, and what could not be traded."""

    days: AccountCalendar
    equity: Floats
    cash: Floats
    exposure: Floats
    fills: Sequence[Fill]
    trades: Sequence[Trade]
    skipped: tuple[Skipped, ...]
