"""The digest of a sweep: its best combinations, the moments of all, and the number by each parameter.

The results are read once, in the order of the combinations, so that a million of them need no more memory than a
thousand.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datasets.arrays import Floats
from datasets.errors import UserError, unknown_name
from engine.metrics.table import METRICS
from engine.strategy.placeholders import Space
from engine.sweep.chunk import FAILED, TRADE_SHARPE, Chunk

RANKING = tuple(m.name for m in METRICS if m.better)
"""The numbers by which one combination is better than another."""
_LESS_IS_BETTER = frozenset(m.name for m in METRICS if m.better < 0)
MAX_GROUPS = 60
"""A parameter with more values is shown by groups of consecutive values."""
FAILURES_SHOWN = 20
MAX_REASONS = 1_000


class SampleMoments(Struct, frozen=True):
    """How many numbers there are, their mean and standard deviation (n - 1; None below two)."""

    n: int = 0
    mean: float | None = None
    sd: float | None = None

    def joined(self, values: Floats) -> "SampleMoments":
        """Return the moments of these numbers and others together (Chan, Golub and LeVeque 1983)."""
        if not len(values):
            return self
        mean, own, n, total = float(values.mean()), self.mean or 0.0, len(values), self.n + len(values)
        squares = float(((values - mean) ** 2).sum()) + (mean - own) ** 2 * self.n * n / total
        squares += (self.sd or 0.0) ** 2 * max(self.n - 1, 0)
        sd = float(np.sqrt(squares / (total - 1))) if total > 1 else None
        return SampleMoments(total, own + (mean - own) * n / total, sd)


class Slice(Struct, frozen=True, eq=False):
    """The number over groups of the values of one parameter, or of two.

    ``groups`` are the first and last value of each group, by parameter. ``count`` combinations have the number,
    ``mean`` and ``best`` are of those (NaN: n/a): arrays with one axis per parameter, in the order of ``names``.
    """

    names: tuple[str, ...]
    groups: tuple[tuple[tuple[Any, Any], ...], ...]
    count: NDArray[np.int64]
    mean: Floats
    best: Floats


class Digest(Struct, frozen=True, eq=False):
    """A sweep summarised by one number.

    ``known`` combinations have the number, and ``above`` of them exceed zero; ``failed`` is a count;
    ``reasons`` say why combinations failed, and how often; ``failures`` are the first of them. ``best`` are the results
    of the best combinations by their number in the sweep, best first. ``sharpes`` are the moments of the Sharpe ratios
    per trade, ``moments`` those of the number. ``heat`` is the slice of two parameters, down and across.
    """

    metric: str
    n: int
    known: int
    above: int
    failed: int
    reasons: tuple[tuple[str, int], ...]
    failures: tuple[tuple[int, str], ...]
    best: Mapping[int, Mapping[str, float | None]]
    sharpes: SampleMoments
    moments: SampleMoments
    slices: tuple[Slice, ...]
    heat: Slice | None


def checked_metric(name: str) -> str:
    """Return the name of a number by which combinations can be ranked.

    Raises:
        UserError: no number has that name.
    """
    plain = name.strip().lower().replace("-", "_")
    if plain not in RANKING:
        raise unknown_name("metric", name, RANKING, hint=f"a sweep is ranked by {', '.join(RANKING)}")
    return plain


def heat_axes(space: Space, names: Sequence[str] = ()) -> tuple[str, str] | None:
    """Return the two parameters across and down the heat map: those named, or those of most values; None below two.

    Raises:
        UserError: the names are not two of the parameters that vary.
    """
    varied = [name for name, values in space.axes.items() if len(values) > 1]
    for name in names:
        if name not in varied:
            raise unknown_name("parameter that varies", name, varied, hint=f"varied are {', '.join(varied) or 'none'}")
    if names and len(set(names)) != 2:
        raise UserError(f"--heat names {', '.join(names)}; it takes two parameters, such as --heat hold,delay")
    chosen = names or sorted(varied, key=lambda name: -len(space.axes[name]))[:2]
    return (chosen[0], chosen[1]) if len(chosen) == 2 else None


def digest(
    space: Space, chunks: Iterable[Chunk], *, metric: str, top: int, heat: tuple[str, str] | None = None
) -> Digest:
    """Return the digest of results.

    Args:
        space: the combinations.
        chunks: their results, each once, in order.
        metric: the number by which they are ranked; the first of equals is the better.
        top: how many of the best are named.
        heat: the parameters across and down the heat map.
    """
    tally = _Tally(space, metric, top, heat)
    for chunk in chunks:
        tally.add(chunk)
    return tally.digest()


def groups_of(values: Sequence[Any]) -> tuple[tuple[tuple[Any, Any], ...], NDArray[np.intp]]:
    """Return the first and last value of each group, and of each value the number of its group.

    >>> groups_of([1, 2, 3])[0]
    ((1, 1), (2, 2), (3, 3))
    """
    size = -(-len(values) // MAX_GROUPS)
    number = np.arange(len(values)) // size
    ends = [(values[k], values[min(k + size, len(values)) - 1]) for k in range(0, len(values), size)]
    return tuple(ends), number


class _Cells:
    """Counts, sums and bests of the number in the cells of a table."""

    def __init__(self, shape: tuple[int, ...], sign: int) -> None:
        self._shape, self._sign = shape, sign
        n = int(np.prod(shape))
        self._count, self._sum, self._best = np.zeros(n, dtype=np.int64), np.zeros(n), np.full(n, -np.inf)

    def add(self, groups: Sequence[NDArray[np.intp]], values: Floats) -> None:
        cell, n = np.ravel_multi_index(tuple(groups), self._shape), len(self._count)
        self._count += np.bincount(cell, minlength=n)
        self._sum += np.bincount(cell, weights=values, minlength=n)
        np.maximum.at(self._best, cell, self._sign * values)

    def slice(self, names: tuple[str, ...], groups: tuple[tuple[tuple[Any, Any], ...], ...]) -> Slice:
        known = self._count > 0
        mean = np.divide(self._sum, self._count, out=np.full(len(known), np.nan), where=known)
        best = np.where(known, self._sign * self._best, np.nan)
        shape = self._shape
        return Slice(names, groups, self._count.reshape(shape), mean.reshape(shape), best.reshape(shape))


class _Tally:
    """Adds up chunk after chunk."""

    def __init__(self, space: Space, metric: str, top: int, heat: tuple[str, str] | None) -> None:
        self._space, self._metric, self._top = space, metric, top
        self._sign = -1 if metric in _LESS_IS_BETTER else 1
        self._groups = {name: groups_of(values) for name, values in space.axes.items() if len(values) > 1}
        self._heat = None if heat is None else (heat[1], heat[0])
        tables = [*((name,) for name in self._groups), *([] if self._heat is None else [self._heat])]
        self._slices: dict[tuple[str, ...], _Cells] = {
            names: _Cells(tuple(len(self._groups[name][0]) for name in names), self._sign) for names in tables
        }
        self._n = self._failed = self._above = 0
        self._reasons: Counter[str] = Counter()
        self._failures: list[tuple[int, str]] = []
        self._best: list[tuple[float, int, dict[str, float | None]]] = []
        self._sharpes = self._moments = SampleMoments()

    def add(self, chunk: Chunk) -> None:
        """Add the results of some combinations."""
        column, sharpes = chunk.columns[self._metric], chunk.columns[TRADE_SHARPE]
        known = np.flatnonzero(np.isfinite(column))
        values = column[known]
        self._n += len(chunk)
        self._failed += int((chunk.how == FAILED).sum())
        self._above += int((values > 0).sum())
        for why in chunk.failed.values():
            counted = why in self._reasons or len(self._reasons) < MAX_REASONS
            self._reasons[why if counted else "other reasons"] += 1
        self._failures += [*chunk.failed.items()][: FAILURES_SHOWN - len(self._failures)]
        self._sharpes = self._sharpes.joined(sharpes[np.isfinite(sharpes)])
        self._moments = self._moments.joined(values)
        self._rank(chunk, known, values)
        self._add_to_slices(chunk, known, values)

    def _rank(self, chunk: Chunk, known: NDArray[np.intp], values: Floats) -> None:
        keys = -self._sign * values
        by = np.lexsort((known, keys))[: self._top]
        best = [(keys[i], row, chunk.results(row)) for i in by for row in [chunk.first + int(known[i])]]
        self._best = sorted([*self._best, *best], key=lambda b: b[:2])[: self._top]

    def _add_to_slices(self, chunk: Chunk, known: NDArray[np.intp], values: Floats) -> None:
        which = self._space.which(chunk.first, chunk.last)
        group = {name: number[which[name][known]] for name, (_, number) in self._groups.items()}
        for names, cells in self._slices.items():
            cells.add([group[name] for name in names], values)

    def digest(self) -> Digest:
        """Return the digest of all that was added."""
        slices = {
            names: cells.slice(names, tuple(self._groups[name][0] for name in names))
            for names, cells in self._slices.items()
        }
        return Digest(
            metric=self._metric,
            n=self._n,
            known=self._moments.n,
            above=self._above,
            failed=self._failed,
            reasons=tuple(sorted(self._reasons.items(), key=lambda r: (-r[1], r[0]))),
            failures=tuple(self._failures),
            best={row: results for _, row, results in self._best},
            sharpes=self._sharpes,
            moments=self._moments,
            slices=tuple(s for names, s in slices.items() if len(names) == 1),
            heat=None if self._heat is None else slices[self._heat],
        )
