"""Whether a rule decides the same without its future: asked again at each decision in worlds that end there.

Every event is asked about alone: the rule's answers with all there is, and again in the worlds of
``engine/lookahead/worlds.py``. An answer that hangs on the past alone is the same in each.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from math import isclose
from pathlib import Path
from typing import Any

from datasets.errors import UserError
from datasets.events import LABEL_FIELDS, EventCatalogue, PoliticalEvent
from datasets.instants import iso_z, to_datetime
from datasets.visibility import using_visibility
from engine.lookahead.found import (
    AGAIN,
    CHECKS,
    CUT,
    DELAYED,
    GIVEN_AWAY_LIMIT,
    SCRAMBLED,
    Check,
    LookaheadReport,
    Offence,
    Progress,
)
from engine.lookahead.watch import Watch
from engine.lookahead.worlds import (
    UNCHANGED,
    Pools,
    World,
    delayed_world,
    given_away_by,
    market_in,
    pools_of,
    redrawn_world,
    world_at,
)
from engine.plan.plan import Plan, make_plan
from engine.strategy import Clock, Leg, Strategy
from engine.strategy.contract import LEVELS
from engine.strategy.market import LookAheadError, Market, MarketView

_TOLERANCE = 1e-9
"""Numbers of a leg reckoned on arrays laid out otherwise in memory may differ by rounding."""


@dataclass(frozen=True)
class Subject:
    """A rule under examination and what it is run on.

    ``fresh`` gives the rule made anew, its own modules read again, as long as the context is open: what a module has
    kept from another world is then gone. ``facts`` are the files and folders of the events and bars.
    """

    fresh: Callable[[], AbstractContextManager[Strategy]]
    events: EventCatalogue
    market: Market
    since: date | None = None
    facts: tuple[Path, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class CheckedDecision:
    """What a rule decided on an event: when, whether it wants it, its legs, and the instant of each leg's entry (ns).

    ``error`` is set where it could not be asked; ``refused`` where it was caught asking for what came later.
    """

    event_id: str
    at: datetime | None = None
    wants: bool = False
    legs: tuple[Leg, ...] = ()
    entries: tuple[tuple[str, int], ...] = ()
    error: UserError | None = None

    @property
    def refused(self) -> bool:
        """Whether the engine itself refused it for looking ahead."""
        return isinstance(self.error, LookAheadError)


class _Noted(Strategy):
    """Stands before a rule and notes its first answers."""

    def __init__(self, rule: Strategy) -> None:
        self._rule = rule
        vars(self)["name"] = rule.name  # on the instance: the class stands before many rules
        self.at: datetime | None = None
        self.asked_when = self.wanted = False
        self.answered: Any = ()

    def instruments(self) -> tuple[str, ...]:
        return self._rule.instruments()

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        at = self._rule.decides_at(event, clock)
        self.at, self.asked_when = (self.at if self.asked_when else at), True
        return at

    def wants(self, event: PoliticalEvent) -> bool:
        return self._rule.wants(event)

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        self.wanted = True
        legs = self._rule.legs(event, market)
        self.answered = legs = list(legs) if isinstance(legs, Iterator) else legs
        return legs

    def decision(self, event_id: str, entries: tuple[tuple[str, int], ...], error: UserError | None) -> CheckedDecision:
        """Return what was noted."""
        legs = tuple(self.answered) if isinstance(self.answered, list | tuple) else ()
        at = self.at if isinstance(self.at, datetime) and self.at.tzinfo is not None else None
        return CheckedDecision(event_id, at, self.wanted, legs, entries, error)


@dataclass
class _Desk:
    """Asks the rule of a subject, and keeps it between two questions unless it must be made anew for each."""

    subject: Subject
    watch: Watch
    rule: Strategy | None = None
    base: dict[str, CheckedDecision] = field(default_factory=dict)

    def ask(self, event: PoliticalEvent, world: World, at: datetime | None = None) -> CheckedDecision:
        """Return what the rule decides on an event in a world; ``at`` is when it had decided before."""
        self.watch.subject = event.event_id
        with using_visibility(self.watch.lens(world)):
            try:
                with nullcontext(self.rule) if self.rule is not None else self.subject.fresh() as rule:
                    return self._asked(rule, _offered(event, world, at), world)
            except UserError as e:  # the rule's own modules, read in that world, raised
                return CheckedDecision(event.event_id, error=e)

    def _asked(self, rule: Strategy, event: PoliticalEvent, world: World) -> CheckedDecision:
        noted, market = _Noted(rule), market_in(self.watch.noting(world), self.subject.market)
        try:
            plan = make_plan(noted, [event], market)
        except UserError as e:
            return noted.decision(event.event_id, (), e)
        return noted.decision(event.event_id, _entries(plan, self.subject.market), None)

    def examined(self) -> Iterator[tuple[PoliticalEvent, CheckedDecision]]:
        """Yield the events that were decided on, each with its decision."""
        for event in self.subject.events:
            decision = self.base[event.event_id]
            if decision.at is not None and (decision.error is None or decision.refused):
                yield event, decision


def _offered(event: PoliticalEvent, world: World, at: datetime | None) -> PoliticalEvent:
    """Return the event to be decided on; where a world does not show it, as it was known when it was decided on."""
    shown = world.event(event)
    return event.as_known(at or datetime.min.replace(tzinfo=UTC)) if shown is None else shown


def _entries(plan: Plan, market: Market) -> tuple[tuple[str, int], ...]:
    return tuple((t.instrument, t.entry.at(market.bars(t.instrument))) for t in plan.trades)


def lookahead(subject: Subject, progress: Progress = lambda words: nullcontext()) -> LookaheadReport:
    """Return what the checks find: a rule that uses nothing of later has no offence.

    Raises:
        UserError: the rule cannot be asked at all (an unknown instrument, an error in its code) and no check tells why.
    """
    desk = _Desk(subject, Watch(subject.facts))
    with progress("asking the rule"):
        _ask_all(desk)
    again = _check(desk, AGAIN, progress, _again)
    if again.offences:
        checks = (
            again,
            *(Check(n, None, note="not made: the rule is not the same twice") for n in CHECKS if n != AGAIN),
        )
        return LookaheadReport(checks, len(desk.base), desk.watch.other_files())
    cut = _check(desk, CUT, progress, _cut)
    late = delayed_world()
    delayed = _check(desk, DELAYED, progress, lambda d, e, was: _delayed(d, e, was, late))
    pools = pools_of(subject.events)
    scrambled = _check(desk, SCRAMBLED, progress, lambda d, e, was: _scrambled(d, e, was, pools))
    opened = desk.watch.check({e.event_id: d.at for e, d in desk.examined()})
    report = LookaheadReport((again, cut, delayed, scrambled, opened), again.examined or 0, desk.watch.other_files())
    _raise_untold(desk, report)
    return report


def _ask_all(desk: _Desk) -> None:
    """Ask about every event with nothing changed; the rule is kept unless it reaches beyond what it is given."""
    subject, start = desk.subject, desk.subject.since and datetime.combine(desk.subject.since, time(), UTC)
    with using_visibility(desk.watch.lens()), subject.fresh() as rule:
        desk.rule = rule
        for event in subject.events:
            decision = desk.ask(event, UNCHANGED)
            early = start is not None and decision.at is not None and decision.at < start
            desk.base[event.event_id] = replace(decision, at=None) if early else decision
    desk.rule = None if desk.watch.reached else desk.rule


def _raise_untold(desk: _Desk, report: LookaheadReport) -> None:
    """Raise the first error of the rule in the world as it is, unless an offence says more."""
    errors = (d.error for d in desk.base.values() if d.error is not None and not d.refused)
    first = next(errors, None)
    if first is not None and not report.offences:
        raise first


_Changed = tuple[CheckedDecision, World] | None
_Asker = Callable[[_Desk, PoliticalEvent, CheckedDecision], _Changed]


def _check(desk: _Desk, name: str, progress: Progress, changed: _Asker) -> Check:
    """Return one check over all decisions; of the first offences it is sought what gave the future away."""
    offences: list[Offence] = []
    examined = list(desk.examined())
    with progress(f"{name}: {CHECKS[name]}"):
        for event, was in examined:
            found = changed(desk, event, was)
            if found is not None:
                seek = len(offences) < GIVEN_AWAY_LIMIT
                offences.append(_offence(desk, name, event, was, found, seek=seek))
    return Check(name, len(examined), tuple(offences))


def _again(desk: _Desk, event: PoliticalEvent, was: CheckedDecision) -> _Changed:
    now = desk.ask(event, UNCHANGED)
    return (now, UNCHANGED) if _differs(was, now) else None


def _cut(desk: _Desk, event: PoliticalEvent, was: CheckedDecision) -> _Changed:
    assert was.at is not None
    world = world_at(was.at)
    now = desk.ask(event, world, was.at)
    return (now, world) if was.refused or _differs(was, now) else None


def _scrambled(desk: _Desk, event: PoliticalEvent, was: CheckedDecision, pools: Pools) -> _Changed:
    assert was.at is not None
    for sign in (1, -1):
        world = redrawn_world(was.at, pools, seed=desk.subject.seed, sign=sign)
        now = desk.ask(event, world, was.at)
        if _differs(was, now):
            return now, world
    return None


def _delayed(desk: _Desk, event: PoliticalEvent, was: CheckedDecision, world: World) -> _Changed:
    now = desk.ask(event, world, was.at)
    return (now, world) if _is_earlier(now, was) else None


def _is_earlier(now: CheckedDecision, was: CheckedDecision) -> bool:
    """Return whether anything wanted in both is decided, or entered, earlier now."""
    if not now.legs or not was.legs or now.at is None or was.at is None:
        return False
    before = dict(sorted(was.entries, reverse=True))  # the earliest of each instrument stays
    return now.at < was.at or any(at < before.get(name, at) for name, at in now.entries)


def _differs(was: CheckedDecision, now: CheckedDecision) -> bool:
    if (was.error is None) != (now.error is None) or was.refused != now.refused:
        return True
    if was.at != now.at or was.wants != now.wants or len(was.legs) != len(now.legs):
        return True
    return was.entries != now.entries or any(not _same_leg(a, b) for a, b in zip(was.legs, now.legs, strict=True))


def _same_leg(one: Leg, other: Leg) -> bool:
    pairs = ((getattr(one, name), getattr(other, name)) for name in ("weight", *LEVELS))
    words = ((leg.instrument, leg.entry, leg.exit) for leg in (one, other))
    return all(_same_number(a, b) for a, b in pairs) and len(set(words)) == 1


def _same_number(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and isclose(one, other, rel_tol=_TOLERANCE))


def _offence(
    desk: _Desk,
    name: str,
    event: PoliticalEvent,
    was: CheckedDecision,
    found: tuple[CheckedDecision, World],
    *,
    seek: bool,
) -> Offence:
    now, world = found
    by = ""
    if seek and name != AGAIN:
        by = "the engine refuses it" if was.refused else _given_away(desk, name, event, was, world)
    with_future, without = _told(was), "nothing: the engine lets no rule have it" if was.refused else _told(now)
    if with_future == without:  # the legs differ in what is not told of them
        with_future, without = repr(was.legs), repr(now.legs)
    return Offence(name, event.event_id, was.at, with_future, without, by)


def _given_away(desk: _Desk, name: str, event: PoliticalEvent, was: CheckedDecision, world: World) -> str:
    """Return the part of a world that is enough to change a decision: a price of a market, or a field of the events."""
    changed = _is_earlier if name == DELAYED else lambda now, was: _differs(was, now)
    words = given_away_by(
        world, tuple(desk.watch.symbols), lambda part: changed(desk.ask(event, part, was.at), was), prices=True
    )
    return words + _coded_later(words, event, was.at)


def _coded_later(words: str, event: PoliticalEvent, at: datetime | None) -> str:
    """Return when a label that gave the future away was coded, if it was after the decision."""
    is_label = words.removeprefix("events: ") in LABEL_FIELDS
    if not is_label or event.labelled_at is None or at is None or event.labelled_at <= at:
        return ""
    return f", coded {iso_z(event.labelled_at)}"


def _told(decision: CheckedDecision) -> str:
    """Return a decision in words."""
    if decision.error is not None:
        return f"refused: {decision.error}" if decision.refused else str(decision.error)
    if decision.at is None:
        return "no instant of decision"
    if not decision.legs:
        return f"nothing at {iso_z(decision.at)}" if decision.wants else f"not wanted at {iso_z(decision.at)}"
    entered = dict(decision.entries)
    legs = (f"{leg.weight:+g} {leg.instrument}{_entered(entered.get(leg.instrument))}" for leg in decision.legs)
    return f"at {iso_z(decision.at)}: " + ", ".join(legs)


def _entered(at: int | None) -> str:
    return "" if at is None else f" entered {iso_z(to_datetime(at))}"
