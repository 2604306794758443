"""Thirteen statistics on five days against the printed output of estudy2, and against the textbook's.

The package prints seven stocks against an index, estimated over 2019-04-01 to 2020-03-13, for 2020-03-16 to 20.
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from engine.statistics.event_tests import bmp, sign
from engine.study.settings import Model
from examples.base_rates import generalized_sign
from tests.engine.study.estudy2 import Sample, sample, statistics
from tests.engine.study.estudy2 import sign as packages_sign
from tests.engine.study.one_window import car_variance, fit

NAMES = (
    "mean",
    "bw_1980",
    "bw_1985",
    "t_cs",
    "patell",
    "bmp",
    "lamb",
    "sign",
    "gsign",
    "corrado_sign",
    "rank",
    "mod_rank",
    "wilcoxon",
)
ESTIMATION, EVENT = slice(0, 240), slice(240, 245)


def read(path: Path) -> tuple[Any, Any]:
    """Return dates and returns, NaN where blank."""
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))[1:]
    dates = np.array([r[0] for r in rows], dtype="datetime64[D]")
    return dates, np.array([[float(v) if v else np.nan for v in r[1:]] for r in rows])


@pytest.fixture(scope="module")
def rates(shared_dir: Path) -> tuple[Any, Any]:
    """Returns of seven stocks (sessions, 7) and of the index (sessions,); rows 240 to 244 are the event days."""
    dates, stocks = read(shared_dir / "oracles" / "estudy2_rates.csv")
    _, index = read(shared_dir / "oracles" / "estudy2_rates_indx.csv")
    assert [str(d) for d in dates[[0, 239, 240, 244]]] == ["2019-04-02", "2020-03-13", "2020-03-16", "2020-03-20"]
    return stocks, index[:, 0]


@pytest.fixture(scope="module")
def published(shared_dir: Path) -> dict[str, list[float]]:
    """What the package printed."""
    text = (shared_dir / "oracles" / "estudy2_expected.json").read_text(encoding="utf-8")
    found: dict[str, list[float]] = json.loads(text)["published"]
    return found


@pytest.fixture(scope="module")
def seven(rates: tuple[Any, Any]) -> Sample:
    """The package's example."""
    return sample(*rates, estimation=ESTIMATION, event=EVENT)


def textbook(rates: tuple[Any, Any]) -> tuple[Any, Any, Any]:
    """Return the abnormal returns (5, 7) and forecast variances (5, 7) of least squares, and T: by statsmodels."""
    from statsmodels.api import OLS, add_constant

    stocks, index = rates
    cars, variances, lengths = [], [], []
    for stock in stocks.T:
        used = np.isfinite(stock[ESTIMATION])
        ols = OLS(stock[ESTIMATION][used], add_constant(index[ESTIMATION][used])).fit()
        forecast = ols.get_prediction(add_constant(index[EVENT]))
        cars.append(stock[EVENT] - forecast.predicted_mean)
        variances.append(forecast.se_obs**2)
        lengths.append(int(used.sum()))
    return np.array(cars).T, np.array(variances).T, np.array(lengths)


def test_it_names_thirteen_statistics(seven, published):
    assert tuple(statistics(seven)) == NAMES == tuple(published)


@pytest.mark.parametrize("name", NAMES)
def test_each_of_the_thirteen_on_five_days(seven, published, name):
    """To 1e-6 and, where that is finer, to half a unit of what was printed (six decimals at the least)."""
    got = statistics(seven)[name]
    assert got.shape == (5,)
    assert got == pytest.approx(published[name], rel=0, abs=5e-7)


def test_the_securities_have_the_sessions_the_package_counts(seven):
    assert seven.lengths.tolist() == [240, 227, 212, 240, 240, 240, 240]


def test_textbook_standardised_returns_are_those_of_least_squares(rates):
    """`car_variance` of one session is the square of statsmodels' standard error of an observation."""
    stocks, index = rates
    _, variances, lengths = textbook(rates)
    for i, stock in enumerate(stocks.T):
        f = fit(Model.MARKET_MODEL, stock[ESTIMATION], index[ESTIMATION])
        assert f.n == lengths[i]
        ours = [car_variance(f, 1, index[day : day + 1]) for day in range(240, 245)]
        assert ours == pytest.approx(variances[:, i], rel=1e-9)


def test_textbook_patell_and_the_packages_differ_in_the_third_digit(rates, published):
    cars, variances, lengths = textbook(rates)
    z = (cars / np.sqrt(variances)).sum(axis=1) / np.sqrt(((lengths - 2) / (lengths - 4)).sum())
    assert np.round(z, 4).tolist() == [2.5444, -2.9421, 0.3290, 8.4027, 6.3057]
    off = np.abs(z / np.array(published["patell"]) - 1)
    assert off.min() > 0.0015
    assert off.max() < 0.003


def test_textbook_bmp_and_the_packages_differ_in_the_fourth_digit(rates, published):
    cars, variances, _ = textbook(rates)
    standardized = cars / np.sqrt(variances)
    t = [stats.ttest_1samp(row, 0).statistic for row in standardized]
    ours = [bmp(row).statistic for row in standardized]
    assert ours == pytest.approx(t, rel=1e-9)
    assert np.round(t, 4).tolist() == [1.2043, -1.1752, 0.0764, 2.1669, 8.6545]
    off = np.abs(np.array(t) - published["bmp"])
    assert off.min() > 1e-4
    assert off.max() < 3e-3


def test_exact_signs_of_seven_are_no_normal(seven, published):
    """Seven of seven is z 2.65 and a normal p of 0.008; counted out it is 2 / 2^7."""
    last = seven.event[4]
    assert published["sign"][4] == pytest.approx(2.6457513)
    assert sign(last).p == pytest.approx(2 / 128)
    rates = np.nanmean(np.where(np.isfinite(seven.estimation), seven.estimation > 0, np.nan), axis=0)
    ours = generalized_sign(last, rates)
    assert ours.p == pytest.approx(2 * float(np.prod(rates)))
    assert ours.statistic is not None
    assert 1e-6 < abs(ours.statistic - published["gsign"][4]) < 0.05


def test_a_security_that_did_not_trade_counts_as_the_others_did():
    """Three of four trade and two of these rise: the package counts 2 / 3 x 4 of 3."""
    event = np.array([[0.01, 0.02, -0.03, np.nan]])
    s = Sample(np.ones((1, 4)), event, np.ones(1), np.ones(1), np.full(4, 240))
    assert packages_sign(s) == pytest.approx([1.3471506])  # (8/3 - 3/2) / root of 3/4


def test_a_security_without_a_window_is_shown():
    with pytest.raises(ValueError, match="0 sessions in the estimation window"):
        sample(np.full((60, 1), np.nan), np.arange(60.0), estimation=slice(0, 50), event=slice(50, 60))
