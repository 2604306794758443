"""The command line: every command declared with click alone, so that help and completion are instant."""

import click

from hustings.commands.backtests import implied, lookahead, orders, placebo, run, study, sweep
from hustings.commands.data import data
from hustings.commands.events import events
from hustings.commands.options import CommandGroup
from hustings.commands.results import compare, prereg, report, runs, trials
from hustings.commands.tools import completion, new, strategies


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
    epilog="Try: hustings run pro-growth-win",
)
@click.version_option(package_name="hustings", prog_name="hustings")
def cli() -> None:
    """Backtest political-event trading strategies, and report what a few events can support."""


for _command in (
    run,
    lookahead,
    study,
    placebo,
    implied,
    orders,
    report,
    sweep,
    compare,
    strategies,
    events,
    data,
    runs,
    trials,
    prereg,
    new,
    completion,
):
    cli.add_command(_command)
