"""hustings events add, edit: events of one's own."""

import sys
from pathlib import Path

import click

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent, combined_events, own_events
from datasets.events.own_rows import add_event, edit_event
from datasets.instants import iso_z
from hustings.inputs import pairs_of, point_out_kinds
from hustings.terminal import say, say_json


def add(
    *,
    country: str | None,
    kind: str | None,
    day: str | None,
    clock: str | None,
    title: str | None,
    event_id: str | None,
    cells: tuple[str, ...],
    path: Path | None,
) -> None:
    """Add an event to a file of one's own, and print it."""
    own = pairs_of(cells, "--set")
    named = {
        "country": _asked(country, "country", "two letters").upper(),
        "kind": _asked(kind, "kind", "such as tariff_announcement"),
        "date": _asked(day, "date", "such as 2026-02-08") if "known_at" not in own else None,
        "time": clock,
        "title": _asked(title, "title", "what happened"),
        "event_id": event_id,
    }
    file = path or own_events() / "own.csv"
    there = _there(path)
    if file.is_dir():
        raise UserError(f"'{file}' is a directory: name a file of it with --file")
    event = add_event(file, {n: v for n, v in {**named, **own}.items() if v}, there)
    _show(event, file, "added to")


def edit(*, event_id: str, cells: tuple[str, ...], path: Path | None) -> None:
    """Change cells of an event of one's own, and print it."""
    files = [path] if path is not None else sorted(own_events().glob("*.csv"))
    changes = pairs_of(cells, "--set")
    if changes.get("event_id", event_id) != event_id and changes["event_id"] in _there(path):
        raise UserError(f"event_id '{changes['event_id']}' is taken; give another")
    event, file = edit_event(files, event_id, changes)
    _show(event, file, "changed in")


def _there(path: Path | None) -> EventCatalogue:
    """Return the events of which none may have the id of a new one."""
    return combined_events([path] if path is not None and path.is_file() else [])


def _asked(value: str | None, name: str, hint: str) -> str:
    if value is not None:
        return value.strip()
    if not sys.stdin.isatty():
        raise UserError(f"--{name} is missing: {hint}")
    return str(click.prompt(f"{name} ({hint})", err=True)).strip()


def _show(event: PoliticalEvent, file: Path, done: str) -> None:
    point_out_kinds([event])
    say_json({"file": str(file), "event": event.as_row()})
    known = "unknown" if event.known_at is None else iso_z(event.known_at)
    say(f"{event.event_id} {done} {file}: {event.kind}, known at {known} ({event.known_at_basis or 'basis unknown'})")
