"""What a strategy makes with other holds and delays, and at other costs: how much depends on its parameters.

A variation changes the legs the strategy returns, so that any strategy can be varied, not only one with parameters of
these names. Nothing is chosen by it: the run stays the run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from msgspec.structs import asdict, replace

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.markets.instruments import Instrument
from engine.metrics.many_plans import evaluate_grid
from engine.plan.costs import Costs, Terms
from engine.plan.plan_grid import PlanGrid, plan_grid
from engine.run.run import ParameterSensitivity, SensitivityCase
from engine.strategy import After, Clock, Leg, NextClose, NextOpen, Strategy
from engine.strategy.market import Market, MarketView
from engine.strategy.placeholders import grid_space, with_values

HOLDS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Multiples of the strategy's own hold."""
DELAYS = (0, 1, 2, 3, 5)
"""Sessions waited beyond the strategy's own delay."""
COSTS = (0.0, 1.0, 2.0, 5.0)
"""Multiples of commission and slippage."""
EVENT_SLIPPAGE = (0.0, 5.0, 10.0, 25.0, 50.0)
"""Extra slippage in basis points at the first fill after an event."""


def parameter_sensitivity(
    strategy: Strategy, events: EventCatalogue, market: Market, *, terms: Terms, since: date | None = None
) -> ParameterSensitivity:
    """Return the run of a strategy under other holds and delays, and at other costs.

    Args:
        strategy: the strategy.
        events: those of the run.
        market: its bars.
        terms: its cash, costs and limits.
        since: the first date of the account.
    """
    own = _planned(strategy, {}, events, market, since)
    legs = [slot.leg for block in own.blocks for slot in block.slots]
    if not legs:
        return ParameterSensitivity((), (), "the rule returned no leg: there is nothing to vary")
    hold = _only(leg.exit.sessions if isinstance(leg.exit, After) else None for leg in legs)
    delay = _only(leg.entry.delay if isinstance(leg.entry, NextOpen | NextClose) else None for leg in legs)
    axes: dict[str, list[int]] = {}
    if hold is not None:
        axes["hold"] = list(dict.fromkeys(max(1, round(hold * multiple)) for multiple in HOLDS))
    if delay is not None:
        axes["delay"] = [delay + more for more in DELAYS]
    timing = _cases(_planned(strategy, axes, events, market, since), terms, own=(hold, delay)) if axes else ()
    dearer = {multiple: _Multiplied(**asdict(terms), multiple=multiple) for multiple in COSTS}
    costs = tuple(case for multiple, other in dearer.items() for case in _cases(own, other, costs=multiple))
    wider = [replace(terms, event_slippage_bps=bps) for bps in sorted({*EVENT_SLIPPAGE, terms.event_slippage_bps})]
    slippage = tuple(
        replace(case, own=other.event_slippage_bps == terms.event_slippage_bps)
        for other in wider
        for case in _cases(own, other)
    )
    return ParameterSensitivity(timing, costs, _note(hold, delay), slippage)


def _only(values: Iterable[int | None]) -> int | None:
    """Return the one number that all values are; None where they are not one."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None


def _note(hold: int | None, delay: int | None) -> str:
    notes = []
    if hold is None:
        notes.append("no hold to vary: the rule's legs do not all leave after one number of sessions")
    if delay is None:
        notes.append("no delay to vary: the rule's legs do not all enter at a next open or close, one delay after it")
    return "; ".join(notes)


@dataclass(frozen=True)
class _Varied(Strategy):
    """A strategy whose legs have another hold and delay; None leaves its own."""

    rule: Strategy
    hold: int | None = None
    delay: int | None = None

    def wants(self, event: PoliticalEvent) -> bool:
        return self.rule.wants(event)

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        return self.rule.decides_at(event, clock)

    def instruments(self) -> tuple[str, ...]:
        return self.rule.instruments()

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        return [self._changed(leg) for leg in self.rule.legs(event, market)]

    def _changed(self, leg: Leg) -> Leg:
        given = {"sessions": self.hold} if isinstance(leg.exit, After) else {}
        given |= {"delay": self.delay} if isinstance(leg.entry, NextOpen | NextClose) else {}
        return with_values(leg, {n: n for n, value in given.items() if value is not None}, given)


def _planned(
    strategy: Strategy, axes: Mapping[str, list[int]], events: EventCatalogue, market: Market, since: date | None
) -> PlanGrid:
    """Return the plans of all variations, made under the strategy's own name, by which its faults are reported.

    Raises:
        UserError: the strategy raised.
    """
    kind = type("_Varied", (_Varied,), {"name": strategy.name})
    grid = plan_grid(grid_space(kind, {"rule": strategy}, axes), events, market, since=since)
    for failure in grid.failed.values():
        raise UserError(failure)
    return grid


class _Multiplied(Terms, frozen=True):
    """Terms whose commission and slippage are multiplied."""

    multiple: float = 1.0

    def costs(self, instrument: Instrument) -> Costs:
        own = super().costs(instrument)
        return replace(
            own,
            commission_bps=own.commission_bps * self.multiple,
            slippage_bps=own.slippage_bps * self.multiple,
            event_slippage_bps=own.event_slippage_bps * self.multiple,
        )


def _cases(
    grid: PlanGrid, terms: Terms, *, costs: float = 1.0, own: tuple[int | None, int | None] | None = None
) -> tuple[SensitivityCase, ...]:
    """Return the case of each variation; the run itself is that of the own hold and delay, or of the own costs."""
    results = evaluate_grid(grid, terms)
    cases = []
    for i in range(len(grid)):
        given = grid.combos.parameters(i)
        hold, delay = given.get("hold"), given.get("delay")
        is_own = costs == 1.0 if own is None else (hold, delay) == own
        n_trades, total_return = int(results.inputs.traded[i]), float(results.columns["total_return"][i])
        mean_trade = float(results.columns["mean_trade"][i]) if n_trades else None
        extra = terms.event_slippage_bps
        cases.append(SensitivityCase(hold, delay, costs, n_trades, mean_trade, total_return, is_own, extra))
    return tuple(cases)
