"""Preregistration: what is written down before a test, and whether it was before."""

import dataclasses
import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from datasets.errors import UserError
from engine.study.settings import Anchor, Model
from hustings import ledger, registry
from hustings.ledger import Used, enter, enter_study, used_before
from hustings.prereg import (
    FileState,
    PreregAccount,
    PreregSettings,
    Standing,
    account_of,
    deviations,
    draft,
    load,
    settings_of,
    standing,
    write_prereg,
)
from tests.hustings.test_trials import a_run, tamper

RULE = ("pro-growth-win", "-p", "hold=5")
QUICK = ("--no-report", "--json")


def write(cli: Any, out: str = "mine.json", *options: str, rule: tuple[str, ...] = RULE) -> Any:
    return cli("prereg", "write", *rule, "--hypothesis", "Wins lift TOPIX for a week.", "--out", out, *options)


def run(cli: Any, *options: str) -> Any:
    return cli("run", *(options or RULE), *QUICK).json


def shown(cli: Any, out: str = "mine.json") -> Any:
    return cli("prereg", "show", out, "--json").json["standing"]


def test_the_file_says_what_will_be_tested_and_how(cli, home) -> None:
    options = ("--statistic", "placebo", "--scheme", "years", "--window", "0:20", "--model", "market-model")
    more = ("--draws", "999", "--seed", "7", "--alpha", "0.1", "--direction", "greater")
    account = (
        "--from",
        "2004-01-01",
        "--cash",
        "5e5",
        "--slippage-bps",
        "3",
        "--adjust",
        "total",
        "--benchmark",
        "SPX",
    )
    assert write(cli, "mine.json", *options, *more, *account).code == 0
    answered = json.loads(Path("mine.json").read_text(encoding="utf-8"))
    assert answered.pop("code")
    assert answered.pop("written_at").endswith("Z")
    assert answered == {
        "hypothesis": "Wins lift TOPIX for a week.",
        "strategy": "pro-growth-win",
        "parameters": {"instrument": "TOPIX", "hold": 5, "weight": 0.95, "country": "JP"},
        "settings": {
            "statistic": "placebo",
            "scheme": "years",
            "window": "0:20",
            "anchor": "reaction",
            "model": "market-model",
            "draws": 999,
            "seed": 7,
            "alpha": 0.1,
            "direction": "greater",
        },
        "account": {
            "since": "2004-01-01",
            "until": None,
            "cash": 500_000.0,
            "commission_bps": None,
            "slippage_bps": 3.0,
            "cash_rate": 0.0,
            "borrow_rate": 0.0,
            "max_gross": 1.0,
            "currency": "",
            "fx": "hedged",
            "event_slippage_bps": 0.0,
            "adjust": "total",
            "benchmark": "SPX",
        },
    }


def test_the_hash_is_that_of_the_file_and_is_in_the_chain(cli, home) -> None:
    made = write(cli, "mine.json", "--json").json
    assert made["sha256"] == hashlib.sha256(Path("mine.json").read_bytes()).hexdigest()
    with sqlite3.connect(home / "runs.sqlite3") as db:
        assert db.execute("SELECT place, kind, prereg FROM ledger").fetchall() == [(1, "prereg", made["sha256"])]
    db.close()
    assert cli("trials", "verify").out.startswith("the ledger of trials is complete: 1 ledger row, head ")


def test_a_file_written_first_is_preregistered(cli, home) -> None:
    write(cli)
    run(cli)
    answer = cli("prereg", "show", "mine.json")
    assert answer.code == 0
    assert answer.out.splitlines()[-1].startswith("preregistered at ")
    assert answer.out.splitlines()[-1].endswith("Z, before any trial of this rule and these parameters")
    assert shown(cli)["precedes"] is True


def test_a_file_written_after_its_result_is_not_preregistered(cli, home) -> None:
    run(cli)
    answer = write(cli)
    assert answer.code == 0  # it may be written; it is only never called what it is not
    last = "not preregistered: 1 trial of this rule and these parameters came before the file"
    assert answer.out.splitlines()[-1] == last  # the same trial is not counted twice
    run(cli, "pro-growth-win", "-p", "hold=2")
    assert write(cli, out="later.json").out.splitlines()[-1].startswith(f"{last}; in all 2 trials of the rule came")
    assert (shown(cli)["precedes"], shown(cli)["same_before"]) == (False, 1)


