"""The best of a sweep are replayed in processes of their own: the same replays, whatever happens to the processes."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from engine.sweep.best import replay_combination
from engine.sweep.chunk import evaluate_chunk
from engine.sweep.digest import Digest, digest
from engine.sweep.job import Job
from hustings.sweeping import result
from hustings.sweeping.result import replays_begun
from tests.engine.test_sweep import job
from tests.hustings.test_sweep import SMALL, files_of

ROOT = Path(__file__).resolve().parents[2]
NO_ROW = {10_000: {"total_return": 0.1}}


@cache
def swept() -> tuple[Job, Digest]:
    of = job({"hold": [1, 3, 7, 20], "stop_loss": [None, 0.03]}, instrument="AAA")
    return of, digest(of.space, [evaluate_chunk(of, 0, 0, len(of.space))], metric="total_return", top=3)


def nothing() -> None:
    """What a test does while combinations are replayed."""


def replayed_here() -> list[tuple[int, str, float | None]]:
    of, found = swept()
    each = (replay_combination(of, row, r, trials=8) for row, r in found.best.items())
    return [(one.row, one.run.run_id, one.difference) for one in each]


@pytest.fixture
def forks(monkeypatch) -> None:
    """Fork although backtrader is imported already."""
    monkeypatch.setattr(result, "fork_gains", lambda: True)


@pytest.mark.usefixtures("forks")
def test_forked_processes_replay_as_this_one_does_in_the_order_of_the_best() -> None:
    of, found = swept()
    done: list[str] = []
    with replays_begun() as each:
        each.begin(of)
        made = each.replayed(found.best, 8, lambda: done.append("meanwhile"))
    assert [(one.row, one.run.run_id, one.difference) for one in made] == replayed_here()
    assert done == ["meanwhile"]
    assert len(made) == 3


@pytest.mark.usefixtures("forks")
def test_what_a_lost_process_owes_is_replayed_here(monkeypatch) -> None:
    of, found = swept()
    monkeypatch.setattr(result, "_serve", lambda *_: os._exit(3))
    with replays_begun() as each:
        each.begin(of)
        made = each.replayed(found.best, 8, nothing)
    assert [(one.row, one.run.run_id, one.difference) for one in made] == replayed_here()


@pytest.mark.usefixtures("forks")
def test_a_sweep_that_cannot_be_sent_is_replayed_here() -> None:
    of, found = swept()
    with replays_begun() as each:
        each.begin(replace(of, missing={"CCC": lambda: ""}))
        made = each.replayed(found.best, 8, nothing)
    assert [(one.row, one.run.run_id, one.difference) for one in made] == replayed_here()


@pytest.mark.usefixtures("forks")
def test_an_error_of_a_replay_is_raised_here() -> None:
    of, _ = swept()
    with replays_begun() as each:
        each.begin(of)
        with pytest.raises(ValueError, match="index 10000 is out of bounds"):
            each.replayed(NO_ROW, 8, nothing)


def has_ended(pid: int) -> bool:
    """Return whether a process has ended, also where nobody has waited for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.usefixtures("forks")
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")
def test_two_processes_share_the_replays_and_end_with_them(monkeypatch) -> None:
    of, found = swept()
    monkeypatch.setattr(
        result, "_replayed", lambda _, best, *__: [SimpleNamespace(row=r, pid=os.getpid()) for r in best]
    )
    with replays_begun() as each:
        each.begin(of)
        pids = {one.pid for one in each.replayed(found.best, 8, nothing)}  # type: ignore[attr-defined]
        assert len(pids) == 2
        assert os.getpid() not in pids
    end = monotonic() + 60
    while not all(has_ended(pid) for pid in pids):
        assert monotonic() < end
        sleep(0.01)


def test_where_backtrader_is_imported_already_nothing_is_forked(monkeypatch) -> None:
    of, found = swept()
    monkeypatch.setattr(result, "forked", None)
    done: list[str] = []
    with replays_begun() as each:
        each.begin(of)
        made = each.replayed(found.best, 8, lambda: done.append("meanwhile"))
    assert ([one.row for one in made], done) == (list(found.best), ["meanwhile"])


def test_a_new_interpreter_writes_the_bytes_of_this_one(cli, home, tmp_path: Path) -> None:
    given = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "hustings", *SMALL, "--out", "forked", "--json"]
    done = subprocess.run(line, cwd=tmp_path, env=given, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert cli(*SMALL, "--out", "here").code == 0
    assert files_of("forked") == files_of("here")


PRINTS = '''
from datasets.events import PoliticalEvent
from engine.market import MarketView
from engine.strategy import After, Leg, NextOpen, Sessions, Strategy, strategy


@strategy
class Prints(Strategy):
    """Buy, and say so.

    Args:
        hold: sessions held
    """

    hold: Sessions = 5

    def instruments(self):
        return ["SPX"]

    def wants(self, event: PoliticalEvent) -> bool:
        print("asked", event.event_id)
        return event.is_election and event.country == "US"

    def legs(self, event: PoliticalEvent, market: MarketView):
        print("bought")
        return [Leg("SPX", 0.95, NextOpen(), After(self.hold))]
'''


def test_what_a_rule_prints_in_any_process_is_not_among_the_results(tmp_path: Path) -> None:
    """A new interpreter: where backtrader is imported already, nothing is forked."""
    (tmp_path / "prints.py").write_text(PRINTS, encoding="utf-8")
    command = [sys.executable, "-m", "hustings", "sweep", "prints.py", "-p", "hold=1:4", "--data", "builtin"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HUSTINGS_HOME": str(tmp_path / "home")}
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=tmp_path, env=env, check=True)
    assert json.loads(done.stdout)["combinations"] == 4
    again = subprocess.run([*command, "--restart"], capture_output=True, text=True, cwd=tmp_path, env=env, check=True)
    assert "asked" not in again.stdout
    assert "asked US-2016-11-08-PE" in again.stderr
