"""The command data: list, show, check, fetch, import, export and remove prices; hours of exchanges."""

from pathlib import Path

import click

from hustings import completion as values
from hustings.commands.options import PATH, CommandGroup, options, symbols_argument

_PROVIDERS = ("yahoo", "fred", "stooq")
_GROUPS = (
    "index", "fx", "country-etf", "bond", "bond-etf", "commodity-etf", "sector-etf", "contract", "future", "other",
)  # fmt: skip
_layout_options = options(
    click.option(
        "--symbol",
        metavar="SYMBOL",
        help="The instrument of a file [its name, or the ticker in it].",
        shell_complete=values.instruments,
    ),
    click.option("--zone", metavar="ZONE", help="Time zone of a file's timestamps without one: Europe/London."),
    click.option("--date-format", metavar="FORMAT", help="Format of a file's dates, such as %d/%m/%Y."),
    click.option("--column", metavar="NAME", help="The column that is the close, of a file with several."),
    click.option("--where", metavar="COLUMN=VALUE", help="Only these rows of a file of several instruments."),
)


@click.group(cls=CommandGroup, invoke_without_command=True)
@click.pass_context
def data(ctx: click.Context) -> None:
    """List, fetch, import, check, show, export and remove prices."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_data)


@data.command("list", handler="data:list_instruments")
@click.option("--data", type=PATH, metavar="DIR|builtin|store", help="Only these bars [all available bars].")
@click.option("--group", type=click.Choice(_GROUPS), help="Only the instruments of one group.")
def list_data() -> None:
    """List the instruments in groups, and the sources of their bars.

    In DIR, next to the prices, instruments.csv adds instruments of your own, contracts.csv those of prediction markets.
    """


@data.command("show", handler="data:show_series")
@click.argument("symbol", shell_complete=values.instruments)
def show_data() -> None:
    """Show a stored SYMBOL: its span, its last rows, and every delivery with its source and corrections."""


@data.command("hours", handler="data:show_hours")
@click.argument("mic")
@click.option("--date", "day", metavar="DATE", help="The hours of one date.")
@click.option("--year", type=click.IntRange(1920, 2035), metavar="YEAR", help="The hours of every date of a year.")
def show_hours() -> None:
    """Show the hours of an exchange (MIC, such as XTKS), local and UTC, with their source and whether they are certain.

    Without a date or a year: the regular hours by period.
    """


@data.command("remove", handler="data:remove_series")
@symbols_argument
def remove_data() -> None:
    """Remove SYMBOLS from the store, damaged series too; the files they came from are not touched."""


@data.command("check", handler="data:check_targets")
@click.argument("targets", nargs=-1, metavar="[SYMBOL|FILE|DIR]...", shell_complete=values.instruments)
@_layout_options
@click.option("--data", type=PATH, metavar="DIR", help="Where a SYMBOL is read from [all available bars].")
@click.option("--all", "show_all", is_flag=True, help="Show every row, not the first five of each rule.")
def check_data() -> None:
    """Report row by row what is wrong with price series, and what an import would refuse.

    Exit 0 if an import would take all of them, 1 if it would refuse some, 2 if one cannot be read.
    """


@data.command("fetch", handler="data_fetch:fetch_symbols")
@symbols_argument
@click.option("--source", required=True, metavar="|".join(_PROVIDERS), help="The provider.")
@click.option("--from", "from_", metavar="DATE", help="First session [all, or 10 sessions before the last stored one].")
@click.option("--to", metavar="DATE", help="Last session [the newest].")
@click.option("--accept", multiple=True, metavar="RULE", help="Let RULE pass; 'revision': stored rows may change.")
@click.option("--retries", type=click.IntRange(0, 20), default=4, help="Retries of a request.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=30, help="Seconds to wait.")
@click.option("--full", is_flag=True, help="Request all sessions again, whatever is stored or was fetched today.")
def fetch_data() -> None:
    """Fetch SYMBOLS from a provider into the store; exit 1 if one of them was refused or failed.

    A stored series changes only if the whole answer passes every check. The same command given again within a day
    requests only what an interrupted one had left.
    """


@data.command("import", handler="data_import:import_files")
@click.argument("paths", nargs=-1, required=True, type=PATH)
@_layout_options
@click.option("--accept", "accepted", multiple=True, metavar="RULE", help="Let a finding pass (repeatable; recorded).")
@click.option("--source", default="file", help="Where the prices come from, in a few words.")
@click.option("--licence", default="not stated", help="The terms under which they may be used.")
@click.option(
    "--adjustment", type=click.Choice(["price", "total"]), help="Without or with dividends [the instrument's]."
)
def import_data() -> None:
    """Check the price files at PATHS (files or directories) and import them into the store.

    A file is imported as a whole or not at all. Exit 1 if some files were refused, 2 if all were.
    """


@data.command("export", handler="data_import:export_series")
@symbols_argument
@click.option("--out", type=PATH, default=Path("exported"), metavar="DIR", help="The folder of the files.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
def export_data() -> None:
    """Write stored series as SYMBOL.csv, each with its SYMBOL.provenance.json.

    Importing such a file gives the same prices.
    """
