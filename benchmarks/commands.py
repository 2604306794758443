"""W6: whole processes, from the shell's call to their end, and the scripts a user would write for the same work."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.page import Page, took
from benchmarks.race import OURS, PEERS, RUNS
from benchmarks.worlds import Prices, prices

TOPIX_BARS, NASDAQ_BARS = 6_300, 13_900
"""Sessions of 25 years, and of 1971 to 2026."""
SCRIPTS = Path(__file__).parent / "peers"
HUSTINGS = str(Path(sys.executable).parent / "hustings")
BARE = [str(OURS), "-c", "import pandas, backtrader"]
HELP_S, RUN_TIMES = 0.2, 2.5
RUN, SWEEP = "hustings run, with its tear sheet", "hustings sweep, 2,000 combinations"
RUN_SCRIPT, SWEEP_SCRIPT = "a script with backtrader and quantstats", "a script with vectorbt"
RUN_RATIO, SWEEP_RATIO = 8, 7
BOTH, QUANTSTATS = "hustings run, with quantstats' sheet too", "quantstats' own page alone"
BOTH_TIMES = 1.3
RULE = ["buy-after-event", "-p", "instrument=IXIC", "-p", "country=US"]
GRID = ["-p", "hold=1:50", "-p", "delay=0:4", "-p", "stop_loss=none,0.03,0.05,0.1", "-p", "take_profit=none,0.1"]


@dataclass(frozen=True)
class Command:
    """A command line, and what it finds in its environment besides."""

    words: Sequence[str]
    environment: Mapping[str, str]


def main(page: Page) -> None:
    """Print the time of each command."""
    page.title("W6: whole processes; the scripts and the commands compared with them on 55 years of one index")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "TOPIX.csv", prices(TOPIX_BARS, seed=7))
        _write(folder / "IXIC.csv", prices(NASDAQ_BARS, seed=7, first="1971-02-05"))
        for name, hold in (("one", "20"), ("other", "10")):
            words = [
                HUSTINGS,
                "run",
                *RULE,
                "-p",
                f"hold={hold}",
                "--data",
                str(folder),
                "--out",
                str(folder / name),
                "--no-report",
            ]
            _run(Command(words, {}), folder)
        found = _measured(_commands(folder), folder)
    bare = found["python: import pandas, backtrader"]
    rows = [[n, took(s), f"{s / bare:.2f}"] for n, s in found.items()]
    page.table(["", "time", "over the bare import"], rows)
    _asked(page, found, bare)


def _asked(page: Page, found: Mapping[str, float], bare: float) -> None:
    help_, run = found["hustings --help"], found["hustings run --no-report, 25 years of TOPIX"]
    page.say(f"\n- `--help` under {HELP_S} s: {took(help_)}, {'yes' if help_ < HELP_S else 'NO'}.")
    page.say(
        f"- `run --no-report` under {RUN_TIMES} times the bare import of pandas and backtrader: "
        f"{run / bare:.2f}, {'yes' if run < RUN_TIMES * bare else 'NO'}."
    )
    for ours, script, least in ((RUN, RUN_SCRIPT, RUN_RATIO), (SWEEP, SWEEP_SCRIPT, SWEEP_RATIO)):
        ratio = found[script] / found[ours]
        page.say(f"- {ours}: at least {least} times as fast as {script}: {ratio:.1f}, {_yes(ratio >= least)}.")
    both = found[BOTH] / found[QUANTSTATS]
    page.say(f"- {BOTH}: at most {BOTH_TIMES} times {QUANTSTATS}: {both:.2f}, {_yes(both <= BOTH_TIMES)}.")


def _yes(claim: bool) -> str:
    return "yes" if claim else "NO"


def _commands(folder: Path) -> dict[str, Command]:
    own = [*RULE, "--data", str(folder)]
    files = [str(folder / "IXIC.csv"), str(folder / "one" / "trades.csv")]
    run = [HUSTINGS, "run", "pro-growth-win", "--data", str(folder), "--out", str(folder / "out")]
    page = [str(folder / "one" / "equity.csv"), str(folder / "alone.html")]
    asks = {"COMP_WORDS": "hustings run pro", "COMP_CWORD": "2", "_HUSTINGS_COMPLETE": "bash_complete"}
    return {
        "python: import pandas, backtrader": Command(BARE, {}),
        "hustings --help": Command([HUSTINGS, "--help"], {}),
        "Tab after 'hustings run pro'": Command([HUSTINGS], asks),
        "hustings strategies": Command([HUSTINGS, "strategies"], {}),
        "hustings events list": Command([HUSTINGS, "events", "list"], {}),
        "hustings run --no-report, 25 years of TOPIX": Command([*run, "--no-report"], {}),
        RUN: Command([HUSTINGS, "run", *own, "--no-quantstats", "--out", str(folder / "out")], {}),
        BOTH: Command([HUSTINGS, "run", *own, "--out", str(folder / "both")], {}),
        QUANTSTATS: Command([str(OURS), str(SCRIPTS / "quantstats_page.py"), *page], {}),
        "hustings study": Command([HUSTINGS, "study", *own, "--out", str(folder / "study")], {}),
        "hustings compare": Command([HUSTINGS, "compare", str(folder / "one"), str(folder / "other")], {}),
        SWEEP: Command([HUSTINGS, "sweep", *own, *GRID, "--restart", "--out", str(folder / "sweep")], {}),
        RUN_SCRIPT: Command([str(OURS), str(SCRIPTS / "run_script.py"), *files, str(folder / "out.html"), "20"], {}),
        SWEEP_SCRIPT: Command([str(PEERS), str(SCRIPTS / "sweep_script.py"), *files], {}),
    }


def _measured(commands: Mapping[str, Command], home: Path) -> dict[str, float]:
    """Return the median seconds of each command, in interleaved rounds; a first one fills the caches."""
    took_each: dict[str, list[float]] = {name: [] for name in commands}
    for n in range(RUNS + 1):
        for name, command in commands.items():
            one = _run(command, home)
            took_each[name] += [one] if n else []
    return {name: statistics.median(each) for name, each in took_each.items()}


def _run(command: Command, home: Path) -> float:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    env |= {"HUSTINGS_HOME": str(home / "home"), **command.environment}
    began = time.perf_counter()
    with _nowhere() as sink:
        process = subprocess.Popen(command.words, env=env, cwd=home, stdout=sink, stderr=sink)
        code = process.wait()
    seconds = time.perf_counter() - began
    if code:
        raise RuntimeError(f"{' '.join(command.words)} ended with {code}")
    return seconds


@contextmanager
def _nowhere() -> Iterator[int]:
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        yield sink
    finally:
        os.close(sink)


def _write(path: Path, of: Prices) -> None:
    rows = zip(of.session, of.open, of.high, of.low, of.close, strict=True)
    lines = (",".join([str(day), *(f"{v:.4f}" for v in row)]) for day, *row in rows)
    path.write_text("\n".join(["date,open,high,low,close", *lines]) + "\n", encoding="utf-8")
