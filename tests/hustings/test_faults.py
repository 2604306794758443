"""No traceback and no control character reaches a user: faults end in one line and a log, text is shown escaped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from hustings.exit_codes import exit_code
from hustings.ledger import trials_of
from hustings.terminal import escaped, say, say_json, table, warn

ACTING = "\x1b]0;pwned\x07\x1b[31m\x9b\u202e\r\udc80"


def acting_in(text: str) -> list[str]:
    """Return the characters of a text that act on a terminal."""
    return [c for c in text if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 or c in "\u202e\udc80"]


@click.command()
@click.argument("what")
def faulty(what: str) -> None:
    """Raise what a fault of the program raises."""
    raise {"key": KeyError, "memory": MemoryError, "recursion": RecursionError}[what](f"x\n{ACTING}")


@pytest.mark.parametrize("what", ["key", "memory", "recursion"])
def test_a_fault_is_one_line_with_a_log_and_exit_code_70(what: str, home: Path, capsys) -> None:
    assert exit_code(faulty, "hustings", [what]) == 70
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), acting_in(err)) == ("", 1, [])
    assert err.startswith("hustings: a fault of hustings itself (")
    assert f"the traceback is in '{home / 'faults.log'}'" in err
    log = (home / "faults.log").read_text(encoding="utf-8")
    assert log.splitlines()[0].endswith(f"hustings {what}")
    assert "Traceback (most recent call last)" in log


def test_a_fault_whose_log_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path / "file"))
    assert exit_code(faulty, "hustings", ["key"]) == 70
    assert "its traceback could not be written; please report it\n" in capsys.readouterr().err


def test_text_is_shown_escaped(capsys) -> None:
    assert escaped("Zürich\tA\nB 日本") == "Zürich\tA\nB 日本"
    say(ACTING)
    warn(ACTING)
    table(["a"], [[ACTING]])
    out, err = capsys.readouterr()
    assert acting_in(out + err) == []
    assert "\\x1b]0;pwned\\x07\\x1b[31m\\x9b\\u202e\\x0d\\udc80" in err


def test_json_holds_the_same_text_by_its_own_escapes(capsys) -> None:
    say_json({"text": ACTING})
    out = capsys.readouterr().out
    assert acting_in(out) == []
    assert json.loads(out) == {"text": ACTING}


@pytest.mark.parametrize("command", ["check", "import"])
def test_a_header_with_control_characters_is_shown_escaped(cli, home: Path, command: str) -> None:
    Path("esc.csv").write_text("event_id,country,kind,title,known_at,x\x1b]0;pwned\x07\x1b[31m\n")
    answer = cli("data", command, "esc.csv", "--symbol", "TOPIX")
    assert (answer.code, acting_in(answer.out + answer.err)) == (2, [])
    lines = Path("esc.csv").read_text()
    events = cli("events", "list", "--events", "esc.csv", "--only-events")
    assert (events.code, acting_in(events.out + events.err)) == (2, []), lines


def test_a_path_that_is_not_utf8_is_one_line_before_a_trial_is_entered(cli, home: Path, monkeypatch) -> None:
    bad = Path(os.fsdecode(b"o\xff"))
    bad.mkdir()
    for arguments in (("--out", str(bad)), ("--data", str(bad)), ()):
        if not arguments:
            monkeypatch.chdir(bad)
        answer = cli("run", "pro-growth-win", *arguments)
        assert (answer.code, answer.err.count("\n"), acting_in(answer.err)) == (2, 1, [])
        assert "is not UTF-8; rename the file or folder" in answer.err
    assert trials_of("pro-growth-win") == []


def test_a_name_that_acts_on_a_terminal_is_shown_escaped(cli, home: Path) -> None:
    for arguments in (("run", ACTING), (ACTING,), ("data", "check", f"{ACTING}.csv"), ("run", "x", f"--{ACTING}")):
        answer = cli(*arguments)
        assert (answer.code, acting_in(answer.out + answer.err)) == (2, []), arguments


def test_another_package_named_datasets_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("def load_dataset(): ...\n")
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([str(tmp_path), root])
    done = subprocess.run(
        [sys.executable, "-P", "-m", "hustings", "strategies"],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"the package 'datasets' is found in '{tmp_path / 'datasets'}'" in done.stderr
    assert f"take '{tmp_path}' off PYTHONPATH, or install hustings in an environment of its own" in done.stderr
    in_python = subprocess.run(
        [sys.executable, "-P", "-c", "import hustings; hustings.run"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"ImportError: hustings: the package 'datasets' is found in '{tmp_path / 'datasets'}'" in in_python.stderr
