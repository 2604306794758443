"""Studies of simulated markets by the study's own code: events have no effect, or a planted one."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from datasets.arrays import Floats
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.instants import iso_z, to_date, to_datetime
from datasets.markets.instruments import Instrument, InstrumentTable, bundled_instruments
from datasets.prices.bars import Bars, Source, make_bars
from datasets.prices.sources.files import DirectorySource
from engine.account.records import Trade
from engine.plan.costs import Terms
from engine.plan.plan import Plan, PlannedTrade, make_plan
from engine.strategy import Strategy
from engine.strategy.market import Market
from engine.study.legs import return_model_of
from engine.study.return_model import ReturnModel
from engine.study.sample import Sample, make_samples
from engine.study.settings import EventWindow, Model
from engine.study.shapes import shape_of
from strategies.buy_after_event import BuyAfterEvent
from strategies.election_drift import ElectionDrift

FREE = Terms(commission_bps=0, slippage_bps=0)
WINDOWS = (EventWindow(-1, 1), EventWindow(0, 5))
DRIFT, GAP, DAY = 0.0002, 0.005, 0.0087
"""A session: what it gains on average, the spread of the night before it and of the day; together some 1 %."""
SHARED = 0.6
"""The correlation of markets that have the same events."""
BARS, FIRST_ROW = 2_500, 140
WILD = 10
YEARS = {5: 16, 10: 16, 20: 24}
"""So many years of bars where events have their slot in the year."""
SLOT = 220
MARKET_DIR = Path(os.environ.get("HUSTINGS_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "market"


class Process(StrEnum):
    """What makes returns."""

    NORMAL = "normal"
    FAT = "t with 4 degrees of freedom"
    GARCH = "GARCH"
    GARCH_T5 = "GARCH, t with 5 degrees of freedom"
    TOPIX = "TOPIX"
    SPX = "SPX"

    @property
    def is_real(self) -> bool:
        """Whether the returns are those of a real index."""
        return self in (Process.TOPIX, Process.SPX)


class Dates(StrEnum):
    """Where events lie."""

    SPREAD = "spread"
    CLOSE = "close"
    """Half of the observations are two events whose windows overlap."""
    YEARLY = "yearly"
    """One slot in the year."""
    CYCLE = "cycle"
    """The same slot of every fourth year."""


@dataclass(frozen=True)
class Null:
    """A world in which events do not change the mean, and the levels of its trades.

    ``doubled``: event windows have twice the variance; ``wild``: WILD sessions from the vote have twice the standard
    deviation. ``shared`` is the correlation of its markets; ``before``: the trade ends before the vote.
    """

    name: str
    process: Process = Process.NORMAL
    dates: Dates = Dates.SPREAD
    markets: int = 1
    doubled: bool = False
    wild: bool = False
    shared: float = SHARED
    stop: float | None = None
    target: float | None = None
    before: bool = False


@dataclass(frozen=True, eq=False)
class Stage:
    """The bars that prices are put on, and the trade planned after an event before each of their rows."""

    bars: tuple[Bars, ...]
    planned: tuple[Mapping[int, PlannedTrade], ...]
    hold: int

    @property
    def reach(self) -> int:
        """How many sessions from that of the entry an event's windows touch."""
        return max(self.hold, WINDOWS[-1].last) + 1

    @property
    def rows(self) -> range:
        """The rows at which an event can be studied."""
        return range(FIRST_ROW, len(self.bars[0]) - self.reach - 2)


@dataclass(frozen=True)
class Occasion:
    """The rows of the events of one study: each observation one or two, and rejected ones for the label test."""

    selected: tuple[tuple[int, ...], ...]
    rejected: tuple[int, ...] = ()

    @property
    def all_selected(self) -> list[int]:
        """The rows of all selected events."""
        return [r for rows in self.selected for r in rows]


def stage(null: Null, n: int, hold: int) -> Stage:
    """Return the stage of a world: plans depend on the calendar and not on prices, so that one is enough."""
    if null.process.is_real:
        return _real_stage(null.process.value, hold)
    years = {Dates.YEARLY: YEARS.get(n, 16), Dates.CYCLE: 4 * n + 2}.get(null.dates)
    length = BARS if years is None else years * 261
    return _blank_stage(null.markets, length, hold, null.stop, null.target, null.before)


@lru_cache(maxsize=16)
def _blank_stage(
    markets: int, length: int, hold: int, stop: float | None = None, target: float | None = None, before: bool = False
) -> Stage:
    bars = tuple(_blank(f"M{k}", length) for k in range(markets))
    rule = partial(BuyAfterEvent, hold=hold, stop_loss=stop, take_profit=target)
    drift = partial(ElectionDrift, sessions=hold, country="JP")
    return Stage(bars, tuple(_planned(b, drift if before else rule) for b in bars), hold)


