"""hustings events: list, show and explain political events; the commands that check and import are beside it."""

from collections import Counter
from pathlib import Path
from typing import Any

import click

from datasets.errors import UserError
from datasets.events import Confidence, EventCatalogue, Kind, PoliticalEvent
from datasets.events.csv_export import events_csv
from datasets.instants import iso_z
from datasets.markets.instruments import Instrument
from datasets.markets.sessions import first_sessions_after
from hustings.commands.event_checks import agreement_of_coders, lint_events, moves
from hustings.commands.event_filters import chosen_events
from hustings.commands.event_import import import_events
from hustings.commands.event_options import FILE, events_option, json_option, labels_option
from hustings.commands.event_priors import import_odds, show_priors
from hustings.inputs import events_of, instruments_of
from hustings.terminal import say, say_json, say_raw, table


@click.group(invoke_without_command=True)
@click.pass_context
def events(ctx: click.Context) -> None:
    """List, show, explain, check and import political events."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_events)


for _command in (lint_events, moves, agreement_of_coders, import_events, show_priors, import_odds):
    events.add_command(_command)


@events.command("list")
@click.option("--country", metavar="CC", help="Two letters, such as JP.")
@click.option("--kind", metavar="KIND", help=f"One of {', '.join(Kind)}.")
@click.option("--year", type=int, help="The year it became known in, or of its vote.")
@click.option("--label", "wanted", multiple=True, metavar="NAME=VALUE", help="Such as pro_growth=yes (repeatable).")
@click.option("--confidence", metavar="WORD", help=f"One of {', '.join(Confidence)}.")
@click.option("--count", is_flag=True, help="How many there are by country and kind, instead.")
@events_option
@labels_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV in the columns of the catalogue, and nothing else.")
def list_events(
    country: str | None = None,
    kind: str | None = None,
    year: int | None = None,
    wanted: tuple[str, ...] = (),
    confidence: str | None = None,
    count: bool = False,
    source: Path | None = None,
    coded: Path | None = None,
    as_json: bool = False,
    as_csv: bool = False,
) -> None:
    """List events, oldest first."""
    catalogue = events_of(source, coded)
    if as_csv and (as_json or count):
        raise UserError("--csv goes with neither --json nor --count: choose one")
    chosen = chosen_events(catalogue, country, kind, year, wanted, confidence)
    if count:
        _show_counts(chosen, as_json=as_json)
    elif as_csv:
        say_raw(events_csv(chosen))
    elif as_json:
        say_json([e.as_row() for e in chosen])
    else:
        _show_list(chosen, len(catalogue))


def _show_list(chosen: EventCatalogue, of: int) -> None:
    rows = [[e.event_id, _at(e.known_at), e.kind, e.pro_growth, e.confidence or "", e.title] for e in chosen]
    table(["event", "known at", "kind", "pro-growth", "sure", "title"], rows)
    say(f"{len(chosen)} of {of} events")


def _show_counts(chosen: EventCatalogue, *, as_json: bool) -> None:
    counts = Counter((e.country, e.kind.value) for e in chosen)
    if as_json:
        say_json([{"country": c, "kind": k, "events": n} for (c, k), n in sorted(counts.items())])
        return
    table(["country", "kind", "events"], [[c, k, str(n)] for (c, k), n in sorted(counts.items())], right=["events"])
    say(f"{len(chosen)} events of {len({c for c, _ in counts})} countries")


@events.command()
@click.argument("event_id")
@events_option
@labels_option
@json_option
def show(event_id: str, source: Path | None, coded: Path | None, as_json: bool) -> None:
    """Show all that is known of one event."""
    row = events_of(source, coded).get(event_id).as_row()
    if as_json:
        say_json(row)
        return
    for name, value in row.items():
        text = "\n".join(value) if name == "sources" else ", ".join(value) if isinstance(value, list) else value
        say(f"{name:22} {'unknown' if text in (None, '') else str(text).replace(chr(10), chr(10) + ' ' * 23)}")


@events.command()
@click.argument("event_id")
@click.option("--instrument", "names", multiple=True, metavar="SYMBOL", help="A market (repeatable) [all].")
@click.option("--data", type=FILE, metavar="DIR", help="Its instruments.csv adds markets.")
@events_option
@json_option
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
