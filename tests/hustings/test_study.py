"""hustings study and placebo, as a user meets them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import fields, replace

from engine.study.result import Study
from engine.study.settings import Settings
from engine.study.study import study
from engine.study.study_input import StudyInput
from hustings.studies import StudyOptions, registration_of, studied, subject_of
from tests.engine.markets import about
from tests.hustings.conftest import Cli
from tests.hustings.test_trials import tamper

NASDAQ = ("buy-after-event", "--data", "builtin", "-p", "instrument=IXIC", "-p", "country=US")
PRESIDENTS = (*NASDAQ, "-p", "kind=presidential_election", "-p", "hold=5")


def test_a_study_prints_power_first_and_the_verdict_last(cli: Cli, home: Path) -> None:
    said = cli("study", *PRESIDENTS, "--out", "out", "--draws", "500")
    assert said.code == 0
    places = [
        said.out.index(t)
        for t in ("Statistical power (before the result)", "Tests", "Concentration", "5 observations,")
    ]
    assert places == sorted(places)
    assert "With 5 observations the p-value of the sign-flip test is at least 0.0625." in said.out
    assert "trial 1 of 1 (1 of 1 of this rule)" in said.out
    assert said.err == ""


def test_a_study_leaves_a_run_with_its_study_in_page_and_json(cli: Cli, home: Path) -> None:
    said = cli("study", *PRESIDENTS, "--out", "out", "--draws", "500", "--window", "0:0", "--json")
    kept = json.loads(Path("out/study.json").read_text(encoding="utf-8"))
    assert said.json["study"] == kept
    assert [v["name"] for v in kept["views"]] == ["trade", "0:0"]
    page = Path("out/tearsheet.html").read_text(encoding="utf-8")
    assert kept["verdict"].split(" (")[0] in page.replace("\N{NO-BREAK SPACE}", " ")
    assert 'id="study-placebo"' in page
    assert "trial 1 of 1" in page
    assert {"manifest", "trades", "study", "tearsheet"} <= set(said.json["files"])
    Path("out/study.json").write_text(json.dumps({**kept, "verdict": "It works."}), encoding="utf-8")
    for again in (("report", "out"), ("run", *PRESIDENTS, "--out", "out")):
        answer = cli(*again)
        assert (answer.code, answer.err.count("\n")) == (2, 1)
        assert "'out': study.json is not what run" in answer.err
        assert "study it again" in answer.err


def test_the_same_study_twice_gives_the_same_bytes(cli: Cli, home: Path) -> None:
    for out in ("one", "two"):
        assert cli("study", *PRESIDENTS, "--out", out, "--draws", "500").code == 0
    for name in ("study.json", "tearsheet.html", "manifest.json", "trades.csv"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()


def test_variants_of_the_rule_that_were_tried_are_counted_and_made_again(cli: Cli, home: Path) -> None:
    for hold in (2, 3, 8):
        cli(
            "run", *NASDAQ, "-p", "kind=presidential_election", "-p", f"hold={hold}", "--no-report", "--out", f"h{hold}"
        )
    made = cli("study", *PRESIDENTS, "--draws", "500", "--no-report", "--out", "out", "--json").json["study"]
    assert made["trial"]["text"].startswith("trial 4 of 4 (4 of 4 of this rule)")
    assert (made["tried"]["n"], made["tried"]["rebuilt"]) == (4, 3)
    assert made["sharpe"]["trials"] == 4
    assert made["sharpe"]["deflated"] is None  # no ratio of fewer than ten observations
    assert made["sharpe"]["notes"]["deflated"].endswith("observations; at least 10 are needed")


def test_first_dates_that_were_tried_are_paid_for_and_amounts_of_cash_are_not(cli: Cli, home: Path) -> None:
    """Other cash trades the same: the largest of all statistics is the run's own. Other first dates leave out events."""

    def after(*options: tuple[str, str]) -> Any:
        for option in options:
            cli("run", *PRESIDENTS, *option, "--no-report", "--no-variants", "--out", "tried")
        shown = cli("study", *PRESIDENTS, "--draws", "100", "--no-report", "--out", "out", "--json").json["study"]
        return shown["tried"]["n"], shown["tried"]["rebuilt"], shown["tried"]["p"]

    dearer = after(*(("--cash", f"{n}e5") for n in range(1, 7)))
    assert dearer == (7, 6, about(0.352, abs=0.005))
    mined = after(*(("--from", f"{year}-01-01") for year in (2001, 2002, 2005, 2006, 2009, 2010)))
    assert mined == (13, 12, about(0.679, abs=0.005))
    assert after(("--to", "2018-12-31")) == (14, 12, about(0.897, abs=0.005))  # cannot be made again


