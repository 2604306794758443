"""hustings report: the same page again, and its tables."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUIET = ("--no-report",)
RULE = ("buy-after-event", "-p", "instrument=SPX", "-p", "country=US", "--benchmark", "IXIC", "--cash-rate", "0.01")


@pytest.fixture
def folder(cli, home) -> Path:
    cli("run", *RULE, "--out", "out")
    return Path("out")


def test_a_run_read_back_gives_the_same_page(cli, folder: Path) -> None:
    first = (folder / "tearsheet.html").read_bytes()
    (folder / "tearsheet.html").unlink()
    assert cli("report", "out").code == 0
    assert (folder / "tearsheet.html").read_bytes() == first


def test_every_table_comes_as_csv_and_json(cli, folder: Path) -> None:
    answer = cli("report", "out", "--csv", "tables", "--json").json
    assert set(answer["tables"]) == {p.stem for p in Path("tables").glob("*.csv")}
    assert set(answer["tables"]) == {
        "trades_view", "account_view", "trades", "not_traded", "around_events", "parts", "without_one_event", "otherwise",
        "months", "years", "drawdowns", "key_numbers", "markets", "exposures",
    }  # fmt: skip
    with Path("tables/parts.csv").open(newline="") as f:
        rows = list(csv.DictReader(f))
    assert len(rows) == len(answer["tables"]["parts"]) > 10
    for row in rows:
        assert sum(float(row[part]) for part in ("asset", "gap", "fx", "costs")) == pytest.approx(
            float(row["pnl"]), abs=0.005
        )


def without_hashes(folder: Path) -> None:
    """Make a manifest one of a version that kept no hashes of the files."""
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_folder_with_a_session_twice_is_damaged(cli, folder: Path) -> None:
    without_hashes(folder)
    lines = (folder / "equity.csv").read_text().splitlines()
    (folder / "equity.csv").write_text("\n".join([*lines[:3], lines[2], *lines[3:]]) + "\n")
    answer = cli("report", "out")
    assert answer.code == 2
    assert "sessions must ascend, each once" in answer.err


def test_an_unknown_run_is_one_line(cli, home) -> None:
    answer = cli("report", "nothing")
    assert (answer.code, answer.err.count("\n")) == (2, 1)


@pytest.mark.slow
def test_quantstats_makes_its_own_sheet(cli, folder: Path) -> None:
    answer = cli("report", "out", "--quantstats", "q.html", "--json")
    assert json.loads(answer.out)["files"]["quantstats"] == "q.html"
    assert 'aria-label="Cumulative returns"' in Path("q.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_same_run_is_the_same_bytes_in_another_locale_zone_home_and_hash_seed(tmp_path: Path) -> None:
    def files(name: str, **environment: str) -> dict[str, bytes]:
        home = tmp_path / name
        given = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "HUSTINGS_HOME": str(home / "own"),
            **environment,
        }
        home.mkdir()
        command = [sys.executable, "-m", "hustings", "run", *RULE, "--out", "out"]
        done = subprocess.run(command, env=given, cwd=home, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return {path.name: path.read_bytes() for path in (home / "out").iterdir()}

    one = files("a", PYTHONHASHSEED="1", TZ="Asia/Tokyo", LC_ALL="C")
    assert one == files("b", PYTHONHASHSEED="2", TZ="America/New_York", LC_ALL="C.UTF-8", LANG="tr_TR.UTF-8")
    assert {"tearsheet.html", "paths.csv", "variants.json", "manifest.json", "benchmark.csv"} <= set(one)
