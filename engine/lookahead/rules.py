"""Whether a rule decides the same without its future: it is called again for each decision in worlds that end there.

Every event is decided on alone: with all data, and again in the worlds of ``engine/lookahead/worlds.py``. A decision
that depends on the past alone is the same in each.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import fields
from datetime import UTC, datetime, time
from math import isclose
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.events import LABEL_FIELDS, PoliticalEvent
from datasets.instants import iso_z, to_datetime
from datasets.visibility import Visibility, using_visibility
from engine.lookahead.report import Check, CheckName, LookaheadReport, Offence, Progress, Subject, made_checks
from engine.lookahead.uncertain import actions_of, uncertain_hours
from engine.lookahead.watch import Watch
from engine.lookahead.worlds import (
    UNCHANGED,
    delayed_world,
    given_away_by,
    market_in,
    pools_of,
    redrawn_world,
    world_at,
)
from engine.plan.decision import Decision, decide
from engine.plan.plan import PlannedTrade, make_plan, plan_leg
from engine.strategy import Leg, Strategy
from engine.strategy.legs import check_instant, checked_legs
from engine.strategy.market import BarClock, LookAheadError, Market
from engine.strategy.strategy_calls import call_strategy

_TOLERANCE = 1e-9
"""Relative: the same numbers of a leg, computed from arrays with another memory layout, may differ by rounding."""
_MAX_SOUGHT = 5
"""For so many offences per check the data or event field that gave the future away is searched for."""


class _Answer(Struct, frozen=True):
    """The answer of a rule to an event: its instant (None: none), decision, legs, and the instant (ns) of each entry.

    ``decision`` is None where it does not want the event; ``error`` is set where the call failed, and ``refused`` where
    the engine refused it for looking ahead.
    """

    at: datetime | None = None
    decision: Decision | None = None
    legs: tuple[Leg, ...] = ()
    entries: tuple[tuple[str, int], ...] = ()
    error: UserError | None = None

    @property
    def refused(self) -> bool:
        return isinstance(self.error, LookAheadError)

    @property
    def text(self) -> str:
        """The answer in words."""
        if self.error is not None:
            return f"refused: {self.error}" if self.refused else str(self.error)
        if self.at is None:
            return "no instant of decision"
        if not self.legs:
            return f"{'not wanted' if self.decision is None else 'nothing'} at {iso_z(self.at)}"
        entered = {name: f" entered {iso_z(to_datetime(at))}" for name, at in self.entries}
        legs = (f"{leg.weight:+g} {leg.instrument}{entered.get(leg.instrument, '')}" for leg in self.legs)
        return f"at {iso_z(self.at)}: {', '.join(legs)}"


_Changed = Callable[[_Answer, _Answer], bool]
"""Whether the second answer, of another world, is an offence against the first."""


def lookahead(subject: Subject, progress: Progress = lambda words: nullcontext()) -> LookaheadReport:
    """Return the report on a rule: one that uses nothing of later has no offence.

    Raises:
        UserError: the rule cannot be called at all (an unknown instrument, an error in its code) and no check says why.
    """
    examination = _Examination(subject, Watch(tuple(f.resolve() for f in subject.facts)))
    with progress("calling the rule"):
        examination.call_on_all()
    late, pools = delayed_world(), pools_of(subject.events)

    def redrawn(at: datetime) -> Iterator[Visibility]:
        return (redrawn_world(at, pools, seed=subject.seed, sign=sign) for sign in (1, -1))

    checks = (
        lambda: examination.check(CheckName.AGAIN, lambda at: [UNCHANGED], _differs),
        lambda: examination.check(CheckName.CUT, lambda at: [world_at(at)], lambda a, b: a.refused or _differs(a, b)),
        lambda: examination.check(CheckName.DELAYED, lambda at: [late], _is_earlier),
        lambda: examination.check(CheckName.SCRAMBLED, redrawn, _differs),
        lambda: examination.watch.check({e.event_id: a.at for e, a in examination.examined()}),
    )
    report = LookaheadReport(made_checks(checks, progress), examination.watch.other_files())
    if report.offences:
        return report
    for error in (a.error for a in examination.base.values() if a.error is not None and not a.refused):
        raise error
    with subject.reload() as rule:
        plan = make_plan(rule, subject.events, subject.market, since=subject.since)
    bars = {b.symbol: b for b in subject.market.loaded(plan.instruments)}
    return replace(report, uncertain=uncertain_hours(actions_of(plan.trades, bars), bars))


class _Examination(Struct):
    """Calls the rule of a subject, which is kept between two calls unless each needs a new instance."""

    subject: Subject
    watch: Watch
    rule: Strategy | None = None
    base: dict[str, _Answer] = field(default_factory=dict)

    def call_on_all(self) -> None:
        """Call the rule on every event with nothing changed; it is kept unless it loads or opens anything itself."""
        since = self.subject.since
        start = None if since is None else datetime.combine(since, time(), UTC)
        with using_visibility(self.watch.over(UNCHANGED)), self.subject.reload() as rule:
            self.rule = rule
            for event in self.subject.events:
                answer = self.call(event, UNCHANGED)
                early = start is not None and answer.at is not None and answer.at < start
                self.base[event.event_id] = replace(answer, at=None) if early else answer
        self.rule = None if self.watch.reached else self.rule

    def call(self, event: PoliticalEvent, world: Visibility, at: datetime | None = None) -> _Answer:
        """Return the answer to an event in a world; ``at`` is when the rule decided before."""
        self.watch.subject = event.event_id
        shown = world.event(event) or event.as_known(at or datetime.min.replace(tzinfo=UTC))
        with using_visibility(self.watch.over(world)):
            try:
                with nullcontext(self.rule) if self.rule is not None else self.subject.reload() as rule:
                    return self._answer(rule, shown, market_in(self.watch.noting(world), self.subject.market))
            except UserError as e:  # raised by the rule's own modules, loaded in that world
                return _Answer(error=e)

    def _answer(self, rule: Strategy, event: PoliticalEvent, market: Market) -> _Answer:
        for name in call_strategy(rule, lambda: list(rule.instruments())):
            market.bars(name)
        timing = event.timing()
        at = call_strategy(rule, lambda: rule.decides_at(timing, BarClock(market)))
        if at is not None:
            check_instant(at, f"{rule.name} decides on {event.event_id}")
        try:
            decision = decide(rule, event, timing, market, None)
            if not isinstance(decision, Decision):
                return _Answer(decision.decided_at)
            legs = tuple(checked_legs(decision.legs, rule.name))
            return _Answer(decision.decided_at, decision, legs, self._entries(decision, legs, market))
        except UserError as e:
            return _Answer(at, error=e)

    def _entries(self, decision: Decision, legs: Iterable[Leg], market: Market) -> tuple[tuple[str, int], ...]:
        planned = [plan_leg(leg, decision.event, decision.decided_at, market, [decision.event]) for leg in legs]
        trades = [trade for trade in planned if isinstance(trade, PlannedTrade)]
        return tuple((t.instrument, t.entry.at(self.subject.market.bars(t.instrument))) for t in trades)

    def examined(self) -> Iterator[tuple[PoliticalEvent, _Answer]]:
        """Yield the events with an instant of decision, each with the answer in the world as it is."""
        for event in self.subject.events:
            answer = self.base[event.event_id]
            if answer.at is not None and (answer.error is None or answer.refused):
                yield event, answer

    def check(self, name: CheckName, worlds: Callable[[datetime], Iterable[Visibility]], changed: _Changed) -> Check:
        """Return one check over all decisions, each called again in the worlds of its instant."""
        offences: list[Offence] = []
        examined = list(self.examined())
        for event, was in examined:
            assert was.at is not None
            for world in worlds(was.at):
                now = self.call(event, world, was.at)
                if changed(was, now):
                    seek = name != CheckName.AGAIN and len(offences) < _MAX_SOUGHT
                    by = self._given_away(event, was, world, changed) if seek else ""
                    offences.append(_offence(name, event, was, now, by))
                    break
        return Check(name, len(examined), tuple(offences))

    def _given_away(self, event: PoliticalEvent, was: _Answer, world: Visibility, changed: _Changed) -> str:
        """Return the part of a world that suffices to change an answer: a price of a market, or a field of events."""
        if was.refused:
            return "the engine refuses it"
        symbols = tuple(self.watch.symbols)
        part = given_away_by(world, symbols, lambda w: changed(was, self.call(event, w, was.at)), prices=True)
        return part + _coded_later(part, event, was.at)


def _offence(name: CheckName, event: PoliticalEvent, was: _Answer, now: _Answer, by: str) -> Offence:
    with_future, without = was.text, "nothing: the engine lets no rule have it" if was.refused else now.text
    if with_future == without:  # the legs differ in what the text leaves out
        with_future, without = repr(was.legs), repr(now.legs)
    return Offence(name, event.event_id, was.at, with_future, without, by)


def _coded_later(part: str, event: PoliticalEvent, at: datetime | None) -> str:
    """Return when a label that gave the future away was coded, if it was after the decision."""
    is_label = part.removeprefix("events: ") in LABEL_FIELDS
    if not is_label or event.labelled_at is None or at is None or event.labelled_at <= at:
        return ""
    return f", coded {iso_z(event.labelled_at)}"


def _is_earlier(was: _Answer, now: _Answer) -> bool:
    """Return whether anything wanted in both is decided, or entered, earlier now."""
    if not now.legs or not was.legs or now.at is None or was.at is None:
        return False
    before = dict(sorted(was.entries, reverse=True))  # the earliest of each instrument stays
    return now.at < was.at or any(at < before.get(name, at) for name, at in now.entries)


def _differs(was: _Answer, now: _Answer) -> bool:
    if (was.error is None) != (now.error is None) or was.refused != now.refused or was.at != now.at:
        return True
    if (was.decision is None) != (now.decision is None) or len(was.legs) != len(now.legs):
        return True
    pairs = [
        (getattr(a, f.name), getattr(b, f.name)) for a, b in zip(was.legs, now.legs, strict=True) for f in fields(Leg)
    ]
    return was.entries != now.entries or not all(_same(one, other) for one, other in pairs)


def _same(one: Any, other: Any) -> bool:
    numbers = isinstance(one, float | int) and isinstance(other, float | int)
    return bool(one == other or (numbers and isclose(one, other, rel_tol=_TOLERANCE)))
