"""What sessions in common take from a t-statistic, by hand."""

import numpy as np
import pytest

from datasets.arrays import Flags
from engine.statistics.event_tests import bmp, sign_flip
from engine.study.dependence import against_placebo, shared_sessions
from engine.study.placebo import draw_placebos
from engine.study.return_model import CounterfactualReturns
from engine.study.sample import Observation, Sample, make_samples
from engine.study.settings import EventWindow, Model, Scheme
from tests.engine.study.worlds import subject, walk

BARS = walk(2_600)
NOWHERE = CounterfactualReturns(np.zeros(2_600), lambda: (np.zeros(2_600), np.ones(2_600)))
TWENTY = ((0, 19),)


def sample(
    *rows: int,
    held: tuple[tuple[int, int], ...] = TWENTY,
    model: Model | None = Model.MEAN,
    inside: Flags | None = None,
) -> Sample:
    found = tuple(
        Observation(n, (f"E{r}",), 1, r, 20, "", "", 0.0, 0.0, 1.0, NOWHERE, held=held) for n, r in enumerate(rows)
    )
    return Sample(BARS, model, found, (), inside)


def test_events_farther_apart_than_an_estimation_window_share_nothing() -> None:
    assert shared_sessions(sample(300, 460, 1_000, 2_000)) == pytest.approx(1.0, abs=1e-12)


def test_two_events_that_share_most_of_an_estimation_window() -> None:
    # T = 120, L = 20: a session held weighs 1, one of the estimation window -1/6; the variance is 20 + 120/36 = 23.333.
    # Rows 300 and 325: 95 estimation sessions in common, 95/36 = 2.639; 15 held by the first are in the second's
    # window, -15/6 = -2.5: r = 0.1389 / 23.333 = 0.005952, and the factor is the root of (1 - r) / (1 + r)
    assert shared_sessions(sample(300, 325)) == pytest.approx(0.994065, abs=1e-6)


def test_windows_of_events_left_out_of_the_estimation_no_longer_make_up_for_it() -> None:
    # the second one's window has 105 sessions left, each weighs -20/105: variances 23.333 and 23.810,
    # covariance 95 x 20/120 x 20/105 = 3.0159, r = 0.12795
    inside = np.zeros(2_600, dtype=bool)
    inside[300:320] = inside[325:345] = True
    assert shared_sessions(sample(300, 325, inside=inside)) == pytest.approx(0.87930, abs=1e-4)


@pytest.mark.parametrize("model", [None, Model.MARKET])
def test_what_estimates_no_mean_shares_none(model: Model | None) -> None:
    assert shared_sessions(sample(300, 325, model=model)) == 1.0


def test_a_factor_never_lengthens_a_statistic() -> None:
    # rows 300 and 419: the first one's 20 sessions lie in the second's window, 1 of their windows is in common
    assert shared_sessions(sample(300, 419)) == 1.0


@pytest.mark.parametrize("rows", [(), (300,)])
def test_fewer_than_two_observations_share_nothing(rows: tuple[int, ...]) -> None:
    assert shared_sessions(sample(*rows)) == 1.0
    assert against_placebo(sample(*rows), np.zeros((10, len(rows)), dtype=np.intp)) == 1.0


def test_placebo_dates_spread_over_as_many_sessions_as_the_events_hold_halve_the_information() -> None:
    # no counterfactual, one session held: the events' mean has variance 1/2, that of the two dates they are sent to 1/2
    rows = np.array([[700, 900], [900, 700]] * 50, dtype=np.intp)
    found = against_placebo(sample(300, 500, held=((0, 0),), model=None), rows)
    assert found == pytest.approx(np.sqrt(1 / 2))


def test_placebo_dates_over_the_whole_calendar_take_little() -> None:
    # 1,000 sessions of weight 1/1,000 and 2 of weight 1/2: (1/2) / (1/2 + 1/1,000)
    every = np.arange(1_000, 2_000, dtype=np.intp)
    found = against_placebo(sample(300, 500, held=((0, 0),), model=None), np.stack([every, every[::-1]], axis=1))
    assert found == pytest.approx(np.sqrt(0.5 / 0.501))


def test_a_study_knows_what_each_observation_holds() -> None:
    # in at the open of a bar, out at the open after ten: the returns of ten sessions; windows as they are given
    s = subject(walk(), rows=[300, 700], hold=10)
    samples = make_samples(s.pairs, s.return_model(Model.MEAN), (EventWindow(-1, 1),))
    assert [o.held for o in samples[0].usable] == [((0, 9),), ((0, 9),)]
    assert [o.held for o in samples[1].usable] == [((-1, 1),), ((-1, 1),)]


def test_overlapping_events_hold_both_spans_from_the_first_on() -> None:
    s = subject(walk(), rows=[300, 304, 700], hold=10)
    usable = make_samples(s.pairs, s.return_model(Model.MEAN), ())[0].usable
    assert [o.held for o in usable] == [((0, 9), (4, 13)), ((0, 9),)]


def test_the_factor_shortens_the_statistic_and_is_shown() -> None:
    values = np.array([1.0, 2.0, 3.0])
    found = bmp(values, factor=0.5)
    assert found.statistic == pytest.approx(1.7320508)  # half of 3.4641
    assert found.reference == "t(2), times 0.50 for shared sessions"
    assert bmp(values).reference == "t(2)"


def test_sign_flips_of_a_shortened_mean() -> None:
    # 1 to 6 sum to 21: only all and none flipped are as far, 2 of 64. The mean of 3.5 made 2.5: 0 1 2 3 4 5, and the 0
    # may be flipped too, 4 of 64
    values = np.arange(1.0, 7.0)
    assert sign_flip(values, draws=1, seed=0).p == pytest.approx(2 / 64)
    found = sign_flip(values, draws=1, seed=0, factor=2.5 / 3.5)
    assert found.p == pytest.approx(4 / 64)
    assert found.statistic == 3.5
    assert found.reference.endswith("times 0.71 for shared sessions")


def test_events_a_month_apart_have_shorter_statistics_than_events_a_year_apart() -> None:
    found = []
    for step in (40, 260):
        s = subject(walk(3_000), rows=[200 + step * k for k in range(10)], hold=20)
        drawn = draw_placebos(
            make_samples(s.pairs, s.return_model(Model.MEAN), ()), Scheme.STRATIFIED, draws=500, seed=1
        )
        assert not isinstance(drawn, str)
        found.append(drawn[0])
    close, far = found
    assert far.t_factor == pytest.approx(1.0, abs=1e-9)
    assert close.t_factor < 0.9
    assert close.distance_factor < far.distance_factor < 1.0


def test_enumerated_lists_are_not_shortened() -> None:
    s = subject(walk(), rows=[300, 340, 380], hold=20)
    drawn = draw_placebos(make_samples(s.pairs, s.return_model(Model.MEAN), ()), Scheme.SHIFT, draws=1, seed=1)
    assert not isinstance(drawn, str)
    assert drawn[0].distance_factor == 1.0
