"""Placebo calendars send the events elsewhere as their scheme says, and nowhere else."""

from itertools import combinations
from math import comb

import numpy as np
import pytest

from datasets.arrays import Flags
from datasets.errors import UserError
from datasets.instants import weekday
from datasets.prices.bars import Bars
from engine.study.calendars import Calendars, calendars, shifted, stratified, volatility_tercile, which_years
from engine.study.placebo import draw_placebos
from engine.study.return_model import CounterfactualReturns
from engine.study.sample import Observation, Sample, make_samples
from engine.study.settings import Model, Scheme, Settings
from tests.engine.study.worlds import subject, walk

BARS = walk(2_600)
NOWHERE = CounterfactualReturns(np.zeros(2_600), lambda: (np.zeros(2_600), np.ones(2_600)))


def observation(row: int, *, reach: int = 1, group: int = 0) -> Observation:
    return Observation(group, (f"E{row}",), 1, row, reach, "", "", 0.0, 0.0, 1.0, NOWHERE)


def sample(*rows: int, reach: int = 1, bars: Bars = BARS) -> Sample:
    found = tuple(observation(r, reach=reach, group=n) for n, r in enumerate(rows))
    return Sample(bars, Model.MEAN, found, ())


def fits(n: int, first: int = 0, last: int = 2_599, *, length: int = 2_600) -> list[Flags]:
    flags = np.zeros(length, dtype=bool)
    flags[first : last + 1] = True
    return [flags] * n


def made(found: Calendars | str) -> Calendars:
    assert isinstance(found, Calendars), found
    return found


# shift


def test_a_shift_keeps_the_spacing_around_the_circle_and_the_first_list_is_the_identity() -> None:
    found = made(shifted(sample(200, 210, 900), fits(3, 100, 1_099)))
    assert found.rows[0].tolist() == [200, 210, 900]
    assert len(found.rows) == 1_000
    assert found.exact
    assert ((found.rows[:, 1] - found.rows[:, 0]) % 1_000 == 10).all()
    assert ((found.rows[:, 2] - found.rows[:, 0]) % 1_000 == 700).all()
    assert found.rows.min() == 100
    assert found.rows.max() == 1_099


def test_a_shift_over_the_end_of_the_span_comes_in_at_its_beginning() -> None:
    found = made(shifted(sample(200, 210, 900), fits(3, 100, 1_099)))
    assert found.rows[199].tolist() == [399, 409, 1_099]
    assert found.rows[200].tolist() == [400, 410, 100]


def test_every_shift_is_there_once() -> None:
    found = made(shifted(sample(200, 210), fits(2, 100, 1_099)))
    assert sorted(found.rows[:, 0].tolist()) == list(range(100, 1_100))


def test_a_shift_that_leaves_an_event_without_a_place_is_left_out_and_shown() -> None:
    hole = fits(1, 100, 1_099)[0].copy()
    hole[500:600] = False
    found = made(shifted(sample(200, 210), [hole, hole]))
    # 100 shifts send the first event into the hole, 10 more only the second
    assert len(found.rows) == 890
    assert found.notes == ("890 of 1000 shifts leave every event a place",)
    assert not np.isin(found.rows, np.arange(500, 600)).any()


def test_too_few_shifts_are_no_calendar() -> None:
    found = shifted(sample(100, 110), fits(2, 100, 120))
    assert found == "only 21 shifts leave every event a place; at least 30 are needed"


def test_events_at_both_edges_of_the_span_shift_around() -> None:
    found = made(shifted(sample(100, 1_099), fits(2, 100, 1_099)))
    assert found.rows[0].tolist() == [100, 1_099]
    assert found.rows[1].tolist() == [101, 100]


# stratified


def test_a_drawn_session_has_the_weekday_and_the_volatility_of_the_event() -> None:
    rows = [300, 777, 1_501]
    found = made(stratified(sample(*rows), fits(3), draws=500, seed=1))
    tercile = volatility_tercile(BARS)
    for n, row in enumerate(rows):
        assert set(weekday(BARS.session[found.rows[:, n]]).tolist()) == {int(weekday(BARS.session[[row]])[0])}
        assert set(tercile[found.rows[:, n]].tolist()) == {int(tercile[row])}


def test_the_month_is_kept_where_it_leaves_thirty_sessions() -> None:
    long = walk(6_600)
    found = made(stratified(sample(3_000, bars=long), fits(1, last=6_599, length=6_600), draws=500, seed=1))
    month = long.session.astype("datetime64[M]").astype(int) % 12
    assert set(month[found.rows[:, 0]].tolist()) == {int(month[3_000])}
    assert found.notes == ()


