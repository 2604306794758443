"""What a user types for a backtest, as frozen values that give its parts."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from datasets.errors import UserError
from datasets.events import EventCatalogue
from datasets.markets.currencies import check_currency
from datasets.prices.account_currency import AccountCurrency
from engine.plan.costs import Fx, Terms
from engine.run.backtest import Window
from engine.strategy.market import Market
from hustings.inputs import adjusted_source_of, date_of, events_of, instruments_of, pairs_of, priced, rates_of


@dataclass(frozen=True)
class Setting:
    """All of a backtest but its strategy."""

    events: EventCatalogue
    market: Market
    terms: Terms
    window: Window
    benchmark: str | None = None

    def unhedged(self, names: Sequence[str]) -> "Setting":
        """Return the setting with the rates of an unhedged account; one that is hedged needs none.

        Args:
            names: the instruments of the strategy; an account without a currency has that of the first.
        """
        if self.terms.fx is Fx.HEDGED:
            return self
        currency = self.terms.currency or "".join(self.market.instruments.find(n).currency for n in names[:1])
        if not currency:
            raise UserError("--fx unhedged: this strategy names no instrument: give the account's --currency")
        terms = replace(self.terms, currency=currency)
        return replace(self, terms=terms, market=self.market.in_currency(currency))


@dataclass(frozen=True)
class SourceOptions:
    """Instruments, the sources of bars and events, and the dates."""

    instruments: tuple[str, ...]
    data: Path | None
    accept: tuple[str, ...]
    events: tuple[Path, ...]
    only_events: bool
    labels: Path | None
    priors: Path | None
    since: str | None
    until: str | None
    adjust: str | None

    def window(self) -> Window:
        """Return the first and last date."""
        return Window(date_of(self.since, "--from"), date_of(self.until, "--to"))

    def market(self) -> Market:
        """Return the bars up to the last date."""
        source = adjusted_source_of(self.data, self.adjust, self.accept)
        account = AccountCurrency(short_rates=rates_of(self.data))
        return Market(source, instruments_of(self.data), self.window().until, account)

    def catalogue(self) -> EventCatalogue:
        """Return the events with their labels and priors."""
        return priced(events_of(self.events, self.labels, only=self.only_events), self.priors)


@dataclass(frozen=True)
class StrategyOptions(SourceOptions):
    """A strategy and its parameters, and its data."""

    strategy: str
    parameters: tuple[str, ...]

    def given(self) -> dict[str, str]:
        """Return the strategy's parameters as text by name."""
        return pairs_of(self.parameters)


@dataclass(frozen=True)
class RunOptions(StrategyOptions):
    """A strategy with its data, and the account it trades."""

    cash: float
    commission_bps: float | None
    slippage_bps: float | None
    event_slippage_bps: float
    cash_rate: float
    borrow_rate: float
    currency: str
    fx: str
    max_gross: float
    benchmark: str | None

    def setting(self) -> Setting:
        """Return all of a backtest but its strategy.

        Raises:
            UserError: an option or a file that cannot be read.
        """
        market = self.market()
        typed = {f.name: getattr(self, f.name) for f in fields(Terms)}
        terms = Terms(**{**typed, "currency": _currency(self.currency), "fx": Fx(self.fx)})
        return Setting(self.catalogue(), market, terms, self.window(), self.benchmark)


def _currency(text: str) -> str:
    """Return the code of a currency in capitals; blank where none was typed.

    Raises:
        UserError: it is not known.
    """
    code = text.strip().upper()
    if code:
        check_currency(code)
    return code
