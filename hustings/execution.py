"""Runs one backtest from what a user typed, of a hustings rule or of a backtrader strategy."""

import sys
from ast import literal_eval
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.errors import UserError, unknown_name
from datasets.events import EventCatalogue
from datasets.markets.currencies import check_currency
from datasets.prices.account_currency import AccountCurrency
from datasets.prices.bars import Bars
from engine.plan.costs import Fx, Terms
from engine.run.backtest import Window, backtest, finish_run
from engine.run.identity import code_hash
from engine.run.run import ParameterSensitivity, Run
from engine.strategy import Strategy, build
from engine.strategy.market import Market
from engine.strategy.strategy_calls import errors_of
from hustings.inputs import adjusted_source_of, date_of, events_of, instruments_of, pairs_of, priced, rates_of
from hustings.meanwhile import meanwhile
from strategies.loading import find_strategy, is_backtrader


class Setting(Struct, frozen=True):
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


class SourceOptions(Struct, frozen=True):
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


class StrategyOptions(SourceOptions, frozen=True):
    """A strategy and its parameters, and its data."""

    strategy: str
    parameters: tuple[str, ...]

    def given(self) -> dict[str, str]:
        """Return the strategy's parameters as text by name."""
        return pairs_of(self.parameters)


class RunOptions(StrategyOptions, frozen=True):
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
        typed = {name: getattr(self, name) for name in Terms.__struct_fields__}
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


def execute(options: RunOptions, *, vary: bool = False) -> Run:
    """Return the run of a strategy; ``vary``: with the parameter sensitivity, if it is a rule.

    Raises:
        UserError: anything wrong with the input, in one line.
    """
    cls, setting = find_strategy(options.strategy), options.setting()
    if is_backtrader(cls):
        return _execute_backtrader(cls, options, setting)
    rule = build_rule(cls, options.given(), options.instruments)
    return run_rule(rule, setting.unhedged(rule.instruments()), vary=vary)


def build_rule(cls: type[Any], given: dict[str, str], instruments: tuple[str, ...]) -> Strategy:
    """Return a hustings rule with parameters as text.

    Raises:
        UserError: an invalid parameter, or instruments given as for a backtrader strategy.
    """
    if instruments:
        raise UserError(f"--instrument is for backtrader strategies; {cls.name} takes its instruments with -p")
    rule: Strategy = build(cls, given)
    return rule


def run_rule(rule: Strategy, setting: Setting, *, vary: bool) -> Run:
    """Return the run of a hustings rule; ``vary``: with the parameter sensitivity."""
    events, market, terms = setting.events, setting.market, setting.terms
    with suppress(Exception):  # raised where the plan is made
        market.loaded([market.symbol(name) for name in rule.instruments()])
    with meanwhile(partial(_variants, rule, setting)) if vary else nullcontext(lambda: None) as variants:
        run = backtest(rule, events, market, terms=terms, window=setting.window, benchmark=setting.benchmark)
        return replace(run, variants=variants())


def _variants(rule: Strategy, setting: Setting) -> ParameterSensitivity:
    from engine.run.parameter_sensitivity import parameter_sensitivity

    market, terms = setting.market, setting.terms
    return parameter_sensitivity(rule, setting.events, market, terms=terms, since=setting.window.since)


def foreign_bars(cls: Any, market: Market, instruments: tuple[str, ...]) -> list[Bars]:
    """Return the bars of the instruments that a backtrader strategy trades.

    Raises:
        UserError: none is given, or one cannot be traded.
    """
    if not instruments:
        raise UserError(f"{cls.__name__} is a backtrader strategy: name its instruments with --instrument TOPIX")
    bars = market.loaded(dict.fromkeys(market.symbol(i) for i in instruments))
    for each in bars:
        each.instrument.check_tradable()
        if each.fee is not None:
            raise UserError(f"{each.symbol} is a contract: its fees and settlement are for rules, not {cls.__name__}")
    return bars


