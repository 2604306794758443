"""The events of a run as tables: trades, P&L attribution, and what was not traded."""

from collections.abc import Sequence
from typing import TypeVar

from datasets.events import kind_of
from engine.account.records import OPEN_AT_END, Trade
from engine.plan.plan import Skipped
from engine.run.attribution import Attribution, in_cents
from engine.run.run import Run, RunEvent

T = TypeVar("T", Trade, Skipped)
_UNKNOWN = RunEvent(*[""] * 13)
_EXITS = {OPEN_AT_END: "still held when the bars end", "bars_end": "its bars end here"}


def with_events(rows: Sequence[T], run: Run) -> list[tuple[T, RunEvent]]:
    """Return trades, or what was not traded, each with its event; an unknown event is blank."""
    events = {e.event_id: e for e in run.events}
    return [(row, events.get(row.event_id, _UNKNOWN)) for row in rows]


def exit_words(reason: str) -> str:
    """Return an exit reason in words.

    >>> exit_words("open_at_end"), exit_words("held 20 sessions")
    ('still held when the bars end', 'held 20 sessions')
    """
    return _EXITS.get(reason, reason.replace("_", " "))


def event_labels(event: RunEvent) -> str:
    """Return in a few words what sort of event it was, as far as it is labelled."""
    kind = kind_of(event.kind).words if event.kind else ""
    growth = "" if event.pro_growth in ("", "unknown") else f"pro-growth: {event.pro_growth}"
    return ", ".join(w for w in (kind, event.majority.replace("_", " "), event.surprise, growth) if w)


def to_the_cent(found: Attribution) -> list[float]:
    """Return the amounts of the parts of a P&L to the cent, which sum to that of the P&L."""
    return in_cents(found.parts(), found.pnl)
