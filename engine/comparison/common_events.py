"""Two runs on the events that both traded: what each earned there, event by event, and how sure the difference is.

Percentiles of fewer than MIN_EVENTS events are refused: five events have 126 distinct resamples. Student's interval of
the paired differences is given from two events on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets.prices.bars import Floats
from engine.account.records import Trade
from engine.comparison.difference import ConfidenceInterval, Difference, bare, by_draws, by_studentized, by_t
from engine.comparison.resampling import block_length, deepest_falls, drawn_rows, means
from engine.comparison.sharpe_difference import draw_blocks, sharpe_draws
from engine.metrics.metrics import drawdown, sharpe

MIN_EVENTS = 10
_ROUNDING = 1e-12


@dataclass(frozen=True)
class CommonEvent:
    """An event that both runs traded and left: what each earned on it, as a fraction of the value put in."""

    event_id: str
    first: float
    second: float


@dataclass(frozen=True)
class OnEvents:
    """Two runs on their common events, in the order in which the first entered them.

    ``correlation`` is Pearson's, None for fewer than 3 events or where one does not vary. ``block`` is how many
    neighbouring events were drawn together on average.
    """

    events: tuple[CommonEvent, ...]
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
    """Return what was earned on each event, in order of entry: P&L of its closed trades over the value put in.

    Trades that hang on no event are left out.
    """
    by_event: dict[str, list[Trade]] = {}
    for trade in sorted((t for t in trades if t.is_closed and t.event_id), key=lambda t: t.entry_at):
        by_event.setdefault(trade.event_id, []).append(trade)
    return {event_id: _earned(legs) for event_id, legs in by_event.items()}


def _earned(legs: Sequence[Trade]) -> float:
    """Return the P&L over the value put in; of a single trade that is its return, to the bit."""
    if len(legs) == 1:
        return legs[0].return_
    return sum(t.pnl for t in legs) / sum(t.quantity * t.entry_price for t in legs)


def on_common_events(first: dict[str, float], second: dict[str, float]) -> OnEvents:
    """Return two runs on the events in both, from what each earned on its events (`event_returns`).

    The differences are of ``mean_trade``, ``sharpe_trade`` (mean over standard deviation, n - 1, of an event's return)
    and ``drawdown_trade`` (of the events one after another, all reinvested).
    """
    events = tuple(CommonEvent(e, first[e], second[e]) for e in first if e in second)
    one, two = np.array([e.first for e in events]), np.array([e.second for e in events])
    if not events:
        nothing = [bare(name, None, None, "no event that both traded and left") for name in _NAMES]
        return OnEvents(events, None, tuple(nothing), 1)
    differences, block = _differences(one, two)
    return OnEvents(events, _correlation(one, two), differences, block)


_NAMES = ("mean_trade", "sharpe_trade", "drawdown_trade")


def _differences(one: Floats, two: Floats) -> tuple[tuple[Difference, ...], int]:
    plain = [bare(name, first, second, _too_few(len(one))) for name, first, second in _bare_numbers(one, two)]
    if len(one) >= MIN_EVENTS:
        return _resampled(plain, one, two)
    if len(one) > 1 and (_varies(two - one) or not np.any(two - one)):
        plain[0] = by_t(plain[0], two - one)
    return tuple(plain), 1


def _bare_numbers(one: Floats, two: Floats) -> list[tuple[str, float | None, float | None]]:
    return [
        ("mean_trade", float(one.mean()), float(two.mean())),
        ("sharpe_trade", _ratio(one), _ratio(two)),
        ("drawdown_trade", float(drawdown(one).min()), float(drawdown(two).min())),
    ]


def _ratio(returns: Floats) -> float | None:
    found = sharpe(returns, 1.0)
    return None if isinstance(found, str) else found


def _too_few(n: int) -> str:
    if n >= MIN_EVENTS:
        return ""
    return f"{n} common {'event' if n == 1 else 'events'}; at least {MIN_EVENTS} are needed for resampling"


def _resampled(plain: Sequence[Difference], one: Floats, two: Floats) -> tuple[tuple[Difference, ...], int]:
    mean, ratio, fall = plain
    block = block_length([one, two])
    rows, blocks = drawn_rows(len(one), block), draw_blocks(len(one), block)
    drawn = by_draws(mean, means(two - one, rows), ConfidenceInterval.PERCENTILE)
    falls = deepest_falls(np.stack([one, two]), rows)
    fallen = by_draws(fall, falls[1] - falls[0], ConfidenceInterval.RESAMPLED)
    if ratio.value is None:
        return (drawn, bare(ratio.name, ratio.first, ratio.second, "returns do not vary"), fallen), block
    told = by_studentized(ratio, sharpe_draws(one, blocks), sharpe_draws(two, blocks), blocks, scale=1.0)
    return (drawn, told, fallen), block


def _correlation(one: Floats, two: Floats) -> float | None:
    if len(one) < 3 or not (_varies(one) and _varies(two)):
        return None
    return float(np.corrcoef(one, two)[0, 1])


def _varies(values: Floats) -> bool:
    return bool(np.ptp(values) > _ROUNDING * np.max(np.abs(values)))
