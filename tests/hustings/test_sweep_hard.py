"""Sweeps that are killed, resumed, spread over a cluster: the real commands, in processes of their own."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow.parquet as pq
import pytest
from distributed import Client

from datasets.errors import UserError
from datasets.events import CATALOGUE
from engine.sweep.trial_sample import SAMPLED
from hustings.__main__ import main
from hustings.sweeping import execution, workers
from hustings.sweeping.files import SweepFolder
from hustings.sweeping.workers import Task
from tests.hustings.test_sweep import files_of
from tests.processes import Forked, forks

ROOT = Path(__file__).resolve().parents[2]
W3 = ["sweep", "buy-after-event", "-p", "instrument=SPX", "-p", "country=US", "-p", "hold=1:50", "-p", "delay=0:4",
      "-p", "stop_loss=none,0.03,0.05,0.1", "-p", "take_profit=none,0.1"]  # fmt: skip
FEW = [*W3[:6], "-p", "hold=1:20"]
SLOW = '''
"""A rule that takes its time over each holding period, and writes down which it was asked for."""

import os
import time
from pathlib import Path

from engine.strategy import After, Leg, NextOpen, Sessions, Strategy, Symbol, strategy


@strategy
class Slow(Strategy):
    """Hold.

    Args:
        instrument: what to buy
        hold: sessions
    """

    instrument: Symbol = "SPX"
    hold: Sessions = 1

    def wants(self, event):
        if event.event_id == "US-2016-11-08-PE" and os.environ.get("SLOW"):
            time.sleep(float(os.environ["SLOW"]))
            with Path(os.environ["ASKED"]).open("a") as f:
                f.write(f"{self.hold}\\n")
        while self.hold == int(os.environ.get("HELD_UP", 0)):
            time.sleep(0.05)
        if self.hold == int(os.environ.get("DEADLY", 0)):
            os._exit(7)
        return event.country == "US" and event.is_election

    def legs(self, event, market):
        return [Leg(self.instrument, 0.9, NextOpen(), After(self.hold))]
'''
N = 240


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, hustings_home: Path) -> Path:
    """A directory with the slow rule and the presidential elections, which all sweeps of this file share."""
    folder = tmp_path_factory.mktemp("sweeps")
    (folder / "slow.py").write_text(SLOW)
    head, *rows = (CATALOGUE / "US.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "events.csv").write_text("".join([head, *(row for row in rows if "-PE,US," in row)]), encoding="utf-8")
    (folder / "home").mkdir()
    (folder / "home" / "cache").symlink_to(hustings_home / "cache")
    return folder


def begun(place: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Forked:
    """Begin a command in a process of its own."""
    return Forked(with_forked_workers, arguments, cwd=place, env={"HUSTINGS_HOME": str(place / "home"), **(env or {})})


def with_forked_workers(arguments: Sequence[str]) -> None:
    """Run a command whose ``--workers`` are forked, too."""
    with patch.object(workers, "get_context", lambda _: forks()):
        sys.exit(main(arguments))


def ended(process: Forked, *, code: int = 0) -> tuple[str, str]:
    """Return stdout and stderr of a command that ends as it should."""
    out, err = process.communicate()
    assert process.returncode == code, err + out
    return out, err


def until(holds: Callable[[], Any], what: str, *, seconds: float = 300) -> None:
    end = monotonic() + seconds
    while not holds():
        assert monotonic() < end, f"{what} did not come about in {seconds:.0f} s"
        sleep(0.05)


def slow(place: Path, out: str, *more: str, asked: str = "", **env: str) -> Forked:
    given = {"SLOW": "0.02", "ASKED": str(place / asked)} if asked else {}
    rule = [
        "sweep",
        "slow.py:Slow",
        "-p",
        f"hold=1:{N}",
        "--only-events",
        "--events",
        "events.csv",
        "--top",
        "2",
        "--out",
        out,
    ]
    return begun(place, *rule, *more, env={**given, **env})


@pytest.fixture(scope="module")
def whole(place: Path) -> dict[str, bytes]:
    """The files of the slow sweep, by one process and without a break."""
    ended(slow(place, "whole"))
    return files_of(place / "whole")


def rows_kept(place: Path, out: str) -> list[tuple[int, int]]:
    return [(first, last) for first, last, _ in SweepFolder(place / out).kept(0)]


def holds(place: Path, asked: str) -> Counter[int]:
    return Counter(int(line) for line in (place / asked).read_text().split())


@pytest.mark.slow
def test_killed_and_resumed_it_gives_the_same_bytes_and_repeats_at_most_a_stretch_a_worker(place, whole) -> None:
    killed = slow(place, "killed", "--workers", "2", asked="asked-1")
    until(lambda: len(rows_kept(place, "killed")) >= 2, "two stretches that are done")
    killed.kill()
    killed.wait()
    kept = rows_kept(place, "killed")
    until(lambda: _still(place / "asked-1"), "the end of its workers")
    assert 0 < sum(last - first for first, last in kept) < N
    ended(slow(place, "killed", "--workers", "2", "--resume", asked="asked-2"))
    assert files_of(place / "killed") == whole
    again = holds(place, "asked-1").keys() & holds(place, "asked-2").keys()
    done = {hold for first, last in kept for hold in range(first + 1, last + 1)}
    first_alone = {first + 1 for first, _ in kept}  # the bars a sweep needs are found by planning its first and last
    sampled = {
        int(row) + 1 for row in np.linspace(0, N - 1, SAMPLED)
    }  # planned again at the end, for their Sharpe ratios
    assert not again & done - first_alone - sampled
    assert len(again - sampled) <= 2 * max(last - first for first, last in kept) + 2


def _still(path: Path) -> bool:
    """Return whether nothing is written to a file any more."""
    before = path.stat().st_size
    sleep(2)
    return path.stat().st_size == before


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(place, whole) -> None:
    stopped = slow(place, "stopped", asked="asked-3", HELD_UP="200")  # it cannot be done before it is stopped
    until(lambda: rows_kept(place, "stopped"), "a stretch that is done")
    stopped.send_signal(signal.SIGINT)
    _, err = ended(stopped, code=130)
    assert re.search(rf"\d+ of {N} combinations are kept in 'stopped'; --resume continues from there", err)
    assert "Traceback" not in err
    ended(slow(place, "stopped", "--resume"))
    assert files_of(place / "stopped") == whole


@pytest.mark.slow
def test_a_combination_that_ends_its_process_is_listed_and_the_others_are_done(place) -> None:
    out, _ = ended(slow(place, "deadly", "--workers", "2", "--json", DEADLY="77"))
    table = pq.read_table(place / "deadly" / "results").to_pydict()
    assert [h for h, how in zip(table["hold"], table["how"], strict=True) if how == "failed"] == [77]
    assert table["why"][76] == "the process that computed it ended with code 7"
    assert '"failed": 1' in out


def test_processes_that_end_before_they_have_read_the_sweep_are_one_clear_line(monkeypatch) -> None:
    monkeypatch.setattr(workers, "get_context", lambda _: forks())
    no_sweep: Any = None
    pool = workers.ProcessPool(no_sweep, 2)
    pool.submit(Task(0, 0, 10))
    with pytest.raises(UserError, match="ended with code 1, before it had read the sweep: --workers 1"):
        while True:
            pool.results()
    pool.close()


# ---- Dask ------------------------------------------------------------------------------------------------------------


def dask(place: Path, part: str, *arguments: str, env: Mapping[str, str] | None = None) -> Forked:
    """Begin a scheduler or a worker."""
    return Forked(_dask, part, arguments, cwd=place, env={"HUSTINGS_HOME": str(place / "home"), **(env or {})})


def _dask(part: str, arguments: Sequence[str]) -> None:
    import_module(f"distributed.cli.dask_{part}").main(list(arguments))


@pytest.fixture(scope="module")
def scheduler(place: Path) -> Iterator[str]:
    """The address of a Dask scheduler without workers, which blames a task where two workers end with it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    process = dask(place, "scheduler", *options, env={"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"})
    until(lambda: _answers(port), "a scheduler")
    yield f"tcp://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


