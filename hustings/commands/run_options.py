"""Options of every command that backtests a strategy, gathered into one frozen value."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click

from engine.plan.costs import Terms
from engine.run.backtest import Window
from engine.strategy.market import Market
from hustings.execution import Setting
from hustings.inputs import adjusted_source_of, date_of, events_of, instruments_of, parameters_of, priced

_DIRECTORY = click.Path(path_type=Path)


@dataclass(frozen=True)
class RunOptions:
    """What was typed of a backtest: the strategy's parameters, the data, the account."""

    parameters: tuple[str, ...]
    instruments: tuple[str, ...]
    data: Path | None
    events: Path | None
    labels: Path | None
    priors: Path | None
    since: str | None
    until: str | None
    cash: float
    commission_bps: float | None
    slippage_bps: float | None
    cash_rate: float
    borrow_rate: float
    max_gross: float
    adjust: str | None
    benchmark: str | None

    def given(self) -> dict[str, str]:
        """Return the strategy's parameters as text by name."""
        return parameters_of(self.parameters)

    def setting(self) -> Setting:
        """Return all of a backtest but its strategy.

        Raises:
            UserError: an option that cannot be read, or files that cannot.
        """
        costs = (self.commission_bps, self.slippage_bps)
        terms = Terms(self.cash, self.cash_rate, self.borrow_rate, self.max_gross, *costs)
        window = Window(date_of(self.since, "--from"), date_of(self.until, "--to"))
        market = Market(adjusted_source_of(self.data, self.adjust), instruments_of(self.data), window.until)
        events = priced(events_of(self.events, self.labels), self.priors)
        return Setting(events, market, terms, window, self.benchmark)


_OPTIONS = (
    click.option(
        "-p", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the strategy (repeatable)."
    ),
    click.option(
        "--instrument", "instruments", multiple=True, metavar="SYMBOL", help="A market for a backtrader strategy."
    ),
    click.option(
        "--data", type=_DIRECTORY, metavar="DIR", help="Bars from DIR/SYMBOL.csv or .parquet, and only from there."
    ),
    click.option("--events", type=_DIRECTORY, metavar="FILE|DIR", help="Events in place of the bundled catalogue."),
    click.option(
        "--labels", type=_DIRECTORY, metavar="FILE", help="A second coder's labels in place of the events' own."
    ),
    click.option(
        "--priors", type=_DIRECTORY, metavar="FILE", help="Probabilities of outcomes before the polls closed."
    ),
    click.option("--from", "since", metavar="DATE", help="First date of the account."),
    click.option("--to", "until", metavar="DATE", help="Last date: no later bar is seen."),
    click.option("--cash", type=float, default=1_000_000.0, show_default=True, help="Starting capital."),
    click.option("--commission-bps", type=float, help="Commission, basis points of traded value [the instrument's]."),
    click.option("--slippage-bps", type=float, help="Slippage against each fill, basis points [the instrument's]."),
    click.option(
        "--cash-rate", type=float, default=0.0, show_default=True, help="What idle cash earns, annual fraction."
    ),
    click.option("--borrow-rate", type=float, default=0.0, show_default=True, help="Fee on shorts, annual fraction."),
    click.option(
        "--max-gross", type=float, default=1.0, show_default=True, help="Limit of gross exposure over equity."
    ),
    click.option(
        "--adjust",
        type=click.Choice(["price", "total"]),
        help="Series without dividends, or with those of DIR/actions.csv reinvested [as they are, splits taken out].",
    ),
    click.option("--benchmark", metavar="SYMBOL", help="An instrument to hold the account against."),
)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a backtest; they reach it as one ``options``."""

    @wraps(command)
    def gathered(**typed: Any) -> Any:
        ours = {f.name: typed.pop(f.name) for f in fields(RunOptions)}
        return command(options=RunOptions(**ours), **typed)

    told: Callable[..., Any] = gathered
    for option in reversed(_OPTIONS):
        told = option(told)
    return told
