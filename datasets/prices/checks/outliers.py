"""Rules on moves that are too large: slips of the decimal point, spikes that come back, jumps, wicks."""

from functools import partial

import numpy as np

from datasets.arrays import Floats
from datasets.prices.checks.case import Case, Flaw, Verdict, log_ratio, number, previous, refusals, warnings
from datasets.prices.findings import Severity

FACTOR = 3.0
"""A close so many times another, or an open, high or low so many times its own close, is a slip or a change of unit."""
POINTS = 3.0
"""A yield so many percentage points from the last one is a slip too; above 10 % it is 0.3 of the last one."""
_JUMP, _SPIKE, _WICK = 8.0, 5.5, 8.0
_BACK = 0.3
_RANGE = ("open", "high", "low")


def factor(case: Case) -> Verdict:
    """Find prices that are more than three times, or less than a third of, their neighbours; yields 3 points from them.

    A move across a gap of more than 45 days is none that a trade could see, and is left to the rule ``gap``.
    """
    move, close = case.moves, case.table.close
    far = np.abs(move) > np.log(FACTOR)
    if case.is_yield:
        before = previous(close)
        far = (move != 0) & (np.abs(close - before) > np.fmax(POINTS, before * POINTS / 10))
    flaws = tuple(_factor_flaw(case, move, row) for row in np.flatnonzero(far).tolist())
    for name in _RANGE:
        times = getattr(case.table, name) / close
        flaws += refusals(np.abs(log_ratio(times)) > np.log(FACTOR), partial(_times_the_close, case, name))
    return Verdict(flaws)


def _times_the_close(case: Case, name: str, row: int) -> str:
    price, close = getattr(case.table, name)[row], case.table.close[row]
    return f"{case.session[row]} {name} {number(price)} is {price / close:.3g} times the close {number(close)}"


def _factor_flaw(case: Case, move: Floats, row: int) -> Flaw:
    back = row + 1 < len(move) and abs(move[row] + move[row + 1]) < _BACK * abs(move[row])
    what = "and the next row is back: a slip of one row" if back else "a change of unit, or another series"
    times = f"{float(np.exp(move[row])):.4g} times the last one"
    far = f"{_points(case, row)} from the last one" if case.is_yield else times
    return Flaw(Severity.REFUSAL, row, f"{case.session[row]} close {number(case.table.close[row])} is {far}; {what}")


def _points(case: Case, row: int) -> str:
    """Return how far a yield is from the one before it."""
    return f"{case.table.close[row] - case.table.close[row - 1]:+.4g} points"


def outlier(case: Case) -> Verdict:
    """Name moves far beyond those around them: spikes, which the next row takes back, and jumps, which stay."""
    move, scale = case.moves, case.usual_move
    z, after = np.abs(move) / scale, np.append(move[1:], 0.0)
    back = (np.abs(move + after) < _BACK * np.abs(move)) & (np.abs(after) / scale > _SPIKE)
    spike = (z > _SPIKE) & back
    returned = np.append(False, spike[:-1])
    jump = (z > _JUMP) & ~spike & ~returned

    def text(row: int) -> str:
        to, by = number(case.table.close[row]), _points(case, row) if case.is_yield else f"{np.expm1(move[row]):+.2%}"
        sort = "and the next row takes it back: a spike" if spike[row] else "a jump"
        return f"{case.session[row]} close {to} moves {by}, {z[row]:.0f} times what is usual then; {sort}"

    return Verdict(warnings(jump | spike, text))


def wick(case: Case) -> Verdict:
    """Name opens, highs and lows far beyond the close before and the close of their bar."""
    close, scale = case.table.close, case.usual_move
    before = np.append(close[:1], previous(close)[1:])
    before = before / np.exp(case.split_moves(np.log(close / before)))
    top, bottom = np.fmax(close, before), np.fmin(close, before)
    flaws: tuple[Flaw, ...] = ()
    for name in _RANGE:
        price = getattr(case.table, name)
        beyond = np.fmax(log_ratio(price / top), log_ratio(bottom / price))
        flaws += warnings((beyond / scale > _WICK) & (beyond <= np.log(FACTOR)), partial(_beyond, case, name, beyond))
    return Verdict(flaws)


def _beyond(case: Case, name: str, beyond: Floats, row: int) -> str:
    price = number(getattr(case.table, name)[row])
    return f"{case.session[row]} {name} {price} lies {np.expm1(beyond[row]):.2%} beyond the closes around it"