WORKER = ["--nthreads", "1", "--no-dashboard"]


@pytest.fixture
def worker(place: Path, scheduler: str) -> Iterator[Callable[..., Forked]]:
    """Begins workers of the scheduler, which end with the test."""
    mine: list[Forked] = []

    def more(*, nanny: bool = False, **env: str) -> Forked:
        mine.append(dask(place, "worker", scheduler, *WORKER, *([] if nanny else ["--no-nanny"]), env=env))
        return mine[-1]

    yield more
    for each in mine:
        each.terminate()
    for each in mine:
        each.wait()


@pytest.fixture
def other_worker(place: Path, scheduler: str) -> Iterator[Callable[[Path], None]]:
    """Begins a worker whose hustings lies elsewhere, which ends with the test."""
    mine: list[subprocess.Popen[bytes]] = []

    def begin(root: Path) -> None:
        line = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler, *WORKER, "--no-nanny"]
        env = {**os.environ, "PYTHONPATH": str(root), "HUSTINGS_HOME": str(place / "home")}
        mine.append(subprocess.Popen(line, cwd=place, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    yield begin
    for each in mine:
        each.terminate()
        each.wait()


@pytest.mark.slow
def test_two_workers_of_a_cluster_give_the_bytes_of_one_process(place, scheduler, worker) -> None:
    worker(), worker()
    ended(begun(place, *W3, "--out", "w3-cluster", "--scheduler", scheduler))
    ended(begun(place, *W3, "--out", "w3-alone"))
    assert files_of(place / "w3-cluster") == files_of(place / "w3-alone")


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_loses_nothing(place, whole, scheduler, worker) -> None:
    shown = {"SLOW": "0.02", "ASKED": str(place / "asked-4")}
    doomed, _ = worker(**shown), worker(**shown)
    sweep = slow(place, "lost", "--scheduler", scheduler)
    until(lambda: rows_kept(place, "lost"), "a stretch that is done")
    doomed.kill()
    ended(sweep)
    assert files_of(place / "lost") == whole


@pytest.mark.slow
def test_a_combination_that_ends_its_workers_is_listed_and_the_others_are_done(
    place, scheduler, worker, tmp_path
) -> None:
    worker(nanny=True, DEADLY="3")
    rule = ["sweep", "slow.py:Slow", "-p", "hold=1:4", "--only-events", "--events", "events.csv"]
    apart = {"HUSTINGS_HOME": str(tmp_path)}  # its trials are none of the other sweeps'
    arguments = [*rule, "--out", "poison", "--scheduler", scheduler, "--json"]
    out, _ = ended(Forked(with_one_loss, arguments, cwd=place, env=apart))
    table = pq.read_table(place / "poison" / "results").to_pydict()
    assert [h for h, how in zip(table["hold"], table["how"], strict=True) if how == "failed"] == [3]
    assert table["why"][2].startswith("the worker that computed it ended")
    assert '"failed": 1' in out


@pytest.mark.slow
def test_workers_that_come_later_do_their_share(place, whole, scheduler, worker) -> None:
    shown = {"SLOW": "0.02", "ASKED": str(place / "asked-5")}
    first = worker(**shown)
    sweep = slow(place, "later", "--scheduler", scheduler)
    until(lambda: rows_kept(place, "later"), "a stretch that is done")
    worker(SLOW="0.02", ASKED=str(place / "asked-6"))
    until((place / "asked-6").exists, "the first combination of the second worker")
    first.kill()
    ended(sweep)
    assert files_of(place / "later") == whole


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "why"),
    [("engine/plan/costs.py", "another version of the code"), ("datasets/markets/hours.csv", "other tables of hours")],
)
def test_a_worker_of_another_version_is_refused(place, scheduler, worker, other_worker, tmp_path, changed, why) -> None:
    for package in ("datasets", "engine", "strategies", "reports", "hustings"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / changed).open("a") as f:
        f.write("\n")
    other_worker(tmp_path)
    _, err = ended(begun(place, *FEW, "--out", f"refused-{len(why)}", "--scheduler", scheduler), code=2)
    assert re.search(rf"^hustings: every worker of {scheduler} is refused: .*{why}", err, re.MULTILINE)
    assert "Traceback" not in err
    worker()
    with Client(scheduler) as client:
        client.wait_for_workers(2)
    out, err = ended(begun(place, *FEW, "--out", f"beside-{len(why)}", "--scheduler", scheduler))
    assert re.search(rf"^hustings: worker tcp://127\.0\.0\.1:\d+ is refused: .*{why}", err, re.MULTILINE)
    assert "all metrics agree" in out


@pytest.mark.slow
def test_a_cluster_without_workers_is_one_clear_line(place, scheduler) -> None:
    arguments = [*W3, "--out", "nobody", "--scheduler", scheduler]
    given = {"HUSTINGS_HOME": str(place / "home")}
    _, err = ended(Forked(wait_a_second_for_workers, arguments, cwd=place, env=given), code=2)
    assert err == f"hustings: {scheduler} has no workers; start some with 'dask worker {scheduler}'\n"


def with_one_loss(arguments: list[str]) -> None:
    """Run a command that lists a combination as failed where one task ended with it, not after three."""
    with patch.object(execution, "_MAX_LOSSES", 1):
        sys.exit(main(arguments))


def wait_a_second_for_workers(arguments: list[str]) -> None:
    """Run a command that gives up after a second, not after twenty, where a cluster has no worker."""
    with patch("hustings.sweeping.cluster._WAIT_FOR_WORKERS", 1.0):
        sys.exit(main(arguments))
