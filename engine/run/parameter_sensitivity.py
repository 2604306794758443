"""Plans a rule afresh with other holds and delays, and reckons it at other costs: how much hangs on the parameters.

A variation changes the legs the rule returns, so that any rule can be varied, not only one with parameters of these
names. Nothing is chosen by it: the run stays the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from statistics import fmean

import numpy as np

from datasets.events import EventCatalogue, PoliticalEvent
from datasets.prices.bars import Bars
from engine.account.records import Account
from engine.account.replay import replay
from engine.account.vector import NotVectorisableError, evaluate
from engine.plan.costs import Terms
from engine.plan.plan import Plan, make_plan
from engine.run.variants import ParameterSensitivity, SensitivityCase
from engine.strategy import After, Clock, Leg, NextClose, NextOpen, Strategy
from engine.strategy.market import Market, MarketView

HOLDS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Multiples of the rule's own hold."""
DELAYS = (0, 1, 2, 3, 5)
"""Sessions waited beyond the rule's own delay."""
COSTS = (0.0, 1.0, 2.0, 5.0)
"""Multiples of commission and slippage."""


def parameter_sensitivity(
    strategy: Strategy, events: EventCatalogue, market: Market, *, terms: Terms, since: date | None = None
) -> ParameterSensitivity:
    """Return the run of a rule under other holds and delays, and at other costs.

    Args:
        strategy: the rule.
        events: those of the run.
        market: its bars.
        terms: its cash, costs and limits.
        since: the first date of the account.
    """
    own = _varied(strategy, None, None)
    plan = make_plan(own, events, market, since=since)
    if not own.seen:
        return ParameterSensitivity((), (), "the rule returned no leg: there is nothing to vary")
    hold, delay = _hold(own.seen), _delay(own.seen)
    desk = _Desk(strategy, events if hold is None else _told(events, plan), market, terms, since, (hold, delay))
    holds = [None] if hold is None else list(dict.fromkeys(max(1, round(hold * m)) for m in HOLDS))
    delays = [None] if delay is None else [delay + d for d in DELAYS]
    timing = tuple(desk.timed(h, d) for h in holds for d in delays) if len(holds) + len(delays) > 2 else ()
    return ParameterSensitivity(timing, tuple(desk.costing(plan, c) for c in COSTS), _note(hold, delay))


def _told(events: EventCatalogue, plan: Plan) -> EventCatalogue:
    """Return the events that a plan trades or skips: where no exit waits for another event, no other one matters."""
    told = {t.event_id for t in plan.trades} | {s.event_id for s in plan.skipped}
    return EventCatalogue(e for e in events if e.event_id in told)


def _hold(legs: Sequence[Leg]) -> int | None:
    """Return for how many sessions every leg is held; None where that is not one number."""
    found = {leg.exit.sessions if isinstance(leg.exit, After) else None for leg in legs}
    return found.pop() if len(found) == 1 else None


def _delay(legs: Sequence[Leg]) -> int | None:
    """Return the delay of every leg's entry; None where that is not one number."""
    found = {leg.entry.delay if isinstance(leg.entry, NextOpen | NextClose) else None for leg in legs}
    return found.pop() if len(found) == 1 else None


def _note(hold: int | None, delay: int | None) -> str:
    said = []
    if hold is None:
        said.append("no hold to vary: the rule's legs do not all leave after one number of sessions")
    if delay is None:
        said.append("no delay to vary: the rule's legs do not all enter at a next open or close, one delay after it")
    return "; ".join(said)


@dataclass
class _Varied(Strategy):
    """A rule whose legs are held and delayed otherwise; all else is as the rule says."""

    rule: Strategy
    hold: int | None
    delay: int | None
    seen: list[Leg] = field(default_factory=list)

    def wants(self, event: PoliticalEvent) -> bool:
        return self.rule.wants(event)

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        return self.rule.decides_at(event, clock)

    def instruments(self) -> tuple[str, ...]:
        return self.rule.instruments()

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        legs = list(self.rule.legs(event, market))
        self.seen.extend(legs)
        return [self._changed(leg) for leg in legs]

    def _changed(self, leg: Leg) -> Leg:
        if self.hold is not None and isinstance(leg.exit, After):
            leg = replace(leg, exit=replace(leg.exit, sessions=self.hold))
        if self.delay is not None and isinstance(leg.entry, NextOpen | NextClose):
            leg = replace(leg, entry=replace(leg.entry, delay=self.delay))
        return leg


def _varied(rule: Strategy, hold: int | None, delay: int | None) -> _Varied:
    """Return the variation under the rule's own name, by which its faults are told."""
    cls = type("_Varied", (_Varied,), {"name": rule.name})
    made: _Varied = cls(rule, hold, delay)
    return made


@dataclass(frozen=True)
class _Desk:
    """All that the variations of one run share; ``own`` is the rule's own hold and delay."""

    strategy: Strategy
    events: EventCatalogue
    market: Market
    terms: Terms
    since: date | None
    own: tuple[int | None, int | None]

    def timed(self, hold: int | None, delay: int | None) -> SensitivityCase:
        """Return the run with another hold and delay, at its own costs."""
        plan = make_plan(_varied(self.strategy, hold, delay), self.events, self.market, since=self.since)
        return _variant(
            self._account(plan, 1.0), hold, delay, cash=self.terms.cash, costs=1.0, own=(hold, delay) == self.own
        )

    def costing(self, plan: Plan, multiple: float) -> SensitivityCase:
        """Return the run at a multiple of its costs."""
        return _variant(
            self._account(plan, multiple), None, None, cash=self.terms.cash, costs=multiple, own=multiple == 1
        )

    def _account(self, plan: Plan, multiple: float) -> Account:
        bars = [_costing(b, self.terms, multiple) for b in self.market.loaded(plan.instruments)]
        terms = replace(self.terms, commission_bps=None, slippage_bps=None)
        since = None if self.since is None else np.datetime64(self.since, "D")
        try:
            return evaluate(plan, bars, terms, since=since)
        except NotVectorisableError:
            return replay(plan, bars, terms, since=since)


def _variant(
    account: Account, hold: int | None, delay: int | None, *, cash: float, costs: float, own: bool
) -> SensitivityCase:
    closed = [t.return_ for t in account.trades if t.is_closed]
    total = float(account.equity[-1]) / cash - 1
    return SensitivityCase(hold, delay, costs, len(closed), fmean(closed) if closed else None, total, own)


def _costing(bars: Bars, terms: Terms, multiple: float) -> Bars:
    """Return bars whose instrument costs a multiple of what it costs under the terms."""
    own = terms.costs(bars.instrument)
    costly = replace(
        bars.instrument,
        commission_bps=own.commission_bps * multiple,
        slippage_bps=own.slippage_bps * multiple,
    )
    return replace(bars, instrument=costly)
