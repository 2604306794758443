"""Checks the legs a rule returns: the door between a user's code and the plan."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from numbers import Real
from typing import Any

import numpy as np

from datasets.errors import UserError
from datasets.events import Kind
from engine.strategy import contract
from engine.strategy.contract import LEVELS, After, AtNextEvent, BeforeVote, Entry, Exit, LastCloseBefore, Leg, Phase


def checked_legs(legs: Any, rule: str) -> list[Leg]:
    """Return the legs of a rule with their numbers as python floats.

    Raises:
        UserError: not a list of legs, or a leg that cannot be traded as it says.
    """
    if isinstance(legs, Leg) or not isinstance(legs, Iterable):
        raise UserError(f"{rule}: legs() returned {type(legs).__name__}; it must return a list of Leg")
    return [_checked(leg, rule) for leg in legs]


def _checked(leg: Any, rule: str) -> Leg:
    if not isinstance(leg, Leg) or not isinstance(leg.instrument, str):
        raise UserError(
            f"{rule}: legs() returned {leg!r:.60} among its legs; each must be a Leg of an instrument's name"
        )
    where = f"leg of {leg.instrument}"
    if not isinstance(leg.entry, Entry):
        raise UserError(f"{where}: entry is {_shown(leg.entry)}; it must be NextOpen(), NextClose() or BeforeVote(n)")
    if not isinstance(leg.exit, Exit):
        raise UserError(
            f"{where}: exit is {_shown(leg.exit)}; it must be After(n), LastCloseBefore(), AtNextEvent() or Never()"
        )
    weight = _number(leg.weight, f"{where}: weight")
    if weight == 0:
        raise UserError(f"{where}: weight is {leg.weight}; it must be a number other than 0")
    if isinstance(leg.entry, BeforeVote):
        _count(leg.entry.sessions, f"{where}: sessions", least=1)
    else:
        _count(leg.entry.delay, f"{where}: delay", least=0)
        check_instant(leg.entry.after, where)
    levels: dict[str, Any] = {
        name: _distance(getattr(leg, name), f"{where}: {name}", most=most_of_level(name, weight)) for name in LEVELS
    }
    return replace(leg, weight=weight, exit=_checked_exit(leg.exit, where), **levels)


def most_of_level(name: str, weight: float) -> float:
    """Return what the distance of a level stays below: 1 for one below the entry, since no price falls below 0."""
    below = (weight > 0) is (name not in contract.GAINS)
    return 1.0 if below else np.inf


def _checked_exit(exit_: Exit, where: str) -> Exit:
    if isinstance(exit_, After):
        _count(exit_.sessions, f"{where}: sessions", least=1)
        return replace(exit_, at=_choice(exit_.at, Phase, f"{where}: at"))
    if isinstance(exit_, AtNextEvent):
        return replace(exit_, kind=_choice(exit_.kind, Kind, f"{where}: kind"))
    if isinstance(exit_, LastCloseBefore):
        check_instant(exit_.instant, where, needed=True)
    return exit_


def check_instant(instant: Any, where: str, *, needed: bool = False) -> None:
    """Raise a UserError unless a value is an aware datetime (or None, where it may be left out)."""
    if instant is None and not needed:
        return
    if not isinstance(instant, datetime):
        raise UserError(f"{where}: {_shown(instant)} is no instant; give a datetime with an offset, such as tzinfo=UTC")
    if instant.tzinfo is None:
        raise UserError(f"{where}: the instant {instant} is naive; give it an offset, such as tzinfo=UTC")


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real | np.number) or not np.isfinite(float(value)):
        raise UserError(f"{where} is {_shown(value)}; it must be a number other than 0")
    return float(value)


def _count(value: Any, where: str, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise UserError(f"{where} is {_shown(value)}; it must be {least} or more, and whole")


def _distance(value: Any, where: str, *, most: float) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real | np.number) or not 0 < float(value) < most:
        bound = f" and below {most:g}" if np.isfinite(most) else ""
        raise UserError(f"{where} is {_shown(value)}; it must be above 0{bound}, or None")
    return float(value)


def _choice(value: Any, choices: Any, where: str) -> Any:
    try:
        return choices(value)
    except ValueError as e:
        raise UserError(f"{where} is {_shown(value)}; it must be one of {', '.join(choices)}") from e


def _shown(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"{value!r:.40}"
