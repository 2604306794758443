"""The table of metrics: of each its name, label, unit, better direction, requirements and function.

JSON, tear sheet, comparison, terminal, gallery and sweep read this table: one more metric is one line of it.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Generic, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datasets.arrays import Floats

MIN_SPAN_DAYS = 365
MIN_SESSIONS = 60
MIN_HELD_SESSIONS = 20
MIN_OBSERVATIONS = 10
"""A ratio of a mean to a spread is not given of fewer."""
MAX_TRADE_SHARPE = 5.0
"""A mean of more standard deviations is of returns that a stop or target holds equal, or of two or three alike."""
DAYS_PER_YEAR = 365.0
NO_VARIATION = "returns do not vary"
NO_LOSING_SESSION = "no losing session"

X = TypeVar("X")
Counts = NDArray[np.int64]


class MetricInputs(Struct, frozen=True, eq=False):
    """Figures of accounts. Every field is an array with one entry per plan; a single run has arrays of length 1.

    The account:
        span_days: calendar days from the first session to the last.
        sessions: the number of sessions.
        per_year: sessions per 365 days (``sessions_per_year``).
        growth: final equity over starting cash.
        drawdown: the deepest drawdown, a fraction <= 0; the starting cash counts as a peak.
        mean: mean of the daily returns less the cash rate of a session.
        variance: their variance (n - 1); exactly 0 where they do not vary beyond rounding.
        downside: the mean of the squares of the negative ones, over all sessions.
        held: sessions in which a position was held at any time.

    Its trades, closed and open, an open one at its mark:
        traded: how many they are.
        observations: the independent ones among them (``engine.account.records``).
        won, lost: how many have a P&L above 0, below 0; a P&L of exactly 0 is neither.
        gains, losses: the sum of the positive P&L and of the negative P&L (as a number >= 0), in account currency.
        mean_trade, sd_trade, median_trade: of their net returns; NaN without a trade, ``sd_trade`` (n - 1)
            also with a single one.
    """

    span_days: Counts
    sessions: Counts
    per_year: Floats
    growth: Floats
    drawdown: Floats
    mean: Floats
    variance: Floats
    downside: Floats
    held: Counts
    traded: Counts
    observations: Counts
    won: Counts
    lost: Counts
    gains: Floats
    losses: Floats
    mean_trade: Floats
    sd_trade: Floats
    median_trade: Floats

    @property
    def pnl(self) -> Floats:
        """P&L of the trades."""
        return self.gains - self.losses


class Unit(Enum):
    """What a number counts. A percentage is stored as a fraction, money in account currency."""

    PERCENT = "percent"
    RATIO = "ratio"
    COUNT = "count"
    DAYS = "days"
    MONEY = "money"


class Requirement(Struct, Generic[X], frozen=True):
    """A condition without which a metric is n/a: one truth per plan, and the reason in words for a single plan."""

    holds: Callable[[X], Any]
    reason: Callable[[X], str]


class Metric(Struct, Generic[X], frozen=True):
    """One metric of inputs of type X.

    ``better`` is 1 if more is better, -1 if less is, 0 if neither. ``of`` returns one value per plan, or returns in
    words (or raises as ``NotAvailable``) why there is none. ``needs`` are checked first, in their order. ``key``
    metrics are shown where there is room for few.
    """

    name: str
    label: str
    unit: Unit
    better: int
    of: Callable[[X], Any]
    needs: tuple[Requirement[X], ...] = ()
    meaning: str = ""
    key: bool = False


class NotAvailable(Exception):
    """Ends the computation of a metric with the reason why there is none."""


class Metrics(Struct, frozen=True):
    """Metrics by name, and for each one that is None the reason."""

    values: dict[str, float | int | None]
    notes: dict[str, str]


def annual_growth(growth: Any, days: Any) -> Any:
    """Return the yearly compounded growth over calendar days (actual/365)."""
    return growth ** (DAYS_PER_YEAR / days) - 1


def annual_ratio(mean: Any, spread: Any, per_year: Any) -> Any:
    """Return the yearly ratio of the mean of daily returns to a measure of their spread."""
    return mean / spread * np.sqrt(per_year)


def _sharpe(m: MetricInputs) -> Floats:
    """Sharpe 1994: the mean over the standard deviation (n - 1) of the excess returns, yearly."""
    return np.asarray(annual_ratio(m.mean, np.sqrt(m.variance), m.per_year))


def _sortino(m: MetricInputs) -> Floats:
    """Sortino and Price 1994: the mean over the root mean square of the losses, over all sessions, yearly."""
    return np.asarray(annual_ratio(m.mean, np.sqrt(m.downside), m.per_year))


def _trade_sharpe(m: MetricInputs) -> Floats:
    """The mean over the standard deviation (n - 1) of the returns of the trades."""
    return m.mean_trade / m.sd_trade


def short_span(days: int) -> str:
    """Return why there is no yearly rate over so few calendar days."""
    return f"span of {days} days; a yearly rate needs at least {MIN_SPAN_DAYS}"


def _few_observations(m: MetricInputs) -> str:
    return f"{_observations(m)}, mostly out of the market; at least {MIN_OBSERVATIONS} are needed"


def _observations(m: MetricInputs) -> str:
    return "1 observation" if m.observations[0] == 1 else f"{m.observations[0]} observations"


Needs = tuple[Requirement[MetricInputs], ...]

_GROWTH: Needs = (
    Requirement(lambda m: m.span_days >= MIN_SPAN_DAYS, lambda m: short_span(m.span_days[0])),
    Requirement(lambda m: m.growth > 0, lambda _: "the account was lost"),
)
_TRADED: Needs = (Requirement(lambda m: m.traded > 0, lambda _: "no trades"),)
_RISK: Needs = (
    *_TRADED,
    Requirement(
        lambda m: m.sessions >= MIN_SESSIONS, lambda m: f"{m.sessions[0]} sessions; at least {MIN_SESSIONS} are needed"
    ),
    Requirement(
        lambda m: m.held >= MIN_HELD_SESSIONS,
        lambda m: f"in the market on {m.held[0]} sessions; at least {MIN_HELD_SESSIONS} are needed",
    ),
    Requirement(lambda m: (m.observations >= MIN_OBSERVATIONS) | (2 * m.held >= m.sessions), _few_observations),
)
"""What a yearly risk figure needs."""
_VARIED: Needs = (*_RISK, Requirement(lambda m: m.variance > 0, lambda _: NO_VARIATION))
_LOSING: Needs = (*_RISK, Requirement(lambda m: m.downside > 0, lambda _: NO_LOSING_SESSION))
_DAYS: Needs = (Requirement(lambda m: m.sessions > 0, lambda _: "no sessions"),)
_LOST: Needs = (*_TRADED, Requirement(lambda m: m.lost > 0, lambda _: "no losing trade"))
_BOTH: Needs = (*_LOST, Requirement(lambda m: m.won > 0, lambda _: "no winning trade"))
_SPREAD: Needs = (
    *_TRADED,
    Requirement(
        lambda m: m.observations >= MIN_OBSERVATIONS,
        lambda m: f"{_observations(m)}; at least {MIN_OBSERVATIONS} are needed",
    ),
    Requirement(
        lambda m: (m.sd_trade > 0) & (np.abs(m.mean_trade) <= MAX_TRADE_SHARPE * m.sd_trade),
        lambda _: "the returns of its trades hardly vary",
    ),
)

Account = Metric[MetricInputs]
PERCENT, RATIO, COUNT, MONEY = Unit.PERCENT, Unit.RATIO, Unit.COUNT, Unit.MONEY

PORTFOLIO_METRICS = (
    Account("total_return", "Total return", PERCENT, 1, lambda m: m.growth - 1, (), "over all sessions", key=True),
    Account("cagr", "CAGR", PERCENT, 1, lambda m: annual_growth(m.growth, m.span_days), _GROWTH, "actual/365"),
    Account("volatility", "Volatility", PERCENT, -1, lambda m: np.sqrt(m.variance * m.per_year), _RISK, "yearly"),
    Account("sharpe", "Sharpe ratio", RATIO, 1, _sharpe, _VARIED, "yearly, over the cash rate", key=True),
    Account("sortino", "Sortino ratio", RATIO, 1, _sortino, _LOSING, "yearly, over the cash rate"),
    Account("max_drawdown", "Max drawdown", PERCENT, 1, lambda m: m.drawdown, (), "below the highest", key=True),
    Account("exposure", "Time in market", PERCENT, 0, lambda m: m.held / m.sessions, _DAYS, "of all sessions"),
)
"""Metrics of the account: day by day, idle cash included."""

TRADE_METRICS = (
    Account("n_trades", "Trades", COUNT, 0, lambda m: m.traded, (), "closed, or open at the end", key=True),
    Account("win_rate", "Win rate", PERCENT, 1, lambda m: m.won / m.traded, _TRADED, "of the trades"),
    Account("profit_factor", "Profit factor", RATIO, 1, lambda m: m.gains / m.losses, _LOST, "gains over losses"),
    Account("mean_trade", "Mean trade", PERCENT, 1, lambda m: m.mean_trade, _TRADED, "net return", key=True),
    Account("median_trade", "Median trade", PERCENT, 1, lambda m: m.median_trade, _TRADED, "net return"),
    Account("expectancy", "Expectancy", MONEY, 1, lambda m: m.pnl / m.traded, _TRADED, "mean P&L", key=True),
    Account(
        "payoff_ratio",
        "Payoff ratio",
        RATIO,
        1,
        lambda m: (m.gains / m.won) / (m.losses / m.lost),
        _BOTH,
        "win/loss",
        key=True,
    ),
    Account("trade_sharpe", "Sharpe per trade", RATIO, 1, _trade_sharpe, _SPREAD, "not annual", key=True),
)
"""Metrics of the trades, whatever the account did in between."""

METRICS = (*PORTFOLIO_METRICS, *TRADE_METRICS)
"""The headline metrics, of one run and of every combination of a sweep."""
METRIC_NAMES = tuple(m.name for m in METRICS)


def metrics_of(table: Sequence[Metric[X]], inputs: X) -> Metrics:
    """Return the metrics of a table for one plan, each a value or the reason why there is none."""
    values: dict[str, float | int | None] = {}
    notes: dict[str, str] = {}
    for metric in table:
        try:
            missing = next((need.reason(inputs) for need in metric.needs if not need.holds(inputs)), "")
            value = missing or metric.of(inputs)
        except NotAvailable as reason:
            value = str(reason)
        if isinstance(value, str):
            values[metric.name], notes[metric.name] = None, value
        else:
            number = np.asarray(value).item()
            values[metric.name] = int(number) if metric.unit is COUNT else float(number)
    return Metrics(values, notes)


def metric_columns(inputs: MetricInputs) -> dict[str, Floats]:
    """Return every headline metric of many plans: one float per plan, NaN where it is n/a."""
    columns: dict[str, Floats] = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for metric in METRICS:
            met = [np.asarray(need.holds(inputs), dtype=bool) for need in metric.needs]
            columns[metric.name] = np.where(np.all(met, axis=0), np.asarray(metric.of(inputs), dtype=float), np.nan)
    return columns
