"""The result of a sweep, and walk-forward: the best combination of a training window is traded in the window after it.

A training window ends before the day on which the first event of its test is decided: the choice sees no later price.
(Pardo 1992, Design, Testing and Optimization of Trading Systems.)
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.instants import to_ns
from engine.account.daily_ledger import account_start
from engine.plan.plan import Plan, PlannedTrade, make_plan
from engine.plan.plan_grid import plan_grid
from engine.run.backtest import Window, finish_run
from engine.run.run import Run
from engine.strategy.placeholders import Space
from engine.sweep.best import ReplayedCombination
from engine.sweep.chunk import Chunk, evaluate_chunk
from engine.sweep.digest import Digest, digest
from engine.sweep.job import Job, hashes_of

_DAY = timedelta(days=1)


class Fold(Struct, frozen=True):
    """A training window, the test window after it, and the number of events that the rule decides on in each.

    ``row`` is the best combination in training and None where there is none (``reason``); ``in_sample`` and
    ``out_of_sample`` are its numbers by name. They are empty until ``with_choice`` fills them.
    """

    train: Window
    test: Window
    train_events: int
    test_events: int
    row: int | None = None
    in_sample: Mapping[str, float | None] = field(default_factory=dict)
    out_of_sample: Mapping[str, float | None] = field(default_factory=dict)
    reason: str = ""


def length_text(n: int, *, years: bool) -> str:
    """Return the length of a window in words.

    >>> length_text(10, years=True), length_text(1, years=False)
    ('10 years', '1 event')
    """
    return f"{n} {'year' if years else 'event'}{'' if n == 1 else 's'}"


def folds_of(job: Job, train: int, test: int, *, years: bool) -> tuple[Fold, ...]:
    """Return the folds of a sweep, in order of time: tests follow one another without gap or overlap.

    Args:
        job: the sweep.
        train: the length of each training window, in events that the rule decides on or in calendar years.
        test: that of each test window.
        years: whether they are in years.

    Raises:
        UserError: there are too few events for a single fold.
    """
    decided, since = decisions(job), job.spans[0].since or date.min
    folds = tuple(_by_years(decided, train, test, since) if years else _by_events(decided, train, test))
    if not folds:
        span = f", {decided[0]} to {decided[-1]}" if decided else ""
        too_few = f"too few to train on {length_text(train, years=years)} and test on what follows"
        raise UserError(f"the rule decides on {len(decided)} events{span}: {too_few}")
    return folds


def decisions(job: Job) -> list[date]:
    """Return the day (UTC) of the decision on each event that some combination trades and bars cover, ascending.

    Every value of every parameter is tried, each with the first values of the others.
    """
    space, window = job.space.one_at_a_time(), job.spans[0]
    grid = plan_grid(space.part(0, len(space)), job.events, job.market(0), since=window.since)
    days: dict[str, date] = {}
    for slot in (s for block in grid.blocks for s in block.slots):
        bars, at = grid.market.bars(slot.symbol), to_ns(slot.decided_at)
        if bars.open_at[0] <= at < bars.close_at[-1]:
            day = slot.decided_at.astimezone(UTC).date()
            days[slot.event.event_id] = min(day, days.get(slot.event.event_id, day))
    return sorted(days.values())


def _by_events(decided: Sequence[date], train: int, test: int) -> Iterator[Fold]:
    first = 0
    while (begins := _new_day(decided, first + train)) < len(decided):
        ends = _new_day(decided, begins + test)
        yield _fold(decided, decided[first], decided[begins], decided[ends] if ends < len(decided) else None)
        first = ends - train


def _new_day(decided: Sequence[date], at: int) -> int:
    """Return the first event from a place on that is decided on another day than the one before it."""
    while 0 < at < len(decided) and decided[at] == decided[at - 1]:
        at += 1
    return min(at, len(decided))


def _by_years(decided: Sequence[date], train: int, test: int, since: date) -> Iterator[Fold]:
    year = decided[0].year if decided else 0
    while decided and year + train <= decided[-1].year:
        begins, ends = date(year + train, 1, 1), date(year + train + test, 1, 1)
        yield _fold(decided, max(since, date(year, 1, 1)), begins, ends if ends <= decided[-1] else None)
        year += test


def _fold(decided: Sequence[date], first: date, begins: date, ends: date | None) -> Fold:
    return Fold(
        Window(first, begins - _DAY),
        Window(begins, None if ends is None else ends - _DAY),
        sum(first <= d < begins for d in decided),
        sum(begins <= d and (ends is None or d < ends) for d in decided),
    )


def with_choice(job: Job, fold: Fold, trained: Iterator[Chunk], metric: str) -> Fold:
    """Return a fold with the combination that is best in training, and its numbers in both windows.

    Args:
        job: the sweep.
        fold: the fold.
        trained: the results of all combinations over its training window.
        metric: the number by which they are ranked.
    """
    best = digest(job.space, trained, metric=metric, top=1).best
    if not best:
        return replace(fold, reason=f"no combination has a {metric} in training; nothing is traded")
    [(row, in_sample)] = best.items()
    tested = evaluate_test(job, fold, row)
    reason = tested.failed.get(row, "")
    return replace(fold, row=row, in_sample=in_sample, out_of_sample=tested.results(row), reason=reason)


def evaluate_test(job: Job, fold: Fold, row: int) -> Chunk:
    """Return the results of one combination over the test window of a fold."""
    test = replace(fold.test, until=fold.test.until or job.spans[0].until)
    return evaluate_chunk(replace(job, spans=(test,)), 0, row, row + 1)


def stitched(job: Job, folds: Sequence[Fold]) -> Run | None:
    """Return one account that trades the chosen combination of each fold in its test window; None without a trade.

    A trade is not cut where its window ends: it overlaps those of the next. A fold without a choice trades nothing.
    """
    chosen = [(fold, fold.row) for fold in folds if fold.row is not None]
    plans = [_test_plan(job, fold, row) for fold, row in chosen]
    if not any(p.trades for p in plans):
        return None
    from engine.account.replay import replay  # noqa: PLC0415 - brings backtrader, which a sweep imports elsewhere

    plan, window = _merged(plans), Window(folds[0].test.since, job.spans[0].until)
    bars = job.market(0).loaded(plan.instruments)
    account = replay(plan, bars, job.terms, since=account_start(bars, plan.wanted, window.since))
    return finish_run(
        account,
        identity={
            "strategy": f"{job.space.kind.name}, walk-forward",
            "rule": "In each test window the combination that was best in the training window before it.",
            "parameters": {f"from {fold.test.since}": job.space.varied(row) for fold, row in chosen},
        },
        code=hashes_of(job)["code"],
        bars=bars,
        events=job.events,
        terms=job.terms,
        window=window,
        skipped=[*plan.skipped, *account.skipped],
        considered=plan.considered,
        benchmark=None,
    )


def _test_plan(job: Job, fold: Fold, row: int) -> Plan:
    """Return the plan of a combination for the events decided in a fold's test window."""
    plan = make_plan(job.space.rule(row), job.events, job.market(0), since=fold.test.since)
    if fold.test.until is None:
        return plan
    end = datetime.combine(fold.test.until + _DAY, time(), UTC)
    return replace(plan, trades=tuple(t for t in plan.trades if t.decided_at < end), skipped=())


