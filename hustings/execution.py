"""Builds and runs one backtest from its parts, whichever sort of strategy it is."""

import sys
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from datasets.errors import UserError, unknown_name
from datasets.events import EventCatalogue
from engine.plan.costs import Terms
from engine.run.backtest import Window, account_start, backtest, finish_run
from engine.run.identity import code_hash
from engine.run.run import Run
from engine.run.variants import ParameterSensitivity
from engine.strategy import Strategy, build
from engine.strategy.market import Market
from engine.strategy.strategy_calls import format_error
from strategies.loading import find_strategy, is_backtrader


@dataclass(frozen=True)
class Setting:
    """All of a backtest but its strategy; ``vary``: whether to reckon it with other holds, delays and costs too."""

    events: EventCatalogue
    market: Market
    terms: Terms
    window: Window
    benchmark: str | None = None
    vary: bool = False


def execute(name: str, given: dict[str, str], instruments: tuple[str, ...], setting: Setting) -> Run:
    """Return the run of a strategy found by name, with parameters as text.

    Raises:
        UserError: anything wrong with the input, in one line.
    """
    cls = find_strategy(name)
    if is_backtrader(cls):
        return _execute_backtrader(cls, given, instruments, setting)
    return run_rule(build_rule(cls, given, instruments), setting)


def build_rule(cls: type[Any], given: dict[str, str], instruments: tuple[str, ...]) -> Strategy:
    """Return a hustings rule with parameters as text.

    Raises:
        UserError: a parameter that cannot be, or markets named as for a backtrader strategy.
    """
    if instruments:
        raise UserError(f"--instrument is for backtrader strategies; {cls.name} takes its markets with -p")
    rule: Strategy = build(cls, given)
    return rule


def run_rule(rule: Strategy, setting: Setting) -> Run:
    """Return the run of a hustings rule."""
    run = backtest(
        rule,
        setting.events,
        setting.market,
        terms=setting.terms,
        window=setting.window,
        benchmark=setting.benchmark,
    )
    return replace(run, variants=_variants(rule, setting)) if setting.vary else run


def _variants(rule: Strategy, setting: Setting) -> ParameterSensitivity:
    from engine.run.parameter_sensitivity import parameter_sensitivity

    return parameter_sensitivity(rule, setting.events, setting.market, terms=setting.terms, since=setting.window.since)


def _execute_backtrader(cls: Any, given: dict[str, str], instruments: tuple[str, ...], setting: Setting) -> Run:
    from engine.account.replay_custom import replay_custom

    if not instruments:
        raise UserError(f"{cls.__name__} is a backtrader strategy: name its markets with --instrument TOPIX")
    market, terms, window = setting.market, setting.terms, setting.window
    bars = market.loaded(dict.fromkeys(market.symbol(i) for i in instruments))
    for each in bars:
        each.instrument.check_tradable()
    parameters = backtrader_parameters(cls, given)
    try:
        since = account_start(bars, window)
        account = replay_custom(cls, parameters, bars, setting.events, terms, since=since)
    except UserError:
        raise
    except (Exception, SystemExit) as e:
        raise UserError(f"{cls.__name__} raised {format_error(e)}") from e
    return finish_run(
        account,
        identity={"strategy": cls.__name__, "rule": _rule(cls), "parameters": parameters},
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
    """Return the first line of the class's own docstring; that of backtrader's base says nothing of the rule."""
    words = (cls.__doc__ or "").strip().splitlines()
    own = bool(words) and cls.__doc__ != sys.modules["backtrader"].Strategy.__doc__
    return str(words[0]) if own else f"The backtrader strategy {cls.__name__}."


def backtrader_parameters(cls: Any, given: dict[str, str]) -> dict[str, Any]:
    """Return every parameter of a backtrader strategy, those given turned into the type of their default."""
    defaults: dict[str, Any] = dict(cls.params._getitems())
    for name in given:
        if name not in defaults:
            raise unknown_name(
                f"parameter of {cls.__name__}", name, defaults, hint=f"it has {', '.join(defaults) or 'none'}"
            )
    return {**defaults, **{n: _like(defaults[n], text, f"{cls.__name__} {n}") for n, text in given.items()}}


def _like(default: Any, text: str, where: str) -> Any:
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
    return text
