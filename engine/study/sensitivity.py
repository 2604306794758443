"""How a result changes when a judgement does: a label flipped, another coder, the instant of the signal, a day's shift.

Each variation makes a plan of its own over the same bars; the returns are those of its trades, net of costs.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from datasets.events import EventCatalogue, PoliticalEvent, ProGrowth
from datasets.instants import to_ns
from datasets.prices.bars import Bars
from engine.statistics.event_tests import bmp
from engine.strategy import Strategy
from engine.study.dependence import shared_sessions
from engine.study.eligible import moved_by
from engine.study.sample import Sample

_FLIPPED = {
    ProGrowth.YES: (ProGrowth.NO,),
    ProGrowth.NO: (ProGrowth.YES,),
    ProGrowth.MIXED: (ProGrowth.YES, ProGrowth.NO),
    ProGrowth.UNKNOWN: (ProGrowth.YES, ProGrowth.NO),
}


@dataclass(frozen=True)
class Variation:
    """A result under another judgement, of kind label, coder, signal or shift; None where there is no observation."""

    kind: str
    what: str
    n: int
    mean_net: float | None
    mean_abnormal: float | None
    p: float | None


SampleOf = Callable[[EventCatalogue], Sample]
"""Makes the sample of a rule over other events."""


def variations(
    strategy: Strategy,
    events: EventCatalogue,
    own: Sample,
    sample_of: SampleOf,
    *,
    other: EventCatalogue | None = None,
) -> tuple[Variation, ...]:
    """Return the result under other judgements; of flipped labels only those that change what is traded.

    Args:
        strategy: the rule.
        events: those of the study.
        own: the sample of the study.
        sample_of: makes the sample of the rule over other events.
        other: the same events with another coder's labels, if there are any.
    """
    flipped = ((what, sample_of(varied)) for what, varied in _flips(strategy, events))
    found = [_variation("label", what, sample) for what, sample in flipped if _trades(sample) != _trades(own)]
    if other is not None:
        found.append(_variation("coder", _coder(other), sample_of(other)))
    signalled = [e for e in events if e.signal_from is not None and e.known_at is not None and _wanted(strategy, e)]
    if signalled:
        what = f"acting at signal_from ({len(signalled)} events)"
        found.append(_variation("signal", what, sample_of(_replaced(events, map(_at_signal, signalled)))))
    for by, what in ((-1, "a session earlier"), (1, "a session later")):
        moved = EventCatalogue(_a_session(e, by, own.reference) for e in events)
        found.append(_variation("shift", what, sample_of(moved)))
    return tuple(found)


def _trades(sample: Sample) -> list[tuple[str, ...]]:
    return [o.events for o in (*sample.usable, *sample.lost)]


def _coder(events: EventCatalogue) -> str:
    return f"labels of {dict(events.labels)['file']}" if events.labels else "another coder's labels"


def _variation(kind: str, what: str, sample: Sample) -> Variation:
    n = len(sample.usable)
    if n == 0:
        return Variation(kind, what, 0, None, None, None)
    p = None if sample.model is None else bmp(sample.standardized, factor=shared_sessions(sample)).p
    return Variation(kind, what, n, float(sample.net.mean()), float(sample.abnormal.mean()), p)


def _flips(strategy: Strategy, events: EventCatalogue) -> Iterator[tuple[str, EventCatalogue]]:
    """Yield the events with one pro-growth label flipped, for each flip that changes what the rule wants."""
    for event in events:
        for label in _FLIPPED[event.pro_growth] if event.known_at is not None else ():
            flipped = event.model_copy(update={"pro_growth": label})
            if _wanted(strategy, flipped) != _wanted(strategy, event):
                yield f"{event.event_id}: {event.pro_growth} -> {label}", _replaced(events, [flipped])


def _wanted(strategy: Strategy, event: PoliticalEvent) -> bool:
    return bool(strategy.wants(event))


def _at_signal(event: PoliticalEvent) -> PoliticalEvent:
    polls = event.polls_close_at
    early = event.signal_from if polls is None or event.signal_from is None else min(polls, event.signal_from)
    return event.model_copy(update={"known_at": event.signal_from, "polls_close_at": early})


def _a_session(event: PoliticalEvent, by: int, ref: Bars) -> PoliticalEvent:
    """Return an event moved by whole days, so that the first session to open after it is another by so many."""
    if event.known_at is None:
        return event
    row = int(np.searchsorted(ref.open_at, to_ns(event.known_at), side="right"))
    if not 0 <= row + by < len(ref) or row >= len(ref):
        return event
    days = int((ref.session[row + by] - ref.session[row]).astype(np.int64))
    return moved_by(event, timedelta(days=days))


def _replaced(events: EventCatalogue, others: Iterable[PoliticalEvent]) -> EventCatalogue:
    new = {e.event_id: e for e in others}
    return EventCatalogue(new.get(e.event_id, e) for e in events)
