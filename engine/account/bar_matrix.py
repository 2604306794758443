"""The bars of several instruments end to end, aligned with the days of one account: computed once for many plans.

A tick is one price of one bar as one number: twice its row in the matrix, and one more if it is the bar's open.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datasets.arrays import Flags, Floats, Instants
from datasets.prices.account_currency import refuse_missing
from datasets.prices.bars import Bars
from engine.account.daily_ledger import AccountCalendar, account_calendar
from engine.plan.costs import Terms, carry_of, maintenance_of
from engine.plan.plan import NO_TICK, BarPrice, Numbers64


class BarMatrix(Struct, frozen=True, eq=False, dict=True):
    """Arrays over all rows of all instruments, and over the days of the account.

    ``base`` is the first row of each instrument, and the number of all rows at its end. ``open_rate``, ``close_rate``,
    ``carry`` and ``fee`` are those of the bars; None where no bars have any.
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
    open_rate: Floats | None = None
    close_rate: Floats | None = None
    carry: Floats | None = None
    fee: Floats | None = None

    @property
    def n_days(self) -> int:
        """The number of days of the account."""
        return len(self.days.sessions)

    @cached_property
    def last_row(self) -> Numbers64:
        """The last row of each instrument."""
        return self.base[1:] - 1

    @cached_property
    def price(self) -> Floats:
        """The price of each tick: closes and opens alternate."""
        return np.stack((self.close, self.open), axis=1).ravel()

    @cached_property
    def rate(self) -> Floats | None:
        """The exchange rate at each tick; None where there is none to apply."""
        if self.open_rate is None or self.close_rate is None:
            return None
        return np.stack((self.close_rate, self.open_rate), axis=1).ravel()

    @cached_property
    def money(self) -> Floats:
        """The price of each tick in account currency."""
        return self.price if self.rate is None else self.price * self.rate

    @cached_property
    def is_financed(self) -> Flags:
        """Whether positions in each instrument are paid with money borrowed in its quote currency."""
        return np.array([b.is_financed for b in self.bars])

    @cached_property
    def order(self) -> Numbers64:
        """The position of each tick in time: twice its instant, and one more for an open (closes come first)."""
        return np.stack((self.close_at * 2, self.open_at * 2 + 1), axis=1).ravel()

    @cached_property
    def day(self) -> Numbers64:
        """The first day at whose mark a fill at each tick is included."""
        at = np.stack((self.close_at, self.open_at + 1), axis=1).ravel()
        return np.searchsorted(self.days.marked_at, at).astype(np.int64)

    @cached_property
    def sessions(self) -> tuple[Numbers64, Numbers64]:
        """Of each row, the first day of the account that is not before its session, and the first after it."""
        of, days = np.concatenate([_numbers(b.session) for b in self.bars]), _numbers(self.days.sessions)
        first, after = (np.searchsorted(days, of, side=side) for side in ("left", "right"))
        return first, after

    @cached_property
    def gaps(self) -> Numbers64:
        """The calendar days from the day before to each day; 0 for the first."""
        labels = _numbers(self.days.sessions)
        return np.diff(labels, prepend=labels[:1])

    @cached_property
    def mark_ticks(self) -> Numbers64:
        """The tick of the last price of each instrument at the mark of each day: instruments x days."""
        ticks = [self.known_ticks(n, self.days.marked_at * 2) for n in range(len(self.bars))]
        return np.array(ticks, dtype=np.int64).reshape(len(self.bars), self.n_days)

    @cached_property
    def marks(self) -> Floats:
        """The last price of each instrument in account currency at the mark of each day: instruments x days."""
        return self.money[self.mark_ticks]

    @cached_property
    def rate_marks(self) -> Floats:
        """The exchange rate at the last price of each instrument at the mark of each day: instruments x days."""
        return np.ones(self.mark_ticks.shape) if self.rate is None else self.rate[self.mark_ticks]

    @cached_property
    def roll_days(self) -> Flags | None:
        """Whether each instrument rolls from one day's mark to the next: instruments x (days - 1); None without any."""
        if all(b.rolls is None for b in self.bars):
            return None
        rolled = np.zeros((len(self.bars), max(0, self.n_days - 1)), dtype=bool)
        for n, bars in enumerate(self.bars):
            rows = np.flatnonzero(False if bars.rolls is None else bars.rolls)
            days = self.day[2 * (rows + self.base[n]) + bars.has_separate_open[rows]]
            rolled[n, days[(days > 0) & (days < self.n_days)] - 1] = True
        return rolled

    def tick(self, instrument: int, price: BarPrice | None) -> int:
        """Return the tick of a bar's price of one instrument; NO_TICK for None."""
        return NO_TICK if price is None else 2 * int(self.base[instrument]) + price.tick

    def known_ticks(self, instrument: int, order: Numbers64) -> Numbers64:
        """Return the ticks of an instrument whose prices are the last known at positions in time, inclusive."""
        rows = slice(int(self.base[instrument]), int(self.base[instrument + 1]))
        closed = np.searchsorted(self.close_at[rows], order >> 1, side="right") - 1
        opened = np.searchsorted(self.open_at[rows], (order + 1) >> 1, side="left") - 1
        opened = np.where(order & 1, np.searchsorted(self.open_at[rows], order >> 1, side="right") - 1, opened)
        from_open = (opened > closed) & self.has_separate_open[rows][np.maximum(opened, 0)]
        row = rows.start + np.maximum(np.where(from_open, opened, closed), 0)
        return np.asarray(row * 2 + from_open)

    def next_tick(self, instrument: int, marked_at: int) -> int:
        """Return the first tick of an instrument after the mark of a day; NO_TICK where there is none."""
        rows = slice(int(self.base[instrument]), int(self.base[instrument + 1]))
        row = rows.start + int(np.searchsorted(self.close_at[rows], marked_at, side="right"))
        if row == rows.stop:
            return NO_TICK
        return 2 * row + int(self.has_separate_open[row] and self.open_at[row] >= marked_at)

    def last_ticks(self, instrument: NDArray[np.int32], order: Numbers64) -> Numbers64:
        """Return the tick of the last known price of each given instrument at each given position in time."""
        ticks = np.empty(len(order), dtype=np.int64)
        by = np.argsort(instrument, kind="stable")
        edges = np.searchsorted(instrument[by], np.arange(len(self.bars) + 1))
        for n in np.flatnonzero(np.diff(edges)):
            mine = by[edges[n] : edges[n + 1]]
            ticks[mine] = self.known_ticks(int(n), order[mine])
        return ticks

    def check_rates(self, instrument: NDArray[Any], first: Numbers64, last: Numbers64) -> None:
        """Raise a UserError where a rate is missing from one tick to another of a trade in an instrument."""
        if self.rate is None:
            return
        missing = np.isnan(self.rate).reshape(-1, 2)[:, ::-1] & np.stack(
            (self.has_separate_open, np.ones(len(self.close), dtype=bool)), axis=1
        )
        count = np.concatenate(([0], np.cumsum(missing)))
        wrong = np.flatnonzero(count[(last ^ 1) + 1] > count[first ^ 1])
        for n in wrong[:1].tolist():
            base = 2 * int(self.base[instrument[n]])
            refuse_missing(self.bars[int(instrument[n])], int(first[n]) - base, int(last[n]) - base)