def test_what_was_registered_is_next_to_the_result(cli: Cli, home: Path) -> None:
    shown = (
        "--hypothesis",
        "Nasdaq rises <b>after</b> presidential elections",
        "--statistic",
        "placebo",
        "--draws",
        "500",
    )
    assert (
        cli(
            "prereg",
            "write",
            "buy-after-event",
            *NASDAQ[3:],
            "-p",
            "kind=presidential_election",
            "-p",
            "hold=5",
            *shown,
            "--out",
            "plan.json",
        ).code
        == 0
    )
    said = cli("study", *PRESIDENTS, "--draws", "500", "--prereg", "plan.json", "--out", "out")
    assert "before any trial of this rule and these parameters" in said.out
    assert "deviation:" not in said.out
    page = Path("out/tearsheet.html").read_text(encoding="utf-8")
    assert "rises &lt;b&gt;after&lt;/b&gt;" in page
    other = cli("study", *PRESIDENTS, "--draws", "600", "--seed", "9", "--prereg", "plan.json", "--out", "out2")
    assert "deviation: the number of draws is 600; registered was 500" in other.out
    assert "not preregistered: 1 other study of this run was made under this file before" in other.out
    again = cli("study", *PRESIDENTS, "--draws", "500", "--prereg", "plan.json", "--out", "out")
    assert "before any trial of this rule and these parameters" in again.out  # it was the first, and stays it


PLAN = ("-p", "instrument=IXIC", "-p", "country=US", "-p", "kind=presidential_election", "-p", "hold=5")


def registered(cli: Cli, *options: str) -> None:
    said = cli("prereg", "write", "buy-after-event", *PLAN, "--hypothesis", "It rises.", "--out", "plan.json", *options)
    assert said.code == 0


def shown(cli: Cli, *options: str) -> dict[str, Any]:
    made = cli("study", *PRESIDENTS, *options, "--prereg", "plan.json", "--no-report", "--out", "out", "--json")
    found: dict[str, Any] = made.json["study"]
    return found


def test_dates_and_costs_that_were_not_registered_are_departures(cli: Cli, home: Path) -> None:
    registered(cli)
    found = shown(cli, "--from", "2004-01-01", "--slippage-bps", "0", "--benchmark", "SPX")
    assert found["prereg"]["deviations"] == [
        "the first date is 2004-01-01; registered was none",
        "the slippage in bps is 0; registered was none",
        "the benchmark is SPX; registered was none",
    ]


def test_a_registered_account_is_no_departure_and_an_alias_is_the_instrument(cli: Cli, home: Path) -> None:
    account = ("--from", "2004-01-01", "--to", "2018-12-31", "--cash", "5e5", "--benchmark", "sp500")
    registered(cli, *account)
    assert shown(cli, *account)["prereg"]["deviations"] == []
    assert shown(cli, *account[:-1], "SPX")["prereg"]["deviations"] == []


def test_runs_under_the_file_before_the_study_undo_its_preregistration(cli: Cli, home: Path) -> None:
    registered(cli)
    for year in (2001, 2004, 2007):
        cli("run", *PRESIDENTS, "--from", f"{year}-01-01", "--no-report", "--no-variants", "--out", "mined")
    found = shown(cli)
    text = "not preregistered: 3 other runs were made under this file before"
    assert (found["prereg"]["standing"], found["prereg"]["deviations"]) == (text, [])


@pytest.mark.parametrize(
    ("before", "options", "first"),
    [
        ((), (), True),
        ((), ("--cash", "2e6"), False),  # it departs
        (("--cash", "2e6"), (), False),  # another run was made under the file
    ],
)
def test_only_what_was_first_and_as_registered_is_preregistered(
    cli: Cli, home: Path, monkeypatch: Any, before: Any, options: Any, first: bool
) -> None:
    inputs: list[StudyInput] = []

    def watched(given: StudyInput, settings: Settings) -> Study:
        inputs.append(given)
        return study(given, settings)

    monkeypatch.setattr("hustings.studies.study", watched)
    registered(cli)
    if before:
        cli("run", *PRESIDENTS, *before, "--no-report", "--no-variants", "--out", "out")
    shown(cli, *options)
    assert [bool(each.preregistered) for each in inputs] == [first]


