"""What the differences of two runs support, in plain sentences. They never claim that a run is better."""

from unicodedata import bidirectional

from engine.comparison.common_events import OnEvents
from engine.comparison.difference import Difference
from engine.comparison.resampling import LEVEL
from reports.numbers import percent, points

_ISOLATE, _END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


def verdict(found: OnEvents, *, first: str, second: str) -> str:
    """Return in two or three sentences what the common events say of the second run against the first."""
    first, second = isolated(first), isolated(second)
    if not found.events:
        return f"{second} and {first} traded no event in common: which is better on the same events cannot be said."
    if all(e.first == e.second for e in found.events):
        n = len(found.events)
        each = "the one event both traded" if n == 1 else f"each of the {n} events both traded"
        return f"{second} and {first} earned the same on {each}."
    mean = found.differences[0]
    return f"{_what(found, mean, first=first, second=second)} {_how_sure(mean)}"


def isolated(name: str) -> str:
    """Return a name set apart from the sentence around it if any of it is written from right to left.

    >>> isolated("one"), isolated("\u05d0") == "\u2068\u05d0\u2069"
    ('one', True)
    """
    return f"{_ISOLATE}{name}{_END}" if any(bidirectional(c) in ("R", "AL", "AN") for c in name) else name


def _what(found: OnEvents, mean: Difference, *, first: str, second: str) -> str:
    n = len(found.events)
    events = "the 1 event" if n == 1 else f"the {n} events"
    better = f"better on {found.ahead}, worse on {found.behind}"
    by = f"differed by {points(mean.value)}"
    return f"On {events} that both traded, {second} was {better}; its mean trade {by} from that of {first}."


def _how_sure(mean: Difference) -> str:
    if mean.low is None or mean.high is None:
        return "So few events do not show which is better."
    ends = (
        f"The {percent(LEVEL, 0)} interval of the difference (Student's t) is {points(mean.low)} to {points(mean.high)}"
    )
    if mean.low <= 0 <= mean.high:
        return f"{ends} and holds 0: these events do not show which is better."
    return (
        f"{ends} and leaves out 0. So does one pair in twenty by chance alone, and the best of many runs almost always."
    )
