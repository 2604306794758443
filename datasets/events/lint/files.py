"""Rules on the rows of a file together: what is given twice, their order, and their file."""

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from datasets.events.event import PoliticalEvent
from datasets.events.event_catalogue import EventRow
from datasets.events.kinds import Kind

Rows = Sequence[tuple[EventRow, PoliticalEvent]]
_NEAR = timedelta(days=3)
_ALIKE = 0.6
_BETWEEN_ROUNDS = timedelta(days=60)
_IN_ROUNDS = (Kind.PRESIDENTIAL_ELECTION, Kind.LEGISLATIVE_ELECTION)
_LATE = datetime.max.replace(tzinfo=UTC)


def duplicate(rows: Rows) -> Iterator[tuple[EventRow, str]]:
    """No id appears twice, and no two events of a country and kind within three days have the same words."""
    groups: dict[tuple[str, str], list[tuple[EventRow, PoliticalEvent]]] = defaultdict(list)
    seen: dict[str, EventRow] = {}
    for row, event in rows:
        if event.event_id in seen:
            yield row, f"event_id appears already at {seen[event.event_id].where}"
        seen.setdefault(event.event_id, row)
        groups[event.country, event.kind].append((row, event))
    for group in groups.values():
        for (_, first), (row, second) in _near_pairs(group):
            if first.event_id != second.event_id and _is_alike(first.title, second.title):
                yield row, f"within {_NEAR.days} days of {first.event_id}, of the same kind and in the same words"


def names(rows: Rows) -> Iterator[tuple[EventRow, str]]:
    """One person has one name in a country, and a candidate one programme and reading in both rounds of a vote."""
    known: dict[str, set[str]] = defaultdict(set)
    rounds: dict[tuple[str, str], PoliticalEvent] = {}
    for row, event in rows:
        if event.winner is None:
            continue
        for other in known[event.country] - {event.winner}:
            if _is_same_person(event.winner, other):
                yield row, f"winner '{event.winner}' is '{other}' in another row: one name for one person"
        known[event.country].add(event.winner)
        before = rounds.get((event.country, event.winner))
        if before is not None and _is_runoff(before, event):
            for label in ("program", "pro_growth"):
                if getattr(before, label) != getattr(event, label):
                    yield row, f"{label} differs from {before.event_id}, the other round of the same candidate"
        rounds[event.country, event.winner] = event


def _is_same_person(one: str, other: str) -> bool:
    """Return whether one name is a short form of another: one of its words, or its last ones."""
    few, many = sorted((one.casefold().split(), other.casefold().split()), key=len)
    if len(few) == len(many) or len(few[-1]) < 4:
        return False
    return few[0] in many if len(few) == 1 else many[-len(few) :] == few


def _is_runoff(first: PoliticalEvent, second: PoliticalEvent) -> bool:
    days = (first.voted_on, second.voted_on)
    if first.kind is not second.kind or second.kind not in _IN_ROUNDS or days[0] is None or days[1] is None:
        return False
    return timedelta(0) < days[1] - days[0] <= _BETWEEN_ROUNDS


def in_order(rows: Rows) -> Iterator[tuple[EventRow, str]]:
    """A file is sorted by the instant of the outcome; events without one come last."""
    for (before, first), (row, second) in pairwise(rows):
        if before.file == row.file and (second.known_at or _LATE) < (first.known_at or _LATE):
            yield row, f"known before {first.event_id} of the line above: rows are sorted by known_at"


def named_by_country(rows: Rows) -> Iterator[tuple[EventRow, str]]:
    """A file named by a country holds that country's events."""
    for row, event in rows:
        stem = row.file.removesuffix(".csv")
        if re.fullmatch("[A-Z]{2}", stem) and stem != event.country:
            yield row, f"an event of {event.country} in {row.file}"


def _near_pairs(group: Rows) -> Iterator[Rows]:
    """Yield the pairs of rows within three days of each other, each in the order of the rows."""
    dated = sorted((day, n) for n, (_, event) in enumerate(group) if (day := event.local_day) is not None)
    recent: deque[tuple[date, int]] = deque()
    for day, n in dated:
        while recent and day - recent[0][0] > _NEAR:
            recent.popleft()
        yield from ([group[i] for i in sorted((n, other))] for _, other in recent)
        recent.append((day, n))


def _is_alike(first: str, second: str) -> bool:
    """Return whether two titles share most of their words."""
    a, b = (set(re.findall(r"\w{3,}", title.casefold())) for title in (first, second))
    return bool(a | b) and len(a & b) >= _ALIKE * len(a | b)
