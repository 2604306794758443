"""What the page shows where quantstats is wrong (its traps, by number): values worked by hand."""

import re

import numpy as np
import pytest

from reports.tearsheet import tearsheet
from tests.reports.handmade import business_days, make_run, page_text, trade

WHOLE = ("2000-01-03", "2040-01-02")


def _text(days, returns, *held, **other):
    trades = tuple(trade(*span) for span in held) or (trade(*WHOLE),)
    return page_text(tearsheet(make_run(days, returns, trades, **other)))


def test_1_doubling_in_365_days_is_100_percent_a_year():
    days = np.array(["2023-01-02", "2023-07-03", "2024-01-02"], dtype="datetime64[D]")
    assert "CAGR 100.00 %" in _text(days, [0.0, 1.0, 0.0])


def test_1b_ten_event_days_in_nine_years_are_one_percent_a_year():
    days = np.array([f"{2010 + y}-01-04" for y in range(10)], dtype="datetime64[D]")
    assert "CAGR 1.11 %" in _text(days, [0.01] * 10)


def test_4_a_drawdown_that_begins_on_the_first_day_is_there_and_open():
    text = _text(business_days("2024-01-01", 4), [-0.10, -0.10, -0.10, 0.01])
    assert "Max drawdown -27.10 %" in text
    assert "2024-01-01 2024-01-03 not yet -27.10 % 3" in text


def test_4b_a_drawdown_recovers_on_the_day_it_is_made_good():
    text = _text(business_days("2024-01-01", 4), [0.10, -0.50, 1.00, 0.01])
    assert "2024-01-02 2024-01-02 2024-01-03 -50.00 % 1" in text


def test_a_three_hundred_losing_days():
    text = _text(business_days("2023-01-02", 300), np.full(300, 0.577 ** (1 / 300) - 1))
    assert "Max drawdown -42.30 %" in text
    assert "2023-01-02 2024-02-23 not yet -42.30 %" in text


@pytest.mark.parametrize("with_benchmark", [False, True])
def test_b_a_benchmark_changes_no_number_of_the_strategy(with_benchmark):
    days = business_days("2023-01-02", 300)
    returns = np.zeros(300)
    returns[200] = -0.05
    other = (
        {"benchmark": "TOPIX", "benchmark_returns": np.where(np.arange(300) % 2, 0.01, -0.01)} if with_benchmark else {}
    )
    text = _text(days, returns, **other)
    assert "Max drawdown -5.00 %" in text
    assert "CAGR -4.39 %" in text


def test_5_flat_days_before_the_first_event_count():
    days = business_days("2015-01-01", 1_000)
    returns = np.zeros(1_000)
    returns[500], returns[501] = 0.02, 0.01
    text = _text(days, returns, (str(days[500]), str(days[501])), benchmark="TOPIX", benchmark_returns=-returns)
    assert "2015-01-01 to 2018-10-31, 1,000 sessions" in text
    assert "Total return 3.02 %" in text
    assert "Time in market 0.20 %" in text
    assert "2015 0.00 %" in text


def test_8_months_hold_their_own_days():
    text = _text(np.array(["2024-01-31", "2024-02-01"], dtype="datetime64[D]"), [0.10, 0.20])
    assert "Year 2024 10.00 20.00 32.00" in text


def test_9_years_compound():
    gained = _text(np.array(["2023-03-01", "2023-09-01"], dtype="datetime64[D]"), [0.10, 0.10])
    lost = _text(np.array(["2023-03-01", "2023-09-01"], dtype="datetime64[D]"), [-0.10, -0.10])
    assert "2023 21.00 %" in gained
    assert "2023 -19.00 %" in lost


def test_9b_strategy_and_benchmark_years_cover_the_same_days():
    days = business_days("2023-03-01", 5)
    text = _text(days, [0.01, 0, 0, 0, 0], benchmark="TOPIX", benchmark_returns=[0.10, 0.10, 0, 0, 0])
    assert "2023 1.00 % 21.00 % -20.00 pp" in text
    assert "2022" not in text.split("Returns by month")[1].split("Conventions")[0]


def test_11_one_session_in_a_thousand():
    days = business_days("2015-01-01", 1_000)
    returns = np.zeros(1_000)
    returns[500] = 0.02
    text = _text(days, returns, (str(days[500]), str(days[500])))
    assert "Time in market 0.10 %" in text


def test_60_days_in_20_years():
    days = business_days("2000-01-03", 5_200)
    returns = np.zeros(5_200)
    spans = []
    for first in (1_000, 2_500, 4_000):
        returns[first : first + 20] = 0.001
        spans.append((str(days[first]), str(days[first + 19])))
    text = _text(days, returns, *spans)
    assert "Time in market 1.15 %" in text
    assert "Sharpe ratio n/a 3 closed trades, mostly out of the market" in text
    assert "Volatility n/a 3 closed trades" in text
    assert "rolling sharpe and sortino ratios are left out" in text.casefold()


def test_12_a_series_that_lost_has_a_negative_recovery_factor():
    # 0.9 x 0.9 x 1.05 - 1 = -0.1495, over a drawdown of 0.19
    assert "Recovery factor -0.79" in _text(business_days("2024-01-01", 3), [-0.1, -0.1, 0.05])


def test_24_a_month_without_a_session_is_blank():
    days = np.array(["2024-01-15", "2024-03-15"], dtype="datetime64[D]")
    page = tearsheet(make_run(days, [0.10, 0.05], (trade(*WHOLE),)))
    row = re.search(r'<th scope="row">2024</th>(.*?)</tr>', page, re.DOTALL)
    assert row is not None
    cells = [re.sub(r"<[^>]+>", "", c).strip() for c in re.findall(r"<td[^>]*>.*?</td>", row[1])]
    assert cells == ["10.00", "", "5.00", *[""] * 9, "15.50"]


def test_26l_no_parametric_value_at_risk_is_shown():
    text = _text(business_days("2024-01-01", 30), np.full(30, 0.001)).casefold()
    assert "value at risk" not in text
    assert "value-at-risk" not in text


def test_j_order_is_that_of_the_sessions():
    text = _text(business_days("2024-01-01", 3), [1.0, -0.5, 0.0])
    assert "Total return 0.00 %" in text
    assert "Max drawdown -50.00 %" in text
