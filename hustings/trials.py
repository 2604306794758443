"""The trials of the ledger, and the place of a run among them."""

from collections.abc import Mapping
from math import prod
from random import Random
from typing import Any

import numpy as np
from msgspec import Struct

from engine.run.run import Run
from engine.statistics.observations import TradeStatistics
from hustings.terminal import counted


class Ground(Struct, frozen=True):
    """The inputs of a trial: the SHA-256 of its code, of its events, and of the bars it traded, by symbol."""

    code: str
    events: str
    bars: Mapping[str, str]

    def covers(self, other: "Ground") -> bool:
        """Return whether a trial of other inputs can be rebuilt from these: same code and events, no other bars."""
        same = (self.code, self.events) == (other.code, other.events)
        return same and other.bars.items() <= self.bars.items()


def ground_of(run: Run) -> Ground:
    """Return the inputs of a run. A benchmark that was not traded is not among them: it changes no trade."""
    hashes = run.manifest["sha256"]
    bars = {symbol: hashes["bars"][symbol] for symbol in run.manifest["costs"]}
    return Ground(hashes["code"], hashes["events"], bars)


class SweepTrials(Struct, frozen=True):
    """The trials of a sweep: how many, and of those with a Sharpe ratio per trade its mean and standard deviation."""

    n: int
    known: int
    mean: float | None
    sd: float | None

    @property
    def sharpes(self) -> tuple[float | None, ...]:
        """As many Sharpe ratios as trials, with their mean and standard deviation; None where it is not known.

        A study uses only the mean and the standard deviation of the Sharpe ratios of trials.
        """
        if self.mean is None or self.sd is None or self.known < 2:
            return (None,) * self.n
        pairs = self.known // 2
        away = self.sd * ((self.known - 1) / (2 * pairs)) ** 0.5
        known = (self.mean - away, self.mean + away) * pairs + (self.mean,) * (self.known % 2)
        return (*known, *(None,) * (self.n - self.known))


class Trial(Struct, frozen=True):
    """One trial of the ledger: the ``k``-th of all; or a sweep, of whose trials the ``k``-th is the last.

    ``at`` is when it was first run (ISO UTC), ``times`` how often it was run. ``ground`` is None, and ``terms`` and
    ``window`` are empty, where they are unknown. ``prereg`` is the SHA-256 of the preregistration it ran under, or
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
        """The number of trials it counts as."""
        return 1 if self.sweep is None else self.sweep.n

    def holds(self, parameters: Mapping[str, Any]) -> bool:
        """Return whether it tried these parameters: as its own, or in one of a sweep's combinations."""
        if self.sweep is None:
            return dict(self.parameters) == dict(parameters)
        fixed, axes = self.parameters.get("fixed", {}), self.parameters.get("axes", {})
        listed = self.parameters.get("listed")
        rest, varied = ({n: parameters.get(n) for n in names} for names in (fixed, axes))
        return rest == fixed and (varied in listed if listed else all(varied[n] in axes[n] for n in axes))

    def combinations(self, most: int) -> list[dict[str, Any]]:
        """Return the parameters of a sweep's combinations; of more than ``most`` so many, drawn with a fixed seed."""
        fixed, axes = self.parameters.get("fixed", {}), self.parameters.get("axes", {})
        listed, sizes = self.parameters.get("listed"), [len(values) for values in axes.values()]
        n = len(listed) if listed else prod(sizes)
        rows = sorted(Random(0).sample(range(n), min(n, most)))
        if listed:
            return [{**fixed, **listed[row]} for row in rows]
        which = [np.unravel_index(row, sizes) for row in rows]
        return [{**fixed, **{name: axes[name][k] for name, k in zip(axes, each, strict=True)}} for each in which]


def caution(ledger: str, n: int) -> str:
    """Return in a sentence what a young ledger holds, so that few trials do not look like all that there were."""
    held = f"holds {counted(n, 'trial')}; what was tried earlier or elsewhere is not counted."
    return f"The {ledger}, less than a day before this was first tried, {held}"


class TrialPosition(Struct, frozen=True):
    """The place of a run among all trials: trial ``k`` of ``n``; ``k_of_rule`` of ``n_of_rule`` of its rule.

    ``head`` is the last hash of the ledger; ``of_rule`` are the distinct trials of the rule, this run among them, in
    the order in which they were first run. ``ground`` are the inputs of this run. ``broken`` names the first row of the
    ledger that does not match its hash, and is blank where all match. ``ledger`` says which it is, and since when;
    ``caution`` what it holds, in a sentence, where it was begun less than a day before this run was first made.
    """

    k: int
    n: int
    head: str
    ground: Ground
    of_rule: tuple[Trial, ...]
    broken: str = ""
    ledger: str = ""
    caution: str = ""

    @property
    def k_of_rule(self) -> int:
        """The number of this run among the trials of its rule, from 1."""
        return sum(t.n for t in self.of_rule if t.k <= self.k)

    @property
    def n_of_rule(self) -> int:
        """The number of distinct trials of this rule in the ledger."""
        return sum(t.n for t in self.of_rule)

    @property
    def sharpes(self) -> tuple[float | None, ...]:
        """The Sharpe ratio per observation of each trial of the rule; None where it has none or it is not known."""
        each = ((t.statistics.sharpe,) if t.sweep is None else t.sweep.sharpes for t in self.of_rule)
        return tuple(s for sharpes in each for s in sharpes)

    @property
    def rebuildable(self) -> tuple[Trial, ...]:
        """The trials of the rule on the same code and events, and on bars that this run has too."""
        return tuple(t for t in self.of_rule if t.ground is not None and self.ground.covers(t.ground))

    @property
    def text(self) -> str:
        """The place as text: ``trial 3 of 7 (2 of 4 of this rule)``, and of which ledger; whether that is damaged."""
        place = f"trial {self.k} of {self.n} ({self.k_of_rule} of {self.n_of_rule} of this rule)"
        whole = [counted(t.n, "combination") for t in self.of_rule if t.k == self.k and t.sweep]
        swept = (f"tried before, in a sweep of {n}" for n in whole)
        holds = f"{self.ledger} holds {counted(self.n, 'trial')}" if self.ledger else ""
        return "; ".join(filter(None, [place, *swept, holds, "the ledger is damaged" if self.broken else ""]))

    @property
    def uncounted(self) -> str:
        """What a study does not know or count of other trials, in sentences; blank where there is nothing."""
        damaged = "The ledger is damaged, and what else was tried is not known." if self.broken else ""
        others = counted(self.n - self.n_of_rule, "trial") if self.n > self.n_of_rule else ""
        return " ".join(filter(None, (damaged, self.caution, others and f"Not counted: {others} of other rules.")))

    @property
    def json(self) -> dict[str, Any]:
        """The place as plain values, without the ledger's head: it changes with time."""
        return {name: getattr(self, name) for name in ("k", "n", "k_of_rule", "n_of_rule", "text")}

    @property
    def sealed_json(self) -> dict[str, Any]:
        """The place as the commands print it, with the head; ``broken`` is None if the ledger is complete."""
        return {**self.json, "head": self.head, "broken": self.broken or None}
