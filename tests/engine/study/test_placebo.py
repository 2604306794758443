"""The real dates among placebo dates: p-values by hand, and what is not available."""

import numpy as np
import pytest
from msgspec.structs import replace

from datasets.arrays import Floats
from engine.statistics.significance import t_by_row
from engine.study.calendars import Calendars
from engine.study.placebo import (
    PLACEBO_MEAN,
    PLACEBO_T,
    adjusted_p_values,
    draw_placebos,
    percentile,
    placebo_tests,
    placebos,
    randomization_p_value,
)
from engine.study.return_model import CounterfactualReturns
from engine.study.sample import Observation, Sample, make_samples
from engine.study.settings import EventWindow, Model, Scheme
from tests.engine.study.worlds import subject, walk

BARS = walk(100)


def values(*given: float) -> Floats:
    return np.array(given, dtype=np.float64)


def sample(*rows: int, net: Floats, expected: float = 0.0, sd: float = 1.0) -> Sample:
    """Observations of one shape that returns ``net`` at each of 100 rows."""
    anywhere = CounterfactualReturns(net, lambda: (np.full(100, expected), np.full(100, sd)))
    made = tuple(
        Observation(n, (f"E{n}",), 1, r, 1, "", "", float(net[r]), float(net[r]) - expected, sd, anywhere)
        for n, r in enumerate(rows)
    )
    return Sample(BARS, Model.MEAN, made, ())


def lists(*rows: tuple[int, ...], exact: bool = False) -> Calendars:
    return Calendars(Scheme.SHIFT if exact else Scheme.STRATIFIED, np.array(rows, dtype=np.intp), exact)


# among


def test_the_second_largest_of_nine_drawn_lists() -> None:
    # one list reaches 3.5 and eight do not: 2 (1 + 1) / (9 + 1)
    found = randomization_p_value("t", 3.5, values(-4, -3, -2, -1, 0, 1, 2, 3, 4), n=3, exact=False)
    assert found.p == pytest.approx(0.4)
    assert found.statistic == 3.5
    assert found.n == 3
    assert found.reference == "9 drawn lists"


def test_beyond_all_drawn_lists_p_is_two_over_their_number_and_one_and_never_zero() -> None:
    assert randomization_p_value("t", 99.0, np.arange(99.0) - 49, n=3, exact=False).p == pytest.approx(2 / 100)
    assert randomization_p_value("t", -99.0, np.arange(99.0) - 49, n=3, exact=False).p == pytest.approx(2 / 100)


def test_the_largest_of_forty_lists_that_are_all_there_are() -> None:
    # the identity is among them: 2 x 1 / 40
    found = randomization_p_value("t", 40.0, np.arange(1.0, 41.0), n=3, exact=True)
    assert found.p == pytest.approx(0.05)
    assert found.error == 0.0
    assert found.reference == "all 40 lists"


def test_the_tail_that_is_doubled_is_the_smaller_one() -> None:
    skewed = values(0, 0.1, 0.2, 0.3, 5, 6, 7, 8, 9, 10)
    assert randomization_p_value("t", 0.1, skewed, n=3, exact=True).p == pytest.approx(2 * 2 / 10)
    assert randomization_p_value("t", 9.0, skewed, n=3, exact=True).p == pytest.approx(2 * 2 / 10)


def test_in_the_middle_p_is_one_and_no_more() -> None:
    assert randomization_p_value("t", 0.0, values(-1, 0, 1), n=3, exact=True).p == 1.0
    assert randomization_p_value("t", 0.0, values(-1, 0, 1), n=3, exact=False).p == 1.0


def test_a_list_as_large_up_to_rounding_counts_as_reaching() -> None:
    assert randomization_p_value("t", 0.3, values(0.1 + 0.2, -1, -2, -3), n=3, exact=True).p == pytest.approx(0.5)
    assert randomization_p_value("t", 0.1 + 0.2, values(0.3, -1, -2, -3), n=3, exact=True).p == pytest.approx(0.5)


