"""The page over all runs: what it links, what it makes, what it says where nothing can be made."""

import json
import shutil
from pathlib import Path

import pytest


def made(cli, *, hold: int, out: str, sheet: bool = False) -> str:
    given = ["run", "pro-growth-win", "-p", f"hold={hold}", "--out", out, "--json"]
    run_id: str = cli(*given, *([] if sheet else ["--no-report"])).json["run_id"]
    return run_id


def test_missing_sheets_are_made_and_linked_as_seen_from_the_page(cli, home) -> None:
    made(cli, hold=2, out="elsewhere/a b#1")
    made(cli, hold=3, out="runs/second")
    answer = cli("runs", "report", "--json")
    assert answer.code == 0
    assert answer.json == {"runs": 2, "linked": 2, "missing": {}, "files": {"gallery": "runs/index.html"}}
    page = Path("runs/index.html").read_text()
    assert 'href="second/tearsheet.html"' in page
    assert 'href="../elsewhere/a%20b%231/tearsheet.html"' in page
    assert page.count('data-markets="TOPIX"') == 2
    assert Path("elsewhere/a b#1/tearsheet.html").stat().st_size > 10_000


def test_sheets_that_are_there_are_left_as_they_are(cli, home) -> None:
    made(cli, hold=2, out="runs/first", sheet=True)
    before = Path("runs/first/tearsheet.html").stat().st_mtime_ns
    assert cli("runs", "report", "--json").json["linked"] == 1
    assert Path("runs/first/tearsheet.html").stat().st_mtime_ns == before


def test_no_sheets_are_made_on_request(cli, home) -> None:
    run_id = made(cli, hold=2, out="runs/first")
    answer = cli("runs", "report", "--no-sheets", "--out", "page.html", "--json").json
    assert answer["missing"] == {run_id: "not made"}
    assert answer["files"] == {"gallery": "page.html"}
    assert not Path("runs/first/tearsheet.html").exists()


def test_what_cannot_be_shown_says_why_and_stops_nothing(cli, home) -> None:
    gone, taken, damaged, good = (made(cli, hold=h, out=f"runs/{h}") for h in (2, 3, 4, 5))
    shutil.rmtree("runs/2")
    manifest = Path("runs/3/manifest.json")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "run_id": "another"}))
    Path("runs/4/trades.csv").unlink()
    answer = cli("runs", "report", "--json").json
    assert answer["missing"] == {
        gone: "its folder has gone",
        taken: "its folder holds another run now",
        damaged: f"'{Path('runs/4').resolve()}' is no run: trades.csv is missing",
    }
    assert answer["linked"] == 1
    assert f'"{good}' not in answer["missing"]


def test_no_runs_are_a_page_too(cli, home) -> None:
    assert cli("runs", "report", "--out", "page", "--json").json["runs"] == 0
    assert "There are no runs yet" in Path("page/index.html").read_text()


def test_a_page_that_cannot_be_written_is_one_line(cli, home) -> None:
    Path("file").write_text("")
    answer = cli("runs", "report", "--out", "file/page.html")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "name another place with --out" in answer.err


@pytest.mark.slow
def test_several_processes_write_the_bytes_of_one(cli, home) -> None:
    folders = [Path(f"runs/{h}") for h in range(1, 6)]
    for hold, folder in enumerate(folders, start=1):
        made(cli, hold=hold, out=str(folder), sheet=True)
    for folder in folders:  # made again one by one: the page tells how many were tried by now
        cli("report", str(folder))
    alone = [folder.joinpath("tearsheet.html").read_bytes() for folder in folders]
    for folder in folders:
        folder.joinpath("tearsheet.html").unlink()
    assert cli("runs", "report", "--json").json["linked"] == 5
    assert [folder.joinpath("tearsheet.html").read_bytes() for folder in folders] == alone
