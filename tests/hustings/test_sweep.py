"""hustings sweep: values, files, failures, walk-forward, ledger; in one process."""

import json
import random
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasets.events import CATALOGUE
from datasets.files import locked
from engine.sweep.chunk import COLUMNS, Chunk
from hustings.sweeping.execution import AdaptiveChunkSize
from hustings.sweeping.files import SweepFolder
from hustings.sweeping.parquet import read_part
from hustings.sweeping.workers import Task, TaskResult, differences
from tests.conftest import SHARED
from tests.hustings.conftest import Made

RULE = ["sweep", "buy-after-event", "-p", "instrument=SPX", "-p", "country=US"]
SMALL = [*RULE, "-p", "hold=1:3", "-p", "stop_loss=none,0.03"]


def files_of(folder: Path | str) -> dict[str, bytes]:
    """Return every file of a folder by its name in it."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def small(made: Made) -> Path:
    """Return where the folder of the small sweep lies, for tests of what is done to one that is there."""
    return made((*SMALL, "--out", "small")) / "small"


def test_a_sweep_ranks_replays_and_writes_its_results(cli, home) -> None:
    shown = cli(*SMALL, "--metric", "trade-sharpe", "--top", "2", "--json").json
    assert (shown["combinations"], shown["failed"], shown["agrees"]) == (6, 0, True)
    ranked = [b["results"]["trade_sharpe"] for b in shown["best"]]
    table = pq.read_table(shown["files"]["results"]).to_pydict()
    assert ranked == sorted(table["trade_sharpe"], reverse=True)[:2]
    assert table["hold"] == [1, 1, 2, 2, 3, 3]
    assert table["stop_loss"] == [None, 0.03] * 3
    assert table["how"] == ["grid"] * 6
    assert set(files_of(f"sweeps/{shown['sweep_id']}")) == {
        "manifest.json", "results/_checksums.json", "results/part-00000.parquet", "summary.json", "sweep.html",
    }  # fmt: skip


def test_a_combination_of_a_sweep_is_the_run_of_these_parameters(cli, home) -> None:
    best = cli(*SMALL, "--top", "1", "--json").json["best"][0]
    given = [f"-p{k}={'none' if v is None else v}" for k, v in best["parameters"].items()]
    run = cli("run", "buy-after-event", *given, "--no-report", "--json").json
    assert run["run_id"] == best["run_id"]
    assert run["metrics"]["mean_trade"] == pytest.approx(best["results"]["mean_trade"], rel=1e-9)


def test_the_same_sweep_gives_the_same_bytes_with_any_number_of_workers(cli, home) -> None:
    for out, more in (("one", []), ("two", ["--workers", "2"]), ("again", [])):
        assert cli(*SMALL, "--out", out, *more).code == 0
    assert files_of("one") == files_of("two") == files_of("again")


def test_values_are_ranges_lists_and_all_there_are(cli, home) -> None:
    shown = cli(
        *RULE[:2],
        "-p",
        "instrument=SPX,IXIC",
        "-p",
        "country=all",
        "-p",
        "entry=all",
        "-p",
        "weight=0.1:0.3:0.1",
        "--where",
        "country == 'US' or country == 'JP'",
        "--json",
    ).json
    assert shown["axes"]["instrument"] == ["SPX", "IXIC"]
    assert shown["axes"]["entry"] == ["open", "close"]
    assert shown["axes"]["weight"] == [0.1, 0.2, 0.3]
    assert len(shown["axes"]["country"]) == len({path.stem for path in CATALOGUE.glob("*.csv")})
    assert shown["combinations"] == 2 * 2 * 2 * 3


def test_some_are_drawn_or_listed(cli, home) -> None:
    drawn = cli(*RULE, "-p", "hold=1:60", "-p", "delay=0:9", "--random", "7", "--seed", "3", "--json").json
    assert drawn["combinations"] == 7
    Path("these.csv").write_text("hold,delay\n5,0\n9,2\n")
    listed = cli(*RULE, "--list", "these.csv", "--json").json
    assert [
        (b["parameters"]["hold"], b["parameters"]["delay"])
        for b in sorted(listed["best"], key=lambda b: b["combination"])
    ] == [(5, 0), (9, 2)]


def test_what_fails_is_listed_and_the_others_go_on(cli, home) -> None:
    answer = cli(*RULE[:2], "-p", "country=US", "-p", "instrument=SPX,ZZZ,VIX", "-p", "hold=5,6")
    assert answer.code == 0
    assert "4 of 6 combinations failed" in answer.out
    assert "unknown instrument 'ZZZ'" in answer.out
    shown = cli(*RULE[:2], "-p", "country=US", "-p", "instrument=SPX,ZZZ,VIX", "-p", "hold=5,6", "--json").json
    assert [f["combination"] for f in shown["failures"]] == [2, 3, 4, 5]
    assert shown["trials"]["this_sweep"] == 2


def test_walk_forward_shows_both_sides_and_one_stitched_account(cli, home) -> None:
    shown = cli(*RULE, "-p", "hold=1:5", "-p", "delay=0,1", "--train", "6", "--test", "3", "--json").json[
        "walk_forward"
    ]
    tests = [(f["test"]["from"], f["test"]["to"]) for f in shown["folds"]]
    assert len(tests) >= 3
    assert all(f["train"]["to"] < f["test"]["from"] for f in shown["folds"])
    assert all(after > before for (_, before), (after, _) in pairwise(tests))
    assert all(f["in_sample"]["trade_sharpe"] is None for f in shown["folds"])  # of six events and no more
    assert all(f["in_sample"]["total_return"] is not None for f in shown["folds"])
    assert shown["stitched"]["trades"] == sum(f["test_events"] for f in shown["folds"])


def test_every_combination_is_a_trial_of_the_rule(cli, home) -> None:
    first = cli(*SMALL, "--json").json
    again = cli(*SMALL, "--json").json
    other = cli(*RULE, "-p", "hold=7:9", "--json").json
    assert [t["trials"]["all"] for t in (first, again, other)] == [6, 6, 9]
    run = cli("run", "buy-after-event", "-p", "hold=30", "--no-report", "--json").json
    assert (run["trial"]["n"], run["trial"]["n_of_rule"]) == (10, 10)
    listed = cli("trials")
    assert "a sweep: 6 combinations" in listed.out
    assert cli("trials", "verify").code == 0


def test_the_page_is_whole_and_fetches_nothing(cli, home) -> None:
    shown = cli(*SMALL, "--json").json
    page = Path(shown["files"]["page"]).read_text(encoding="utf-8")
    assert page.count("</title></rect>") == 2 * 6 + 2  # each figure marks its best cell
    assert "6 trials of this rule" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_simulated_bars_are_named(cli, home) -> None:
    answer = cli("sweep", "pro-growth-win", "-p", "hold=1:3")
    assert "SIMULATED bars: TOPIX" in answer.out
    assert "SIMULATED" in next(Path("sweeps").glob("*/sweep.html")).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["-p", "hold=5:1"], "write a range from low to high"),
        (["-p", "weight=0.1:0.5"], "say how far apart"),
        (["-p", "hold=1:3", "--metric", "sharp"], "did you mean 'sharpe'"),
        (["-p", "hold=1:3", "--where", "hodl > 2"], "did you mean 'hold'"),
        (["-p", "hold=1:3", "--where", "side == 'long'"], "--where names 'side', of which this sweep gives no value"),
        (["-p", "hold=1:3", "--where", "country == US"], "words need quotes"),
        (["-p", "hold=1:3", "--heat", "hold"], "takes two parameters"),
        (["-p", "hold=1:3", "--heat", "hold,delay"], "unknown parameter that varies 'delay'"),
        (["-p", "hold=1:3", "--train", "5"], "takes both --train and --test"),
        (["-p", "hold=1:3", "--train", "5x", "--test", "2"], "--train is '5x'"),
        (["-p", "hold=1:3", "--train", "5y", "--test", "2"], "both in years"),
        (["-p", "hold=1:3", "--train", "5000", "--test", "2"], "too few to train on"),
        (["-p", "hold=1:3", "--train", "9y", "--test", "99999999999y"], "--test is '99999999999y'"),
        (["-p", f"hold=1:{'9' * 40}"], "at most 20 characters"),
        (["-p", "hold=1:99999999999999999999"], "has too many values"),
        (["-p", "hold=1:3", "--where", "'%z' % hold == 'a'"], "words take no + - * / %"),
        (["-p", "hold=1:3", "--where", f"{'9' * 400} / 2 > hold"], "cannot be computed"),
        (["-p", "hold=1:3", "--where", "1+" * 600 + "1 > hold"], "characters; at most 1,000 are read"),
        (["-p", "hold=1:3", "--where", "(" * 400 + "1" + ")" * 400 + " > hold"], "cannot be read"),
        (["-p", "hold=1:3", "-p", "winner_party=\udcff"], "is not UTF-8"),
        (
            ["-p", "hold=1:2000", *(f"-p{name}=0.001:0.9:0.001" for name in ("stop_loss", "take_profit"))],
            "1,620,000,000 combinations; a sweep may have 1,000,000,000",
        ),
        (["-p", "hold=1:3", "--from", "2090-01-01"], "all 3 combinations failed: "),
        (["-p", "hold=1:3", "--list", "none.csv"], "leave out"),
        (["--list", "none.csv"], "cannot be read (No such file or directory)"),
        (["-p", "hold=1:3", "--resume", "--restart"], "give one of them"),
        (["-p", "winner_party=all"], "cannot be listed"),
        (["-p", "hold=1:3", "--benchmark", "SPX"], "--benchmark is not for a sweep"),
        (["-p", "hold=1:3", "--scheduler", "tcp://127.0.0.1:1"], "no Dask scheduler answers at tcp://127.0.0.1:1"),
        (
            ["-p", "hold=1:3", "--scheduler", "nonsense"],
            "--scheduler is 'nonsense'; write it like tcp://127.0.0.1:8786",
        ),
    ],
)
def test_bad_input_is_one_line(cli, home, more, message) -> None:
    answer = cli(*RULE, *more)
    assert answer.code == 2
    assert message in answer.err
    assert answer.out == ""
    assert len([line for line in answer.err.splitlines() if line.startswith("hustings:")]) == 1


def test_an_unfinished_sweep_is_not_started_over_unasked(cli, home, small: Path) -> None:
    done = json.loads((small / "manifest.json").read_text(encoding="utf-8"))
    shutil.copytree(small, "left")
    _unfinish(Path("left"), rows=4)
    refused = cli(*SMALL, "--out", "left")
    assert refused.code == 2
    assert "4 of 6 combinations of this sweep are done in 'left'" in refused.err
    assert cli(*SMALL, "--out", "left", "--resume", "--json").json["sweep_id"] == done["sweep_id"]
    assert files_of("left") == files_of(small)
    other = cli(*RULE, "-p", "hold=1:9", "--out", "left")
    assert (other.code, "holds another sweep" in other.err) == (2, True)


@pytest.mark.parametrize(
    "held",
    [
        {"results/thesis.txt": "precious", "unfinished/draft.txt": "x"},
        {"manifest.json": '{"my": 1}'},
        {"manifest.json": "[1]"},
        {"manifest.json": "{"},
    ],
)
@pytest.mark.parametrize("more", [[], ["--restart"], ["--resume"]])
def test_what_is_no_sweep_is_left_as_it_is(cli, home, held, more) -> None:
    for name, text in held.items():
        (Path("mine") / name).parent.mkdir(parents=True, exist_ok=True)
        (Path("mine") / name).write_text(text)
    before = files_of("mine")
    answer = cli(*SMALL, "--out", "mine", *more)
    assert (answer.code, files_of("mine")) == (2, before)
    assert "'mine' is not empty and holds no sweep; name a new or an empty folder with --out" in answer.err


def test_a_run_does_not_go_where_a_sweep_is(cli, home, small: Path) -> None:
    shutil.copytree(small, "mine")
    before = files_of("mine")
    answer = cli("run", "buy-after-event", "--out", "mine")
    assert (answer.code, files_of("mine")) == (2, before)
    assert "'mine' holds a manifest.json that is no run's" in answer.err


def test_a_finished_sweep_typed_again_is_kept_and_looked_at_anew(cli, home, small: Path) -> None:
    shutil.copytree(small, "done")
    part = Path("done/results/part-00000.parquet")
    written = part.stat().st_mtime_ns
    again = cli(*SMALL, "--out", "done", "--top", "1", "--json").json
    assert len(again["best"]) == 1
    assert part.stat().st_mtime_ns == written
    assert cli(*SMALL, "--out", "done", "--restart").code == 0
    assert part.stat().st_mtime_ns > written


def test_a_damaged_part_is_named_and_made_again(cli, home, capsys, small: Path) -> None:
    shutil.copytree(small, "done")
    part, whole = Path("done/results/part-00000.parquet"), files_of("done")
    draw, content, folder = random.Random(20), part.read_bytes(), SweepFolder(Path("done"))
    manifest = json.loads(Path("done/manifest.json").read_text(encoding="utf-8"))
    cases = (SHARED / "cases" / "damage").glob("dmg2-*.parquet")  # of another sweep: cut to nothing, and flipped
    for n, other in enumerate([*[None] * 120, *cases]):
        damaged = bytearray(content)
        if n % 3:
            damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        else:
            del damaged[draw.randrange(len(content)) :]
        part.write_bytes(damaged if other is None else other.read_bytes())
        folder.begin(manifest, resume=False, restart=False)
        assert (folder.is_complete(6), folder.gaps(0, 6)) == (False, [(0, 6)])
        assert capsys.readouterr().err == f"hustings: '{part}' is damaged: its combinations are computed again\n"
    assert (cli(*SMALL, "--out", "done").code, files_of("done")) == (0, whole)


def test_a_damaged_chunk_is_named_and_made_again(cli, home, capsys, small: Path) -> None:
    shutil.copytree(small, "left")
    _unfinish(Path("left"), rows=4)
    (chunk,) = Path("left/unfinished").iterdir()
    draw, content, folder = random.Random(21), chunk.read_bytes(), SweepFolder(Path("left"))
    manifest = json.loads(Path("left/manifest.json").read_text(encoding="utf-8"))
    for n in range(120):
        damaged = bytearray(content)
        if n % 3:
            damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        else:
            del damaged[draw.randrange(len(content)) :]
        chunk.write_bytes(damaged)
        folder.begin(manifest, resume=True, restart=False)
        assert folder.gaps(0, 6) == [(0, 6)]
        assert capsys.readouterr().err == f"hustings: '{chunk}' is damaged: its combinations are computed again\n"
    chunk.write_bytes(damaged)
    assert (cli(*SMALL, "--out", "left", "--resume").code, files_of("left")) == (0, files_of(small))


def test_why_a_combination_failed_is_kept_in_a_chunk_whatever_it_says(tmp_path: Path) -> None:
    columns = {name: np.array([1.5, np.nan, -0.0]) for name in COLUMNS}
    why = "it raised 'é\ud800' \n, at 0"
    SweepFolder(tmp_path).unfinished.mkdir()
    SweepFolder(tmp_path).keep(0, Chunk(7, columns, np.array([0, 2, 0], dtype=np.int8), {8: why}))
    (kept,) = SweepFolder(tmp_path).chunks(0)
    assert (kept.first, kept.failed, kept.how.tolist()) == (7, {8: "it raised 'é?' \n, at 0"}, [0, 2, 0])
    assert {name: column.tobytes() for name, column in kept.columns.items()} == {
        name: column.tobytes() for name, column in columns.items()
    }


def test_two_sweeps_do_not_work_in_one_folder(cli, home, small: Path) -> None:
    shutil.copytree(small, "one")
    before = files_of("one")
    with locked(Path("one/.lock"), Path("one")):
        answer = cli(*SMALL, "--out", "one", "--restart")
    assert (answer.code, files_of("one")) == (2, before)
    assert "another hustings is at work in 'one': wait until it has ended" in answer.err


def test_chunks_that_overlap_are_computed_again(cli, home, small: Path) -> None:
    shutil.copytree(small, "left")
    whole = _unfinish(Path("left"), rows=4)
    SweepFolder(Path("left")).keep(0, whole.part(2, 6))
    assert cli(*SMALL, "--out", "left", "--resume").code == 0
    assert files_of("left") == files_of(small)


def test_nothing_to_resume_is_reported(cli, home) -> None:
    answer = cli(*SMALL, "--out", "new", "--resume")
    assert answer.code == 0
    assert "'new' has nothing to resume" in answer.err


def _unfinish(folder: Path, *, rows: int) -> Chunk:
    """Leave a folder as if its sweep had been ended after so many combinations; return all of them."""
    whole = read_part(folder / "results" / "part-00000.parquet", 0)
    for name in ("summary.json", "sweep.html"):
        (folder / name).unlink()
    shutil.rmtree(folder / "results")
    (folder / "unfinished").mkdir()
    SweepFolder(folder).keep(0, whole.part(0, rows))
    return whole


def test_a_sweep_looked_at_by_another_number_is_the_same_sweep(cli, home) -> None:
    one, other = cli(*SMALL, "--json").json, cli(*SMALL, "--metric", "max_drawdown", "--json").json
    assert one["sweep_id"] == other["sweep_id"]
    assert json.dumps(one["best"]) != json.dumps(other["best"])


def _sizes(seconds: Callable[[int], float], n: int = 8) -> list[int]:
    """Return the sizes of chunks that take so many seconds for their combinations."""
    chunk_size, sizes = AdaptiveChunkSize(), []
    for _ in range(n):
        sizes.append(chunk_size.size)
        chunk_size.update(TaskResult(Task(0, 0, chunk_size.size), None, seconds(chunk_size.size)))
    return sizes


def test_a_chunk_takes_about_two_seconds() -> None:
    assert _sizes(lambda n: 0.02 * n)[-1] == 100
    assert _sizes(lambda n: 0.0001 * n)[-1] == 20_000


def test_a_chunk_with_a_long_fixed_part_is_longer() -> None:
    assert _sizes(lambda n: 2.0 + 0.001 * n)[-1] == 6_000  # three quarters of eight seconds


def test_a_chunk_grows_32_fold_at_most_and_has_a_limit() -> None:
    assert _sizes(lambda n: 1e-6) == [64, 2_048, 50_000, 50_000, 50_000, 50_000, 50_000, 50_000]


def test_what_differs_on_a_worker_is_named() -> None:
    expected = {"numpy": "2.1", "source": "aa", "code": "bb", "bars": {"SPX": "cc"}}
    assert differences(expected, expected) == []
    assert differences(expected, {**expected, "numpy": "1.0", "source": "dd", "bars": {}}) == [
        "numpy 1.0, where the sweep was sent 2.1",
        "another version of the code",
        "other bars",
    ]
