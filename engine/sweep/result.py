"""All that a sweep came to, ready to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.run.run import Run
from engine.sweep.check import DeflatedSharpeReport, ReplayCheck
from engine.sweep.digest import Digest
from engine.sweep.space import Space
from engine.sweep.walk import Fold


@dataclass(frozen=True)
class WalkRow:
    """One fold: the combination that was best in training, its results there and in the test; None: there was none."""

    fold: Fold
    row: int | None
    inside: Mapping[str, float | None]
    outside: Mapping[str, float | None]
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Walk:
    """The folds of a walk-forward, and the one account that trades all tests (None: it never traded)."""

    train: str
    test: str
    rows: tuple[WalkRow, ...]
    stitched: Run | None


@dataclass(frozen=True)
class Top:
    """One of the best combinations: replayed, and what its Sharpe ratio per trade is worth."""

    checked: ReplayCheck
    worth: DeflatedSharpeReport


@dataclass(frozen=True, eq=False)
class SweepResult:
    """A sweep: what it stands on, what it came to, its best replayed; ``earlier`` trials of the rule came before."""

    sweep_id: str
    manifest: Mapping[str, Any]
    space: Space
    digest: Digest
    top: tuple[Top, ...]
    earlier: int
    walk: Walk | None = None

    @property
    def trials(self) -> int:
        """How many trials of the rule there are: the combinations that were reckoned, and those before them."""
        return self.digest.n - self.digest.failed + self.earlier

    @property
    def agrees(self) -> bool:
        """Whether all that were replayed agree."""
        return all(t.checked.agrees for t in self.top)

    def varied(self, row: int) -> dict[str, Any]:
        """Return the parameters that vary and their values of one combination, ready for JSON."""
        given = self.space.parameters(row)
        return {name: plain(given[name]) for name in self.space.axes}


def plain(value: Any) -> Any:
    """Return a parameter's value ready for JSON."""
    return [plain(v) for v in value] if isinstance(value, tuple) else getattr(value, "value", value)