def test_the_series_that_were_asked_for_are_compared(cli: Cli, home: Path) -> None:
    registered(cli, "--adjust", "price")
    options = study_options(*PLAN[1::2], adjust="price")
    subject = subject_of(options)
    for adjust, departures in (("price", []), (None, ["the adjustment of the series is none; registered was price"])):
        made = studied(subject, replace(options, adjust=adjust), None, registration_of(Path("plan.json")))
        assert made.prereg is not None
        assert made.prereg["deviations"] == departures


def study_options(*parameters: str, **other: Any) -> StudyOptions:
    """Return the options of a study on the bars that come with hustings, under plan.json."""
    blank = dict.fromkeys(f.name for f in fields(StudyOptions))
    account = {
        "cash": 1e6,
        "cash_rate": 0.0,
        "borrow_rate": 0.0,
        "max_gross": 1.0,
        "currency": "",
        "fx": "hedged",
        "event_slippage_bps": 0.0,
    }
    given = {
        "strategy": "buy-after-event",
        "parameters": parameters,
        "instruments": (),
        "data": Path("builtin"),
        "events": (),
        "only_events": False,
    }
    study = {"windows": (), "model": "mean", "placebo": "stratified", "draws": 9_999, "seed": 0, "alpha": 0.05}
    made = {"other_labels": None, "prereg": Path("plan.json"), "statistic": "mean"}
    return StudyOptions(**{**blank, **account, **given, **study, **made, **other})


def test_the_ways_to_study_a_run_are_counted_in_the_ledger(cli: Cli, home: Path) -> None:
    for window in ("0:0", "0:1", "0:2", "0:1"):
        cli("study", *PRESIDENTS, "--draws", "100", "--window", window, "--no-report", "--out", "out")
    cli("study", *PRESIDENTS, "--draws", "100", "--window", "0:2", "--no-variants", "--no-report", "--out", "out")
    assert cli("trials", "verify", "--json").json["rows"] == 8  # five times the run, and three ways to study it


def test_a_study_counts_the_ways_in_which_its_run_was_studied(cli: Cli, home: Path, monkeypatch: Any) -> None:
    tried: list[int] = []

    def watched(given: StudyInput, settings: Settings) -> Study:
        tried.append(given.settings_tried)
        return study(given, settings)

    monkeypatch.setattr("hustings.studies.study", watched)
    for window in ("0:0", "0:1", "0:1", "0:2"):
        cli("study", *PRESIDENTS, "--draws", "100", "--window", window, "--no-report", "--out", "out")
    assert tried == [1, 2, 2, 3]


def test_the_same_study_twice_prints_the_same(cli: Cli, home: Path) -> None:
    one, two = (cli("study", *PRESIDENTS, "--draws", "100", "--no-report", "--out", "o", "--json") for _ in range(2))
    assert one.out == two.out


def test_adjust_is_compared_with_what_was_registered(cli: Cli, home: Path) -> None:
    registered(cli)
    assert shown(cli, "--adjust", "price")["prereg"]["deviations"] == [
        "the adjustment of the series is price; registered was none"
    ]


def test_a_damaged_ledger_is_said_in_page_and_json(cli: Cli, home: Path) -> None:
    cli("study", *PRESIDENTS, "--draws", "100", "--no-report", "--out", "out")
    tamper(home, "UPDATE ledger SET at = '2020-01-01T00:00:00Z' WHERE place = 1")
    cli("study", *PRESIDENTS, "--draws", "100", "--out", "out")
    place = "begun on 2020-01-01 holds 1 trial; the ledger is damaged"
    assert json.loads(Path("out/study.json").read_text(encoding="utf-8"))["trial"]["text"].endswith(place)
    assert place in Path("out/tearsheet.html").read_text(encoding="utf-8")


def test_the_verdict_of_a_study_names_a_young_ledger(cli: Cli, home: Path) -> None:
    made = cli("study", *PRESIDENTS, "--draws", "100", "--no-report", "--out", "out", "--json").json["study"]
    assert made["verdict"].endswith("holds 1 trial; what was tried earlier or elsewhere is not counted.")


