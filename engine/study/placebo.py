"""The returns of the same trades on placebo calendars, and the test of the real dates among them.

Overlapping events are grouped over all windows together, and every list of placebo dates serves all windows, so that
the largest statistic of a list over the windows is comparable with the largest real one (Westfall and Young 1993).
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.arrays import Flags, Floats
from engine.statistics.significance import Significance, max_t, t_by_row, untested
from engine.study.calendars import Calendars, calendars
from engine.study.dependence import against_placebo, shared_sessions
from engine.study.returns import Rows, moved
from engine.study.sample import Sample
from engine.study.settings import Scheme

PLACEBO_T = "placebo on the t-statistic"
PLACEBO_MEAN = "placebo on the mean"


def looked_up(by_row: Sequence[Floats], rows: Rows) -> Floats:
    """Return numbers on placebo dates, lists x observations as ``rows`` are, from those of each one at every row."""
    if by_row and all(each is by_row[0] for each in by_row):
        return np.asarray(by_row[0][rows])
    found = np.zeros(rows.shape)
    for n, each in enumerate(by_row):
        found[:, n] = each[rows[:, n]]
    return found


class Placebos(Struct, frozen=True, eq=False, dict=True):
    """The returns of a sample's trades on each list of a calendar, lists x observations.

    ``t_factor`` is the factor of their t-statistic for the sessions that observations share, ``distance_factor`` that
    of its distance from the statistics of drawn lists (engine/study/dependence.py); 1 for independent observations.
    """

    sample: Sample
    calendars: Calendars
    net: Floats
    abnormal: Floats
    standardized: Floats
    sd: Floats
    distance_factor: float = 1.0
    t_factor: float = 1.0

    @cached_property
    def t(self) -> Floats:
        """The BMP statistic of each list; NaN where it has none."""
        return t_by_row(self.standardized)

    @cached_property
    def known_t(self) -> Floats:
        """The statistics of the lists that have one."""
        return self.t[np.isfinite(self.t)]

    @property
    def shrunk_t(self) -> float:
        """The sample's t-statistic, its distance from the median of the lists shortened for shared sessions."""
        middle = float(np.median(self.known_t)) if len(self.known_t) else 0.0
        return middle + self.distance_factor * (self.sample.t - middle)


def draw_placebos(
    samples: Sequence[Sample],
    scheme: Scheme,
    *,
    draws: int,
    seed: int,
    eligible: Flags | None = None,
    since: np.datetime64 | None = None,
) -> tuple[Placebos, ...] | str:
    """Return the placebos of each sample on the same placebo dates, or why there are none.

    Args:
        samples: the usable observations of the first are placed on other dates.
        scheme: how dates are chosen.
        draws: the number of lists, where they are drawn.
        seed: of the draws.
        eligible: the first rows to open after a decision that would have traded, where that depends on prices; None
            for all.
        since: the first session that can be a placebo date; None for the first bar.
    """
    first = samples[0]
    fits = _fits(samples, eligible)
    if since is not None:
        fits = [f & (first.reference.session >= since) for f in fits]
    made = calendars(first, scheme, draws=draws, seed=seed, fits=fits)
    return made if isinstance(made, str) else tuple(_on_dates_of(first, s, made) for s in samples)


def _fits(samples: Sequence[Sample], eligible: Flags | None) -> list[Flags]:
    """Return for each usable observation the rows at which it has a standardized return in every sample it is in."""
    everywhere = np.ones(len(samples[0].reference), dtype=bool)
    by_group = [{o.group: o for o in s.usable} for s in samples]
    rows = []
    for each in samples[0].usable:
        fits = everywhere.copy() if eligible is None else moved(eligible, -each.delay, beyond=False).copy()
        for other in (groups[each.group] for groups in by_group if each.group in groups):
            fits &= moved(np.isfinite(other.by_row.standardized), other.row - each.row, beyond=False)
        rows.append(fits)
    return rows


def _on_dates_of(first: Sample, sample: Sample, made: Calendars) -> Placebos:
    """Return the placebos of the observations that the first sample has too, on its dates."""
    column = {o.group: n for n, o in enumerate(first.usable)}
    usable = tuple(o for o in sample.usable if o.group in column)
    own = [column[o.group] for o in usable]
    moves = np.array([o.row - first.usable[c].row for o, c in zip(usable, own, strict=True)], dtype=np.int32)
    same = own == list(range(made.rows.shape[1])) and not moves.any()
    rows = made.rows if same else made.rows[:, own] + moves
    return placebos(replace(sample, usable=usable), replace(made, rows=rows))


