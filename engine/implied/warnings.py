"""What makes the implied value of a market doubtful, in sentences."""

from collections.abc import Iterator

import numpy as np

from datasets.events.event import PoliticalEvent
from datasets.events.odds_book import OutcomeOdds, happened, quotes_before
from datasets.instants import to_datetime
from datasets.markets.instruments import Instrument
from engine.implied.pairs import Pairs, counted_from


def warnings_of(pairs: Pairs, odds: OutcomeOdds, *, event: PoliticalEvent, market: Instrument) -> Iterator[str]:
    """Yield the warnings that apply to a market."""
    p, names = float(pairs.p[np.isfinite(pairs.p)][-1]), {q.outcome for q in odds.quotes}
    asked, place = odds.quotes[-1].source, odds.quotes[-1].source.split()[-1]
    if len(place) == 2 and place.isupper() and not event.event_id.endswith(place):
        yield f"proxy market: '{asked}' is of one state; b belongs to its question, not to the vote"
    elif event.winner and happened(names, winner=event.winner, party=event.winner_party) is None:
        yield f"proxy market: no outcome of '{asked}' names {event.winner}; b belongs to its question, not to the vote"
    if not 0.1 <= p <= 0.9:
        yield f"longshot: p is {p:.2f}; the bias of odds near 0 and 1 is multiplied in the larger branch"
    edge = int(((pairs.p <= 0.01) | (pairs.p >= 0.99)).sum())
    if edge:
        yield f"one-cent quotes: {edge} of {len(pairs.p)} closes have odds within 0.01 of 0 or 1, where a tick is all"
    age = (pairs.close_at - pairs.quoted_at)[np.isfinite(pairs.p)] / 3.6e12
    same = float((np.diff(pairs.quoted_at) == 0).mean())
    if age[-1] > 72 or same > 0.1:
        yield f"stale quotes: the last is {age[-1]:.0f} h old, {100 * same:.0f} % of the closes have no new one"
    if np.median(age) > 1:
        yield f"quotes are {np.median(age):.0f} h older than the close (median): news in between is in the lead term"
    last_close, ends_at = to_datetime(int(pairs.close_at[-1])), counted_from(event)
    known = odds.quotes if ends_at is None else quotes_before(odds.quotes, ends_at)
    later = [q.probability for q in known if q.outcome == odds.outcome and q.observed_at > last_close]
    if later:
        yield f"quotes after the close: {len(later)} before the count are not used, the last is {later[-1]:.2f}"
    if market.country and market.country == event.country:
        yield "reverse causality: a market at home moves the odds of those who govern too; b is then no effect of them"
