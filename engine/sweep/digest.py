"""What a sweep comes to: its best combinations, the spread of all, and how the number hangs on each parameter.

The results pass by once, in the order of the combinations, so that a million of them need no more room than a thousand.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.errors import UserError, unknown_name
from datasets.prices.bars import Floats
from engine.account.bar_matrix import Numbers64
from engine.metrics.table import METRICS
from engine.sweep.space import Space
from engine.sweep.sweep import FAILED, REPLAY, TRADE_SHARPE, Chunk

RANKING = (*(m.name for m in METRICS if m.better), TRADE_SHARPE)
"""The numbers by which one combination is better than another."""
GROUPS_AT_MOST = 60
"""A parameter of more values is shown by groups of values that follow one another."""
FAILURES_SHOWN = 20
REASONS_AT_MOST = 1_000


@dataclass(frozen=True)
class Best:
    """One of the best combinations: its number in the sweep, and its results by name (None: n/a)."""

    row: int
    results: Mapping[str, float | None]


@dataclass(frozen=True)
class SampleMoments:
    """How many numbers there are, their mean and standard deviation (n - 1; None below two)."""

    n: int
    mean: float | None
    sd: float | None


@dataclass(frozen=True, eq=False)
class Slice:
    """Of each group of a parameter's values: how many combinations have the number, its mean and best (NaN: n/a)."""

    name: str
    groups: tuple[tuple[Any, Any], ...]
    count: Numbers64
    mean: Floats
    best: Floats


@dataclass(frozen=True, eq=False)
class HeatMap:
    """The same of two parameters: arrays of groups of ``down`` x groups of ``across``."""

    across: Slice
    down: Slice
    count: Numbers64
    mean: Floats
    best: Floats


@dataclass(frozen=True, eq=False)
class Digest:
    """What a sweep comes to by one number.

    ``known`` combinations have the number, and ``above`` of them lie above zero; ``failed`` and ``replayed`` count;
    ``reasons`` tell why combinations failed, and how often; ``failures`` are the first of them. ``sharpes`` are the
    moments of the Sharpe ratios per trade, and ``spread`` those of the number.
    """

    metric: str
    n: int
    known: int
    above: int
    failed: int
    replayed: int
    reasons: tuple[tuple[str, int], ...]
    failures: tuple[tuple[int, str], ...]
    best: tuple[Best, ...]
    sharpes: SampleMoments
    spread: SampleMoments
    slices: tuple[Slice, ...]
    heat: HeatMap | None


def checked_metric(name: str) -> str:
    """Return the name of a number by which combinations can be ranked.

    Raises:
        UserError: there is none of that name.
    """
    plain = name.strip().lower().replace("-", "_")
    if plain not in RANKING:
        raise unknown_name("metric", name, RANKING, hint=f"a sweep is ranked by {', '.join(RANKING)}")
    return plain


def heat_axes(space: Space, asked: Sequence[str] = ()) -> tuple[str, str] | None:
    """Return the two parameters of the heat map: those asked for, or those of most values; None where fewer vary.

    Raises:
        UserError: not two of the parameters that vary.
    """
    varied = [name for name, values in space.axes.items() if len(values) > 1]
    for name in asked:
        if name not in varied:
            raise unknown_name("parameter that varies", name, varied, hint=f"varied are {', '.join(varied) or 'none'}")
    if asked:
        if len(set(asked)) != 2:
            raise UserError(f"--heat names {', '.join(asked)}; it takes two parameters, such as --heat hold,delay")
        return asked[0], asked[1]
    most = sorted(varied, key=lambda name: -len(space.axes[name]))[:2]
    return (most[0], most[1]) if len(most) == 2 else None


def digest(
    space: Space, parts: Iterable[Chunk], *, metric: str, top: int, heat: tuple[str, str] | None = None
) -> Digest:
    """Return what results come to.

    Args:
        space: the combinations.
        parts: their results, each once, in order.
        metric: the number by which they are ranked; the first of equals is the better.
        top: how many of the best are named.
        heat: the parameters of the heat map.
    """
    tally = _Tally(space, metric, top, heat)
    for part in parts:
        tally.add(part)
    return tally.digest()