def placebos(sample: Sample, made: Calendars) -> Placebos:
    """Return what the observations' trades return on each list of placebo dates."""
    net, abnormal, standardized, sd = (
        looked_up([getattr(o.by_row, name) for o in sample.usable], made.rows)
        for name in ("net", "abnormal", "standardized", "sd")
    )
    distance_factor = 1.0 if made.exact else against_placebo(sample, made.rows)
    return Placebos(sample, made, net, abnormal, standardized, sd, distance_factor, shared_sessions(sample))


def placebo_tests(drawn: Placebos) -> tuple[Significance, Significance]:
    """Return the placebo test on the BMP statistic, and for comparison the one on the mean.

    Significant on the mean and not on the statistic means that the days were volatile, not that the returns were good:
    with the variance of event days doubled the test on the mean rejects three times too often (Chung and Romano 2013).
    """
    sample = drawn.sample
    n = len(sample.usable)
    reason = "" if np.isfinite(sample.t) else "the observations are equal: their spread is zero"
    if n < 2:
        reason = f"{n} observation{'s' if n != 1 else ''}: a studentized statistic needs at least 2"
    if reason:
        return untested(PLACEBO_T, n, reason), untested(PLACEBO_MEAN, n, reason)
    exact, mean = drawn.calendars.exact, float(sample.abnormal.mean())
    by_t = randomization_p_value(PLACEBO_T, drawn.shrunk_t, drawn.t, n=n, exact=exact)
    factor = drawn.distance_factor
    shortened = "" if factor > 0.995 else f", t times {factor:.2f} for shared sessions"
    by_t = replace(by_t, statistic=sample.t, reference=f"{by_t.reference}{shortened}")
    return by_t, randomization_p_value(PLACEBO_MEAN, mean, drawn.abnormal.mean(axis=1), n=n, exact=exact)


def adjusted_p_values(drawn: Sequence[Placebos]) -> list[float | None]:
    """Return the placebo p-value of each sample adjusted for their number (max-T).

    None where there is one sample, or no test. Never below the own p-value: the largest |t| is two-sided by size, and
    the own p-value doubles the smaller tail.
    """
    alone = [placebo_tests(p)[0].p for p in drawn]
    tested = [p for p, own in zip(drawn, alone, strict=True) if own is not None]
    if len(drawn) < 2 or not tested:
        return [None] * len(drawn)
    lists = np.stack([p.t for p in tested], axis=1)
    whole = lists[np.isfinite(lists).all(axis=1)]
    largest = max_t(np.array([p.shrunk_t for p in tested]), whole, identity_included=drawn[0].calendars.exact)
    adjusted = iter(largest.tolist())
    return [None if own is None else max(own, next(adjusted)) for own in alone]


def randomization_p_value(name: str, observed: float, lists: Floats, *, n: int, exact: bool) -> Significance:
    """Return the test of an observed statistic among those of placebo lists, two-sided by doubling the smaller tail.

    Drawn lists: p = 2 (b + 1) / (m + 1) (Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9(1)); all lists, the
    real dates included: p = 2 b / m. The tail is doubled because a t-statistic of two observations has no mean from
    which to measure a distance.
    """
    lists = lists[np.isfinite(lists)]
    m, slack = len(lists), 1e-12 * abs(observed)
    if m == 0:
        return untested(name, n, "no placebo list has a spread")
    fewer = min(int((lists >= observed - slack).sum()), int((lists <= observed + slack).sum()))
    p = min(1.0, 2 * fewer / m if exact else 2 * (fewer + 1) / (m + 1))
    error = 0.0 if exact else 2 * float(np.sqrt(p / 2 * (1 - p / 2) / m))
    return Significance(name, n, observed, p, f"all {m:,} lists" if exact else f"{m:,} drawn lists", error=error)


def percentile(value: float, by_row: Floats) -> float:
    """Return the share of the dates at which the same trades return no more, as a fraction."""
    known = by_row[np.isfinite(by_row)]
    return float(np.mean(known <= value))
