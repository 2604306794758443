"""What a study must know of the trials that stand beside its run: how many, how good, and which can be run again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.run.run import Run
from engine.statistics.observations import TradeStatistics


@dataclass(frozen=True)
class Ground:
    """What a trial stood on: the SHA-256 of its code, of its events, and of the bars it traded, by symbol."""

    code: str
    events: str
    bars: Mapping[str, str]

    def bears(self, other: "Ground") -> bool:
        """Return whether a trial on other ground can be run again on this one: same code and events, no other bars."""
        same = (self.code, self.events) == (other.code, other.events)
        return same and other.bars.items() <= self.bars.items()


def ground_of(run: Run) -> Ground:
    """Return what a run stood on. A benchmark that was not traded is no part of it: it moves no trade."""
    hashes = run.manifest["sha256"]
    bars = {symbol: hashes["bars"][symbol] for symbol in run.manifest["costs"]}
    return Ground(hashes["code"], hashes["events"], bars)


@dataclass(frozen=True)
class SweepTrials:
    """The trials of a sweep: how many, and of those with a Sharpe ratio per trade its mean and standard deviation."""

    n: int
    known: int
    mean: float | None
    sd: float | None

    @property
    def sharpes(self) -> tuple[float | None, ...]:
        """As many Sharpe ratios as trials, with their mean and standard deviation; None where it is not known.

        Nothing else is asked of the Sharpe ratios of trials.
        """
        if self.mean is None or self.sd is None or self.known < 2:
            return (None,) * self.n
        pairs = self.known // 2
        away = self.sd * ((self.known - 1) / (2 * pairs)) ** 0.5
        told = (self.mean - away, self.mean + away) * pairs + (self.mean,) * (self.known % 2)
        return (*told, *(None,) * (self.n - self.known))


@dataclass(frozen=True)
class Trial:
    """One trial of the ledger: the ``k``-th of all; or a sweep, of whose trials the ``k``-th is the last.

    ``at`` is when it was first run (ISO UTC), ``times`` how often it was run. ``ground`` is None, and ``terms`` and
    ``window`` are empty, where they are not known. ``prereg`` is the SHA-256 of the preregistration it ran under, or
    blank.
    """

    k: int
    run_id: str
    at: str
    strategy: str
    parameters: Mapping[str, Any]
    ground: Ground | None
    terms: Mapping[str, Any]
    window: Mapping[str, str]
    statistics: TradeStatistics
    prereg: str = ""
    times: int = 1
    sweep: SweepTrials | None = None

    @property
    def n(self) -> int:
        """How many trials it stands for."""
        return 1 if self.sweep is None else self.sweep.n


@dataclass(frozen=True)
class TrialPosition:
    """Where a run stands among all that was tried: trial ``k`` of ``n``; ``k_of_rule`` of ``n_of_rule`` of its rule.

    ``head`` seals the ledger as it stood; ``of_rule`` are the distinct trials of the rule, this run among them, in the
    order in which they were first run. ``ground`` is what this run stood on. ``broken`` names the first row of the
    ledger that does not fit, and is blank where all do.
    """

    k: int
    n: int
    head: str
    ground: Ground
    of_rule: tuple[Trial, ...]
    broken: str = ""

    @property
    def k_of_rule(self) -> int:
        """Which trial of its rule this run was, counted from 1."""
        return sum(t.n for t in self.of_rule if t.k <= self.k)

    @property
    def n_of_rule(self) -> int:
        """How many distinct trials of this rule the ledger holds."""
        return sum(t.n for t in self.of_rule)

    @property
    def sharpes(self) -> tuple[float | None, ...]:
        """The Sharpe ratio per observation of each trial of the rule; None where it has none or it is not known."""
        found = ((t.statistics.sharpe,) if t.sweep is None else t.sweep.sharpes for t in self.of_rule)
        return tuple(s for each in found for s in each)

    @property
    def rebuildable(self) -> tuple[Trial, ...]:
        """The runs of the rule on the same code and events, and on bars that this run has too; of sweeps none."""
        runs = (t for t in self.of_rule if t.sweep is None)
        return tuple(t for t in runs if t.ground is not None and self.ground.bears(t.ground))

    @property
    def parameters(self) -> tuple[Mapping[str, Any], ...]:
        """The parameters of each trial that can be rebuilt; twice the same where only terms or window differ."""
        return tuple(t.parameters for t in self.rebuildable)

    @property
    def not_rebuildable(self) -> int:
        """How many trials of the rule cannot be rebuilt from what this run has."""
        return self.n_of_rule - len(self.rebuildable)

    @property
    def text(self) -> str:
        """The position in words: ``trial 3 of 7 (2 of 4 of this rule)``, and whether the ledger is damaged."""
        place = f"trial {self.k} of {self.n} ({self.k_of_rule} of {self.n_of_rule} of this rule)"
        return f"{place}; the ledger is damaged" if self.broken else place
