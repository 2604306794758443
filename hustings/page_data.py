"""The data of a run inside its event sheet, and back: a mailed page can be compared and read like a folder.

The daily series are rounded so that twenty years stay small: equity to 1e-7 of the starting
cash, exposure to 1e-4, the benchmark to 1e-6. A comparison rounds every run alike, so that pages and folders give the
same bytes.
"""

import hashlib
import json
import lzma
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from datasets.arrays import Floats
from datasets.errors import UserError
from engine.metrics.metrics import compute_metrics, growth
from engine.run.run import Run
from hustings.registry import folder_of
from hustings.run_folder import read_run, record_texts, series_csv

VERSION = 1
_LEVEL, _EXPOSURE = 1e7, 1e4
_BENCHMARK = 1e6
_UNSEALED = "0" * 64
_TAG = '<script type="application/octet-stream" id="run-data" data-version="{}" data-sha256="{}">{}</script>'
_FOUND = re.compile(_TAG.format(r"(\d+)", "([0-9a-f]{64})", "([A-Za-z0-9+/=]*)"))


def page_named(name: str) -> Path | None:
    """Return the page that a name means; None where it is no file of that kind."""
    path = Path(name)
    return path if path.suffix.casefold() in (".html", ".htm") and path.is_file() else None


def runs_named(names: Sequence[str]) -> list[Run]:
    """Return runs as their pages carry them, each from its page, its folder, its id or the beginning of one.

    Raises:
        UserError: there is none of a name, or it is damaged or changed. All names are looked up before a run is read.
    """
    places = [page_named(name) or folder_of(name) for name in names]
    return [read_page(p) if p.is_file() else rounded(read_run(p)) for p in places]


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
    data = {
        "manifest": {"run_id": run.run_id, **run.manifest},
        "files": record_texts(replace(run, fills=())),
        "days": {name: np.diff(v.astype(np.int64), prepend=0).tolist() for name, v in days.items()},
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return _TAG.format(VERSION, _UNSEALED, b64encode(lzma.compress(text.encode())).decode())


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
    files = {"manifest.json": json.dumps(data["manifest"]), **data["files"]}
    exposure = days["exposure"] / _EXPOSURE
    files["equity.csv"] = series_csv(sessions, equity=equity, returns=_returns(level, _LEVEL), exposure=exposure)
    if "benchmark" in days:
        files["benchmark.csv"] = series_csv(sessions, returns=_returns(days["benchmark"].astype(float), _BENCHMARK))
    with TemporaryDirectory(prefix="hustings-page-") as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8", newline="")
        return read_run(Path(folder))
