"""Completion answers each shell in its own protocol, for every kind of value, and imports nothing heavy for it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.home import hustings_home
from hustings.completion import SHELLS, answer, script

HEAVY = ("numpy", "pandas", "pydantic", "backtrader", "quantstats", "matplotlib", "pyarrow", "rich", "engine.strategy")


def asked(monkeypatch, shell: str, line: str) -> list[str]:
    """Return what is answered when Tab is pressed at the end of a line, as lines of the shell's protocol."""
    words = line.split(" ")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) - 1))
    return answer(f"{shell}_complete").split("\n")


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("hustings ru", ["run", "runs"]),
        ("hustings events ex", ["explain"]),
        ("hustings run --no-", ["--no-report", "--no-variants"]),
        ("hustings run takaichi", ["takaichi-trade"]),
        ("hustings strategies takaichi", ["takaichi-trade"]),
        ("hustings run pro-growth-win -p ", ["instrument=", "hold=", "weight=", "country="]),
        ("hustings run pro-growth-win -p hold=3 -p ", ["instrument=", "weight=", "country="]),
        ("hustings run -p ", [""]),
        ("hustings run pro-growth-win -p instrument=USDJPY_L", ["instrument=USDJPY_LONDON"]),
        ("hustings run buy-after-event -p side=", ["side=long", "side=short"]),
        ("hustings run buy-after-event -p surprise=", ["surprise=upset", "surprise=expected", "surprise=none"]),
        ("hustings run buy-after-event -p incumbent_won=t", ["incumbent_won=true"]),
        ("hustings run buy-after-event -p hold=", [""]),
        ("hustings run regional-spillover -p markets=KOSPI,TOP", ["markets=KOSPI,TOPIX"]),
        ("hustings run pro-growth-win --benchmark topi", ["TOPIX"]),
        ("hustings events explain JP-2026-02-08-GE --instrument KOS", ["KOSPI"]),
        ("hustings data show N22", ["N225"]),
        ("hustings events show JP-2026-02", ["JP-2026-02-08-GE"]),
        ("hustings completion z", ["zsh"]),
    ],
)
def test_every_kind_of_value_is_completed(monkeypatch, line, values):
    answered = asked(monkeypatch, "fish", line)
    assert [a.removeprefix("plain,").split("\t")[0] for a in answered] == values


def test_zsh_is_told_type_value_and_help_on_lines_of_their_own(monkeypatch):
    told = asked(monkeypatch, "zsh", "hustings data show TOPI")
    assert told == ["plain", "TOPIX", "Tokyo Stock Price Index"]


def test_zsh_is_told_no_help_of_a_name_that_its_value_must_follow_without_a_blank(monkeypatch):
    assert asked(monkeypatch, "zsh", "hustings run pro-growth-win -p ho") == ["plain", "hold=", "_"]


def test_bash_which_parts_words_at_the_equals_sign_is_told_what_follows_it(monkeypatch):
    monkeypatch.setenv("COMP_WORDS", "hustings run buy-after-event -p side = sh")
    monkeypatch.setenv("COMP_CWORD", "6")
    assert answer("bash_complete") == "plain,short"


def test_a_run_is_completed_from_the_registry_and_named_with_its_rule(monkeypatch, tmp_path):
    import sqlite3

    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path))
    with sqlite3.connect(tmp_path / "runs.sqlite3") as db:
        db.execute("CREATE TABLE runs (run_id, created_at, strategy, first_session, last_session)")
        db.execute("INSERT INTO runs VALUES ('5e007c12', '2026', 'takaichi-trade', '2001-01-04', '2026-02-20')")
    assert asked(monkeypatch, "fish", "hustings runs show 5e") == [
        "plain,5e007c12\ttakaichi-trade 2001-01-04 to 2026-02-20"
    ]
    assert asked(monkeypatch, "fish", "hustings compare 5e007c12 5") == [
        "plain,5e007c12\ttakaichi-trade 2001-01-04 to 2026-02-20"
    ]


def test_without_a_registry_there_are_no_runs_and_none_is_made(monkeypatch, tmp_path):
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path))
    assert asked(monkeypatch, "fish", "hustings runs show ab") == ["file,ab"]
    assert not (tmp_path / "runs.sqlite3").exists()


def test_instruments_of_the_directory_named_are_completed(monkeypatch, tmp_path):
    (tmp_path / "ZZZ.csv").write_text("date,close\n2024-01-04,1\n", encoding="utf-8")
    assert asked(monkeypatch, "fish", f"hustings run x --data {tmp_path} --benchmark ZZ") == ["plain,ZZZ"]


