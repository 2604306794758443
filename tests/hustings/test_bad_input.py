"""Bad input: each one clear line on stderr, nothing on stdout, exit code 2, no traceback."""

from pathlib import Path

import pytest

HEADER = "date,open,high,low,close,volume\n"
RAISES = '''from engine.strategy import *


@strategy
class Boom(Strategy):
    """It raises."""

    instrument: Symbol = "TOPIX"

    def wants(self, event):
        return 1 / 0 > 1

    def legs(self, event, market):
        return []
'''


def refused(answer, *said: str) -> None:
    assert answer.code == 2, answer
    assert answer.out == ""
    assert answer.err.count("\n") == 1, answer.err
    assert answer.err.startswith("hustings: ")
    for part in said:
        assert part in answer.err, answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "pro-grow-win"], ["unknown strategy 'pro-grow-win'", "did you mean 'pro-growth-win'"]),
        (["run", "pro-growth-win", "-p", "holt=3"], ["unknown parameter of pro-growth-win 'holt'", "did you mean 'hold'"]),
        (["run", "pro-growth-win", "-p", "instrument=TOPXI"], ["unknown instrument 'TOPXI'", "did you mean 'TOPIX'"]),
        (["run", "pro-growth-win", "--benchmark", "NASDQ"], ["unknown instrument 'NASDQ'", "did you mean 'NASDAQ'"]),
        (["events", "show", "JP-2026-02-08-G"], ["unknown event", "did you mean 'JP-2026-02-08-GE'"]),
        (["events", "explain", "JP-2026"], ["unknown event 'JP-2026'"]),
        (["events", "explain", "JP-2026-02-08-GE", "--instrument", "TOPXI"], ["did you mean 'TOPIX'"]),
        (["events", "list", "--kind", "election"], ["unknown kind 'election'"]),
        (["events", "list", "--country", "JA"], ["unknown country 'JA'"]),
        (["run", "pro-growth-win", "-p", "hold=0"], ["parameter hold of pro-growth-win is '0'", "greater than or equal to 1"]),
        (["run", "pro-growth-win", "-p", "hold=two"], ["parameter hold", "'two'", "valid integer"]),
        (["run", "pro-growth-win", "-p", "weight=1.5"], ["parameter weight", "'1.5'", "less than or equal to 1"]),
        (["run", "pro-growth-win", "-p", "hold"], ["-p 'hold': write it as name=value"]),
        (["run", "pro-growth-win", "-p", "hold=1", "-p", "hold=2"], ["-p hold is given twice"]),
        (["run", "pro-growth-win", "--cash", "-5"], ["cash is -5; it must lie between"]),
        (["run", "pro-growth-win", "--cash", "nan"], ["cash is nan; it must lie between"]),
        (["run", "pro-growth-win", "--commission-bps", "-1"], ["commission bps is -1"]),
        (["run", "pro-growth-win", "--cash", "lots"], ["lots"]),
        (["run", "pro-growth-win", "--from", "2050-01-01"], ["no bars from 2050-01-01 on: TOPIX has 6572 bars"]),
        (["run", "pro-growth-win", "--to", "1950-01-01"], ["no bars of TOPIX up to 1950-01-01: it has 6572 bars"]),
        (["run", "pro-growth-win", "--from", "2020-01-01", "--to", "2019-01-01"], ["--from 2020-01-01 lies after --to"]),
        (["run", "pro-growth-win", "--from", "01/02/2020"], ["--from is '01/02/2020'; write a date like"]),
        (["run", "pro-growth-win", "--data", "nowhere"], ["--data 'nowhere' is not a directory"]),
        (["run", "pro-growth-win", "--events", "nowhere.csv"], ["no events at 'nowhere.csv'"]),
        (["run", "pro-growth-win", "-p", "instrument=DAX"], ["no bars of DAX are built in; --data must name"]),
        (["run", "nowhere.py:Rule"], ["no strategy file 'nowhere.py'"]),
        (["run", "no_such_module:Rule"], ["no module 'no_such_module'"]),
        (["run", "strategies.pro_growth_win:ProGrowthWinn"], ["no class 'ProGrowthWinn'", "did you mean 'ProGrowthWin'"]),
        (["run", "datasets.events:PoliticalEvent"], ["is neither a hustings Strategy nor a backtrader.Strategy"]),
        (["run", "pro-growth-win", "--instrument", "TOPIX"], ["--instrument is for backtrader strategies"]),
        (["run", "pro-growth-win", "--fom", "2020-01-01"], ["--fom", "--from"]),
        (["run"], ["Missing argument 'STRATEGY'"]),
        (["rum", "pro-growth-win"], ["unknown command 'rum'", "did you mean 'run'"]),
        (["runs", "show", "abc"], ["no run 'abc'"]),
        (["runs", "remove", "abc"], ["no run 'abc'"]),
        (["compare", "abc", "def"], ["no run 'abc'"]),
        (["compare", "abc"], ["compare needs two runs or more"]),
        (["strategies", "pro"], ["unknown strategy 'pro'"]),
        (["data", "check", "TOPXI"], ["did you mean 'TOPIX'"]),
        (["new", "1st"], ["'1st' cannot be a strategy's name"]),
        (["new", "class"], ["'class' cannot be a strategy's name"]),
    ],
)  # fmt: skip
def test_one_clear_line(cli, home, arguments: list[str], said: list[str]) -> None:
    refused(cli(*arguments), *said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "TOPIX.csv line 1: no column 'date'"),
        (HEADER.encode(), "TOPIX.csv: no rows"),
        (HEADER.encode() + b"2026-02-09,3756,38", "TOPIX.csv line 2: 3 fields where the header has 6"),
        (HEADER.encode() + b"2026-02-09,,,,1,\n2026-02-06,,,,1,\n", "TOPIX.csv line 3: date 2026-02-06 comes after"),
        (HEADER.encode() + b"2026-02-09,,,,1,\n2026-02-09,,,,1,\n", "TOPIX.csv line 3: date 2026-02-09 stands twice"),
        (HEADER.encode() + b"2026-02-09,,,,NaN,\n", "TOPIX.csv line 2: close is 'NaN'"),
        (HEADER.encode() + b"2026-02-09,,,,-3,\n", "TOPIX.csv line 2: close is -3"),
        (HEADER.encode() + b"2026-02-09,2,1,3,2,\n", "TOPIX.csv line 2: high 1 < low 3"),
        (HEADER.encode() + b"2026-02-09,,,,\xff1,\n", "TOPIX.csv line 2: not UTF-8"),
    ],
)
def test_a_bad_price_file_is_named_with_its_line(cli, tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "TOPIX.csv").write_bytes(content)
    refused(cli("run", "pro-growth-win", "--data", str(tmp_path)), said)
    checked = cli("data", "check", "--data", str(tmp_path))
    assert checked.code == 2
    assert said in checked.out


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("X-1,JP,general_election,t,2026-02-08T11:00:00Z,2026-02-08T11:00:00", "is naive"),
        ("X-1,JP,general_election,t,2026-02-08T11:00:00Z,2026-02-08T10:00:00Z", "lies before polls_close_at"),
    ],
)
def test_a_bad_events_file_is_named_with_its_line(cli, tmp_path: Path, row: str, said: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(f"event_id,country,kind,title,polls_close_at,known_at\n{row}\n")
    refused(cli("run", "pro-growth-win", "--events", str(path)), "mine.csv line 2", said)
    refused(cli("events", "list", "--events", str(path)), "mine.csv line 2", said)
    path.write_text("event_id,country,kind,title\n")
    refused(cli("run", "pro-growth-win", "--events", str(path)), "mine.csv line 1: column 'known_at' is missing")


def test_a_place_that_cannot_be_written(cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused(cli("run", "pro-growth-win", "--out", "file/out"), "cannot write to 'file/out'", "--out")


def test_a_registry_that_cannot_be_used_does_not_lose_the_run(cli, tmp_path: Path, monkeypatch, hustings_home) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path / "file"))
    answer = cli("run", "pro-growth-win", "--no-report", "--out", "out", "--json")
    assert answer.code == 0
    assert "the run registry" in answer.err
    assert Path("out/trades.csv").is_file()
    refused(cli("runs", "list"), "the run registry", "set HUSTINGS_HOME")