def bar_matrix(bars: Sequence[Bars], since: np.datetime64 | None = None) -> BarMatrix:
    """Return the matrix of several instruments whose account begins at a session."""

    def joined(name: str) -> NDArray[np.float64]:
        given = [getattr(b, name) for b in bars]
        return given[0] if len(given) == 1 else np.concatenate(given)

    def optional(name: str, absent: float) -> Floats | None:
        given = [getattr(b, name) for b in bars]
        if all(v is None for v in given):
            return None
        return np.concatenate([np.full(len(b), absent) if v is None else v for b, v in zip(bars, given, strict=True)])

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
        open_rate=optional("open_rate", 1.0),
        close_rate=optional("close_rate", 1.0),
        carry=optional("carry", 0.0),
        fee=optional("fee", 0.0),
    )


class CostModel(Struct, frozen=True, eq=False, dict=True):
    """Costs on a matrix: of each instrument, and what each day's idle cash earns.

    ``borrow`` is the fee of one day on a short value of 1: instruments x 1. ``lot`` is in units of what is priced;
    ``tied`` and ``maintenance`` are fractions of a position's value, ``is_future`` says whose margin limits size.
    ``earned`` is the interest of each day as a fraction of what was idle the day before. ``grown`` has one more entry
    than there are days: the value of 1 of idle cash at the mark of the day before.
    """

    matrix: BarMatrix
    terms: Terms
    commission: Floats
    buy: Floats
    sell: Floats
    lot: Floats
    borrow: Floats
    tied: Floats
    maintenance: Floats
    is_future: Flags
    earned: Floats
    grown: Floats

    def after_event(self, *, buy: bool) -> Floats:
        """Return what 1 costs at the first fill after an event, for each instrument."""
        each = (self.terms.costs(b.instrument).fill_price(1.0, buy=buy, after_event=True) for b in self.matrix.bars)
        return np.array(list(each))

    def commission_at(self, instrument: NDArray[Any], tick: Numbers64) -> Floats:
        """Return the commission of instruments at ticks as a share of the traded value, with the provider's fee."""
        rate, fee = self.commission[instrument], self.matrix.fee
        return rate if fee is None else np.where(np.isnan(fee[tick >> 1]), 0.0, rate + fee[tick >> 1])

    @property
    def pays_interest(self) -> bool:
        """Whether the passing of days alone changes the account."""
        own = self.matrix.carry is not None or self.matrix.roll_days is not None
        return own or self.terms.cash_rate != 0 or self.terms.borrow_rate != 0

    def charges_for(self, quantity: Floats) -> bool:
        """Return whether holding some of these signed quantities costs or earns more than idle cash does."""
        always = self.has_pairs or self.has_futures or self.matrix.roll_days is not None
        return self.pays_interest and (always or bool(np.any(quantity < 0)))

    @cached_property
    def limits(self) -> list[tuple[float, Floats]]:
        """What limits the size of openings: the largest multiple of equity, and how much of it a value of 1 uses."""
        gross = [(self.terms.max_gross, np.ones(len(self.tied)))]
        return [*gross, (1.0, self.tied * self.is_future)] if self.has_futures else gross

    @cached_property
    def charges(self) -> Floats:
        """What holding costs, cumulated over days and discounted to the first: rows x (days + 1).

        Rows: one unit short of each instrument, whose proceeds and what it ties earn no interest, and whose borrow fee
        is due. Where pairs earn carry or are financed, three more sets: one unit of each pair, less its carry; and the
        interest that what shorts of them owe takes away: 1 of the quote currency and 1 of the account's, of each. All
        are due on the value a day before. Last, where there are rolls: one unit of each, long or short, when it rolls.
        """
        matrix, interest = self.matrix, (1 + self.tied[:, None]) * self.earned
        due = [matrix.marks[:, :-1] * (interest + self.borrow * matrix.gaps)[:, 1:]]
        if self.has_pairs:
            due.append(-self._carry_due)
            due.append(matrix.rate_marks[:, :-1] * interest[:, 1:])
            due.append(interest[:, 1:])
        if matrix.roll_days is not None:
            due.append(self._roll_due)
        return _cumulated(np.concatenate(due) / self.grown[2:], matrix.n_days)

    @cached_property
    def has_futures(self) -> bool:
        """Whether some instruments are futures."""
        return bool(self.is_future.any())

    @property
    def has_pairs(self) -> bool:
        """Whether some instruments earn carry or are financed in their quote currency."""
        return self.matrix.carry is not None or bool(self.matrix.is_financed.any())

    @property
    def _carry_due(self) -> Floats:
        """The carry that one unit of each instrument earns from each day to the next: instruments x (days - 1)."""
        matrix = self.matrix
        if matrix.carry is None:
            return np.zeros((len(matrix.marks), max(0, matrix.n_days - 1)))
        daily = carry_of(matrix.marks, matrix.carry[matrix.mark_ticks >> 1], 1)
        return np.asarray(daily[:, :-1] * matrix.gaps[1:])

    @property
    def _roll_due(self) -> Floats:
        """The two commissions of a roll on one unit of each instrument: instruments x (days - 1)."""
        rolled, marks = self.matrix.roll_days, self.matrix.marks[:, :-1]
        return np.zeros_like(marks) if rolled is None else 2 * self.commission[:, None] * marks * rolled

    @cached_property
    def roll_costs(self) -> Floats:
        """The commissions of one unit's rolls, cumulated over days: instruments x (days + 1)."""
        return _cumulated(self._roll_due, self.matrix.n_days)

    @cached_property
    def borrow_fees(self) -> Floats:
        """The borrow fee of one unit short, cumulated over days: instruments x (days + 1)."""
        return _cumulated(self.matrix.marks[:, :-1] * self.borrow * self.matrix.gaps[1:], self.matrix.n_days)

    @cached_property
    def carry_gains(self) -> Floats:
        """The carry of one unit of each instrument, cumulated over days: instruments x (days + 1)."""
        return _cumulated(self._carry_due, self.matrix.n_days)


