"""Where quantstats 0.0.86 is wrong, trap by trap: what it says, and the right answer, worked by hand, as we give it.

A test that fails on "quantstats is right now" asks for nothing but that line to be taken out.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import quantstats
from quantstats import reports as theirs
from quantstats import stats, utils

from engine.comparison.difference import bootstrap_rows
from engine.metrics.metrics import compute_metrics, drawdown, grouped_returns, monthly_returns, standard_deviation
from engine.metrics.performance import (
    PERFORMANCE_METRICS,
    Series,
    gain_to_pain,
    probabilistic_sharpe,
    treynor,
    ulcer_performance,
)
from engine.metrics.return_metrics import expected_shortfall, rolling_sharpe, ulcer_index, value_at_risk
from engine.metrics.table import metrics_of
from engine.run.backtest import on_sessions
from reports.performance import rolling_ratios
from reports.tables import tables
from reports.tearsheet import tearsheet
from tests.engine.markets import bars, instrument
from tests.reports.handmade import business_days, make_run, page_text, trade

pytestmark = pytest.mark.filterwarnings("ignore")
about = pytest.approx

WHOLE = ("2000-01-03", "2040-01-02")


def _text(days, returns, *held, **other):
    trades = tuple(trade(*span) for span in held) or (trade(*WHOLE),)
    return page_text(tearsheet(make_run(days, returns, trades, **other)))


def series(values, first="2024-01-01"):
    """Return values on business days, as quantstats takes them."""
    return pd.Series(np.array(values, dtype=float), pd.date_range(first, periods=len(values), freq="B"))


def wrong(found, right):
    """Claim that quantstats is wrong, so that its getting better is seen."""
    assert found != about(right, abs=1e-9, nan_ok=True), "quantstats is right now"


def _known(number):
    """Return a number that is there."""
    assert isinstance(number, float)
    return number


TWO_YEARS = np.array(["2022-01-03", "2023-01-03", "2024-01-03"], dtype="datetime64[D]")


def test_1_doubling_in_365_days_is_100_percent_a_year():
    once = np.zeros(246)
    once[100] = 1.0
    assert stats.cagr(series(once)) == about(1.034, abs=1e-3)
    days = np.array(["2023-01-02", "2023-07-03", "2024-01-02"], dtype="datetime64[D]")
    assert "CAGR 100.00 %" in _text(days, [0.0, 1.0, 0.0])


def test_1b_ten_event_days_in_nine_years_are_one_percent_a_year():
    assert stats.cagr(series([0.01] * 10)) == about(11.27, abs=0.01)
    days = np.array([f"{2010 + y}-01-04" for y in range(10)], dtype="datetime64[D]")
    assert "CAGR 1.11 %" in _text(days, [0.01] * 10)


def test_five_percent_a_year_on_246_sessions_is_five_percent():
    step = 1.05 ** (1 / 246) - 1
    wrong(stats.cagr(series([step] * 2460)), 0.05)
    days = np.datetime64("2010-01-01") + np.round(np.arange(2461) * 3650 / 2460).astype(int)
    assert "CAGR 5.00 %" in _text(days, [0.0] + [step] * 2460)


def test_2_a_rate_is_taken_off_where_the_name_says_so():
    assert stats.cagr(series([0.01] * 300), rf=0.05) == stats.cagr(series([0.01] * 300))
    # 0, then -10 %, then back to 1.21 in 730 days: 10 % a year, less 2 %, over the root of 0.01 / 3
    returns = np.array([0.0, -0.1, 1.21 / 0.9 - 1])
    assert ulcer_performance(Series(TWO_YEARS, returns, 0.02)) == about(0.08 / np.sqrt(0.01 / 3))


def test_3_prices_are_never_read_as_returns():
    prices = np.array([0.90, 0.91, 0.92, 0.93, 0.94])
    assert stats.volatility(series(prices)) == about(0.251, abs=1e-3)
    returns = prices[1:] / prices[:-1] - 1
    found = standard_deviation(returns) * np.sqrt(Series(business_days("2024-01-01", 4), returns).per_year)
    assert found == about(0.000154 * np.sqrt(365), rel=0.01)  # four days in a row: 365 sessions a year


def test_3b_returns_without_a_loss_stay_returns():
    assert np.isnan(utils._prepare_returns(series([0, 0, 1.5, 0, 0.2])).iloc[0])
    text = _text(business_days("2024-01-01", 5), [0, 0, 1.5, 0, 0.2])
    assert "Total return 200.00 %" in text


def test_3c_a_fall_from_the_first_price_is_a_drawdown():
    assert stats.max_drawdown(series([0.99, 0.98, 0.95])) == 0
    found = drawdown(np.array([0.98 / 0.99 - 1, 0.95 / 0.98 - 1]))
    assert found.min() == about(-0.0404, abs=1e-4)


def test_4_a_drawdown_that_begins_on_the_first_day_is_there_and_open():
    assert len(stats.drawdown_details(stats.to_drawdown_series(series([-0.10, -0.10, -0.10, 0.01])))) == 0
    text = _text(business_days("2024-01-01", 4), [-0.10, -0.10, -0.10, 0.01])
    assert "Max drawdown -27.10 %" in text
    assert "2024-01-01 2024-01-03 not yet -27.10 % 3" in text


def test_4b_a_drawdown_recovers_on_the_day_it_is_made_good():
    (one,) = stats.drawdown_details(stats.to_drawdown_series(series([0.1, -0.5, 0.2, 1.0]))).to_dict("records")
    assert one["end"] == "2024-01-03"  # made good on the 4th
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


CLOSES = [("2024-07-01", 100.0), ("2024-07-02", 102.0), ("2024-07-03", 103.02), ("2024-07-05", 108.171)]


def test_6_a_benchmark_shut_for_a_day_moves_on_the_day_it_opens_again():
    days = pd.to_datetime(["2024-07-02", "2024-07-03", "2024-07-04", "2024-07-05"])
    given = pd.Series([0.02, 0.01, 0.05], days[[0, 1, 3]])
    assert utils._prepare_benchmark(given, days).tolist() == about([0.0, 0.01, 0.05, 0.0])
    benchmark = bars(instrument(), [(d, c, c, c, c) for d, c in CLOSES])
    sessions = np.array(["2024-07-02", "2024-07-03", "2024-07-04", "2024-07-05"], dtype="datetime64[D]")
    assert on_sessions(benchmark, sessions).tolist() == about([0.02, 0.01, 0.0, 0.05])


def test_6b_7b_a_session_the_account_lacks_loses_no_return_of_the_benchmark():
    days = pd.date_range("2024-01-02", periods=10, freq="B")
    lacking = days.delete(4)
    assert stats.comp(utils._prepare_benchmark(pd.Series(0.01, days), lacking)) == about(0.0937, abs=1e-4)
    prices = pd.Series(100 * 1.01 ** np.arange(11), days.insert(0, pd.Timestamp("2024-01-01")))
    wrong(stats.comp(utils._prepare_benchmark(prices, lacking)), 0.10462)
    benchmark = bars(instrument(), [(f"{d:%Y-%m-%d}", c, c, c, c) for d, c in zip(prices.index, prices, strict=True)])
    found = on_sessions(benchmark, lacking.to_numpy().astype("datetime64[D]"))
    assert np.prod(1 + found) - 1 == about(0.10462, abs=1e-5)


def test_9c_a_benchmark_is_bars_and_its_years_are_returns():
    days = pd.date_range("2024-01-01", periods=10, freq="B")
    prices = pd.Series(100 * 1.01 ** np.arange(1, 11), days)
    assert stats.compare(pd.Series(0.01, days), prices, "YE")["Benchmark"].iloc[-1] > 1e20
    closes = [("2023-12-29", 100.0)] + [(f"{d:%Y-%m-%d}", c) for d, c in zip(prices.index, prices, strict=True)]
    benchmark = bars(instrument(), [(d, c, c, c, c) for d, c in closes])
    sessions = days.to_numpy().astype("datetime64[D]")
    text = _text(sessions, [0.01] * 10, benchmark="TOPIX", benchmark_returns=on_sessions(benchmark, sessions))
    assert "2024 10.46 % 10.46 % 0.00 pp" in text


def test_8_months_hold_their_own_days():
    tokyo = pd.to_datetime(["2024-01-31", "2024-02-01"]).tz_localize("Asia/Tokyo")
    assert stats.monthly_returns(pd.Series([0.10, 0.20], tokyo))["JAN"].iloc[0] == about(0.32)
    text = _text(np.array(["2024-01-31", "2024-02-01"], dtype="datetime64[D]"), [0.10, 0.20])
    assert "Year 2024 10.00 20.00 32.00" in text


def test_8b_a_session_lies_in_the_year_of_its_own_date():
    tokyo = pd.to_datetime(["2022-01-01", "2022-01-02"]).tz_localize("Asia/Tokyo")
    assert list(stats.monthly_returns(pd.Series([0.1, 0.2], tokyo)).index) == ["2021", "2022"]
    days = np.array(["2022-01-01", "2022-01-02"], dtype="datetime64[D]")
    assert list(monthly_returns(days, np.array([0.1, 0.2]))) == [(2022, 1)]


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


def test_9d_a_year_in_which_both_stood_still_is_a_tie():
    still = series([0.0, 0.0])
    assert stats.compare(still, still, "YE")["Won"].tolist() == ["+"]
    days = business_days("2024-01-01", 2)
    assert "2024 0.00 % 0.00 % 0.00 pp" in _text(days, [0, 0], benchmark="TOPIX", benchmark_returns=[0, 0])


def test_10_growth_over_time_in_market_takes_the_sessions_there_are():
    step = 1.05 ** (1 / 245) - 1
    wrong(stats.rar(series([0.0] + [step] * 490, "2022-01-03"), periods=245), 0.05)
    days = np.datetime64("2022-01-03") + np.round(np.arange(491) * 730 / 490).astype(int)
    assert "CAGR over time in market 5.00 %" in _text(days, [0.0] + [step] * 490)


def test_11_one_session_in_a_thousand():
    days = business_days("2015-01-01", 1_000)
    returns = np.zeros(1_000)
    returns[500] = 0.02
    assert stats.exposure(series(returns)) == 0.01
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
    assert "Sharpe ratio n/a 3 observations, mostly out of the market" in text
    assert "Volatility n/a 3 observations" in text


def test_12_a_series_that_lost_has_a_negative_recovery_factor():
    assert stats.recovery_factor(series([-0.1, -0.1, 0.05])) > 0
    # 0.9 x 0.9 x 1.05 - 1 = -0.1495, over a drawdown of 0.19
    assert "Recovery factor -0.79" in _text(business_days("2024-01-01", 3), [-0.1, -0.1, 0.05])


def test_13_treynor_sets_a_yearly_rate_against_a_yearly_rate():
    # 10 % a year in two years, a rate of 2 %, beta 1 to itself; quantstats: 21 % less 2 %
    returns = np.array([0.0, 0.1, 0.1])
    assert treynor(Series(TWO_YEARS, returns, 0.02, benchmark=returns)) == about(0.08)
    given = pd.Series(returns, pd.DatetimeIndex(TWO_YEARS))
    assert stats.treynor_ratio(given, given, 252, 0.02) == about(0.19)


def test_13b_so_does_the_ulcer_performance_index():
    returns = np.array([0.0, -0.1, 1.21 / 0.9 - 1])
    given = pd.Series(returns, pd.DatetimeIndex(TWO_YEARS))
    wrong(stats.ulcer_performance_index(given, 0.02), 0.08 / np.sqrt(0.01 / 3))
    assert ulcer_performance(Series(TWO_YEARS, returns, 0.02)) == about(1.3856, abs=1e-4)


def test_14_each_series_pays_for_its_own_autocorrelation():
    rng = np.random.default_rng(0)
    own, other = rng.normal(0.0005, 0.01, 500), [0.0]
    for shock in rng.normal(0.0005, 0.01, 500):
        other.append(0.6 * other[-1] + shock)
    both = pd.DataFrame({"a": own, "b": other[1:]}, pd.date_range("2020-01-01", periods=500, freq="B"))
    assert pd.Series(stats.smart_sharpe(both))["b"] == about(-0.6165, abs=1e-4)
    alone = Series(both.index.to_numpy().astype("datetime64[D]"), np.array(other[1:]))
    found = _known(metrics_of(PERFORMANCE_METRICS, alone).values["smart_sharpe"]) * np.sqrt(252 / alone.per_year)
    assert found == about(-0.3012, abs=1e-4)  # quantstats' own of that column alone


def test_15_and_15b_days_that_did_not_move_are_no_gains():
    returns = [0.0] * 90 + [0.02] * 5 + [-0.01] * 5
    assert stats.profit_ratio(series(returns)) == about(0.0055, abs=1e-4)
    assert stats.outlier_win_ratio(series(returns)) == about(19)
    text = _text(business_days("2024-01-01", 100), returns)
    assert "Profit ratio of days 2.00" in text
    assert "Outlier win ratio 1.00" in text


def test_16_the_information_ratio_is_yearly_as_sharpe_is():
    returns = np.where(np.arange(504) % 3, 0.001, -0.0012)
    assert stats.information_ratio(series(returns), series(np.zeros(504))) == about(0.2569, abs=1e-4)
    still = {"benchmark": "TOPIX", "benchmark_returns": np.zeros(504)}
    # 503 weekdays in 703 days are 261.16 a year: 0.25687 times 16.160
    assert "Information ratio 4.15" in _text(business_days("2024-01-01", 504), returns, **still)


def test_17_a_year_back_has_365_days():
    days = np.arange("2023-01-01", "2024-07-05", dtype="datetime64[D]")
    returns = np.where(days == np.datetime64("2023-07-04"), 0.1, 0.0)
    given = pd.Series(returns + 1e-12, pd.DatetimeIndex(days))
    assert theirs.metrics(given, display=False).loc["1Y"].iloc[0] == about(0.1)
    assert "Last year 0.00 %" in _text(days, returns)


def test_18_the_caller_keeps_what_is_his():
    given = pd.Series([0.01, 0.02, -0.01], pd.date_range("2024-01-01", periods=3, tz="Asia/Tokyo"))
    theirs.metrics(given, series([0.01, 0.02, -0.01]), match_dates=False, display=False)
    assert pd.DatetimeIndex(given.index).tz is None
    run = make_run(business_days("2024-01-01", 3), [0.01, 0.02, -0.01], (trade(*WHOLE),))
    kept = run.sessions.tobytes(), run.returns.tobytes()
    tearsheet(run)
    assert (run.sessions.tobytes(), run.returns.tobytes()) == kept


def test_19_a_cash_rate_makes_a_page(tmp_path):
    given = series(np.where(np.arange(80) % 2, 0.01, -0.008))
    with pytest.raises(TypeError):
        theirs.html(given, rf=pd.Series(0.0001, given.index), output=str(tmp_path / "x.html"))
    terms = {"cash": 1e6, "cash_rate": 0.03, "borrow_rate": 0.0, "max_gross": 1.0}
    run = make_run(business_days("2024-01-01", 80), given.to_numpy(), (trade(*WHOLE),), terms=terms)
    assert "--cash-rate 0.03" in page_text(tearsheet(run))


def test_19c_an_account_that_never_moved_makes_a_page_next_to_a_benchmark(tmp_path):
    market = np.where(np.arange(80) % 2, 0.01, -0.008)
    with pytest.raises(ValueError, match="linear regression"):
        theirs.html(series(np.zeros(80)), series(market), output=str(tmp_path / "x.html"))
    run = make_run(business_days("2024-01-01", 80), np.zeros(80), benchmark="TOPIX", benchmark_returns=market)
    assert "No trades: the rule selected no event that could be traded." in page_text(tearsheet(run))


def test_a_benchmark_named_strategy_makes_a_page(tmp_path):
    given = series(np.where(np.arange(80) % 2, 0.01, -0.008))
    with pytest.raises(ValueError, match="overlap"):
        theirs.html(given, given.rename("Strategy"), output=str(tmp_path / "x.html"))
    alike = {"strategy": "Strategy", "benchmark": "Strategy", "benchmark_returns": given.to_numpy()}
    text = _text(business_days("2024-01-01", 80), given.to_numpy(), **alike)
    assert "Metric Strategy Strategy" in text


def test_20_february_lies_in_the_quarter_that_began_in_january():
    assert len(utils._qtd(series([0.01] * 40))) == 0
    days = business_days("2024-01-01", 40)
    assert list(grouped_returns(days, np.full(40, 0.01), "quarterly").values()) == about([1.01**40 - 1])


def test_22_days_without_a_return_are_refused_and_never_counted():
    returns = series(np.where(np.arange(300) % 2, 0.01, -0.0098))
    empty = pd.Series(np.nan, pd.date_range("2027-01-01", periods=500))
    right = stats.probabilistic_sharpe_ratio(returns)
    wrong(stats.probabilistic_sharpe_ratio(pd.concat([returns, empty])), right)
    assert probabilistic_sharpe(returns.to_numpy()) == about(right)
    with pytest.raises(ValueError, match="returns of 2024-01-02 is nan"):
        make_run(business_days("2024-01-01", 3), [0.0, np.nan, 0.0])


def test_23_what_is_drawn_anew_is_drawn_with_replacement():
    shuffled = stats.montecarlo(series(np.where(np.arange(500) % 3, 0.001, -0.0012)), sims=50, seed=1)
    ends = shuffled.data.iloc[-1]
    assert float(ends.max() - ends.min()) < 1e-12
    drawn = np.arange(500.0)[bootstrap_rows(500, 5)].mean(axis=1)
    assert float(drawn.max() - drawn.min()) > 10  # of the mean of 0 to 499; shuffled it is always 249.5


def test_24_a_month_without_a_session_is_blank():
    days = np.array(["2024-01-15", "2024-03-15"], dtype="datetime64[D]")
    assert stats.monthly_returns(pd.Series([0.10, 0.05], pd.DatetimeIndex(days)))["FEB"].iloc[0] == 0
    page = tearsheet(make_run(days, [0.10, 0.05], (trade(*WHOLE),)))
    row = re.search(r'<th scope="row">2024</th>(.*?)</tr>', page, re.DOTALL)
    assert row is not None
    cells = [re.sub(r"<[^>]+>", "", c).strip() for c in re.findall(r"<td[^>]*>.*?</td>", row[1])]
    assert cells == ["10.00", "", "5.00", *[""] * 9, "15.50"]


def test_26b_a_negative_rate_is_taken_off_too():
    returns = np.where(np.arange(504) % 2, 0.01, -0.009)
    assert stats.sharpe(series(returns), rf=-0.005) == stats.sharpe(series(returns))
    held, days = (trade(*WHOLE),), business_days("2024-01-01", 504)
    plain, negative = (
        _known(compute_metrics(days, returns, held, cash_rate=r).values["sharpe"]) for r in (0.0, -0.005)
    )
    # a rate of -0.0019194 % a session over a deviation of 0.950944 %, times the root of 261.16
    assert negative - plain == about(0.0326, abs=1e-4)


def test_26e_the_ulcer_index_is_over_n():
    assert stats.ulcer_index(series([0.1, -0.1])) == about(0.1)
    assert ulcer_index(np.array([0.0, -0.1])) == about(0.0707, abs=1e-4)


def test_26g_gain_to_pain_takes_the_rate_off():
    returns = np.where(np.arange(504) % 3, 0.001, -0.0012)
    assert stats.gain_to_pain_ratio(series(returns), 0.05) == stats.gain_to_pain_ratio(series(returns))
    found = _known(gain_to_pain(Series(business_days("2024-01-01", 504), returns, 0.05).excess))
    assert found < _known(gain_to_pain(returns)) == about(2 / 1.2 - 1)


def test_26f_26l_quantiles_are_historical_and_a_gain_stays_a_gain():
    rising, once = np.linspace(0.001, 0.002, 100), np.where(np.arange(999) == 5, -0.2, 0.0)
    assert theirs.metrics(series(rising), mode="full", display=False).loc["Daily Value-at-Risk"].iloc[0] <= 0
    assert value_at_risk(rising) == about(0.00105)
    assert expected_shortfall(rising) == about(0.00102, abs=1e-5)
    assert stats.var(series(once)) < -0.01
    assert value_at_risk(once) == 0
    text = _text(business_days("2024-01-01", 30), np.full(30, 0.001)).casefold()
    assert "var 95 %, daily 0.10 %" in text
    assert "value at risk" not in text


def test_j_k_sessions_out_of_order_or_twice_are_refused():
    unsorted = pd.Series([1.0, -0.5], pd.to_datetime(["2024-01-02", "2024-01-01"]))
    assert np.isfinite(stats.comp(unsorted))  # quantstats says nothing
    for days in (["2024-01-02", "2024-01-01"], ["2024-01-02", "2024-01-02"]):
        with pytest.raises(ValueError, match="sessions must ascend, each once"):
            make_run(np.array(days, dtype="datetime64[D]"), [1.0, -0.5])


def test_an_infinite_return_is_refused():
    assert stats.comp(utils._prepare_returns(series([0.1, np.inf, -0.1]))) == about(-0.01)
    with pytest.raises(ValueError, match="must be a finite number"):
        make_run(business_days("2024-01-01", 3), [0.1, np.inf, -0.1])


def test_l_a_benchmark_has_a_return_for_every_session_or_is_refused():
    with pytest.raises(ValueError, match="returns of TOPIX of 2024-01-02 is nan"):
        make_run(business_days("2024-01-01", 2), [0.0, 0.0], benchmark="TOPIX", benchmark_returns=[0.0, np.nan])


def test_c_titles_and_parameters_are_escaped_and_nothing_is_fetched(tmp_path):
    evil, path = "<script>alert(1)</script>", tmp_path / "x.html"
    theirs.html(series(np.where(np.arange(80) % 2, 0.01, -0.008)), title=evil, output=str(path))
    page = path.read_text(encoding="utf-8")
    assert evil in page
    assert page.count('id="figure_1"') > 1
    assert "qtpylib.io" in (Path(quantstats.__file__).parent / "report.html").read_text(encoding="utf-8")
    days, returns = business_days("2024-01-01", 80), np.where(np.arange(80) % 2, 0.01, -0.008)
    ours = tearsheet(make_run(days, returns, (trade(*WHOLE),), strategy=evil, parameters={evil: evil}))
    assert evil not in ours
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in ours
    assert not re.findall(r'(?:src|href)="(?!#|data:)', ours)


@pytest.mark.slow
def test_e_the_same_input_gives_the_same_bytes(tmp_path):
    given = series(np.where(np.arange(80) % 2, 0.01, -0.008))
    for name in ("a", "b"):
        theirs.html(given, output=str(tmp_path / name))
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()
    run = make_run(business_days("2024-01-01", 80), given.to_numpy(), (trade(*WHOLE),))
    assert tearsheet(run) == tearsheet(run)


def test_h_numbers_are_numbers_unrounded_under_plain_names():
    given = series(np.where(np.arange(504) % 3, 0.001, -0.0012))
    table = theirs.metrics(given, mode="full", display=False)
    assert "CAGR\ufe6a" in table.index
    assert {type(v) for v in table["Strategy"]} > {str}
    run = make_run(business_days("2024-01-01", 504), given.to_numpy(), (trade(*WHOLE),))
    rows = {r["name"]: r["account"] for r in tables(run)["key_numbers"]}
    assert all(name.isascii() and name.isidentifier() for name in rows)
    assert {type(v) for v in rows.values()} <= {float, int, type(None)}
    assert rows["total_return"] == about(1.001**336 * 0.9988**168 - 1, rel=1e-12)


def test_f_rolling_ratios_take_the_rate_off():
    returns = np.array([0.01, 0.03])
    assert rolling_sharpe(returns - 0.01, 2, 1.0)[-1] == about(0.01 / 0.0141421356)
    assert _first_rolling_sharpe(0.05) < _first_rolling_sharpe(0.0)


def _first_rolling_sharpe(rate):
    terms = {"cash": 1e6, "cash_rate": rate, "borrow_rate": 0.0, "max_gross": 1.0}
    daily = np.where(np.arange(300) % 2, 0.01, -0.008)
    run = make_run(business_days("2024-01-01", 300), daily, (trade(*WHOLE),), terms=terms)
    ratios = rolling_ratios(run)["rolling_sharpe"]
    return ratios[np.isfinite(ratios)][0]


def test_j_order_is_that_of_the_sessions():
    text = _text(business_days("2024-01-01", 3), [1.0, -0.5, 0.0])
    assert "Total return 0.00 %" in text
    assert "Max drawdown -50.00 %" in text
