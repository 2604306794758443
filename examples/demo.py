"""What hustings does, once: four runs and a comparison. Start it with ``make demo``.

The rule of the card on simulated Tokyo bars, with the label of February 2026 and without it. Then one rule in two
variants on the real Nasdaq bars of 1999 to 2018 that the package arch ships: buy after US presidential elections, and
hold for 5 or for 60 sessions.
"""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

OUT = Path("runs/demo")
MIXED = Path(__file__).parent / "jp_2026_mixed.csv"
"""The label that both blind coders gave the vote of 8 February 2026, in place of the catalogue's."""
BARS = ["--data", "builtin"]
ELECTIONS = [*BARS, "-p", "instrument=IXIC", "-p", "country=US", "-p", "kind=presidential_election"]


RUNS = [
    ["run", "pro-growth-win", *BARS, "--out", str(OUT / "pro-growth-win")],
    ["run", "pro-growth-win", *BARS, "--labels", str(MIXED), "--out", str(OUT / "pro-growth-win-2026-mixed")],
    ["run", "buy-after-event", *ELECTIONS, "-p", "hold=5", "--benchmark", "IXIC", "--out", str(OUT / "hold-5")],
    ["run", "buy-after-event", *ELECTIONS, "-p", "hold=60", "--benchmark", "IXIC", "--out", str(OUT / "hold-60")],
]
COMPARE = ["compare", str(OUT / "hold-5"), str(OUT / "hold-60"), "--out", str(OUT / "comparison.html")]


def demo() -> int:
    """Run the commands, two runs at a time, show each with what it prints, and return the first exit code but 0."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        runs = [(command, pool.submit(hustings, command)) for command in RUNS]
        codes = [show(command, run.result) for command, run in runs]
    codes.append(show(COMPARE, lambda: hustings(COMPARE)))
    print("\nOpen these in a browser:")
    for page in sorted(OUT.rglob("*.html")):
        print(f"  {page}")
    return next((code for code in codes if code), 0)


def hustings(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does, and return what it printed."""
    return subprocess.run([sys.executable, "-m", "hustings", *command], capture_output=True, text=True, check=False)


def show(command: list[str], done: Callable[[], subprocess.CompletedProcess[str]]) -> int:
    """Print a command and, when it is done, what it printed; return its exit code."""
    print(f"\n$ hustings {' '.join(command)}\n", flush=True)
    result = done()
    print(result.stdout, end="", flush=True)
    print(result.stderr, end="", file=sys.stderr, flush=True)
    return result.returncode


if __name__ == "__main__":
    sys.exit(demo())
