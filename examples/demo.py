"""What hustings does, once: four runs and a comparison. Start it with ``make demo``.

The rule of the card on simulated Tokyo bars, with the label of February 2026 and without it. Then one rule in two
variants on the real Nasdaq bars of 1999 to 2018 that the package arch ships: buy after US presidential elections, and
hold for 5 or for 60 sessions.
"""

import sys
from pathlib import Path

from hustings.__main__ import main

OUT = Path("runs/demo")
MIXED = Path(__file__).parent / "jp_2026_mixed.csv"
"""The label that both blind coders gave the vote of 8 February 2026, in place of the catalogue's."""
BARS = ["--data", "builtin"]
ELECTIONS = [*BARS, "-p", "instrument=IXIC", "-p", "country=US", "-p", "kind=presidential_election"]


def demo() -> int:
    """Run the commands, showing each before it runs, and return the first exit code that is not 0."""
    commands = [
        ["run", "pro-growth-win", *BARS, "--out", str(OUT / "pro-growth-win")],
        ["run", "pro-growth-win", *BARS, "--labels", str(MIXED), "--out", str(OUT / "pro-growth-win-2026-mixed")],
        ["run", "buy-after-event", *ELECTIONS, "-p", "hold=5", "--benchmark", "IXIC", "--out", str(OUT / "hold-5")],
        ["run", "buy-after-event", *ELECTIONS, "-p", "hold=60", "--benchmark", "IXIC", "--out", str(OUT / "hold-60")],
        ["compare", str(OUT / "hold-5"), str(OUT / "hold-60"), "--out", str(OUT / "comparison.html")],
    ]
    for command in commands:
        print(f"\n$ hustings {' '.join(command)}\n", flush=True)
        code = main(command)
        if code:
            return code
    print("\nOpen these in a browser:")
    for page in sorted(OUT.rglob("*.html")):
        print(f"  {page}")
    return 0


if __name__ == "__main__":
    sys.exit(demo())
