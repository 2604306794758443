"""What of some trades is one observation: the trades of an event, and events that overlap in time."""

from collections.abc import Iterable, Sequence

from engine.account.records import Trade


def observed(trades: Iterable[Trade]) -> list[list[list[Trade]]]:
    """Return the trades by observation and in it by event, in order of time.

    Events whose trades overlap in time are one observation. A trade without an event is an event of its own.
    """
    events: dict[str, list[Trade]] = {}
    for place, trade in enumerate(trades):
        events.setdefault(trade.event_id or f" {place}", []).append(trade)
    spans = {name: (min(t.entry_at for t in legs), max(t.exit_at for t in legs)) for name, legs in events.items()}
    ordered = sorted(events, key=lambda name: spans[name])
    groups: dict[int, list[list[Trade]]] = {}
    for name, group in zip(ordered, overlapping([spans[n] for n in ordered]), strict=True):
        groups.setdefault(group, []).append(events[name])
    return [*groups.values()]


def event_return(legs: Sequence[Trade]) -> float:
    """Return what the trades of an event made together: their P&L over their value at entry.

    One that the exposure limit cut so counts for less. Of a single trade it is its return, to the bit.
    """
    return legs[0].return_ if len(legs) == 1 else sum(t.pnl for t in legs) / sum(t.value for t in legs)


def overlapping(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Return the group of each span, in order of their beginnings: one that begins before all of a group end joins it.

    >>> overlapping([(0, 4), (1, 2), (3, 6), (6, 7)])
    [0, 0, 0, 1]
    """
    group, end, groups = -1, -(2**63), []
    for began, ended in spans:
        group += began >= end
        end = max(end, ended)
        groups.append(group)
    return groups