def test_trials_of_other_parameters_before_the_file_are_shown_and_do_not_undo_it(cli, home) -> None:
    for hold in (2, 3):
        run(cli, "pro-growth-win", "-p", f"hold={hold}")
    run(cli, "takaichi-trade")
    write(cli)
    run(cli)
    answered = shown(cli)
    assert (answered["precedes"], answered["same_before"], [t["k"] for t in answered["before"]]) == (True, 0, [1, 2])
    assert answered["text"].endswith("these parameters; 2 trials of the rule came before it")


def test_a_run_repeated_before_the_file_is_one_trial(cli, home) -> None:
    run(cli)
    run(cli)
    write(cli)
    assert shown(cli)["same_before"] == 1


def test_the_same_trial_with_other_terms_came_before_too(cli, home) -> None:
    run(cli, *RULE, "--cash", "5e6")
    write(cli)
    assert shown(cli)["same_before"] == 1


def test_trials_of_an_older_registry_came_before(cli, home) -> None:
    parameters: Any = {"instrument": "TOPIX", "hold": 5, "weight": 0.95, "country": "JP"}
    registry.record(a_run("old", strategy="pro-growth-win", **parameters), Path("x"))
    write(cli)
    assert shown(cli)["same_before"] == 1


def test_the_trial_names_the_preregistration_it_ran_under(cli, home) -> None:
    run(cli, "pro-growth-win", "-p", "hold=2")
    made = write(cli, "mine.json", "--json").json
    run(cli)
    run(cli, "pro-growth-win", "-p", "hold=3")
    assert [t.prereg for t in ledger.trials_of("pro-growth-win")] == ["", made["sha256"], ""]


def test_many_preregistrations_of_one_rule_are_counted(cli, home) -> None:
    """Whoever writes one for each outcome and shows the one that came true hears of the others."""
    for n in range(3):
        write(cli, f"{n}.json", "--window", f"0:{n}")
    write(cli, "other.json", rule=("takaichi-trade",))
    assert shown(cli, "1.json")["registrations"] == 3
    assert shown(cli, "1.json")["text"].endswith("; 3 preregistrations of the rule were written")


@pytest.mark.parametrize(("old", "new"), [("week", "month"), ("trade", "0:5"), ("  ", "   "), ("0.05", "0.10")])
def test_a_changed_file_is_not_preregistered(cli, home, old: str, new: str) -> None:
    write(cli)
    text = Path("mine.json").read_text(encoding="utf-8")
    Path("mine.json").write_text(text.replace(old, new, 1), encoding="utf-8")
    answer = cli("prereg", "show", "mine.json")
    assert answer.code == 1
    assert "not preregistered: the file was changed after it was written at " in answer.out


def test_a_copy_is_the_file(cli, home) -> None:
    write(cli)
    Path("copy.json").write_bytes(Path("mine.json").read_bytes())
    assert cli("prereg", "show", "copy.json").code == 0


def test_a_file_of_another_home_is_not_known(cli, home, monkeypatch, tmp_path: Path) -> None:
    write(cli)
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path / "elsewhere"))
    answer = cli("prereg", "show", "mine.json")
    assert (answer.code, "the ledger does not know the file" in answer.out) == (1, True)


def test_in_a_damaged_chain_nothing_is_preregistered(cli, home) -> None:
    write(cli)
    run(cli)
    tamper(home, "UPDATE ledger SET at = '2020-01-01T00:00:00Z' WHERE place = 2")
    answer = cli("prereg", "show", "mine.json")
    assert (answer.code, "the ledger is damaged (row 2 " in answer.out) == (1, True)
    assert shown(cli)["precedes"] is False


def test_a_row_moved_before_the_trial_does_not_make_it_first(cli, home) -> None:
    run(cli)
    write(cli)
    swap = [f"UPDATE ledger SET place = {b} WHERE place = {a}" for a, b in ((1, 9), (2, 1), (9, 2))]
    tamper(home, *swap)
    assert shown(cli)["precedes"] is False


