"""The ledger of trials: nothing is lost from it, and what was done to it shows."""

import hashlib
import json
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from datasets.errors import UserError
from hustings import chain, ledger, registry
from hustings.run_folder import read_run
from tests.engine.study.test_observations import closed
from tests.processes import Forked

QUICK = ("--no-report", "--json")
COLUMNS = (
    "kind", "at", "trial", "run_id", "strategy", "parameters", "ground", "terms", "dates", "n_closed", "mean", "sd",
    "sharpe", "prereg", "place",
)  # fmt: skip


ROOT_TWO: Any = pytest.approx(2**0.5, rel=1e-12)
"""The Sharpe ratio of trades of 0.01 and 0.03: mean 0.02, deviation 0.02 / sqrt 2."""


def a_run(run_id: str, *returns: float, strategy: str = "rule", code: str = "c", **parameters: Any) -> Any:
    """Return what the ledger reads of a run."""
    manifest = {
        "strategy": strategy,
        "parameters": parameters,
        "sha256": {"code": code, "events": "e", "bars": {"TOPIX": "t"}},
        "costs": {"TOPIX": {}},
        "terms": {"cash": 1.0},
        "window": {"from": "", "to": ""},
        "first_session": "2020-01-01",
        "last_session": "2020-12-31",
    }
    trades = closed(*returns)
    metrics = {"n_trades": len(trades), "total_return": 0.0, "max_drawdown": 0.0}
    return SimpleNamespace(run_id=run_id, manifest=manifest, trades=trades, metrics=metrics, simulated=False)


def three_runs() -> list[str]:
    """Enter three trials and return the heads that were printed."""
    return [ledger.enter(a_run(f"run{n}", 0.01, 0.02 * n, hold=n)).head for n in (1, 2, 3)]


def tamper(home: Path, *statements: str) -> None:
    """Do to the ledger what its triggers would refuse."""
    with sqlite3.connect(home / "runs.sqlite3") as db:
        db.execute("DROP TRIGGER ledger_keeps")
        db.execute("DROP TRIGGER ledger_stays")
        for each in statements:
            db.execute(each)
    db.close()


# --- what is entered


def test_each_run_is_a_trial_and_the_same_run_is_the_same_trial(cli, home) -> None:
    def position(*options: str) -> Any:
        trial = cli("run", *options, *QUICK).json["trial"]
        return [trial[key] for key in ("k", "n", "k_of_rule", "n_of_rule")]

    assert position("pro-growth-win", "-p", "hold=2") == [1, 1, 1, 1]
    assert position("takaichi-trade") == [2, 2, 1, 1]
    assert position("pro-growth-win", "-p", "hold=3") == [3, 3, 2, 2]
    assert position("pro-growth-win", "-p", "hold=2") == [1, 3, 1, 2]
    listed = cli("trials", "--json").json
    assert [(t["k"], t["times"]) for t in listed["trials"]] == [(3, 1), (2, 1), (1, 2)]


def test_the_row_holds_what_was_run_and_how_it_did(cli, home) -> None:
    made = cli("run", "pro-growth-win", "-p", "hold=2", "--from", "2010-01-01", "--cash", "5e6", *QUICK).json
    (row,) = cli("trials", "--json").json["trials"]
    manifest = json.loads(Path(made["files"]["manifest"]).read_text())
    assert row["run_id"] == made["run_id"]
    assert row["ground"] == manifest["sha256"]
    assert (row["terms"], row["window"]) == (manifest["terms"], {"from": "2010-01-01", "to": ""})
    assert row["parameters"] == {"instrument": "TOPIX", "country": "JP", "hold": 2, "weight": 0.95}
    assert row["statistics"]["n"] == made["metrics"]["n_trades"]
    assert row["statistics"]["mean"] == pytest.approx(made["metrics"]["mean_trade"], rel=1e-12)
    assert (row["at"][:4], row["at"][-1], row["prereg"], row["reason"]) == (row["at"][:4], "Z", "", None)


def test_the_summary_of_a_run_ends_with_its_place_among_the_trials(cli, home) -> None:
    cli("run", "takaichi-trade", "--no-report")
    last = cli("run", "pro-growth-win", "--no-report").out.splitlines()[-1]
    assert last.startswith("trial      trial 2 of 2 (1 of 1 of this rule); ledger ")
    assert cli("trials", "verify", "--head", last.split()[-1]).code == 0


