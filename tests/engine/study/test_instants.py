"""Windows between instants: worked by hand on evenings of New York, and the election night of 2016."""

from datetime import datetime
from typing import Any

import pytest

from datasets.errors import UserError
from datasets.instants import InstantWindow, to_ns
from engine.study.instants import window_moves
from tests.engine.markets import bars, flat_day, instrument
from tests.engine.test_intraday import FX, intraday, prints_of


def window(begins_at: str, ends_at: str, name: str = "night") -> InstantWindow:
    return InstantWindow(name, *(datetime.fromisoformat(f"{at}Z") for at in (begins_at, ends_at)))


NIGHT = window("2020-03-10T23:00", "2020-03-11T03:00")
EVENINGS = {  # 19:00 and 23:00 in New York, which changed to summer time on 8 March
    ("2020-03-04T00:00", "2020-03-04T04:00"): 0.01,
    ("2020-03-05T00:00", "2020-03-05T04:00"): -0.01,
    ("2020-03-06T00:00", "2020-03-06T04:00"): 0.01,
    ("2020-03-09T23:00", "2020-03-10T03:00"): -0.01,
    ("2020-03-10T23:00", "2020-03-11T03:00"): 0.05,
}
PRINTS = intraday(FX, [p for (a, b), move in EVENINGS.items() for p in ((a, 100.0), (b, 100.0 * (1 + move)))])


def moved(*windows: InstantWindow, decided: str = "", of: Any = PRINTS) -> Any:
    decided_at = [to_ns(datetime.fromisoformat(f"{decided}Z"))] if decided else []
    return window_moves(of, windows, decided_at)


def test_by_hand_on_both_sides_of_the_change_of_clocks():
    """Others 1, -1, 1, -1 %: mean 0, s the root of 4/3 %; t = 5 / (s root of 5/4). Of five days it is the largest."""
    [found] = moved(NIGHT)
    assert (found.days, found.move, found.expected) == (4, pytest.approx(0.05), pytest.approx(0.0))
    assert found.forecast.statistic == pytest.approx(5 / (4 / 3 * 5 / 4) ** 0.5)
    assert (found.placebo.p, found.placebo.reference) == (pytest.approx(2 / 5), "all 5 lists")


def test_days_with_another_window_or_decision_are_no_other_days():
    other = window("2020-03-05T01:00", "2020-03-05T05:00", "count")
    assert [m.days for m in moved(NIGHT, other)] == [3, 3]
    [found] = moved(NIGHT, decided="2020-03-04T02:00")
    assert (found.days, found.expected) == (3, pytest.approx(-0.01 / 3))
    assert moved(NIGHT, decided="2020-03-04T04:00")[0].days == 4  # at its end: the move is over


def test_too_few_days_leave_the_move_alone():
    [found] = moved(NIGHT, of=PRINTS.from_session(PRINTS.session[4]))
    assert (found.move, found.expected, found.forecast.p, found.placebo.p) == (pytest.approx(0.05), None, None, None)
    assert found.placebo.reason.startswith("2 other days have prices at the same clock time; at least 3")


@pytest.mark.parametrize(
    ("of", "given", "said"),
    [
        (PRINTS, window("2020-03-11T05:00", "2020-03-11T09:00"), "FX has no price within a quarter of night"),
        (PRINTS, window("2021-03-11T05:00", "2021-03-11T09:00"), "it has 10 bars, 2020-03-04 to 2020-03-11"),
        (bars(instrument("TOPIX"), [flat_day("2024-01-09", 1.0)]), NIGHT, "those of TOPIX are daily"),
    ],
)
def test_what_has_no_prices_there_is_refused(of, given, said):
    with pytest.raises(UserError, match=said.replace("FX", FX.symbol)):
        moved(given, of=of)


@pytest.mark.parametrize(("name", "move", "t"), [("USDJPY", -0.0311488, -8.496), ("USDMXN", 0.1195192, 36.736)])
def test_the_election_night_of_2016(shared_dir, name, move, t):
    """To 04:20 UTC, before the call: from 104.98 to 101.71 yen, from 18.3025 to 20.49 pesos; worked from the file.

    The other evenings from 19:00 in New York are those of 2, 3, 6 and 7 November; markets were shut on the 4th and 5th.
    """
    night = window("2016-11-09T00:00", "2016-11-09T04:20")
    [found] = moved(night, of=prints_of(shared_dir, name, FX))
    assert (found.days, found.move) == (4, pytest.approx(move, abs=1e-7))
    assert found.forecast.statistic == pytest.approx(t, abs=1e-3)
    assert found.placebo.p == pytest.approx(0.4)  # 2 / 5: four evenings allow no less
