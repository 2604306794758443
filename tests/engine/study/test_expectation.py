"""What was to be expected, estimated at every bar at once, is what the model fitted to one window says."""

from typing import Any

import numpy as np
import pytest

from datasets.arrays import Flags
from datasets.prices.bars import Bars
from engine.study.return_model import ReturnModel
from engine.study.returns import aligned_returns, close_returns, correlations
from engine.study.settings import ESTIMATION, Model
from tests.engine.markets import LONDON, NEW_YORK, TOKYO, bars, bars_at, days, flat_day, instrument
from tests.engine.study.one_window import car_variance, fit
from tests.engine.study.worlds import walk

ROWS = (131, 200, 399)


def estimates(own: Bars, inside: Flags, counterfactual: Model, benchmark: Bars | None = None) -> Any:
    model = ReturnModel({own.symbol: own}, {}, own, {own.symbol: inside}, counterfactual, benchmark)
    return model.estimates(own.symbol)


@pytest.mark.parametrize("model", list(Model))
@pytest.mark.parametrize("row", ROWS)
def test_every_bar_has_the_fit_of_its_own_window(model: Model, row: int) -> None:
    market, own = walk(400, seed=2, symbol="MMM"), walk(400, seed=1)
    inside = np.zeros(400, dtype=bool)
    inside[150:170] = True
    benchmark = aligned_returns(own, market)
    found = estimates(own, inside, model, None if model is Model.MEAN else market)
    window = slice(row + ESTIMATION[0], row + ESTIMATION[1] + 1)
    returns = np.where(inside, np.nan, close_returns(own))[window]
    one = fit(model, returns, None if model is Model.MEAN else benchmark[window])
    assert found.count[row] == one.n
    assert found.alpha[row] == pytest.approx(one.alpha, abs=1e-12)
    assert found.beta[row] == pytest.approx(one.beta, abs=1e-9)
    assert found.sd[row] == pytest.approx(one.sd, rel=1e-9)
    _, sd = found.expected(side=1, first=0, last=0)
    variance = car_variance(one, 1, None if model is Model.MEAN else benchmark[row : row + 1])
    assert sd[row] ** 2 == pytest.approx(variance, rel=1e-9)


def test_a_window_with_too_few_clean_sessions_has_no_estimate() -> None:
    own = walk(300)
    inside = np.zeros(300, dtype=bool)
    inside[80:160] = True
    found = estimates(own, inside, Model.MEAN)
    assert np.isnan(found.alpha[:71]).all()  # fewer than 60 returns before: the first bar has none
    assert np.isfinite(found.alpha[72])
    assert np.isnan(found.sd[200])  # of sessions 70 to 189, 40 lie outside


def test_new_york_is_paired_with_tokyo_of_the_day_before_and_never_later() -> None:
    dates = days("2024-01-08", 5)
    tokyo = bars(
        instrument("TTT"), [flat_day(d, p) for d, p in zip(dates, (10, 11, 12, 13, 14), strict=True)], hours=TOKYO
    )
    prices = (100.0, 110.0, 121.0, 133.1, 146.41)
    york = bars(
        instrument("YYY", mic="XNYS"), [flat_day(d, p) for d, p in zip(dates, prices, strict=True)], hours=NEW_YORK
    )
    ahead, behind = aligned_returns(tokyo, york), aligned_returns(york, tokyo)
    assert np.isnan(ahead[:2]).all()  # Tokyo's second close knows New York's first, and no return of it
    assert ahead[2:] == pytest.approx([0.1, 0.1, 0.1])
    assert behind[1:] == pytest.approx([1 / 10, 1 / 11, 1 / 12, 1 / 13])


def test_the_move_over_a_holiday_falls_on_the_first_session_after_it() -> None:
    dates = ("2024-04-25", "2024-04-26", "2024-04-29", "2024-04-30")  # Monday the 29th is Showa Day in Tokyo
    london = bars(instrument("LLL", mic="XLON"), [flat_day(d, 1.0) for d in dates], hours=LONDON)
    rows = [flat_day(d, p) for d, p in zip((dates[0], dates[1], dates[3]), (100.0, 110.0, 143.0), strict=True)]
    assert aligned_returns(london, bars(instrument("TTT"), rows))[1:] == pytest.approx([0.1, 0.0, 0.3])


def test_a_benchmark_that_has_ended_says_nothing() -> None:
    long = bars(instrument("LLL"), [flat_day(d, 1.0) for d in days("2024-01-08", 12)])
    ended = bars(instrument("EEE"), [flat_day(d, 1.0) for d in days("2024-01-08", 3)])
    assert np.isnan(aligned_returns(long, ended)[8:]).all()


def test_sessions_that_the_benchmark_lacks_have_no_return() -> None:
    dates = [d for d in days("2024-03-04", 12) if np.is_busday(np.datetime64(d))]
    whole = bars(instrument("WWW"), [flat_day(d, 1.0) for d in dates])
    rows = [(d, f"{d}T00:00", f"{d}T06:00", 1.0, 1.0, 1.0, 1.0) for d in dates if d != "2024-03-07"]
    found = aligned_returns(whole, bars_at(instrument("GGG"), rows))
    assert np.isnan(found[dates.index("2024-03-07")])
    assert np.isfinite(found[dates.index("2024-03-06")])


def test_correlation_of_a_market_with_itself_and_with_a_stranger() -> None:
    one, other = walk(300, seed=1), walk(300, seed=2, symbol="BBB")
    found = correlations([one, one, other])
    assert found[0, 1] == pytest.approx(1.0)
    expected_ = np.corrcoef(close_returns(one)[1:], close_returns(other)[1:])[0, 1]
    assert found[0, 2] == pytest.approx(expected_)
