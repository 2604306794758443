"""How far two coders agree on the labels: counts, and Cohen's kappa."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from datasets.events.coding import PROGRAM_TAGS
from datasets.events.event import PoliticalEvent
from datasets.events.event_catalogue import EventCatalogue
from datasets.events.label_file import CodedEvent, LabelFile, tags_of

Pair = tuple[str, str]
_UNCODED = ("", "unknown")


@dataclass(frozen=True)
class Agreement:
    """Two coders on one label. ``kappa`` is None where it is not defined; ``table`` counts pairs (first, second)."""

    label: str
    n: int
    agree: int
    kappa: float | None
    table: dict[Pair, int]
    differ: tuple[str, ...] = ()


def cohens_kappa(pairs: Sequence[Pair]) -> float | None:
    """Return Cohen's kappa (Cohen 1960): agreement beyond chance, over what chance leaves; at most 1.

    None without pairs, or when both coders gave one and the same word throughout.

    >>> cohens_kappa([("yes", "yes"), ("yes", "no"), ("no", "no"), ("no", "no")])
    0.5
    """
    n = len(pairs)
    observed = sum(a == b for a, b in pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(first[word] * second[word] for word in first)
    return None if n * n == chance else (observed * n - chance) / (n * n - chance)


def agreement(events: EventCatalogue, labels: LabelFile) -> list[Agreement]:
    """Return for each label how the catalogue and a second coder agree over the events that both coded.

    A tag of the programme is a label of its own, present or absent, over the events whose programme both coded.
    """
    both = [(e, labels.events[e.event_id]) for e in events if e.event_id in labels.events]
    words = [_one(name, list(_words(name, both))) for name in ("pro_growth", "surprise")]
    tagged = [(e, row) for e, row in both if e.program and row.labels.get("program", "") not in _UNCODED]
    tags = [_one(f"program: {tag}", list(_tags(tag, tagged))) for tag in PROGRAM_TAGS]
    return [*words, *(t for t in tags if any("yes" in pair for pair in t.table))]


def _words(name: str, both: Sequence[tuple[PoliticalEvent, CodedEvent]]) -> Iterator[tuple[str, Pair]]:
    for event, row in both:
        pair = str(getattr(event, name) or ""), row.labels.get(name, "")
        if not set(pair) & set(_UNCODED):
            yield event.event_id, pair


def _tags(tag: str, both: Sequence[tuple[PoliticalEvent, CodedEvent]]) -> Iterator[tuple[str, Pair]]:
    for event, row in both:
        there = tag in event.program, tag in tags_of(row.labels["program"])
        yield event.event_id, ("yes" if there[0] else "no", "yes" if there[1] else "no")


def _one(label: str, coded: Sequence[tuple[str, Pair]]) -> Agreement:
    pairs = [pair for _, pair in coded]
    return Agreement(
        label=label,
        n=len(pairs),
        agree=sum(a == b for a, b in pairs),
        kappa=cohens_kappa(pairs),
        table=dict(sorted(Counter(pairs).items())),
        differ=tuple(event_id for event_id, (a, b) in coded if a != b),
    )
