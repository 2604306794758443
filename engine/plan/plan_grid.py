"""One table of planned trades for all combinations of a sweep: the rule is called once for what they share.

Combinations that differ only in what the rule passes on to its legs (placeholders.py) share its answers. Their
entries and exits are then found for all delays and holding periods at once. Whatever cannot be planned so is planned by
``engine.plan.plan`` itself, combination by combination if need be.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct

from datasets.events import EventCatalogue, PoliticalEvent
from engine.plan.bar_prices import BarPriceFinder, BarPrices, Slot
from engine.plan.decision import Decision, Interest, answer_of, decide, interest_of
from engine.plan.plan import NO_TICK, BarPrice, Plan, PlannedTrade, make_plan
from engine.strategy import BeforeVote, Leg, Phase, Strategy
from engine.strategy.contract import LEVELS
from engine.strategy.home import NoHomeMarketError, at_home
from engine.strategy.legs import checked_legs, most_of_level
from engine.strategy.market import Market, MarketView
from engine.strategy.placeholders import (
    Placeholder,
    PlaceholderRead,
    Space,
    Which,
    can_be_traced,
    leg_key,
    placeholder_places,
    substitute,
    watched,
    with_placeholders,
    with_values,
)
from engine.strategy.strategy_calls import call_strategy, format_error


class Kept(Struct):
    """What holds for other combinations on the same events and bars too.

    ``interests`` are the events that a rule wants, with the values of the parameters that it reads to say so;
    ``entered`` are entries found (``engine.plan.bar_prices``).
    """

    interests: list[tuple[dict[str, tuple[type, Any]], list[Interest]]] = []
    entered: dict[Any, int] = {}


class Block(Struct, frozen=True, eq=False):
    """Combinations that share the rule's answers: their numbers in the sweep, and one slot a leg, in plan order."""

    rows: Which
    instruments: tuple[str, ...]
    slots: tuple[Slot, ...]
    prices: tuple[BarPrices, ...]


class PlanGrid(Struct, frozen=True, eq=False, dict=True):
    """The plans of all combinations. ``failed`` says in one line why some have none."""

    combos: Space
    events: EventCatalogue
    market: Market
    since: date | None
    blocks: tuple[Block, ...]
    failed: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.combos)

    @cached_property
    def which(self) -> dict[str, Which]:
        """The index of each combination's value of each parameter that varies."""
        return self.combos.which()

    def plan(self, i: int) -> Plan:
        """Return the plan of one combination, as ``make_plan`` makes it.

        Raises:
            UserError: it has none.
        """
        return make_plan(self.combos.rule(i), self.events, self.market, since=self.since)

    def trades(self, block: Block, i: int) -> list[PlannedTrade]:
        """Return the trades of the plan of one combination of a block, without the reasons of their exits and notes."""
        given, trades = self.combos.parameters(i), dict[int, PlannedTrade]()
        for prices in block.prices:
            e, x = (0 if by is None else int(self.which[by][i]) for by in (prices.entry_by, prices.exit_by))
            found = (prices.slots, prices.entry[e], prices.exit[e, x], prices.skip[e, x])
            for n, entry, exit_, skipped in zip(*(v.tolist() for v in found), strict=True):
                if not skipped:
                    trades[n] = _trade(block.slots[n], given, entry, exit_)
        return [trades[n] for n in sorted(trades)]


def plan_grid(
    combos: Space, events: Iterable[PoliticalEvent], market: Market, since: date | None = None, kept: Kept | None = None
) -> PlanGrid:
    """Return the plans of all combinations of a rule over events and bars.

    Args:
        combos: the rule and its parameters.
        events: every one of them is offered to the rule.
        market: where its bars come from.
        since: events decided before this date (UTC) are left out.
        kept: what was found for other combinations on the same events and bars; what is new is added.
    """
    catalogue = EventCatalogue.of(events)
    planner = _Planner(combos, catalogue, market, since, Kept() if kept is None else kept)
    return PlanGrid(combos, catalogue, market, since, tuple(planner.blocks()), planner.failed)


def _trade(slot: Slot, given: Mapping[str, Any], entry: int, exit_: int) -> PlannedTrade:
    leg, places = slot.leg, slot.places
    opened, left = (BarPrice(tick >> 1, Phase.OPEN if tick & 1 else Phase.CLOSE) for tick in (entry, exit_))
    return PlannedTrade(
        event_id=slot.event.event_id,
        instrument=slot.symbol,
        decided_at=slot.decided_at,
        weight=leg.weight,
        entry=opened,
        exit=None if exit_ == NO_TICK else left,
        exit_reason="",
        **{name: given[places[name]] if name in places else getattr(leg, name) for name in LEVELS},
        after_event=not isinstance(leg.entry, BeforeVote),
    )


