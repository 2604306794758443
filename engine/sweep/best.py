"""The best combinations of a sweep: their replay, and whether the number of trials explains their Sharpe ratio."""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.arrays import Floats
from datasets.errors import UserError
from engine.account.records import Trade
from engine.account.sizing import TAKE_PROFIT
from engine.metrics.table import MAX_TRADE_SHARPE, MIN_OBSERVATIONS
from engine.plan.plan import Plan
from engine.run.run import Run
from engine.statistics.sharpe import TradeSharpe, sharpe_after_trials
from engine.statistics.significance import counted
from engine.study.drift import beyond_drift
from engine.sweep.chunk import COLUMNS, replayed
from engine.sweep.digest import SampleMoments
from engine.sweep.job import Job
from engine.sweep.trial_sample import sample_of, share_of_random_dates, trial_sample

TOLERANCE = 1e-9
"""Relative difference up to which replay and grid agree; below ``_SMALL`` it is that of ``_SMALL``."""
_SMALL = 1e-2


class ReplayedCombination(Struct, frozen=True, eq=False):
    """One of the best combinations: its number in the sweep, its results there by name (None: n/a), and its replay.

    ``difference`` is the largest relative difference of all numbers, ``of`` the number that has it. The difference is
    None where one of the two has a number and the other has none. ``random_dates`` is the share of moved calendars on
    which it, or a combination of the sample, has a Sharpe ratio as high; None where it is not known.
    """

    row: int
    results: Mapping[str, float | None]
    run: Run
    difference: float | None
    of: str
    sharpe: TradeSharpe
    random_dates: float | None = None

    @property
    def agrees(self) -> bool:
        """Whether all numbers agree to TOLERANCE."""
        return self.difference is not None and self.difference <= TOLERANCE


def replay_combination(job: Job, row: int, results: Mapping[str, float | None], *, trials: int) -> ReplayedCombination:
    """Return one combination replayed and compared with its results in the sweep.

    Args:
        job: the sweep.
        row: the combination.
        results: its numbers in the sweep.
        trials: their number, this one included; they are counted as independent, which is cautious.
    """
    run, plan = replayed(job, row)
    again = {**run.metrics, "final_equity": run.final_equity}
    differences = {name: _difference(results[name], again[name]) for name in COLUMNS}
    of = max(differences, key=lambda name: np.inf if (d := differences[name]) is None else d)
    report, share = _beyond_drift(job, plan, run, trials)
    return ReplayedCombination(row, results, run, differences[of], of, report, share)


def _beyond_drift(job: Job, plan: Plan, run: Run, trials: int) -> tuple[TradeSharpe, float | None]:
    """Return the deflated report of a combination, and the share of random dates that do as well."""
    try:
        sample = sample_of(job, plan, run)
    except UserError as e:
        return _not_deflated(sharpe_after_trials(np.zeros(0), trials=trials, known=0, sd=None), str(e)), None
    returns = beyond_drift(sample, job.spans[0].since)
    report = deflated_report(run, returns, trial_sample(job)[0], trials=trials)
    return report, share_of_random_dates(job, sample, returns)


def _difference(ours: float | None, replayed: float | None) -> float | None:
    if ours is None or replayed is None:
        return 0.0 if ours is replayed else None
    return abs(ours - replayed) / (abs(replayed) + _SMALL)


def deflated_report(run: Run, returns: Floats, sharpes: SampleMoments, *, trials: int) -> TradeSharpe:
    """Return the Sharpe ratio per observation beyond drift of a run, deflated for so many trials.

    Args:
        run: the run.
        returns: of its observations, less what the same trades earn on all dates (`engine.study.drift`).
        sharpes: the moments of the same ratio over trials.
        trials: their number.

    The note "deflated" says why there is none.
    """
    closed = [t for t in run.trades if t.is_closed]
    report = sharpe_after_trials(returns, trials=trials, known=sharpes.n, sd=sharpes.sd)
    reason = "" if report.sharpe is None else _no_evidence(closed, report.sharpe, report.n)
    return _not_deflated(report, reason) if reason else report


def _not_deflated(report: TradeSharpe, reason: str) -> TradeSharpe:
    return replace(report, probabilistic=None, expected_maximum_sharpe=None, deflated=None, notes={"deflated": reason})


def _no_evidence(closed: Sequence[Trade], sharpe: float, n: int) -> str:
    """Return why a Sharpe ratio of n observations is not evidence: few, or equal gains without the rare loss."""
    if n < MIN_OBSERVATIONS:
        return f"{counted(n)}; at least {MIN_OBSERVATIONS} are needed"
    targets = sum(t.exit_reason == TAKE_PROFIT for t in closed)
    if 2 * targets > len(closed):
        return f"{targets} of {len(closed)} trades left at their target: equal gains do not show the rare loss"
    return "the returns of its trades hardly vary" if abs(sharpe) > MAX_TRADE_SHARPE else ""
