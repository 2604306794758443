"""What a user types for a backtest, as frozen values that give its parts."""

from dataclasses import dataclass
from pathlib import Path

from datasets.events import EventCatalogue
from engine.plan.costs import Terms
from engine.run.backtest import Window
from engine.strategy.market import Market
from hustings.inputs import adjusted_source_of, date_of, events_of, instruments_of, parameters_of, priced


@dataclass(frozen=True)
class Setting:
    """All of a backtest but its strategy; ``vary``: with the parameter sensitivity."""

    events: EventCatalogue
    market: Market
    terms: Terms
    window: Window
    benchmark: str | None = None
    vary: bool = False


@dataclass(frozen=True)
class StrategyOptions:
    """A strategy and its parameters, the sources of bars and events, and the dates."""

    strategy: str
    parameters: tuple[str, ...]
    instruments: tuple[str, ...]
    data: Path | None
    events: tuple[Path, ...]
    only_events: bool
    labels: Path | None
    priors: Path | None
    since: str | None
    until: str | None
    adjust: str | None

    def given(self) -> dict[str, str]:
        """Return the strategy's parameters as text by name."""
        return parameters_of(self.parameters)

    def window(self) -> Window:
        """Return the first and last date."""
        return Window(date_of(self.since, "--from"), date_of(self.until, "--to"))

    def market(self) -> Market:
        """Return the bars up to the last date."""
        return Market(adjusted_source_of(self.data, self.adjust), instruments_of(self.data), self.window().until)

    def catalogue(self) -> EventCatalogue:
        """Return the events with their labels and priors."""
        return priced(events_of(self.events, self.labels, only=self.only_events), self.priors)


@dataclass(frozen=True)
class RunOptions(StrategyOptions):
    """A strategy with its data, and the account it trades."""

    cash: float
    commission_bps: float | None
    slippage_bps: float | None
    cash_rate: float
    borrow_rate: float
    max_gross: float
    benchmark: str | None

    def setting(self, *, vary: bool = False) -> Setting:
        """Return all of a backtest but its strategy.

        Raises:
            UserError: an option or a file that cannot be read.
        """
        costs = (self.commission_bps, self.slippage_bps)
        terms = Terms(self.cash, self.cash_rate, self.borrow_rate, self.max_gross, *costs)
        return Setting(self.catalogue(), self.market(), terms, self.window(), self.benchmark, vary)