def test_a_file_is_never_overwritten(cli, home) -> None:
    write(cli)
    before = Path("mine.json").read_bytes()
    answer = write(cli)
    assert (answer.code, "'mine.json' is there already" in answer.err) == (2, True)
    assert Path("mine.json").read_bytes() == before
    assert ledger.check_ledger().rows == 1


def test_no_file_is_left_that_no_row_vouches_for(cli, home, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path / "file"))
    answer = write(cli)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "set HUSTINGS_HOME" in answer.err or "see HUSTINGS_HOME" in answer.err
    assert not Path("mine.json").exists()


@pytest.mark.parametrize(
    ("rule", "options", "said"),
    [
        (("pro-growth-wi",), (), "unknown strategy 'pro-growth-wi' (did you mean 'pro-growth-win'?)"),
        (("pro-growth-win", "-p", "hol=5"), (), "unknown parameter of pro-growth-win 'hol' (did you mean 'hold'?)"),
        (("pro-growth-win", "-p", "hold=0"), (), "parameter hold of pro-growth-win is '0'"),
        (RULE, ("--window", "5:0"), "--window is '5:0': write it as A:B"),
        (RULE, ("--window", "5"), "--window is '5': write it as A:B"),
        (RULE, ("--window", "a:b"), "--window is 'a:b': write it as A:B"),
        (RULE, ("--alpha", "1.5"), "--alpha is '1.5'"),
        (RULE, ("--alpha", "nan"), "--alpha is 'nan'"),
        (RULE, ("--alpha", "0.11"), "--alpha is '0.11': Input should be less than or equal to 0.1"),
        (RULE, ("--from", "soon"), "--from is 'soon'; write a date like 2026-02-09"),
        (RULE, ("--from", "2020-01-02", "--to", "2020-01-01"), "--from 2020-01-02 lies after --to 2020-01-01"),
        (RULE, ("--cash", "nan"), "cash is nan; it must lie between"),
        (RULE, ("--commission-bps", "-1"), "commission bps is -1; it must lie between 0 and 5000"),
        (RULE, ("--adjust", "none"), "'none' is not one of 'price', 'total'"),
        (RULE, ("--data", "builtin"), "No such option '--data'"),
        (RULE, ("--window", "0:251"), "--window is '0:251': write it as A:B, sessions from -10 to 250"),
        (RULE, ("--window", "-11:0"), "--window is '-11:0': write it as A:B, sessions from -10 to 250"),
        (RULE, ("--draws", "99"), "--draws is '99'"),
        (RULE, ("--seed", "-1"), "--seed is '-1'"),
        (RULE, ("--statistic", "luck"), "'luck' is not one of 'bmp', 't', 'sign-flip', 'placebo'"),
        (RULE, ("--hypothesis", "  "), "--hypothesis is empty"),
        (RULE, ("--hypothesis", "\udcff"), "is not UTF-8"),
        (("buy-after-event", "-p", "winner_party=\udcff"), (), "is not UTF-8"),
        (RULE, ("--out", "no/such/place.json"), "cannot write 'no/such/place.json'"),
    ],
)
def test_what_cannot_be_is_reported_in_one_line_and_leaves_nothing(
    cli, home, rule: Any, options: Any, said: str
) -> None:
    answer = write(cli, "mine.json", *options, rule=rule)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert said in answer.err
    assert not Path("mine.json").exists()
    assert ledger.check_ledger().rows == 0


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe\x00", b'{"hypothesis": 1}', b"null"])
def test_a_file_that_is_none_is_reported_in_one_line(cli, home, content: bytes) -> None:
    Path("mine.json").write_bytes(content)
    answer = cli("prereg", "show", "mine.json")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "'mine.json' is no preregistration: " in answer.err
    assert "cannot read 'gone.json'" in cli("prereg", "show", "gone.json").err


def test_a_backtrader_strategy_can_be_registered(cli, home, tmp_path: Path) -> None:
    from tests.hustings.test_commands import BACKTRADER

    (tmp_path / "mine.py").write_text(BACKTRADER)
    write(cli, "mine.json", rule=("mine.py:Landslide", "-p", "n=5"))
    cli("run", "mine.py:Landslide", "--instrument", "TOPIX", "-p", "n=5", "--from", "2026-01-01", *QUICK)
    answered = load(Path("mine.json"))
    assert (answered.strategy, answered.parameters) == ("Landslide", {"n": 5})
    assert (standing(answered).state, standing(answered).precedes) == (FileState.REGISTERED, True)
    assert ledger.trials_of("Landslide")[0].prereg == answered.sha256


