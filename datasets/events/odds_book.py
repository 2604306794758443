"""The odds book of an event: the last quote of each outcome, the margin removed, and the outcome that happened."""

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.arrays import Floats, Instants
from datasets.instants import to_datetime, to_ns

STALE_AFTER = timedelta(days=7)
"""An outcome whose last quote is this much older than the event's newest one has left the odds book."""


class Quote(Struct, frozen=True, order=True):
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


class Margin(StrEnum):
    """How the margin is taken off the quotes of one odds book."""

    PROPORTIONAL = "proportional"
    """Each quote over their sum, where that exceeds 1: a smaller sum may lack an outcome, and is never raised."""
    TWO_OUTCOME = "two-outcome"
    """Each quote over the sum of it and the highest other one: the two-party share."""
    POWER = "power"
    """Each quote to one power, so that they sum to 1 (Vovk and Zhdanov 2009): longshots lose most."""
    SHIN = "shin"
    """Shin's model of insiders (1993, Economic Journal 103): longshots lose more, of two outcomes both the same."""


def margin_removed(quotes: Mapping[str, Quote], margin: Margin = Margin.PROPORTIONAL) -> dict[str, float]:
    """Return the probability of each outcome: its quote with the margin of the odds book taken off."""
    quoted = {name: q.probability for name, q in quotes.items()}
    if margin is Margin.TWO_OUTCOME:
        return {name: _against_the_highest(name, quoted) for name in quoted}
    total = math.fsum(quoted.values())
    if total <= 1 or margin is Margin.PROPORTIONAL:
        return {name: q / max(1.0, total) for name, q in quoted.items()}

    def fair(quote: float, k: float) -> float:
        if margin is Margin.POWER:
            return float(quote ** (1 / (1 - k)))
        return (math.sqrt(k**2 + 4 * (1 - k) * quote**2 / total) - k) / (2 * (1 - k))  # k: the share of insiders

    low, high = 0.0, 1 - 1e-9
    for _ in range(60):
        middle = (low + high) / 2
        above = math.fsum(fair(q, middle) for q in quoted.values()) > 1
        low, high = (middle, high) if above else (low, middle)
    return {name: fair(q, low) for name, q in quoted.items()}


def _against_the_highest(name: str, quoted: Mapping[str, float]) -> float:
    other = max((q for n, q in quoted.items() if n != name), default=0.0)
    return quoted[name] / (quoted[name] + other) if other else quoted[name]


class OutcomeOdds(Struct, frozen=True):
    """The quotes of an odds book, the outcome whose probability is asked for, and how the margin is taken off."""

    quotes: Quotes
    outcome: str
    margin: Margin = Margin.PROPORTIONAL

    def at(self, instants: Instants) -> tuple[Floats, Instants]:
        """Return the probability at each instant, which ascend, and when it was last quoted until then.

        NaN and 0 before the first quote of the outcome, and while it has left the odds book.
        """
        last: dict[str, Quote] = {}
        p, quoted_at, n = np.full(len(instants), np.nan), np.zeros(len(instants), dtype=np.int64), 0
        for k, at in enumerate(map(to_datetime, instants)):
            while n < len(self.quotes) and self.quotes[n].observed_at <= at:
                last[self.quotes[n].outcome] = self.quotes[n]
                n += 1
            newest = self.quotes[n - 1].observed_at
            quoted = {name: q for name, q in last.items() if newest - q.observed_at <= STALE_AFTER}
            if self.outcome in quoted:
                p[k] = margin_removed(quoted, self.margin)[self.outcome]
                quoted_at[k] = to_ns(quoted[self.outcome].observed_at)
        return p, quoted_at


def without_margin(quotes: Quotes, margin: Margin) -> Quotes:
    """Return the quotes as probabilities, each of the odds book at its instant; the source says what was taken off."""
    found: list[Quote] = []
    for name in {q.outcome for q in quotes}:
        own = [q for q in quotes if q.outcome == name]
        p, _ = OutcomeOdds(quotes, name, margin).at(np.array([to_ns(q.observed_at) for q in own]))
        source = f"{own[0].source}, margin: {margin}"
        found += [replace(q, probability=v, source=source) for q, v in zip(own, p.tolist(), strict=True)]
    return tuple(sorted(found))


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
