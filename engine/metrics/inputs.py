"""What the headline metrics are computed from: a few figures of an account, for one plan or for many at once."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Floats

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MetricInputs:
    """Figures of accounts. Every field is an array with one entry per plan; a single run has arrays of length 1.

    The account:
        span_days: calendar days from the first session to the last.
        sessions: the number of sessions.
        per_year: sessions per 365 days (``sessions_per_year``).
        growth: final equity over starting cash.
        drawdown: the deepest drawdown, a fraction <= 0; the starting cash counts as a peak.
        mean: mean of the daily returns less the cash rate of a session.
        variance: their variance (n - 1); exactly 0 where they do not vary beyond rounding.
        downside: the mean of the squares of the negative ones, over all sessions.
        held: sessions in which a position was held at any time.

    Its trades:
        traded: closed and open trades.
        closed: closed trades. All that follows is of these.
        won, lost: how many have a P&L above 0, below 0; a P&L of exactly 0 is neither.
        gains, losses: the sum of the positive P&L and of the negative P&L (as a number >= 0), in account currency.
        mean_trade, sd_trade, median_trade: of their net returns; NaN without a closed trade, ``sd_trade`` (n - 1)
            also with a single one.
    """

    span_days: Counts
    sessions: Counts
    per_year: Floats
    growth: Floats
    drawdown: Floats
    mean: Floats
    variance: Floats
    downside: Floats
    held: Counts
    traded: Counts
    closed: Counts
    won: Counts
    lost: Counts
    gains: Floats
    losses: Floats
    mean_trade: Floats
    sd_trade: Floats
    median_trade: Floats

    @property
    def pnl(self) -> Floats:
        """P&L of the closed trades."""
        return self.gains - self.losses

    @property
    def mean_win(self) -> Floats:
        """Mean P&L of the closed trades that won."""
        return self.gains / self.won

    @property
    def mean_loss(self) -> Floats:
        """Mean P&L of the closed trades that lost, as a number >= 0."""
        return self.losses / self.lost

    def __len__(self) -> int:
        return len(self.growth)

    def plan(self, i: int) -> "MetricInputs":
        """Return the figures of one plan."""
        return MetricInputs(**{f.name: getattr(self, f.name)[i : i + 1] for f in fields(self)})
