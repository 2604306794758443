"""A series of 25,000 bars with its instants: from the store, and parsed from its CSV and stamped afresh.

In both, the exchange's hours are read from their cache as in a fresh process.
"""

import csv
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from benchmarks.page import Page, took
from benchmarks.timing import interleaved
from datasets.markets.instruments import bundled_instruments
from datasets.markets.sessions import hours_table
from datasets.prices.bars import Source
from datasets.prices.series_file import PRICES, Delivery
from datasets.prices.sources.files import DirectorySource, read_table
from datasets.prices.sources.stored import StoreSource
from datasets.prices.store import Store
from datasets.prices.table import bars_of

BARS = 25_000
_DELIVERY = Delivery("SPX.csv", "benchmark", "2026-01-01T00:00:00Z", "none", rows=BARS, first="", last="")


def main(page: Page) -> None:
    """Print the three times and their ratios."""
    page.title(f"The store: {BARS:,} daily bars with their instants")
    instrument = bundled_instruments().find("SPX")
    with tempfile.TemporaryDirectory() as name, _home(Path(name)):
        folder = Path(name)
        _write_csv(folder / "SPX.csv")
        store = Store(folder / "bars")
        store.put("SPX", replace(read_table(folder / "SPX.csv"), name="SPX.csv"), _DELIVERY, adjustment="price")

        def parsed() -> float:
            hours_table.cache_clear()
            read = read_table(folder / "SPX.csv")
            return float(bars_of(read, instrument, Source("file", "SPX.csv")).close_at.sum())

        def judged() -> float:
            hours_table.cache_clear()
            return float(DirectorySource(folder).load(instrument).close_at.sum())

        def stored() -> float:
            hours_table.cache_clear()
            return float(StoreSource(store).load(instrument).close_at.sum())

        peers = {"CSV, parsed and stamped": parsed, "CSV, parsed, judged and stamped": judged, "store": stored}
        took_each = interleaved(peers, agree=0)
    fastest = took_each["store"]
    rows = [[name, took(seconds), f"{seconds / fastest:,.1f}"] for name, seconds in took_each.items()]
    page.table(["", "time", "store is faster by"], rows)


def _write_csv(path: Path) -> None:
    draw = np.random.default_rng(1)
    sessions = np.busday_offset(np.datetime64("1930-01-02"), np.arange(BARS), roll="forward")
    close = 1000 * np.exp(np.cumsum(0.01 * draw.standard_normal(BARS)))
    open_ = close * np.exp(0.003 * draw.standard_normal(BARS))
    volume = draw.integers(10**8, 10**9, BARS)
    columns = (open_, np.maximum(open_, close), np.minimum(open_, close), close, volume)
    with path.open("w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["date", *PRICES])
        writer.writerows([d, *(f"{v:.6f}" for v in row)] for d, *row in zip(sessions, *columns, strict=True))


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    """Keep the benchmark's caches apart from the user's."""
    before = os.environ.get("HUSTINGS_HOME")
    os.environ["HUSTINGS_HOME"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("HUSTINGS_HOME")
        if before is not None:
            os.environ["HUSTINGS_HOME"] = before
