"""hustings implied as a user meets it: the made-up case that ships, the real ones of 2016 and 2020, and bad input."""

from pathlib import Path

import pytest

VOTE = "US-2016-11-08-PE"
MADE_UP = ("implied", VOTE, "--instrument", "IPC", "--priors", "simulated", "--data", "builtin")
TRUE_B = -12.0
"""datasets/prices/sample.py."""


@pytest.fixture
def cases(shared_dir: Path, market_dir: Path) -> Path:
    """The folder of the real markets of odds; bars are next to it."""
    return shared_dir / "odds"


def test_a_made_up_case_finds_its_b(cli) -> None:
    found = cli(*MADE_UP, "--json").json
    assert (found["event_id"], found["outcome"], found["windows"]) == (VOTE, "Donald Trump", [])
    [m] = found["markets"]
    assert (m["instrument"], m["n"], m["p"], m["observed_at"]) == ("IPC", 113, 0.338, "2016-11-08T19:30:00Z")
    assert m["low"] < TRUE_B < m["high"] < 0
    assert m["if_outcome"] == pytest.approx(m["b"] * 0.662)
    assert m["if_not"] == pytest.approx(m["b"] * -0.338)
    assert m["shift_p"] == pytest.approx(1 / 113)
    assert m["smallest_b"] < abs(m["b"])
    # What came holds the true b (1 - p) and one session's noise of 0.8 %.
    assert m["came"] == pytest.approx(TRUE_B * 0.662, abs=2.5)
    assert (m["came_from"], m["came_on"], m["warnings"], m["notes"]) == ("2016-11-08", "2016-11-09", [], {})


def test_the_screen_begins_with_what_n_could_find_and_marks_simulated_bars(cli) -> None:
    answer = cli(
        *MADE_UP,
        "--instants",
        "a week 2016-10-10T21:00Z/2016-10-17T21:00Z",
        "--instants",
        "calm 2016-10-03T21:00Z/2016-10-10T21:00Z",
        "--out",
        "page.html",
    )
    lines = answer.out.splitlines()
    assert (answer.code, answer.err) == (0, "")
    assert "SIMULATED bars: IPC" in answer.out
    assert lines[lines.index("IPC") + 1].startswith("  smallest b that n could find   7.54 %")
    assert any(line.startswith("a week: p of 'Donald Trump' 0.") and ": b " in line for line in lines)
    assert "calm: p of 'Donald Trump' 0.460 to 0.466, IPC -2.72 %: no b: the odds change by 0.006 only" in answer.out
    page = Path("page.html").read_text(encoding="utf-8")
    assert "SIMULATED" in page
    assert page.index("if not") < page.index("Returns against changes")


def test_too_few_pairs_of_a_vote_to_come_give_null_and_say_why(cli) -> None:
    quotes = "".join(f"2016-10-{day}T12:00Z,0.{day}\n" for day in range(10, 30))
    Path("odds.csv").write_text("time,probability\n" + quotes)
    common = ("--instrument", "SPX", "--priors", "odds.csv", "--data", "builtin", "--to", "2016-10-28")
    [m] = cli("implied", "US-2028-11-07-PE", *common, "--json").json["markets"]
    assert (m["n"], m["p"], m["b"], m["shift_p"], m["if_not"], m["came"]) == (14, 0.28, None, None, None, None)
    assert m["notes"]["b"] == "14 pairs of a return and a change of probability; at least 20 are needed"
    assert m["notes"]["came"].startswith("no close of SPX after 2028-11-0")
    assert "at least 20 are needed" in cli("implied", "US-2028-11-07-PE", *common).out
    assert "Nothing was fitted" in Path("implied.html").read_text(encoding="utf-8")


def test_mexico_2016(cli, cases: Path) -> None:
    """METHODS 11: IPC and PredictIt's market 1250, closes of 2016-06-01 to 2016-11-08."""
    where = (
        "--priors",
        str(cases / "PREDICTIT_2016_DAILY.csv"),
        "--market",
        "1250",
        "--data",
        str(cases.parent / "market"),
    )
    dates = ("--from", "2016-06-01", "--to", "2016-11-08")
    found = cli("implied", VOTE, "--instrument", "IPC", *where, *dates, "--json").json
    assert found["outcome"] == "Yes"
    [m] = found["markets"]
    assert [round(m[k], d) for k, d in (("b", 4), ("t_ols", 3), ("t_hc1", 3), ("t_nw", 3), ("r2", 4))] == [
        -11.2970, -3.345, -3.240, -3.152, 0.0923,
    ]  # fmt: skip
    assert (m["n"], m["as_large"], m["shift_p"], m["p"]) == (112, [2, 1], 2 / 112, 0.16)
    assert [round(m[k], 2) for k in ("if_outcome", "if_not", "came")] == [-9.49, 1.81, -2.25]
    assert (m["came_on"], m["observed_at"]) == ("2016-11-09", "2016-11-08T04:59:59Z")
    assert [w.split(":")[0] for w in m["warnings"]] == [
        "proxy market", "quotes are 16 h older than the close (median)",
    ]  # fmt: skip


