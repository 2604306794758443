"""What becomes of p-values when many things were tried: rules, markets, horizons, parameters."""

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from datasets.prices.bars import Floats
from engine.statistics.event_tests import mid_ranks
from engine.statistics.significance import Significance, untested

MIN_SESSIONS = 60
MIN_CONFIGURATIONS = 10
MIN_BLOCKS = 6
MAX_BLOCKS = 16
_ROUNDING = 1e-12


def holm(p: Floats) -> Floats:
    """Return p-values adjusted so that the chance of any false rejection is held (Holm 1979), under any dependence."""
    return _adjusted(p, "holm")


def benjamini_hochberg(p: Floats) -> Floats:
    """Return p-values adjusted so that the share of false rejections is held (Benjamini and Hochberg 1995).

    Tests must be independent or positively dependent.
    """
    return _adjusted(p, "fdr_bh")


def benjamini_yekutieli(p: Floats) -> Floats:
    """Return p-values adjusted so that the share of false rejections is held under any dependence.

    Benjamini and Yekutieli 2001.
    """
    return _adjusted(p, "fdr_by")


def _adjusted(p: Floats, method: str) -> Floats:
    from statsmodels.stats.multitest import multipletests  # noqa: PLC0415 - a second to import

    if not len(p):
        return np.array([])
    adjusted: Floats = multipletests(p, method=method)[1]
    return adjusted


def sidak(p: float, n: int) -> float:
    """Return the p-value of the best of n independent tests, 1 - (1 - p)^n (Šidák 1967); it keeps small p exact.

    >>> round(sidak(0.05, 2), 6)
    0.0975
    """
    return float(-np.expm1(n * np.log1p(-p))) if p < 1 else 1.0


def max_t(observed: Floats, placebo: Floats, *, identity_included: bool = False) -> Floats:
    """Return the adjusted p-value of each of k statistics, single-step max-T (Westfall and Young 1993).

    The share of placebo lists whose largest |t| over all k reaches the observed |t|: (b + 1) / (m + 1), or b / m where
    the lists are all there are. It keeps the dependence of the k, which Holm throws away.

    Args:
        observed: (k,), studentised statistics of the events; NaN, one that cannot be had, gives 1.
        placebo: (m, k), the same of each placebo list; one with a NaN counts as reaching, which is the cautious side.
        identity_included: whether the lists are enumerated and the events' own is among them.
    """
    largest = np.sort(np.abs(placebo).max(axis=1))  # NaN goes last, with the large ones
    size = np.nan_to_num(np.abs(observed), nan=0.0, posinf=np.inf)
    b = len(placebo) - np.searchsorted(largest, size * (1 - _ROUNDING), side="left")
    adjusted: Floats = b / len(placebo) if identity_included else (b + 1) / (len(placebo) + 1)
    return adjusted


def superior_predictive_ability(
    excess: Floats, *, block: int, draws: int, seed: int, studentize: bool = True
) -> Significance:
    """Return the test that none of k rules beats the benchmark (White 2000; Hansen 2005, the consistent p-value).

    One-sided, for always-invested series: ``n`` counts sessions, not events. arch 8 does not studentise, whatever its
    ``studentize`` says, so that the most volatile rule decides; each column is divided by its own standard error first.
    Its p-value b / m is made (b + 1) / (m + 1). The statistic is the largest mean, in those standard errors.

    Args:
        excess: (T, k), returns over the benchmark's, a column a rule.
        block: mean length of a block of the stationary bootstrap, in sessions.
        draws: m.
        seed: of the bootstrap.
        studentize: whether to divide.
    """
    name, n = "superior predictive ability", len(excess)
    scaled = _scaled(excess, block=block, studentize=studentize)
    if isinstance(scaled, str):
        return untested(name, n, scaled)
    test = _arch("SPA", scaled, block=block, draws=draws, seed=seed)
    p = (float(test.pvalues["consistent"]) * draws + 1) / (draws + 1)
    statistic = float(scaled.mean(axis=0).max() * np.sqrt(n))
    reference = f"stationary bootstrap, {draws:,} draws, mean block {block} sessions"
    return Significance(name, n, statistic, p, reference, float(np.sqrt(p * (1 - p) / draws)))


def step_m(
    excess: Floats, *, level: float, block: int, draws: int, seed: int, studentize: bool = True
) -> tuple[int, ...] | str:
    """Return the columns of the rules that beat the benchmark, the chance of any false one held at ``level``.

    Romano and Wolf 2005, StepM; arguments and studentising as in `superior_predictive_ability`. Or why there is none.
    """
    scaled = _scaled(excess, block=block, studentize=studentize)
    if isinstance(scaled, str):
        return scaled
    test = _arch("StepM", scaled, block=block, draws=draws, seed=seed, size=level)
    return tuple(int(i) for i in test.superior_models)