def test_removing_a_run_takes_nothing_from_the_ledger(cli, home) -> None:
    made = cli("run", "pro-growth-win", *QUICK).json
    assert cli("runs", "remove", made["run_id"]).code == 0
    assert [t["run_id"] for t in cli("trials", "--json").json["trials"]] == [made["run_id"]]
    assert cli("trials", "verify").code == 0
    assert cli("run", "pro-growth-win", "-p", "hold=3", *QUICK).json["trial"]["n"] == 2


def test_another_result_of_the_same_id_is_another_trial(home) -> None:
    """A rule that throws dice keeps its id and not its result: each throw counts."""
    positions = [ledger.enter(a_run("dice", 0.01, r)) for r in (0.02, 0.05, 0.02)]
    assert [(p.k, p.n) for p in positions] == [(1, 1), (2, 2), (1, 2)]


def test_a_last_digit_that_a_processor_rounds_otherwise_is_the_same_trial(home) -> None:
    assert [ledger.enter(a_run("same", 0.01, r)).k for r in (0.02, 0.02 * (1 + 1e-14))] == [1, 1]


def test_the_sharpe_ratios_of_the_rule_are_those_of_its_distinct_trials(home) -> None:
    """0.01 and 0.03: mean 0.02, deviation 0.02 / sqrt 2. A single trade has no ratio."""
    ledger.enter(a_run("one", 0.01, 0.03, hold=1))
    ledger.enter(a_run("other", 0.5, 0.9, strategy="another"))
    ledger.enter(a_run("two", 0.01, hold=2))
    position = ledger.enter(a_run("one", 0.01, 0.03, hold=1))
    assert list(position.sharpes) == [ROOT_TWO, None]
    assert [t.parameters for t in position.rebuildable] == [{"hold": 1}, {"hold": 2}]
    assert position.text.partition(";")[0] == "trial 1 of 3 (1 of 2 of this rule)"


def test_what_ran_on_other_code_cannot_be_rebuilt(cli, home, tmp_path: Path) -> None:
    cli("new", "my-rule")
    path = tmp_path / "my_rule.py"
    cli("run", "my_rule.py:MyRule", *QUICK)
    path.write_text(path.read_text() + "\nLIMIT = 3\n")
    assert cli("run", "my_rule.py:MyRule", *QUICK).json["trial"]["n_of_rule"] == 2
    first, second = ledger.trials_of("my-rule")
    assert first.ground is not None
    assert second.ground is not None
    assert not second.ground.covers(first.ground)
    assert first.parameters == second.parameters


def test_the_position_of_a_run_is_asked_for_without_entering_it(home) -> None:
    ledger.enter(a_run("one", 0.01, 0.03))
    ledger.enter(a_run("two", 0.01, 0.04))
    assert ledger.position_of(a_run("one", 0.01, 0.03)).text.partition(";")[0] == "trial 1 of 2 (1 of 2 of this rule)"
    assert ledger.check_ledger().rows == 2
    with pytest.raises(UserError, match="run three is not in the ledger"):
        ledger.position_of(a_run("three", 0.01))


def test_a_repetition_leaves_the_head_that_pages_print(home) -> None:
    heads = {ledger.enter(a_run("same", 0.01, 0.03)).head for _ in range(3)}
    assert len(heads) == 1
    assert ledger.check_ledger().rows == 3


# --- studies


def test_each_way_to_study_a_run_is_counted_once(home) -> None:
    run = a_run("one", 0.01, 0.03)
    ledger.enter(run)
    settings: list[dict[str, Any]] = [{"seed": 0}, {"seed": 1}, {"seed": 0}, {"seed": 1, "windows": ["0:5"]}]
    assert [ledger.enter_study(run.run_id, run.manifest, each) for each in settings] == [1, 2, 2, 3]
    other = a_run("other", 0.01)
    assert ledger.enter_study(other.run_id, other.manifest, {"seed": 0}) == 1
    assert ledger.check_ledger().rows == 5


def test_settings_are_the_same_in_any_order(home) -> None:
    run = a_run("one", 0.01, 0.03)
    either = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert [ledger.enter_study(run.run_id, run.manifest, each) for each in either] == [1, 1]


