"""hustings events list, show, explain, import: political events."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.events.csv_export import events_csv, write_events
from datasets.events.parlgov import parlgov_events
from datasets.events.scheduled import ScheduledEvent, scheduled_events
from datasets.instants import iso_z
from datasets.markets.exchange_tables import find_exchange
from datasets.markets.instruments import Instrument, InstrumentTable
from datasets.markets.sessions import first_sessions_after, horizon_note
from hustings.date_list import listed_events
from hustings.handlers.event_filters import select_events, select_scheduled
from hustings.inputs import events_of, instruments_of, point_out_kinds
from hustings.terminal import in_json, progress, say, say_json, say_raw, table, warn


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
