"""Many plans at once: the equity and the numbers that the replay would leave for each of them, to 1e-9 relative.

docs/grid.md says how. A plan that meets a margin call is left to the replay and said to be. The few whose numbers hang
on the last digits, and shorts that pay interest, are reckoned one by one by ``engine.account.vector``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

import numpy as np

from datasets.errors import UserError
from datasets.prices.bars import Bars, Flags, Floats
from engine.account.accounts import settled, steps_of
from engine.account.bar_matrix import BarMatrix, CostModel, Numbers64, bar_matrix, cost_model
from engine.account.exits import Priced, Reached, exits_of, priced, reached_of, some_plans
from engine.account.grid_table import BlockTable
from engine.account.numbers import Calm, Sums, daily_of, sums_apart, sums_of, together
from engine.account.trade_table import TradeTable, spans, table_of_plans
from engine.account.vector import NotVectorisableError, evaluate
from engine.account.windows import (
    Factors,
    Windows,
    courses_of,
    factors_of,
    may_stand_apart,
    outline_of,
    stands_apart,
    windows_of,
)
from engine.metrics.inputs import MetricInputs
from engine.metrics.metrics import compute_metrics, held_sessions
from engine.metrics.table import METRIC_NAMES, METRICS, Metrics, metric_columns, missing_requirement
from engine.metrics.trade_metrics import closed_returns
from engine.plan.costs import Terms
from engine.plan.plan import Plan
from engine.plan.plan_grid import Block, PlanGrid
from engine.statistics.observations import return_statistics
from engine.strategy.combinations import Which

_COUNTS = ("n_trades",)
_REPAID, _WALKING = 4_000_000, 10
"""So many trades repay the loading of numba; a tenth of them where accounts are walked day by day."""
TRADES = 1 << 14
"""So many trades are reckoned together: some megabytes."""


class Backend(StrEnum):
    """What reckons: numpy, the same compiled by numba (extra ``fast``), or whichever is done first."""

    AUTO = "auto"
    NUMPY = "numpy"
    FAST = "fast"


def fast_module(backend: Backend, trades: int, *, walks: bool) -> Any:
    """Return the module ``engine.account.fast``, or None where numpy is to do it.

    Args:
        backend: what was asked for.
        trades: how many there are in all; loading numba takes as long as some millions of them.
        walks: whether accounts are walked day by day (lots, interest, credit or shorts), which numpy does slowly.

    Raises:
        UserError: the extra was asked for and is not installed.
    """
    if backend is Backend.NUMPY or (backend is Backend.AUTO and trades < _REPAID // (_WALKING if walks else 1)):
        return None
    if find_spec("numba") is None:
        if backend is Backend.FAST:
            raise UserError("numba is not installed; it comes with the extra fast: pip install 'hustings[fast]'")
        return None
    return import_module("engine.account.fast")


@dataclass(frozen=True, eq=False)
class Results:
    """What many plans leave. NaN stands for what is n/a, and for plans left to the replay.

    ``columns`` has one float a plan for each of ``METRIC_NAMES``; ``held``, ``traded`` and ``closed`` are the
    sessions held, the trades and the closed trades; ``sd_trade`` is the standard deviation of the returns of the closed
    trades (n - 1, NaN below two); ``failed`` tells in one line why a plan could not be made.
    """

    final_equity: Floats
    columns: Mapping[str, Floats]
    held: Numbers64
    traded: Numbers64
    closed: Numbers64
    sessions: Numbers64
    span: Numbers64
    sd_trade: Floats
    called: Flags
    careful: Mapping[int, Metrics]
    failed: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.final_equity)

    def column(self, name: str) -> Floats:
        """Return one number of all plans, NaN where it is n/a."""
        return self.columns[name]

    @cached_property
    def left_to_replay(self) -> Numbers64:
        """The plans that met a margin call: only the replay can follow them."""
        return np.flatnonzero(self.called)

    def metrics(self, i: int) -> Metrics:
        """Return the numbers of a plan with the reasons of those that are n/a, as ``compute_metrics`` does.

        Raises:
            ValueError: the plan failed or is left to the replay.
        """
        if i in self.failed or self.called[i]:
            raise ValueError(self.failed.get(i, f"plan {i} meets a margin call: the replay does it"))
        if i in self.careful:
            return self.careful[i]
        found = {name: float(self.columns[name][i]) for name in METRIC_NAMES}
        notes = {name: self._why(name, i) for name, value in found.items() if np.isnan(value)}
        given = {name: int(v) if name in _COUNTS else v for name, v in found.items()}
        return Metrics({name: None if name in notes else v for name, v in given.items()}, notes)

    def _why(self, name: str, i: int) -> str:
        known = {n: getattr(self, n)[i] for n in ("held", "traded", "closed", "sessions")}
        figures = {f.name: 0 for f in fields(MetricInputs)} | {"growth": 1, "span_days": self.span[i], **known}
        inputs = MetricInputs(**{n: np.array([value]) for n, value in figures.items()})
        return missing_requirement(next(m for m in METRICS if m.name == name), inputs)


def evaluate_plans(
    plans: Sequence[Plan],
    bars: Sequence[Bars],
    terms: Terms,
    *,
    since: np.datetime64 | None = None,
    backend: Backend = Backend.AUTO,
) -> Results:
    """Return what plans over the same bars leave, as ``replay`` and ``compute_metrics`` would.

    Args:
        plans: their rows refer to ``bars``.
        bars: of every instrument of every plan.
        terms: cash, rates, costs and the exposure limit.
        since: the first session of the accounts.
        backend: what reckons.
    """
    tape = bar_matrix(bars, since)
    table, money = table_of_plans(plans, tape), cost_model(tape, terms)
    fast = fast_module(backend, len(table), walks=walks_of(money, shorts=bool(np.any(table.entries.weight < 0))))
    return results_of(table, tape, money, lambda i: plans[i], fast)


def walks_of(money: CostModel, *, shorts: bool) -> bool:
    """Return whether accounts are walked day by day whatever their trades are (engine/account/windows.py)."""
    return shorts or money.pays_interest or money.terms.max_gross > 1 or bool(np.any(money.lot > 0))


def evaluate_grid(
    grid: PlanGrid, terms: Terms, *, since: np.datetime64 | None = None, backend: Backend = Backend.AUTO
) -> Results:
    """Return what all combinations of a sweep leave. Those that failed, or are left to the replay, hold NaN.

    Args:
        grid: their plans.
        terms: cash, rates, costs and the exposure limit.
        since: the first session of the accounts (``engine.run.backtest.account_start``).
        backend: what reckons.
    """
    found, fast = Gathered(len(grid)), _fast_for(grid, terms, backend)
    for part in _parts(grid, terms, since, fast):
        plan_of = _plan_by_row(grid, part.rows)
        found.put(part.rows, results_of(part.table, part.tape, part.money, plan_of, fast, part.reached))
    return found.results(grid.failed)


def final_equities(
    grid: PlanGrid, terms: Terms, *, since: np.datetime64 | None = None, backend: Backend = Backend.AUTO
) -> Floats:
    """Return the final equity of all combinations and nothing else; NaN where one failed, or is left to the replay.

    Where a margin call cannot be ruled out, all days are looked at, as ``evaluate_grid`` does; it takes the same.
    """
    if not _never_called(grid, terms):
        return evaluate_grid(grid, terms, since=since, backend=backend).final_equity
    found, fast = np.full(len(grid), np.nan), _fast_for(grid, terms, backend)
    for whole in _blocks(grid, terms, since, fast):
        for part in whole.parts(_put_lines(found, whole, fast)):
            found[part.rows] = final_of(part.table, part.tape, part.money, part.reached, fast)
    return found


def _put_lines(found: Floats, whole: "_Block", fast: Any) -> Which:
    """Put down what needs no trades written out, and return which combinations of the block are left."""
    rows, entries = whole.block.rows, whole.tables.shared[0]
    lines = whole.tables.lines if fast is not None and may_stand_apart(entries, whole.money) else None
    if lines is None:
        return np.arange(len(rows))
    final, apart = fast.finals_of_lines(lines, entries, whole.tape, whole.money, whole.reached)
    found[rows[apart]] = final[apart]
    return np.flatnonzero(~apart)


@dataclass(frozen=True, eq=False)
class _Part:
    """Some combinations of a sweep: their numbers, trades, tape and terms, and the prices they share with others."""

    rows: Which
    table: TradeTable
    tape: BarMatrix
    money: CostModel
    reached: Reached


@dataclass(frozen=True, eq=False)
class _Block:
    """The combinations of a block with what makes their trades."""

    block: Block
    tables: BlockTable
    tape: BarMatrix
    money: CostModel
    reached: Reached

    def parts(self, which: Which) -> Iterator[_Part]:
        """Yield the trades of some combinations of the block, by their places in it, in parts of so many ``TRADES``."""
        step = max(1, TRADES // max(1, len(self.block.slots)))
        for first in range(0, len(which), step):
            some = which[first : first + step]
            yield _Part(self.block.rows[some], self.tables.of(some), self.tape, self.money, self.reached)


def _parts(grid: PlanGrid, terms: Terms, since: np.datetime64 | None, fast: Any) -> Iterator[_Part]:
    """Yield the trades of a sweep in parts."""
    for whole in _blocks(grid, terms, since, fast):
        yield from whole.parts(np.arange(len(whole.block.rows)))


def _blocks(grid: PlanGrid, terms: Terms, since: np.datetime64 | None, fast: Any) -> Iterator[_Block]:
    moneys: dict[BarMatrix, CostModel] = {}
    for block in grid.blocks:
        if not block.instruments:
            raise UserError(f"{grid.combos.kind.name} names no instrument: give it a field of type Symbol")
        tape = grid.tape(block.instruments, since)
        if tape not in moneys:
            moneys[tape] = cost_model(tape, terms)
        tables, money = BlockTable(block, grid.combos, tape), moneys[tape]
        yield _Block(block, tables, tape, money, reached_of(*tables.shared, tape, money, fast))


def _fast_for(grid: PlanGrid, terms: Terms, backend: Backend) -> Any:
    trades = sum(len(b.rows) * len(b.slots) for b in grid.blocks)
    lots = any(grid.market.bars(s).instrument.lot > 0 for b in grid.blocks for s in b.instruments)
    walks = lots or not _never_called(grid, terms) or terms.cash_rate != 0 or terms.borrow_rate != 0
    return fast_module(backend, trades, walks=walks)


def _never_called(grid: PlanGrid, terms: Terms) -> bool:
    """Return whether no account can owe money: nothing is sold short and nothing bought on credit."""
    long = all(s.leg.weight > 0 for b in grid.blocks for s in b.slots)
    return long and terms.max_gross <= 1 and terms.cash_rate >= 0


def _plan_by_row(grid: PlanGrid, rows: Which) -> Callable[[int], Plan]:
    return lambda i: grid.plan(int(rows[i]))


def _column_of(name: str) -> Callable[[Results], Floats]:
    return lambda part: part.columns[name]


class Gathered:
    """Puts the results of parts of a sweep together."""

    def __init__(self, n: int) -> None:
        self._n, self._parts = n, list[tuple[Which, Results]]()

    def put(self, rows: Which, part: Results) -> None:
        """Take the results of some combinations."""
        self._parts.append((rows, part))

    def results(self, failed: Mapping[int, str]) -> Results:
        """Return the results of all combinations, in their order."""
        return Results(
            final_equity=self._floats(lambda p: p.final_equity),
            columns={name: self._floats(_column_of(name)) for name in METRIC_NAMES},
            held=self._whole(lambda p: p.held),
            traded=self._whole(lambda p: p.traded),
            closed=self._whole(lambda p: p.closed),
            sessions=self._whole(lambda p: p.sessions),
            span=self._whole(lambda p: p.span),
            sd_trade=self._floats(lambda p: p.sd_trade),
            called=self._whole(lambda p: p.called).astype(bool),
            careful={int(rows[i]): found for rows, p in self._parts for i, found in p.careful.items()},
            failed=failed,
        )

    def _floats(self, of: Callable[[Results], Floats]) -> Floats:
        found = np.full(self._n, np.nan)
        for rows, part in self._parts:
            found[rows] = of(part)
        return found

    def _whole(self, of: Callable[[Results], Any]) -> Numbers64:
        found = np.zeros(self._n, dtype=np.int64)
        for rows, part in self._parts:
            found[rows] = of(part)
        return found


@dataclass(frozen=True, eq=False)
class Sorted:
    """The plans of a table, priced: those whose trades share no day (engine/account/windows.py), and all others."""

    factors: Factors
    apart: Numbers64
    others: Numbers64

    @property
    def of_apart(self) -> Factors:
        """The factors of the plans that stand apart."""
        if not len(self.others):
            return self.factors
        priced = self.factors.priced
        chosen = spans(priced.table.start[self.apart], np.diff(priced.table.start)[self.apart])
        return replace(
            self.factors,
            priced=some_plans(priced, self.apart),
            last_day=self.factors.last_day[chosen],
            factor=self.factors.factor[chosen],
        )

    @property
    def of_others(self) -> Priced:
        """The prices of all other plans."""
        return some_plans(self.factors.priced, self.others)


def sorted_plans(table: TradeTable, tape: BarMatrix, money: CostModel, reached: Reached, fast: Any = None) -> Sorted:
    """Return the plans of a table, priced and sorted by how they are reckoned."""
    prices = priced(table, tape, money, reached, exits_of if fast is None else fast.exits)
    factors = factors_of(prices, tape, money)
    apart = stands_apart(factors, money)
    return Sorted(factors, np.flatnonzero(apart), np.flatnonzero(~apart))


def final_of(table: TradeTable, tape: BarMatrix, money: CostModel, reached: Reached, fast: Any = None) -> Floats:
    """Return the final equity of each plan of a table."""
    if fast is not None and may_stand_apart(table.entries, money):
        final, apart = fast.finals_apart(table, tape, money, reached)
        if apart.all():
            return cast(Floats, final)
    plans = sorted_plans(table, tape, money, reached, fast)
    found = np.empty(table.n_plans)
    found[plans.apart] = (courses_of if fast is None else fast.courses)(plans.of_apart, money).final
    if len(plans.others):
        others = plans.of_others
        steps = steps_of(others, tape, money)
        found[plans.others] = (settled if fast is None else fast.walk)(others, steps, tape, money).final
    return found


def results_of(
    table: TradeTable,
    tape: BarMatrix,
    money: CostModel,
    plan_of: Callable[[int], Plan],
    fast: Any = None,
    reached: Reached | None = None,
    windows: Windows | None = None,
) -> Results:
    """Return the results of the plans of a table.

    Args:
        table: the trades.
        tape: the bars.
        money: the terms on that tape.
        plan_of: gives the plan of those that are reckoned one by one.
        fast: the module ``engine.account.fast``, or None for numpy alone.
        reached: what is known of the table's entries and levels; None finds it.
        windows: what happens from each entry on; None finds it.
    """
    reached = reached_of(table.entries, table.levels, tape, money, fast) if reached is None else reached
    plans = sorted_plans(table, tape, money, reached, fast)
    calm, final, parts = Calm(tape, money), np.empty(table.n_plans), list[tuple[Numbers64, Sums]]()
    if len(plans.apart):
        final[plans.apart], sums = _of_apart(plans.of_apart, calm, fast, windows)
        parts.append((plans.apart, sums))
    if len(plans.others):
        final[plans.others], sums = _of_others(plans.of_others, calm, fast)
        parts.append((plans.others, sums))
    sums = together(table.n_plans, parts)
    odd = np.flatnonzero(sums.doubtful | (_pays_for_shorts(table, money) if fast is None else False))
    careful = {int(i): one_by_one(plan_of(int(i)), tape, money.terms) for i in odd}
    return _with_careful(_results(final, sums, calm), careful)


def _of_apart(factors: Factors, calm: Calm, fast: Any, windows: Windows | None) -> tuple[Floats, Sums]:
    """Return final equities and sums of plans whose trades share no day."""
    course = (courses_of if fast is None else fast.courses)(factors, calm.money)
    windows = windows_of(factors, calm.tape) if windows is None else windows
    outline = (outline_of if fast is None else fast.outline)(course, factors, windows, calm.money)
    return course.final, sums_apart(course, factors, outline, calm)


def _of_others(prices: Priced, calm: Calm, fast: Any) -> tuple[Floats, Sums]:
    """Return final equities and sums of plans that are walked step by step."""
    tape, money = calm.tape, calm.money
    steps = steps_of(prices, tape, money)
    if fast is None:
        done = settled(prices, steps, tape, money)
        daily = daily_of(prices, done, tape, money)
    else:
        done = fast.walk(prices, steps, tape, money)
        daily = fast.daily(done)
    return done.final, sums_of(prices, done.quantity, done.final, daily, calm)


def _pays_for_shorts(table: TradeTable, money: CostModel) -> Flags:
    """Return which plans hold shorts on which interest is reckoned day by day."""
    if not money.pays_interest:
        return np.zeros(table.n_plans, dtype=bool)
    short = np.flatnonzero(table.entries.weight[table.entry] < 0)
    found = np.zeros(table.n_plans, dtype=bool)
    found[np.searchsorted(table.start, short, side="right") - 1] = True
    return found


@dataclass(frozen=True)
class OnePlan:
    """The results of one plan."""

    final_equity: float
    numbers: Metrics
    held: int
    traded: int
    closed: int
    sd_trade: float


def one_by_one(plan: Plan, tape: BarMatrix, terms: Terms) -> OnePlan | None:
    """Return the results of one plan from its account, day by day; None where only the replay can follow it."""
    sessions = tape.days.sessions
    try:
        account = evaluate(plan, list(tape.bars), terms, since=sessions[0])
    except NotVectorisableError:
        return None
    previous = np.concatenate(([terms.cash], account.equity[:-1]))
    returns = np.divide(account.equity, previous, out=np.ones_like(previous), where=previous != 0) - 1
    return OnePlan(
        final_equity=float(account.equity[-1]),
        numbers=compute_metrics(sessions, returns, account.trades, cash_rate=terms.cash_rate),
        held=int(held_sessions(sessions, account.trades).sum()),
        traded=len(account.trades),
        closed=sum(t.is_closed for t in account.trades),
        sd_trade=np.nan if (sd := return_statistics(closed_returns(account.trades)).sd) is None else sd,
    )


def _results(final: Floats, sums: Sums, calm: Calm) -> Results:
    return Results(
        final_equity=final,
        columns=_columns(final, sums, calm),
        held=sums.held,
        traded=sums.traded,
        closed=sums.closed,
        sessions=np.full(len(final), calm.tape.n_days),
        span=np.full(len(final), calm.span),
        sd_trade=sums.sd_trade,
        called=sums.called,
        careful={},
    )


def _columns(final: Floats, sums: Sums, calm: Calm) -> dict[str, Floats]:
    """Return the headline metrics of all plans, NaN where they are n/a."""
    n, growth = len(final), final / calm.money.terms.cash
    inputs = MetricInputs(
        span_days=np.full(n, calm.span),
        sessions=np.full(n, calm.tape.n_days),
        per_year=np.full(n, calm.per_year),
        growth=growth,
        drawdown=np.where(sums.traded > 0, sums.below, np.minimum(growth - 1, 0.0)),
        mean=sums.mean,
        variance=sums.variance,
        downside=sums.losses,
        held=sums.held,
        traded=sums.traded,
        closed=sums.closed,
        won=sums.won,
        lost=sums.losers,
        gains=sums.gained,
        losses=sums.lost,
        mean_trade=sums.mean_trade,
        sd_trade=sums.sd_trade,
        median_trade=sums.median_trade,
    )
    return {name: np.where(sums.called, np.nan, values) for name, values in metric_columns(inputs).items()}


def _with_careful(found: Results, careful: dict[int, OnePlan | None]) -> Results:
    """Return results in which some plans have those that were reckoned one by one; None: left to the replay."""
    final, called = found.final_equity.copy(), found.called.copy()
    columns = {name: c.copy() for name, c in found.columns.items()}
    counts = {name: getattr(found, name).copy() for name in ("held", "traded", "closed", "sd_trade")}
    for i, one in careful.items():
        called[i] = one is None
        for name, column in columns.items():
            value = None if one is None else one.numbers.values[name]
            column[i] = np.nan if value is None else value
        if one is not None:
            final[i] = one.final_equity
            for name, each in counts.items():
                each[i] = getattr(one, name)
    final[called] = np.nan
    numbers_of = {i: one.numbers for i, one in careful.items() if one is not None}
    return replace(found, final_equity=final, columns=columns, called=called, careful=numbers_of, **counts)
