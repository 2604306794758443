"""Commands that replay a strategy: run, study, placebo, lookahead, sweep; and implied, of odds and prices."""

from pathlib import Path

import click

from hustings import completion as values
from hustings.commands.options import (
    MODELS,
    PATH,
    SCHEMES,
    HandledCommand,
    adjust_option,
    alpha_option,
    anchor_option,
    as_of_option,
    bars_and_events_options,
    draws_options,
    event_argument,
    event_option,
    instants_option,
    margin_option,
    market_option,
    output_options,
    run_options,
    source_options,
    strategy_options,
    window_options,
)


@click.command(cls=HandledCommand, handler="run:run_strategy")
@run_options
@output_options
@click.option(
    "--no-quantstats", is_flag=True, envvar="HUSTINGS_NO_QUANTSTATS", help="Do not write quantstats' sheet of the run."
)
def run() -> None:
    """Replay a strategy over events and bars; write its tear sheet.

    STRATEGY is a name ('hustings strategies'), path/to/file.py (file.py:Class of several), or package.module:Class.
    """


@click.command(cls=HandledCommand, handler="study:study_strategy")
@run_options
@click.option(
    "--window",
    "windows",
    multiple=True,
    metavar="A:B",
    help="Also study sessions A to B around the event; 0 is the session of --anchor (repeatable).",
)
@anchor_option
@click.option(
    "--model",
    type=click.Choice([*MODELS, "none"]),
    default="mean",
    help="Expected return without the event; the market models need --benchmark.",
)
@click.option("--placebo", type=click.Choice(SCHEMES), default="stratified", help="How placebo dates are chosen.")
@instants_option
@draws_options
@alpha_option
@click.option(
    "--other-labels", type=PATH, metavar="FILE", help="Another coder's labels, for the sensitivity to labels."
)
@click.option("--statistic", type=click.Choice(["mean", "variance"]), default="mean", help="Also that of the sessions.")
@click.option("--implied", metavar="SYMBOL", help="A volatility index for it: VIX.", shell_complete=values.instruments)
@click.option("--surprise", metavar="SIDE", help="Also regress returns on whether SIDE (a party) won, less its odds.")
@click.option(
    "--merge", metavar="DAYS", help="Count events of one country within so many days, such as 5d, as one observation."
)
@click.option("--prereg", type=PATH, metavar="FILE", help="The preregistration of this study ('prereg write').")
@output_options
def study() -> None:
    """Report what a strategy's events can support: power, tests, placebo dates.

    STRATEGY is a hustings rule, named as for 'hustings run'. The files are those of a run, and study.json.
    """


@click.command(cls=HandledCommand, handler="study:compare_with_placebo")
@run_options
@click.option("--scheme", type=click.Choice(SCHEMES), default="stratified", help="How placebo dates are chosen.")
@draws_options
@click.option("--replayed", type=click.IntRange(0, 1_000), default=3, help="Placebo calendars replayed as a check.")
def placebo() -> None:
    """Compare a strategy's net P&L with that of placebo dates.

    The trades of STRATEGY are moved to dates without events, with their costs and stops.
    """


@click.command(cls=HandledCommand, handler="lookahead:check_lookahead")
@strategy_options
@source_options
@window_options
@adjust_option
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of the redrawn futures.")
@click.option(
    "--decisions",
    type=click.IntRange(min=1),
    default=8,
    help="Decisions of a backtrader strategy at which it is replayed again (a rule: all of them).",
)
def lookahead() -> None:
    """Call a strategy again without its future; exit 1 if a decision changes.

    At each decision data and events are cut, delayed, and redrawn (docs/lookahead.md).
    STRATEGY is a name ('hustings strategies'), path/to/file.py (file.py:Class of several), or package.module:Class.
    """


@click.command(cls=HandledCommand, handler="orders:show_orders")
@strategy_options
@bars_and_events_options
@adjust_option
@as_of_option
@event_option("This event alone, past or to come.", complete=values.events_and_scheduled)
@click.option("--within", default="400d", metavar="DAYS", help="How far ahead, such as 90d.")
@click.option("--cash", type=float, default=1_000_000.0, help="The equity of which each order is a fraction.")
def orders() -> None:
    """Show what a strategy would do at the events to come, by outcome; of a past event what a run does.

    STRATEGY is a hustings rule, named as for 'hustings run'. An event to come is supposed to be known when its polls
    close; quantities and levels are those at the last close.
    """


@click.command(cls=HandledCommand, handler="sweep:sweep_parameters")
@run_options
@click.option(
    "--where", "conditions", multiple=True, metavar="EXPR", help="Only combinations that meet EXPR (repeatable)."
)
@click.option(
    "--random", "draw", type=click.IntRange(1, 10_000_000), metavar="N", help="Try N combinations drawn at random."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of --random.")
@click.option("--list", "listing", type=PATH, metavar="FILE", help="Try the combinations of a CSV file.")
@click.option("--metric", default="total_return", help="The metric that ranks them.")
@click.option("--top", type=click.IntRange(1, 1_000), default=5, help="How many of the best to replay.")
@click.option("--heat", metavar="A,B", help="The two parameters of the heat map [those with most values].")
@click.option("--train", metavar="N|Ny", help="Walk-forward: train on N events, or on N years (10y).")
@click.option("--test", metavar="N|Ny", help="Walk-forward: trade the next N events, or N years, and roll on.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, help="Processes on this machine.")
@click.option("--scheduler", metavar="ADDRESS", help="Workers of a Dask cluster instead, such as tcp://host:8786.")
@click.option("--resume", is_flag=True, help="Continue an interrupted sweep.")
@click.option("--restart", is_flag=True, help="Start again and replace the results in the folder.")
@click.option("--out", type=PATH, metavar="DIR", help="Where the files go [sweeps/<sweep_id>].")
@click.option("--no-report", is_flag=True, help="Write no page.")
def sweep() -> None:
    """Try combinations of a strategy's parameters; rank them and replay the best.

    Values: -p hold=1:50, -p stop_loss=none,0.03,0.05, -p weight=0.1:0.9:0.2, -p instrument=all. A parameter with one
    value is fixed. All combinations are tried, or those of --random, --list and --where. Exit 1 if a replay disagrees.
    """


@click.command(cls=HandledCommand, handler="implied:show_implied")
@event_argument
@source_options
@market_option
@margin_option
@click.option("--outcome", metavar="NAME", help="The outcome asked for [the one that came, or the favourite].")
@instants_option
@window_options
@adjust_option
@click.option("--out", type=PATH, default=Path("implied.html"), help="Where the page goes.")
def implied() -> None:
    """Show the value of markets if an outcome comes, and if not, by its odds.

    --priors FILE holds the odds: a priors file, or one of a site. Each close of an --instrument is paired with the last
    quote before it, and returns are regressed on changes of probability.
    """
