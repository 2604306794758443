"""hustings events import: events from a public data set."""

from pathlib import Path

import click

from datasets.events.csv_export import events_csv, write_events
from datasets.events.parlgov import parlgov_events
from hustings.commands.event_options import FILE, json_option
from hustings.terminal import say, say_json, say_raw, warn


@click.command("import")
@click.option("--from", "origin", type=click.Choice(["parlgov"]), required=True, help="The data set.")
@click.argument("directory", type=FILE, metavar="DIR")
@click.option("--out", type=FILE, metavar="FILE", help="Write a new CSV file [print CSV].")
@click.option("--country", metavar="CC", help="Two letters: only that country's.")
@json_option
def import_events(origin: str, directory: Path, out: Path | None, country: str | None, as_json: bool) -> None:
    """Read the CSV files of a data set in DIR as events without instants.

    parlgov: parliamentary elections (CC0). A rule that acts on the outcome skips them until known_at is given.
    """
    events = parlgov_events(directory, country)
    if out is not None:
        write_events(out, events)
    if as_json:
        say_json([e.as_row() for e in events])
    elif out is None:
        say_raw(events_csv(events))
    else:
        say(f"{len(events)} events written to {out}")
    warn(
        f"{len(events)} events of {origin} have no known_at: rules that act on the outcome skip them until you give it"
    )
