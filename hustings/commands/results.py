"""Commands on past runs: report, compare, runs, trials, prereg."""

from pathlib import Path
from typing import Any

import click

from hustings import completion as values
from hustings.commands.options import (
    MODELS,
    PATH,
    SCHEMES,
    CommandGroup,
    HandledCommand,
    account_options,
    all_option,
    alpha_option,
    anchor_option,
    draws_options,
    json_option,
    limit_option,
    pdf_option,
    run_argument,
    strategy_options,
)
from hustings.terminal import answers


@click.command(cls=HandledCommand, handler="runs:report_run")
@run_argument
@click.option("--out", type=PATH, metavar="FILE", help="Where the page goes [tearsheet.html in the run's folder].")
@click.option("--csv", "csv_dir", type=PATH, metavar="DIR", help="Write every table of the page as DIR/NAME.csv.")
@click.option("--quantstats", type=PATH, metavar="FILE", help="Also write quantstats' own sheet of the run.")
@pdf_option
def report() -> None:
    """Write a run's tear sheet again, its tables, or quantstats' sheet.

    RUN is an id, the beginning of one, a folder, or an event sheet (its HTML carries the run).
    """


@click.command(cls=HandledCommand, handler="compare:compare_runs")
@click.argument("runs", nargs=-1, shell_complete=values.runs)
@click.option("--out", type=PATH, default=Path("comparison.html"), help="Where the page goes.")
@click.option("--csv", "tables", type=PATH, metavar="DIR", help="Also write every table there.")
@pdf_option
def compare() -> None:
    """Compare two or more runs in one page.

    RUNS are ids, beginnings of ids, folders, or event sheets. Each run is compared with the first one.
    """


@click.group(cls=CommandGroup, invoke_without_command=True)
@click.pass_context
def runs(ctx: click.Context) -> None:
    """List, show and remove past runs; write a page over all of them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_runs)


@runs.command("list", handler="runs:list_registry")
@limit_option
@all_option
def list_runs() -> None:
    """List runs, newest first."""


@runs.command("show", handler="runs:show_again")
@run_argument
def show_run() -> None:
    """Show a RUN again: an id, the beginning of one, or a folder."""


@runs.command("report", handler="runs:write_gallery")
@click.option(
    "--out",
    type=PATH,
    metavar="DIR|FILE",
    default=Path("runs"),
    help="Where the page goes; in a directory it is index.html.",
)
@click.option("--no-sheets", is_flag=True, help="Write no missing tear sheets; link the existing ones.")
def report_runs() -> None:
    """Write a page over all runs with links to their tear sheets; missing ones are written."""


@runs.command("remove", handler="runs:remove_from_registry")
@run_argument
@click.option("--keep-files", is_flag=True, help="Remove it from the registry only.")
def remove_run() -> None:
    """Remove a RUN (an id or the beginning of one) from the registry, with its files."""


@click.group(cls=CommandGroup, invoke_without_command=True)
@click.option("--strategy", metavar="NAME", help="Trials of one strategy.", shell_complete=values.strategies)
@limit_option
@all_option
@json_option
@click.pass_context
def trials(ctx: click.Context, /, *, as_json: bool, **typed: Any) -> Any:
    """List the distinct trials in the ledger; check that none was removed.

    Every run is a trial, and no trial is ever removed. n counts the observations of the closed trades: trades of one
    event, and of events that share days, are one observation. mean and Sharpe are of net returns, per observation.
    """
    if ctx.invoked_subcommand is not None:
        return None
    from hustings.handlers.trials import list_trials

    answers(as_json=as_json)
    return list_trials(**typed)


@trials.command("verify", handler="trials:verify_ledger")
@click.option(
    "--head", default="", show_default=False, metavar="HASH", help="A hash that an older page or listing shows."
)
def verify_trials() -> None:
    """Check that no row of the ledger was changed, moved or removed; exit 1 if one was.

    Rows removed at its end leave a valid chain: to detect that, give with --head a hash shown before, such as that of
    an old tear sheet.
    """


@click.group(cls=CommandGroup)
def prereg() -> None:
    """Write a hypothesis down before its test; show whether it came first."""


@prereg.command("write", handler="trials:write")
@strategy_options
@click.option("--hypothesis", required=True, metavar="TEXT", help="What is expected, and why.")
@click.option("--out", required=True, type=PATH, metavar="FILE", help="A new file.")
@click.option(
    "--statistic", type=click.Choice(("bmp", "t", "sign-flip", "placebo")), default="bmp", help="The primary statistic."
)
@click.option(
    "--scheme", type=click.Choice((*SCHEMES, "labels")), default="stratified", help="How placebo dates are chosen."
)
@click.option("--window", default="trade", metavar="A:B|trade", help="Sessions; 0 is that of --anchor.")
@anchor_option
@click.option("--model", type=click.Choice([*MODELS, "none"]), default="mean", help="The expected return.")
@draws_options
@alpha_option
@click.option(
    "--direction", type=click.Choice(("two-sided", "greater", "less")), default="two-sided", help="The alternative."
)
@account_options
def write_prereg() -> None:
    """Write FILE: what is tested of STRATEGY, and how. Its hash is appended to the ledger at once.

    Dates, costs and the other terms of the account are part of it. The sources of prices, events, labels and priors are
    not: the ledger holds the hashes of those that a run read.
    """


@prereg.command("show", handler="trials:show")
@click.argument("file", type=PATH)
def show_prereg() -> None:
    """Show FILE, whether it is unchanged, and which trials of its rule came before it.

    Exit 1 if the ledger does not confirm the file.
    """
