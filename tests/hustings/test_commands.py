"""The other commands: strategies, events, data, new; a user's own strategies; help."""

import csv
import errno
import json
import os
import shlex
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from datasets.events import CATALOGUE
from datasets.markets.instruments import bundled_instruments
from hustings.__main__ import main
from strategies import REGISTRY

BACKTRADER = '''import backtrader as bt


class Landslide(bt.Strategy):
    """Buy after each pro-growth event, sell after n sessions."""

    params = (("n", 10),)

    def __init__(self):
        self.seen = set()
        self.left = 0

    def next(self):
        new = [e for e in self.events.known() if e.event_id not in self.seen]
        self.seen.update(e.event_id for e in new)
        if any(e.pro_growth == "yes" and e.country == "JP" for e in new) and not self.position:
            self.order_target_percent(target=0.9)
            self.left = self.p.n
        elif self.position:
            self.left -= 1
            if self.left == 0:
                self.close()
'''


def test_help_names_every_command(cli) -> None:
    answer = cli("--help")
    assert answer.code == 0
    for command in ("run", "compare", "strategies", "events", "data", "runs", "new"):
        assert f"  {command} " in answer.out
        assert cli(command, "--help").code == 0


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from hustings.__main__ import main; main(['--help']); "
    code += (
        "sys.exit(any(m in sys.modules for m in ('pandas', 'numpy', 'backtrader', 'pydantic', 'quantstats', 'rich')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_a_run_without_a_report_does_not_load_quantstats_or_pandas(tmp_path: Path) -> None:
    code = "import sys; from hustings.__main__ import main; main(['run', 'pro-growth-win', '--no-report']); "
    code += "sys.exit(any(m in sys.modules for m in ('pandas', 'quantstats', 'matplotlib', 'exchange_calendars')))"
    for _ in range(2):  # the first fills the cache of hours
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_strategies_are_listed_and_shown(cli) -> None:
    listed = cli("strategies", "--json").json
    assert [s["name"] for s in listed] == [*REGISTRY]
    shown = cli("strategies", "buy-after-event", "--json").json
    names = [p["parameter"] for p in shown["parameters"]]
    assert names[:9] == ["instrument", "side", "hold", "delay", "entry", "exit", "weight", "stop_loss", "take_profit"]
    assert {"country", "kind", "pro_growth", "incumbent_won", "majority", "winner_party", "surprise"} <= set(names)
    assert "sessions held" in cli("strategies", "pro-growth-win").out


def test_events_are_listed_filtered_and_shown(cli) -> None:
    everything = cli("events", "list", "--json").json
    japan = cli("events", "list", "--country", "JP", "--kind", "general_election", "--json").json
    rows = sum(len(f.read_text(encoding="utf-8").splitlines()) - 1 for f in CATALOGUE.glob("*.csv"))
    assert (len(everything), len(japan)) == (rows, 13)
    assert [e["event_id"] for e in cli("events", "list", "--country", "JP", "--year", "2026", "--json").json] == [
        "JP-2026-01-09-SNAPREP", "JP-2026-01-19-DISS", "JP-2026-01-23-DISS", "JP-2026-02-08-GE",
    ]  # fmt: skip
    assert cli("events", "show", "JP-2026-02-08-GE", "--json").json["winner"] == "Sanae Takaichi"
    assert "Sanae Takaichi" in cli("events", "show", "JP-2026-02-08-GE").out
    assert f"{rows} of {rows} events" in cli("events").out


def test_explaining_the_landslide(cli) -> None:
    answer = cli("events", "explain", "JP-2026-02-08-GE", "--instrument", "topix", "--instrument", "SPX", "--json").json
    assert answer["instruments"] == {
        "TOPIX": {
            "known_at": "2026-02-08T11:00:00Z",
            "first_open_session": "2026-02-09",
            "first_open_at": "2026-02-09T00:00:00Z",
            "first_close_session": "2026-02-09",
            "first_close_at": "2026-02-09T06:30:00Z",
        },
        "SPX": {
            "known_at": "2026-02-08T11:00:00Z",
            "first_open_session": "2026-02-09",
            "first_open_at": "2026-02-09T14:30:00Z",
            "first_close_session": "2026-02-09",
            "first_close_at": "2026-02-09T21:00:00Z",
        },
    }
    each_exchange = cli("events", "explain", "JP-2026-02-08-GE", "--json").json["instruments"]
    assert {"TOPIX", "SPX", "MERVAL", "USDJPY", "USDJPY_LONDON"} <= each_exchange.keys()
    assert not {"N225", "EWY", "EURUSD"} & each_exchange.keys(), "their exchanges are there already"


def test_a_date_beyond_the_calendar_is_said_to_be(cli, tmp_path: Path) -> None:
    old = tmp_path / "old.csv"
    old.write_text(
        "event_id,country,kind,title,timezone,voted_on,known_at\n"
        "JP-1986-07-06-GE,JP,general_election,Double election,Asia/Tokyo,1986-07-06,1986-07-06T14:00:00Z\n",
        encoding="utf-8",
    )
    answer = cli("events", "explain", "JP-1990-02-18-GE", "--instrument", "TOPIX", "--json").json["instruments"][
        "TOPIX"
    ]
    assert answer["first_open_at"] == "1990-02-19T00:00:00Z"
    assert "note" not in answer  # known from 1990 on
    answer = cli(
        "events",
        "explain",
        "JP-1986-07-06-GE",
        "--instrument",
        "TOPIX",
        "--json",
        "--only-events",
        "--events",
        str(old),
    ).json
    row = answer["instruments"]["TOPIX"]
    assert row["first_open_at"] == "1986-07-07T00:00:00Z"
    assert row["note"] == "hours of XTKS before 1990-01-01 are regular hours, special days unknown"


def test_alignment_cases_through_the_command(cli, shared_dir: Path) -> None:
    """The cases whose event is in the catalogue and whose exchange has an instrument."""
    markets = {"XTKS": "TOPIX", "XNYS": "SPX", "XHKG": "HSI"}
    known = {e["event_id"] for e in cli("events", "list", "--json").json}
    with (shared_dir / "events" / "alignment-cases.csv").open(encoding="utf-8") as f:
        cases = [r for r in csv.DictReader(f) if r["event_id"] in known and r["exchange_mic"] in markets]
    assert len(cases) >= 12
    for case in cases:
        market = markets[case["exchange_mic"]]
        row = cli("events", "explain", case["event_id"], "--instrument", market, "--json").json["instruments"][market]
        found = (row["first_open_session"], row["first_open_at"], row["first_close_session"], row["first_close_at"])
        names = ("first_open_session", "first_open_utc", "first_close_session", "first_close_utc")
        assert found == tuple(case[n] for n in names), case["event_id"]


def test_data_lists_and_checks(cli) -> None:
    listed = {i["symbol"]: i["has_bars"] for i in cli("data", "list", "--json").json}
    assert list(listed) == [i.symbol for i in bundled_instruments()]
    assert (listed["TOPIX"], listed["SPX"], listed["DAX"]) == (True, True, False)
    checked = cli("data", "check", "IXIC", "TOPIX", "--json").json
    assert [c["bars"]["rows"] for c in checked] == [5031, 6572]
    assert "SIMULATED" in cli("data", "check", "TOPIX").out


def test_a_new_strategy_runs_and_its_test_passes(cli, tmp_path: Path) -> None:
    assert cli("new", "my-first-rule").code == 0
    assert cli("run", "my_first_rule.py:MyFirstRule", "--no-report", "--json").json["strategy"] == "my-first-rule"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_first_rule.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    again = cli("new", "my-first-rule")
    assert again.code == 2
    assert "exists already" in again.err


def test_a_strategy_by_module_path(cli) -> None:
    by_module = cli("run", "strategies.pro_growth_win:ProGrowthWin", "--no-report", "--json").json
    assert by_module["run_id"] == cli("run", "pro-growth-win", "--no-report", "--json").json["run_id"]


def test_a_backtrader_strategy_is_given_the_events(cli, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(BACKTRADER)
    given = ("--instrument", "TOPIX", "-p", "n=5", "--from", "2012-01-01", "--no-report", "--json")
    answer = cli("run", "mine.py:Landslide", *given).json
    assert answer["strategy"] == "Landslide"
    assert answer["parameters"] == {"n": 5}
    # Sunday's landslide is seen at Monday's close, the first step after it, and bought at Tuesday's open
    last = next(t for t in answer["trades"] if t["entry_session"].startswith("2026-02"))
    assert (last["entry_session"], last["decided_at"]) == ("2026-02-10", "2026-02-09T06:30:00Z")
    assert all(t["entry_at"] > t["decided_at"] for t in answer["trades"])
    assert "name its instruments with --instrument" in cli("run", "mine.py:Landslide").err
    assert "did you mean 'n'" in cli("run", "mine.py:Landslide", "--instrument", "TOPIX", "-p", "nn=5").err
    assert "it must be like its default 10" in cli("run", "mine.py:Landslide", "--instrument", "TOPIX", "-p", "n=x").err


TYPED = """import datetime

import backtrader as bt
import numpy as np


class Typed(bt.Strategy):
    params = dict(
        ma=bt.ind.SMA, wait=datetime.timedelta(hours=2), day=datetime.date(2024, 1, 2), periods=[5, 15], names=("a", "b"),
        stop=None, half=np.float64(0.5), what=object(), call=lambda x: x, chosen={3, 1}, many={"a": bt.ind.EMA},
        size=np.int64(3), rest=float("nan"),
    )

    def next(self):
        if not self.position:
            self.buy(size=self.p.periods[0] * (self.p.stop or 1))
"""


def test_parameters_that_json_cannot_hold_are_written_as_text(cli, tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(TYPED)
    mine = ("typed.py:Typed", "--instrument", "TOPIX", "--from", "2026-01-01", "--no-report")
    answer = cli("run", *mine, "--json").json
    assert answer["parameters"] == {
        "ma": "SMA", "wait": "2:00:00", "day": "2024-01-02", "periods": [5, 15], "names": ["a", "b"], "stop": None,
        "half": 0.5, "what": "object", "call": "Typed.<lambda>", "chosen": ["1", "3"], "many": {"a": "EMA"}, "size": 3,
        "rest": "nan",
    }  # fmt: skip
    other = subprocess.run(
        [sys.executable, "-m", "hustings", "run", *mine, "--json"], capture_output=True, check=True, cwd=tmp_path
    )
    assert json.loads(other.stdout)["run_id"] == answer["run_id"]
    assert " at 0x" not in cli("strategies", "typed.py:Typed").out


def test_parameters_of_a_backtrader_strategy_are_typed_like_their_defaults(cli, tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(TYPED)
    mine = ("run", "typed.py:Typed", "--instrument", "TOPIX", "--from", "2026-01-01", "--no-report")
    given = cli(*mine, "-p", "periods=[2]", "-p", "stop=4", "-p", "half=1", "-p", "size=7", "--json").json
    assert {n: given["parameters"][n] for n in ("periods", "stop", "half", "size")} == {
        "periods": [2], "stop": 4, "half": 1.0, "size": 7,
    }  # fmt: skip
    assert given["trades"][0]["quantity"] == 8.0
    assert "Typed ma is 'SMA': no -p can give its like" in cli(*mine, "-p", "ma=EMA").err
    assert "it must be like its default [5, 15]" in cli(*mine, "-p", "periods=2").err


def test_a_strategy_through_an_entry_point(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "site" / "plug-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hustings.strategies]\nmy-plug = plugged:Plugged\n")
    cli("new", "plugged", "--dir", str(tmp_path / "site"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert cli("run", "my-plug", "--no-report", "--json").json["strategy"] == "plugged"
    assert "my-plug" in cli("strategies").out


def test_the_module_can_be_run() -> None:
    done = subprocess.run([sys.executable, "-m", "hustings", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("hustings, version ")


def test_the_process_ends_with_its_code_and_calls_what_is_registered_for_its_end() -> None:
    code = "import atexit, sys; sys.argv = ['hustings', {!r}]; atexit.register(print, 'end'); from hustings.__main__ import run; run()"
    for argument, expected in (("--version", 0), ("--no-such", 2)):
        done = subprocess.run(
            [sys.executable, "-c", code.format(argument)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout.splitlines()[-1]) == (expected, "end")


@pytest.mark.parametrize("command", ["data list", "data list --json", "data check", "events list", "--help"])
def test_a_reader_that_stops_early_is_no_error(command: str, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)  # before anything is written, as `| true` does
    done = subprocess.run(
        [sys.executable, "-m", "hustings", *command.split()],
        stdout=write,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["data list", "data list --json", "strategies"])
def test_a_full_disk_is_reported_in_one_line(command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hustings", *command.split()], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 2
    assert done.stderr.startswith(b"hustings: cannot read or write (No space left on device): standard output")
    assert done.stderr.count(b"\n") == 1


def test_a_directory_without_permission_is_reported_in_one_line(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    Path("bars").mkdir()
    monkeypatch.setattr(Path, "iterdir", refuse)
    answer = cli("data", "list", "--data", "bars")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "hustings: cannot read or write (Permission denied): bars\n"


@pytest.mark.parametrize("command", ["data list", "data list --json"])
def test_a_closed_stdout_is_no_fault(command: str) -> None:
    line = f"{shlex.quote(sys.executable)} -m hustings {command} >&-"
    done = subprocess.run(line, shell=True, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_main_returns_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["events", "show", "nothing"]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("pro-growth-win", "is a strategy: 'hustings run pro-growth-win' makes a run of it"),
        ("mine.py", "is a strategy: 'hustings run mine.py' makes a run of it"),
        ("runs", "is a folder without a run of its own: name one in it, such as 'runs/a'"),
        ("runs/a/manifest.json", "is a file of a run: name its folder, 'runs/a'"),
        ("swept", "'swept' is a sweep"),
        ("empty", "'empty' is a folder without a run"),
        ("notes.txt", "'notes.txt' is a file; 'hustings"),
        ("nothing", "no run 'nothing'"),
    ],
)
@pytest.mark.parametrize("command", [("report",), ("compare", "runs/a")])
def test_what_is_no_run_is_named_with_what_to_do(cli, home, tmp_path, command, given, expected):
    for folder, manifest in (("runs/a", {"run_id": "a"}), ("swept", {"sweep_id": "b"})):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    answer = cli(*command, given)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert expected in answer.err
    assert "'hustings runs list' shows the runs" in answer.err


@pytest.mark.parametrize("n", [0, 1])
def test_compare_says_how_many_runs_it_needs(cli, n):
    answer = cli("compare", *["a"] * n)
    assert (answer.code, answer.err) == (
        2,
        f"hustings: compare needs two runs or more, {n} given; 'hustings runs list' shows them\n",
    )


def test_the_only_strategy_of_a_file_needs_no_name(cli, home, tmp_path):
    cli("new", "mine")
    by_file, by_class = (cli("run", name, "--no-report", "--json").json for name in ("mine.py", "mine.py:Mine"))
    assert by_file["run_id"] == by_class["run_id"]
    assert by_file["parameters"]["country"] == "JP"
    other = (tmp_path / "mine.py").read_text().replace("class Mine", "class Second").partition("@strategy")[2]
    with (tmp_path / "mine.py").open("a") as file:
        file.write(f"\n\n@strategy{other}")
    assert "it has Mine and Second: name one, such as mine.py:Second" in cli("run", "mine.py").err
    (tmp_path / "none.py").touch()
    assert "it has none: put @strategy above a class" in cli("run", "none.py").err


@pytest.mark.parametrize("words", [("events", "next"), ("orders", "pro-growth-win"), ("run", "pro-growth-win")])
def test_what_may_take_a_second_shows_what_it_does(cli, home, monkeypatch, words):
    shown = []

    def status(console, text):
        shown.append(text)
        return nullcontext()

    monkeypatch.setattr("rich.console.Console.status", status)
    monkeypatch.setattr("hustings.terminal.sys.stderr.isatty", lambda: True)
    cli(*words)
    assert shown
