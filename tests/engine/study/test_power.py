"""The power that is printed before a result is the power there is."""

import numpy as np
import pytest
from msgspec.structs import replace

from benchmarks.nulls import made, occasion, priced, shocks, stage
from benchmarks.power import CLUSTERED, DETECTABLE, FAT, NORMAL, TESTS, WILD, Cell, tally
from datasets.arrays import Floats
from engine.study.calendars import Calendars
from engine.study.placebo import Placebos, draw_placebos
from engine.study.power import (
    EFFECTS,
    Power,
    detectable_effect,
    exaggeration,
    fair_spread,
    power,
    sign_flip_rejects,
    sign_patterns,
    t_power,
)
from engine.study.sample import Sample, make_samples
from engine.study.settings import Model, Scheme
from tests.engine.study.worlds import subject, walk


class Events(Sample, frozen=True, eq=False):
    """Observations that only have abnormal returns."""

    abnormal: Floats = np.array([-0.02, 0.0, 0.02])


NO_EVENTS = Events(walk(2), Model.MEAN, (), ())
SESSION, MONTH, CALM_MONTH = 0.012, 0.012 * 20**0.5, 0.01 * 20**0.5


def smallest(effect: float, spread: float) -> int:
    return next(n for n in range(2, 2_000) if t_power(effect, n, spread) >= 0.8)


# METHODS of event studies, section 8: events needed for 80 % power at 5 %, two-sided. Its 909 is of a rounded spread.
@pytest.mark.parametrize(
    ("effect", "session", "month", "calm"),
    [(0.005, 48, 907, 630), (0.01, 14, 228, 159), (0.02, 6, 59, 42), (0.03, 4, 28, 20), (0.05, 3, 12, 9)],
)
def test_events_needed_for_80_percent(effect: float, session: int, month: int, calm: int) -> None:
    assert (smallest(effect, SESSION), smallest(effect, MONTH), smallest(effect, CALM_MONTH)) == (session, month, calm)


def test_200_bp_over_20_sessions_are_seldom_seen() -> None:
    found = [t_power(0.02, n, MONTH) for n in (5, 10, 20)]
    assert found == pytest.approx([0.10, 0.18, 0.35], abs=0.005)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 20, 60])
def test_t_power_is_that_of_statsmodels(n: int) -> None:
    from statsmodels.stats.power import TTestPower

    for ratio in (0.05, 0.2, 0.5, 1.0, 2.0, 3.0):
        for alpha in (0.01, 0.05, 0.10):
            expected = TTestPower().power(ratio, n, alpha)
            if np.isfinite(expected):  # of large effects it has none; see below
                assert t_power(ratio, n, 1.0, alpha=alpha) == pytest.approx(expected, abs=1e-9)


def test_no_effect_is_found_as_often_as_the_level() -> None:
    assert t_power(0.0, 7, 0.03, alpha=0.05) == pytest.approx(0.05)


@pytest.mark.parametrize(("ratio", "n"), [(20.0, 2), (50.0, 2), (20.0, 5), (10.0, 20)])
def test_an_effect_beyond_what_the_noncentral_t_of_scipy_bears_has_a_power(ratio: float, n: int) -> None:
    assert 0.95 < t_power(ratio, n, 1.0) <= 1.0


def test_power_of_two_observations_at_an_effect_of_20_spreads() -> None:
    # t(1) beyond 12.706: |Z| < (Z' + 28.284) / 12.706, near enough 2.226 with a spread of 1 / 12.706: 2 Phi(2.219) - 1
    assert t_power(20.0, 2, 1.0) == pytest.approx(0.9735, abs=5e-4)


# statsmodels 0.14, TTestPower().solve_power(None, n, 0.05, 0.8)
@pytest.mark.parametrize(("n", "expected"), [(2, 11.54989), (3, 3.26404), (5, 1.68200), (10, 0.99600), (20, 0.66044)])
def test_detectable_effect_is_that_of_statsmodels(n: int, expected: float) -> None:
    assert detectable_effect(n, 0.02) == pytest.approx(0.02 * expected, rel=1e-5)


@pytest.mark.parametrize(("n", "spread"), [(1, 0.02), (5, 0.0), (5, float("nan"))])
def test_nothing_is_detectable_without_a_spread_or_a_second_observation(n: int, spread: float) -> None:
    assert detectable_effect(n, spread) is None


def test_sign_patterns_are_all_of_them_up_to_sign_the_identity_first() -> None:
    found = sign_patterns(3, 0)
    turned = {tuple(p) if p[0] > 0 else tuple(-x for x in p) for p in found.tolist()}
    assert turned == {(1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1)}
    assert len(found) == 4
    assert found[0].tolist() == [1, 1, 1]
    assert len(sign_patterns(11, 0)) == 1_024