def test_a_study_is_no_trial_and_no_repetition(home) -> None:
    run = a_run("one", 0.01, 0.03)
    ledger.enter(run)
    ledger.enter_study(run.run_id, run.manifest, {"seed": 0})
    (trial,) = ledger.trials_of()
    today = ledger.now()[:10]
    holds = f"ledger of another home (HUSTINGS_HOME) begun on {today} holds 1 trial"
    assert (trial.times, ledger.position_of(run).text) == (1, f"trial 1 of 1 (1 of 1 of this rule); {holds}")


def test_a_ledger_begun_less_than_a_day_before_a_trial_is_named(home, monkeypatch) -> None:
    monkeypatch.setattr(ledger, "now", lambda: "2026-01-01T12:00:00Z")
    held = ledger.enter(a_run("one", 0.01, 0.03)).caution
    assert held == (
        "The ledger of another home (HUSTINGS_HOME) begun on 2026-01-01, less than a day before this was first tried, "
        "holds 1 trial; what was tried earlier or elsewhere is not counted."
    )
    monkeypatch.setattr(ledger, "now", lambda: "2026-01-02T12:00:00Z")
    assert ledger.enter(a_run("two", 0.01, 0.03)).caution == ""
    assert "holds 2 trials" in ledger.enter(a_run("one", 0.01, 0.03)).caution  # whenever it is looked at again


def test_the_row_of_a_study_says_what_was_studied_and_how(home) -> None:
    run = a_run("one", 0.01, 0.03, hold=5)
    ledger.register("f" * 64, at="2026-01-01T00:00:00Z", strategy="rule", parameters={"hold": 5})
    ledger.enter_study(run.run_id, run.manifest, {"seed": 7, "windows": ["0:5"]})
    with sqlite3.connect(home / "runs.sqlite3") as db:
        said = "kind, trial, run_id, strategy, parameters, terms, sharpe, prereg"
        found = db.execute(f"SELECT {said} FROM ledger WHERE place = 2").fetchone()
    db.close()
    terms = '{"seed":7,"windows":["0:5"]}'
    assert found == ("study", None, "one", "rule", '{"hold":5}', terms, None, "f" * 64)


@pytest.mark.parametrize("column", ["run_id", "terms", "prereg", "at"])
def test_a_study_that_was_changed_shows(cli, home, column: str) -> None:
    run = a_run("one", 0.01, 0.03)
    ledger.enter(run)
    ledger.enter_study(run.run_id, run.manifest, {"seed": 0})
    tamper(home, f"UPDATE ledger SET {column} = 'x' WHERE place = 2")
    answer = cli("trials", "verify")
    assert answer.code == 1
    assert answer.out.startswith("the ledger of trials is damaged: row 2 (study of run ")


def test_a_study_taken_off_the_end_shows_by_the_head_printed_after_it(cli, home) -> None:
    run = a_run("one", 0.01, 0.03)
    ledger.enter(run)
    ledger.enter_study(run.run_id, run.manifest, {"seed": 0})
    printed = ledger.position_of(run).head
    tamper(home, "DELETE FROM ledger WHERE place = 2")
    assert cli("trials", "verify").code == 0
    assert cli("trials", "verify", "--head", printed).code == 1


# --- a registry from before the ledger


def test_runs_of_an_older_registry_are_trials_whose_result_is_not_known(home) -> None:
    for name in ("old1", "old2"):
        registry.record(a_run(name, hold=1), Path(name))
    position = ledger.enter(a_run("new", 0.01, 0.03, hold=2))
    assert position.text.partition(";")[0] == "trial 3 of 3 (3 of 3 of this rule)"
    assert list(position.sharpes) == [None, None, ROOT_TWO]
    assert [t.parameters for t in position.rebuildable] == [{"hold": 2}]
    assert position.of_rule[0].statistics.reason == "its trades are not known"


def test_an_older_run_that_is_run_again_is_then_known(home) -> None:
    registry.record(a_run("old", hold=1), Path("old"))
    ledger.enter(a_run("new", 0.01, 0.04, hold=2))
    position = ledger.enter(a_run("old", 0.01, 0.03, hold=1))
    assert position.text.partition(";")[0] == "trial 1 of 2 (1 of 2 of this rule)"
    assert position.sharpes[0] == ROOT_TWO
    assert (position.of_rule[0].times, len(position.rebuildable)) == (2, position.n_of_rule)


