"""The returns a study compares: those of a trade entered at any bar, and those expected there without an event."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cached_property, partial

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from datasets.arrays import Flags, Floats
from datasets.prices.bars import Bars
from engine.plan.costs import Costs
from engine.strategy.contract import LEVELS
from engine.study.returns import Rows, aligned_returns, clipped_sums, close_returns, correlations, window_sums
from engine.study.settings import ESTIMATION, MIN_CLEAN, EventWindow, Model
from engine.study.shapes import Shape, net_returns

_NO_VARIATION = 1e-7
"""A standard deviation of daily returns below a thousandth of a basis point is the rounding of prices."""


class CounterfactualReturns(Struct, frozen=True, eq=False, dict=True):
    """The returns of a trade at any row of a calendar; NaN where the trade does not fit.

    ``net`` is after costs, ``expected`` the return expected without the event, ``sd`` the standard deviation of the
    difference from the estimation window: ``estimate`` returns both, when one is read.
    """

    net: Floats
    estimate: Callable[[], tuple[Floats, Floats]]

    @cached_property
    def _estimated(self) -> tuple[Floats, Floats]:
        return self.estimate()

    @property
    def expected(self) -> Floats:
        """The return expected without the event."""
        return self._estimated[0]

    @property
    def sd(self) -> Floats:
        """The standard deviation of net less expected."""
        return self._estimated[1]

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

        def some(values: Floats) -> Floats:
            return np.where(inside, values[kept], np.nan)

        return CounterfactualReturns(some(self.net), lambda: (some(self.expected), some(self.sd)))


class ReturnModel(Struct, frozen=True, eq=False):
    """The bars by symbol, the costs, the counterfactual, and the rows of each instrument inside event windows.

    A ``counterfactual`` of None expects a return of 0. Placebo calendars consist of sessions of the ``reference``.
    Without a ``window`` a shape returns what the trade returns, net; with one, the sum of the closes' returns over the
    window, gross. The events of one of ``episodes`` are one observation. Vectors are computed once and shared by the
    events that have the same shape.
    """

    bars: Mapping[str, Bars]
    costs: Mapping[str, Costs]
    reference: Bars
    inside: Mapping[str, Flags]
    counterfactual: Model | None = Model.MEAN
    benchmark: Bars | None = None
    window: EventWindow | None = None
    episodes: tuple[tuple[str, ...], ...] = ()
    _estimates: dict[str, "_Estimates"] = field(default_factory=dict)
    _by_bar: dict[Shape, CounterfactualReturns] = field(default_factory=dict)
    _cached: dict[Hashable, CounterfactualReturns] = field(default_factory=dict)
    _aligned: dict[str, Rows] = field(default_factory=dict)
    _correlations: dict[tuple[str, ...], Floats] = field(default_factory=dict)

    def with_window(self, window: EventWindow | None) -> "ReturnModel":
        """Return the model of an event window, or of the trade, without what this one keeps; estimates are shared."""
        return replace(self, window=window, _by_bar={}, _cached={})

    def estimates(self, symbol: str) -> "_Estimates":
        """Return the estimates of an instrument at each of its bars."""
        if symbol not in self._estimates:
            bars = self.bars[symbol]
            market = None if self.benchmark is None else aligned_returns(bars, self.benchmark)
            self._estimates[symbol] = _estimated(bars, self.inside[symbol], self.counterfactual, market)
        return self._estimates[symbol]

    def by_bar(self, shape: Shape) -> CounterfactualReturns:
        """Return what a shape returns entered at each bar of its instrument (with a window: around each bar)."""
        if shape not in self._by_bar:
            bars = self.bars[shape.instrument]
            if self.window is None:
                net = net_returns(bars, shape, self.costs[shape.instrument])
            else:
                net = shape.side * window_sums(close_returns(bars), *self.span(shape))
            self._by_bar[shape] = CounterfactualReturns(net, partial(self.expected, shape))
        return self._by_bar[shape]

    def expected(self, shape: Shape) -> tuple[Floats, Floats]:
        """Return what a shape is expected to return at each bar of its instrument, and the standard deviation."""
        first, last = self.span(shape)
        return self.estimates(shape.instrument).expected(side=shape.side, first=first, last=last)

    def stopped(self, shape: Shape) -> float:
        """Return the share of all bars at which a shape's stops or target end it."""
        plain = replace(shape, **dict.fromkeys(LEVELS))
        if plain == shape or self.window is not None:
            return 0.0
        net, unstopped = self.by_bar(shape).net, self.by_bar(plain).net
        known = np.isfinite(net) & np.isfinite(unstopped)
        return float(np.mean(net[known] != unstopped[known])) if known.any() else 0.0

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


