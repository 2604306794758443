"""Which opens could be traded at."""

import numpy as np
import pytest

from datasets.prices.stale_opens import tradable_opens


def year_of_opens(repeats: int, bars: int = 100, around_the_clock: bool = False) -> np.ndarray:
    """Opens of one year of which so many, none beside another, repeat the last close; closes 10, 12, 14, ..."""
    session = np.datetime64("2020-01-01") + np.arange(bars)
    close = np.arange(bars, dtype=np.float64) * 2 + 10
    open_ = close - 1
    rows = np.arange(1, bars, 2)[:repeats]
    open_[rows] = close[rows - 1]
    marks = tradable_opens(session, open_, open_ + 5, open_ - 5, close, around_the_clock=around_the_clock)
    return np.flatnonzero(~marks)


def test_nine_of_a_hundred_stale_opens_are_chance() -> None:
    assert list(year_of_opens(9)) == []


def test_a_tenth_of_stale_opens_in_a_year_makes_those_untraded_and_half_makes_all() -> None:
    assert list(year_of_opens(10)) == [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]
    assert len(year_of_opens(49)) == 49
    assert len(year_of_opens(50)) == 100


def test_a_year_of_fewer_than_60_bars_is_not_judged() -> None:
    assert list(year_of_opens(20, bars=59)) == []
    assert len(year_of_opens(20, bars=60)) == 20


def test_a_currency_opens_at_its_last_close() -> None:
    assert list(year_of_opens(50, around_the_clock=True)) == []


def test_years_are_judged_apart() -> None:
    session = np.datetime64("2020-11-01") + np.arange(120)  # 61 bars of 2020, 59 of 2021
    close = np.arange(120, dtype=np.float64) * 2 + 10
    open_ = np.concatenate((close[:1] - 1, close[:-1]))
    open_[::4] += 0.5  # no run of five
    marks = tradable_opens(session, open_, open_ + 5, open_ - 5, close, around_the_clock=False)
    assert not marks[:61].any()
    assert marks[61:].all()


def test_a_missing_open_is_not_traded() -> None:
    nan = np.full(1, np.nan)
    assert not tradable_opens(
        np.array(["2020-01-02"], "datetime64[D]"), nan, nan, nan, np.ones(1), around_the_clock=False
    )[0]


@pytest.mark.parametrize(("symbol", "real"), [("N225", 0.99), ("KOSPI", 0.99), ("TOPIX", 0.99)])
def test_opens_of_sound_files_stay(market_dir, symbol: str, real: float) -> None:
    from datasets.markets.instruments import bundled_instruments
    from datasets.prices.sources.files import DirectorySource

    bars = DirectorySource(market_dir).load(bundled_instruments().find(symbol))
    recent = bars.from_session(np.datetime64("2005-01-01")).sessions_until(np.datetime64("2025-12-31"))
    assert recent.open_is_real.mean() > real
