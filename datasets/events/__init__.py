"""Political events: what happened, when it became public, and what was known of it at any instant."""

from datasets.events.event import (
    LABEL_FIELDS,
    OUTCOME_FIELDS,
    Confidence,
    Majority,
    PoliticalEvent,
    ProGrowth,
    Surprise,
    WinnerStatus,
)
from datasets.events.event_catalogue import (
    CATALOGUE,
    EventCatalogue,
    bundled_events,
    combined_events,
    event_rows,
    load_events,
    own_events,
)
from datasets.events.kinds import Kind, OwnKind, kind_of

__all__ = [
    "CATALOGUE",
    "Confidence",
    "EventCatalogue",
    "Kind",
    "LABEL_FIELDS",
    "Majority",
    "OUTCOME_FIELDS",
    "OwnKind",
    "PoliticalEvent",
    "ProGrowth",
    "Surprise",
    "WinnerStatus",
    "bundled_events",
    "combined_events",
    "event_rows",
    "kind_of",
    "load_events",
    "own_events",
]