class _Again(Exception):
    """A parameter assumed to be passed on is read: the combinations are grouped again."""


class _Planner:
    """Groups combinations by what the rule reads, and calls it once a group."""

    def __init__(self, combos: Space, events: EventCatalogue, market: Market, since: date | None, kept: Kept) -> None:
        self.combos, self.events, self.market, self.since = combos, list(events), market, since
        self.start = None if since is None else datetime.combine(since, time(), UTC)
        self.interests = kept.interests
        self.failed: dict[int, str] = {}
        self._timings = events.timings
        self._templates: dict[Any, tuple[Leg, dict[str, str], Any]] = {}
        self._finder = BarPriceFinder(market, self.events, combos.axes, kept.entered)
        self._which = combos.which()
        self.read = {n for n, vs in combos.axes.items() if len(vs) > 1 and not {*map(type, vs)} <= _PASSED_ON}

    def blocks(self) -> list[Block]:
        """Return all blocks, of combinations alike in what the rule reads and in which parameters are none.

        A parameter found to be read splits them further.
        """
        while True:
            self.failed.clear()
            with suppress(_Again):
                keys = [_keys(values, by_value=name in self.read) for name, values in self.combos.axes.items()]
                groups = self._alike(np.arange(len(self.combos)), keys)
                return [b for rows in groups for b in self._blocks_of(rows)]

    def _alike(self, rows: Which, keys: list[Which]) -> list[Which]:
        """Return some combinations in groups of equal keys, of which there is one a value of each parameter."""
        group = np.zeros(len(rows), dtype=np.intp)
        for key, which in zip(keys, self._which.values(), strict=True):
            group = group * (int(key.max()) + 1) + key[which[rows]]
            if int(group.max(initial=0)) >= 1 << 31:
                group = np.unique(group, return_inverse=True)[1]
        by = np.argsort(group, kind="stable")
        return [g for g in np.split(rows[by], np.flatnonzero(np.diff(group[by])) + 1) if len(g)]

    def _blocks_of(self, rows: Which) -> Iterator[Block]:
        given, axes = self.combos.parameters(int(rows[0])), self.combos.axes
        names = [n for n in axes if n not in self.read and given[n] is not None and len(axes[n]) > 1]
        if len(rows) > 1 and names:
            block = self._traced(rows, names)
            if block is not None:
                yield block
                return
        for one in self._alike(rows, [_keys(values, by_value=True) for values in self.combos.axes.values()]):
            yield from self._called_with_values(one)

    def _traced(self, rows: Which, names: list[str]) -> Block | None:
        """Return the block of combinations that the rule answers alike; None where that is not certain."""
        seen, block = set[str](), None
        try:
            with suppress(Exception):  # refused, or no number where one was needed: the rule is called with values
                rule, last = self.combos.rule(int(rows[0])), self.combos.rule(int(rows[-1]))
                if can_be_traced(rule):
                    block = self._block(with_placeholders(rule, names, seen), rule, rows, last)
        except PlaceholderRead as reading:
            seen.add(reading.parameter)
        if seen:
            self.read |= seen
            raise _Again
        return block

    def _called_with_values(self, rows: Which) -> Iterator[Block]:
        """Yield the block of combinations with equal parameters, or note why there is none."""
        try:
            rule = self.combos.rule(int(rows[0]))
            yield self._block(rule, rule, rows, None)
        except Exception as e:
            self.failed.update({int(i): format_error(e) for i in rows})

    def _block(self, called: Strategy, first: Strategy, rows: Which, check: Strategy | None) -> Block:
        """Return the block of a rule's answers; ``check``: its legs must be those of its values."""
        names = call_strategy(called, lambda: list(called.instruments()))
        symbols = dict.fromkeys(map(self.market.symbol, names))
        for symbol in symbols:
            self.market.bars(symbol)
        self._templates = {}
        slots = [s for decision in self._decisions(called, first) for s in self._slots(decision, first, check)]
        symbols.update({s.symbol: None for s in slots})
        slots.sort(key=lambda s: s.decided_at)
        instruments = tuple(symbols)
        return Block(rows, instruments, tuple(slots), tuple(self._finder.of(slots, instruments)))

    def _decisions(self, called: Strategy, first: Strategy) -> list[Decision]:
        """Return what a rule decides; what it wants is asked of ``first``, in which no value is replaced."""
        interests = self._interests(first, called)
        if interests is None:
            asked = zip(self.events, self._timings, strict=True)
            answers = [decide(called, *each, self.market, self.start) for each in asked]
        else:
            answers = [answer_of(called, each, self.market) for each in interests]
        return [a for a in answers if isinstance(a, Decision)]

    def _interests(self, rule: Strategy, called: Strategy) -> list[Interest] | None:
        """Return the events that a rule wants; None where it raises, or may depend on more than its parameters.

        Raises:
            PlaceholderRead: they depend on a parameter that is replaced in ``called``.
        """
        if not can_be_traced(rule):
            return None
        given = {n: (type(v), v) for n, v in vars(rule).items()}
        known = (k for k in self.interests if all(given[n] == v for n, v in k[0].items()))
        try:
            values, found = next(known, None) or self._asked(rule)
        except Exception:  # said in its turn, where it is asked for its legs too
            return None
        for name in (n for n in values if type(getattr(called, n)) is Placeholder):
            raise PlaceholderRead(name)
        return found

    def _asked(self, rule: Strategy) -> tuple[dict[str, tuple[type, Any]], list[Interest]]:
        """Return the events that a rule wants, with the values that it reads to say so, and keep them."""
        read = set[str]()
        asked, tracked = zip(self.events, self._timings, strict=True), watched(rule, read)
        found = [interest_of(tracked, *each, self.market, self.start) for each in asked]
        values = {n: (type(v), v) for n, v in vars(rule).items() if n in read}
        del self.interests[:-63]  # of more values that the rule reads nothing is gained
        self.interests.append((values, [each for each in found if isinstance(each, Interest)]))
        return self.interests[-1]

    def _slots(self, decision: Decision, first: Strategy, check: Strategy | None) -> list[Slot]:
        """Return the slots of an event's legs, in which the values are those of the first combination."""
        if check is None:
            return [s for leg in checked_legs(decision.legs, first.name) for s in self._slot(leg, {}, decision)]
        legs = [*decision.legs]
        forms = [leg_key(leg) for leg in legs]
        real = check.legs(decision.event, MarketView(self.market, decision.decided_at))
        made = [self._template(leg, f, first, check) for leg, f in zip(legs, forms, strict=True)]
        if [expected for _, _, expected in made] != [leg_key(leg) for leg in real]:
            raise ValueError("the rule distinguishes its parameters from their placeholders")
        return [s for leg, places, _ in made for s in self._slot(leg, places, decision)]

    def _template(self, leg: Leg, form: Any, first: Strategy, check: Strategy) -> tuple[Leg, dict[str, str], Any]:
        """Return a checked leg, what was passed on to it, and its key with the values of ``check``.

        The legs of most events have a few keys only: each is checked once.
        """
        if form not in self._templates:
            places = placeholder_places(leg)
            [checked] = checked_legs([with_values(leg, places, vars(first))], first.name)
            self._check_values(checked, places)
            self._templates[form] = (checked, places, substitute(form, vars(check)))
        return self._templates[form]

    def _slot(self, leg: Leg, places: dict[str, str], decision: Decision) -> Iterator[Slot]:
        """Yield the slot of a leg; none where it is of a home market that the event does not have."""
        try:
            leg = at_home(leg, decision.event, self.market)
        except NoHomeMarketError:
            return
        bars = self.market.bars(leg.instrument)
        bars.instrument.check_tradable()
        yield Slot(bars.symbol, leg, decision.event, decision.decided_at, places)

    def _check_values(self, leg: Leg, places: dict[str, str]) -> None:
        """Raise a ValueError if some value is not valid where it is passed on: the rule is then called with values."""
        for place, name in places.items():
            values = [v for v in self.combos.axes[name] if v is not None]
            if not all(_is_valid_in(place, v, leg.weight) for v in values):
                raise ValueError(f"{name} cannot be the {place} of a leg for some of its values")


_PASSED_ON = {int, float, type(None)}
_LEAST = {"delay": 0, "sessions": 1, "before": 1}


def _is_valid_in(place: str, value: Any, weight: float) -> bool:
    """Return whether ``engine.strategy.legs`` would accept a value in a place of a leg."""
    if place in _LEAST:
        return type(value) is int and _LEAST[place] <= value < 1 << 40
    return type(value) is float and 0 < value < most_of_level(place, weight)


def _keys(values: tuple[Any, ...], *, by_value: bool) -> Which:
    """Return a number a value, the same for those alike: equal ones, or all that are not None."""
    places: dict[Any, int] = {}
    alike = [(type(v), v) if by_value else v is None for v in values]
    return np.array([places.setdefault(a, len(places)) for a in alike], dtype=np.intp)
