"""Builds and runs one backtest from its parts, whichever sort of strategy it is."""

import sys
from typing import Any

from datasets.errors import UserError, unknown_name
from datasets.events import EventCatalogue
from engine.backtest import Window, account_start, backtest, code_hash, finish_run
from engine.costs import Terms
from engine.market import Market
from engine.plan import told
from engine.run import Run
from engine.strategy import build
from strategies.loading import find_strategy, is_backtrader


def execute(
    name: str,
    given: dict[str, str],
    instruments: tuple[str, ...],
    *,
    events: EventCatalogue,
    market: Market,
    terms: Terms,
    window: Window,
    benchmark: str | None,
) -> Run:
    """Return the run of a strategy found by name, with parameters as text.

    Raises:
        UserError: anything wrong with the input, in one line.
    """
    cls = find_strategy(name)
    if is_backtrader(cls):
        return _execute_backtrader(
            cls,
            given,
            instruments,
            events=events,
            market=market,
            terms=terms,
            window=window,
            benchmark=benchmark,
        )
    if instruments:
        raise UserError(f"--instrument is for backtrader strategies; {cls.name} takes its markets with -p")
    return backtest(build(cls, given), events, market, terms=terms, window=window, benchmark=benchmark)


def _execute_backtrader(
    cls: Any,
    given: dict[str, str],
    instruments: tuple[str, ...],
    *,
    events: EventCatalogue,
    market: Market,
    terms: Terms,
    window: Window,
    benchmark: str | None,
) -> Run:
    from engine.replay_custom import replay_custom

    if not instruments:
        raise UserError(f"{cls.__name__} is a backtrader strategy: name its markets with --instrument TOPIX")
    bars = market.loaded(dict.fromkeys(market.symbol(i) for i in instruments))
    parameters = _parameters(cls, given)
    try:
        account = replay_custom(cls, parameters, bars, events, terms, since=account_start(bars, window))
    except UserError:
        raise
    except Exception as e:
        raise UserError(f"{cls.__name__} raised {told(e)}") from e
    words = (cls.__doc__ or "").strip().splitlines()
    has_own_words = words and cls.__doc__ is not sys.modules["backtrader"].Strategy.__doc__
    rule = words[0] if has_own_words else f"The backtrader strategy {cls.__name__}."
    identity = {"strategy": cls.__name__, "rule": rule, "parameters": parameters}
    return finish_run(
        account,
        identity=identity,
        code=code_hash(cls),
        bars=bars,
        events=events,
        terms=terms,
        window=window,
        skipped=account.skipped,
        considered=len(events),
        benchmark=None if benchmark is None else market.bars(benchmark),
    )


def _parameters(cls: Any, given: dict[str, str]) -> dict[str, Any]:
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
            return type(default)(text)
        except ValueError as e:
            raise UserError(f"parameter {where} is '{text}'; it must be like its default {default!r}") from e
    return text
