"""The metrics of many plans at once, on arrays: what ``replay`` and ``compute_metrics`` give for each, to 1e-9.

Two ways, plan by plan, so that a result depends on no other plan: where only prices matter, in stretches that multiply
equity by a factor each (``engine.metrics.stretches``), else from fill to fill (``engine.account.accounts``). Plans
whose metrics depend on the last digits, or that meet a margin call, are computed day by day.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, get_type_hints

import numpy as np
from msgspec import Struct, field
from msgspec.structs import asdict

from datasets.arrays import Flags, Floats
from datasets.errors import UserError
from engine.account.accounts import positions_of
from engine.account.bar_matrix import CostModel, bar_matrix, cost_model
from engine.account.daily_ledger import account_start
from engine.account.evaluate import evaluate
from engine.account.exits import Hits, PricedTrades, level_hits, price_trades
from engine.account.trade_table import BlockTable, TradeTable
from engine.metrics.daily_sums import IdleDays, daily_sums, held_sessions_of, trade_sums
from engine.metrics.metrics import run_inputs
from engine.metrics.stretches import only_prices_matter, stretches_of
from engine.metrics.table import MIN_HELD_SESSIONS, Counts, MetricInputs, metric_columns
from engine.plan.costs import Terms
from engine.plan.plan import Plan, wanted_leg
from engine.plan.plan_grid import Block, PlanGrid
from engine.strategy.contract import NO_INSTRUMENT
from engine.strategy.placeholders import Which

_HINTS = get_type_hints(MetricInputs)
TRADES = 1 << 16
"""So many trades are computed together: some megabytes."""
_DOUBTFUL = 1e-9
"""A variance or squared losses below this share of the squares are computed day by day: they have few digits."""


class PlanResults(Struct, frozen=True, eq=False, dict=True):
    """What many plans leave. ``final_equity`` is NaN for plans that failed; ``failed`` says in one line why."""

    final_equity: Floats
    inputs: MetricInputs
    failed: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.final_equity)

    @cached_property
    def columns(self) -> dict[str, Floats]:
        """Every headline metric: one float a plan, NaN where it is n/a."""
        none = np.isnan(self.final_equity)
        return {name: np.where(none, np.nan, values) for name, values in metric_columns(self.inputs).items()}


def evaluate_grid(grid: PlanGrid, terms: Terms) -> PlanResults:
    """Return what all combinations of a sweep leave.

    Args:
        grid: their plans.
        terms: cash, rates, costs and the exposure limit.

    Combinations whose account cannot begin count as failed.
    """
    results, models = Results(len(grid)), dict[tuple[tuple[str, ...], np.datetime64], CostModel]()
    failed = dict(grid.failed)
    for block in grid.blocks:
        try:
            start = _start_of(block, grid)
        except UserError as e:
            failed |= dict.fromkeys(block.rows.tolist(), str(e))
            continue
        key = (block.instruments, start)
        if key not in models:
            models[key] = cost_model(bar_matrix(grid.market.loaded(block.instruments), start), terms)
        costs = models[key]
        tables = BlockTable(block, grid, costs.matrix)
        hits = level_hits(tables.shared, costs)
        step = max(1, TRADES // max(1, len(block.slots)))
        for first in range(0, len(block.rows), step):
            some = np.arange(first, min(first + step, len(block.rows)))
            results.put(block.rows[some], tables.of(some), costs, grid.plan, hits)
    return results.all(failed)


def _start_of(block: Block, grid: PlanGrid) -> np.datetime64:
    """Return the first session of the accounts of a block: they want the same events."""
    if not block.instruments:
        raise UserError(f"{grid.combos.kind.name} {NO_INSTRUMENT}")
    wanted = (wanted_leg(s.symbol, s.leg, s.event, s.decided_at) for s in block.slots)
    return account_start(grid.market.loaded(block.instruments), wanted, grid.since)


class Results:
    """Collects the results of parts of many plans."""

    def __init__(self, n: int) -> None:
        self._final = np.full(n, np.nan)
        arrays: dict[str, Any] = {name: np.zeros(n, int if hint == Counts else float) for name, hint in _HINTS.items()}
        self._inputs = MetricInputs(**arrays)

    def all(self, failed: Mapping[int, str]) -> PlanResults:
        """Return the results of all plans."""
        return PlanResults(self._final, self._inputs, failed)

    def put(
        self, rows: Which, table: TradeTable, costs: CostModel, plan_of: Callable[[int], Plan], hits: Hits | None = None
    ) -> None:
        """Compute the plans of a table, which are the given rows of all plans; ``hits`` are those of its levels."""
        priced, idle = price_trades(table, costs, hits), IdleDays(costs)
        compute = _in_stretches if only_prices_matter(table, costs) else _from_fill_to_fill
        final, inputs, again = compute(priced, idle)
        self._final[rows] = final
        self._put_inputs(rows, {**inputs, **_of_account(final, inputs, idle)})
        for row in rows[again].tolist():
            self._put_day_by_day(row, plan_of(row), costs)

    def _put_inputs(self, rows: Any, inputs: Mapping[str, Any]) -> None:
        for name, values in inputs.items():
            getattr(self._inputs, name)[rows] = values

    def _put_day_by_day(self, row: int, plan: Plan, costs: CostModel) -> None:
        """Compute one plan from its account, day by day."""
        sessions = costs.matrix.days.sessions
        account = evaluate(plan, costs.matrix.bars, costs.terms, since=sessions[0])
        returns, rate = account.returns(costs.terms.cash), costs.terms.cash_rate
        inputs = run_inputs(sessions, returns, account.trades, cash_rate=rate)
        self._final[row] = account.equity[-1]
        self._put_inputs(slice(row, row + 1), asdict(inputs))


def _of_account(final: Floats, inputs: Mapping[str, Any], idle: IdleDays) -> dict[str, Any]:
    """Return the inputs that follow from the final equity and the days."""
    growth = final / idle.costs.terms.cash
    return {
        "growth": growth,
        "drawdown": np.where(inputs["traded"] > 0, inputs["drawdown"], np.minimum(growth - 1, 0.0)),
        "span_days": idle.span,
        "sessions": idle.costs.matrix.n_days,
        "per_year": idle.per_year,
    }


_Computed = tuple[Floats, dict[str, Any], Flags]
"""Of some plans the final equity, the metric inputs by name, and whether they are to be computed again."""


def _in_stretches(priced: PricedTrades, idle: IdleDays) -> _Computed:
    """Compute plans whose stretches do the same to any account."""
    stretches = stretches_of(priced, idle)
    plain, square, loss, lost = stretches.summed("plain", "square", "loss", "lost")
    inputs, unsure = _inputs_of(priced, stretches.quantity, idle, plain, square, loss, stretches.deepest())
    return stretches.final, inputs, unsure | (lost > 0)


def _from_fill_to_fill(priced: PricedTrades, idle: IdleDays) -> _Computed:
    """Compute plans from fill to fill."""
    positions = positions_of(priced, idle.costs)
    sums = daily_sums(positions, idle)
    inputs, unsure = _inputs_of(priced, positions.quantity, idle, sums.plain, sums.square, sums.loss, sums.below)
    return positions.final, inputs, unsure | sums.called | sums.lost | (positions.final <= 0)


def _inputs_of(
    priced: PricedTrades, quantity: Floats, idle: IdleDays, plain: Floats, square: Floats, loss: Floats, below: Floats
) -> tuple[dict[str, Any], Flags]:
    """Return what follows from trades and sums over the days, and the plans whose figures of risk have few digits."""
    days = idle.costs.matrix.n_days
    mean = plain / days
    variance, held = (square - plain * mean) / max(days - 1, 1), held_sessions_of(priced, quantity, idle.costs)
    inputs = {"mean": mean, "variance": variance, "downside": loss / days, "drawdown": below, "held": held}
    few = (variance * days <= _DOUBTFUL * square) | (idle.costs.pays_interest & (loss <= _DOUBTFUL * square))
    few &= held >= MIN_HELD_SESSIONS  # with less there are no such figures
    return {**inputs, **trade_sums(priced, quantity, idle.costs)}, few
