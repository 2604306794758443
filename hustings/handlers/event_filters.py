"""Selects the events that the options of ``events list`` describe."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datasets.errors import UserError, unknown_name
from datasets.events import Confidence, EventCatalogue, Kind, PoliticalEvent, ProGrowth, Surprise
from datasets.events.coding import PROGRAM_TAGS
from datasets.events.scheduled import ScheduledEvent

_VALUES: dict[str, tuple[str, ...]] = {
    "pro_growth": tuple(ProGrowth),
    "surprise": (*Surprise, "unknown"),
    "program": (*PROGRAM_TAGS, "unknown"),
}


def select_events(
    catalogue: EventCatalogue,
    *,
    country: str | None,
    kind: str | None,
    year: int | None,
    labels: Iterable[str],
    confidence: str | None,
) -> EventCatalogue:
    """Return the events of a country, kind, year and confidence that have every label ``NAME=VALUE``.

    Raises:
        UserError: an unknown word.
    """
    country = None if country is None else country.strip().upper()
    _check("country", country, sorted({e.country for e in catalogue}), "there are events of")
    _check("kind", kind, list(Kind), "it is one of")
    _check("confidence", confidence, list(Confidence), "it is one of")
    wanted = [_label(text) for text in labels]
    return catalogue.select(
        lambda e: (
            country in (None, e.country)
            and kind in (None, e.kind.value)
            and year in (None, _year(e))
            and confidence in (None, e.confidence)
            and all(_has(e, name, value) for name, value in wanted)
        )
    )


def select_scheduled(events: Sequence[ScheduledEvent], filters: Mapping[str, Any]) -> list[ScheduledEvent]:
    """Return the scheduled events of a country, kind and year.

    Raises:
        UserError: an unknown word.
    """
    country = None if filters["country"] is None else filters["country"].strip().upper()
    _check("country", country, sorted({e.country for e in events}), "there are scheduled events of")
    _check("kind", filters["kind"], list(Kind), "it is one of")
    return [
        e
        for e in events
        if country in (None, e.country)
        and filters["kind"] in (None, e.kind.value)
        and filters["year"] in (None, *(day.year for day in e.days))
    ]


def _check(what: str, word: str | None, known: list[str], hint: str) -> None:
    if word is not None and word not in known:
        raise unknown_name(what, word, known, hint=f"{hint} {', '.join(known)}")


def _label(text: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        raise UserError(f"--label '{text}': write it as name=value, such as pro_growth=yes")
    _check("label", name, list(_VALUES), "it is one of")
    _check(f"value of {name}", value, list(_VALUES[name]), "it is one of")
    return name, value


def _has(event: PoliticalEvent, name: str, value: str) -> bool:
    found = getattr(event, name)
    if name == "program":
        return value in found or (value == "unknown" and not found)
    return value == str(found or "unknown")


def _year(event: PoliticalEvent) -> int | None:
    day = event.known_at or event.voted_on
    return None if day is None else day.year
