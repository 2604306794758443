"""Two runs on the events that both traded: their returns event by event, and the confidence of the difference.

The mean has Student's interval of the paired differences, from two events on, and the Sharpe ratio that of its
jackknife: percentiles and studentized blocks of few events are too narrow. Fewer than MIN_OBSERVATIONS events
are not resampled: five have 126 distinct resamples.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.arrays import Floats
from engine.account.records import Trade, event_return
from engine.comparison.difference import (
    Difference,
    block_length,
    bootstrap_drawdowns,
    bootstrap_rows,
    resampled,
    share_above,
    with_t_interval,
    without_interval,
)
from engine.metrics.metrics import drawdown, sharpe
from engine.metrics.table import MIN_OBSERVATIONS
from engine.statistics.significance import no_spread, t_by_row

_NAMES = ("mean_trade", "sharpe_trade", "drawdown_trade")


class _CommonEvent(Struct, frozen=True):
    """An event that both runs traded and closed: the return of each on it, as a fraction of the value at entry."""

    event_id: str
    first: float
    second: float


class OnEvents(Struct, frozen=True):
    """Two runs on their common events, in the order in which the first entered them.

    ``correlation`` is Pearson's, None for fewer than 3 events or where one does not vary. ``block`` is the mean number
    of neighbouring events drawn together.
    """

    events: tuple[_CommonEvent, ...]
    correlation: float | None
    differences: tuple[Difference, ...]
    block: int

    @property
    def ahead(self) -> int:
        """On how many events the second run did better."""
        return sum(e.second > e.first for e in self.events)

    @property
    def behind(self) -> int:
        """On how many events the first run did better."""
        return sum(e.second < e.first for e in self.events)


def event_returns(trades: Sequence[Trade]) -> dict[str, float]:
    """Return the return of each event, in order of entry: P&L of its closed trades over their value at entry.

    Trades without an event are left out.
    """
    by_event: dict[str, list[Trade]] = {}
    for trade in sorted((t for t in trades if t.is_closed and t.event_id), key=lambda t: t.entry_at):
        by_event.setdefault(trade.event_id, []).append(trade)
    return {event_id: event_return(legs) for event_id, legs in by_event.items()}


def on_common_events(first: dict[str, float], second: dict[str, float]) -> OnEvents:
    """Return two runs on the events in both, from their returns by event (`event_returns`).

    The differences are of ``mean_trade``, ``sharpe_trade`` (mean over standard deviation, n - 1, of an event's return)
    and ``drawdown_trade`` (of the events one after another, all reinvested).
    """
    events = tuple(_CommonEvent(e, first[e], second[e]) for e in first if e in second)
    one, two = np.array([e.first for e in events]), np.array([e.second for e in events])
    if not events:
        nothing = [without_interval(name, None, None, "no event that both traded and closed") for name in _NAMES]
        return OnEvents(events, None, tuple(nothing), 1)
    differences, block = _differences(one, two)
    return OnEvents(events, _correlation(one, two), differences, block)


def _differences(one: Floats, two: Floats) -> tuple[tuple[Difference, ...], int]:
    n = len(one)
    few = f"{n} common {'event' if n == 1 else 'events'}; at least {MIN_OBSERVATIONS} are needed for resampling"
    numbers = (_numbers(one), _numbers(two))
    plain = [
        without_interval(name, a, b, few if n < MIN_OBSERVATIONS else "")
        for name, a, b in zip(_NAMES, *numbers, strict=True)
    ]
    if n > 1 and (no_spread(two - one) is None or not np.any(two - one)):
        plain[0] = with_t_interval(plain[0], two - one)
    return _resampled(plain, one, two) if n >= MIN_OBSERVATIONS else (tuple(plain), 1)


def _numbers(returns: Floats) -> tuple[float, float | None, float]:
    ratio = sharpe(returns, 1.0) if len(returns) >= MIN_OBSERVATIONS else ""
    return float(returns.mean()), None if isinstance(ratio, str) else ratio, float(drawdown(returns).min())


def _resampled(plain: Sequence[Difference], one: Floats, two: Floats) -> tuple[tuple[Difference, ...], int]:
    mean, ratio, depth = plain
    block = block_length([one, two])
    rows = bootstrap_rows(len(one), block)
    mean = replace(mean, better=share_above((two - one)[rows].mean(axis=1)))
    drawdowns = bootstrap_drawdowns(np.stack([one, two]), rows)
    depth = resampled(depth, drawdowns[1] - drawdowns[0])
    away = _without_each(two) - _without_each(one)
    if ratio.value is None or not np.isfinite(away).all():
        return (mean, without_interval(ratio.name, ratio.first, ratio.second, "returns do not vary"), depth), block
    ratio = with_t_interval(ratio, away)
    drawn = t_by_row(two[rows]) - t_by_row(one[rows])
    return (mean, replace(ratio, better=share_above(drawn[np.isfinite(drawn)])), depth), block


def _without_each(returns: Floats) -> Floats:
    """Return the Sharpe ratio without each event, times n - 1: as spread as its pseudo-values (Efron 1982)."""
    rest = np.array([np.delete(returns, i) for i in range(len(returns))])
    return np.asarray(t_by_row(rest) * np.sqrt(len(returns) - 1), dtype=np.float64)


def _correlation(one: Floats, two: Floats) -> float | None:
    if len(one) < 3 or no_spread(one) or no_spread(two):
        return None
    return float(np.corrcoef(one, two)[0, 1])
