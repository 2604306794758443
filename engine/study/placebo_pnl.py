"""The net P&L of a plan's trades on placebo dates, costs and stops included; some lists are replayed as a check."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.arrays import Floats
from datasets.instants import to_datetime
from datasets.prices.bars import Bars
from engine.account.replay import replay
from engine.plan.costs import Terms
from engine.plan.plan import BarPrice, Plan, PlannedTrade
from engine.statistics.significance import Significance
from engine.strategy import Phase
from engine.strategy.contract import LEVELS
from engine.study.legs import EventLegs, PlacedLeg
from engine.study.placebo import Placebos, placebo_tests
from engine.study.prepare import prepare
from engine.study.return_model import ReturnModel
from engine.study.sample import Observation
from engine.study.settings import Settings
from engine.study.study_input import StudyInput

QUANTILES = (0.05, 0.5, 0.95)
_SMALL = 1e-6
"""The share of the account that a replayed trade uses: no two trades compete for capital."""


class _PlaceboRow(Struct, frozen=True):
    """A number of the events and its 5 %, 50 % and 95 % quantiles over the lists; ``beyond`` is the share below it."""

    name: str
    observed: float
    low: float
    median: float
    high: float
    beyond: float


class PlaceboPnl(Struct, frozen=True):
    """Net P&L on placebo dates.

    ``rows`` are numbers of the net returns of the observations; ``tests`` the placebo tests on the t-statistic and, for
    comparison, on the mean. ``replayed`` lists were replayed on backtrader; their returns differ from the looked-up
    ones by at most ``difference``. ``reason`` says why there is no result.
    """

    scheme: str
    lists: int
    exact: bool
    observations: int
    rows: tuple[_PlaceboRow, ...]
    tests: tuple[Significance, ...]
    notes: tuple[str, ...]
    replayed: int
    difference: float | None
    reason: str = ""


def placebo_pnl(given: StudyInput, settings: Settings, *, replayed: int) -> PlaceboPnl:
    """Return the net P&L of a run's trades on placebo dates.

    Args:
        given: the run.
        settings: the scheme, the number of lists and the seed.
        replayed: the number of lists that are replayed on backtrader as a check.
    """
    prepared = prepare(given, settings)
    placebos, n = prepared.of_trades, len(prepared.samples[0].usable)
    if isinstance(placebos, str):
        return PlaceboPnl(settings.scheme, 0, False, n, (), (), prepared.notes, 0, None, placebos)
    picked = np.linspace(0, len(placebos.net) - 1, replayed).astype(int).tolist()
    differences = [_difference(k, placebos, prepared.model, given.terms) for k in picked]
    return PlaceboPnl(
        scheme=settings.scheme,
        lists=len(placebos.net),
        exact=placebos.calendars.exact,
        observations=n,
        rows=_rows(placebos),
        tests=placebo_tests(placebos),
        notes=prepared.notes,
        replayed=len(differences),
        difference=max(differences, default=None),
    )


def _rows(placebos: Placebos) -> tuple[_PlaceboRow, ...]:
    sample, lists = placebos.sample, placebos.net
    made = (
        ("mean net return", float(sample.net.mean()), lists.mean(axis=1)),
        ("sum of net returns", float(sample.net.sum()), lists.sum(axis=1)),
        ("worst net return", float(sample.net.min()), lists.min(axis=1)),
        ("share of gains", float((sample.net > 0).mean()), (lists > 0).mean(axis=1)),
        ("mean abnormal return", float(sample.abnormal.mean()), placebos.abnormal.mean(axis=1)),
    )
    return tuple(_row(name, observed, values) for name, observed, values in made)


def _row(name: str, observed: float, lists: Floats) -> _PlaceboRow:
    low, median, high = (float(q) for q in np.quantile(lists, QUANTILES))
    return _PlaceboRow(name, observed, low, median, high, float(np.mean(lists < observed - 1e-12)))


def _difference(n: int, placebos: Placebos, model: ReturnModel, terms: Terms) -> float:
    """Return the largest difference of an observation's return between a replay of one list and the looked-up one."""
    rows = placebos.calendars.rows[n].tolist()
    replayed = _replayed_net(rows, placebos.sample.usable, model, terms)
    return float(np.abs(replayed - placebos.net[n : n + 1][0]).max())


def _replayed_net(rows: Sequence[int], usable: Sequence[Observation], model: ReturnModel, terms: Terms) -> Floats:
    """Return the net return of each observation on one placebo list, from a replay of its trades."""
    planned = [[_planned(e, row - o.row, model) for e in o.members] for o, row in zip(usable, rows, strict=True)]
    trades = tuple(trade for each in planned for of_event in each for trade in of_event)
    plan = Plan(trades, (), tuple(model.bars), sum(len(o.members) for o in usable))
    account = replay(plan, list(model.bars.values()), replace(terms, cash=1e15, max_gross=20.0))
    returns = {(t.event_id, t.instrument): t.return_ for t in account.trades}

    def net(event: EventLegs, trades: Sequence[PlannedTrade]) -> float:
        each = [returns[t.event_id, t.instrument] for t in trades]
        return float(np.average(each, weights=[leg.weight for leg in event.legs]))

    return np.array([np.mean([*map(net, o.members, each)]) for o, each in zip(usable, planned, strict=True)])


def _planned(event: EventLegs, moved: int, model: ReturnModel) -> list[PlannedTrade]:
    """Return the trades of the legs of an event that is moved by so many rows."""
    at = np.array([event.row + moved])
    bars = [int(event.bars_of(leg, at, model)[0]) for leg in event.legs]
    return [
        _trade(f"{event.event_id}~{n}", leg, bar, model.bars[leg.shape.instrument])
        for n, (leg, bar) in enumerate(zip(event.legs, bars, strict=True))
    ]


def _trade(event_id: str, leg: PlacedLeg, bar: int, bars: Bars) -> PlannedTrade:
    shape = leg.shape
    entry, exit_ = _price_at(bars, bar, shape.entry), _price_at(bars, bar + shape.held, shape.exit)
    return PlannedTrade(
        event_id=event_id,
        instrument=shape.instrument,
        decided_at=to_datetime(entry.at(bars) - 1_000_000),
        weight=shape.side * _SMALL,
        entry=entry,
        exit=exit_,
        exit_reason="placebo",
        **{name: getattr(shape, name) for name in LEVELS},
        after_event=shape.after_event,
    )


def _price_at(bars: Bars, bar: int, phase: Phase) -> BarPrice:
    return BarPrice(bar, phase if phase is Phase.CLOSE or bars.has_separate_open[bar] else Phase.CLOSE)