def test_deviations_are_named_one_by_one(home, tmp_path: Path) -> None:
    drafted = draft("pro-growth-win", {"hold": "5"}, hypothesis="It rises.", settings=PreregSettings(window="0:20"))
    made = write_prereg(drafted, tmp_path / "mine.json")
    answered = load(tmp_path / "mine.json")
    assert answered == made

    def against(**other: Any) -> list[str]:
        same = {"strategy": answered.strategy, "parameters": answered.parameters, "settings": answered.settings}
        return deviations(answered, **{**same, "account": answered.account, **other})

    assert against() == []
    assert against(code=answered.code) == []
    assert against(code="another") == ["the code of the rule or of the engine is not the code that was registered"]
    assert against(strategy="takaichi-trade") == ["the rule is takaichi-trade; registered was pro-growth-win"]
    assert against(parameters={**answered.parameters, "hold": 20}) == ["parameter hold is 20; registered was 5"]
    assert against(parameters={**answered.parameters, "stop": 0.1}) == ["parameter stop is 0.1; registered was none"]
    other = dataclasses.replace(answered.settings, window="0:5", model=Model.MARKET, seed=3, alpha=0.1)
    assert against(settings=other) == [
        "the window is 0:5; registered was 0:20",
        "the model is market; registered was mean",
        "the seed is 3; registered was 0",
        "the alpha is 0.1; registered was 0.05",
    ]
    assert against(account=PreregAccount(since="2004-01-01")) == ["the first date is 2004-01-01; registered was none"]
    dear = PreregAccount(
        until="2020-12-31", cash=5e6, commission_bps=2.5, slippage_bps=0.0, benchmark="SPX", adjust="total"
    )
    assert against(account=dear) == [
        "the last date is 2020-12-31; registered was none",
        "the cash is 5000000; registered was 1000000",
        "the commission in bps is 2.5; registered was none",
        "the slippage in bps is 0; registered was none",
        "the adjustment of the series is total; registered was none",
        "the benchmark is SPX; registered was none",
    ]
    rates = PreregAccount(cash_rate=0.01, borrow_rate=0.02, max_gross=2.0)
    assert against(account=rates) == [
        "the cash rate is 0.01; registered was 0",
        "the borrow rate is 0.02; registered was 0",
        "the limit of gross exposure is 2; registered was 1",
    ]


def test_a_tuple_of_a_rule_is_the_list_of_its_file(home, tmp_path: Path) -> None:
    drafted = draft("takaichi-trade", {"markets": "TOPIX,N225"}, hypothesis="It rises.", settings=PreregSettings())
    write_prereg(drafted, tmp_path / "mine.json")
    answered = load(tmp_path / "mine.json")
    same = {**answered.parameters, "markets": ("TOPIX", "N225")}
    assert (
        deviations(
            answered, strategy="takaichi-trade", parameters=same, settings=PreregSettings(), account=PreregAccount()
        )
        == []
    )
    other = {**answered.parameters, "markets": ("N225",)}
    assert deviations(
        answered, strategy="takaichi-trade", parameters=other, settings=PreregSettings(), account=PreregAccount()
    ) == ["parameter markets is N225; registered was TOPIX,N225"]


def test_a_model_that_expects_nothing_can_be_registered(cli, home) -> None:
    write(cli, "mine.json", "--model", "none")
    assert load(Path("mine.json")).settings == PreregSettings(model=None, anchor=Anchor.REACTION)
    assert cli("prereg", "show", "mine.json").code == 0


def test_one_window_is_written_one_way() -> None:
    assert PreregSettings(window="+0:05") == PreregSettings(window="0:5")


def test_settings_are_checked_where_they_are_made() -> None:
    with pytest.raises(UserError, match="--window is '1:0'"):
        settings_of({"window": "1:0"})


def test_one_date_is_written_one_way() -> None:
    assert account_of({"since": "20040101"}) == PreregAccount(since="2004-01-01")