@lru_cache(maxsize=16)
def _real_stage(symbol: str, hold: int) -> Stage:
    bars = DirectorySource(MARKET_DIR).load(bundled_instruments().find(symbol))
    return Stage((bars,), (_planned(bars, partial(BuyAfterEvent, hold=hold)),), hold)


def _blank(symbol: str, length: int) -> Bars:
    """Return weekday bars whose prices mean nothing but are prices."""
    close = np.asarray(1_000 + np.arange(length) % 7, dtype=np.float64)
    return make_bars(
        Instrument(symbol, symbol, "XTKS", "JPY", 0.0, 0.0, 0.0),
        Source("benchmark", "simulated", simulated=True),
        session=np.busday_offset(
            np.datetime64("2001-01-01" if length < 9_000 else "1975-01-01"), np.arange(length), roll="forward"
        ),
        open_=close + 0.5,
        high=close + 0.75,
        low=close - 0.25,
        close=close,
        volume=np.full(length, np.nan),
        where=str,
    )


def _planned(bars: Bars, rule: Callable[..., Strategy]) -> dict[int, PlannedTrade]:
    """Return the trade planned for an event known an hour before each bar, by the row of the bar.

    It was voted on that day, and announced forty days before.
    """
    events = EventCatalogue(
        PoliticalEvent(
            event_id=f"{bars.symbol}-{row}",
            country="JP",
            kind="general_election",
            title=f"event {row}",
            known_at=to_datetime(int(bars.open_at[row])) - timedelta(hours=1),
            announced_at=to_datetime(int(bars.open_at[row])) - timedelta(days=40),
            voted_on=to_date(bars.session[row]),
        )
        for row in range(FIRST_ROW, len(bars))
    )
    market = Market(_Memory(bars), InstrumentTable([bars.instrument]))
    plan = make_plan(rule(instrument=bars.symbol), events, market)
    return {int(t.event_id.rsplit("-", 1)[1]): t for t in plan.trades if t.exit is not None}


class _Memory:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars

    def symbols(self) -> list[str]:
        return [self._bars.symbol]

    def load(self, instrument: Instrument) -> Bars:
        return self._bars


def occasion(null: Null, at: Stage, n: int, rng: np.random.Generator) -> Occasion:
    """Return the rows of ``n`` observations, and of as many rejected events where they are spread."""
    if null.dates in (Dates.YEARLY, Dates.CYCLE):
        return Occasion(tuple((r,) for r in _yearly(at, n, rng, every=4 if null.dates is Dates.CYCLE else 1)))
    segments = 2 * n if null.dates is Dates.SPREAD else n
    edges = np.linspace(at.rows.start, at.rows.stop, segments + 1).astype(int)
    apart = at.reach + 3
    second = rng.permutation(n) < n // 2 if null.dates is Dates.CLOSE else np.zeros(segments, dtype=bool)
    found = []
    for low, high, two in zip(edges[:-1], edges[1:], second, strict=True):
        row = _tradable(at, int(rng.integers(low, high - (2 * apart if two else apart))))
        found.append((row, row + int(rng.integers(1, at.reach - 1))) if two else (row,))
    order = rng.permutation(segments)
    selected = tuple(found[i] for i in sorted(order[:n]))
    return Occasion(selected, tuple(found[i][0] for i in sorted(order[n:])))


def _tradable(at: Stage, row: int) -> int:
    """Return the row, or the first after it, that every market trades."""
    return next(r for r in range(row, len(at.bars[0])) if all(r in p for p in at.planned))


def _yearly(at: Stage, n: int, rng: np.random.Generator, *, every: int = 1) -> list[int]:
    """Return rows about the same day of ``n`` years, drawn or every so many."""
    if every > 1:
        return [(every * k + 1) * 261 + SLOT + int(rng.integers(-3, 4)) for k in range(n)]
    years = (len(at.bars[0]) - at.reach - 10 - SLOT) // 261
    chosen = np.sort(rng.choice(years + 1, n, replace=False))
    return [int(y) * 261 + SLOT + int(rng.integers(-3, 4)) for y in chosen]


