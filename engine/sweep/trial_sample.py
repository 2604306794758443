"""Some of a sweep's combinations on all dates: how much the Sharpe ratios of trials vary, and what random dates reach.

Every ratio is per observation and beyond drift (``engine.study.drift``): in a market that rises, a rule that holds long
has a high ratio on any date. All combinations would cost more than the sweep, so that up to SAMPLED of them are taken.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from msgspec.structs import replace

from datasets.arrays import Floats
from datasets.errors import UserError
from engine.plan.plan import Plan, PlannedTrade
from engine.plan.plan_grid import plan_grid
from engine.run.run import Run
from engine.statistics.observations import return_statistics
from engine.statistics.significance import no_spread
from engine.strategy.market import Market
from engine.study.drift import beyond_drift, shifted_sharpes
from engine.study.legs import closed_pairs, place, place_planned, return_model_of
from engine.study.return_model import ReturnModel
from engine.study.sample import Sample, make_sample
from engine.sweep.digest import SampleMoments
from engine.sweep.job import Job

SAMPLED = 20


@lru_cache(maxsize=1)
def trial_sample(job: Job) -> tuple[SampleMoments, dict[str, Floats]]:
    """Return the moments of the Sharpe ratios of combinations evenly spread, and what they reach on random dates.

    The latter is, by the instrument whose sessions are moved, the largest of their ratios at each shift of all events
    (NaN where there is none). A combination that cannot be planned is left out.
    """
    rows, market = np.linspace(0, len(job.space) - 1, min(SAMPLED, len(job.space))).astype(np.int64), job.market(0)
    some = replace(job.space, places=rows if job.space.places is None else job.space.places[rows])
    ratios, largest, since = [], dict[str, Floats](), job.spans[0].since
    grid = plan_grid(some, job.events, market, since=since)
    for block, row in ((b, row) for b in grid.blocks for row in b.rows.tolist()):
        try:
            trades = grid.trades(block, row)
            model = _model(job, market, trades, block.instruments)
            sample = make_sample(place_planned(trades, model), model, estimated=False)
        except Exception:  # reported where the combination is evaluated
            continue
        ratios.append(return_statistics(beyond_drift(sample, since).tolist()).sharpe)
        moved, symbol = shifted_sharpes(sample, since), sample.reference.symbol
        largest[symbol] = np.fmax(moved, largest.get(symbol, moved))
    return SampleMoments().joined(np.array([r for r in ratios if r is not None])), largest


def sample_of(job: Job, plan: Plan, run: Run) -> Sample:
    """Return the observations of a combination as it was planned and run.

    Raises:
        UserError: intraday bars.
    """
    model = _model(job, job.market(0), plan.trades, plan.instruments)
    return make_sample(place(closed_pairs(plan, run.trades, dict(model.bars)), model), model, estimated=False)


def _model(job: Job, market: Market, trades: Sequence[PlannedTrade], instruments: Sequence[str]) -> ReturnModel:
    """Return what the legs of a combination are read from.

    Raises:
        UserError: intraday bars, whose sessions have more than one row.
    """
    bars = {b.symbol: b for b in market.loaded(instruments)}
    if any(b.intraday for b in bars.values()):
        raise UserError("the Sharpe ratio beyond drift needs daily bars")
    return return_model_of(bars, trades, job.terms)


def share_of_random_dates(job: Job, sample: Sample, returns: Floats) -> float | None:
    """Return the share of shifts at which this or a sampled combination reaches the ratio of some returns.

    None without shifts or a ratio.
    """
    if len(returns) < 2 or no_spread(returns):
        return None
    ratio = returns.mean() / returns.std(ddof=1)
    own = shifted_sharpes(sample, job.spans[0].since)
    reached = np.fmax(own, trial_sample(job)[1].get(sample.reference.symbol, own))
    reached = reached[np.isfinite(reached)]
    return (1 + int((reached >= ratio).sum())) / (1 + len(reached)) if len(reached) else None
