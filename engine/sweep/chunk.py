"""The results of one chunk of a sweep's combinations, from the arrays.

An error in one combination is kept with it and changes no other. The numbers of a combination do not depend on the
chunk it is in.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from datasets.arrays import Floats
from engine.metrics.many_plans import evaluate_grid
from engine.metrics.table import METRIC_NAMES
from engine.plan.plan import Plan, make_plan
from engine.plan.plan_grid import plan_grid
from engine.run.backtest import backtest
from engine.run.run import Run
from engine.strategy.strategy_calls import format_error
from engine.sweep.job import Job, kept_of

TRADE_SHARPE = "trade_sharpe"
COLUMNS = ("final_equity", *METRIC_NAMES)
"""The numbers of a combination: final equity and the headline metrics (``engine.metrics.table``)."""
GRID, FAILED = 0, 2
"""How a combination was computed; FAILED: not at all."""


class Chunk(Struct, frozen=True, eq=False):
    """The results of combinations ``first`` up to ``last``: one float each per name of COLUMNS, NaN where it is n/a.

    ``how`` is GRID or FAILED; ``failed`` says why, by the number of the combination in the sweep.
    """

    first: int
    columns: Mapping[str, Floats]
    how: NDArray[np.int8]
    failed: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.how)

    @property
    def last(self) -> int:
        """The number of the first combination after these."""
        return self.first + len(self)

    def part(self, begin: int, end: int) -> "Chunk":
        """Return its combinations from one place in it up to another."""
        columns = {name: column[begin:end] for name, column in self.columns.items()}
        failed = {row: why for row, why in self.failed.items() if begin <= row - self.first < end}
        return Chunk(self.first + begin, columns, self.how[begin:end], failed)

    def results(self, row: int) -> dict[str, float | None]:
        """Return the numbers of one combination by name; None where they are n/a."""
        values = {name: float(column[row - self.first]) for name, column in self.columns.items()}
        return {name: v if np.isfinite(v) else None for name, v in values.items()}


def evaluate_chunk(job: Job, span: int, first: int, last: int) -> Chunk:
    """Return the results of some of a sweep's combinations over one of its spans."""
    try:
        return _evaluated(job, span, first, last)
    except Exception as e:
        if last - first == 1:
            return failed_chunk(first, format_error(e))
        middle = (first + last) // 2
        return joined([evaluate_chunk(job, span, first, middle), evaluate_chunk(job, span, middle, last)])


def failed_chunk(row: int, why: str) -> Chunk:
    """Return the result of one combination that could not be computed."""
    nothing = {name: np.full(1, np.nan) for name in COLUMNS}
    return Chunk(row, nothing, np.full(1, FAILED, dtype=np.int8), {row: why})


def joined(parts: Sequence[Chunk]) -> Chunk:
    """Return chunks that follow one another as one."""
    columns = {name: np.concatenate([p.columns[name] for p in parts]) for name in COLUMNS}
    failed = {row: why for p in parts for row, why in p.failed.items()}
    return Chunk(parts[0].first, columns, np.concatenate([p.how for p in parts]), failed)


def _evaluated(job: Job, span: int, first: int, last: int) -> Chunk:
    window = job.spans[span]
    some, market, kept = job.space.part(first, last), job.market(span), kept_of(job, span)
    results = evaluate_grid(plan_grid(some, job.events, market, since=window.since, kept=kept), job.terms)
    how = np.full(len(results), GRID, dtype=np.int8)
    how[list(results.failed)] = FAILED
    columns = dict(results.columns)
    columns["n_trades"] = np.where(how == GRID, columns["n_trades"], np.nan)
    failed = {first + row: why for row, why in sorted(results.failed.items())}
    return Chunk(first, {"final_equity": results.final_equity.copy(), **columns}, how, failed)


def replayed(job: Job, row: int) -> tuple[Run, Plan]:
    """Return the backtest of one combination, and its plan."""
    rule, market, window = job.space.rule(row), job.market(0), job.spans[0]
    plan = make_plan(rule, job.events, market, since=window.since)
    return backtest(rule, job.events, market, terms=job.terms, window=window, plan=plan), plan
