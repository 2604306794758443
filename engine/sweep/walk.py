"""Walk-forward: the best combination of a training window is traded in the window after it, and the windows roll on.

A training window ends before the day on which the first event of its test is decided: no price from then on is seen by
the choice. (Pardo 1992, Design, Testing and Optimization of Trading Systems.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np

from datasets.errors import UserError
from datasets.instants import to_ns
from engine.account.replay import replay
from engine.plan.plan import Plan, PlannedTrade, make_plan
from engine.plan.plan_grid import plan_grid
from engine.run.backtest import Window, account_start, finish_run
from engine.run.run import Run
from engine.sweep.job import Job, hashes_of
from engine.sweep.space import Space

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Length:
    """How long a window is: so many events that the rule decides on, or so many calendar years."""

    n: int
    years: bool

    @property
    def text(self) -> str:
        """The length in words."""
        what = "year" if self.years else "event"
        return f"{self.n} {what}{'' if self.n == 1 else 's'}"


@dataclass(frozen=True)
class Fold:
    """A training window, the test window after it, and the events that the rule decides on in each."""

    train: Window
    test: Window
    train_events: int
    test_events: int


def folds_of(job: Job, train: Length, test: Length) -> tuple[Fold, ...]:
    """Return the folds of a sweep, in order of time: tests follow one another without gap or overlap.

    Raises:
        UserError: one length in events and the other in years, or too few events for a single fold.
    """
    if train.years != test.years:
        raise UserError(f"--train is {train.text} and --test {test.text}: give both in events, or both in years")
    decided = decisions(job)
    cut = _by_years if train.years else _by_events
    found = tuple(_from(fold, job.spans[0].since) for fold in cut(decided, train.n, test.n))
    if not found:
        span = f", {decided[0]} to {decided[-1]}" if decided else ""
        too_few = f"too few to train on {train.text} and test on what follows"
        raise UserError(f"the rule decides on {len(decided)} events{span}: {too_few}")
    return found


def decisions(job: Job) -> list[date]:
    """Return the day (UTC) on which each event is decided that some combination wants and bars reach, ascending.

    Every value of every parameter is tried, each with the first values of the others.
    """
    space, window = one_at_a_time(job.space), job.spans[0]
    grid = plan_grid(space.combinations(0, len(space)), job.events, job.market(0), since=window.since)
    found: dict[str, date] = {}
    for slot in (s for block in grid.blocks for s in block.slots):
        bars, at = grid.market.bars(slot.symbol), to_ns(slot.decided_at)
        if bars.open_at[0] <= at < bars.close_at[-1]:
            day = slot.decided_at.astimezone(UTC).date()
            found[slot.event.event_id] = min(day, found.get(slot.event.event_id, day))
    return sorted(found.values())


def one_at_a_time(space: Space) -> Space:
    """Return the first combination of the product, and those that differ from it in one parameter."""
    sizes = [len(values) for values in space.axes.values()]
    steps = [int(np.prod(sizes[n + 1 :], dtype=np.int64)) for n in range(len(sizes))]
    places = [0, *(k * step for size, step in zip(sizes, steps, strict=True) for k in range(1, size))]
    return replace(space, places=np.array(places, dtype=np.int64))


def _by_events(decided: Sequence[date], train: int, test: int) -> Iterator[Fold]:
    first = 0
    while (begins := _edge(decided, first + train)) < len(decided):
        ends = _edge(decided, begins + test)
        yield _fold(decided, decided[first], decided[begins], decided[ends] if ends < len(decided) else None)
        first = ends - train


def _edge(decided: Sequence[date], at: int) -> int:
    """Return the first event from a place on that is decided on another day than the one before it."""
    while 0 < at < len(decided) and decided[at] == decided[at - 1]:
        at += 1
    return min(at, len(decided))


def _by_years(decided: Sequence[date], train: int, test: int) -> Iterator[Fold]:
    year = decided[0].year if decided else 0
    while decided and year + train <= decided[-1].year:
        begins, ends = date(year + train, 1, 1), date(year + train + test, 1, 1)
        yield _fold(decided, date(year, 1, 1), begins, ends if ends <= decided[-1] else None)
        year += test


def _from(fold: Fold, since: date | None) -> Fold:
    """Return a fold whose training does not begin before the sweep's own first date."""
    first = fold.train.since
    return fold if since is None or first is None else replace(fold, train=replace(fold.train, since=max(since, first)))


