"""The sensitivity of a result to labels and timing: a flipped label, another coder, the signal's time, a day's shift.

Each variation makes a plan of its own over the same bars; its returns are those of its trades, net of costs.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.events import EventCatalogue, PoliticalEvent, ProGrowth
from datasets.instants import to_ns
from datasets.prices.bars import Bars
from engine.statistics.event_tests import bmp
from engine.strategy import Strategy
from engine.study.calendars import moved_by
from engine.study.dependence import shared_sessions
from engine.study.return_model import ReturnModel
from engine.study.sample import Sample
from engine.study.study_input import StudyInput

_FLIPPED = {
    ProGrowth.YES: (ProGrowth.NO,),
    ProGrowth.NO: (ProGrowth.YES,),
    ProGrowth.MIXED: (ProGrowth.YES, ProGrowth.NO),
    ProGrowth.UNKNOWN: (ProGrowth.YES, ProGrowth.NO),
}


class Variation(Struct, frozen=True):
    """A result with another label, time or choice of observations; None where it has no observation.

    It is of kind label, coder, signal, shift or confounder.
    """

    kind: str
    what: str
    n: int
    mean_net: float | None
    mean_abnormal: float | None
    p: float | None


def variations(given: StudyInput, own: Sample, model: ReturnModel) -> tuple[Variation, ...]:
    """Return the result of each variation; a flipped label that changes no trade is left out.

    Args:
        given: the run, with another coder's labels if there are any.
        own: the sample of its trades.
        model: the return model of the run.
    """
    traded = _events_of(own)
    results = []
    for kind, what, events in _varied(given, own.reference):
        sample = given.sample_over(events, model)
        if kind != "label" or _events_of(sample) != traded:
            results.append(_variation(kind, what, sample))
    return tuple(results)


def without_confounded(sample: Sample, confounded: Collection[int]) -> tuple[Variation, ...]:
    """Return the result without the observations at some places, which hold another event; none where none does."""
    if not confounded:
        return ()
    kept = replace(sample, usable=tuple(o for n, o in enumerate(sample.usable) if n not in confounded))
    return (_variation("confounder", f"without the {len(confounded)} that hold another event", kept),)


def _events_of(sample: Sample) -> list[tuple[str, ...]]:
    return [o.events for o in (*sample.usable, *sample.lost)]


def _variation(kind: str, what: str, sample: Sample) -> Variation:
    n = len(sample.usable)
    if n == 0:
        return Variation(kind, what, 0, None, None, None)
    p = None if sample.withheld else bmp(sample.standardized, factor=shared_sessions(sample)).p
    return Variation(kind, what, n, float(sample.net.mean()), float(sample.abnormal.mean()), p)


def _varied(given: StudyInput, reference: Bars) -> Iterator[tuple[str, str, EventCatalogue]]:
    """Yield the kind of each variation, its name and its events."""
    rule, events, other = given.strategy, given.events, given.other_labels
    for what, flipped in _flips(rule, events):
        yield "label", what, flipped
    if other is not None:
        coder = f"labels of {dict(other.labels)['file']}" if other.labels else "another coder's labels"
        yield "coder", coder, other
    signalled = [e for e in events if e.signal_from is not None and e.known_at is not None and rule.wants(e)]
    if signalled:
        what = f"acting at signal_from ({len(signalled)} events)"
        yield "signal", what, _replaced(events, map(_at_signal, signalled))
    for sessions, what in ((-1, "a session earlier"), (1, "a session later")):
        yield "shift", what, EventCatalogue(_moved_by_sessions(e, sessions, reference) for e in events)


def _flips(rule: Strategy, events: EventCatalogue) -> Iterator[tuple[str, EventCatalogue]]:
    """Yield the events with one pro-growth label flipped, for each flip that changes what the rule selects."""
    for event in events:
        for label in _FLIPPED[event.pro_growth] if event.known_at is not None else ():
            flipped = event.model_copy(update={"pro_growth": label})
            if bool(rule.wants(flipped)) != bool(rule.wants(event)):
                yield f"{event.event_id}: {event.pro_growth} -> {label}", _replaced(events, [flipped])


def _at_signal(event: PoliticalEvent) -> PoliticalEvent:
    polls = event.polls_close_at
    early = event.signal_from if polls is None or event.signal_from is None else min(polls, event.signal_from)
    return event.model_copy(update={"known_at": event.signal_from, "polls_close_at": early})


def _moved_by_sessions(event: PoliticalEvent, by: int, ref: Bars) -> PoliticalEvent:
    """Return an event moved by whole days, so that the first session to open after it moves by so many sessions."""
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