def test_a_strategy_that_raises_tells_its_last_line_and_where(cli, tmp_path: Path) -> None:
    (tmp_path / "boom.py").write_text(RAISES)
    refused(cli("run", "boom.py:Boom"), "boom raised ZeroDivisionError: division by zero (boom.py line 11)")
    (tmp_path / "bad.py").write_text("x = 1\ny = undefined\n")
    refused(cli("run", "bad.py:Rule"), "bad.py raised NameError: name 'undefined' is not defined (bad.py line 2)")
    (tmp_path / "worse.py").write_text("def f(:\n")
    refused(cli("run", "worse.py:Rule"), "worse.py line 1: SyntaxError")


def test_a_strategy_that_looks_ahead_is_stopped(cli, tmp_path: Path) -> None:
    text = RAISES.replace("return 1 / 0 > 1", "return True").replace(
        "return []", "market.close_on('TOPIX', event.known_at.date().replace(year=2027)); return []"
    )
    (tmp_path / "boom.py").write_text(text)
    refused(cli("run", "boom.py:Boom", "--from", "2010-01-01"), "close of TOPIX on 2027-", "was asked for at 20")


def test_a_class_without_the_decorator(cli, tmp_path: Path) -> None:
    (tmp_path / "boom.py").write_text(RAISES.replace("@strategy\n", ""))
    refused(cli("run", "boom.py:Boom"), "put @strategy above the class")


def test_a_damaged_run_folder(cli, home) -> None:
    cli("run", "pro-growth-win", "--no-report", "--out", "out")
    Path("out/equity.csv").unlink()
    refused(cli("runs", "show", "out"), "'out' is no run: equity.csv is missing")
    Path("out/equity.csv").write_text("session,equity\n")
    refused(cli("compare", "out", "out"), "'out' is damaged")
