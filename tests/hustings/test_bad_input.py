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
        (["run", "pro-growth-win", "--hold", "3"], ["No such option '--hold'", "is written -p NAME=VALUE"]),
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
        (["run", "pro-growth-win", "--only-events", "--events", "nowhere.csv"], ["no events at 'nowhere.csv'"]),
        (["run", "pro-growth-win", "-p", "instrument=DAX"], ["no bars of DAX are built in; 'hustings data fetch DAX'", "--data must name"]),
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
        (
            HEADER.encode() + b"2026-02-09,,,,1,\n2026-02-10,,,,1,\n2026-02-06,,,,1,\n",
            "TOPIX.csv line 4: 2026-02-06 comes after",
        ),
        (
            HEADER.encode() + b"2026-02-09,,,,1,\n2026-02-09,,,,1.01,\n",
            "TOPIX.csv line 3: 2026-02-09 is on lines 2 and 3",
        ),
        (HEADER.encode() + b"2026-02-09,1,,,NaN,\n", "TOPIX.csv line 2: 2026-02-09 has no close"),
        (HEADER.encode() + b"2026-02-09,,,,-3,\n", "TOPIX.csv line 2: 2026-02-09 close is -3"),
        (HEADER.encode() + b"2026-02-09,2,1,3,2,\n", "TOPIX.csv line 2: 2026-02-09 high 1 < low 3"),
        (HEADER.encode() + b"2026-02-09,,,,\xff1,\n", "TOPIX.csv line 2: close is 'ÿ1'"),
    ],
)
def test_a_bad_price_file_is_named_with_its_line(cli, tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "TOPIX.csv").write_bytes(content)
    refused(cli("run", "pro-growth-win", "--data", str(tmp_path)), said)
    checked = cli("data", "check", "--data", str(tmp_path))
    assert checked.code in (1, 2)  # refused, or not even to be read
    assert said in " ".join(checked.out.split())


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
    refused(cli("run", "pro-growth-win", "--only-events", "--events", str(path)), "mine.csv line 2", said)
    refused(cli("events", "list", "--only-events", "--events", str(path)), "mine.csv line 2", said)
    path.write_text("event_id,country,kind,title\n")
    refused(
        cli("run", "pro-growth-win", "--only-events", "--events", str(path)),
        "mine.csv line 1: neither known_at nor date is there",
    )


def test_a_place_that_cannot_be_written(cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused(cli("run", "pro-growth-win", "--out", "file/out"), "cannot write 'file/out'", "--out")


def test_a_registry_that_cannot_be_used_does_not_lose_the_run(cli, tmp_path: Path, monkeypatch, hustings_home) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path / "file"))
    answer = cli("run", "pro-growth-win", "--data", "builtin", "--no-report", "--out", "out", "--json")
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
        "return []", "market.close('TOPIX', back=-250); return []"
    )
    (tmp_path / "boom.py").write_text(text)
    refused(
        cli("run", "boom.py:Boom", "--from", "2010-01-01"), "close of TOPIX 250 sessions ahead", "was requested at 20"
    )


def test_a_class_without_the_decorator(cli, tmp_path: Path) -> None:
    (tmp_path / "boom.py").write_text(RAISES.replace("@strategy\n", ""))
    refused(cli("run", "boom.py:Boom"), "put @strategy above the class")
    (tmp_path / "named.py").write_text(
        RAISES.replace("@strategy\n", "").replace(
            "class Boom(Strategy):\n", "class Boom(Strategy):\n    name = 'boom'\n"
        )
    )
    refused(cli("run", "named.py:Boom"), "put @strategy above the class")


def test_a_damaged_run_folder(cli, home) -> None:
    cli("run", "pro-growth-win", "--no-report", "--out", "out")
    Path("out/equity.csv").unlink()
    refused(cli("runs", "show", "out"), "'out' is no run: equity.csv is missing")
    Path("out/equity.csv").write_text("session,equity\n")
    refused(cli("compare", "out", "out"), "'out': equity.csv is not what run", "run it again")


RULE = RAISES.replace("return 1 / 0 > 1", "return event.event_id == 'JP-2026-02-08-GE'")


@pytest.mark.parametrize(
    ("legs", "said"),
    [
        ("return None", "legs() returned NoneType; it must return a list of Leg"),
        ("return Leg('TOPIX', 1, NextOpen(), Never())", "legs() returned Leg; it must return a list of Leg"),
        ("return [1]", "legs() returned 1 among its legs"),
        ("return [Leg('TOPIX', 'all', NextOpen(), Never())]", "weight is 'all'; it must be a number"),
        ("return [Leg('TOPIX', 1, NextOpen, Never())]", "entry is the class NextOpen; it must be NextOpen()"),
        ("return [Leg('TOPIX', 1, NextOpen(), 5)]", "exit is 5; it must be After(n)"),
        ("return [Leg('TOPIX', 1, NextOpen(), After(5.5))]", "sessions is 5.5; it must be 1 or more, and whole"),
        ("return [Leg('TOPIX', 1, NextOpen(), After(5, at='noon'))]", "at is 'noon'; it must be one of open, close"),
        (
            "return [Leg('TOPIX', 1, NextOpen(), AtNextEvent('nope'))]",
            "kind is 'nope'; it must be one of general_election",
        ),
        ("return [Leg('TOPIX', 1, NextOpen(), LastCloseBefore('2026-03-01'))]", "'2026-03-01' is no instant"),
        (
            "return [Leg('TOPIX', 1, NextOpen(), Never(), stop_loss=2.0)]",
            "stop_loss is 2.0; it must be above 0 and below 1",
        ),
        ("return [Leg('VIX', 1, NextOpen(), Never())]", "VIX"),
        ("raise SystemExit(0)", "boom raised SystemExit: 0 (boom.py line 14)"),
        ("raise ValueError('two\\nlines')", "boom raised ValueError: two (boom.py line 14)"),
    ],
)
def test_legs_that_cannot_be_are_reported_in_one_line(cli, tmp_path: Path, legs: str, said: str) -> None:
    (tmp_path / "boom.py").write_text(RULE.replace("return []", legs))
    refused(cli("run", "boom.py:Boom", "--no-report"), said)