def _arch(test: str, excess: Floats, *, block: int, draws: int, seed: int, **more: float) -> Any:
    """Return a test of arch, computed; it takes losses, so that a gain is a loss of the benchmark."""
    from arch import bootstrap  # noqa: PLC0415 - two seconds to import

    made = getattr(bootstrap, test)(
        np.zeros(len(excess)), -excess, block_size=block, reps=draws, seed=seed, studentize=False, **more
    )
    made.compute()
    return made


def _scaled(excess: Floats, *, block: int, studentize: bool) -> Floats | str:
    """Return the columns over the root of their long-run variance, or why there is no test."""
    if len(excess) < MIN_SESSIONS or not excess.shape[1]:
        found = f"{len(excess)} sessions of {excess.shape[1]} rules"
        return f"{found}; at least {MIN_SESSIONS} sessions and a rule are needed"
    variance = long_run_variance(excess, block=block)
    if not np.all(variance > _ROUNDING * np.abs(excess).max(axis=0) ** 2):
        return "a rule's returns over the benchmark's do not vary, or are not numbers"
    return excess / np.sqrt(variance) if studentize else excess


def long_run_variance(x: Floats, *, block: int) -> Floats:
    """Return T times the variance of each column's mean under the stationary bootstrap (Politis and Romano 1994).

    gamma_0 + 2 sum over i of ((1 - i/T) q^i + (i/T) q^(T - i)) gamma_i, q = 1 - 1 / block.
    """
    T, q, away = len(x), 1 - 1 / block, x - x.mean(axis=0)
    variance: Floats = (away**2).sum(axis=0) / T
    for i in range(1, T):
        weight = (1 - i / T) * q**i + i / T * q ** (T - i)
        variance = variance + 2 * weight * (away[:-i] * away[i:]).sum(axis=0) / T
    return variance


@dataclass(frozen=True)
class Overfitting:
    """The probability of backtest overfitting ``pbo``: how often the best of one half is below the median in the other.

    ``splits`` counts the ways in which ``blocks`` were halved. ``pbo`` is None where it cannot be had, with the reason.
    """

    pbo: float | None
    configurations: int
    blocks: int
    splits: int
    reason: str = ""


def backtest_overfitting(performance: Floats, *, blocks: int = MAX_BLOCKS) -> Overfitting:
    """Return the probability of backtest overfitting by combinatorially symmetric cross-validation.

    Bailey, Borwein, López de Prado and Zhu 2017. Rows are cut into an even number of blocks and these halved in every
    way; the configuration with the best Sharpe ratio in one half has rank w of N in the other; PBO is the share of
    splits with logit w / (N + 1) at most 0. Of one sample of noise it is anywhere about 1/2: coarse with few events.

    Args:
        performance: (T, N), returns of N configurations on the same sessions, or events.
        blocks: at most so many; fewer where there are fewer rows.
    """
    T, N = performance.shape
    S = min(blocks, T, MAX_BLOCKS) // 2 * 2
    if N < MIN_CONFIGURATIONS:
        return Overfitting(None, N, S, 0, f"{N} configurations; at least {MIN_CONFIGURATIONS} are needed")
    if S < MIN_BLOCKS:
        return Overfitting(None, N, S, 0, f"{T} observations in {S} blocks; at least {MIN_BLOCKS} blocks are needed")
    if not np.isfinite(performance).all():
        return Overfitting(None, N, S, 0, "returns that are not numbers")
    if not np.ptp(performance, axis=0).any():
        return Overfitting(None, N, S, 0, "no configuration's returns vary")
    inside = np.zeros((comb(S, S // 2), S))
    for row, chosen in zip(inside, combinations(range(S), S // 2), strict=True):
        row[list(chosen)] = 1.0
    logits = _logits(_sharpes(performance, inside), _sharpes(performance, 1 - inside))
    return Overfitting(float((logits <= _ROUNDING).mean()), N, S, len(inside))


def _sharpes(performance: Floats, chosen: Floats) -> Floats:
    """Return (splits, N): mean over standard deviation of the rows in the chosen blocks; 0 where nothing varies."""
    parts = np.array_split(performance, chosen.shape[1])
    count = chosen @ np.array([len(p) for p in parts], dtype=np.float64)
    mean = chosen @ np.array([p.sum(axis=0) for p in parts]) / count[:, None]
    square = chosen @ np.array([(p**2).sum(axis=0) for p in parts]) / count[:, None]
    variance = square - mean**2
    flat = variance <= _ROUNDING * square
    ratio: Floats = np.where(flat, 0.0, mean / np.sqrt(np.where(flat, 1.0, variance)))
    return ratio


def _logits(inside: Floats, outside: Floats) -> Floats:
    """Return for each split the logit of the rank, out of sample, of the configuration that was best in sample."""
    best = inside.argmax(axis=1)
    rank = np.array([mid_ranks(row)[i] for row, i in zip(outside, best, strict=True)])
    share = rank / (inside.shape[1] + 1)
    logits: Floats = np.log(share / (1 - share))
    return logits