def priced(null: Null, at: Stage, when: Occasion, moves: Floats, *, effect: float = 0.0) -> list[Bars]:
    """Return bars with prices of their own, the event windows as volatile as the world has them.

    Args:
        null: the world.
        at: its stage.
        when: the events.
        moves: (2, markets, bars), spreads of 1 of the nights and of the days.
        effect: added to the return of each selected trade, exactly.
    """
    if null.process.is_real:
        return list(at.bars)
    scale = np.ones(moves.shape[-1])
    if null.doubled:
        scale[np.unique([np.arange(r - 1, r + at.reach + 1) for r in when.all_selected])] = np.sqrt(2)
    if null.wild:
        scale[np.unique([np.arange(r, r + WILD) for r in when.all_selected])] = 2
    night, day = 1 + GAP * moves[0] * scale, 1 + DRIFT + DAY * moves[1] * scale
    if effect:
        night = np.stack([_planted(n, d, at.hold, when.all_selected, effect) for n, d in zip(night, day, strict=True)])
    close = 1_000 * np.cumprod(night * day, axis=-1)
    return [_with_prices(b, c / d, c) for b, c, d in zip(at.bars, close, day, strict=True)]


def _planted(night: Floats, day: Floats, hold: int, rows: Sequence[int], effect: float) -> Floats:
    """Return the nights with the last one of each trade, from open to open, longer by an effect on the whole."""
    level = np.cumprod(night * day) / day
    moved = night.copy()
    for row in rows:
        moved[row + hold] *= 1 + effect * level[row] / level[row + hold]
    return moved


def _with_prices(bars: Bars, open_: Floats, close: Floats) -> Bars:
    return replace(bars, open=open_, close=close, high=np.maximum(open_, close), low=np.minimum(open_, close))


def shocks(null: Null, at: Stage, runs: int, rng: np.random.Generator) -> Floats:
    """Return (runs, 2, markets, bars): spreads of 1 of the nights and of the days, markets correlated."""
    k, n = len(at.bars), len(at.bars[0])
    if null.process.is_real:
        return np.empty((runs, 2, k, 0))
    common, own = (_drawn(null.process, (runs, 2, m, n), rng) for m in (1, k))
    mixed: Floats = own if k == 1 else np.sqrt(null.shared) * common + np.sqrt(1 - null.shared) * own
    clustered = null.process in (Process.GARCH, Process.GARCH_T5)
    return mixed * _garch(rng, runs, n)[:, None, None, :] if clustered else mixed


def _drawn(process: Process, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    if process is Process.FAT:
        return np.asarray(rng.standard_t(4, shape) / np.sqrt(2), dtype=np.float64)
    if process is Process.GARCH_T5:
        return np.asarray(rng.standard_t(5, shape) / np.sqrt(5 / 3), dtype=np.float64)
    return rng.standard_normal(shape)


def _garch(rng: np.random.Generator, runs: int, n: int) -> Floats:
    """Return the spreads (runs, n), of mean square 1: GARCH(1, 1), alpha 0.08 and beta 0.90, with shocks of its own.

    Bollerslev 1986.
    """
    variance, found = np.ones(runs), np.empty((n, runs))
    for row in found:
        row[:] = np.sqrt(variance)
        variance = 0.02 + variance * (0.90 + 0.08 * rng.standard_normal(runs) ** 2)
    return found.T


@dataclass(frozen=True, eq=False)
class Made:
    """One study of a world: its return model, its trades, and its samples."""

    model: ReturnModel
    pairs: list[tuple[PlannedTrade, Trade]]
    samples: list[Sample]


def made(at: Stage, when: Occasion, bars: Sequence[Bars], windows: Sequence[EventWindow] = WINDOWS) -> Made:
    """Return the samples of the selected events' trades, as ``hustings study`` makes them."""
    trades = tuple(p[r] for p in at.planned for r in when.all_selected)
    model = model_of(Plan(trades, (), tuple(b.symbol for b in bars), len(trades)), bars)
    pairs = [(t, _closed(t, model)) for t in trades]
    return Made(model, pairs, make_samples(pairs, model, windows))


def model_of(plan: Plan, bars: Sequence[Bars]) -> ReturnModel:
    """Return the return model of a plan, mean-adjusted and without costs."""
    return return_model_of({b.symbol: b for b in bars}, plan.trades, FREE, counterfactual=Model.MEAN)


def _closed(planned: PlannedTrade, model: ReturnModel) -> Trade:
    """Return the trade that the replay of a plan leaves, as far as a study reads it (tests/engine/study)."""
    bars, shape = model.bars[planned.instrument], shape_of(planned)
    ends = planned.exit
    if ends is None:
        raise ValueError(f"{planned.event_id} has no planned exit")
    net = float(model.by_bar(shape).net[planned.entry.bar])
    return Trade(
        event_id=planned.event_id,
        instrument=planned.instrument,
        side="long",
        weight=planned.weight,
        quantity=1.0,
        decided_at=0,
        decision_price=None,
        gap=None,
        entry_session=iso_z(planned.decided_at),
        entry_at=planned.entry.at(bars),
        entry_price=1.0,
        exit_session="",
        exit_at=ends.at(bars),
        exit_price=1.0 + net,
        exit_reason=planned.exit_reason,
        costs=0.0,
        pnl=net,
        return_=net,
    )