def test_an_older_registry_is_listed_before_anything_new_is_run(cli, home) -> None:
    registry.record(a_run("old", hold=1), Path("old"))
    answer = cli("trials")
    assert "1 of 1 trials; 1 ledger row, head" in answer.out
    assert "n/a" in answer.out
    assert cli("trials", "--json").json["trials"][0]["reason"] == "its trades are not known"


# --- what was done to it shows


def test_a_row_is_sealed_as_the_page_says(home) -> None:
    """SHA-256 of the hash before, a line feed, and the JSON list of the columns: reckoned here from the table alone."""
    printed = three_runs()
    before = "0" * 64
    with sqlite3.connect(home / "runs.sqlite3") as db:
        for *said, found in db.execute(f"SELECT {','.join(COLUMNS)}, hash FROM ledger ORDER BY place"):
            before = hashlib.sha256(f"{before}\n{json.dumps(said)}".encode()).hexdigest()
            assert found == before
    db.close()
    assert printed[-1] == before


@pytest.mark.parametrize("statement", ["DELETE FROM ledger WHERE place = 2", "UPDATE ledger SET sharpe = 9"])
def test_the_table_itself_refuses_to_lose_or_change_a_row(home, statement: str) -> None:
    three_runs()
    with sqlite3.connect(home / "runs.sqlite3") as db, pytest.raises(sqlite3.IntegrityError, match="ledger"):
        db.execute(statement)
    db.close()


@pytest.mark.parametrize("column", [*COLUMNS[:-1], "hash"])
def test_any_column_changed_shows_and_the_row_is_named(cli, home, column: str) -> None:
    three_runs()
    tamper(home, f"UPDATE ledger SET {column} = 7 WHERE place = 2")
    answer = cli("trials", "verify")
    assert answer.code == 1
    assert answer.out.startswith("the ledger of trials is damaged: row 2 (trial ")
    assert "it or row 1 was changed" in answer.out


def test_nothing_is_said_of_a_row_before_the_first(cli, home) -> None:
    three_runs()
    tamper(home, "UPDATE ledger SET sharpe = 7 WHERE place = 1")
    said = "the ledger of trials is damaged: row 1 (trial 1, run run1 of rule) does not match its hash: it was changed"
    assert cli("trials", "verify").out == said + "\n"


def test_a_row_taken_out_shows(cli, home) -> None:
    three_runs()
    tamper(home, "DELETE FROM ledger WHERE place = 2")
    answer = cli("trials", "verify", "--json")
    assert (answer.code, answer.json["broken"]["place"]) == (1, 2)
    assert answer.json["broken"]["why"] == "row 2 is missing: row 3 is in its place"


def test_the_first_row_taken_out_shows(cli, home) -> None:
    three_runs()
    tamper(home, "DELETE FROM ledger WHERE place = 1")
    assert "row 1 is missing: row 2 is in its place" in cli("trials", "verify").out


def test_rows_taken_out_and_those_behind_moved_up_show(cli, home) -> None:
    three_runs()
    tamper(home, "DELETE FROM ledger WHERE place = 2", "UPDATE ledger SET place = 2 WHERE place = 3")
    assert "row 2 (trial 3, run run3 of rule) does not match its hash" in cli("trials", "verify").out


def test_rows_that_changed_places_show(cli, home) -> None:
    three_runs()
    swap = [f"UPDATE ledger SET place = {b} WHERE place = {a}" for a, b in ((2, 99), (3, 2), (99, 3))]
    tamper(home, *swap)
    answer = cli("trials", "verify")
    assert (answer.code, "row 2 (trial 3, run run3 of rule)" in answer.out) == (1, True)


def test_a_changed_row_sealed_anew_is_given_away_by_the_next(cli, home) -> None:
    three_runs()
    with sqlite3.connect(home / "runs.sqlite3") as db:
        first, second = list(chain.rows(db))[:2]
    db.close()
    forged = chain.seal(replace(second, sharpe=9.0), first.hash)
    tamper(home, f"UPDATE ledger SET sharpe = 9.0, hash = '{forged}' WHERE place = 2")
    assert "row 3 (trial 3, run run3 of rule) does not match its hash: it or row 2" in cli("trials", "verify").out


