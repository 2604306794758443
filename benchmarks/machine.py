"""On what the benchmarks ran: the machine, and the versions on both sides."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from benchmarks.race import PEERS

PEER_NAMES = ("backtrader", "backtesting", "bt", "vectorbt", "vectorbt-rust", "numba", "numpy", "pandas")
OUR_NAMES = ("hustings", "backtrader", "numpy", "pandas")


def machine() -> list[str]:
    """Return lines that name cores, memory, processor, interpreter and versions."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"- {os.cpu_count()} cores, {gib:.0f} GiB, {_processor()}; {platform.system()}, Python "
        f"{platform.python_version()}; load when it began {os.getloadavg()[0]:.1f}",
        f"- ours: {_listed({n: version(n) for n in OUR_NAMES})}",
        f"- peers: {_listed(_peer_versions())}",
    ]


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _peer_versions() -> dict[str, str]:
    ask = "import sys; from importlib.metadata import version; print(*(version(n) for n in sys.argv[1:]))"
    done = subprocess.run([PEERS, "-c", ask, *PEER_NAMES], capture_output=True, text=True, check=True)
    return dict(zip(PEER_NAMES, done.stdout.split(), strict=True))
