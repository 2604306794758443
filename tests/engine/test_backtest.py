"""What a run says beside the account: the benchmark on the account's own sessions."""

import numpy as np
import pytest

from datasets.markets.instruments import bundled_instruments
from datasets.prices.bars import Source, make_bars
from engine.run.backtest import on_sessions


def bars(symbol: str, days: list[str], closes: list[float]):
    missing = np.full(len(days), np.nan)
    return make_bars(
        bundled_instruments().find(symbol),
        Source("test", "by hand"),
        session=np.array(days, dtype="datetime64[D]"),
        open_=missing,
        high=missing,
        low=missing,
        close=np.array(closes),
        volume=missing,
        where=str,
    )


def test_a_benchmark_shut_for_a_day_moves_when_it_opens_again() -> None:
    """New York is shut on 4 July and gains 5 % on the 5th: 0 on the 4th, 5 % on the 5th, and the first day's 2 % counts."""
    benchmark = bars("SPX", ["2024-07-01", "2024-07-02", "2024-07-03", "2024-07-05"], [100.0, 102.0, 102.0, 107.1])
    sessions = np.array(["2024-07-02", "2024-07-03", "2024-07-04", "2024-07-05"], dtype="datetime64[D]")
    assert on_sessions(benchmark, sessions).tolist() == pytest.approx([0.02, 0.0, 0.0, 0.05])


def test_a_benchmark_that_begins_later_is_flat_before() -> None:
    benchmark = bars("SPX", ["2024-07-03", "2024-07-05"], [102.0, 107.1])
    sessions = np.array(["2024-07-01", "2024-07-02", "2024-07-03", "2024-07-05"], dtype="datetime64[D]")
    assert on_sessions(benchmark, sessions).tolist() == pytest.approx([0.0, 0.0, 0.0, 0.05])
