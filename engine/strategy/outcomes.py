"""What a rule answers to each outcome of an event that is still to come, as the smallest table of conditions.

The unknown fields that the rule reads are supposed (``engine/strategy/strategy_calls.py``). The words, tags and numbers
with which it compares them are found by watching the comparisons; one value unlike them is tried too.
"""

from collections.abc import Callable, Sequence
from itertools import combinations, groupby, pairwise
from typing import Any

from msgspec import Struct

from datasets.errors import UserError
from datasets.events import PoliticalEvent
from engine.strategy.strategy_calls import GUESSES, suppositions

_WORDS = ("winner", "winner_party", "outcome")
_NUMBERS = ("winner_share", "implied_probability", "outcome_prior", "surprise_size")
_WATCHED = (*_WORDS, *_NUMBERS, "program")
_MOST_TAGS = 3
"""Of so many tags that a rule looks for, every subset is tried; of more, none, each alone, and all."""
_MOST = 20_000


class ConditionalAnswer(Struct, frozen=True):
    """The answer to every outcome that meets all conditions: of each field, the values it may have, in words."""

    conditions: tuple[tuple[str, tuple[str, ...]], ...]
    answer: Any


class _OtherWord(str):
    """A word unlike any that it is compared with; those are recorded in ``seen``."""

    seen: set[Any]

    def __eq__(self, other: object) -> bool:
        self.seen |= {other} if type(other) is str else set()
        return self is other

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    def __contains__(self, part: Any) -> bool:
        self.seen.add(part)
        return False

    def casefold(self) -> str:
        """Return itself: in another case it is still unlike any other word."""
        return self

    lower = upper = strip = casefold  # type: ignore[assignment]


class _Tags(tuple[str, ...]):
    """Some tags; what is looked for among them is recorded in ``seen``."""

    seen: set[Any]

    def __contains__(self, tag: object) -> bool:
        self.seen.add(str(tag))
        return super().__contains__(tag)


class _Number(float):
    """A number; those it is compared with are recorded in ``seen``. ``low`` and ``high`` are its bounds in words."""

    seen: set[Any]
    low: str
    high: str


def _recording(name: str) -> Callable[[_Number, Any], Any]:
    def compare(self: _Number, other: Any) -> Any:
        self.seen |= {float(other)} if isinstance(other, int | float) else set()
        return getattr(float, name)(self, other)

    return compare


for _name in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"):
    setattr(_Number, _name, _recording(_name))
_Number.__hash__ = float.__hash__  # type: ignore[method-assign]


def conditional_answers(event: PoliticalEvent, question: Callable[[PoliticalEvent], Any]) -> list[ConditionalAnswer]:
    """Return the answers to a question about an event whose outcome is unknown; outcomes answered alike are one.

    Raises:
        UserError: there are too many outcomes to list.
    """
    seen: dict[str, set[Any]] = {name: set() for name in _WATCHED}
    while True:
        before = {name: set(found) for name, found in seen.items()}
        guesses = {**GUESSES, **{name: _guesses(name, seen[name]) for name in _WATCHED}}
        leaves: list[_Leaf] = []
        for given, answer in suppositions(event, question, guesses):
            places = ((name, next(n for n, g in enumerate(guesses[name]) if g is v)) for name, v in given.items())
            leaves.append((list(places), answer))
            if len(leaves) > _MOST:
                raise UserError(f"the rule reads {', '.join(given)}: there are too many outcomes to list")
        if seen == before:
            break
    return [
        ConditionalAnswer(tuple((name, _in_words(places, guesses[name])) for name, places in conditions), answer)
        for conditions, answer in _merged(leaves)
    ]


_Leaf = tuple[list[tuple[str, int]], Any]
"""The fields read, each with the place of its value among the guesses, and the answer."""
_Merged = tuple[tuple[tuple[str, tuple[int, ...]], ...], Any]


def _merged(leaves: Sequence[_Leaf]) -> list[_Merged]:
    """Return leaves of one tree (the field read first is the same in all) with values that lead to the same in one."""
    if not leaves[0][0]:
        return [((), leaves[0][1])]
    field = leaves[0][0][0][0]
    branches: dict[int, list[_Leaf]] = {}
    for read, answer in leaves:
        branches.setdefault(read[0][1], []).append((read[1:], answer))
    groups: list[tuple[list[_Merged], list[int]]] = []
    for place, below in branches.items():
        result = _merged(below)
        alike = next((places for other, places in groups if other == result), None)
        alike.append(place) if alike is not None else groups.append((result, [place]))
    if len(groups) == 1:
        return groups[0][0]
    return [(((field, tuple(places)), *rest), answer) for result, places in groups for rest, answer in result]


def _guesses(name: str, seen: set[Any]) -> tuple[Any, ...]:
    """Return the values tried for a field that is compared with those in ``seen``; they record further ones there."""
    made: list[Any]
    if name in _NUMBERS:
        made = _numbers(sorted(t for t in seen if 0 <= t <= 1))
    elif name in _WORDS:
        made = [*sorted(map(str, seen)), _OtherWord("any other")]
    else:
        sizes = range(len(seen) + 1) if len(seen) <= _MOST_TAGS else (0, 1, len(seen))
        made = [_Tags(tags) for size in sizes for tags in combinations(sorted(seen), size)]
    for guess in made:
        if type(guess) is not str:
            guess.seen = seen
    return tuple(made)


def _numbers(limits: list[float]) -> list[_Number]:
    """Return the limits and a number in each interval between them, from 0 to 1; three numbers without any limit."""
    cells = [(t, f"{t:g} or more", f"{t:g} or less") for t in limits or (0.0, 0.5, 1.0)]
    if limits:
        for low, high in pairwise((0.0, *limits, 1.0)):
            bounds = (f"above {low:g}" if low in limits else "", f"below {high:g}" if high in limits else "")
            cells += [((low + high) / 2, *bounds)] if low < high else []
    numbers = []
    for value, low_text, high_text in sorted(cells):
        number = _Number(value)
        number.low, number.high = low_text, high_text
        numbers.append(number)
    return numbers


def _in_words(places: tuple[int, ...], guesses: Sequence[Any]) -> tuple[str, ...]:
    values = [guesses[n] for n in places]
    if isinstance(values[0], _Number):
        runs = (list(run) for _, run in groupby(enumerate(places), key=lambda each: each[1] - each[0]))
        return tuple(_range_in_words(guesses[run[0][1]], guesses[run[-1][1]]) for run in runs)
    return tuple(_word(value) for value in values)


def _range_in_words(first: _Number, last: _Number) -> str:
    if first is last and first.low.endswith("or more"):
        return f"{float(first):g}"
    return " and ".join(text for text in (first.low, last.high) if text) or "any"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " and ".join(value) or "none of them"
    return str(getattr(value, "value", value))
