"""hustings events: list, show and explain political events."""

from pathlib import Path
from typing import Any

import click

from datasets.errors import UserError, unknown_name
from datasets.events import EventCatalogue, Kind, PoliticalEvent
from datasets.instants import iso_z
from datasets.instruments import Instrument
from datasets.sessions import first_sessions_after
from hustings.inputs import events_of, instruments_of
from hustings.terminal import say, say_json, table

_FILE = click.Path(path_type=Path)
_events_option = click.option(
    "--events", "source", type=_FILE, metavar="FILE|DIR", help="In place of the bundled ones."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


@click.group(invoke_without_command=True)
@click.pass_context
def events(ctx: click.Context) -> None:
    """List, show and explain political events."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_events)


@events.command("list")
@click.option("--country", metavar="CC", help="Two letters, such as JP.")
@click.option("--kind", metavar="KIND", help=f"One of {', '.join(Kind)}.")
@click.option("--year", type=int, help="The year it became known in.")
@_events_option
@_json_option
def list_events(
    country: str | None = None,
    kind: str | None = None,
    year: int | None = None,
    source: Path | None = None,
    as_json: bool = False,
) -> None:
    """List events, oldest first."""
    catalogue = events_of(source)
    _check_filters(catalogue, country, kind)
    chosen = catalogue.select(
        lambda e: (
            country in (None, e.country)
            and kind in (None, e.kind.value)
            and (year is None or (e.known_at is not None and e.known_at.year == year))
        )
    )
    if as_json:
        say_json([e.as_row() for e in chosen])
        return
    rows = [[e.event_id, _at(e.known_at), e.kind, e.pro_growth, e.confidence or "", e.title] for e in chosen]
    table(["event", "known at", "kind", "pro-growth", "sure", "title"], rows)
    say(f"{len(chosen)} of {len(catalogue)} events")


def _check_filters(catalogue: EventCatalogue, country: str | None, kind: str | None) -> None:
    countries = sorted({e.country for e in catalogue})
    if country is not None and country not in countries:
        raise unknown_name("country", country, countries, hint=f"there are events of {', '.join(countries)}")
    if kind is not None and kind not in list(Kind):
        raise unknown_name("kind", kind, list(Kind), hint=f"it is one of {', '.join(Kind)}")


@events.command()
@click.argument("event_id")
@_events_option
@_json_option
def show(event_id: str, source: Path | None, as_json: bool) -> None:
    """Show all that is known of one event."""
    row = events_of(source).get(event_id).as_row()
    if as_json:
        say_json(row)
        return
    for name, value in row.items():
        text = "\n".join(value) if name == "sources" else ", ".join(value) if isinstance(value, list) else value
        say(f"{name:22} {'unknown' if text in (None, '') else str(text).replace(chr(10), chr(10) + ' ' * 23)}")


@events.command()
@click.argument("event_id")
@click.option("--instrument", "names", multiple=True, metavar="SYMBOL", help="A market (repeatable) [all].")
@click.option("--data", type=_FILE, metavar="DIR", help="Its instruments.csv adds markets.")
@_events_option
@_json_option
def explain(event_id: str, names: tuple[str, ...], data: Path | None, source: Path | None, as_json: bool) -> None:
    """Tell for each market the first session whose open, and whose close, comes strictly after the event was known."""
    event = events_of(source).get(event_id)
    if event.known_at is None:
        raise UserError(f"{event_id} has no known_at: nothing can be said of the first session after it")
    known = instruments_of(data)
    markets = [known.find(n) for n in names] or list(known)
    told = {i.symbol: _first(event, i) for i in markets}
    if as_json:
        say_json({"event_id": event_id, "known_at": iso_z(event.known_at), "instruments": told})
        return
    say(f"{event.event_id}: {event.title}")
    say(f"known at {iso_z(event.known_at)} ({event.known_at_basis or 'basis unknown'})")
    columns = ["market", "first open after", "at", "first close after", "at "]
    table(columns, [[s, *(str(v or "n/a") for v in list(t.values())[1:5])] for s, t in told.items()])


def _first(event: PoliticalEvent, instrument: Instrument) -> dict[str, Any]:
    assert event.known_at is not None
    first = first_sessions_after(instrument.mic, event.known_at)
    row: dict[str, Any] = {"known_at": iso_z(event.known_at)}
    if first is None:
        missing = dict.fromkeys(("first_open_session", "first_open_at", "first_close_session", "first_close_at"))
        return {**row, **missing, "note": f"the calendar of {instrument.mic} does not reach that date"}
    return {
        **row,
        "first_open_session": first.open_session.isoformat(),
        "first_open_at": iso_z(first.open_at),
        "first_close_session": first.close_session.isoformat(),
        "first_close_at": iso_z(first.close_at),
    }


def _at(at: Any) -> str:
    return iso_z(at) if at is not None else "unknown"
