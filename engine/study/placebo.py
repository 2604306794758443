"""What the same trades do on placebo calendars, and how the real dates stand among them."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from datasets.prices.bars import Floats
from engine.statistics.significance import Significance, untested
from engine.study.calendars import Calendars
from engine.study.dependence import against_placebo, shared_sessions
from engine.study.sample import Sample
from engine.study.shapes import Rows

PLACEBO_T = "placebo on the t-statistic"
PLACEBO_MEAN = "placebo on the mean"


@dataclass(frozen=True, eq=False)
class Placebos:
    """What the lists of a calendar returned: lists x observations, and the t-statistic of each list (BMP's).

    ``within`` is what the sessions that observations share take from their t-statistic, ``apart`` what is taken from
    its distance to those of drawn lists (engine/study/dependence.py); 1 where all are independent.
    """

    calendars: Calendars
    net: Floats
    abnormal: Floats
    standardized: Floats
    sd: Floats
    apart: float = 1.0
    within: float = 1.0

    @cached_property
    def t(self) -> Floats:
        """BMP's statistic of each list, NaN where it has none."""
        return t_rows(self.standardized)


def placebos(sample: Sample, calendars: Calendars) -> Placebos:
    """Return what the observations' trades return on each list of placebo dates."""
    net, abnormal, standardized, sd = (
        _looked_up([getattr(o.anywhere, name) for o in sample.usable], calendars.rows)
        for name in ("net", "abnormal", "standardized", "sd")
    )
    apart = 1.0 if calendars.exact else against_placebo(sample, calendars.rows)
    return Placebos(calendars, net, abnormal, standardized, sd, apart, shared_sessions(sample))


def _looked_up(anywhere: list[Floats], rows: Rows) -> Floats:
    if all(each is anywhere[0] for each in anywhere):
        return anywhere[0][rows]
    return np.stack([each[rows[:, n]] for n, each in enumerate(anywhere)], axis=1)


def t_rows(values: Floats) -> Floats:
    """Return the t-statistic of each row: mean over standard deviation (n - 1) times root n; NaN without a spread."""
    n = values.shape[1]
    if n < 2:
        return np.full(len(values), np.nan)
    spread = values.std(axis=1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(spread > 0, values.mean(axis=1) / spread * np.sqrt(n), np.nan)
    return found


def placebo_tests(sample: Sample, drawn: Placebos) -> tuple[Significance, Significance]:
    """Return the placebo test on BMP's t-statistic, and as a foil the one on the mean.

    Significant on the mean and not on the statistic says that the days were volatile, not that they were good: with the
    variance of event days doubled the test on the mean rejects three times too often (Chung and Romano 2013).
    """
    n = len(sample.usable)
    if n < 2:
        few = f"{n} observation{'s' if n != 1 else ''}: a studentized statistic needs at least 2"
        return untested(PLACEBO_T, n, few), untested(PLACEBO_MEAN, n, few)
    observed = float(t_rows(sample.standardized[None, :])[0])
    if not np.isfinite(observed):
        same = "the observations are equal: their spread is zero"
        return untested(PLACEBO_T, n, same), untested(PLACEBO_MEAN, n, same)
    by_t = randomization_p_value(PLACEBO_T, shrink_to_null(observed, drawn), drawn.t, n=n, exact=drawn.calendars.exact)
    by_t = replace(by_t, statistic=observed, reference=f"{by_t.reference}{_told(drawn.apart)}")
    mean = float(sample.abnormal.mean())
    return by_t, randomization_p_value(
        PLACEBO_MEAN, mean, drawn.abnormal.mean(axis=1), n=n, exact=drawn.calendars.exact
    )


def shrink_to_null(observed: float, drawn: Placebos) -> float:
    """Return an observed t-statistic, its distance from the middle of the lists' shortened for the sessions shared."""
    lists = drawn.t[np.isfinite(drawn.t)]
    middle = float(np.median(lists)) if len(lists) else 0.0
    return middle + drawn.apart * (observed - middle)


def _told(factor: float) -> str:
    return "" if factor > 0.995 else f", t times {factor:.2f} for sessions in common"


def randomization_p_value(name: str, observed: float, lists: Floats, *, n: int, exact: bool) -> Significance:
    """Return how an observed statistic stands among those of placebo lists, two-sided by doubling the smaller tail.

    Drawn lists: p = 2 (b + 1) / (m + 1) (Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9(1)); all of them, the
    identity included: p = 2 b / m. Doubling rather than the distance from the lists' mean: a t-statistic of two
    observations has no mean.
    """
    lists = lists[np.isfinite(lists)]
    m, slack = len(lists), 1e-12 * abs(observed)
    if m == 0:
        return untested(name, n, "no placebo list has a spread")
    fewer = min(int((lists >= observed - slack).sum()), int((lists <= observed + slack).sum()))
    p = min(1.0, 2 * fewer / m if exact else 2 * (fewer + 1) / (m + 1))
    told = f"all {m:,} lists" if exact else f"{m:,} drawn lists"
    return Significance(name, n, observed, p, told, error=0.0 if exact else 2 * float(np.sqrt(p / 2 * (1 - p / 2) / m)))


def percentile(value: float, anywhere: Floats) -> float:
    """Return the share of the dates at which the same trades would have returned no more, as a fraction."""
    found = anywhere[np.isfinite(anywhere)]
    return float(np.mean(found <= value))
