"""What a sweep tried is tried: for a preregistration, for the run of its best, under any name of an instrument."""

from pathlib import Path
from typing import Any

import pytest

RULE = ("buy-after-event", "-p", "country=US", "-p", "kind=presidential_election", "--data", "builtin")


@pytest.fixture
def swept(cli: Any, home: Path) -> Any:
    """Sweep six combinations under another name of the index."""
    answer = cli("sweep", *RULE, "-p", "instrument=COMP", "-p", "hold=2:4", "-p", "delay=0,1", "--no-report")
    assert answer.code == 0, answer.err
    return cli


def test_a_preregistration_after_a_sweep_that_held_its_parameters_says_so(swept: Any) -> None:
    def written(hold: int) -> Any:
        given = ("buy-after-event", "-p", "country=US", "-p", "kind=presidential_election", "-p", "instrument=IXIC")
        return swept("prereg", "write", *given, "-p", f"hold={hold}", "--hypothesis", "up", "--out", f"{hold}.json").out

    assert "not preregistered: a sweep of 6 combinations that held these parameters came before" in written(3)
    assert "before any trial of this rule and these parameters; 6 trials of the rule came before it" in written(9)


def test_the_best_of_a_sweep_run_afterwards_is_no_second_trial(swept: Any) -> None:
    quick = ("--no-report", "--no-variants", "--json")
    said = swept("run", *RULE, "-p", "instrument=IXIC", "-p", "hold=3", *quick, "--out", "a").json
    assert (said["trial"]["n"], said["parameters"]["instrument"]) == (6, "IXIC")
    assert "tried before, in a sweep of 6 combinations" in said["trial"]["text"]
    alias = swept("run", *RULE, "-p", "instrument=comp", "-p", "hold=3", *quick, "--out", "b").json
    assert (alias["run_id"], alias["trial"]["n"]) == (said["run_id"], 6)
    other = swept("run", *RULE, "-p", "instrument=IXIC", "-p", "hold=9", *quick, "--out", "c").json
    assert (other["trial"]["k"], other["trial"]["n"]) == (7, 7)
    assert swept("trials", "verify").code == 0


def test_a_study_of_a_swept_rule_counts_its_combinations_by_how_far_they_differ(swept: Any) -> None:
    quick = ("--draws", "100", "--no-report", "--no-variants", "--json", "--out", "s")
    tried = swept("study", *RULE, "-p", "instrument=IXIC", "-p", "hold=3", *quick).json["study"]["tried"]
    assert (tried["n"], tried["rebuilt"]) == (6, 5)
    assert 1 < tried["effective"] < 6


def test_a_placebo_command_is_a_trial_and_a_look(cli: Any, home: Path) -> None:
    given = (*RULE, "-p", "instrument=IXIC", "-p", "hold=3", "--draws", "100")
    assert cli("placebo", *given, "--json").json["trial"]["n"] == 1
    notes = cli("study", *given, "--no-report", "--no-variants", "--json", "--out", "s").json["study"]["notes"]
    assert any("was studied with 2 different settings" in n for n in notes)
