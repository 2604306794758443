"""Small price tables for tests, written out by hand."""

from typing import Any

import numpy as np
from msgspec.structs import replace

from datasets.prices.series_file import Delivery
from datasets.prices.table import PriceTable

DELIVERY = Delivery("T.csv", "by hand", "2026-03-01T00:00:00Z", "public domain", rows=0, first="", last="")


def table(rows: dict[str, Any], **more: Any) -> PriceTable:
    """Return a table of ``{date: close}`` or ``{date: (open, high, low, close)}``, in the order given."""
    four = [(np.nan, np.nan, np.nan, v) if isinstance(v, int | float) else v for v in rows.values()]
    columns = np.array(four, dtype=np.float64).reshape(len(four), 4).T.copy()
    return PriceTable(
        name="T.csv",
        layout="by hand",
        session=np.array(list(rows), dtype="datetime64[D]"),
        open=columns[0],
        high=columns[1],
        low=columns[2],
        close=columns[3],
        volume=np.full(len(four), np.nan),
        adjusted_close=np.full(len(four), np.nan),
        line=np.arange(2, len(four) + 2),
        **more,
    )


def closes(found: PriceTable) -> dict[str, float]:
    """Return ``{date: close}`` of a table."""
    return {str(d): float(c) for d, c in zip(found.session, found.close, strict=True)}


def walk(n: int, *, seed: int = 1, first: str = "2001-01-01") -> PriceTable:
    """Return ``n`` weekdays of a random walk with opens, highs, lows and volumes; some opens are missing."""
    draw = np.random.default_rng(seed)
    session = np.busday_offset(first, np.arange(n), roll="forward").astype("datetime64[D]")
    close = 1000 * np.exp(np.cumsum(draw.normal(0, 0.01, n)))
    open_ = np.concatenate(([1000.0], close[:-1])) * np.exp(draw.normal(0, 0.002, n))
    high, low = np.maximum(open_, close) * 1.002, np.minimum(open_, close) * 0.998
    open_[draw.random(n) < 0.05] = np.nan
    found = table({str(d): 1.0 for d in session})
    return replace(found, open=open_, high=high, low=low, close=close, volume=draw.random(n) * 1e9)
