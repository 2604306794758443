"""hustings run: replay a strategy and write its tear sheet."""

from pathlib import Path

import click

from datasets.errors import UserError
from engine.backtest import Window
from engine.costs import Terms
from engine.market import Market
from engine.run import Run
from hustings.execution import Setting, execute
from hustings.inputs import adjusted_source_of, date_of, events_of, instruments_of, parameters_of, priced
from hustings.registry import record
from hustings.run_folder import check_writable, run_json, write_run
from hustings.terminal import apart, progress, say_json, summary, warn

_DIRECTORY = click.Path(path_type=Path)


@click.command()
@click.argument("strategy")
@click.option("-p", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the strategy (repeatable).")
@click.option(
    "--instrument", "instruments", multiple=True, metavar="SYMBOL", help="A market for a backtrader strategy."
)
@click.option(
    "--data",
    type=_DIRECTORY,
    metavar="DIR",
    help="Bars from DIR/SYMBOL.csv or .parquet, and only from there.",
)
@click.option("--events", type=_DIRECTORY, metavar="FILE|DIR", help="Events in place of the bundled catalogue.")
@click.option("--labels", type=_DIRECTORY, metavar="FILE", help="A second coder's labels in place of the events' own.")
@click.option("--priors", type=_DIRECTORY, metavar="FILE", help="Probabilities of outcomes before the polls closed.")
@click.option("--from", "since", metavar="DATE", help="First date of the account.")
@click.option("--to", "until", metavar="DATE", help="Last date: no later bar is seen.")
@click.option("--cash", type=float, default=1_000_000.0, show_default=True, help="Starting capital.")
@click.option("--commission-bps", type=float, help="Commission, basis points of traded value [the instrument's].")
@click.option("--slippage-bps", type=float, help="Slippage against each fill, basis points [the instrument's].")
@click.option("--cash-rate", type=float, default=0.0, show_default=True, help="What idle cash earns, annual fraction.")
@click.option("--borrow-rate", type=float, default=0.0, show_default=True, help="Fee on shorts, annual fraction.")
@click.option("--max-gross", type=float, default=1.0, show_default=True, help="Limit of gross exposure over equity.")
@click.option(
    "--adjust",
    type=click.Choice(["price", "total"]),
    help="Series without dividends, or with those of DIR/actions.csv reinvested [as they are, splits taken out].",
)
@click.option("--benchmark", metavar="SYMBOL", help="An instrument to hold the account against.")
@click.option("--out", type=_DIRECTORY, metavar="DIR", help="Where the files go [runs/<run_id>].")
@click.option("--no-report", is_flag=True, help="Write no tear sheet.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def run(
    strategy: str,
    parameters: tuple[str, ...],
    instruments: tuple[str, ...],
    data: Path | None,
    events: Path | None,
    labels: Path | None,
    priors: Path | None,
    since: str | None,
    until: str | None,
    cash: float,
    commission_bps: float | None,
    slippage_bps: float | None,
    cash_rate: float,
    borrow_rate: float,
    max_gross: float,
    adjust: str | None,
    benchmark: str | None,
    out: Path | None,
    no_report: bool,
    as_json: bool,
) -> None:
    """Replay STRATEGY over events and bars and write its tear sheet.

    STRATEGY is a name ('hustings strategies'), path/to/file.py:ClassName, or package.module:ClassName.
    """
    if out is not None:
        check_writable(out)
    terms = Terms(cash, cash_rate, borrow_rate, max_gross, commission_bps, slippage_bps)
    window = Window(date_of(since, "--from"), date_of(until, "--to"))
    with progress("replaying"), apart(quiet=as_json):
        market = Market(adjusted_source_of(data, adjust), instruments_of(data), window.until)
        setting = Setting(priced(events_of(events, labels), priors), market, terms, window, benchmark)
        result = execute(strategy, parameters_of(parameters), instruments, setting)
    folder = out if out is not None else Path("runs") / result.run_id
    with progress("writing the tear sheet"):
        files = write_run(result, folder, None if no_report else _sheet(result))
    try:
        record(result, folder)
    except UserError as e:
        warn(f"hustings: {e}; the run's files are written all the same")
    if as_json:
        say_json(run_json(result, files))
    else:
        summary(result, files)


def _sheet(result: Run) -> str:
    from reports.tearsheet import tearsheet

    return tearsheet(result)
