"""Decisions and fills on sessions whose hours are not certain: there a price may be older than the tables say."""

from collections.abc import Iterable, Iterator

import numpy as np
from msgspec import Struct

from datasets.instants import to_ns
from datasets.markets.sessions import FIRST_DATE, hours_table, session_of
from datasets.prices.bars import Bars
from engine.plan.plan import PlannedTrade

Action = tuple[str, str, str, int]
"""Something done: the subject (an event, an order), what (decision, order, entry, exit), instrument, instant (ns)."""


class UncertainHours(Struct, frozen=True):
    """An action in a session whose hours are a guess or lie beyond the horizon of the exchange."""

    subject: str
    what: str
    instrument: str
    exchange: str
    session: str


def actions_of(trades: Iterable[PlannedTrade], bars: dict[str, Bars]) -> Iterator[Action]:
    """Yield the decision, entry and exit of planned trades."""
    for trade in trades:
        own = bars[trade.instrument]
        yield trade.event_id, "decision", trade.instrument, to_ns(trade.decided_at)
        yield trade.event_id, "entry", trade.instrument, trade.entry.at(own)
        if trade.exit is not None:
            yield trade.event_id, "exit", trade.instrument, trade.exit.at(own)


def uncertain_hours(actions: Iterable[Action], bars: dict[str, Bars]) -> tuple[UncertainHours, ...]:
    """Return the actions in a session, or before one, whose hours are not certain."""
    found = []
    for subject, what, symbol, at in actions:
        mic = bars[symbol].instrument.mic
        session = session_of(mic, np.array([at]))[0]
        if not hours_table(mic).is_certain[int((session - FIRST_DATE).astype(np.int64))]:
            found.append(UncertainHours(subject, what, symbol, mic, str(session)))
    return tuple(found)
