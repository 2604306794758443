"""What several commands share: how a group lists its commands, and arguments and options."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import click

from datasets.errors import did_you_mean
from hustings import completion as values
from hustings.terminal import answers

PATH = click.Path(path_type=Path)
SCHEMES = ("stratified", "shift", "years")
MODELS = ("mean", "market", "market-model")
F = TypeVar("F", bound=Callable[..., Any])


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


class HandledCommand(click.Command):
    """A command that answers in JSON with ``--json``; its handler, ``module:function``, is imported when called."""

    def __init__(self, *args: Any, handler: str, **attributes: Any) -> None:
        super().__init__(*args, **{**attributes, "callback": self._handle})
        self.handler = handler
        json_option(self)

    def _handle(self, *, as_json: bool, **typed: Any) -> Any:
        answers(as_json=as_json)
        module, function = self.handler.split(":")
        return getattr(import_module(f"hustings.handlers.{module}"), function)(**typed)


class CommandGroup(click.Group):
    """Commands in reading order with their whole first sentence; an unknown name gets the nearest one suggested."""

    command_class = HandledCommand

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, c.get_short_help_str(200)) for name, c in self.commands.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else "-"
        if name not in self.commands and not name.startswith("-") and not ctx.resilient_parsing:
            hint = f"{did_you_mean(name, self.commands)}; '{ctx.command_path} --help' lists them all"
            raise click.UsageError(f"unknown command '{name}'{hint}")
        return super().resolve_command(ctx, args)


def options(*each: Callable[[Any], Any]) -> Callable[[F], F]:
    """Return one decorator that gives a command several options, in the order of its help."""

    def decorate(command: F) -> F:
        for option in reversed(each):
            command = option(command)
        return command

    return decorate


def instruments_option(name: str, text: str) -> Callable[[Any], Any]:
    """Return ``--instrument``, stored under a name."""
    return click.option(
        "--instrument", name, multiple=True, metavar="SYMBOL", help=text, shell_complete=values.instruments
    )


def event_option(text: str, *, complete: Any, required: bool = False) -> Callable[[Any], Any]:
    """Return ``--event``."""
    return click.option(
        "--event", "event_id", metavar="EVENT_ID", required=required, help=text, shell_complete=complete
    )


all_option = click.option("--all", "everything", is_flag=True, help="All of them.")
limit_option = click.option("--limit", type=click.IntRange(min=1), default=30, help="How many, newest first.")
run_argument = click.argument("run", shell_complete=values.runs)
instants_option = click.option(
    "--instants",
    multiple=True,
    metavar="'NAME A/B'",
    help="A window from A to B, such as a debate; a study compares these alone, on intraday bars (repeatable).",
)
event_argument = click.argument("event_id", shell_complete=values.events)
symbols_argument = click.argument("symbols", nargs=-1, required=True, shell_complete=values.instruments)
pdf_option = click.option("--pdf", is_flag=True, help="Also print the page as PDF, with the Chromium of this machine.")


def event_files(name: str) -> tuple[Callable[[Any], Any], ...]:
    """Return the options that name files of events, the first of them stored under a name."""
    return (
        click.option(
            "--events",
            name,
            type=PATH,
            multiple=True,
            metavar="FILE|DIR",
            help="Events added to the others (repeatable).",
        ),
        click.option("--only-events", is_flag=True, help="Only the events of --events, not the catalogue."),
    )


strategy_options = options(
    click.argument("strategy", shell_complete=values.strategies),
    click.option(
        "-p",
        "parameters",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter of the strategy (repeatable).",
        shell_complete=values.parameters,
    ),
)
market_option = click.option(
    "--market", "site_market", metavar="ID", help="The market of the file of odds: an id, symbol or state."
)
margin_option = click.option(
    "--margin",
    type=click.Choice(("proportional", "two-outcome", "power", "shin")),
    help="How the margin of an odds book is taken off [proportional, when the odds are read].",
)
bars_and_events_options = options(
    click.option("--data", type=PATH, metavar="DIR", help="Read bars only from DIR/SYMBOL.csv or .parquet."),
    click.option(
        "--accept", multiple=True, metavar="RULE", help="Let a finding in the files of DIR pass (repeatable)."
    ),
    *event_files("events"),
    click.option("--labels", type=PATH, metavar="FILE", help="A second coder's labels in place of the events' own."),
    click.option("--priors", type=PATH, metavar="FILE", help="Probabilities of outcomes before the polls closed."),
)
source_options = options(
    instruments_option("instruments", "An instrument; of a rule -p names them (repeatable)."), bars_and_events_options
)
window_options = options(
    click.option("--from", "since", metavar="DATE", help="First date of the account."),
    click.option("--to", "until", metavar="DATE", help="Last date: no later bar is used."),
)
adjust_option = click.option(
    "--adjust",
    type=click.Choice(["price", "total"]),
    help="Series without dividends, or with those of DIR/actions.csv reinvested [unchanged, splits removed].",
)
account_options = options(
    window_options,
    click.option("--cash", type=float, default=1_000_000.0, help="Starting capital."),
    click.option("--commission-bps", type=float, help="Commission, basis points of traded value [the instrument's]."),
    click.option("--slippage-bps", type=float, help="Slippage against each fill, basis points [the instrument's]."),
    click.option(
        "--event-slippage-bps", type=float, default=0.0, help="More slippage at the first fill after an event."
    ),
    click.option("--cash-rate", type=float, default=0.0, help="Interest on idle cash, annual fraction."),
    click.option("--borrow-rate", type=float, default=0.0, help="Fee on shorts, annual fraction."),
    click.option("--currency", default="", metavar="CODE", help="The account's currency [the first instrument's]."),
    click.option(
        "--fx",
        type=click.Choice(["hedged", "unhedged"]),
        default="hedged",
        help="Positions in other currencies: earn the local return, or are bought at the exchange rate.",
    ),
    click.option("--max-gross", type=float, default=1.0, help="Limit of gross exposure over equity."),
    adjust_option,
    click.option(
        "--benchmark",
        metavar="SYMBOL",
        help="An instrument to compare the account with.",
        shell_complete=values.instruments,
    ),
)
run_options = options(strategy_options, source_options, account_options)
output_options = options(
    click.option("--out", type=PATH, metavar="DIR", help="Where the files go [runs/<run_id>]."),
    click.option("--no-report", is_flag=True, help="Write no tear sheet."),
    click.option("--no-variants", is_flag=True, help="Leave the parameter sensitivity out of the tear sheet."),
)
draws_options = options(
    click.option("--draws", type=int, default=9_999, help="Placebo calendars, if drawn."),
    click.option("--seed", type=int, default=0, help="Seed of the draws."),
)
anchor_option = click.option(
    "--anchor",
    type=click.Choice(["reaction", "tradable"]),
    default="reaction",
    help="Session 0 of a window: the first to close after the event, or the first to open.",
)
within_option = click.option("--within", default="90d", metavar="DAYS", help="How far ahead, such as 400d.")
as_of_option = click.option("--as-of", metavar="DATE", help="As if this day began, midnight UTC [now].")
alpha_option = click.option("--alpha", type=float, default=0.05, help="Level of the tests.")
