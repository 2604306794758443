"""The benchmarks compare no time before the results agree, and tell a part of the work from the whole."""

import re
from pathlib import Path

import pytest

from benchmarks.race import DisagreementError, Entrant, race

HERE = "tests.racing"


def test_results_that_differ_by_more_than_they_may_stop_the_race():
    with pytest.raises(DisagreementError, match=r"second is off by 1\.0e-06"):
        race([Entrant("first", f"{HERE}:numbers", ("1 2",)), Entrant("second", f"{HERE}:numbers", ("1 2.000002",))])


def test_results_that_are_too_few_stop_the_race():
    with pytest.raises(DisagreementError, match="second returned 1 results, not 2"):
        race([Entrant("first", f"{HERE}:numbers", ("1 2",)), Entrant("second", f"{HERE}:numbers", ("1",))])


def test_a_part_of_the_work_is_held_against_that_part_and_its_time_scaled_up():
    part = Entrant("part", f"{HERE}:sleeps", ("1 3",), every=2)
    whole, scaled = race([Entrant("whole", f"{HERE}:numbers", ("1 2 3 4",)), part])
    assert (scaled.off, scaled.n_results) == (0.0, 2)
    assert scaled.seconds >= 2 * 0.02  # it sleeps for 0.02 s
    assert whole.peak_mib > 5


def test_peers_are_pinned_and_hashed_and_no_index_is_named():
    lock = (Path(__file__).parents[1] / "benchmarks" / "peers.lock").read_text(encoding="utf-8")
    pinned = re.findall(r"^([\w-]+)==", lock, flags=re.MULTILINE)
    assert {"backtesting", "backtrader", "bt", "vectorbt", "vectorbt-rust"} <= set(pinned)
    assert "://" not in lock
    assert len(re.findall(r"^[\w-]+==[^\n]*\\\n +--hash=sha256:", lock, flags=re.MULTILINE)) == len(pinned)
