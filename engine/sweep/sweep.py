"""One stretch of a sweep's combinations: what each leaves, the numbers of the grid or, where it must be, of the replay.

Whatever goes wrong in one combination is told beside it and touches no other. The numbers of a combination do not
depend on the stretch it is in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from datasets.errors import UserError
from datasets.prices.bars import Floats
from engine.account.grid import Results, evaluate_grid
from engine.account.records import Trade
from engine.account.replay import replay
from engine.metrics.metrics import compute_metrics
from engine.metrics.table import METRIC_NAMES
from engine.metrics.trade_metrics import closed_returns
from engine.plan.plan import make_plan
from engine.plan.plan_grid import Block, PlanGrid, plan_grid
from engine.run.backtest import Window, account_start
from engine.statistics.observations import return_statistics
from engine.strategy.market import Market
from engine.strategy.strategy_calls import format_error
from engine.sweep.job import Job

TRADE_SHARPE = "trade_sharpe"
COLUMNS = ("final_equity", *METRIC_NAMES, TRADE_SHARPE)
"""The numbers of a combination: those of ``engine.metrics.metrics``, and the Sharpe ratio per trade, never annual."""
GRID, REPLAY, FAILED = 0, 1, 2
"""How a combination was reckoned; FAILED: not at all."""
HARDLY_VARY = 5.0
"""A mean of so many standard deviations is of returns that a stop or target holds equal, or of two or three alike."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """The results of combinations ``first`` up to ``last``: one float each a name of COLUMNS, NaN where it is n/a.

    ``how`` is GRID, REPLAY or FAILED; ``failed`` says why, by the number of the combination in the sweep.
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


def evaluate_stretch(job: Job, span: int, first: int, last: int) -> Chunk:
    """Return the results of some of a sweep's combinations over one of its spans."""
    try:
        return _evaluated(job, span, first, last)
    except Exception as e:
        if last - first == 1:
            return failed_stretch(first, str(e) if isinstance(e, UserError) else format_error(e))
        middle = (first + last) // 2
        return joined([evaluate_stretch(job, span, first, middle), evaluate_stretch(job, span, middle, last)])


def failed_stretch(row: int, why: str) -> Chunk:
    """Return the result of one combination that could not be reckoned."""
    nothing = {name: np.full(1, np.nan) for name in COLUMNS}
    return Chunk(row, nothing, np.full(1, FAILED, dtype=np.int8), {row: why})


def joined(parts: Sequence[Chunk]) -> Chunk:
    """Return stretches that follow one another as one."""
    columns = {name: np.concatenate([p.columns[name] for p in parts]) for name in COLUMNS}
    failed = {row: why for p in parts for row, why in p.failed.items()}
    return Chunk(parts[0].first, columns, np.concatenate([p.how for p in parts]), failed)


def _evaluated(job: Job, span: int, first: int, last: int) -> Chunk:
    window, market = job.spans[span], job.market(span)
    grid = _sound(plan_grid(job.space.combinations(first, last), job.events, market, since=window.since), window)
    since = None if window.since is None else np.datetime64(window.since, "D")
    found = _of_grid(evaluate_grid(grid, job.terms, since=since, backend=job.backend), first)
    for row in np.flatnonzero(found.how == REPLAY):
        _put(found, int(row), _replayed(job, market, window, first + int(row)))
    return found


def _sound(grid: PlanGrid, window: Window) -> PlanGrid:
    """Return a grid without the combinations whose account cannot begin, which count as failed."""
    why = {id(block): _no_account(block, grid, window) for block in grid.blocks}
    failed = {int(row): told for b in grid.blocks for row in b.rows if (told := why[id(b)])}
    return replace(grid, blocks=tuple(b for b in grid.blocks if not why[id(b)]), failed={**grid.failed, **failed})


def _no_account(block: Block, grid: PlanGrid, window: Window) -> str:
    if not block.instruments:
        return f"{grid.combos.kind.name} names no instrument: give it a field of type Symbol"
    try:
        account_start(grid.market.loaded(block.instruments), window)
    except UserError as e:
        return str(e)
    return ""


def _of_grid(results: Results, first: int) -> Chunk:
    how = np.full(len(results), GRID, dtype=np.int8)
    how[results.left_to_replay] = REPLAY
    how[list(results.failed)] = FAILED
    sharpe = trade_sharpes(results.column("mean_trade"), results.sd_trade)
    columns = {**{name: results.column(name).copy() for name in METRIC_NAMES}, TRADE_SHARPE: sharpe}
    columns["n_trades"] = np.where(how == GRID, columns["n_trades"], np.nan)
    failed = {first + row: why for row, why in sorted(results.failed.items())}
    return Chunk(first, {"final_equity": results.final_equity.copy(), **columns}, how, failed)


def trade_sharpes(mean: Floats, spread: Floats) -> Floats:
    """Return the Sharpe ratio per trade, NaN where the returns of the trades hardly vary."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(np.abs(mean) <= HARDLY_VARY * spread, mean / spread, np.nan)
    return found


def trade_sharpe(trades: Sequence[Trade]) -> float | None:
    """Return the Sharpe ratio per trade of the closed ones of some trades, None where there is none.

    Each trade counts by itself, as in the grid. What shares its days is told apart in `engine.sweep.check.worth`.
    """
    sharpe = return_statistics(closed_returns(trades)).sharpe
    return sharpe if sharpe is not None and abs(sharpe) <= HARDLY_VARY else None


def _put(found: Chunk, row: int, values: Mapping[str, float | None]) -> None:
    """Write the numbers of one combination into arrays that nobody else has seen yet."""
    for name, value in values.items():
        found.columns[name][row] = np.nan if value is None else value


def _replayed(job: Job, market: Market, window: Window, row: int) -> dict[str, float | None]:
    """Return the numbers of a combination that only the replay can follow."""
    plan = make_plan(job.space.combinations(row, row + 1).rule(0), job.events, market, since=window.since)
    bars = market.loaded(plan.instruments)
    account = replay(plan, bars, job.terms, since=account_start(bars, window))
    previous = np.concatenate(([job.terms.cash], account.equity[:-1]))
    returns = np.divide(account.equity, previous, out=np.ones_like(previous), where=previous != 0) - 1
    found = compute_metrics(account.days.sessions, returns, account.trades, cash_rate=job.terms.cash_rate)
    return {"final_equity": float(account.equity[-1]), **found.values, TRADE_SHARPE: trade_sharpe(account.trades)}
