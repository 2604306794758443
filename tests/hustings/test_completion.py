"""Completion answers each shell in its own protocol, for every kind of value."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hustings.__main__ import main

HEAVY = ("numpy", "pandas", "pydantic", "backtrader", "quantstats", "matplotlib", "pyarrow", "rich", "engine.strategy")
SHELLS = ("bash", "zsh", "fish")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Return the lines that a shell gets when Tab is pressed at the end of a line."""

    def ask(shell: str, line: str, *, word: int | None = None) -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("_HUSTINGS_COMPLETE", f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(word or len(words) - 1))
        capsys.readouterr()
        assert main([]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out.removesuffix("\n").split("\n")

    return ask


@pytest.fixture
def script(capsys: pytest.CaptureFixture[str]):
    """Return the script of a shell."""

    def read(shell: str) -> str:
        capsys.readouterr()
        assert main(["completion", shell]) == 0
        return capsys.readouterr().out

    return read


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("hustings ru", ["run", "runs"]),
        ("hustings events ex", ["explain"]),
        ("hustings run --no-", ["--no-report", "--no-variants", "--no-quantstats"]),
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
        ("hustings run regional-spillover -p markets=KOSPI,TOP", ["markets=KOSPI,TOPIX", "markets=KOSPI,TOPIXF"]),
        ("hustings run pro-growth-win --benchmark topi", ["TOPIX", "TOPIXF"]),
        ("hustings events explain JP-2026-02-08-GE --instrument KOS", ["KOSPI", "KOSPI200F"]),
        ("hustings data show N22", ["N225"]),
        ("hustings events show JP-2026-02", ["JP-2026-02-08-GE"]),
        ("hustings completion z", ["zsh"]),
    ],
)
def test_every_kind_of_value_is_completed(asked, line, values):
    completed = asked("fish", line)
    assert [a.removeprefix("plain,").split("\t")[0] for a in completed] == values


def test_zsh_gets_type_value_and_help_on_separate_lines(asked):
    assert asked("zsh", "hustings data show KOSPI2") == ["plain", "KOSPI200F", "KOSPI 200 future"]


def test_zsh_gets_no_help_for_a_name_whose_value_follows_without_a_blank(asked):
    assert asked("zsh", "hustings run pro-growth-win -p ho") == ["plain", "hold=", "_"]


def test_bash_which_replaces_what_follows_the_equals_sign_gets_the_part_after_it(asked):
    assert asked("bash", "hustings run buy-after-event -p side=sh") == ["plain,short"]


def test_a_run_is_completed_from_the_registry_and_described_by_its_strategy(asked, monkeypatch, tmp_path):
    import sqlite3

    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path))
    with sqlite3.connect(tmp_path / "runs.sqlite3") as db:
        db.execute("CREATE TABLE runs (run_id, created_at, strategy, first_session, last_session)")
        db.execute("INSERT INTO runs VALUES ('5e007c12', '2026', 'takaichi-trade', '2001-01-04', '2026-02-20')")
    assert asked("fish", "hustings runs show 5e") == ["plain,5e007c12\ttakaichi-trade 2001-01-04 to 2026-02-20"]
    assert asked("fish", "hustings compare 5e007c12 5") == ["plain,5e007c12\ttakaichi-trade 2001-01-04 to 2026-02-20"]


def test_without_a_registry_there_are_no_runs_and_none_is_created(asked, monkeypatch, tmp_path):
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path))
    assert asked("fish", "hustings runs show ab") == ["file,ab"]
    assert not (tmp_path / "runs.sqlite3").exists()


def test_instruments_of_the_named_directory_are_completed(asked, tmp_path):
    (tmp_path / "ZZZ.csv").write_text("date,close\n2024-01-04,1\n", encoding="utf-8")
    assert asked("fish", f"hustings run x --data {tmp_path} --benchmark ZZ") == ["plain,ZZZ"]


RULE = """
from enum import StrEnum
from pathlib import Path
from engine.strategy import OptionalFlag, Strategy, Symbols, strategy
Path(__file__).with_name("executed").touch()
class Mood(StrEnum):
    CALM = "calm"
    WILD = "wild"
@strategy
class Mine(Strategy):
    mood: Mood = Mood.CALM
    sure: OptionalFlag = None
    markets: Symbols = ("TOPIX",)
    hold: int = 3
"""


def test_parameters_of_a_rule_in_a_file_are_completed_and_the_file_is_not_executed(asked, tmp_path):
    (tmp_path / "mine.py").write_text(RULE, encoding="utf-8")
    line = f"hustings run {tmp_path}/mine.py:Mine -p "
    assert asked("fish", line) == ["plain,mood=", "plain,sure=", "plain,markets=", "plain,hold="]
    assert asked("fish", line.replace(":Mine", "")) == asked("fish", line)
    assert asked("fish", f"{line}mood=") == ["plain,mood=calm", "plain,mood=wild"]
    assert asked("fish", f"{line}sure=") == ["plain,sure=true", "plain,sure=false", "plain,sure=none"]
    assert asked("fish", f"{line}markets=SPX,TOP")[0].startswith("plain,markets=SPX,TOPIX\t")
    assert not (tmp_path / "executed").exists()


