"""Numbers against values worked by hand, and the cases quantstats gets wrong (the study's quantstats-traps)."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from engine.account.records import OPEN_AT_END, Trade, change
from engine.metrics.metrics import (
    cagr,
    compute_metrics,
    downside,
    drawdown,
    drawdowns,
    grouped_returns,
    held_sessions,
    monthly_returns,
    sessions_per_year,
    sharpe,
    standard_deviation,
    total_return,
    yearly_returns,
)


def dates(*text: str) -> Any:
    """Return sessions."""
    return np.array(text, dtype="datetime64[D]")


def daily(first: str, n: int) -> Any:
    """Return n consecutive dates."""
    return np.datetime64(first, "D") + np.arange(n)


def trade(entry: str, exit_: str, *, pnl: float = 10.0, return_: float = 0.01, reason: str = "held") -> Trade:
    """Return a trade of which only days and results matter."""
    return Trade(
        event_id="E",
        instrument="A",
        side="long",
        weight=1.0,
        quantity=1.0,
        decided_at=0,
        decision_price=None,
        gap=None,
        entry_session=entry,
        entry_at=0,
        entry_price=1.0,
        exit_session=exit_,
        exit_at=1,
        exit_price=1.0,
        exit_reason=reason,
        costs=0.0,
        pnl=pnl,
        return_=return_,
    )


# ---- growth --------------------------------------------------------------------------------------------------------------


def test_doubling_in_exactly_365_days_is_100_percent_a_year():
    sessions = dates("2023-01-02", "2023-06-01", "2024-01-02")
    assert compute_metrics(sessions, np.array([0.0, 0.5, 1 / 3]), []).values["cagr"] == pytest.approx(1.0)


def test_ten_event_days_of_1_percent_over_nine_years_are_1_11_percent_a_year():
    """1.01^10 = 1.104622; 2015-01-01 to 2024-01-01 are 3,287 days; 1.104622^(365 / 3287) - 1 = 0.011111."""
    years = [f"{2015 + i}-01-01" for i in range(9)] + ["2024-01-01"]
    assert compute_metrics(dates(*years), np.full(10, 0.01), []).values["cagr"] == pytest.approx(0.011110, abs=2e-6)


def test_loss_of_all_has_no_yearly_growth():
    result = compute_metrics(dates("2020-01-01", "2022-01-01"), np.array([0.0, -1.0]), [])
    assert result.values["cagr"] is None
    assert result.notes["cagr"] == "the account was lost"
    assert result.values["total_return"] == -1.0


def test_less_than_a_year_is_not_annualised():
    assert cagr(np.array([0.1]), 364) == "span of 364 days; a yearly rate needs at least 365"


def test_total_return_compounds():
    assert total_return(np.array([0.10, 0.10])) == pytest.approx(0.21)
    assert total_return(np.array([])) == 0.0


def test_returns_above_100_percent_are_returns_and_not_prices():
    assert total_return(np.array([0.0, 0.0, 1.5, 0.0, 0.2])) == pytest.approx(2.0)


# ---- drawdown ------------------------------------------------------------------------------------------------------------


def test_drawdown_of_a_series_that_begins_with_losses_counts_the_starting_capital():
    returns = np.array([-0.10, -0.10, -0.10, 0.01])
    sessions = dates("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05")
    assert float(drawdown(returns).min()) == pytest.approx(-0.271)
    (only,) = drawdowns(sessions, returns)
    assert only.depth == pytest.approx(-0.271)
    assert (only.began, only.lowest) == (date(2024, 1, 2), date(2024, 1, 4))
    assert only.recovered is None
    assert only.days == 3
    assert compute_metrics(sessions, returns, []).values["max_drawdown"] == pytest.approx(-0.271)


def test_recovered_drawdown_names_the_session_that_made_it_good():
    sessions = dates("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-08", "2024-01-09")
    deep, shallow = drawdowns(sessions, np.array([0.1, -0.5, 1.0, 0.0, -0.2]))
    assert (deep.began, deep.lowest, deep.recovered, deep.days) == (
        date(2024, 1, 3),
        date(2024, 1, 3),
        date(2024, 1, 4),
        1,
    )
    assert deep.depth == pytest.approx(-0.5)
    assert (shallow.began, shallow.recovered, shallow.days) == (date(2024, 1, 9), None, 0)
    assert shallow.depth == pytest.approx(-0.2)


def test_a_drawdown_made_good_but_for_the_last_digit_is_made_good():
    """What falls by 1 / 12 and rises by 1 / 11 is what it was; in floats it is 1e-16 less."""
    returns = np.array([-1 / 12, 1 / 11, 0.0, 0.0, 0.0])
    assert np.prod(1 + returns) < 1
    (only,) = drawdowns(daily("2024-01-01", 5), returns)
    assert (only.recovered, only.days) == (date(2024, 1, 2), 1)


def test_equity_that_differs_by_the_last_digit_has_not_lost():
    assert (0.1 + 0.7) < 0.8
    assert change(np.array([(0.1 + 0.7) / 0.8, 0.75])).tolist() == [0.0, -0.25]


def test_300_losing_days_are_one_drawdown():
    """0.998^300 = e^(-300 * 0.002002003) = e^-0.600601 = 0.548482."""
    sessions = daily("2023-01-01", 300)
    (only,) = drawdowns(sessions, np.full(300, -0.002))
    assert only.depth == pytest.approx(-0.451518, abs=1e-6)
    assert only.days == 299


def test_rising_account_has_no_drawdown():
    assert drawdowns(daily("2024-01-01", 3), np.array([0.01, 0.0, 0.02])) == []
    assert compute_metrics(daily("2024-01-01", 3), np.array([0.01, 0.0, 0.02]), []).values["max_drawdown"] == 0.0


# ---- tables --------------------------------------------------------------------------------------------------------------


def test_years_compound():
    sessions = dates("2022-03-01", "2022-09-01", "2023-03-01", "2023-09-01")
    table = yearly_returns(sessions, np.array([0.10, 0.10, -0.10, -0.10]))
    assert table == {2022: pytest.approx(0.21), 2023: pytest.approx(-0.19)}


def test_months_hold_their_own_sessions_and_an_absent_month_is_absent():
    sessions = dates("2024-01-31", "2024-02-01", "2024-04-01")
    table = monthly_returns(sessions, np.array([0.10, 0.20, 0.0]))
    assert table == {(2024, 1): pytest.approx(0.10), (2024, 2): pytest.approx(0.20), (2024, 4): 0.0}


def test_months_before_1970_are_named_rightly():
    assert monthly_returns(dates("1969-12-31", "1970-01-01"), np.array([0.1, 0.2])) == {
        (1969, 12): pytest.approx(0.1),
        (1970, 1): pytest.approx(0.2),
    }
    assert yearly_returns(dates("1969-12-31", "1970-01-01"), np.array([0.1, 0.2])) == {
        1969: pytest.approx(0.1),
        1970: pytest.approx(0.2),
    }


# ---- exposure ------------------------------------------------------------------------------------------------------------


def test_one_session_of_a_thousand_is_a_tenth_of_a_percent():
    sessions = daily("2020-01-01", 1000)
    result = compute_metrics(sessions, np.zeros(1000), [trade("2020-06-01", "2020-06-01")])
    assert result.values["exposure"] == pytest.approx(0.001)


def test_overlapping_trades_hold_a_session_once():
    sessions = daily("2024-01-01", 10)
    held = held_sessions(sessions, [trade("2024-01-02", "2024-01-04"), trade("2024-01-03", "2024-01-06")])
    assert held.tolist() == [False, True, True, True, True, True, False, False, False, False]


# ---- risk ----------------------------------------------------------------------------------------------------------------


def test_sessions_a_year_are_the_realised_ones():
    """246 sessions after the first in 365 days."""
    assert sessions_per_year(np.append(daily("2023-01-01", 246), np.datetime64("2024-01-01"))) == pytest.approx(246.0)


def test_sharpe_by_hand():
    """Excess 3, -1, 2, 0 %: mean 1 %; squares of 2, -2, 1, -1 add to 10, over 3: 3.3333; root 1.825742 %.

    1 / 1.825742 = 0.547723, times the root of 252 (15.874508) = 8.694827.
    """
    assert sharpe(np.array([0.03, -0.01, 0.02, 0.0]), 252.0) == pytest.approx(8.694827, rel=1e-6)


def test_sortino_by_hand():
    """Excess 3, -1, 2, 0 %: mean 1 %; the one loss squared over all four: 1 / 4; root 0.5 %; 1 / 0.5 = 2.

    Times the root of 252: 31.749016.
    """
    assert 0.01 / np.sqrt(downside(np.array([0.03, -0.01, 0.02, 0.0]))) * np.sqrt(252.0) == pytest.approx(
        31.749016, rel=1e-6
    )


def test_volatility_by_hand():
    """The 1.825742 % of above, times the root of 252: 28.982753 %."""
    assert standard_deviation(np.array([0.03, -0.01, 0.02, 0.0])) * np.sqrt(252.0) == pytest.approx(
        0.28982753, rel=1e-6
    )


def test_sharpe_of_a_run_takes_off_the_rate_of_a_session():
    """100 sessions one day apart, +2 % and 0 % in turn: 365 a year, mean 1 %, deviation 1 % * root(100 / 99).

    The rate a session of 44.0251 % a year (1.001^365 - 1) is 0.1 %: (1 - 0.1) / 1.0050378 * 19.104973 = 17.108292.
    """
    sessions, returns = daily("2023-01-01", 100), np.tile([0.02, 0.0], 50)
    held = [trade("2023-01-01", "2023-04-10")] * 6
    values = compute_metrics(sessions, returns, held, cash_rate=1.001**365 - 1).values
    assert values["sharpe"] == pytest.approx(17.108292, rel=1e-6)


def test_negative_rate_is_taken_off_too():
    """As above with -0.1 % a session: 1.1 / 1.0050378 * 19.104973 = 20.910134."""
    sessions, returns = daily("2023-01-01", 100), np.tile([0.02, 0.0], 50)
    held = [trade("2023-01-01", "2023-04-10")] * 6
    values = compute_metrics(sessions, returns, held, cash_rate=0.999**365 - 1).values
    assert values["sharpe"] == pytest.approx(20.910134, rel=1e-6)


@pytest.mark.parametrize("value", [0.01, 0.0, -0.003])
def test_returns_that_do_not_vary_have_no_sharpe_ratio(value):
    """Rounding leaves a deviation of some 1e-18: it must not be divided by."""
    assert sharpe(np.full(100, value), 252.0) == "returns do not vary"


def test_account_that_never_loses_has_no_sortino_ratio():
    assert downside(np.array([0.01, 0.0, 0.02])) == 0.0


# ---- what cannot be said -------------------------------------------------------------------------------------------------


def test_run_without_trades_says_so():
    result = compute_metrics(daily("2020-01-01", 500), np.zeros(500), [])
    assert result.values["n_trades"] == 0
    for name in ("volatility", "sharpe", "sortino"):
        assert result.values[name] is None
        assert result.notes[name] == "no trades"
    for name in ("win_rate", "profit_factor", "mean_trade", "median_trade"):
        assert result.values[name] is None
        assert result.notes[name] == "no trades"
    assert result.values["total_return"] == 0.0
    assert result.values["max_drawdown"] == 0.0


@pytest.mark.parametrize(
    ("n", "trades", "reason"),
    [
        (59, [trade("2020-01-01", "2020-03-01")] * 5, "59 sessions; at least 60 are needed"),
        (500, [trade("2020-01-01", "2020-01-19")] * 5, "in the market on 19 sessions; at least 20 are needed"),
        (
            500,
            [trade("2020-01-01", "2020-02-19")] * 12,
            "1 observation, mostly out of the market; at least 10 are needed",
        ),
    ],
)
def test_run_too_short_for_a_yearly_risk_figure_says_so(n, trades, reason):
    returns = np.tile([0.01, -0.005], 250)[:n]
    result = compute_metrics(daily("2020-01-01", n), returns, trades)
    for name in ("volatility", "sharpe", "sortino"):
        assert result.values[name] is None
        assert result.notes[name] == reason


def test_trades_without_a_loser_have_no_profit_factor():
    result = compute_metrics(daily("2020-01-01", 10), np.zeros(10), [trade("2020-01-02", "2020-01-03")])
    assert result.values["profit_factor"] is None
    assert result.notes["profit_factor"] == "no losing trade"
    assert result.values["win_rate"] == 1.0


def test_a_trade_still_open_counts_at_its_mark():
    """Won 30, lost 20, one of nothing, one still open won 10: 2 of 4 won; 40 over 20; mean of 3, 1, -2 and 0 %."""
    trades = [
        trade("2020-01-02", "2020-01-03", pnl=30.0, return_=0.03),
        trade("2020-01-02", "2020-01-03", pnl=-20.0, return_=-0.02),
        trade("2020-01-02", "2020-01-03", pnl=0.0, return_=0.0),
        trade("2020-01-02", "2020-01-10", pnl=10.0, return_=0.01, reason=OPEN_AT_END),
    ]
    values = compute_metrics(daily("2020-01-01", 10), np.zeros(10), trades).values
    assert values["n_trades"] == 4
    assert values["win_rate"] == 0.5
    assert values["profit_factor"] == pytest.approx(2.0)
    assert values["mean_trade"] == pytest.approx(0.005)
    assert values["median_trade"] == pytest.approx(0.005)


def test_expectancy_is_the_mean_pnl_of_a_trade():
    """(300 + 100 - 200 + 0) / 4 = 50 in account currency; the last is still open."""
    open_ = trade("2020-01-02", "2020-01-10", pnl=0.0, reason=OPEN_AT_END)
    closed = [trade("2020-01-02", "2020-01-03", pnl=p) for p in (300.0, 100.0, -200.0)]
    values = compute_metrics(daily("2020-01-01", 10), np.zeros(10), [*closed, open_]).values
    assert values["expectancy"] == pytest.approx(50.0)


def test_payoff_ratio_is_the_mean_win_over_the_mean_loss():
    """Wins of 300 and 100 are 200 on average, losses of 200 and 300 are 250: 0.8; a P&L of 0 is neither."""
    closed = [trade("2020-01-02", "2020-01-03", pnl=p) for p in (300.0, 100.0, -200.0, -300.0, 0.0)]
    days, zeros = daily("2020-01-01", 10), np.zeros(10)
    assert compute_metrics(days, zeros, closed).values["payoff_ratio"] == pytest.approx(0.8)
    assert compute_metrics(days, zeros, closed[:2]).notes["payoff_ratio"] == "no losing trade"
    assert compute_metrics(days, zeros, closed[2:]).notes["payoff_ratio"] == "no winning trade"


def test_no_number_is_nan():
    for n in (0, 1, 2, 500):
        result = compute_metrics(daily("2020-01-01", n), np.zeros(n), [])
        for name, value in result.values.items():
            assert (value is None) == (name in result.notes)
            assert value is None or np.isfinite(value)


def test_a_week_runs_from_monday_to_sunday() -> None:
    # 8 February 2026 is a Sunday: with Friday it is ISO week 6; Monday, Wednesday and Thursday are week 7
    week = dates("2026-02-06", "2026-02-08", "2026-02-09", "2026-02-11", "2026-02-12")
    weekly = grouped_returns(week, np.array([0.10, 0.20, 0.30, 0.40, 0.50]), "weekly")
    assert list(weekly.values()) == pytest.approx([1.1 * 1.2 - 1, 1.3 * 1.4 * 1.5 - 1], abs=1e-12)
