"""Commands with -p instrument=home: each handles it, or refuses it in one line."""

import pytest

RULE = ("buy-after-event", "-p", "instrument=home")
SHORT = ("--no-report", "--no-variants")


@pytest.mark.usefixtures("home")
def test_a_sweep_finds_what_runs_find(cli) -> None:
    """The middle one of three kinds has homes that the first and the last do not have."""
    kinds = ("budget_or_policy", "presidential_election", "resignation")
    swept = cli("sweep", *RULE, "-p", f"kind={','.join(kinds)}", "--out", "swept", "--no-report", "--json").json
    assert len(swept["best"]) == 3
    for row in swept["best"]:
        run = cli("run", *RULE, "-p", f"kind={row['parameters']['kind']}", *SHORT, "--json").json
        assert run["metrics"]["n_trades"] > 0
        assert row["results"]["total_return"] == pytest.approx(run["metrics"]["total_return"], abs=1e-9)


@pytest.mark.usefixtures("home")
def test_study_placebo_and_lookahead_take_it(cli) -> None:
    given = (*RULE, "-p", "kind=presidential_election", "-p", "hold=5")
    assert cli("study", *given, "--draws", "100", *SHORT).code == 0
    assert cli("placebo", *given, "--draws", "100").code == 0
    answer = cli("lookahead", *given, "--json")
    assert answer.code == 0
    assert {"SPX", "KOSPI"} <= answer.json["sources"].keys()


@pytest.mark.usefixtures("home")
def test_where_nothing_has_bars_one_line_says_so(cli) -> None:
    answer = cli("run", "buy-after-event", "-p", "instrument=home-fx", "-p", "country=US")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "home and home-fx need bars of an event's own instrument" in answer.err


@pytest.mark.usefixtures("home")
def test_a_run_names_home_as_typed_in_its_parameters(cli) -> None:
    one = cli("run", *RULE, "-p", "country=JP", *SHORT, "--json").json
    two = cli("run", "buy-after-event", "-p", "instrument=HOME", "-p", "country=JP", *SHORT, "--json").json
    assert one["run_id"] == two["run_id"]