def test_a_module_in_the_folder_is_not_executed_either(asked, monkeypatch, tmp_path):
    (tmp_path / "only_completed.py").write_text(RULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert asked("fish", "hustings run only_completed:Mine -p mo") == ["plain,mood="]
    assert asked("fish", "hustings run only_completed:Mine -p mood=") == ["plain,mood=calm", "plain,mood=wild"]
    assert not (tmp_path / "executed").exists()


def test_parameters_of_a_base_in_the_same_file_come_first(asked, tmp_path):
    (tmp_path / "mine.py").write_text(f"{RULE}\nclass Own(Mine):\n    wait: int = 0\n", encoding="utf-8")
    names = ["plain,mood=", "plain,sure=", "plain,markets=", "plain,hold=", "plain,wait="]
    assert asked("fish", f"hustings run {tmp_path}/mine.py:Own -p ") == names


def test_parameters_of_a_backtrader_strategy_are_completed(asked, tmp_path):
    text = "import backtrader\nclass B(backtrader.Strategy):\n    params = (('fast', 3), ('slow', 9))\n"
    (tmp_path / "bt.py").write_text(text, encoding="utf-8")
    assert asked("fish", f"hustings run {tmp_path}/bt.py:B -p ") == ["plain,fast=", "plain,slow="]


@pytest.mark.parametrize(
    "params", ["dict(fast=3, slow=9)", "{'fast': 3, 'slow': object()}", "(('fast', 3), ('slow', 9))"]
)
def test_every_form_of_backtrader_parameters_is_read(asked, tmp_path, params):
    (tmp_path / "bt.py").write_text(f"class B:\n    params = {params}\n", encoding="utf-8")
    assert asked("fish", f"hustings run {tmp_path}/bt.py:B -p ") == ["plain,fast=", "plain,slow="]


@pytest.mark.parametrize("text", ["", "class B(:\n", "\0", "raise SystemExit('run')", "import nothing_there"])
def test_a_file_that_cannot_be_loaded_completes_nothing(asked, tmp_path, text):
    (tmp_path / "bad.py").write_text(text, encoding="utf-8")
    assert asked("fish", f"hustings run {tmp_path}/bad.py:B -p ") == [""]


def _fresh(code: str, **env: str) -> str:
    """Return what a fresh interpreter prints on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, check=True
    )
    return done.stderr


def _imported(code: str, **env: str) -> set[str]:
    tail = f"\nimport sys; print(*(m for m in {HEAVY} if m in sys.modules), file=sys.stderr)"
    return set(_fresh(code + tail, **env).split())


@pytest.mark.parametrize(
    "words", ["run ", "run pro-growth-win -p ", "run --no-", "data show ", "events show ", "runs show ", "sweep --"]
)
def test_an_answer_imports_nothing_heavy(words):
    line = f"hustings {words}"
    typed = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    code = "from hustings.__main__ import main; main()"
    assert _imported(code, _HUSTINGS_COMPLETE="bash_complete", **typed) == set()


def test_values_are_kept_until_the_strategy_changes(asked, monkeypatch, tmp_path):
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path / "home"))
    line = f"hustings run {tmp_path}/mine.py:Mine -p mood="
    typed = {"_HUSTINGS_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": "4"}
    (tmp_path / "mine.py").write_text(RULE, encoding="utf-8")
    code = "from hustings.__main__ import main; main()"
    assert "engine.strategy" in _imported(code, **typed)
    assert _imported(code, **typed) == set()
    (tmp_path / "mine.py").write_text(RULE.replace("calm", "quiet"), encoding="utf-8")
    assert asked("fish", line) == ["plain,mood=quiet", "plain,mood=wild"]


@pytest.mark.parametrize("home", ["a file", "~nobody-here/home"])
def test_without_a_home_values_are_completed_all_the_same(asked, monkeypatch, tmp_path, home):
    (tmp_path / "a file").touch()
    monkeypatch.setenv("HUSTINGS_HOME", home if home.startswith("~") else str(tmp_path / home))
    assert asked("fish", "hustings run buy-after-event -p side=") == ["plain,side=long", "plain,side=short"]


def test_a_damaged_cache_is_made_again(asked, monkeypatch, tmp_path):
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path))
    for _ in range(2):
        assert asked("fish", "hustings run buy-after-event -p side=s") == ["plain,side=short"]
        [kept] = (tmp_path / "cache" / "completion").iterdir()
        kept.write_bytes(b"[{}")


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["completion", "bash"], ["run", "--help"]])
def test_help_and_the_script_import_nothing_heavy(args):
    code = f"from hustings.__main__ import main\ntry: main({args!r})\nexcept SystemExit: pass"
    assert _imported(code) == set()


def test_an_unknown_shell_gets_nothing(monkeypatch, capsys):
    monkeypatch.setenv("_HUSTINGS_COMPLETE", "tcsh_complete")
    assert main([]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_asks_with_the_shells_own_instruction(script, shell):
    assert f"_HUSTINGS_COMPLETE={shell}_complete" in script(shell)


def test_the_script_is_printed_alone_or_as_json(script, capsys):
    plain = script("fish")
    main(["completion", "fish", "--json"])
    assert json.loads(capsys.readouterr().out) == {"shell": "fish", "script": plain}
    assert plain.startswith("function _hustings_completion")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
@pytest.mark.parametrize(
    ("words", "reply"), [("run takai", "takaichi-trade"), ("run pro-growth-win -p instrument=N22", "N225")]
)
def test_bash_itself_completes_by_the_script(script, tmp_path, words, reply):
    (tmp_path / "script").write_text(script("bash"), encoding="utf-8")
    hustings = Path(sys.executable).parent / "hustings"
    line = f"hustings {words}"
    asks = (
        f"source {tmp_path}/script; COMP_LINE='{line} --json'; COMP_POINT={len(line)}; _hustings_completion {hustings}"
    )
    done = subprocess.run(
        ["bash", "-c", f'{asks}; echo "${{COMPREPLY[@]}}"'], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{reply}\n"