def _merged(plans: Sequence[Plan]) -> Plan:
    trades: list[PlannedTrade] = sorted((t for p in plans for t in p.trades), key=lambda t: t.decided_at)
    symbols = dict.fromkeys(symbol for p in plans for symbol in p.instruments)
    skipped, wanted = tuple(s for p in plans for s in p.skipped), tuple(w for p in plans for w in p.wanted)
    return Plan(tuple(trades), skipped, tuple(symbols), len(trades), wanted)


class SweepResult(Struct, frozen=True, eq=False):
    """A sweep: its inputs, its digest and its best replayed; ``earlier`` trials of the rule precede it in the ledger.

    ``folds`` are those of its walk-forward, with the combination chosen in each; ``stitched`` is the one account that
    trades all tests (None: it never traded). ``ledger`` says what a young ledger holds, and is blank for an older one.
    """

    manifest: Mapping[str, Any]
    space: Space
    digest: Digest
    best: tuple[ReplayedCombination, ...]
    earlier: int
    folds: tuple[Fold, ...] = ()
    stitched: Run | None = None
    ledger: str = ""

    @property
    def trials(self) -> int:
        """The number of trials of the rule: the combinations that were computed, and those before them."""
        return self.digest.n - self.digest.failed + self.earlier

    @property
    def agrees(self) -> bool:
        """Whether all replays agree with the sweep."""
        return all(b.agrees for b in self.best)