def test_monte_carlo_error_of_a_p_of_five_percent_from_9999_lists_is_three_tenths_of_a_point() -> None:
    # twice the error of a tail of 2.5 %: 2 sqrt(0.025 x 0.975 / 9999)
    found = randomization_p_value("t", 9_749.5, np.arange(9_999.0), n=3, exact=False)
    assert found.p == pytest.approx(0.05)
    assert found.error == pytest.approx(0.003123, abs=1e-6)


def test_lists_without_a_spread_are_not_counted() -> None:
    found = randomization_p_value("t", 2.0, values(np.nan, np.inf, 1, -1, 0), n=2, exact=False)
    assert found.p == pytest.approx(2 * (0 + 1) / (3 + 1))
    assert found.reference == "3 drawn lists"


def test_without_any_list_there_is_no_p() -> None:
    found = randomization_p_value("t", 2.0, values(np.nan, np.nan), n=2, exact=False)
    assert (found.p, found.statistic, found.reason) == (None, None, "no placebo list has a spread")


# t-statistics of lists


def test_t_of_each_list_by_hand() -> None:
    # 1 2 3: mean 2, standard deviation 1, root of 3; 2 4 6: the same statistic
    assert t_by_row(values(1, 2, 3, 2, 4, 6, -3, -2, -1).reshape(3, 3)) == pytest.approx(
        [3.4641016, 3.4641016, -3.4641016]
    )


def test_one_observation_or_equal_ones_have_no_t() -> None:
    assert np.isnan(t_by_row(values(1, 2).reshape(2, 1))).all()
    assert np.isnan(t_by_row(values(1, 1, 1).reshape(1, 3))).all()


# lookups


def test_placebos_return_what_the_trades_would_have_returned_at_each_row() -> None:
    net = np.arange(100.0) / 100
    found = placebos(sample(10, 20, net=net, expected=0.05, sd=0.5), lists((30, 40), (50, 60)))
    assert found.net[:] == pytest.approx(np.array([[0.3, 0.4], [0.5, 0.6]]))
    assert found.abnormal == pytest.approx(np.array([[0.25, 0.35], [0.45, 0.55]]))
    assert found.standardized == pytest.approx(np.array([[0.5, 0.7], [0.9, 1.1]]))
    assert found.t == pytest.approx([6.0, 10.0])


def test_each_observation_keeps_its_own_trades_wherever_it_is_sent() -> None:
    own, other = (CounterfactualReturns(np.full(100, v), lambda: (np.zeros(100), np.ones(100))) for v in (0.01, 0.02))
    made = tuple(
        Observation(n, (f"E{n}",), 1, r, 1, "", "", float(a.net[r]), float(a.net[r]), 1.0, a)
        for n, (r, a) in enumerate(((10, own), (20, other)))
    )
    found = placebos(Sample(BARS, Model.MEAN, made, ()), lists((20, 10), (30, 30)))
    assert found.net[:] == pytest.approx(np.array([[0.01, 0.02], [0.01, 0.02]]))


# the two tests


def test_of_the_lists_one_reaches_the_statistic_and_all_but_one_the_mean() -> None:
    net = np.zeros(100)
    net[[10, 11]] = 0.02, 0.03  # t = 5, mean 0.025
    net[[20, 21]] = 0.020, 0.021  # t = 41, mean 0.0205
    net[[30, 31]] = 0.01, 0.09  # t = 1.25, mean 0.05
    net[[40, 41]] = 0.04, 0.10  # t = 2.33, mean 0.07
    real = sample(10, 11, net=net)
    by_t, by_mean = placebo_tests(placebos(real, lists((10, 11), (20, 21), (30, 31), (40, 41), exact=True)))
    assert (by_t.name, by_mean.name) == (PLACEBO_T, PLACEBO_MEAN)
    assert by_t.statistic == pytest.approx(5.0)
    assert by_t.p == pytest.approx(2 * 2 / 4)
    assert by_mean.statistic == pytest.approx(0.025)
    # from below two of four means are no larger: the smaller tail is two
    assert by_mean.p == pytest.approx(2 * 2 / 4)


