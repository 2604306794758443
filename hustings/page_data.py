"""The data of a run inside its event sheet, and back: a mailed page can be compared and read like a folder.

The daily series are rounded so that twenty years with a benchmark take 40 KiB: equity to 1e-7 of the starting cash,
exposure to 1e-4, the benchmark to 1e-6. A trade with the path around its event adds up to 0.5 KiB. A comparison rounds
every run alike, so that pages and folders give the same bytes.
"""

import hashlib
import json
import lzma
import re
from base64 import b64decode, b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from msgspec.structs import replace

from datasets.arrays import Floats
from datasets.errors import UserError
from engine.metrics.metrics import compute_metrics, growth
from engine.run.run import Run
from hustings.registry import folder_of
from hustings.run_folder import read_run, record_texts, series_csv

VERSION = 1
_LEVEL, _EXPOSURE = 1e7, 1e4
_BENCHMARK = 1e6
_FAST = 1
"""A third of the time of the usual preset, for a fifteenth more bytes."""
_UNSEALED = "0" * 64
_TAG = '<script type="application/octet-stream" id="run-data" data-version="{}" data-sha256="{}">{}</script>'
_FOUND = re.compile(_TAG.format(r"(\d+)", "([0-9a-f]{64})", "([A-Za-z0-9+/=]*)"))


def place_of(name: str) -> Path:
    """Return the page that a name means, or else the folder of a run.

    Raises:
        UserError: there is none.
    """
    page = Path(name)
    return page if page.suffix.casefold() in (".html", ".htm") and page.is_file() else folder_of(name)


def run_at(place: Path) -> Run:
    """Return a run as its page carries it, from the page or its folder.

    Raises:
        UserError: it is damaged or changed.
    """
    return read_page(place) if place.is_file() else rounded(read_run(place))


def rounded(run: Run) -> Run:
    """Return a run with the daily series that its page carries, and their metrics."""
    level, bench = _levels(run)
    returns, exposure = _returns(level, _LEVEL), np.round(run.exposure * _EXPOSURE) / _EXPOSURE
    found = compute_metrics(run.sessions, returns, run.trades, cash_rate=run.manifest["terms"]["cash_rate"])
    series: dict[str, Any] = {"equity": run.start_equity * level / _LEVEL, "returns": returns, "exposure": exposure}
    market = None if bench is None else _returns(bench, _BENCHMARK)
    return replace(
        run, **series, benchmark_returns=market, metrics=found.values, notes=found.notes, fills=(), cash=None
    )


def _levels(run: Run) -> tuple[Floats, Floats | None]:
    """Return equity and benchmark as whole numbers: what 1 became, in their units."""
    held = run.benchmark_returns
    bench = None if held is None else np.round(growth(held) * _BENCHMARK)
    return np.round(run.equity / run.start_equity * _LEVEL), bench


def _returns(level: Floats, unit: float) -> Floats:
    before = np.concatenate(([unit], level[:-1]))
    ratio: Floats = np.divide(level, before, out=np.ones_like(level), where=before != 0)
    return ratio - 1


def data_tag(run: Run) -> str:
    """Return the element that holds the data of a run; `sealed` completes it with the checksum of its page."""
    level, bench = _levels(run)
    days: dict[str, Any] = {"session": run.sessions, "equity": level, "exposure": np.round(run.exposure * _EXPOSURE)}
    if bench is not None:
        days["benchmark"] = bench
    files = {name: text for name, text in record_texts(run).items() if name != "fills.csv"}
    data = {
        "manifest": {"run_id": run.run_id, **run.manifest},
        "files": files,
        "days": {name: np.diff(v.astype(np.int64), prepend=0).tolist() for name, v in days.items()},
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return _TAG.format(VERSION, _UNSEALED, b64encode(lzma.compress(text.encode(), preset=_FAST)).decode())


def sealed(page: str) -> str:
    """Return a page with the checksum of all of it in its data's element."""
    return page.replace(_UNSEALED, hashlib.sha256(page.encode()).hexdigest(), 1)


def read_page(path: Path) -> Run:
    """Return the run whose data an event sheet carries.

    Raises:
        UserError: it carries none, is of another version, or was changed after it was written.
    """
    page = path.read_bytes().decode("utf-8", errors="replace")
    found = _FOUND.search(page)
    again = "compare its folder, or write it again with 'hustings report RUN'"
    if found is None:
        raise UserError(f"'{path}' carries no data of a run: no event sheet, or one of an older version; {again}")
    version, digest, text = found.groups()
    if int(version) != VERSION:
        raise UserError(f"'{path}' carries data of version {version}, not {VERSION}; {again}")
    if hashlib.sha256(page.replace(digest, _UNSEALED, 1).encode()).hexdigest() != digest:
        raise UserError(f"'{path}' was changed after it was written: its checksum differs; {again}")
    return _unpacked(json.loads(lzma.decompress(b64decode(text))))


def _unpacked(data: dict[str, Any]) -> Run:
    """Return the run of a page's data, read as from a folder."""
    days = {name: np.cumsum(steps) for name, steps in data["days"].items()}
    sessions, level = days["session"].astype("datetime64[D]"), days["equity"].astype(float)
    equity = data["manifest"]["terms"]["cash"] * level / _LEVEL
    files = {"manifest.json": json.dumps(data["manifest"]), "fills.csv": "\n", **data["files"]}
    exposure = days["exposure"] / _EXPOSURE
    files["equity.csv"] = series_csv(sessions, equity=equity, returns=_returns(level, _LEVEL), exposure=exposure)
    if "benchmark" in days:
        files["benchmark.csv"] = series_csv(sessions, returns=_returns(days["benchmark"].astype(float), _BENCHMARK))
    with TemporaryDirectory(prefix="hustings-page-") as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8", newline="")
        return read_run(Path(folder))