def test_rows_taken_off_the_end_show_by_the_registry(cli, home) -> None:
    for n in (1, 2):
        run = a_run(f"run{n}", 0.01, 0.02)
        ledger.enter(run)
        registry.record(run, Path("x"))
    tamper(home, "DELETE FROM ledger WHERE place = 2")
    answer = cli("trials", "verify")
    assert answer.code == 1
    assert "run run2 is in the registry and not in the ledger: rows after row 1 were removed" in answer.out


def test_rows_taken_off_the_end_of_both_show_by_a_hash_that_was_printed(cli, home) -> None:
    heads = three_runs()
    tamper(home, "DELETE FROM ledger WHERE place = 3")
    assert cli("trials", "verify").code == 0  # what is left is whole: only a hash from outside can tell
    assert cli("trials", "verify", "--head", heads[1]).code == 0
    for printed in (heads[2], heads[2][:16]):
        answer = cli("trials", "verify", "--head", printed)
        assert answer.code == 1
        assert f"no row has the hash {printed}: rows after row 2 were removed" in answer.out


def test_a_ledger_made_anew_shows_by_a_hash_that_was_printed(cli, home) -> None:
    heads = three_runs()
    tamper(home, "DROP TABLE ledger")
    three_runs()
    assert cli("trials", "verify").code == 0
    assert cli("trials", "verify", "--head", heads[0]).code == 1


@pytest.mark.parametrize("head", ["abc", "xyzxyzxyz", "0" * 65])
def test_a_head_that_is_no_hash_is_refused(cli, home, head: str) -> None:
    answer = cli("trials", "verify", "--head", head)
    assert answer.code == 2
    assert "give 8 to 64 hexadecimal digits" in answer.err


@pytest.mark.parametrize("garbage", ["'{'", "'[1]'", "'7'", "x'ff00fe'", "CAST(x'ff' AS TEXT)"])
@pytest.mark.parametrize("column", ["parameters", "ground", "terms", "sharpe", "trial"])
def test_a_damaged_row_stops_neither_a_listing_nor_a_run(cli, home, column: str, garbage: str) -> None:
    three_runs()
    tamper(home, f"UPDATE ledger SET {column} = {garbage} WHERE place = 2")
    listed = cli("trials")
    assert (listed.code, "the ledger of trials is damaged: row 2" in listed.err) == (0, True)
    made = cli("run", "pro-growth-win", *QUICK)
    assert made.code == 0
    assert made.json["trial"]["broken"].startswith("row 2 ")
    assert "; the ledger is damaged" in ledger.position_of(read_run(Path("runs") / made.json["run_id"])).text
    assert made.err.count("\n") == 1
    assert cli("trials", "verify").code == 1


# --- faults


def enter_trials(name: str, n: int) -> None:
    """Enter so many trials of its own, each with one of ten that all writers enter, and print the number of each."""
    for k in range(n):
        ledger.enter(a_run(f"{name}{k:06}", 0.01, 0.001 * k))
        ledger.enter(a_run(f"both{k % 10}", 0.01, 0.02))
        print(k, flush=True)


def test_two_processes_append_at_once_and_the_chain_is_whole(home) -> None:
    """Each enters 30 trials of its own; the ten of both are ten trials, whoever came first."""
    writers = [Forked(enter_trials, name, 30) for name in ("a", "b")]
    assert [w.wait() for w in writers] == [0, 0]
    verdict = ledger.check_ledger()
    assert (verdict.rows, verdict.trials, verdict.broken) == (120, 70, None)
    assert [t.k for t in ledger.trials_of()] == list(range(1, 71))


def test_a_kill_in_the_midst_leaves_a_whole_chain_with_all_that_was_entered(home) -> None:
    for round_ in range(3):
        killed = Forked(enter_trials, f"k{round_}", 100_000)
        last = [int(killed.stdout.readline()) for _ in range(10 + round_)][-1]
        killed.kill()
        killed.wait()
        assert ledger.check_ledger().broken is None
        assert f"k{round_}{last:06}" in {t.run_id for t in ledger.trials_of()}