def test_one_observation_has_no_placebo_test() -> None:
    real = sample(10, net=np.arange(100.0))
    for found in placebo_tests(placebos(real, lists((10,), (20,)))):
        assert (found.p, found.reason) == (None, "1 observation: a studentized statistic needs at least 2")


def test_no_observation_has_no_placebo_test() -> None:
    drawn = placebos(sample(10, net=np.arange(100.0)), lists((10,)))
    by_t, _ = placebo_tests(replace(drawn, sample=sample(net=np.arange(100.0))))
    assert by_t.reason == "0 observations: a studentized statistic needs at least 2"


def test_equal_observations_have_no_placebo_test() -> None:
    net = np.arange(100.0)
    net[[10, 11, 12]] = 0.02
    real = sample(10, 11, 12, net=net)
    for found in placebo_tests(placebos(real, lists((20, 30, 40)))):
        assert (found.p, found.reason) == (None, "the observations are equal: their spread is zero")


@pytest.mark.parametrize("n", [2, 3])
def test_two_and_three_observations_have_one(n: int) -> None:
    s = subject(walk(), rows=[300, 600, 900][:n])
    drawn = draw_placebos(make_samples(s.pairs, s.return_model(Model.MEAN), ()), Scheme.STRATIFIED, draws=999, seed=1)
    assert not isinstance(drawn, str)
    by_t, _ = placebo_tests(drawn[0])
    assert by_t.p is not None
    assert 0.002 <= by_t.p <= 1


def test_the_lists_follow_from_the_seed() -> None:
    s = subject(walk(), rows=[300, 600, 900])
    views = make_samples(s.pairs, s.return_model(Model.MEAN), ())
    one, same, other = (draw_placebos(views, Scheme.STRATIFIED, draws=99, seed=k) for k in (1, 1, 2))
    assert not (isinstance(one, str) or isinstance(same, str) or isinstance(other, str))
    assert (one[0].t == same[0].t).all()
    assert (one[0].t != other[0].t).any()


def test_a_planted_effect_stands_out_among_the_placebo_dates() -> None:
    rows = [300, 500, 700, 900, 1_100]
    s = subject(walk(effects={r: 0.06 + 0.005 * n for n, r in enumerate(rows)}), rows=rows)
    drawn = draw_placebos(make_samples(s.pairs, s.return_model(Model.MEAN), ()), Scheme.STRATIFIED, draws=999, seed=1)
    assert not isinstance(drawn, str)
    by_t, by_mean = placebo_tests(drawn[0])
    assert by_t.p is not None
    assert by_t.p <= 0.01
    assert by_mean.p == pytest.approx(2 / 1_000)


# several views


def test_a_view_adjusted_for_their_number_is_no_smaller_than_its_own_two_sided_share() -> None:
    s = subject(walk(), rows=[300, 500, 700, 900])
    drawn = draw_placebos(
        make_samples(s.pairs, s.return_model(Model.MEAN), (EventWindow(-1, 1), EventWindow(0, 5))),
        Scheme.STRATIFIED,
        draws=499,
        seed=1,
    )
    assert not isinstance(drawn, str)
    for placebo, adjusted in zip(drawn, adjusted_p_values(drawn), strict=True):
        observed = abs(placebo.sample.t)
        alone = (int((np.abs(placebo.t) >= observed).sum()) + 1) / 500
        assert adjusted is not None
        assert alone <= adjusted <= 1


def test_one_view_is_not_adjusted() -> None:
    s = subject(walk(), rows=[300, 500, 700])
    drawn = draw_placebos(make_samples(s.pairs, s.return_model(Model.MEAN), ()), Scheme.STRATIFIED, draws=99, seed=1)
    assert not isinstance(drawn, str)
    assert adjusted_p_values(drawn) == [None]


# percentile


def test_percentile_is_the_share_of_dates_that_returned_no_more() -> None:
    assert percentile(0.2, values(0.1, 0.2, 0.3, np.nan, 0.4)) == 0.5
    assert percentile(0.0, values(0.1, 0.2)) == 0.0
    assert percentile(0.2, values(0.1, 0.2)) == 1.0