# --- what else was made under a file

MADE: dict[str, Any] = {"strategy": "rule", "parameters": {"hold": 5}}


def registered(sha256: str = "f" * 64, **made: Any) -> str:
    ledger.register(sha256, at="2026-01-01T00:00:00Z", **{**MADE, **made})
    return sha256


def test_other_runs_under_the_file_are_counted_and_the_run_itself_is_not(home) -> None:
    mine, file = a_run("mine", 0.01, 0.03, hold=5), registered()
    for name in ("from2001", "from2002", "from2002", "cheap"):
        enter(a_run(name, 0.01, 0.04, hold=5))
    enter(a_run("another", 0.01, 0.04, hold=6))
    enter(a_run("rule2", 0.01, 0.04, strategy="rule2", hold=5))
    enter(mine)
    enter(mine)
    enter_study(mine.run_id, mine.manifest, {"seed": 0})
    assert used_before(file, mine, {"seed": 0}) == Used(3, 0)


def test_studies_of_the_run_with_other_settings_are_counted(home) -> None:
    mine, file = a_run("mine", 0.01, 0.03, hold=5), registered()
    enter(mine)
    for seed in (1, 2, 2, 0):
        enter_study(mine.run_id, mine.manifest, {"seed": seed})
    assert used_before(file, mine, {"seed": 0}) == Used(0, 2)
    assert used_before(file, mine, {"seed": 2}) == Used(0, 1)


def test_the_first_study_stays_the_first_whatever_comes_after(home) -> None:
    mine, file = a_run("mine", 0.01, 0.03, hold=5), registered()
    enter(mine)
    enter_study(mine.run_id, mine.manifest, {"seed": 0})
    enter(a_run("later", 0.01, 0.04, hold=5))
    enter_study(mine.run_id, mine.manifest, {"seed": 1})
    enter_study(mine.run_id, mine.manifest, {"seed": 0})
    assert used_before(file, mine, {"seed": 0}) == Used(0, 0)
    assert used_before(file, mine, {"seed": 1}) == Used(1, 1)


def test_what_ran_before_the_file_is_not_under_it(home) -> None:
    enter(a_run("before", 0.01, 0.04, hold=5))
    mine, file = a_run("mine", 0.01, 0.03, hold=5), registered()
    enter(mine)
    assert used_before(file, mine, {}) == Used(0, 0)


def test_a_second_file_of_the_same_rule_and_parameters_hides_no_run_from_the_first(home) -> None:
    """The trial names the last file; it was made under both."""
    mine, file = a_run("mine", 0.01, 0.03, hold=5), registered()
    registered("e" * 64)
    enter(a_run("between", 0.01, 0.04, hold=5))
    enter(mine)
    assert [t.prereg for t in ledger.trials_of()] == ["e" * 64, "e" * 64]
    assert used_before(file, mine, {}) == Used(1, 0)


def test_a_study_with_other_parameters_that_names_the_file_is_under_it(home) -> None:
    other, file = a_run("other", 0.01, 0.04, hold=6), registered()
    enter(other)
    enter_study(other.run_id, other.manifest, {"seed": 0}, prereg=file)
    mine = a_run("mine", 0.01, 0.03, hold=5)
    enter(mine)
    assert used_before(file, mine, {"seed": 0}) == Used(1, 0)


@pytest.mark.parametrize(
    ("used", "text"),
    [
        (Used(1, 0), "1 other run was made under this file before"),
        (Used(3, 0), "3 other runs were made under this file before"),
        (Used(0, 1), "1 other study of this run was made under this file before"),
        (Used(3, 2), "3 other runs and 2 other studies of this run were made under this file before"),
    ],
)
def test_what_was_made_under_the_file_before_is_reported_and_undoes_the_preregistration(used: Used, text: str) -> None:
    at = "2026-01-01T00:00:00Z"
    alone = Standing(FileState.REGISTERED, 1, at, (), same_before=0, registrations=1)
    assert (alone.precedes, alone.text.split(",")[0]) == (True, f"preregistered at {at}")
    answered = replace(alone, used=used)
    assert (answered.precedes, answered.text) == (False, f"not preregistered: {text}")