def test_without_a_ledger_the_study_has_no_place_in_it(cli: Cli, home: Path) -> None:
    (home / "runs.sqlite3").mkdir()
    said = cli("study", *PRESIDENTS, "--draws", "100", "--no-report", "--out", "out", "--json")
    assert (said.code, said.err.count("\n"), said.json["study"]["trial"]) == (0, 1, None)
    assert said.json["study"]["verdict"].endswith("what else was tried is not known.")


def test_one_event_is_an_anecdote(cli: Cli, home: Path) -> None:
    said = cli("study", *PRESIDENTS, "--from", "2012-01-01", "--to", "2013-12-31", "--out", "out")
    assert said.code == 0
    assert "One observation is an anecdote" in said.out


def test_no_event_at_all_is_said_and_no_error(cli: Cli, home: Path) -> None:
    said = cli("study", *NASDAQ, "-p", "kind=referendum", "--out", "out")
    assert said.code == 0
    assert "no conclusion is possible" in said.out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--window", "5:0"), "window 5:0 ends before it begins; write it like 0:5 or -1:1"),
        (("--window", "soon"), "--window is 'soon'; write two numbers of sessions, such as 0:5 or -1:1"),
        (
            ("--window", "0:999"),
            "window 0:999: its ends must lie between -10 (before that is the estimation window) and 250",
        ),
        (("--draws", "7"), "--draws is 7; it must lie between 100 and 1,000,000"),
        (("--seed", "-1"), "--seed is -1; it must be 0 or more"),
        (("--alpha", "0.9"), "--alpha is 0.9; it must lie above 0 and be at most 0.1"),
        (("--model", "market"), "--model market needs an instrument to compare the trades with: add --benchmark SPX"),
        (("--window", "0:1", "--window", "0:1"), "a --window is given twice"),
        (("--prereg", "none.json"), "cannot read 'none.json'"),
        (("--other-labels", "none.csv"), "'none.csv' cannot be read"),
        (("--instrument", "SPX"), "--instrument is for backtrader strategies"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(cli: Cli, home: Path, arguments: tuple[str, ...], line: str) -> None:
    said = cli("study", *PRESIDENTS, *arguments)
    assert (said.code, said.out) == (2, "")
    assert line in said.err
    assert said.err.count("\n") == 1


def test_a_backtrader_strategy_is_refused_in_one_line(cli: Cli, home: Path) -> None:
    Path("mine.py").write_text(
        "import backtrader as bt\nclass Mine(bt.Strategy):\n    def next(self): pass\n", encoding="utf-8"
    )
    said = cli("study", "mine.py:Mine", "--data", "builtin", "--instrument", "IXIC")
    assert said.code == 2
    assert "Mine is a backtrader strategy: its orders cannot be moved to other dates" in said.err


def test_another_coder_changes_what_is_traded(cli: Cli, home: Path) -> None:
    Path("labels.csv").write_text("event_id,pro_growth\nJP-2012-12-16-GE,no\n", encoding="utf-8")
    made = cli(
        "study", "pro-growth-win", "--data", "builtin", "--other-labels", "labels.csv", "--out", "out", "--json"
    ).json
    coder = [v for v in made["study"]["variations"] if v["kind"] == "coder"]
    flipped = [v for v in made["study"]["variations"] if v["what"] == "JP-2012-12-16-GE: yes -> no"]
    assert coder[0]["what"] == "labels of labels.csv"
    assert (coder[0]["n"], coder[0]["mean_net"]) == (flipped[0]["n"], flipped[0]["mean_net"])


def test_placebo_shows_net_pnl_among_that_of_other_dates_and_replays_some(cli: Cli, home: Path) -> None:
    said = cli("placebo", *PRESIDENTS, "--draws", "500", "--replayed", "5")
    assert said.code == 0
    assert "5 observations on 500 placebo calendars (stratified, drawn)" in said.out
    assert "5 calendars replayed on backtrader" in said.out
    made = cli("placebo", *PRESIDENTS, "--scheme", "shift", "--json").json
    assert made["exact"]
    assert made["difference"] < 1e-9
    assert made["rows"][0]["name"] == "mean net return"


def test_placebo_without_observations_is_one_line(cli: Cli, home: Path) -> None:
    said = cli("placebo", *NASDAQ, "-p", "kind=referendum")
    assert said.code == 2
    assert "no placebo dates for buy-after-event: no observation with an abnormal return" in said.err


def test_simulated_bars_are_marked_in_a_study(cli: Cli, home: Path) -> None:
    said = cli("study", "pro-growth-win", "--data", "builtin", "--out", "out", "--draws", "200")
    assert "SIMULATED" in said.out


IN_THE_INDEX = ("-p", "instrument=SPX", "-p", "country=US", "-p", "kind=presidential_election", "--model", "none")
"""The S&P 500 on the reaction day, 1928 to 2024, simple returns: computed from the index by hand for the issue of time."""


@pytest.mark.parametrize(("party", "mean", "n"), [("Republican", 0.002660, 12), ("Democratic", -0.013397, 13)])
def test_windows_count_from_the_reaction_day_as_published_tables_do(cli, market_dir: Path, party, mean, n) -> None:
    window = ("--window", "0:0", "--data", str(market_dir), "--draws", "100", "--no-report", "--no-variants", "--json")
    view = cli("study", "buy-after-event", *IN_THE_INDEX, "-p", f"winner_party={party}", *window).json["study"][
        "views"
    ][1]
    assert (view["n"], view["mean_abnormal"]) == (n, pytest.approx(mean, abs=5e-7))


def test_the_tradable_day_of_an_event_inside_a_session_is_the_next_one(cli, tmp_path: Path) -> None:
    """Known at 15:00 UTC on Wednesday 4 March 2015, in New York's session: that close reacts, the next open trades."""
    days = [str(d) for d in np.arange("2014-01-01", "2015-06-01", dtype="datetime64[D]") if np.is_busday(d)]
    usual = 1 + 0.01 * np.random.default_rng(3).standard_normal(len(days))
    set_by_hand = {"2015-03-04": 1.02, "2015-03-05": 1.05}
    close = np.cumprod([set_by_hand.get(d, r) for d, r in zip(days, usual, strict=True)]) * 100
    (tmp_path / "SPX.csv").write_text(
        "date,close\n" + "".join(f"{d},{c:.8f}\n" for d, c in zip(days, close, strict=True))
    )
    (tmp_path / "mine.csv").write_text(
        "event_id,country,kind,title,known_at\nMY-1,US,referendum,A vote,2015-03-04T15:00:00Z\n"
    )
    options = ("-p", "instrument=SPX", "--data", str(tmp_path), "--only-events", "--events", str(tmp_path / "mine.csv"), "--model", "none",
               "--window", "0:0", "--no-report", "--no-variants", "--json")  # fmt: skip
    for anchor, move in (("reaction", 0.02), ("tradable", 0.05)):
        view = cli("study", "buy-after-event", *options, "--anchor", anchor).json["study"]["views"][1]
        assert view["mean_net"] == pytest.approx(move, abs=1e-6)


def test_variance_and_surprises_are_in_json_terminal_and_page(cli: Cli, home: Path) -> None:
    said = cli("study", *PRESIDENTS, "--statistic", "variance", "--surprise", "GOP", "--draws", "500", "--out", "out")
    assert said.out.index("Surprise: GOP") < said.out.index("Variance around the events")
    assert said.out.index("Variance around the events") < said.out.index("Observations")
    kept = json.loads(Path("out/study.json").read_text(encoding="utf-8"))["variance"]
    assert [(w["first"], w["last"]) for w in kept["windows"]] == [(0, 0), (-2, 2), (0, 4), (-10, -1)]
    page = Path("out/tearsheet.html").read_text(encoding="utf-8")
    assert 'id="study-variance"' in page
    assert "Moves of session 0" in page
    assert "Surprise: GOP" in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--implied", "VIX"), "--implied compares a variance with options: add --statistic variance"),
        (
            ("--surprise", "Labour"),
            "--surprise: 'Labour' won none of the 5 votes; they were won by Democratic, Republican",
        ),
        (("--statistic", "variance", "--implied", "IXIC"), "name a volatility index in per cent a year, such as VIX"),
    ],
)
def test_what_cannot_be_compared_is_one_line(cli: Cli, home: Path, options: Any, message: str) -> None:
    said = cli("study", *PRESIDENTS, *options, "--draws", "100", "--no-report", "--out", "out")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert message in said.err