def test_a_full_disk_is_one_line_and_the_runs_files_are_written(cli, home, monkeypatch) -> None:
    cli("run", "pro-growth-win", *QUICK)
    connect: Any = sqlite3.connect

    def full(*arguments: Any, **more: Any) -> Any:
        db = connect(*arguments, **more)
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")
        db.execute("PRAGMA cache_size = 10")
        return db

    monkeypatch.setattr(sqlite3, "connect", full)
    for hold in range(3, 60):  # the last page has room for a few rows
        answer = cli("run", "pro-growth-win", "-p", f"hold={hold}", "--out", "out", *QUICK)
        assert answer.code == 0
        if answer.err:
            break
    assert "database or disk is full" in answer.err
    assert answer.err.count("\n") == 1
    assert answer.json["trial"] is None
    assert json.loads(Path("out/manifest.json").read_text())["run_id"] == answer.json["run_id"]
    monkeypatch.undo()
    assert ledger.check_ledger().broken is None


@pytest.mark.parametrize("part", [0.5, 0.0])
def test_a_damaged_file_is_one_line_and_the_runs_files_are_written(cli, home, part: float) -> None:
    """Half of a registry, and something of the same length that was never one."""
    for n in range(100):
        ledger.enter(a_run(f"run{n}", 0.01, 0.02))
    whole = (home / "runs.sqlite3").read_bytes()
    kept = whole[: int(len(whole) * part)]
    (home / "runs.sqlite3").write_bytes(kept or b"nothing of a database" * 100)
    answer = cli("run", "pro-growth-win", "--out", "out", *QUICK)
    assert (answer.code, answer.json["trial"], answer.err.count("\n")) == (0, None, 1)
    assert "it is not listed and is not counted as a trial" in answer.err
    assert Path("out/trades.csv").is_file()
    assert cli("trials", "verify").code == 2


def test_a_home_that_cannot_be_written_is_one_line(cli, home) -> None:
    (home / "runs.sqlite3").mkdir()
    answer = cli("run", "pro-growth-win", "--out", "out", "--no-report")
    assert (answer.code, answer.err.count("\n")) == (0, 1)
    assert "trial" not in answer.out.splitlines()[-1]
    assert Path("out/trades.csv").is_file()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3))
@example([-0.0, -0.0, -0.0])  # SQLite keeps no sign on zero
def test_whatever_the_numbers_a_row_comes_back_as_it_was_sealed(numbers: list[float]) -> None:
    db = sqlite3.connect(":memory:")
    db.executescript(chain.SCHEMA)
    mean, sd, sharpe = numbers
    chain.append(db, chain.Row("trial", "", 1, "id", "s", "{}", mean=mean, sd=sd, sharpe=sharpe))
    assert chain.first_break(chain.rows(db)) is None
    db.close()


def test_a_thousand_trials_are_counted(cli, home) -> None:
    with ledger._ledger() as db:
        for n in range(1, 1001):
            shown = ledger.canonical({"hold": n})
            chain.append(db, chain.Row("trial", "2026-01-01T00:00:00Z", n, f"id{n}", "rule", shown, n_closed=0))
    position = ledger.enter(a_run("last", 0.01, 0.03, hold=7))
    assert (position.k, position.n_of_rule) == (1001, 1001)
    assert "30 of 1,001 trials; 1,001 ledger rows" in cli("trials").out


# --- the listing


def test_the_list_is_newest_first_and_says_how_many_there_are(cli, home) -> None:
    three_runs()
    ledger.enter(a_run("other", 0.5, strategy="another"))
    assert [t["k"] for t in cli("trials", "--json").json["trials"]] == [4, 3, 2, 1]
    assert [t["k"] for t in cli("trials", "--limit", "2", "--json").json["trials"]] == [4, 3]
    one = cli("trials", "--strategy", "another", "--json").json
    assert ([t["k"] for t in one["trials"]], one["n"], one["of"]) == ([4], 1, 4)
    assert (
        "3 of 3 trials of this rule, 4 in all; 4 ledger rows, head" in cli("trials", "--strategy", "rule", "--all").out
    )


def test_a_strategy_that_was_never_tried_is_answered_with_the_nearest(cli, home) -> None:
    three_runs()
    answer = cli("trials", "--strategy", "rulle")
    assert answer.code == 2
    assert "unknown strategy among the trials 'rulle' (did you mean 'rule'?)" in answer.err


def test_an_empty_ledger_says_what_fills_it(cli, home) -> None:
    assert cli("trials").out == "no trial yet; every 'hustings run' is a trial\n"
    assert cli("trials", "verify").code == 0
