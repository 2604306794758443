"""What a command does not use it does not import: shown by the modules there are at its end, never by time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "pandas", "scipy", "statsmodels", "matplotlib", "quantstats", "seaborn", "exchange_calendars", "arch", "pyarrow",
    "yfinance", "requests", "curl_cffi", "jinja2", "rich", "dask", "distributed", "numba", "backtrader", "pydantic", "numpy",
)  # fmt: skip


def imported(args: list[str], folder: Path) -> set[str]:
    """Return which heavy packages a command has imported when it has ended well."""
    code = (
        "import sys\nfrom hustings.__main__ import main\n"
        f"code = main({args!r})\n"
        f"print(*(m for m in {HEAVY} if m in sys.modules), file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def _prices(folder: Path) -> Path:
    import numpy as np

    days = np.busday_offset(np.datetime64("2020-01-06"), np.arange(1500), roll="forward")
    draw = np.random.default_rng(1)
    close = 1000 * np.exp(np.cumsum(0.01 * draw.standard_normal(len(days))))
    open_ = close * np.exp(0.003 * draw.standard_normal(len(days)))
    high, low = np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999
    bars = zip(days, open_, high, low, close, strict=True)
    rows = "".join(f"{d},{o:.4f},{h:.4f},{low_:.4f},{c:.4f}\n" for d, o, h, low_, c in bars)
    (folder / "TOPIX.csv").write_text("date,open,high,low,close\n" + rows, encoding="utf-8")
    return folder


def test_a_run_without_a_report_imports_numpy_pydantic_and_backtrader_alone(tmp_path):
    args = ["run", "pro-growth-win", "--data", str(_prices(tmp_path)), "--no-report", "--json"]
    imported(args, tmp_path)  # makes the table of trading hours, as the first run of a home does
    assert imported(args, tmp_path) == {"numpy", "pydantic", "backtrader"}


@pytest.mark.parametrize("args", [["events", "list", "--json"], ["runs", "list", "--json"], ["strategies", "--json"]])
def test_listings_import_no_engine_of_others(tmp_path, args):
    assert imported(args, tmp_path) <= {"numpy", "pydantic"}


def test_help_imports_nothing_heavy(tmp_path):
    assert imported(["--help"], tmp_path) == set()


@pytest.mark.skipif(
    (os.cpu_count() or 1) < 2, reason="OpenBLAS has threads of its own where there are processors for them"
)
@pytest.mark.parametrize(("given", "threads"), [({}, 1), ({"OPENBLAS_NUM_THREADS": "2"}, 2)])
def test_a_command_starts_no_thread_of_openblas_unless_it_is_told_to(tmp_path, given, threads):
    code = (
        "import os\nfrom hustings.__main__ import main\nmain(['runs', 'list', '--json'])\nimport numpy\n"
        "print(len(os.listdir('/proc/self/task')))"
    )
    env = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"} | given
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, env=env
    )
    assert int(done.stdout.splitlines()[-1]) == threads


def test_the_package_alone_imports_nothing_of_its_own_and_nothing_heavy():
    code = "import sys\nbefore = set(sys.modules)\nimport hustings\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["hustings"]


def test_hours_catalogue_and_prices_are_read_without_the_calendar_library(tmp_path):
    args = ["events", "explain", "JP-2026-02-08-GE", "--json"]
    imported(args, tmp_path)
    assert "exchange_calendars" not in imported(args, tmp_path)