def groups_of(values: Sequence[Any]) -> tuple[tuple[tuple[Any, Any], ...], NDArray[np.intp]]:
    """Return the first and last value of each group, and of each value the number of its group.

    >>> groups_of([1, 2, 3])[0]
    ((1, 1), (2, 2), (3, 3))
    """
    size = -(-len(values) // GROUPS_AT_MOST)
    number = np.arange(len(values)) // size
    ends = [(values[k], values[min(k + size, len(values)) - 1]) for k in range(0, len(values), size)]
    return tuple(ends), number


class _Cells:
    """Counts, sums and bests of the number in the cells of a table."""

    def __init__(self, n: int, sign: int) -> None:
        self.count, self.sum, self._sign = np.zeros(n, dtype=np.int64), np.zeros(n), sign
        self._best = np.full(n, -np.inf)

    def add(self, cell: NDArray[np.intp], values: Floats) -> None:
        n = len(self.count)
        self.count += np.bincount(cell, minlength=n)
        self.sum += np.bincount(cell, weights=values, minlength=n)
        np.maximum.at(self._best, cell, self._sign * values)

    @property
    def mean(self) -> Floats:
        found: Floats = np.divide(self.sum, self.count, out=np.full(len(self.sum), np.nan), where=self.count > 0)
        return found

    @property
    def best(self) -> Floats:
        return np.where(self.count > 0, self._sign * self._best, np.nan)


class _Spread:
    """Mean and variance of numbers that come in stretches (Chan, Golub and LeVeque 1983)."""

    def __init__(self) -> None:
        self.n, self._mean, self._square = 0, 0.0, 0.0

    def add(self, values: Floats) -> None:
        if not len(values):
            return
        mean, n = float(values.mean()), len(values)
        away = mean - self._mean
        self._square += float(((values - mean) ** 2).sum()) + away**2 * self.n * n / (self.n + n)
        self._mean += away * n / (self.n + n)
        self.n += n

    @property
    def moments(self) -> SampleMoments:
        sd = float(np.sqrt(self._square / (self.n - 1))) if self.n > 1 else None
        return SampleMoments(self.n, self._mean if self.n else None, sd)


class _Tally:
    """Takes in stretch after stretch."""

    def __init__(self, space: Space, metric: str, top: int, heat: tuple[str, str] | None) -> None:
        self._space, self._metric, self._top, self._heat = space, metric, top, heat
        self._sign = -1 if any(m.name == metric and m.better < 0 for m in METRICS) else 1
        self._groups = {name: groups_of(values) for name, values in space.axes.items() if len(values) > 1}
        self._cells = {name: _Cells(len(ends), self._sign) for name, (ends, _) in self._groups.items()}
        self._map = None if heat is None else _Cells(self._width(heat[0]) * self._width(heat[1]), self._sign)
        self._n = self._failed = self._replayed = self._above = 0
        self._reasons: Counter[str] = Counter()
        self._failures: list[tuple[int, str]] = []
        self._best: list[tuple[float, int, dict[str, float | None]]] = []
        self._sharpes, self._spread = _Spread(), _Spread()

    def _width(self, name: str) -> int:
        return len(self._groups[name][0])

    def add(self, part: Chunk) -> None:
        """Take in the results of some combinations."""
        values = part.columns[self._metric]
        known = np.flatnonzero(np.isfinite(values))
        self._n += len(part)
        self._failed += int((part.how == FAILED).sum())
        self._replayed += int((part.how == REPLAY).sum())
        self._above += int((values[known] > 0).sum())
        self._reasons.update(self._told(why) for why in part.failed.values())
        self._failures += [*part.failed.items()][: FAILURES_SHOWN - len(self._failures)]
        sharpes = part.columns[TRADE_SHARPE]
        self._sharpes.add(sharpes[np.isfinite(sharpes)])
        self._spread.add(values[known])
        self._rank(part, known, values[known])
        self._by_parameter(part, known, values[known])

    def _told(self, why: str) -> str:
        return why if why in self._reasons or len(self._reasons) < REASONS_AT_MOST else "other reasons"

    def _rank(self, part: Chunk, known: Numbers64, values: Floats) -> None:
        by = np.lexsort((known, -self._sign * values))[: self._top]
        found = [(-self._sign * values[i], part.first + int(known[i]), _results(part, int(known[i]))) for i in by]
        self._best = sorted([*self._best, *found], key=lambda b: b[:2])[: self._top]

    def _by_parameter(self, part: Chunk, known: Numbers64, values: Floats) -> None:
        which = self._space.which(part.first, part.last)
        group = {name: number[which[name][known]] for name, (_, number) in self._groups.items()}
        for name, cells in self._cells.items():
            cells.add(group[name], values)
        if self._map is not None and self._heat is not None:
            across, down = self._heat
            self._map.add(group[down] * self._width(across) + group[across], values)

    def digest(self) -> Digest:
        """Return what all of them come to."""
        return Digest(
            metric=self._metric,
            n=self._n,
            known=self._spread.n,
            above=self._above,
            failed=self._failed,
            replayed=self._replayed,
            reasons=tuple(sorted(self._reasons.items(), key=lambda r: (-r[1], r[0]))),
            failures=tuple(self._failures),
            best=tuple(Best(row, results) for _, row, results in self._best),
            sharpes=self._sharpes.moments,
            spread=self._spread.moments,
            slices=tuple(self._slice(name) for name in self._groups),
            heat=self._heat_map(),
        )

    def _slice(self, name: str) -> Slice:
        cells = self._cells[name]
        return Slice(name, self._groups[name][0], cells.count, cells.mean, cells.best)

    def _heat_map(self) -> HeatMap | None:
        if self._map is None or self._heat is None:
            return None
        across, down = self._heat
        shape = (self._width(down), self._width(across))
        found = [a.reshape(shape) for a in (self._map.mean, self._map.best)]
        return HeatMap(self._slice(across), self._slice(down), self._map.count.reshape(shape), *found)


def _results(part: Chunk, place: int) -> dict[str, float | None]:
    return {name: float(v) if np.isfinite(v := column[place]) else None for name, column in part.columns.items()}
