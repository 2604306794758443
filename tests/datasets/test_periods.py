"""Weekly, monthly and longer bars: what their dates mean, when they are known, and where they are traded.

The expected sessions are read from calendars: Good Friday of 2017 was 14 April, Tokyo's last session of 2006 was
29 December, Seoul's of January 2007 the 31st.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import pytest

from datasets.errors import UserError
from datasets.instants import to_ns
from datasets.markets.instruments import bundled_instruments
from datasets.prices.bars import Bars, Source, make_bars
from datasets.prices.periods import Period, last_sessions, period_of


def dates(*texts: str):
    return np.array(texts, dtype="datetime64[D]")


def every(first: str, days: int, n: int = 10):
    return np.datetime64(first, "D") + days * np.arange(n)


MONTH_STARTS = np.arange("2006-12", "2007-12", dtype="datetime64[M]").astype("datetime64[D]")


def bars_of(symbol: str, session, close: Sequence[float] | None = None) -> Bars:
    prices = np.linspace(100, 120, len(session)) if close is None else np.array(close, dtype=float)
    nothing = np.full(len(session), np.nan)
    return make_bars(
        bundled_instruments().find(symbol), Source("file", "file"), session=session, where=lambda r: f"line {r + 2}",
        open_=prices, high=prices, low=prices, close=prices, volume=nothing,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("session", "period"),
    [
        (every("2017-01-01", 7), Period.WEEKLY),
        (dates("2017-04-07", "2017-04-13", "2017-04-21", "2017-04-28"), Period.WEEKLY),
        (MONTH_STARTS, Period.MONTHLY),
        (MONTH_STARTS[::3], Period.QUARTERLY),
        (every("2000-12-31", 365, 5), Period.YEARLY),
        (every("2017-01-02", 1), Period.DAILY),
        (dates("2017-01-06", "2017-01-09", "2017-01-10", "2017-03-01", "2017-03-02"), Period.DAILY),
        (every("2017-01-01", 7, 3), Period.DAILY),
    ],
)
def test_the_period_is_found_from_the_dates(session, period) -> None:
    assert period_of(session) is period


@pytest.mark.parametrize("dated", ["2017-04-09", "2017-04-10", "2017-04-13", "2017-04-14", "2017-04-15"])
def test_a_week_ends_at_its_last_session_whatever_day_it_is_dated_by(dated) -> None:
    assert last_sessions("XLON", dates(dated), Period.WEEKLY) == dates("2017-04-13")


@pytest.mark.parametrize("dated", ["2006-12-01", "2006-12-29", "2006-12-31"])
def test_a_month_ends_at_its_last_session(dated) -> None:
    assert last_sessions("XTKS", dates(dated), Period.MONTHLY) == dates("2006-12-29")


def test_a_period_without_a_session_keeps_its_date() -> None:
    lunar_new_year = dates("2024-02-12")  # Shanghai was shut from 9 to 18 February
    assert last_sessions("XSHG", lunar_new_year, Period.WEEKLY) == lunar_new_year


def test_a_weekly_bar_is_made_and_traded_at_the_close_of_its_week_only() -> None:
    bars = bars_of("USDJPY", every("2017-01-01", 7))
    assert bars.span() == "10 weekly bars, 2017-01-06 to 2017-03-10"
    assert not bars.has_separate_open.any()
    assert bars.close_at[0] == to_ns(datetime(2017, 1, 6, 22, tzinfo=UTC))  # Friday 17:00 in New York
    assert len(bars.until(int(bars.close_at[1]) - 1)) == 1


def test_inside_a_month_the_last_close_known_is_that_of_the_month_before() -> None:
    bars = bars_of("KOSPI", MONTH_STARTS, close=range(1, 13))
    known = bars.until(to_ns(datetime(2007, 2, 14, tzinfo=UTC)))
    assert (known.close[-1], known.session[-1]) == (2, np.datetime64("2007-01-31"))


def test_a_missing_week_is_one_missing_session_and_whole_weeks_are_none() -> None:
    weeks = every("2017-01-01", 7)
    assert len(bars_of("SPX", weeks).missing.where(bars_of("SPX", weeks).missing.session > weeks[0])) == 0
    missing = bars_of("SPX", np.delete(weeks, 4)).missing
    assert missing.session[missing.session > weeks[0]].tolist() == [date(2017, 2, 3)]


def test_read_again_the_bars_are_the_same() -> None:
    once = bars_of("SPX", every("2017-01-01", 7))
    assert bars_of("SPX", once.session).sha256() == once.sha256()


def test_two_rows_of_one_period_are_refused() -> None:
    with pytest.raises(UserError, match="line 3: 2017-01-01 and 2017-01-15 are in one period of monthly bars"):
        bars_of("SPX", every("2017-01-01", 14))