def test_numbers_of_numpy_are_numbers(cli, tmp_path: Path) -> None:
    text = RULE.replace(
        "return []", "import numpy as np; return [Leg('TOPIX', np.float32(0.5), NextOpen(), After(np.int64(2)))]"
    )
    (tmp_path / "boom.py").write_text(text)
    trades = cli("run", "boom.py:Boom", "--no-report", "--json").json["trades"]
    assert [(t["weight"], t["exit_reason"]) for t in trades] == [(0.5, "held 2 sessions")]


def test_nothing_is_traded_before_it_was_announced(cli, tmp_path: Path) -> None:
    early = "    def decides_at(self, event, clock):\n        from datetime import timedelta\n\n        return event.vote_begins_at and event.vote_begins_at - timedelta(days=60)\n"
    text = RULE.replace("    def wants", f"{early}\n    def wants").replace(
        "return event.event_id", "return True or event.event_id"
    )
    (tmp_path / "boom.py").write_text(text.replace("return []", "return [Leg('TOPIX', 1, NextOpen(), After(2))]"))
    answer = cli("run", "boom.py:Boom", "--from", "2025-06-01", "--no-report", "--json").json
    reasons = {s["event_id"]: s["reason"] for s in answer["skipped"]}
    assert reasons["JP-2026-02-08-GE"].endswith("before it was announced at 2026-01-19T09:00:00Z")


def test_what_a_strategy_prints_stays_off_the_json(cli, tmp_path: Path) -> None:
    text = RULE.replace("return []", "print('hello'); import warnings; warnings.warn('careful'); return []")
    (tmp_path / "boom.py").write_text(text)
    answer = cli("run", "boom.py:Boom", "--no-report", "--json")
    assert (answer.json["trades"], answer.err) == ([], "")
    assert "hello" in cli("run", "boom.py:Boom", "--no-report").err


def test_an_index_that_cannot_be_bought(cli, tmp_path: Path) -> None:
    (tmp_path / "VIX.csv").write_text("date,close\n2026-02-09,20\n2026-02-10,21\n")
    refused(
        cli("run", "buy-after-event", "--data", str(tmp_path), "-p", "instrument=VIX", "-p", "country=jp"),
        "VIX cannot be bought",
    )


def test_two_files_of_one_name(cli, tmp_path: Path) -> None:
    for name in ("TOPIX.csv", "topix.csv"):
        (tmp_path / name).write_text("date,close\n2026-02-09,20\n")
    refused(cli("run", "pro-growth-win", "--data", str(tmp_path)), "--data has both TOPIX.csv and topix.csv")


def test_a_directory_of_the_name_of_a_file(cli, tmp_path: Path) -> None:
    (tmp_path / "data" / "TOPIX.csv").mkdir(parents=True)
    refused(cli("run", "pro-growth-win", "--data", "data"), "no bars of TOPIX")


def test_a_rule_may_import_what_lies_next_to_it_and_its_id_follows_it(cli, tmp_path: Path) -> None:
    (tmp_path / "beside_boom.py").write_text("DAYS = 2\n")
    text = RULE.replace("return []", "return [Leg('TOPIX', 1, NextOpen(), After(DAYS))]")
    (tmp_path / "boom.py").write_text("from beside_boom import DAYS\n" + text)
    one = cli("run", "boom.py:Boom", "--no-report", "--json").json
    assert one["trades"][0]["exit_reason"] == "held 2 sessions"
    (tmp_path / "beside_boom.py").write_text("DAYS = 2  # a comment is no code\n")
    assert cli("run", "boom.py:Boom", "--no-report", "--json").json["run_id"] == one["run_id"]
    (tmp_path / "beside_boom.py").write_text("DAYS = 1 + 1\n")
    assert cli("run", "boom.py:Boom", "--no-report", "--json").json["run_id"] != one["run_id"]


BACKTRADER_CHEATS = [
    ("self.broker.setcash(5e6)", "the account's cash is given with --cash"),
    ("self.broker.add_cash(5e6)", "the account's cash is given with --cash"),
    ("self.buy(size=float('nan'))", "its size must be a number"),
    ("self.buy(size=1, exectype=bt.Order.Historical, price=1.0)", "names its own fill"),
    ("self.buy(size=1, fill_price=1.0, decided_at=-1)", "names its own fill"),
    ("self.broker.set_coc(True)", "setting coc of the broker is not supported"),
    ("self.broker.p.coc = True", "setting coc of the broker is not supported"),
    ("self.data1.close[0]", "data1 is not there: a run has one timeframe"),
    (
        "self.stats.drawdown",
        "observers and analyzers of Cerebro are not supported; the run has its own metrics and pages (cheat.py",
    ),
]


@pytest.mark.parametrize(("act", "said"), BACKTRADER_CHEATS)
def test_a_backtrader_strategy_cannot_choose_its_fills_or_its_money(cli, tmp_path: Path, act: str, said: str) -> None:
    body = f"import backtrader as bt\n\n\nclass Cheat(bt.Strategy):\n    def next(self):\n        {act}\n"
    (tmp_path / "cheat.py").write_text(body)
    refused(cli("run", "cheat.py:Cheat", "--instrument", "TOPIX", "--from", "2026-01-01", "--no-report"), said)