def test_a_narrow_stratum_gives_up_the_month_and_says_so() -> None:
    # 2,600 sessions: 520 of a weekday, 43 of them in a month, of which a tercile leaves too few
    found = made(stratified(sample(300, 777), fits(2), draws=10, seed=1))
    assert found.notes == ("2 of 2 matched without the month",)


def test_a_stratum_that_is_narrower_still_gives_up_the_volatility_then_the_weekday() -> None:
    by_weekday = made(stratified(sample(1_000), fits(1, 1_100, 1_299), draws=400, seed=1))
    assert by_weekday.notes == ("1 of 1 matched without the month or volatility",)
    assert len(np.unique(by_weekday.rows)) == 40
    anyone = made(stratified(sample(1_000), fits(1, 1_100, 1_139), draws=400, seed=1))
    assert anyone.notes == ("1 of 1 matched without weekday, month or volatility",)
    assert np.unique(anyone.rows).tolist() == list(range(1_100, 1_140))


def test_with_fewer_than_thirty_sessions_there_is_no_draw_and_the_way_out_is_named() -> None:
    found = stratified(sample(1_000), fits(1, 1_100, 1_128), draws=10, seed=1)
    assert found == (
        "E1000 has 29 sessions outside every event window as placebo dates; at least 30 are needed "
        "('--placebo shift' moves all events together)"
    )


def test_no_drawn_window_touches_the_window_of_any_event() -> None:
    rows, reach = [1_100, 1_107, 1_130], 6
    found = made(stratified(sample(*rows, reach=reach), fits(3, 1_000, 1_199), draws=3_000, seed=1))
    own = {r + k for r in rows for k in range(reach)}
    for drawn in np.unique(found.rows).tolist():
        assert own.isdisjoint(range(drawn, drawn + reach))


def test_the_windows_of_events_that_are_lost_are_stayed_away_from_too() -> None:
    kept = sample(1_100)
    both = Sample(BARS, Model.MEAN, kept.usable, (observation(1_150, reach=5),))
    found = made(stratified(both, fits(1, 1_101, 1_190), draws=3_000, seed=1))
    assert not np.isin(found.rows, np.arange(1_146, 1_155)).any()


def test_only_rows_at_which_the_trade_fits_are_drawn() -> None:
    flags = fits(1)[0].copy()
    flags[1_000:2_000] = False
    found = made(stratified(sample(300), [flags], draws=5_000, seed=1))
    assert not np.isin(found.rows, np.arange(1_000, 2_000)).any()


def test_draws_follow_from_the_seed() -> None:
    one, same, other = (stratified(sample(300, 777), fits(2), draws=200, seed=s) for s in (1, 1, 2))
    assert (made(one).rows == made(same).rows).all()
    assert (made(one).rows != made(other).rows).any()
    assert not made(one).exact


def test_tercile_of_volatility_looks_back_only() -> None:
    changed = walk(2_600, effects={1_500: 0.5})
    before, after = volatility_tercile(BARS), volatility_tercile(changed)
    ranked = [volatility_tercile(b.until(int(b.close_at[1_500]))) for b in (BARS, changed)]
    assert (ranked[0] == ranked[1]).all()
    assert after[1_501:1_561].min() == 2
    assert before[1_501:1_561].min() < 2


def test_terciles_are_thirds_and_the_first_sessions_have_none() -> None:
    found = volatility_tercile(BARS)
    assert (found[:61] == -1).all()
    assert np.bincount(found[61:]).tolist() == pytest.approx([846, 847, 846], abs=1)


def test_bars_too_short_for_sixty_returns_have_no_tercile() -> None:
    assert (volatility_tercile(BARS.until(int(BARS.close_at[60]))) == -1).all()


def test_weekdays_count_from_monday() -> None:
    week = np.arange("2026-02-09", "2026-02-16", dtype="datetime64[D]")
    assert weekday(week).tolist() == [0, 1, 2, 3, 4, 5, 6]


# which years


def rows_on(*dates: str, bars: Bars = BARS) -> list[int]:
    return [int(r) for r in np.searchsorted(bars.session, np.array(dates, dtype="datetime64[D]"))]


YEARLY = ("2003-11-04", "2006-11-07", "2008-11-05")


def test_years_are_every_choice_and_the_identity_is_one_of_them() -> None:
    own = rows_on(*YEARLY)
    found = made(which_years(sample(*own), fits(3), draws=100, seed=1))
    # the bars go from January 2001 to December 2010: ten Novembers
    assert len(found.rows) == comb(10, 3) == 120
    assert found.exact
    assert found.rows.tolist().count(own) == 1
    assert len({tuple(r) for r in found.rows.tolist()}) == 120
    assert found.notes == ("all 120 choices of 3 of 10 years",)


