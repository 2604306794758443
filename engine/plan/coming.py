"""What a rule would do at an event that is still to come, by outcome: its legs on the sessions of the tables of hours.

The bars known at an instant are followed by one bar for each later session, at the last close: they give instants, and
entries and exits are found on them by ``engine.plan.plan``. No rule sees their prices.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.events import PoliticalEvent
from datasets.instants import iso_z, to_date, to_ns
from datasets.markets.instruments import Instrument
from datasets.markets.sessions import LAST_DATE, calendar_sessions, stamp_prices
from datasets.prices.bars import Bars
from datasets.prices.periods import Period
from engine.plan.decision import Skipped
from engine.plan.plan import PlannedTrade, plan_leg
from engine.strategy import Leg, Strategy
from engine.strategy.legs import check_instant, checked_legs
from engine.strategy.market import BarClock, Market, MarketView, NoBarsError, TooFewBarsError
from engine.strategy.outcomes import ConditionalAnswer, conditional_answers
from engine.strategy.strategy_calls import call_strategy

_NEVER = datetime.max.replace(tzinfo=UTC)


class ComingMarket(Market):
    """The bars closed by ``as_of``, each series followed by the sessions to come; ``known`` are those bars alone."""

    as_of: datetime = _NEVER
    known: dict[str, Bars] = field(default_factory=dict)

    def _load(self, instrument: Instrument) -> Bars:
        known = super()._load(instrument).until(to_ns(self.as_of))
        if not len(known):
            raise NoBarsError(f"no bars of {instrument.symbol} up to {iso_z(self.as_of)}")
        if known.intraday or known.period is not Period.DAILY:
            raise UserError(f"orders need daily bars; those of {instrument.symbol} are of another length")
        self.known[instrument.symbol] = known
        return _with_coming_sessions(known)


class ComingPlan(Struct, frozen=True):
    """What a rule would do at an event, as rows of conditions with the outcome of each leg; no legs: nothing.

    ``decided_at`` is None where it finds no instant of decision.
    """

    event: PoliticalEvent
    decided_at: datetime | None
    rows: tuple[ConditionalAnswer, ...]


class _NotMadeError(UserError):
    """A rule reads prices that are not made yet."""


class _KnownView(MarketView, frozen=True):
    """The bars of a coming market known at a decision; one that lies ahead has no prices yet."""

    _market: ComingMarket

    def bars(self, instrument: str) -> Bars:
        if self.at > self._market.as_of:
            raise _NotMadeError(f"it depends on the prices of {instrument} at {iso_z(self.at)}")
        return self._market.known[self._market.bars(instrument).symbol].until(to_ns(self.at))


def coming_event(event: PoliticalEvent, as_of: datetime) -> PoliticalEvent:
    """Return an event as known at an instant before its outcome, supposed to be known when its polls close.

    Raises:
        UserError: neither the close of polls nor the day of the vote is known.
    """
    seen = event.as_known(as_of)
    at = event.polls_close_at or (event.vote_begins_at and event.vote_begins_at + timedelta(days=1))
    if at is None:
        raise UserError(f"{event.event_id} has neither polls_close_at nor voted_on: nothing says when it is decided")
    announced_at = event.announced_at if event.announced_at is not None and event.announced_at <= as_of else as_of
    return seen.model_copy(update={"announced_at": min(announced_at, at), "known_at": max(at, as_of)})


def plan_coming(
    strategy: Strategy, event: PoliticalEvent, market: ComingMarket, events: list[PoliticalEvent]
) -> ComingPlan:
    """Return what a rule would do at an event whose outcome is not known; its ``known_at`` is supposed.

    Args:
        strategy: the rule.
        event: an event without outcome, announced.
        market: the bars known now, and the sessions to come.
        events: all events, for exits at the next one of a kind.

    Raises:
        UserError: the rule raised, or there are too many outcomes to list.
    """
    decided_at = call_strategy(strategy, lambda: strategy.decides_at(event.timing(), BarClock(market)))
    if decided_at is None:
        return ComingPlan(event, None, ())
    check_instant(decided_at, f"{strategy.name} decides on {event.event_id}")
    seen = event.as_known(decided_at)
    ask = _question(strategy, market, decided_at)
    decides_before = event.known_at is None or decided_at < event.known_at
    rows = [ConditionalAnswer((), ask(seen))] if decides_before else conditional_answers(seen, ask)
    planned = (
        replace(r, answer=tuple(_planned(leg, seen, decided_at, market, events) for leg in r.answer)) for r in rows
    )
    return ComingPlan(event, decided_at, tuple(planned))


def _question(strategy: Strategy, market: ComingMarket, at: datetime) -> Callable[[PoliticalEvent], tuple[Any, ...]]:
    """Return the question for the legs of a rule at an instant; a reason in words stands for legs that need prices."""
    view = _KnownView(market, at)

    def legs(event: PoliticalEvent) -> tuple[Any, ...]:
        if not call_strategy(strategy, lambda: strategy.wants(event)):
            return ()
        try:
            return tuple(checked_legs(call_strategy(strategy, lambda: strategy.legs(event, view)), strategy.name))
        except (_NotMadeError, TooFewBarsError) as e:
            return (str(e),)

    return legs


def _planned(
    leg: Leg | str, event: PoliticalEvent, at: datetime, market: ComingMarket, events: list[PoliticalEvent]
) -> tuple[Leg | None, PlannedTrade | Skipped]:
    if isinstance(leg, str):
        return None, Skipped(event.event_id, "", leg)
    return leg, plan_leg(leg, event, at, market, events)


def _with_coming_sessions(bars: Bars) -> Bars:
    """Return bars followed by one for each later session of the exchange, at the last close."""
    mic, last = bars.instrument.mic, to_date(bars.session[-1])
    session = calendar_sessions(mic, last + timedelta(days=1), to_date(LAST_DATE))
    open_at, close_at = stamp_prices(mic, session)
    price = np.full(len(session), bars.close[-1])
    added: dict[str, Any] = {
        "session": session,
        "open_at": open_at,
        "close_at": close_at,
        "volume": np.full(len(session), np.nan),
    }
    added |= dict.fromkeys(("open", "high", "low", "close"), price)
    added["open_is_real"] = np.ones(len(session), dtype=bool)
    arrays: dict[str, Any] = {n: np.concatenate((getattr(bars, n), more)) for n, more in added.items()}
    return replace(bars, **arrays)
