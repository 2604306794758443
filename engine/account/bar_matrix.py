"""The bars of several instruments laid end to end, and aligned on the days of one account, once for many plans.

A moment is one price of one bar as one number: twice its row on the tape, and one more if it is the bar's open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from datasets.instants import Instants
from datasets.prices.bars import Bars, Flags, Floats
from engine.account.daily_ledger import AccountCalendar, account_calendar
from engine.plan.costs import DAYS_PER_YEAR, Terms

Numbers64 = NDArray[np.int64]
NO_MOMENT = -1
"""Stands for the exit of a trade that has none."""


@dataclass(frozen=True, eq=False)
class BarMatrix:
    """Arrays over all rows of all instruments, and over the days of the account.

    ``base`` is the first row of each instrument (and the number of all rows at its end). ``open_day`` and
    ``close_day`` are, of each row, the number of days marked before its open or its close could change anything: the
    day at whose mark the change is first seen.
    """

    bars: tuple[Bars, ...]
    days: AccountCalendar
    base: Numbers64
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    open_at: Instants
    close_at: Instants
    has_separate_open: Flags

    @property
    def n_days(self) -> int:
        """How many days the account has."""
        return len(self.days.sessions)

    @cached_property
    def last_row(self) -> Numbers64:
        """The last row of each instrument."""
        return self.base[1:] - 1

    @cached_property
    def price(self) -> Floats:
        """The price of each moment: closes and opens in turn."""
        return np.stack((self.close, self.open), axis=1).ravel()

    @cached_property
    def order(self) -> Numbers64:
        """The place of each moment in time: twice its instant, and one more for an open (closes pass first)."""
        return np.stack((self.close_at * 2, self.open_at * 2 + 1), axis=1).ravel()

    @cached_property
    def day(self) -> Numbers64:
        """The day at whose mark a fill at each moment is first seen."""
        at = np.stack((self.close_at, self.open_at + 1), axis=1).ravel()
        return np.searchsorted(self.days.marked_at, at).astype(np.int64)

    @cached_property
    def session_from(self) -> Numbers64:
        """Of each row, the first day of the account that is not before its session."""
        return np.searchsorted(_numbers(self.days.sessions), self._session, side="left").astype(np.int64)

    @cached_property
    def session_to(self) -> Numbers64:
        """Of each row, the first day of the account after its session."""
        return np.searchsorted(_numbers(self.days.sessions), self._session, side="right").astype(np.int64)

    @cached_property
    def _session(self) -> Numbers64:
        return np.concatenate([_numbers(b.session) for b in self.bars])

    @cached_property
    def marks(self) -> Floats:
        """The last price of each instrument at the mark of each day: instruments x days."""
        rows = [self.known_rows(n, self.days.marked_at * 2) for n in range(len(self.bars))]
        return np.array([self.price[r] for r in rows]).reshape(len(self.bars), self.n_days)

    def known_rows(self, instrument: int, order: Numbers64) -> Numbers64:
        """Return the moments of an instrument whose prices are the last by places in time, those included."""
        rows = slice(int(self.base[instrument]), int(self.base[instrument + 1]))
        closed = np.searchsorted(self.close_at[rows], order >> 1, side="right") - 1
        opened = np.searchsorted(self.open_at[rows], (order + 1) >> 1, side="left") - 1
        opened = np.where(order & 1, np.searchsorted(self.open_at[rows], order >> 1, side="right") - 1, opened)
        from_open = (opened > closed) & self.has_separate_open[rows][np.maximum(opened, 0)]
        row = rows.start + np.maximum(np.where(from_open, opened, closed), 0)
        moments: Numbers64 = row * 2 + from_open
        return moments


def bar_matrix(bars: Sequence[Bars], since: np.datetime64 | None = None) -> BarMatrix:
    """Return the tape of several instruments whose account begins at a session."""

    def joined(name: str) -> NDArray[np.float64]:
        given = [getattr(b, name) for b in bars]
        return given[0] if len(given) == 1 else np.concatenate(given)

    return BarMatrix(
        bars=tuple(bars),
        days=account_calendar(list(bars), since),
        base=np.concatenate(([0], np.cumsum([len(b) for b in bars]))).astype(np.int64),
        open=joined("open"),
        high=joined("high"),
        low=joined("low"),
        close=joined("close"),
        open_at=joined("open_at").astype(np.int64, copy=False),
        close_at=joined("close_at").astype(np.int64, copy=False),
        has_separate_open=joined("has_separate_open").astype(bool, copy=False),
    )


@dataclass(frozen=True, eq=False)
class CostModel:
    """What terms mean on a tape: costs of each instrument, and what a day's idle cash earns.

    ``earned`` is the interest of each day as a fraction of what was idle the day before; ``grown`` has one more entry
    than there are days: what 1 of idle cash has become by the mark of the day before.
    """

    terms: Terms
    commission: Floats
    buy: Floats
    sell: Floats
    lot: Floats
    earned: Floats
    lent: Floats
    grown: Floats

    @property
    def pays_interest(self) -> bool:
        """Whether the mere passing of days changes the account."""
        return self.terms.cash_rate != 0 or self.terms.borrow_rate != 0


def cost_model(tape: BarMatrix, terms: Terms) -> CostModel:
    """Return what terms mean on a tape."""
    costs = [terms.costs(b.instrument) for b in tape.bars]
    gaps = np.diff(_numbers(tape.days.sessions), prepend=_numbers(tape.days.sessions)[:1])
    earned = np.array([terms.interest(1.0, 0.0, d) for d in range(int(gaps.max(initial=0)) + 1)])[gaps]
    return CostModel(
        terms=terms,
        commission=np.array([c.commission(1.0) for c in costs]),
        buy=np.array([c.fill_price(1.0, buy=True) for c in costs]),
        sell=np.array([c.fill_price(1.0, buy=False) for c in costs]),
        lot=np.array([b.instrument.lot for b in tape.bars]),
        earned=earned,
        lent=terms.borrow_rate * gaps / DAYS_PER_YEAR,
        grown=np.concatenate(([1.0], np.cumprod(1 + earned))),
    )


def _numbers(sessions: NDArray[np.datetime64]) -> Numbers64:
    return sessions.astype("datetime64[D]").astype(np.int64)
