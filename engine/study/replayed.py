"""Some placebo lists replayed for real, on backtrader: what is looked up must be what a replay leaves."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from datasets.instants import to_datetime
from datasets.prices.bars import Bars, Floats
from engine.account.replay import replay
from engine.plan.costs import Terms
from engine.plan.plan import BarPrice, Plan, PlannedTrade
from engine.strategy import Phase
from engine.study.desk import ReturnModel
from engine.study.legs import EventLegs, PlacedLeg
from engine.study.sample import Observation
from engine.study.shapes import Shape

_SMALL = 1e-6
"""The share of the account each replayed trade puts in, so that no two stand in each other's way."""


def replayed_net(
    rows: Sequence[int],
    observations: Sequence[Observation],
    events: Sequence[EventLegs],
    desk: ReturnModel,
    terms: Terms,
) -> Floats:
    """Return the net return of each observation on one placebo list, as a replay of its trades leaves it.

    Args:
        rows: the placebo row of each observation in the reference calendar.
        observations: those that are sent there.
        events: the events with their legs.
        desk: with the bars.
        terms: with the costs.
    """
    planned = {o.group: list(_planned(o, row, events, desk)) for o, row in zip(observations, rows, strict=True)}
    plan = Plan(tuple(t for _, _, t in _all(planned.values())), (), tuple(desk.bars), len(events))
    account = replay(plan, list(desk.bars.values()), replace(terms, cash=1e15, max_gross=20.0))
    left = {(t.event_id, t.instrument): t.return_ for t in account.trades}
    return np.array([_mean(planned[o.group], left) for o in observations])


_Planned = list[tuple[str, float, PlannedTrade]]


def _all(planned: Iterable[_Planned]) -> Iterator[tuple[str, float, PlannedTrade]]:
    return (each for some in planned for each in some)


def _planned(
    observation: Observation, row: int, events: Sequence[EventLegs], desk: ReturnModel
) -> Iterator[tuple[str, float, PlannedTrade]]:
    """Yield the event, the weight and the trade of each leg of an observation sent to a row."""
    own = [e for e in events if e.event_id in observation.events]
    for event in own:
        there = row + event.row - observation.row
        for n, leg in enumerate(event.legs):
            base = desk.base(leg.shape.instrument)
            bar = int(base[there] + leg.row - base[event.row])
            yield event.event_id, leg.weight, _trade(f"{event.event_id}~{n}", leg, bar, desk.bars[leg.shape.instrument])


def _trade(ident: str, leg: PlacedLeg, bar: int, bars: Bars) -> PlannedTrade:
    shape: Shape = leg.shape
    entry, exit_ = _moment(bars, bar, shape.entry), _moment(bars, bar + shape.held, shape.exit)
    return PlannedTrade(
        event_id=ident,
        instrument=shape.instrument,
        decided_at=to_datetime(entry.at(bars) - 1_000_000),
        weight=shape.side * _SMALL,
        entry=entry,
        exit=exit_,
        exit_reason="placebo",
        stop_loss=shape.stop_loss,
        take_profit=shape.take_profit,
    )


def _moment(bars: Bars, bar: int, phase: Phase) -> BarPrice:
    return BarPrice(bar, phase if phase is Phase.CLOSE or bars.has_separate_open[bar] else Phase.CLOSE)


def _mean(planned: _Planned, left: dict[tuple[str, str], float]) -> float:
    """Return the mean over the events of an observation, of each over its legs by weight."""
    by_event: dict[str, list[tuple[float, float]]] = {}
    for event_id, weight, trade in planned:
        by_event.setdefault(event_id, []).append((left[trade.event_id, trade.instrument], weight))
    return float(
        np.mean([np.average([r for r, _ in legs], weights=[w for _, w in legs]) for legs in by_event.values()])
    )
