"""The registry of runs, and comparing them."""

import json
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from msgspec.structs import replace

from engine.metrics.table import METRICS
from engine.run.run import EventPath, ParameterSensitivity, SensitivityCase
from hustings import registry
from hustings.run_folder import read_run, write_run
from tests.processes import Forked
from tests.reports.handmade import business_days, make_run, trade


def test_runs_are_found_by_id_beginning_and_folder(cli, home) -> None:
    made = cli("run", "pro-growth-win", "--no-report", "--json").json
    by_id = cli("runs", "show", made["run_id"], "--json").json
    by_start = cli("runs", "show", made["run_id"][:6], "--json").json
    by_folder = cli("runs", "show", f"runs/{made['run_id']}", "--json").json
    assert by_id["trades"] == by_start["trades"] == by_folder["trades"] == made["trades"]
    assert by_id["metrics"] == made["metrics"]
    assert by_id["skipped"] == made["skipped"]


def test_listing_and_removing(cli, home) -> None:
    ids = [cli("run", "pro-growth-win", "-p", f"hold={h}", "--no-report", "--json").json["run_id"] for h in (1, 2)]
    listed = cli("runs", "list", "--json").json
    assert [e["run_id"] for e in listed] == ids[::-1]  # newest first
    assert listed[0]["parameters"]["hold"] == 2
    assert cli("runs", "remove", ids[0]).code == 0
    assert not Path("runs", ids[0]).exists()
    assert [e["run_id"] for e in cli("runs", "list", "--json").json] == ids[1:]


def test_removing_leaves_what_is_not_ours(cli, home) -> None:
    made = cli("run", "pro-growth-win", "--no-report", "--out", "out", "--json").json
    Path("out/notes.txt").write_text("mine")
    cli("runs", "remove", made["run_id"])
    assert [p.name for p in Path("out").iterdir()] == ["notes.txt"]


def test_a_run_repeated_is_one_run(cli, home) -> None:
    for _ in range(2):
        cli("run", "pro-growth-win", "--no-report")
    assert len(cli("runs", "list", "--json").json) == 1


def test_ambiguous_beginnings_are_refused(cli, home) -> None:
    ids: set[str] = set()
    for hold in range(1, 18):  # 17 ids cannot all begin with another of 16 letters
        ids.add(cli("run", "pro-growth-win", "-p", f"hold={hold}", "--no-report", "--json").json["run_id"])
    letters = [i[0] for i in ids]
    twice = next(c for c in letters if letters.count(c) > 1)
    answer = cli("runs", "show", twice)
    assert answer.code == 2
    assert "begins more than one run" in answer.err


def test_ten_thousand_runs_are_listed_from_the_index(cli, home) -> None:
    cli("run", "pro-growth-win", "--no-report")
    with sqlite3.connect(home / "runs.sqlite3") as db:
        row = db.execute("SELECT * FROM runs").fetchone()
        many = [(f"{n:016x}", f"2020-01-01T00:00:{n:08}", *row[2:]) for n in range(10_000)]
        db.executemany(f"INSERT INTO runs VALUES ({','.join('?' * len(row))})", many)
        plan = db.execute("EXPLAIN QUERY PLAN SELECT * FROM runs ORDER BY created_at DESC LIMIT 30").fetchall()
    assert "runs_by_time" in str(plan)
    assert len(cli("runs", "list", "--json", "--all").json) == 10_001
    assert "30 of 10001 runs" in cli("runs", "list").out


def record_runs(name: str, n: int) -> None:
    """Record so many runs, and print the number of each once it is recorded."""
    for k in range(n):
        manifest = {"strategy": "s", "parameters": {}, "first_session": "a", "last_session": "b"}
        metrics = {"n_trades": 0, "total_return": 0.0, "max_drawdown": 0.0}
        run = SimpleNamespace(run_id=f"{name}{k:06}", manifest=manifest, simulated=False, metrics=metrics)
        registry.record(run, Path("x"))  # type: ignore[arg-type]
        print(k, flush=True)


def test_two_processes_write_at_once_and_nothing_is_lost(home) -> None:
    writers = [Forked(record_runs, name, 40) for name in ("a", "b")]
    assert [w.wait() for w in writers] == [0, 0]
    assert registry.count() == 80


