"""Runs compared with the first of them, on common events and on the common span.

Conventions: CONVENTIONS.md. A run compared with itself differs by exactly 0.
"""

from collections.abc import Sequence

from msgspec import Struct

from engine.comparison.common_days import OnDays, Span, common_span, on_common_days
from engine.comparison.common_events import OnEvents, event_returns, on_common_events
from engine.comparison.difference import Difference
from engine.run.run import Run


class Pair(Struct, frozen=True):
    """A run, by its place among those compared, against the first; ``on_days`` is empty without a common span."""

    second: int
    on_events: OnEvents
    on_days: tuple[Difference, ...]


class Compared(Struct, frozen=True, eq=False):
    """All runs over their common span (None if they share none), and each but the first against the first."""

    span: Span | None
    days: OnDays | None
    pairs: tuple[Pair, ...]


def compared(runs: Sequence[Run]) -> Compared:
    """Return the differences of runs from the first of them.

    Raises:
        ValueError: fewer than two runs.
    """
    if len(runs) < 2:
        raise ValueError(f"{len(runs)} run given; a comparison needs at least 2")
    span = common_span(runs)
    days = None if span is None else on_common_days(runs, span)
    returns = [event_returns(run.trades) for run in runs]
    pairs = [
        Pair(n, on_common_events(returns[0], returns[n]), () if days is None else days.differences[n])
        for n in range(1, len(runs))
    ]
    return Compared(span, days, tuple(pairs))
