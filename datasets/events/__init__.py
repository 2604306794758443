"""Political events: what happened, when it became public, and what was known of it at any instant."""

from datasets.events.event import (
    CATALOGUE,
    ELECTIONS,
    LABEL_FIELDS,
    OUTCOME_FIELDS,
    Confidence,
    EventCatalogue,
    Kind,
    Majority,
    PoliticalEvent,
    ProGrowth,
    Surprise,
    bundled_events,
    event_rows,
    load_events,
)

__all__ = [
    "CATALOGUE",
    "Confidence",
    "ELECTIONS",
    "EventCatalogue",
    "Kind",
    "LABEL_FIELDS",
    "Majority",
    "OUTCOME_FIELDS",
    "PoliticalEvent",
    "ProGrowth",
    "Surprise",
    "bundled_events",
    "event_rows",
    "load_events",
]
