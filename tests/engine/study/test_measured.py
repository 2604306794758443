"""The intervals cover what they say, and zero-skill sweeps do not pass: small versions of the tables of docs/study.md."""

from benchmarks.coverage import covered
from benchmarks.deflated import HOLDS, Sweep, passing


def test_intervals_of_ten_events_cover_as_they_say() -> None:
    found = covered("normal", 10, runs=150)
    assert len(found) == 5
    for name, share in found.items():
        assert abs(share - 0.95) <= 3 * 0.0178, name  # root of 0.95 x 0.05 / 150


def test_zero_skill_sweeps_of_long_holds_in_a_rising_market_do_not_pass() -> None:
    beyond, net = passing(Sweep(HOLDS[-1], 20, 0.08), 60)
    assert beyond <= 0.06
    assert net > 0.3  # the same runs catch a ratio that rewards drift
