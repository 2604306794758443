"""What a rule leaves out by its parameters ``kind`` and ``kinds``, in one line under "not traded"."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import get_type_hints

from datasets.errors import UserError
from datasets.events import EventCatalogue
from engine.plan.decision import Decision, Skipped, decide
from engine.strategy import Kinds, OptionalKind, Strategy
from engine.strategy.market import Market

_SHOWN = 4


def left_out_by_kind(
    strategy: Strategy, events: EventCatalogue, market: Market, *, since: date | None = None
) -> Iterator[Skipped]:
    """Yield one line on the events that a rule would trade if its parameter let their kind in; nothing without any."""
    start = None if since is None else datetime.combine(since, time(), UTC)
    for name, hint in get_type_hints(type(strategy), include_extras=True).items():
        given = getattr(strategy, name, None)
        if hint not in (Kinds, OptionalKind) or given is None:
            continue
        several = isinstance(given, tuple)
        others = {event.kind for event in events}.difference(given if several else (given,))
        wider = {k: replace(strategy, **{name: (k,) if several else k}) for k in others}  # type: ignore[type-var]
        found: Counter[str] = Counter()
        for event, timing in zip(events, events.timings, strict=True):
            if event.kind in wider:
                with suppress(UserError):  # a rule need not be able to answer on events that it leaves out
                    decision = decide(wider[event.kind], event, timing, market, start)
                    found[event.kind.value] += isinstance(decision, Decision) and bool(decision.legs)
        if found.total():
            yield Skipped("", "", f"left out by {name}: {_counted(+found)}")


def _counted(found: Counter[str]) -> str:
    """Return ``3 leadership_election, 1 dissolution``: the most frequent first, the rest in one number."""
    listed = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    rest = sum(n for _, n in listed[_SHOWN:])
    return ", ".join([*(f"{n} {kind}" for kind, n in listed[:_SHOWN]), *([f"{rest} of other kinds"] if rest else [])])
