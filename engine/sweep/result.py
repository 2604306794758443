"""The result of a sweep: its digest, its best combinations replayed, its walk-forward."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.run.run import Run
from engine.strategy.placeholders import Space
from engine.sweep.best import ReplayedCombination
from engine.sweep.digest import Digest
from engine.sweep.walk_forward import Fold


@dataclass(frozen=True, eq=False)
class SweepResult:
    """A sweep: its inputs, its digest and its best replayed; ``earlier`` trials of the rule precede it in the ledger.

    ``folds`` are those of its walk-forward, with the combination chosen in each; ``stitched`` is the one account that
    trades all tests (None: it never traded). ``ledger`` says what a young ledger holds, and is blank for an older one.
    """

    manifest: Mapping[str, Any]
    space: Space
    digest: Digest
    best: tuple[ReplayedCombination, ...]
    earlier: int
    folds: tuple[Fold, ...] = ()
    stitched: Run | None = None
    ledger: str = ""

    @property
    def trials(self) -> int:
        """The number of trials of the rule: the combinations that were computed, and those before them."""
        return self.digest.n - self.digest.failed + self.earlier

    @property
    def agrees(self) -> bool:
        """Whether all replays agree with the sweep."""
        return all(b.agrees for b in self.best)
