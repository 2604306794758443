"""The returns a study compares: those of a trade entered at any bar, and those expected there without an event."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from datasets.prices.bars import Bars, Flags, Floats
from engine.plan.costs import Costs
from engine.statistics.abnormal import Model
from engine.study.expectation import Estimates, aligned_returns, correlations, estimates
from engine.study.settings import EventWindow
from engine.study.shapes import Rows, Shape, close_returns, net_returns, window_sums


@dataclass(frozen=True, eq=False)
class CounterfactualReturns:
    """The returns of a trade at any row of a calendar; NaN where the trade does not fit.

    ``net`` is after costs, ``expected`` the return expected without the event, ``sd`` the standard deviation of the
    difference from the estimation window.
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

    def at(self, rows: Rows) -> "CounterfactualReturns":
        """Return the values at some rows, in their order; NaN for a row outside the calendar."""
        inside = (rows >= 0) & (rows < len(self.net))
        kept = np.where(inside, rows, 0)
        return CounterfactualReturns(*(np.where(inside, v[kept], np.nan) for v in (self.net, self.expected, self.sd)))


@dataclass(frozen=True, eq=False)
class ReturnModel:
    """The bars by symbol, the costs, the counterfactual, and the rows of each instrument inside event windows.

    A ``counterfactual`` of None expects a return of 0. Placebo calendars consist of sessions of the ``reference``.
    Without a ``window`` a shape returns what the trade returns, net; with one, the sum of the closes' returns over the
    window, gross. Vectors are computed once and shared by the events that have the same shape.
    """

    bars: Mapping[str, Bars]
    costs: Mapping[str, Costs]
    reference: Bars
    inside: Mapping[str, Flags]
    counterfactual: Model | None = Model.MEAN
    benchmark: Bars | None = None
    window: EventWindow | None = None
    _estimates: dict[str, Estimates] = field(default_factory=dict)
    _by_bar: dict[Shape, CounterfactualReturns] = field(default_factory=dict)
    _cached: dict[Hashable, CounterfactualReturns] = field(default_factory=dict)
    _aligned: dict[str, Rows] = field(default_factory=dict)
    _correlations: dict[tuple[str, ...], Floats] = field(default_factory=dict)

    def with_window(self, window: EventWindow) -> "ReturnModel":
        """Return the model of an event window in place of the trade; the estimates are shared."""
        return replace(self, window=window, _by_bar={}, _cached={})

    def estimates(self, symbol: str) -> Estimates:
        """Return the estimates of an instrument at each of its bars."""
        if symbol not in self._estimates:
            bars = self.bars[symbol]
            market = None if self.benchmark is None else aligned_returns(bars, self.benchmark)
            self._estimates[symbol] = estimates(bars, self.inside[symbol], self.counterfactual, market)
        return self._estimates[symbol]

    def by_bar(self, shape: Shape) -> CounterfactualReturns:
        """Return what a shape returns entered at each bar of its instrument (with a window: around each bar)."""
        if shape not in self._by_bar:
            bars = self.bars[shape.instrument]
            first, last = self.span(shape)
            expected, sd = self.estimates(shape.instrument).expected(side=shape.side, first=first, last=last)
            if self.window is None:
                net = net_returns(bars, shape, self.costs[shape.instrument])
            else:
                net = shape.side * window_sums(close_returns(bars), first, last)
            self._by_bar[shape] = CounterfactualReturns(net, expected, sd)
        return self._by_bar[shape]

    def span(self, shape: Shape) -> tuple[int, int]:
        """Return the first and last session whose return a shape earns, counted from its bar."""
        return (shape.first, shape.last) if self.window is None else (self.window.first, self.window.last)

    def cached(self, key: Hashable, make: Callable[[], CounterfactualReturns]) -> CounterfactualReturns:
        """Return what is made for a key; events with the same key share their vectors."""
        if key not in self._cached:
            self._cached[key] = make()
        return self._cached[key]

    def aligned_rows(self, symbol: str) -> Rows:
        """Return for each row of the reference calendar the first bar of an instrument to open after the close before.

        The first row has no close before it: -10**6, where nothing fits.
        """
        if symbol not in self._aligned:
            before = self.reference.close_at[:-1]
            rows = np.searchsorted(self.bars[symbol].open_at, before, side="right")
            self._aligned[symbol] = np.concatenate(([-(10**6)], rows)).astype(np.intp)
        return self._aligned[symbol]

    def correlations(self, symbols: Iterable[str]) -> Floats:
        """Return the correlations of the daily returns of several instruments, by calendar date."""
        key = tuple(symbols)
        if key not in self._correlations:
            self._correlations[key] = correlations([self.bars[s] for s in key])
        return self._correlations[key]
