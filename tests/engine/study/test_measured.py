"""The intervals cover what they say, and zero-skill sweeps do not pass: small versions of the tables of docs/study.md."""

from pathlib import Path

import pytest

from benchmarks.coverage import covered
from benchmarks.deflated import HOLDS, Sweep, passing
from benchmarks.tables import PAGE, publish


def test_intervals_of_ten_events_cover_as_they_say() -> None:
    found = covered("normal", 10, runs=150)
    assert len(found) == 5
    for name, share in found.items():
        assert abs(share - 0.95) <= 3 * 0.0178, name  # root of 0.95 x 0.05 / 150


def test_zero_skill_sweeps_of_long_holds_in_a_rising_market_do_not_pass() -> None:
    beyond, net = passing(Sweep(HOLDS[-1], 20, 0.08), 60)
    assert beyond <= 0.06
    assert net > 0.3  # the same runs catch a ratio that rewards drift


def test_a_table_is_written_in_its_place_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- size -->\nold\n| x |\n<!-- end of size -->\nafter\n", encoding="utf-8")
    publish("size", "| a\\1 |", made="Made by hand", page=page)
    began, made, blank, row, end, after = page.read_text(encoding="utf-8").splitlines()[1:]
    assert (began, blank, row, end, after) == ("<!-- size -->", "", "| a\\1 |", "<!-- end of size -->", "after")
    assert made.startswith("Made by hand, on 20")
    with pytest.raises(ValueError, match="no place for the table power"):
        publish("power", "", made="", page=page)


@pytest.mark.parametrize("name", ["size", "few", "power", "wild", "coverage", "deflated"])
def test_every_measured_table_has_its_place_in_the_docs(name: str) -> None:
    assert PAGE.read_text(encoding="utf-8").count(f"<!-- {name} -->\n") == 1