def _execute_backtrader(cls: Any, options: RunOptions, setting: Setting) -> Run:
    from engine.account.replay_custom import replay_custom

    market, terms, window = setting.market, setting.terms, setting.window
    if terms.fx is not Fx.HEDGED:
        raise UserError(
            f"--fx unhedged is for rules: the orders of {cls.__name__} are sized at prices; use --fx hedged"
        )
    if terms.event_slippage_bps:
        raise UserError(f"--event-slippage-bps is for rules: no order of {cls.__name__} belongs to an event")
    bars = foreign_bars(cls, market, options.instruments)
    parameters = backtrader_parameters(cls, options.given())
    with errors_of(cls.__name__):
        since = None if window.since is None else np.datetime64(window.since, "D")
        account = replay_custom(cls, parameters, bars, setting.events, terms, since=since)
    return finish_run(
        account,
        identity={"strategy": cls.__name__, "rule": _rule(cls), "parameters": as_written(parameters)},
        code=code_hash(cls),
        bars=bars,
        events=setting.events,
        terms=terms,
        window=window,
        skipped=account.skipped,
        considered=len(setting.events),
        benchmark=None if setting.benchmark is None else market.bars(setting.benchmark),
    )


def _rule(cls: Any) -> str:
    """Return the first line of the class's own docstring, not of backtrader's base class."""
    words = (cls.__doc__ or "").strip().splitlines()
    own = bool(words) and cls.__doc__ != sys.modules["backtrader"].Strategy.__doc__
    return str(words[0]) if own else f"The backtrader strategy {cls.__name__}."


def backtrader_parameters(cls: Any, given: dict[str, str]) -> dict[str, Any]:
    """Return every parameter of a backtrader strategy; those given have the type of their default.

    Raises:
        UserError: an unknown parameter, or a value of another type.
    """
    defaults: dict[str, Any] = dict(cls.params._getitems())
    for name in given:
        if name not in defaults:
            hint = f"it has {', '.join(defaults) or 'none'}"
            raise unknown_name(f"parameter of {cls.__name__}", name, defaults, hint=hint)
    return {**defaults, **{n: _like(defaults[n], text, f"{cls.__name__} {n}") for n, text in given.items()}}


def as_written(value: Any) -> Any:
    """Return a parameter as a file holds it: what JSON has no form for is its text, the same in every process."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(k): as_written(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [as_written(v) for v in value]
    if isinstance(value, set | frozenset):
        return sorted(map(str, map(as_written, value)))
    if hasattr(value, "tolist"):  # of numpy
        return as_written(value.tolist())
    text = getattr(value, "__qualname__", None) or str(value)
    return type(value).__qualname__ if " at 0x" in text else text


def _like(default: Any, text: str, where: str) -> Any:
    """Return a parameter typed as text, of the type of its default; a list, or any where that is None, as in Python."""
    if default is None or isinstance(default, list | tuple | dict):
        return _literal(default, text, where)
    if hasattr(default, "item"):  # a number of numpy
        default = default.item()
    if isinstance(default, bool):
        if text.casefold() not in ("true", "false"):
            raise UserError(f"parameter {where} is '{text}'; it must be true or false")
        return text.casefold() == "true"
    if isinstance(default, int | float):
        try:
            value = type(default)(text)
        except ValueError as e:
            raise UserError(f"parameter {where} is '{text}'; it must be like its default {default!r}") from e
        if not isfinite(value):
            raise UserError(f"parameter {where} is '{text}'; it must be a finite number")
        return value
    if isinstance(default, str):
        return text
    is_now = as_written(default)
    raise UserError(f"parameter {where} is {is_now!r}: no -p can give its like; a class derived from it can")


def _literal(default: Any, text: str, where: str) -> Any:
    try:
        value = literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if default is not None and not isinstance(value, list | tuple | dict):
        raise UserError(f"parameter {where} is '{text}'; it must be like its default {default!r}")
    return value