def test_parameters_of_a_rule_in_a_file_are_read_and_the_file_is_not_run(monkeypatch, tmp_path):
    rule = tmp_path / "mine.py"
    rule.write_text(
        "raise SystemExit('run')\n"
        "from enum import StrEnum\n"
        "class Mood(StrEnum):\n    CALM = 'calm'\n    WILD = 'wild'\n"
        "class Mine(Strategy):\n    mood: Mood = Mood.CALM\n    hold: int = 3\n",
        encoding="utf-8",
    )
    fields = asked(monkeypatch, "fish", f"hustings run {rule}:Mine -p ")
    moods = asked(monkeypatch, "fish", f"hustings run {rule}:Mine -p mood=")
    assert fields == ["plain,mood=", "plain,hold="]
    assert moods == ["plain,mood=calm", "plain,mood=wild"]


def test_parameters_of_a_backtrader_strategy_are_completed(monkeypatch, tmp_path):
    (tmp_path / "bt.py").write_text("class B(X):\n    params = (('fast', 3), ('slow', 9))\n", encoding="utf-8")
    assert asked(monkeypatch, "fish", f"hustings run {tmp_path}/bt.py:B -p ") == ["plain,fast=", "plain,slow="]


@pytest.mark.parametrize("text", ["", "class B(:\n", "\0"])
def test_a_file_that_is_no_python_completes_nothing(monkeypatch, tmp_path, text):
    (tmp_path / "bad.py").write_text(text, encoding="utf-8")
    assert asked(monkeypatch, "fish", f"hustings run {tmp_path}/bad.py:B -p ") == [""]


def _fresh(code: str, **env: str) -> str:
    """Return what a fresh interpreter prints on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, check=True
    )
    return done.stderr


def _imported(code: str, **env: str) -> set[str]:
    tail = f"\nimport sys; print(*(m for m in {HEAVY} if m in sys.modules), file=sys.stderr)"
    return set(_fresh(code + tail, **env).split())


@pytest.mark.parametrize("words", ["run ", "run pro-growth-win -p ", "data show ", "events show ", "runs show "])
def test_an_answer_imports_nothing_heavy(words):
    script("bash")  # prepares the commands, as the shell did at its start
    line = f"hustings {words}"
    told = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    assert _imported("from hustings.__main__ import main; main()", _HUSTINGS_COMPLETE="bash_complete", **told) == set()


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["completion", "bash"], ["completion", "--help"]])
def test_help_and_the_script_import_nothing_heavy(args):
    script("bash")
    code = f"from hustings.__main__ import main\ntry: main({args!r})\nexcept SystemExit: pass"
    assert _imported(code) == set()


def test_the_commands_are_described_anew_where_the_prepared_file_is_damaged(monkeypatch, tmp_path):
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path))
    whole = asked(monkeypatch, "fish", "hustings run --no")
    kept = hustings_home() / "cache" / "commands.json"
    kept.write_text(kept.read_text(encoding="utf-8").replace("--no-report", "--no-retort"), encoding="utf-8")
    assert asked(monkeypatch, "fish", "hustings run --no") == whole
    assert "--no-retort" not in kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("instruction", ["", "bash", "tcsh_complete", "bash_source"])
def test_an_instruction_that_is_none_is_answered_with_nothing(instruction):
    assert answer(instruction) == ""


@pytest.mark.parametrize("shell", list(SHELLS))
def test_the_script_asks_with_the_shells_own_instruction(shell):
    assert f"_HUSTINGS_COMPLETE={shell}_complete" in script(shell)


def test_the_script_is_printed_alone_or_as_json(capsys):
    from hustings.__main__ import main

    main(["completion", "fish"])
    plain = capsys.readouterr().out
    main(["completion", "fish", "--json"])
    assert json.loads(capsys.readouterr().out) == {"shell": "fish", "script": plain}
    assert plain.startswith("function _hustings_completion")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
@pytest.mark.parametrize(
    ("words", "reply"), [("run takai", "takaichi-trade"), ("run pro-growth-win -p instrument = N22", "N225")]
)
def test_bash_itself_completes_by_the_script(tmp_path, words, reply):
    (tmp_path / "script").write_text(script("bash"), encoding="utf-8")
    hustings = Path(sys.executable).parent / "hustings"
    n = len(words.split())
    asks = f"source {tmp_path}/script; COMP_WORDS=(hustings {words}); COMP_CWORD={n}; _hustings_completion {hustings}"
    done = subprocess.run(
        ["bash", "-c", f'{asks}; echo "${{COMPREPLY[@]}}"'], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{reply}\n"
