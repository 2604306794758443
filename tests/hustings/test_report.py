"""hustings report: the same page again, and its tables."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hustings.conftest import Made

ROOT = Path(__file__).parents[2]
QUIET = ("--no-report",)
RULE = ("buy-after-event", "-p", "instrument=SPX", "-p", "country=US", "--benchmark", "IXIC", "--cash-rate", "0.01")


@pytest.fixture(scope="module")
def a_run(made: Made) -> Path:
    """Return where the folder of a run lies."""
    return made(("run", *RULE, "--out", "out"))


@pytest.fixture
def folder(cli, home: Path, a_run: Path) -> Path:
    """Return a copy of the folder, which a test may change, with the ledger and the registry that it was made with."""
    shutil.copytree(a_run / "out", "out")
    shutil.copytree(a_run / "home", home, ignore=shutil.ignore_patterns("cache"), dirs_exist_ok=True)
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


TWO_RUNS = f"""
import sys
from hustings.__main__ import main
sys.exit(main({["run", *RULE, "--out", "out"]}) or main(["run", "takaichi-trade", "--no-report", "--out", "markets"]))
"""
"""Of one market with all its files, and of several markets."""


@pytest.mark.slow
def test_the_same_run_is_the_same_bytes_in_another_locale_zone_home_and_hash_seed(
    tmp_path: Path, hustings_home: Path
) -> None:
    """One home has the tables of hours already; the other makes them in its own locale and zone."""

    def files(name: str, **environment: str) -> dict[str, bytes]:
        home = tmp_path / name
        given = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home), "HUSTINGS_HOME": str(home), **environment}
        done = subprocess.run(
            [sys.executable, "-c", TWO_RUNS], env=given, cwd=home, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        made = [path for out in ("out", "markets") for path in (home / out).iterdir()]
        return {path.relative_to(home).as_posix(): path.read_bytes() for path in made}

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "cache").symlink_to(hustings_home / "cache")
    one = files("a", PYTHONHASHSEED="1", TZ="Asia/Tokyo", LC_ALL="C")
    assert one == files("b", PYTHONHASHSEED="2", TZ="America/New_York", LC_ALL="C.UTF-8", LANG="tr_TR.UTF-8")
    kept = ("tearsheet.html", "paths.csv", "variants.json", "manifest.json", "benchmark.csv")
    assert {*(f"out/{file}" for file in kept), "markets/manifest.json"} <= set(one)
