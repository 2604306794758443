"""The days of an account: where it begins, and its value when the last market of each session had closed."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from math import inf

import numpy as np
from msgspec import Struct

from datasets.arrays import Floats, Instants, Sessions
from datasets.errors import UserError
from datasets.instants import NS_PER_DAY, to_date
from datasets.prices.bars import Bars
from engine.plan.costs import MAINTENANCE, Terms
from engine.plan.plan import Wanted
from engine.strategy.gaps import MAX_GAP_DAYS


class AccountCalendar(Struct, frozen=True, eq=False):
    """Sessions (labels) and the instant at which the last market of each has closed."""

    sessions: Sessions
    marked_at: Instants


def account_calendar(bars: list[Bars], since: np.datetime64 | None = None) -> AccountCalendar:
    """Return the union of the sessions of several instruments, each marked when the last of them has closed."""
    if len(bars) == 1 and not bars[0].intraday:
        return _since(AccountCalendar(bars[0].session.astype("datetime64[D]", copy=False), bars[0].close_at), since)
    labels = [b.session.astype("datetime64[D]", copy=False).view(np.int64) for b in bars]
    first, last = min(int(s[0]) for s in labels), max(int(s[-1]) for s in labels)
    closes = np.full(last - first + 1, np.iinfo(np.int64).min)
    for each, own in zip(bars, labels, strict=True):
        ends = each.days.last if each.intraday else slice(None)
        day = own[ends] - first
        closes[day] = np.maximum(closes[day], each.close_at[ends])
    held = np.flatnonzero(closes > np.iinfo(np.int64).min)
    sessions = (held + first).astype("datetime64[D]")
    return _since(AccountCalendar(sessions, np.maximum.accumulate(closes[held])), since)


def _since(days: AccountCalendar, since: np.datetime64 | None) -> AccountCalendar:
    if since is None:
        return days
    first = int(np.searchsorted(days.sessions, since))
    return AccountCalendar(days.sessions[first:], days.marked_at[first:])


@dataclass
class DailyLedger:
    """Writes equity, cash and exposure of each day, and computes the interest between two days."""

    days: AccountCalendar
    terms: Terms
    equity: Floats = field(init=False)
    cash: Floats = field(init=False)
    exposure: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.equity, self.cash, self.exposure = (np.empty(len(self.days.sessions)) for _ in range(3))
        self._written = 0
        self._idle, self._due = self.terms.cash, 0.0
        self._marked_at: list[float] = [*self.days.marked_at.tolist(), inf]
        self._gaps = [0, *np.diff(self.days.sessions).astype(np.int64).tolist()]

    @property
    def next_mark(self) -> float:
        """The instant at which the last market of the first day not yet written closes."""
        return self._marked_at[self._written]

    def due(self, before: int | None) -> Iterator[int]:
        """Yield the days not yet written whose last market closed before an instant; None yields all left."""
        for day in range(self._written, self._upto(before)):
            yield day
            self._written = day + 1

    def _upto(self, before: int | None) -> int:
        return len(self.equity) if before is None else bisect_left(self._marked_at, before)

    def interest(self, day: int) -> float:
        """Return the interest earned since the day before on what was idle then, less what positions cost since."""
        return (self.terms.interest(self._idle, self._gaps[day]) if self.terms.cash_rate else 0.0) - self._due

    def gap_after(self, day: int) -> int:
        """Return the calendar days from a day to the next one of the account; 0 after the last."""
        return self._gaps[day + 1] if day + 1 < len(self._gaps) else 0

    def write(
        self,
        day: int,
        *,
        equity: float,
        cash: float,
        gross: float,
        due: float,
        margin: tuple[float, float] | None = None,
    ) -> bool:
        """Write a day and return whether the account has fallen below its maintenance margin.

        ``due`` is what positions held then cost until the next day, at whose mark it is paid. ``margin`` is what they
        tie and the least that equity must be; None: their value, and MAINTENANCE of it.
        """
        tied, needed = (gross, MAINTENANCE * gross) if margin is None else margin
        self.equity[day], self.cash[day] = equity, cash
        self.exposure[day] = gross / equity if gross else 0.0
        self._idle, self._due = equity - tied, due
        return gross > 0 and equity < needed

    def write_idle(self, before: int | None, *, cash: float) -> float:
        """Write the days due before an instant on which nothing is held, and return the cash after them."""
        if not (self.terms.cash_rate or self._due):
            days = slice(self._written, self._upto(before))
            self.equity[days] = self.cash[days] = cash
            self.exposure[days] = 0.0
            self._written = max(days.start, days.stop)
            return cash
        for day in self.due(before):
            cash += self.interest(day)
            self.write(day, equity=cash, cash=cash, gross=0.0, due=0.0)
        return cash


def account_start(bars: list[Bars], wanted: Iterable[Wanted], since: date | None = None) -> np.datetime64:
    """Return the first session of an account.

    That is the first session that all its markets have had, or that of ``since``, or without one the last session to
    close before the first event wanted: the later of the two. An event that can be traded earlier, on a market that
    begins before the others, brings it forward; one after the last bar of its market does not count.

    Raises:
        UserError: the bars end before ``since``.
    """
    days, by_symbol = account_calendar(bars), {b.symbol: b for b in bars}
    begins = 0 if since is None else int(np.searchsorted(days.sessions, np.datetime64(since, "D")))
    if begins == len(days.sessions):
        spans = "; ".join(f"{b.symbol} has {b.span()}" for b in bars)
        raise UserError(f"no bars from {since} on: {spans}")
    ends = [(w, by_symbol[w.symbol]) for w in wanted]
    legs = [(w.decided_at, b.open_at[0] - w.enters_by) for w, b in ends if w.decided_at < b.close_at[-1]]
    closed = [max(begins, int(np.searchsorted(days.marked_at, at)) - 1) for at, _ in legs]
    traded = [day for day, (_, wait) in zip(closed, legs, strict=True) if wait <= MAX_GAP_DAYS * NS_PER_DAY]
    first = begins if since is not None else min(closed, default=begins)
    at = max(first, int(np.searchsorted(days.sessions, _common(bars))))
    start: np.datetime64 = days.sessions[min([at, *traded])]
    return start


def start_text(bars: list[Bars], start: np.datetime64, since: date | None = None) -> str:
    """Return in words why an account begins where it does."""
    if start in (_common(bars), min(b.session[0] for b in bars)):
        return f"the account begins with the bars, {to_date(start)}"
    if since is not None:
        return f"the account begins on --from {since}"
    return f"the account begins at the close of {to_date(start)}, the last before the first event wanted"


def _common(bars: list[Bars]) -> np.datetime64:
    """Return the first session by which every market has bars."""
    return max(b.session[0].astype("datetime64[D]") for b in bars)
