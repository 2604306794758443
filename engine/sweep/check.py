"""The best of a sweep, replayed: whether the replay leaves the same numbers, and what so good a result is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.account.records import Trade
from engine.account.sizing import TAKE_PROFIT
from engine.run.backtest import backtest
from engine.run.run import Run
from engine.statistics.observations import observed_returns
from engine.statistics.sharpe import deflated_sharpe, expected_maximum, probabilistic_sharpe, sharpe_of_trades
from engine.sweep.digest import Best, SampleMoments
from engine.sweep.job import Job
from engine.sweep.sweep import COLUMNS, HARDLY_VARY, TRADE_SHARPE, trade_sharpe

AGREE = 1e-9
"""Relative difference up to which replay and grid agree; of numbers below a hundredth, a hundredth of it is allowed."""
_SMALL = 1e-2


@dataclass(frozen=True, eq=False)
class ReplayCheck:
    """A combination as the replay leaves it. ``difference`` is the largest of all its numbers, relative; ``of`` which.

    None where one has a number and the other has none.
    """

    best: Best
    run: Run
    difference: float | None
    of: str

    @property
    def agrees(self) -> bool:
        """Whether all numbers agree to AGREE."""
        return self.difference is not None and self.difference <= AGREE


def checked(job: Job, best: Best) -> ReplayCheck:
    """Return the replay of one combination, held against what the sweep found."""
    rule = job.space.combinations(best.row, best.row + 1).rule(0)
    run = backtest(rule, job.events, job.market(0), terms=job.terms, window=job.spans[0])
    found = {**run.metrics, "final_equity": run.final_equity, TRADE_SHARPE: trade_sharpe(run.trades)}
    apart = {name: _apart(best.results[name], found[name]) for name in COLUMNS}
    lacking = next((name for name, d in apart.items() if d is None), None)
    if lacking is not None:
        return ReplayCheck(best, run, None, lacking)
    sizes = {name: d for name, d in apart.items() if d is not None}
    largest = max(sizes, key=lambda name: sizes[name])
    return ReplayCheck(best, run, sizes[largest], largest)


def _apart(ours: float | None, replayed: float | None) -> float | None:
    if ours is None or replayed is None:
        return 0.0 if ours is replayed else None
    return abs(ours - replayed) / (abs(replayed) + _SMALL)


@dataclass(frozen=True)
class DeflatedSharpeReport:
    """What the Sharpe ratio per trade of a chosen combination is worth; what is None has its ``reason``.

    ``luck`` is the ratio that the best of ``trials`` worthless trials would show, ``deflated`` the chance that the true
    one is above it (Bailey and López de Prado 2014). T is ``n``, observations: trades that share days are one.
    """

    n: int
    trials: int
    sharpe: float | None
    probabilistic: float | None
    luck: float | None
    deflated: float | None
    reason: str = ""


def worth(run: Run, sharpes: SampleMoments, *, trials: int) -> DeflatedSharpeReport:
    """Return what a combination's Sharpe ratio per trade is worth after so many trials.

    Args:
        run: its replay.
        sharpes: the moments of the Sharpe ratios per trade of the trials.
        trials: how many there were, this one included; they are counted as independent, the cautious side.
    """
    closed = [t for t in run.trades if t.is_closed]
    own = sharpe_of_trades(np.array([t.return_ for t in closed]))
    n = len(observed_returns(closed))
    if own.sharpe is None:
        return DeflatedSharpeReport(n, trials, None, None, None, None, own.notes["sharpe"])
    if reason := _held_equal(closed, own.sharpe):
        return DeflatedSharpeReport(n, trials, own.sharpe, None, None, None, reason)
    chance = probabilistic_sharpe(own.sharpe, n, skew=own.skew, kurtosis=own.kurtosis)
    if isinstance(chance, str):
        return DeflatedSharpeReport(n, trials, own.sharpe, None, None, None, chance)
    if trials > 1 and sharpes.sd is None:
        reason = f"the Sharpe ratios of {sharpes.n} of {trials:,} trials are known; at least 2 are needed"
        return DeflatedSharpeReport(n, trials, own.sharpe, chance, None, None, reason)
    variance = (sharpes.sd or 0.0) ** 2
    found = deflated_sharpe(own.sharpe, n, trials=trials, variance=variance, skew=own.skew, kurtosis=own.kurtosis)
    luck = expected_maximum(trials) * float(np.sqrt(variance))
    if isinstance(found, str):
        return DeflatedSharpeReport(n, trials, own.sharpe, chance, luck, None, found)
    return DeflatedSharpeReport(n, trials, own.sharpe, chance, luck, found)


def _held_equal(closed: Sequence[Trade], sharpe: float) -> str:
    """Return why a Sharpe ratio per trade tells nothing: the gains were cut alike, and the rare loss was not met."""
    targets = sum(t.exit_reason == TAKE_PROFIT for t in closed)
    if 2 * targets > len(closed):
        return f"{targets} of {len(closed)} trades left at their target: gains cut alike say nothing of losses not met"
    return "the returns of its trades hardly vary" if abs(sharpe) > HARDLY_VARY else ""