def test_another_year_is_entered_near_the_slot_and_the_events_years_at_their_own_dates() -> None:
    own = rows_on(*YEARLY)
    found = made(which_years(sample(*own), fits(3), draws=100, seed=1))
    slots = np.unique(found.rows)
    assert set(own) <= set(slots.tolist())
    assert len(slots) == 10
    days = [str(d)[5:] for d in BARS.session[slots]]
    assert min(days) >= "11-01"
    assert max(days) <= "11-11"
    # two of three events fell on a Tuesday: so do the slots of the other years
    others = np.setdiff1d(slots, own)
    assert set(weekday(BARS.session[others]).tolist()) == {1}


def test_lists_of_years_are_in_order_of_time() -> None:
    found = made(which_years(sample(*rows_on(*YEARLY)), fits(3), draws=100, seed=1))
    assert (np.diff(found.rows, axis=1) > 0).all()


def test_choices_beyond_two_hundred_thousand_are_drawn_from_the_seed() -> None:
    long = walk(6_600)  # to April 2026: 25 Junes
    own = rows_on(*(f"20{y:02}-06-1{y % 5}" for y in range(3, 13)), bars=long)
    one, same, other = (
        made(which_years(sample(*own, bars=long), fits(10, last=6_599, length=6_600), draws=300, seed=s))
        for s in (1, 1, 2)
    )
    assert not one.exact
    assert one.rows.shape == (300, 10)
    assert one.notes == ("drawn from 3,268,760 choices of 10 of 25 years",)
    assert (one.rows == same.rows).all()
    assert (one.rows != other.rows).any()
    assert all(len(set(r)) == 10 for r in one.rows.tolist())


def test_a_year_whose_slot_does_not_fit_is_not_chosen() -> None:
    own = rows_on(*YEARLY)
    flags = fits(1)[0].copy()
    flags[: rows_on("2003-01-01")[0]] = False
    found = made(which_years(sample(*own), [flags] * 3, draws=100, seed=1))
    assert len(found.rows) == comb(8, 3) == 56


def test_events_around_the_year_have_no_slot() -> None:
    found = which_years(sample(*rows_on("2003-02-04", "2006-11-07")), fits(2), draws=10, seed=1)
    assert found == "2 of 2 events lie more than 15 days from their median date in the year"


def test_two_events_of_one_year_have_no_slot() -> None:
    found = which_years(sample(*rows_on("2006-11-02", "2006-11-07")), fits(2), draws=10, seed=1)
    assert found == "two events fall in one year"


def test_events_in_every_year_leave_none_to_choose() -> None:
    own = rows_on(*(f"20{y:02}-11-07" for y in range(1, 11)))
    assert which_years(sample(*own), fits(10), draws=10, seed=1) == "no other year has bars at the events' slot"


def test_choices_are_the_combinations_of_the_slots() -> None:
    own = rows_on(*YEARLY[:2])
    found = made(which_years(sample(*own), fits(2), draws=100, seed=1))
    slots = sorted(set(found.rows.ravel().tolist()))
    assert sorted(map(tuple, found.rows.tolist())) == sorted(combinations(slots, 2))


# all schemes


@pytest.mark.parametrize("draws", [99, -1, 1_000_001])
def test_draws_out_of_bounds_are_refused(draws: int) -> None:
    with pytest.raises(UserError, match=r"^--draws is -?\d+; it must lie between 100 and 1,000,000$"):
        Settings(draws=draws)


@pytest.mark.parametrize("scheme", Scheme)
def test_without_an_observation_there_is_no_calendar(scheme: Scheme) -> None:
    nothing = Sample(BARS, Model.MEAN, (), (observation(300),))
    assert calendars(nothing, scheme, draws=10, seed=1, fits=[]) == "no observation with an abnormal return"


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("scheme", Scheme)
def test_one_two_or_three_observations_have_calendars(scheme: Scheme, n: int) -> None:
    found = made(calendars(sample(*rows_on(*YEARLY[:n])), scheme, draws=50, seed=1, fits=fits(n)))
    assert found.scheme is scheme
    assert found.rows.shape[1] == n
    assert found.rows.min() >= 0
    assert found.rows.max() < 2_600


@pytest.mark.parametrize("scheme", [Scheme.STRATIFIED, Scheme.SHIFT])
def test_a_trade_is_sent_only_where_its_estimation_window_and_its_whole_holding_lie_within_the_bars(
    scheme: Scheme,
) -> None:
    # bar 0 has no return, so that bars 1 to 60 are the first 60 of an estimation window, which ends 11 before the entry
    s = subject(walk(), rows=[150, 700, 1_489], hold=10)
    drawn = draw_placebos(make_samples(s.pairs, s.return_model(Model.MEAN), ()), scheme, draws=20_000, seed=1)
    assert not isinstance(drawn, str)
    assert drawn[0].calendars.rows.min() >= 71
    assert drawn[0].calendars.rows.max() <= 1_489
    assert np.isfinite(drawn[0].standardized[:]).all()