def test_a_kill_loses_nothing_that_was_recorded(home) -> None:
    writer = Forked(record_runs, "k", 100_000)
    for _ in range(25):
        last = int(writer.stdout.readline())
    writer.kill()
    writer.wait()
    assert registry.count() >= last + 1
    assert registry.find(f"k{last:06}").strategy == "s"


def test_comparing_names_what_differs(cli, home) -> None:
    ids = [cli("run", "pro-growth-win", "-p", f"hold={h}", "--no-report", "--json").json["run_id"] for h in (2, 20)]
    answer = cli("compare", *ids, "--out", "page.html", "--json")
    assert answer.code == 0
    assert Path("page.html").stat().st_size > 1000
    assert answer.json["files"] == {"comparison": "page.html"}
    assert json.dumps(answer.json)


def test_the_terminal_shows_runs_side_by_side(cli, home) -> None:
    ids = [cli("run", "pro-growth-win", "-p", f"hold={h}", "--no-report", "--json").json["run_id"] for h in (2, 20)]
    out = cli("compare", *ids).out
    assert [m.label for m in METRICS if m.label not in out] == []
    assert all(i[:6] in out for i in ids)
    assert out.rstrip().endswith("comparison comparison.html")


@pytest.mark.parametrize("rule", ["pro-growth-win", "takaichi-trade"])
def test_a_run_read_back_is_the_run(cli, home, rule: str) -> None:
    """Every number of a folder is that of the run that wrote it."""
    made = cli("run", rule, "--no-report", "--out", "out", "--cash-rate", "0.01", "--json").json
    again = cli("runs", "show", "out", "--json").json
    for key in ("metrics", "notes", "trades", "skipped", "final_equity", "parameters", "sources"):
        assert again[key] == made[key], key


def test_paths_around_events_and_variants_are_read_back_as_they_were_written(tmp_path) -> None:
    days = business_days("2020-01-06", 40)
    path = EventPath("JP-2020-01-06-GE", "TOPIX", "short", -1, (1700.25, 1 / 3, 1e-7))
    tried = ParameterSensitivity(
        (SensitivityCase(5, 0, 1.0, 1, -0.1, 0.3, own=True),),
        (SensitivityCase(None, None, 5.0, 0, None, 0.0),),
        "a note",
    )
    made = replace(make_run(days, np.zeros(40), (trade(str(days[1]), str(days[5])),)), paths=(path,), variants=tried)
    write_run(made, tmp_path, None)
    again = read_run(tmp_path)
    assert (again.paths, again.variants) == ((path,), tried)


def test_a_run_kept_before_there_were_paths_is_read(cli, home) -> None:
    cli("run", "pro-growth-win", "--no-report", "--out", "out")
    assert not Path("out/variants.json").exists()
    Path("out/paths.csv").unlink()
    manifest = json.loads(Path("out/manifest.json").read_text())
    del manifest["files"]
    Path("out/manifest.json").write_text(json.dumps(manifest))
    again = read_run(Path("out"))
    assert (again.paths, again.variants) == ((), None)


def test_a_folder_that_another_run_has_taken_is_not_removed_for_the_old_one(cli, home) -> None:
    old, new = (
        cli("run", "pro-growth-win", "-p", f"hold={h}", "--no-report", "--out", "out", "--json").json["run_id"]
        for h in (2, 3)
    )
    assert "no longer holds run" in cli("runs", "show", old).err
    assert cli("runs", "remove", old).code == 0
    assert cli("runs", "show", new, "--json").json["run_id"] == new


def test_running_again_without_a_report_keeps_the_tear_sheet(cli, home) -> None:
    cli("run", "pro-growth-win", "--out", "out")
    cli("run", "pro-growth-win", "--no-report", "--out", "out")
    assert Path("out/tearsheet.html").is_file()
    cli("run", "pro-growth-win", "-p", "hold=3", "--no-report", "--out", "out")
    assert not Path("out/tearsheet.html").exists()


def test_twenty_runs_are_rows(cli, home) -> None:
    folders = []
    for hold in range(1, 7):
        folders.append(f"o{hold}")
        cli("run", "pro-growth-win", "-p", f"hold={hold}", "--no-report", "--out", folders[-1])
    out = cli("compare", *folders).out
    assert all(f"hold={h}" in out for h in range(1, 7))