def test_beyond_eleven_observations_sign_patterns_are_drawn_the_identity_first() -> None:
    found = sign_patterns(20, 1)
    assert found.shape == (1_024, 20)
    assert (found[0] == 1).all()
    assert set(np.unique(found).tolist()) == {-1.0, 1.0}
    assert (found == sign_patterns(20, 1)).all()


def test_sign_flips_of_six_reject_when_all_agree_and_of_five_never() -> None:
    # 2 of 64 patterns are as far out: p = 0.031; of five 2 of 32: 0.0625
    assert sign_flip_rejects(np.full((1, 6), 0.01), sign_patterns(6, 0), alpha=0.05).tolist() == [True]
    assert sign_flip_rejects(np.full((1, 5), 0.01), sign_patterns(5, 0), alpha=0.05).tolist() == [False]
    assert sign_flip_rejects(np.array([[1, 1, 1, 1, 1, -1.0]]), sign_patterns(6, 0), alpha=0.05).tolist() == [False]


def lists(abnormal: Floats, sd: float, *, t_factor: float = 1.0, distance_factor: float = 1.0) -> Placebos:
    rows = np.zeros(abnormal.shape, dtype=np.intp)
    calendars = Calendars(Scheme.STRATIFIED, rows, exact=False)
    sds = np.full(abnormal.shape, sd)
    return Placebos(NO_EVENTS, calendars, abnormal, abnormal, abnormal / sd, sds, distance_factor, t_factor)


def of(found: Power | str) -> Power:
    assert isinstance(found, Power), found
    return found


def test_of_normal_lists_it_is_the_power_of_the_t_test() -> None:
    # 2,000 lists of five: statsmodels' power at ratios 0.5, 1, 2 and 3 is 0.139, 0.401, 0.910 and 0.999
    values = 0.01 * np.random.default_rng(5).standard_normal((2_000, 5))
    rows = {r.effect: r for r in of(power(lists(values, 0.01))).rows}
    for effect, expected in ((0.005, 0.139), (0.01, 0.401), (0.02, 0.910), (0.03, 0.999)):
        assert rows[effect].bmp == pytest.approx(expected, abs=0.033)  # 3 standard errors
        assert rows[effect].placebo == pytest.approx(expected, abs=0.045)  # its limits are estimated too
        assert rows[effect].sign_flip == 0.0


def test_the_placebo_test_rejects_beyond_the_lists_that_leave_p_at_the_level() -> None:
    # t of two values a - 1 and a + 1 is a. Of 39 drawn lists one may reach at 5 %: 2 (0 + 1) / (39 + 1), so that a list
    # must pass the largest, 19; moved by half a spread, 0.5, only that one does
    middle = np.arange(-19.0, 20.0)
    drawn = lists(0.01 * (middle[:, None] + np.array([-1.0, 1.0])), 0.01)
    assert of(power(drawn)).rows[0].placebo == pytest.approx(1 / 39)
    # of 38 lists none is enough: p cannot be below 2 / 39
    few = lists(0.01 * (middle[1:, None] + np.array([-1.0, 1.0])), 0.01)
    assert [r.placebo for r in of(power(few)).rows] == [0.0] * len(EFFECTS)


def test_power_grows_with_the_effect_and_exaggeration_falls() -> None:
    values = 0.02 * np.random.default_rng(6).standard_normal((2_000, 10))
    found = of(power(lists(values, 0.02)))
    assert tuple(r.effect for r in found.rows) == EFFECTS
    for test in ("bmp", "sign_flip", "placebo"):
        shares = [getattr(r, test) for r in found.rows]
        assert shares == sorted(shares)


# 4 million simulated means of ten and their spreads: mean size of those with |t| above 2.262, over the effect
@pytest.mark.parametrize(("ratio", "expected"), [(0.25, 2.939), (0.5, 1.660), (1.0, 1.096), (3.0, 1.0)])
def test_exaggeration_is_that_of_simulated_means_and_never_below_one(ratio: float, expected: float) -> None:
    assert exaggeration(ratio * 0.02, 10, 0.02) == pytest.approx(expected, abs=0.003)
    assert all(exaggeration(e, n, s) >= 1.0 for e in EFFECTS for n in (3, 7, 30) for s in (0.001, 0.02, 0.3))