class _Estimates(Struct, frozen=True, eq=False):
    """One value a bar, from the sessions of its estimation window that lie in no event window.

    ``alpha`` and ``beta`` of the returns on the benchmark's (market-adjusted: 0 and 1; mean-adjusted: the mean and 0),
    ``sd`` the residual standard deviation of one session, ``count`` the sessions used, ``market_mean`` and
    ``market_ss`` the benchmark's mean and sum of squares over them. NaN with fewer than MIN_CLEAN sessions.
    """

    model: Model | None
    alpha: Floats
    beta: Floats
    sd: Floats
    count: Floats
    market_mean: Floats
    market_ss: Floats
    market: Floats

    def expected(self, *, side: int, first: int, last: int) -> tuple[Floats, Floats]:
        """Return the expected return of the sessions ``first`` to ``last`` from each bar, and its forecast error.

        The variance over L sessions is s2 (L + L2/T) mean-adjusted, s2 L market-adjusted, and for the market model
        s2 (L + L2/T + (sum M - L mean M)2 / Sxx) (Patell 1976; Campbell, Lo and MacKinlay 1997, ch. 4).

        Args:
            side: 1 long, -1 short.
            first: the first session, counted from the bar.
            last: the last session.

        Returns:
            Two values a bar: the expected return (0 without a model), and the standard deviation around it.
        """
        days = last - first + 1
        market = window_sums(self.market, first, last)
        mean = self.alpha * days + np.where(self.beta == 0, 0.0, self.beta * market)
        spread = np.full(len(mean), float(days))
        if self.model is not Model.MARKET:
            spread = spread + days**2 / self.count
        if self.model is Model.MARKET_MODEL:
            spread = spread + (market - days * self.market_mean) ** 2 / self.market_ss
        level = np.where(np.isnan(self.sd), np.nan, 0.0) if self.model is None else side * mean
        return level, self.sd * np.sqrt(spread)

    def expected_at(self, entry: Rows, at: Rows) -> Floats:
        """Return the expected return of single sessions ``at`` (dates, sessions) of trades entered at bars (dates,)."""
        if self.model is None:
            return np.zeros(at.shape)
        alpha, beta = self.alpha[entry][:, None], self.beta[entry][:, None]
        return np.asarray(alpha + np.where(beta == 0, 0.0, beta * self.market[at]))


def _estimated(bars: Bars, inside: Flags, model: Model | None, market: Floats | None = None) -> _Estimates:
    """Return the estimates at every bar.

    Args:
        bars: of one instrument, daily.
        inside: the sessions inside event windows, which are left out.
        model: the counterfactual; without one the mean is estimated for the standard deviation alone.
        market: the benchmark's returns on the same sessions (`aligned_returns`), for the two market models.
    """
    y = np.where(inside, np.nan, close_returns(bars))
    x = np.zeros(len(bars)) if market is None else market
    used = np.isfinite(x) & np.isfinite(y)
    x_used, y_used = np.where(used, x, 0.0), np.where(used, y, 0.0)
    n, sx, sy = (clipped_sums(v, *ESTIMATION) for v in (used, x_used, y_used))
    n = np.where(n >= MIN_CLEAN, n, np.nan)
    sxx = clipped_sums(x_used * x_used, *ESTIMATION) - sx * sx / n
    sxy = clipped_sums(x_used * y_used, *ESTIMATION) - sx * sy / n
    syy = clipped_sums(y_used * y_used, *ESTIMATION) - sy * sy / n
    alpha, beta, ssr, df = _fitted(model, n, sx / n, sy / n, sxx, sxy, syy)
    sd = np.sqrt(np.maximum(ssr, 0.0) / df)
    sd = np.where(sd < _NO_VARIATION, 0.0, sd)
    return _Estimates(model, alpha, beta, sd, n, sx / n, sxx, x)


def _fitted(
    model: Model | None, n: Floats, mean_x: Floats, mean_y: Floats, sxx: Floats, sxy: Floats, syy: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return alpha, beta, the sum of squared residuals and its degrees of freedom."""
    if model is Model.MARKET_MODEL:
        beta = np.divide(sxy, sxx, out=np.full(len(n), np.nan), where=sxx > 0)
        return mean_y - beta * mean_x, beta, syy - beta * sxy, n - 2
    if model is Model.MARKET:
        return np.zeros(len(n)), np.ones(len(n)), syy - 2 * sxy + sxx, n - 1
    return mean_y, np.zeros(len(n)), syy, n - 1
