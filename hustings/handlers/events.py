"""hustings events: lists, filters, shows and explains them, imports lists, adds and edits own ones."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from datasets.errors import UserError, unknown_name
from datasets.events import (
    Confidence,
    EventCatalogue,
    Kind,
    PoliticalEvent,
    ProGrowth,
    Surprise,
    combined_events,
    own_events,
)
from datasets.events.event_catalogue import events_csv, write_events
from datasets.events.label_file import PROGRAM_TAGS
from datasets.events.own_rows import add_event, edit_event
from datasets.events.parlgov import parlgov_events
from datasets.events.scheduled import ScheduledEvent, scheduled_events
from datasets.instants import iso_z
from datasets.markets.exchange_tables import find_exchange
from datasets.markets.instruments import Instrument, InstrumentTable
from datasets.markets.sessions import first_sessions_after, horizon_note
from hustings.date_list import listed_events
from hustings.inputs import events_of, instruments_of, pairs_of, point_out_kinds
from hustings.terminal import in_json, progress, say, say_json, say_raw, table, warn

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
    _check("kind", kind, list(dict.fromkeys([*Kind, *(e.kind.value for e in catalogue)])), "it is one of")
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


def list_catalogue(
    *,
    sources: tuple[Path, ...],
    only_events: bool,
    coded: Path | None,
    scheduled: bool,
    count: bool,
    as_csv: bool,
    **filters: Any,
) -> None:
    """Print the selected events, oldest first, or their counts; or those to come."""
    if scheduled:
        if sources or coded or count or as_csv or filters["labels"] or filters["confidence"]:
            raise UserError("--scheduled goes with --country, --kind, --year and --json alone: leave the others out")
        found = select_scheduled(scheduled_events(), filters)
        cells = [[e.scheduled_for, e.kind, e.date_basis] for e in found]
        _list(found, ["scheduled for", "kind", "basis"], cells, f"{len(scheduled_events())} scheduled")
        return
    catalogue = events_of(sources, coded, only=only_events)
    if as_csv and (in_json() or count):
        raise UserError("--csv goes with neither --json nor --count: choose one")
    chosen = select_events(catalogue, **filters)
    if count:
        _show_counts(chosen)
    elif as_csv:
        say_raw(events_csv(chosen))
    else:
        cells = [["unknown" if e.known_at is None else iso_z(e.known_at), e.kind, e.pro_growth] for e in chosen]
        _list(list(chosen), ["known at", "kind", "pro-growth"], cells, str(len(catalogue)))


def _list(
    events: Sequence[PoliticalEvent | ScheduledEvent], columns: list[str], cells: Sequence[list[str]], total: str
) -> None:
    """Print events between their ids and titles, of so many in all."""
    say_json([e.as_row() for e in events])
    rows = [[e.event_id, *own, e.confidence or "", e.title] for e, own in zip(events, cells, strict=True)]
    table(["event", *columns, "confidence", "title"], rows)
    say(f"{len(events)} of {total} events")


def _show_counts(chosen: EventCatalogue) -> None:
    counts = Counter((e.country, e.kind.value) for e in chosen)
    say_json([{"country": c, "kind": k, "events": n} for (c, k), n in sorted(counts.items())])
    table(["country", "kind", "events"], [[c, k, str(n)] for (c, k), n in sorted(counts.items())], right=["events"])
    say(f"{len(chosen)} events of {len({c for c, _ in counts})} countries")


def show(*, event_id: str, sources: tuple[Path, ...], only_events: bool, coded: Path | None) -> None:
    """Print all fields of one event."""
    row = _event_of(events_of(sources, coded, only=only_events), event_id).as_row()
    say_json(row)
    for name, value in row.items():
        text = "\n".join(value) if name == "sources" else ", ".join(value) if isinstance(value, list) else value
        say(f"{name:22} {'unknown' if text in (None, '') else str(text).replace(chr(10), chr(10) + ' ' * 23)}")


def explain(
    *, event_id: str, names: tuple[str, ...], data: Path | None, sources: tuple[Path, ...], only_events: bool
) -> None:
    """Print for each instrument the first open and the first close strictly after an event was known."""
    title, what, at, basis = _explained(event_id, events_of(sources, only=only_events))
    known = instruments_of(data)
    chosen = [known.find(n) for n in names] or _one_of_each_exchange(known)
    with progress("reading hours"):
        found = {i.symbol: {what: iso_z(at), **first_row(at, i)} for i in chosen}
    say_json({"event_id": event_id, what: iso_z(at), "basis": basis, "instruments": found})
    say(f"{event_id}: {title}")
    say(f"{what.replace('_', ' ')} {iso_z(at)} ({basis})")
    columns = ["instrument", "first open after", "at", "first close after", "at "]
    table(columns, [[s, *(str(v or "n/a") for v in list(row.values())[1:5])] for s, row in found.items()])
    for note in dict.fromkeys(row["note"] for row in found.values() if "note" in row):
        say(note)


def _event_of(catalogue: EventCatalogue, event_id: str) -> PoliticalEvent:
    """Return an event by its id, or say of one to come where it is listed."""
    event = None if event_id in catalogue else _scheduled(event_id)
    if event is not None:
        raise UserError(
            f"{event_id} is still to come ({event.scheduled_for}) and has no outcome: "
            f"'hustings events list --scheduled --country {event.country}' shows it"
        )
    return catalogue.get(event_id)


def _scheduled(event_id: str) -> ScheduledEvent | None:
    return next((e for e in scheduled_events() if e.event_id == event_id), None)


def _explained(event_id: str, catalogue: EventCatalogue) -> tuple[str, str, datetime, str]:
    """Return the title of an event, the name of the instant it is explained from, that instant, and its basis.

    That is when it was known, and of an event without outcome when its polls close.
    """
    coming = None if event_id in catalogue else _scheduled(event_id)
    if coming is not None:
        unknown = "; close of polls unknown: the end of the day" if coming.polls_close_local is None else ""
        return coming.title, "polls_close_at", coming.closes_at, f"{coming.date_basis}: {coming.scheduled_for}{unknown}"
    event = catalogue.get(event_id)
    if event.known_at is not None:
        return event.title, "known_at", event.known_at, event.known_at_basis or "basis unknown"
    if event.polls_close_at is not None:
        return event.title, "polls_close_at", event.polls_close_at, "known_at is blank: counted from the close of polls"
    raise UserError(f"{event_id} has neither known_at nor polls_close_at: the first session after it is unknown")


def _one_of_each_exchange(known: InstrumentTable) -> list[Instrument]:
    """Return the first instrument of each exchange: the others have the same hours."""
    first: dict[str, Instrument] = {}
    for instrument in known:
        first.setdefault(find_exchange(instrument.mic).mic, instrument)
    return list(first.values())


def first_row(at: datetime, instrument: Instrument) -> dict[str, Any]:
    """Return the first open and the first close of an instrument strictly after an instant, ready for JSON."""
    first = first_sessions_after(instrument.mic, at)
    if first is None:
        missing = dict.fromkeys(("first_open_session", "first_open_at", "first_close_session", "first_close_at"))
        return {**missing, "note": f"the hours of {instrument.mic} do not reach that date"}
    note = horizon_note(instrument.mic, at.date(), max(first.open_session, first.close_session))
    official = first.official_close_at
    close_at = first.close_at if first.close_at > at else official
    return {
        "first_open_session": first.open_session.isoformat(),
        "first_open_at": iso_z(first.open_at),
        "first_close_session": first.close_session.isoformat(),
        "first_close_at": iso_z(close_at),
        **({} if official == close_at else {"first_official_close_at": iso_z(official)}),
        **({} if note is None else {"note": note}),
    }


def import_data_set(
    *,
    origin: str,
    path: Path,
    out: Path | None,
    country: str | None,
    kind: str | None,
    at: str | None,
    zone: str | None,
    date_format: str | None,
) -> None:
    """Print the events of a data set or a list, or write them to a new file."""
    if origin == "dates":
        if country is None or kind is None:
            raise UserError("a list of dates needs --country and --kind: whose events they are, and of what kind")
        whose = country.strip().upper()
        events = listed_events(path, country=whose, kind=kind, at=at, zone=zone, date_format=date_format)
        point_out_kinds(events)
    else:
        if any(v is not None for v in (kind, at, zone, date_format)):
            raise UserError("--kind, --at, --zone and --date-format go with --from dates: leave them out")
        events = parlgov_events(path, country)
    if out is not None:
        write_events(out, events)
    say_json([e.as_row() for e in events])
    if out is None:
        say_raw(events_csv(events))
    else:
        say(f"{len(events)} events written to {out}")
    undated = sum(e.known_at is None for e in events)
    if undated:
        warn(f"{undated} events of {origin} have no known_at: rules that act on the outcome skip them until you add it")