# Hedges 1981, table 2: c(m) is 0.7979, 0.8686 and 0.9228 with 4, 6 and 10 degrees of freedom
@pytest.mark.parametrize(("n", "c"), [(5, 0.7979), (7, 0.8686), (11, 0.9228)])
def test_the_spread_of_few_events_is_corrected_as_by_hedges(n: int, c: float) -> None:
    assert fair_spread(n, 0.02) == pytest.approx(0.02 / c, rel=1e-4)
    assert fair_spread(2, 0.02) is None


def test_one_wild_event_in_ten_makes_no_claim_that_two_percent_would_be_found() -> None:
    # nine of about +0.7 % and one of +60 %: a standard deviation of 18.8 %, on dates where that of an event is 1 %
    calm = lists(0.01 * np.random.default_rng(8).standard_normal((500, 10)), 0.01)
    wild = Events(walk(2), Model.MEAN, (), (), abnormal=np.append(0.007 + 0.0001 * np.arange(-4, 5), 0.6))
    found = of(power(replace(calm, sample=wild)))
    [two] = [r for r in found.rows if r.effect == 0.02]
    assert two.bmp == pytest.approx(1.0, abs=0.01)
    assert two.own is not None
    assert two.own < 0.07
    assert found.detectable is not None
    assert found.detectable > 0.18


def test_sessions_in_common_take_from_the_power() -> None:
    values = 0.02 * np.random.default_rng(7).standard_normal((2_000, 10))
    free, shared = (of(power(lists(values, 0.02, t_factor=w, distance_factor=a))) for w, a in ((1.0, 1.0), (0.8, 0.7)))
    rows = list(zip(free.rows, shared.rows, strict=True))[:4]
    for name in ("bmp", "placebo", "sign_flip"):
        assert all(getattr(s, name) < getattr(f, name) for f, s in rows)
    assert free.detectable is not None
    assert shared.detectable == pytest.approx(free.detectable / 0.8)


def test_one_observation_has_no_power() -> None:
    assert power(lists(np.ones((100, 1)), 0.01)) == "1 observation: no test, and so no power"


def test_what_is_printed_hangs_on_the_dates_and_not_on_what_the_events_did() -> None:
    rows = [300, 600, 900, 1_200]
    printed = []
    for effects in ({}, dict.fromkeys(rows, 0.08)):
        s = subject(walk(effects=effects), rows=rows)
        drawn = draw_placebos(make_samples(s.pairs, s.return_model(Model.MEAN), ()), Scheme.SHIFT, draws=500, seed=1)
        assert not isinstance(drawn, str)
        away = [[r for r in listed if min(abs(r - e) for e in rows) > 1] for listed in drawn[0].calendars.rows.tolist()]
        kept = np.array([len(listed) == 4 for listed in away])
        printed.append(of(power(lists(drawn[0].abnormal[kept], 0.01))))
    assert printed[0].spread == pytest.approx(printed[1].spread, rel=1e-9)
    assert [r.bmp for r in printed[0].rows] == [r.bmp for r in printed[1].rows]


def test_a_planted_effect_is_what_the_trades_gain_and_nothing_else_moves() -> None:
    rng = np.random.default_rng(1)
    at = stage(NORMAL, 5, 20)
    moves, when = shocks(NORMAL, at, 1, rng)[0], occasion(NORMAL, at, 5, rng)
    without, planted = (made(at, when, priced(NORMAL, at, when, moves, effect=e), ()) for e in (0.0, 0.03))
    a, b = without.samples[0], planted.samples[0]
    assert b.net - a.net == pytest.approx(0.03)
    assert b.abnormal - a.abnormal == pytest.approx(0.03)
    found = [o.by_row.abnormal for o in (a.usable[0], b.usable[0])]
    away = np.min([np.abs(np.arange(len(found[0])) - r) for r in when.all_selected], axis=0) > 20
    there = away & np.isfinite(found[0])
    assert found[1][there] == pytest.approx(found[0][there], abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("null", "n", "hold", "tests"),
    [(NORMAL, 20, 20, TESTS), (FAT, 10, 1, TESTS), (CLUSTERED, 5, 1, TESTS), (WILD, 7, 5, ("own",))],
)
def test_the_printed_power_comes_true(null, n: int, hold: int, tests: tuple[str, ...]) -> None:
    found = tally(Cell(null, n, hold), 0, runs=80)
    assert abs(found.kept(*DETECTABLE) - 0.80) <= 3.5 * 0.0447  # root of 0.8 x 0.2 / 80
    for effect, test in ((e, t) for e, t in found.printed if t in tests):
        gap = found.kept(effect, test) - found.promised(effect, test)
        assert abs(gap) <= 3.5 * found.error(effect, test) + 0.005, (effect, test, gap)
