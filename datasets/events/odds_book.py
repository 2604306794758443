"""The odds book of an event: the last quote of each outcome, the margin removed, and the outcome that happened."""

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

STALE_AFTER = timedelta(days=7)
"""An outcome whose last quote is this much older than the event's newest one has left the odds book."""


@dataclass(frozen=True, order=True)
class Quote:
    """One observed probability, in [0, 1], of one outcome of an event, at an aware UTC instant."""

    observed_at: datetime
    outcome: str
    probability: float
    source: str


PROBABILITY = "a number from 0 to 1"
"""What a cell of a probability must be."""


def probability_of(text: str) -> float:
    """Return a probability; a price of a contract that pays 1 is one.

    Raises:
        ValueError: it is no number from 0 to 1.
    """
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


Quotes = tuple[Quote, ...]
"""In the order in which they were observed."""


def quotes_before(quotes: Quotes, at: datetime) -> Quotes:
    """Return the quotes observed strictly before an instant."""
    return quotes[: bisect_left(quotes, at, key=lambda q: q.observed_at)]


def last_quotes(quotes: Quotes) -> dict[str, Quote]:
    """Return the last quote of each outcome, as observed; outcomes that have left the odds book are not in it."""
    last = {q.outcome: q for q in quotes}
    return {name: q for name, q in sorted(last.items()) if quotes[-1].observed_at - q.observed_at <= STALE_AFTER}


def margin_removed(quotes: Mapping[str, Quote]) -> dict[str, float]:
    """Return the probability of each outcome: its quote over the sum of all quotes, where that exceeds 1.

    An odds book that sums to less than 1 may lack an outcome: its quotes are left as they are, never raised.
    """
    total = max(1.0, math.fsum(q.probability for q in quotes.values()))
    return {name: q.probability / total for name, q in quotes.items()}


_PARTIES = {
    "democratic": ("d", "dem", "dems", "democrat", "democrats", "democratic or dfl", "dfl"),
    "republican": ("r", "rep", "reps", "republicans", "gop"),
    "ldp": ("liberal democratic", "liberal democratic party of japan"),
    "dpj": ("democratic party of japan",),
}
_PARTY = {alias: name for name, aliases in _PARTIES.items() for alias in aliases}


_SUFFIXES = frozenset(("jr", "sr", "ii", "iii"))


def folded(name: str) -> str:
    """Return what two spellings of one outcome have in common.

    >>> folded("The Democrats"), folded("DEM"), folded("Democratic Party")
    ('democratic', 'democratic', 'democratic')
    """
    words = " ".join(re.sub(r"[^\w\s]", " ", name.casefold()).split())
    words = words.removeprefix("the ").removesuffix(" party")
    return _PARTY.get(words, words)


def happened(outcomes: Iterable[str], *, winner: str | None, party: str | None) -> str | None:
    """Return the one outcome that names the winner, his last name, or his party; None if none or several do.

    >>> happened(["Harris", "Trump"], winner="Donald Trump", party="Republican")
    'Trump'
    >>> happened(["Yes"], winner="Donald Trump", party="Republican") is None
    True
    """
    names = {folded(n) for n in (winner, _last_name(winner), party) if n}
    hits = [o for o in outcomes if folded(o) in names]
    return hits[0] if len(hits) == 1 else None


def _last_name(winner: str | None) -> str | None:
    """Return the last word of a person's name, save ``Jr``; of a longer description (``No to all; ...``) nothing."""
    words = (winner or "").split()
    words = words[:-1] if words and words[-1].rstrip(".").casefold() in _SUFFIXES else words
    plain = 2 <= len(words) <= 4 and all(re.fullmatch(r"[^\W\d_][\w.'’-]*", w) for w in words)
    return words[-1] if plain else None
