"""Calls a rule to find whether it wants an event, and the unknown fields that prevent it.

To separate "not wanted" from "not known", a rule that declines is called again with each unknown field it reads
set to every value it could have.
"""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from datasets.errors import UserError
from datasets.events import Majority, PoliticalEvent, ProGrowth, Surprise, WinnerStatus
from engine.strategy.contract import Strategy

R = TypeVar("R")


def call_strategy(strategy: Strategy, question: Callable[[], R]) -> R:
    """Return a rule's answer; an error in its code becomes one line, with its place."""
    try:  # errors_of would take ten times as long as the rest of a call, and every event is a call
        return question()
    except (UserError, _NeedsField):
        raise
    except (Exception, SystemExit) as e:
        raise UserError(f"{strategy.name} raised {format_error(e)}") from e


@contextmanager
def errors_of(name: str) -> Iterator[None]:
    """Make one line of what a user's code raises here, with its place; ``name`` is what raised."""
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as e:
        raise UserError(f"{name} raised {format_error(e)}") from e


def format_error(error: BaseException) -> str:
    """Return ``ZeroDivisionError: division by zero (my_rule.py line 12)``: what and where; one of ours as it is."""
    if isinstance(error, UserError):
        return str(error)
    text = traceback.format_exception_only(error)[-1].strip() or type(error).__name__
    return f"{text.splitlines()[0]}{error_place(error)}"


def error_place(error: BaseException) -> str:
    """Return `` (my_rule.py line 12)``: where an error came up outside of installed packages and ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = tuple(str(Path(__file__).parents[2] / room) for room in ("engine", "hustings"))
    theirs = [f for f in frames if "site-packages" not in f.filename and not f.filename.startswith(ours)] or frames
    return f" ({Path(theirs[-1].filename).name} line {theirs[-1].lineno})" if theirs else ""


class _AnyOf:
    """Replaces an unknown word or set of tags: equal to any word, holding every tag."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __contains__(self, item: object) -> bool:
        return True

    def casefold(self) -> "_AnyOf":
        return self


class _AnyPriors(Mapping[str, float]):
    """Replaces unknown priors: every outcome has the same probability."""

    def __init__(self, probability: float) -> None:
        self._probability = probability

    def __getitem__(self, outcome: str) -> float:
        return self._probability

    def __iter__(self) -> Iterator[str]:
        return iter(("",))

    def __len__(self) -> int:
        return 1


GUESSES: Mapping[str, tuple[Any, ...]] = {
    "incumbent_won": (True, False),
    "winner_share": (0.0, 0.5, 1.0),
    "majority": tuple(Majority),
    "surprise": tuple(Surprise),
    "implied_probability": (0.0, 0.5, 1.0),
    "outcome_prior": (0.0, 0.5, 1.0),
    "surprise_size": (0.0, 0.5, 1.0),
    "priors": (_AnyPriors(0.0), _AnyPriors(0.5), _AnyPriors(1.0)),
    "outcome": (_AnyOf(),),
    "pro_growth": (ProGrowth.YES, ProGrowth.NO, ProGrowth.MIXED),
    "winner": (_AnyOf(),),
    "winner_party": (_AnyOf(),),
    "winner_status": tuple(WinnerStatus),
    "program": (_AnyOf(),),
}


class _NeedsField(Exception):
    """A rule read a field that is unknown and has not been supposed yet."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class _Supposed:
    """An event some of whose unknown fields are supposed to have certain values."""

    def __init__(self, event: PoliticalEvent, given: dict[str, Any]) -> None:
        self._event, self._given = event, given

    def __getattr__(self, name: str) -> Any:
        if name in self._given:
            return self._given[name]
        found, of_a_vote = getattr(self._event, name), name in ("winner_party", "majority", "program")
        unknown = name in GUESSES and found in (None, (), {}, ProGrowth.UNKNOWN)
        if unknown and (self._event.is_election or not of_a_vote):
            raise _NeedsField(name)
        return found


def wants_and_missing(strategy: Strategy, event: PoliticalEvent) -> tuple[bool, list[str]]:
    """Return whether the rule wants the event, and if not, the unknown fields that might have made it want it.

    A condition on an unknown field is false, but not silently so: each unknown field the rule reads is supposed to
    have every value it could have, and if some choice would make the rule want the event, those fields are named.
    """
    if call_strategy(strategy, lambda: strategy.wants(event)):
        return True, []
    return False, next((list(given) for given, wanted in suppositions(event, strategy.wants) if wanted), [])


def suppositions(
    event: PoliticalEvent,
    question: Callable[[PoliticalEvent], R],
    guesses: Mapping[str, Sequence[Any]] | None = None,
    given: Mapping[str, Any] | None = None,
) -> Iterator[tuple[dict[str, Any], R]]:
    """Yield the answers to a question about an event, one a choice of the unknown fields that are read for it.

    Each comes with the values supposed, in the order in which they were read; ``guesses`` are the values of each field.
    """
    supposed, tried = dict(given or {}), GUESSES if guesses is None else guesses
    try:
        answer = question(cast(PoliticalEvent, _Supposed(event, supposed)))
    except _NeedsField as need:
        for guess in tried[need.field]:
            yield from suppositions(event, question, tried, {**supposed, need.field: guess})
    else:
        yield supposed, answer
