"""What a sample is made with: bars, costs and counterfactual; what shapes share is reckoned once."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from datasets.errors import UserError
from datasets.prices.bars import Bars, Flags, Floats
from engine.plan.costs import Costs
from engine.statistics.abnormal import Model
from engine.study.expectation import ESTIMATION, Estimates, aligned_returns, correlations, estimates, expected
from engine.study.shapes import Rows, Shape, close_returns, net_returns, window_sums

EARLIEST, LATEST = ESTIMATION[1] + 1, 250


@dataclass(frozen=True)
class EventWindow:
    """An event window in sessions from session 0, the first whose open lies after the decision; both ends counted."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise UserError(f"window {self.first}:{self.last} ends before it begins; write it like 0:5 or -1:1")
        if not EARLIEST <= self.first <= self.last <= LATEST:
            raise UserError(
                f"window {self.first}:{self.last}: its ends must lie between {EARLIEST} (before that is the estimation "
                f"window) and {LATEST} sessions"
            )

    def __str__(self) -> str:
        return f"{self.first}:{self.last}"


@dataclass(frozen=True, eq=False)
class CounterfactualReturns:
    """What something would have returned at any row of a calendar; NaN where it does not fit.

    ``net`` is after costs, ``expected`` what was to be expected without the event, ``sd`` the standard deviation that
    the estimation window gives the difference.
    """

    net: Floats
    expected: Floats
    sd: Floats

    @cached_property
    def abnormal(self) -> Floats:
        """Net less expected."""
        return self.net - self.expected

    @cached_property
    def standardized(self) -> Floats:
        """Abnormal over its standard deviation."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.sd > 0, self.abnormal / self.sd, np.nan)

    def taken(self, rows: Rows) -> "CounterfactualReturns":
        """Return the values at some rows, in their order; NaN for a row that is not there."""
        inside = (rows >= 0) & (rows < len(self.net))
        at = np.where(inside, rows, 0)
        return CounterfactualReturns(*(np.where(inside, v[at], np.nan) for v in (self.net, self.expected, self.sd)))


@dataclass(frozen=True, eq=False)
class ReturnModel:
    """The bars by symbol, the costs, the counterfactual, and the rows of each instrument that lie in event windows.

    A ``model`` of None expects nothing: abnormal returns are the net ones. ``reference`` is the instrument whose
    sessions placebo calendars are made of. With a ``window`` shapes return the sum of the closes' returns over it,
    gross; without one, what the trade itself returns, net.
    """

    bars: Mapping[str, Bars]
    costs: Mapping[str, Costs]
    reference: Bars
    inside: Mapping[str, Flags]
    model: Model | None = Model.MEAN
    benchmark: Bars | None = None
    window: EventWindow | None = None
    _estimates: dict[str, Estimates] = field(default_factory=dict)
    _anywhere: dict[Shape, CounterfactualReturns] = field(default_factory=dict)
    _events: dict[Hashable, CounterfactualReturns] = field(default_factory=dict)
    _base: dict[str, Rows] = field(default_factory=dict)
    _related: dict[tuple[str, ...], Floats] = field(default_factory=dict)

    def estimates(self, symbol: str) -> Estimates:
        """Return the estimates of an instrument at every one of its bars."""
        if symbol not in self._estimates:
            bars = self.bars[symbol]
            market = None if self.benchmark is None else aligned_returns(bars, self.benchmark)
            self._estimates[symbol] = estimates(bars, self.inside[symbol], self.model, market)
        return self._estimates[symbol]

    def anywhere(self, shape: Shape) -> CounterfactualReturns:
        """Return what a shape returns entered at each bar of its own instrument (with a window: around each bar)."""
        if shape not in self._anywhere:
            bars, window = self.bars[shape.instrument], self.window
            first, last = self.span(shape)
            without = expected(self.estimates(shape.instrument), side=shape.side, first=first, last=last)
            if window is None:
                net = net_returns(bars, shape, self.costs[shape.instrument])
            else:
                net = shape.side * window_sums(close_returns(bars), first, last)
            self._anywhere[shape] = CounterfactualReturns(net, without.returns, without.sd)
        return self._anywhere[shape]

    def span(self, shape: Shape) -> tuple[int, int]:
        """Return the first and last session whose return a shape earns here, counted from its bar."""
        return (shape.first, shape.last) if self.window is None else (self.window.first, self.window.last)

    def shared(self, key: Hashable, make: Callable[[], CounterfactualReturns]) -> CounterfactualReturns:
        """Return what was made for a key, made when first asked for: events of one form share their vectors."""
        if key not in self._events:
            self._events[key] = make()
        return self._events[key]

    def base(self, symbol: str) -> Rows:
        """Return for each row of the reference calendar the first row of an instrument to open after the close before.

        Where the reference has no close before, -1 lies so far back that nothing fits.
        """
        if symbol not in self._base:
            before = self.reference.close_at[:-1]
            rows = np.searchsorted(self.bars[symbol].open_at, before, side="right")
            self._base[symbol] = np.concatenate(([-(10**6)], rows)).astype(np.intp)
        return self._base[symbol]

    def related(self, symbols: Iterable[str]) -> Floats:
        """Return the correlations of the daily returns of several instruments, by calendar date."""
        key = tuple(symbols)
        if key not in self._related:
            bars = [self.bars[s] for s in key]
            self._related[key] = correlations(bars, [close_returns(b) for b in bars])
        return self._related[key]
