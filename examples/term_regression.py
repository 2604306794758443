"""The returns under one party against those under the others, term by term: a regression and a permutation test.

The months of a term are not independent: the party in power changes a few dozen times in a century. The standard errors
of the regression allow for that. The permutation of the terms assumes only that any term might have gone to any party.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Flags, Floats
from engine.statistics.significance import Significance, no_spread, untested, why_not

HAC, BY_TERM = "Newey-West t", "clustered by term t"
TERMS_T, TERMS_GAP = "terms permuted, t-statistic", "terms permuted, gap"
MIN_TERMS = 2
ENUMERATED_UP_TO = 12_000_000
"""Up to so many ways to assign terms to the party are enumerated (13 of 26 are 10,400,600); no history has more."""
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class TermReturns:
    """Returns by terms of office: ``returns`` (T,) in order of time, ``term`` (T,) the number of the term of each.

    ``in_power`` (K,) says whether the party held each term. Every term has a return.
    """

    returns: Floats
    term: NDArray[np.intp]
    in_power: Flags

    @cached_property
    def under(self) -> Flags:
        """Whether the party was in power, for each return."""
        held: Flags = self.in_power[self.term]
        return held

    def mean(self, *, in_power: bool) -> float | None:
        """Return the mean return with the party in power, or out of it; None where it never was."""
        chosen = self.returns[self.under == in_power]
        return float(chosen.mean()) if len(chosen) else None

    @property
    def gap(self) -> float | None:
        """The mean return under the party less that under the others."""
        within, without = self.mean(in_power=True), self.mean(in_power=False)
        return None if within is None or without is None else within - without

    def leaving(self, term: int) -> "TermReturns":
        """Return the others when one term is left out."""
        kept = self.term != term
        number = np.cumsum(np.arange(len(self.in_power)) != term) - 1
        return TermReturns(self.returns[kept], number[self.term[kept]], np.delete(self.in_power, term))


@dataclass(frozen=True)
class GapTest:
    """A test that the gap is 0, and the standard error of the gap; None where there is none."""

    test: Significance
    error: float | None


@dataclass(frozen=True)
class PartyRegression:
    """y = a + b D + e: ``gap`` is b, in the unit of the returns; None where one side was never in power."""

    n: int
    n_terms: int
    gap: float | None
    hac: GapTest
    by_term: GapTest


def party_regression(given: TermReturns, *, lags: int | None = None) -> PartyRegression:
    """Return the regression of returns on who is in power, by least squares, with two kinds of standard errors.

    ``hac`` allows for correlation over ``lags`` periods (Newey and West 1987), against the normal: with few changes of
    power it rejects too often. ``by_term`` allows for any correlation within a term (Liang and Zeger 1986), against
    t(K - 1).

    Args:
        given: the returns and their terms.
        lags: of Newey and West; where None, the whole part of 4 (T / 100)^(2/9), their rule of thumb (1994).
    """
    n, k = len(given.returns), len(given.in_power)
    lags = _usual_lags(n) if lags is None else lags
    reason = _why_not(given) or (f"{lags} lags of {n} returns" if not 0 <= lags < n else None)
    if reason:
        none = (GapTest(untested(name, of, reason), None) for name, of in ((HAC, n), (BY_TERM, k)))
        return PartyRegression(n, k, given.gap, *none)
    fitted = _least_squares(given)
    hac = fitted.get_robustcov_results("HAC", maxlags=lags, use_t=False)
    by_term = fitted.get_robustcov_results("cluster", groups=given.term, use_t=True)
    return PartyRegression(
        n,
        k,
        given.gap,
        hac=_tested(HAC, n, hac, f"normal, {lags} lags, {n:,} periods as if each counted"),
        by_term=_tested(BY_TERM, k, by_term, f"t({k - 1})"),
    )


def _usual_lags(n: int) -> int:
    return int(4 * (n / 100) ** (2 / 9))


def _least_squares(given: TermReturns) -> Any:
    from statsmodels.regression.linear_model import OLS

    return OLS(given.returns, np.column_stack((np.ones(len(given.returns)), given.under))).fit()


def _tested(name: str, n: int, robust: Any, reference: str) -> GapTest:
    t, p, error = (float(v[1]) for v in (robust.tvalues, robust.pvalues, robust.bse))
    return GapTest(Significance(name, n, t, p, reference), error)


def term_permutation(given: TermReturns) -> tuple[Significance, Significance]:
    """Return the tests of the gap among all ways to assign as many terms to the party; exact, two-sided.

    First by the t-statistic of the gap, then by the gap itself. The t-statistic has the error of terms as clusters, the
    sum over both sides of squared (sum of a term less its length times the side's mean), over squared lengths of sides;
    it keeps its size also where one side's terms are the wilder ones (Chung and Romano 2013). p is the share of the
    ways, the true one among them, whose statistic is as far from 0. ``n`` counts terms.
    """
    k, held = len(given.in_power), int(given.in_power.sum())
    ways = comb(k, held)
    reason = _why_not(given) or _too_many(ways)
    if reason:
        return untested(TERMS_T, k, reason), untested(TERMS_GAP, k, reason)
    sums = _term_sums(given)
    true = np.array(_gap_and_t(sums[given.in_power].sum(axis=0)[None], sums.sum(axis=0)))[:, 0]
    reached = np.zeros(2, dtype=np.int64)
    for block in _choices(sums, held):
        statistics = np.abs(_gap_and_t(block, sums.sum(axis=0)))
        reached += (statistics >= np.abs(true)[:, None] * (1 - _ROUNDING)).sum(axis=1)
    reference = f"all {ways:,} ways to give {held} of {k} terms to the party"
    (gap, t), (p_gap, p_t) = true.tolist(), (reached / ways).tolist()
    by_gap = Significance(TERMS_GAP, k, gap, p_gap, reference)
    if not np.isfinite(t):
        return untested(TERMS_T, k, "the terms of each side are equal: their spread is zero"), by_gap
    return Significance(TERMS_T, k, t, p_t, reference), by_gap


def _why_not(given: TermReturns) -> str | None:
    held, k = int(given.in_power.sum()), len(given.in_power)
    if min(held, k - held) < MIN_TERMS:
        return f"{held} of {k} terms were the party's; at least {MIN_TERMS} on each side are needed"
    return why_not(given.returns, least=2, test="a regression") or no_spread(given.returns)


def _too_many(ways: int) -> str | None:
    if ways <= ENUMERATED_UP_TO:
        return None
    return f"{ways:,} ways to give the terms to the party; up to {ENUMERATED_UP_TO:,} are enumerated"


def _term_sums(given: TermReturns) -> Floats:
    """Return for each term, shape (K, 6): 1, s, n, s2, s n, n2, with s its sum of returns less the mean, n its length.

    Of any set of terms the sums of these give the gap and its error.
    """
    k = len(given.in_power)
    s = np.bincount(given.term, weights=given.returns - given.returns.mean(), minlength=k)
    n = np.bincount(given.term, minlength=k).astype(float)
    return np.column_stack((np.ones(k), s, n, s * s, s * n, n * n))


def _gap_and_t(within: Floats, everything: Floats) -> tuple[Floats, Floats]:
    """Return the gap and its t-statistic for each row of sums over the party's terms; infinite without a spread."""
    (mean_in, error_in), (mean_out, error_out) = (_mean_and_error(s) for s in (within, everything - within))
    gap, spread = mean_in - mean_out, np.sqrt(error_in + error_out)
    without_spread = np.where(gap == 0, 0.0, np.copysign(np.inf, gap))
    return gap, np.divide(gap, spread, out=without_spread, where=spread > 0)


def _mean_and_error(sums: Floats) -> tuple[Floats, Floats]:
    s, n, ss, sn, nn = (sums[:, c] for c in range(1, 6))
    mean = s / n
    squares = ss - 2 * mean * sn + mean**2 * nn
    return mean, np.where(squares > _ROUNDING * ss, squares, 0.0) / n**2


def _choices(rows: Floats, k: int) -> Iterator[Floats]:
    """Yield the sums of every choice of ``k`` rows, in blocks.

    A choice is one of the first half of the rows and one of the second; the first column counts what is chosen.
    """
    half = len(rows) // 2
    low, high = _subset_sums(rows[:half]), _subset_sums(rows[half:])
    for j in range(k + 1):
        a, b = low[low[:, 0] == j], high[high[:, 0] == k - j]
        for part in np.array_split(a, max(1, len(a) * len(b) // 200_000)) if len(a) and len(b) else ():
            yield (part[:, None] + b[None]).reshape(-1, rows.shape[1])


def _subset_sums(rows: Floats) -> Floats:
    """Return the sums of all subsets of rows, the empty one first."""
    sums = np.zeros((1, rows.shape[1]))
    for row in rows:
        sums = np.concatenate((sums, sums + row))
    return sums