def cost_model(matrix: BarMatrix, terms: Terms) -> CostModel:
    """Return the costs of terms on a matrix."""
    costs = [terms.costs(b.instrument) for b in matrix.bars]
    gaps = matrix.gaps
    earned = np.array([terms.interest(1.0, d) for d in range(int(gaps.max(initial=0)) + 1)])[gaps]
    return CostModel(
        matrix=matrix,
        terms=terms,
        commission=np.array([c.commission(1.0) for c in costs]),
        buy=np.array([c.fill_price(1.0, buy=True) for c in costs]),
        sell=np.array([c.fill_price(1.0, buy=False) for c in costs]),
        lot=np.array([b.instrument.lot * b.instrument.unit for b in matrix.bars]),
        borrow=np.array([[c.borrow_fee(1.0, 1)] for c in costs]),
        tied=np.array([b.instrument.tied for b in matrix.bars]),
        maintenance=np.array([maintenance_of(b.instrument) for b in matrix.bars]),
        is_future=np.array([b.instrument.is_future for b in matrix.bars]),
        earned=earned,
        grown=np.concatenate(([1.0], np.cumprod(1 + earned))),
    )


def _cumulated(daily: Floats, days: int) -> Floats:
    """Return the sums up to each day of what is due from the second day on; after the last nothing is added."""
    sums = np.zeros((len(daily), days + 1))
    sums[:, 1:-1] = np.cumsum(np.nan_to_num(daily), axis=1)  # nothing is held where a rate is missing
    sums[:, -1:] = sums[:, -2:-1]
    return sums


def _numbers(sessions: NDArray[np.datetime64]) -> Numbers64:
    return sessions.astype("datetime64[D]").astype(np.int64)
