"""A small part of ``make fuzz`` that is the same every time: each case is read, or refused in one line."""

from pathlib import Path

import pytest

from tests.fuzz import KINDS, make_place, tried

SEED = 20
CASES = {"events": 40, "commands": 25}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_damaged_is_read_or_refused_in_one_line(kind: str, tmp_path: Path, home: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = make_place(tmp_path / "place")
    wrong = {n: why for n in range(CASES.get(kind, 80)) if (why := tried(kind, SEED, n, place))}
    assert wrong == {}