def test_the_incumbent_of_2020_moves_with_the_market(cli, cases: Path) -> None:
    """METHODS 11: hourly quotes stamped at the hour's end, two-party, closes of 2020-07-13 to 2020-09-28."""
    where = ("--priors", str(cases / "PREDICTIT_2020_POTUS_PARTY_HOURLY.csv"), "--data", str(cases.parent / "market"))
    what = ("--outcome", "GOP", "--margin", "two-outcome", "--from", "2020-07-13", "--to", "2020-09-28")
    [m] = cli("implied", "US-2020-11-03-PE", "--instrument", "SPX", *where, *what, "--json").json["markets"]
    assert (m["b"], m["t_ols"], m["t_hc1"]) == pytest.approx((41.9, 2.59, 1.65), abs=0.06)
    assert any(w.startswith("reverse causality") for w in m["warnings"])


QUOTES = "time,probability,outcome\n2016-10-03T12:00Z,0.3,A\n2016-10-04T12:00Z,0.4,A\n"


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        (QUOTES.replace("0.4", "1.4"), [], "odds.csv line 3: probability is '1.4'; it must be a number from 0 to 1"),
        (QUOTES.replace("Z", ""), [], "odds.csv line 2: time is '2016-10-03T12:00'; it must be an instant with its offset"),
        (QUOTES.replace("2016", "2030"), [], "no two closes of IPC within the dates and before the count have a quote of 'A'"),
        (QUOTES.replace("2016", "1816"), [], "no two closes of IPC within the dates and before the count have different quotes of 'A'"),
        (QUOTES.replace("0.4", "0.3"), [], "all quotes of 'A' are 0.3: the odds must change"),
        (QUOTES, ["--outcome", "AA"], "unknown outcome of the odds 'AA' (did you mean 'A'?); they have A"),
        (QUOTES, ["--from", "2016-12-01"], "no two closes of IPC"),
        (QUOTES, ["--instants", "debate"], "--instants 'debate':"),
        (QUOTES, ["--instants", "x 2016-10-04T12:00Z/2016-10-03T12:00Z"], "the end must come after the begin"),
        ("event_id,observed_at,outcome,probability,source\n", [], "odds.csv has no quotes of US-2016-11-08-PE"),
        ("a,b\n1,2\n", [], "odds.csv line 1: found a, b; it does not have time, probability and outcome"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(cli, text: str, more: list[str], said: str) -> None:
    Path("odds.csv").write_text(text)
    answer = cli("implied", VOTE, "--instrument", "IPC", "--data", "builtin", "--priors", "odds.csv", *more)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.count("\n") == 1, answer.err
    assert said in answer.err


def test_a_wrong_event_and_what_is_missing_are_named(cli) -> None:
    assert "did you mean 'US-2016-11-08-PE'" in cli("implied", "US-2016-11-08-PX", *MADE_UP[2:]).err
    assert "implied needs --priors FILE (odds, or 'simulated') and --instrument SYMBOL" in cli("implied", VOTE).err
    assert "did you mean 'IPC'" in cli("implied", VOTE, "--instrument", "IPCC", *MADE_UP[4:]).err


def test_each_setting_is_a_look_that_the_ledger_keeps_once(cli, tmp_path, monkeypatch) -> None:
    """Other dates are another look at the event; no look is a trial of a rule."""
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path / "home"))
    looks = [cli(*MADE_UP, *more, "--json").json["looks"] for more in ((), ("--from", "2016-07-01"), ())]
    assert looks == [1, 2, 2]
    assert cli(*MADE_UP).out.count("This event was looked at with 2 settings") == 1
    assert cli("trials", "verify", "--json").json["rows"] == 2
    assert cli("trials", "--json").json["n"] == 0
