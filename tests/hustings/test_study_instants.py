"""hustings study --instants: windows of intraday bars."""

from pathlib import Path

import pytest

RULE = ("buy-after-event", "-p", "instrument=USDJPY", "-p", "kind=vote_night", "-p", "hold=1")
NIGHT = ("--instants", "night 2020-01-15T00:00Z/2020-01-15T04:00Z")


@pytest.fixture
def study(cli):
    """Run the command on six evenings of New York, the fifth of which rises by 5 %."""
    Path("prices").mkdir()
    moves = [("07", 1), ("08", -1), ("09", 1), ("10", -1), ("15", 5), ("16", 0)]
    rows = [(f"2020-01-{day}T{hour:02}:00:00Z", 100 + move * (hour > 2)) for day, move in moves for hour in (0, 4)]
    Path("prices/USDJPY.csv").write_text("date,close\n" + "".join(f"{at},{price}\n" for at, price in rows))
    Path("own.csv").write_text("event_id,country,kind,title,known_at\nN1,US,vote_night,Night,2020-01-15T01:30:00Z\n")
    return lambda *more: cli("study", *RULE, "--data", "prices", "--events", "own.csv", "--only-events", *more)


def test_a_night_is_compared_with_other_evenings(study, cli, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path / "home"))
    found = study(*NIGHT, "--json").json
    [night] = found["windows"]
    assert (night["window"], night["move"], night["placebo"]["reference"]) == (
        "night",
        pytest.approx(0.05),
        "all 6 lists",
    )
    answer = study(*NIGHT)
    assert (answer.code, answer.err) == (0, "")
    assert "+5.00 %" in answer.out
    assert not Path("runs").exists()
    assert cli("trials", "verify", "--json").json["rows"] == 3  # a run, a look, the run again


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "bars of USDJPY are intraday: 'study --instants' compares windows of them"),
        (("--instants", "night"), "--instants 'night':"),
        (("--instants", "n 2020-01-15T04:00Z/2020-01-15T00:00Z"), "the end must come after the begin"),
        (("--instants", "n 0001-01-01T00:00Z/0001-01-01T04:00Z"), "both from 1900 to 2199"),
        (("--instants", "n 2020-01-14T00:00Z/2020-01-15T04:00Z"), "n (2020-01-14T00:00:00Z to 2020-01-15T04:00:00Z) lasts a day"),
        (("--instants", "n 2020-01-15T00:00/2020-01-15T04:00"), "is naive"),
        (("--instants", "n 2020-01-14T10:00Z/2020-01-14T11:00Z"), "USDJPY has no price within a quarter of n"),
        ((*NIGHT, "--window", "0:1"), "--window does not go with --instants"),
        ((*NIGHT, "--out", "here"), "--out does not go with --instants"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(study, more, said) -> None:
    answer = study(*more)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.count("\n") == 1, answer.err
    assert said in answer.err
