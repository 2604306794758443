"""What else happened: events that may be one episode, and other events inside a holding window."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import groupby, pairwise

from datasets.events import EventCatalogue, PoliticalEvent
from datasets.events.scheduled import scheduled_events
from datasets.instants import to_ns
from engine.study.return_model import ReturnModel
from engine.study.sample import Sample

NEAR_DAYS = 7
"""Events of one country within so many days are pointed out."""
_SHOWN = 6


def episodes(events: Iterable[PoliticalEvent], days: int) -> list[tuple[str, ...]]:
    """Return the events of one country that each became known at most so many days after the one before, by id."""
    dated = sorted((e.country, e.known_at, e.event_id) for e in events if e.known_at is not None)
    found = []
    for _, same in groupby(dated, key=lambda e: e[0]):
        each = list(same)
        breaks = [n for n, (a, b) in enumerate(pairwise(each), start=1) if b[1] - a[1] > timedelta(days=days)]
        found += [tuple(e[2] for e in each[a:b]) for a, b in pairwise([0, *breaks, len(each)]) if b - a > 1]
    return found


def count_episodes(observations: Iterable[Sequence[str]], near: Iterable[Sequence[str]]) -> int:
    """Return how many observations (each of some events) there are where those of one episode count once.

    >>> count_episodes([("vote",), ("concession",), ("other",)], [("vote", "concession")])
    2
    """
    first = {event: each[0] for each in near for event in each}
    return len({first.get(events[0], events[0]) for events in observations})


def episode_notes(found: Sequence[Sequence[str]], merged: int) -> list[str]:
    """Return what a reader must know of events that may be one episode."""
    if not found:
        return []
    named = _listed([" + ".join(each) for each in found])
    if merged:
        return [f"events of one country within {merged} days are one observation: {named}"]
    how = "if they are one episode, they are not independent, and --merge 5d counts them as one observation"
    return [f"events of one country within {NEAR_DAYS} days: {named}; {how}"]


def confounders(sample: Sample, events: EventCatalogue, model: ReturnModel) -> Mapping[int, tuple[str, ...]]:
    """Return by the place of an observation the other events, also scheduled ones, that fall in its holding window.

    They are those of the countries of its events and of its markets.
    """
    dated = [(to_ns(e.known_at), e.country, e.event_id) for e in events if e.known_at is not None]
    dated += [(to_ns(s.closes_at), s.country, s.event_id) for s in scheduled_events() if s.is_exact]
    found = {}
    for n, o in enumerate(sample.usable):
        began, ended = (f(e.span[k] for e in o.members) for k, f in ((0, min), (1, max)))
        places = {model.bars[leg.shape.instrument].instrument.country for e in o.members for leg in e.legs}
        places |= {country for _, country, i in dated if i in o.events}
        inside = (i for at, country, i in dated if began < at <= ended and country in places and i not in o.events)
        if others := tuple(dict.fromkeys(inside)):
            found[n] = others
    return found


def confounder_notes(found: Mapping[int, Sequence[str]], sample: Sample) -> list[str]:
    """Return which events fall in the holding windows of others, and what is not looked for."""
    each = [f"{' + '.join(sample.usable[n].events)} holds {', '.join(others)}" for n, others in found.items()]
    inside = f"other events inside holding windows: {_listed(each) or 'none of the catalogue'}"
    return [f"{inside}; releases of data and central banks' dates that are not in it are not looked for"]


def _listed(texts: Sequence[str]) -> str:
    more = [f"and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else []
    return "; ".join([*texts[:_SHOWN], *more])
