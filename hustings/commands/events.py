"""The command events: list, show, explain, check and import political events."""

import click

from hustings import completion as values
from hustings.commands.options import (
    PATH,
    CommandGroup,
    as_of_option,
    event_argument,
    event_files,
    event_option,
    instruments_option,
    margin_option,
    market_option,
    options,
    within_option,
)

_SOURCES = ("parlgov", "dates")
_ODDS = ("predictit", "polymarket", "iem", "betfair", "plain", "kalshi")
_events_option = options(*event_files("sources"))
_labels_option = click.option(
    "--labels", "coded", type=PATH, metavar="FILE", help="A second coder's labels (coder1, coder2: bundled)."
)


@click.group(cls=CommandGroup, invoke_without_command=True)
@click.pass_context
def events(ctx: click.Context) -> None:
    """List, show, explain, check and import political events."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_events)


@events.command("list", handler="events:list_catalogue")
@click.option("--country", metavar="CC", help="Two letters, such as JP.")
@click.option("--kind", metavar="KIND", help="Such as general_election.", shell_complete=values.kinds)
@click.option("--year", type=int, help="The year in which the outcome was known, or else of the vote.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="Such as pro_growth=yes (repeatable).")
@click.option("--confidence", metavar="WORD", help="high, medium or low.")
@click.option("--scheduled", is_flag=True, help="List the events to come instead, with --country, --kind, --year.")
@click.option("--count", is_flag=True, help="Count events by country and kind instead.")
@_events_option
@_labels_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV in the columns of the catalogue, and nothing else.")
def list_events() -> None:
    """List events, oldest first."""


@events.command("show", handler="events:show")
@event_argument
@_events_option
@_labels_option
def show_event() -> None:
    """Show all fields of one event."""


@events.command("next", handler="coming_events:list_next")
@click.option("--country", metavar="CC", help="Two letters, such as JP.")
@within_option
@as_of_option
@instruments_option("names", "An instrument (repeatable) [the main index or fund of the country].")
@click.option("--data", type=PATH, metavar="DIR", help="Its instruments.csv adds instruments.")
def next_events() -> None:
    """List the events to come, with the first open and the first close that can be traded after each."""


@events.command("explain", handler="events:explain")
@click.argument("event_id", shell_complete=values.events_and_scheduled)
@instruments_option("names", "An instrument (repeatable) [one of each exchange].")
@click.option("--data", type=PATH, metavar="DIR", help="Its instruments.csv adds instruments.")
@_events_option
def explain_event() -> None:
    """Show for each instrument the first open, and the first close, strictly after the event was known.

    Of an event to come: after its polls close.
    """


@events.command("lint", handler="event_checks:lint_catalogue")
@click.argument("path", required=False, type=PATH, metavar="[FILE|DIR]")
@click.option("--quick", is_flag=True, help="Only what a short row of one's own must keep too.")
@click.option("--reaction", is_flag=True, help="Compare each label with the first session after the event too.")
@click.option("--data", type=PATH, metavar="DIR", help="With --reaction: a directory of bars [the available bars].")
@_labels_option
def lint_events() -> None:
    """Check events (by default the bundled ones); exit 1 with findings, 2 if a file cannot be read.

    --reaction: does a label know what the market did? Exit 1 too where one separates rising from falling first sessions
    better than the surprise it can contain.
    """


@events.command("moves", handler="event_checks:compare_moves")
@click.option("--data", type=PATH, metavar="DIR", help="A directory of bars [the available bars].")
@_events_option
def check_moves() -> None:
    """Compare published first-session moves with the bars; exit 1 if one differs without a note."""


@events.command("agreement", handler="event_checks:show_agreement")
@click.option("--labels", "coded", type=PATH, metavar="FILE", required=True, help="A coder's labels.")
@click.option("--against", type=PATH, metavar="FILE", help="Another coder's labels [the events' own].")
@_events_option
def agreement_of_coders() -> None:
    """Measure the agreement of a coder's labels with the events' own, or another's: counts and Cohen's kappa."""


@events.command("import", handler="events:import_data_set")
@click.option("--from", "origin", type=click.Choice(_SOURCES), required=True, help="The data set, or a plain list.")
@click.argument("path", type=PATH, metavar="DIR|FILE")
@click.option("--out", type=PATH, metavar="FILE", help="Write a new CSV file [print CSV].")
@click.option("--country", metavar="CC", help="Two letters: only events of that country; of a list: whose they are.")
@click.option("--kind", metavar="KIND", help="Of a list: a known kind, or your own.", shell_complete=values.kinds)
@click.option("--at", metavar="HH:MM", help="Of a list: when each became known, local time [last hour of its kind].")
@click.option("--zone", metavar="ZONE", help="Of a list: the time zone of --at [the country's].")
@click.option("--date-format", metavar="ORDER", help="Of a list: DMY, MDY or YMD, where it is not certain.")
def import_events() -> None:
    """Read the CSV files of a data set in DIR as events without instants, or a list of dates and labels in FILE.

    dates: a column of dates and one of labels, with any delimiter; --country and --kind say what they are.

    parlgov: parliamentary elections (CC0). A rule that acts on the outcome skips them until known_at is given.
    """


@events.command("add", handler="events:add")
@click.option("--country", metavar="CC", help="Two letters, such as JP.")
@click.option("--kind", metavar="KIND", help="A known kind, or your own.", shell_complete=values.kinds)
@click.option("--date", "day", metavar="DATE", help="The local date.")
@click.option("--time", "clock", metavar="HH:MM", help="When it became known, local time [last hour of its kind].")
@click.option("--title", metavar="TEXT", help="What happened, in words.")
@click.option("--id", "event_id", metavar="ID", help="Its id [of country, date and kind].")
@click.option("--set", "cells", multiple=True, metavar="COLUMN=VALUE", help="Any column, also your own (repeatable).")
@click.option("--file", "path", type=PATH, metavar="FILE", help="Your file [events/own.csv of $HUSTINGS_HOME].")
def add_event() -> None:
    """Add an event to your own catalogue, which every command then reads; asks for what is not given."""


@events.command("edit", handler="events:edit")
@event_argument
@click.option("--set", "cells", multiple=True, required=True, metavar="COLUMN=VALUE", help="A cell (repeatable).")
@click.option("--file", "path", type=PATH, metavar="FILE", help="Your file [those of $HUSTINGS_HOME/events].")
def edit_event() -> None:
    """Change an event of your own catalogue."""


@events.command("priors", handler="event_priors:show")
@click.argument("event_id", required=False, shell_complete=values.events)
@click.option("--priors", "path", type=PATH, metavar="FILE", required=True, help="The file of probabilities.")
@_events_option
def show_priors() -> None:
    """Show the prior of each event of a file, or of one event, as known strictly before its polls closed."""


@events.command("import-odds", handler="event_priors:import_history")
@click.argument("path", type=PATH, metavar="FILE")
@click.option("--from", "origin", type=click.Choice(_ODDS), help="The layout of FILE [recognised by its header].")
@event_option("The event of these odds.", complete=values.events, required=True)
@market_option
@margin_option
@click.option(
    "--outcome", "renamed", multiple=True, metavar="NAME=LABEL", help="Rename an outcome of FILE (repeatable)."
)
@click.option("--out", type=PATH, metavar="FILE", help="A new or existing priors file to add to [print CSV].")
@_events_option
def import_odds() -> None:
    """Read the price history of a prediction market in FILE as quotes of one event's outcomes."""
