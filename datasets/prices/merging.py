"""What new rows do to stored ones: which are added, and which stored values would change."""

from dataclasses import dataclass, replace
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.instants import iso_z, to_datetime
from datasets.prices.series_file import PRICES
from datasets.prices.table import PriceTable

SAME = 1e-6
"""Prices that differ by less, relative, are one price printed twice; the stored one stays."""


@dataclass(frozen=True)
class Change:
    """One stored value that a delivery would change; ``None`` is a row that is not there."""

    when: str
    column: str
    before: float | None
    after: float | None

    def text(self) -> str:
        """Return ``2026-02-09 close 3783.57 -> 3784.1``."""
        before, after = (
            "none" if v is None else "empty" if isnan(v) else f"{v:.10g}" for v in (self.before, self.after)
        )
        return f"{self.when} {self.column} {before} -> {after}"


@dataclass(frozen=True)
class Update:
    """What a delivery did to a series: rows added and kept, values changed."""

    added: int
    unchanged: int
    changes: tuple[Change, ...]


def merged(old: PriceTable, new: PriceTable) -> tuple[PriceTable, Update]:
    """Return old and new rows as one series, and what that changes; both ascend.

    Rows outside the span of the new ones stay.
    """
    old_keys, new_keys = old.keys, new.keys
    in_span = (old_keys >= new_keys[0]) & (old_keys <= new_keys[-1])
    _, at_old, at_new = np.intersect1d(old_keys, new_keys, assume_unique=True, return_indices=True)
    revised, changes = _revised(old, new, at_old, at_new)
    gone = np.setdiff1d(np.flatnonzero(in_span), at_old)
    came = np.setdiff1d(np.arange(len(new)), at_new)
    inside = came[(new_keys[came] > old_keys[0]) & (new_keys[came] < old_keys[-1])]
    changes += [Change(_when(old, r), "row", float(old.close[r]), None) for r in gone]
    changes += [Change(_when(new, r), "row", None, float(new.close[r])) for r in inside]
    kept = np.setdiff1d(np.arange(len(old)), gone)
    merged = _joined(revised.take(kept), new.take(came))
    changes.sort(key=lambda c: (c.when, c.column))
    return merged, Update(len(came), len(at_old), tuple(changes))


def _revised(
    old: PriceTable, new: PriceTable, at_old: NDArray[Any], at_new: NDArray[Any]
) -> tuple[PriceTable, list[Change]]:
    """Return the old table with the values that differ taken from the new one; a volume alone is taken unsaid."""
    arrays, changes = {}, []
    for name in PRICES:
        before, after = getattr(old, name), getattr(new, name)
        b, a = before[at_old], after[at_new]
        other = ~((np.isnan(b) & np.isnan(a)) | (np.abs(a - b) <= SAME * np.abs(b)))
        arrays[name] = before.copy()
        arrays[name][at_old[other]] = a[other]
        if name != "volume":
            rows = np.flatnonzero(other)
            changes += [Change(_when(old, at_old[r]), name, float(b[r]), float(a[r])) for r in rows]
    return replace(old, **arrays), changes


def _joined(a: PriceTable, b: PriceTable) -> PriceTable:
    names = ("session", *PRICES, "adjusted_close", "line", *(() if a.at is None else ("at",)))
    arrays: dict[str, Any] = {n: np.concatenate([getattr(a, n), getattr(b, n)]) for n in names}
    both = replace(a, **arrays)
    return both.take(np.argsort(both.keys, kind="stable"))


def _when(table: PriceTable, row: Any) -> str:
    return str(table.session[row]) if table.at is None else iso_z(to_datetime(int(table.at[row])))