def _fold(decided: Sequence[date], first: date, begins: date, ends: date | None) -> Fold:
    return Fold(
        Window(first, begins - _DAY),
        Window(begins, None if ends is None else ends - _DAY),
        sum(first <= d < begins for d in decided),
        sum(begins <= d and (ends is None or d < ends) for d in decided),
    )


def with_folds(job: Job, folds: Sequence[Fold]) -> Job:
    """Return a sweep whose spans are its own, then the training and the test window of each fold in turn."""
    own = job.spans[0]
    tests = (replace(f.test, until=f.test.until or own.until) for f in folds)
    rolled = [span for fold, test in zip(folds, tests, strict=True) for span in (fold.train, test)]
    return replace(job, spans=(own, *rolled))


def train_span(fold: int) -> int:
    """Return the place of a fold's training window among the spans of its sweep."""
    return 1 + 2 * fold


def test_span(fold: int) -> int:
    """Return the place of a fold's test window among the spans of its sweep."""
    return 2 + 2 * fold


test_span.__test__ = False  # type: ignore[attr-defined]  # a name of the trade, not a test of pytest's


def stitched(job: Job, folds: Sequence[Fold], chosen: Sequence[int | None]) -> Run | None:
    """Return one account that trades the chosen combination of each fold in its test window; None without a trade.

    A trade is not cut where its window ends: it goes on beside those of the next.

    Args:
        job: the sweep.
        folds: in order of time.
        chosen: the combination of each fold; None: none, and nothing is traded in its test window.
    """
    pairs = [(f, row) for f, row in zip(folds, chosen, strict=True) if row is not None]
    plans = [_of_fold(job, fold, row) for fold, row in pairs]
    if not any(p.trades for p in plans):
        return None
    whole = _merged(plans)
    market, window = job.market(0), Window(folds[0].test.since, job.spans[0].until)
    bars = market.loaded(whole.instruments)
    account = replay(whole, bars, job.terms, since=account_start(bars, window))
    return finish_run(
        account,
        identity={
            "strategy": f"{job.space.kind.name}, walk-forward",
            "rule": "In each test window the combination that was best in the training window before it.",
            "parameters": {f"from {f.test.since}": _told(job, row) for f, row in pairs},
        },
        code=hashes_of(job)["code"],
        bars=bars,
        events=job.events,
        terms=job.terms,
        window=window,
        skipped=[*whole.skipped, *account.skipped],
        considered=whole.considered,
        benchmark=None,
    )


def _told(job: Job, row: int) -> dict[str, Any]:
    return {n: getattr(v, "value", v) for n, v in job.space.parameters(row).items() if n in job.space.axes}


def _of_fold(job: Job, fold: Fold, row: int) -> Plan:
    """Return the plan of a combination for the events decided in a fold's test window."""
    rule = job.space.combinations(row, row + 1).rule(0)
    plan = make_plan(rule, job.events, job.market(0), since=fold.test.since)
    if fold.test.until is None:
        return plan
    end = datetime.combine(fold.test.until + _DAY, time(), UTC)
    return replace(plan, trades=tuple(t for t in plan.trades if t.decided_at < end), skipped=())


def _merged(plans: Sequence[Plan]) -> Plan:
    trades: list[PlannedTrade] = sorted((t for p in plans for t in p.trades), key=lambda t: t.decided_at)
    symbols = dict.fromkeys(symbol for p in plans for symbol in p.instruments)
    return Plan(tuple(trades), tuple(s for p in plans for s in p.skipped), tuple(symbols), len(trades))
