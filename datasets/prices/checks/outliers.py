"""Rules on moves that are too large: slips of the decimal point, spikes that come back, jumps, wicks."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from datasets.prices.checks.case import FINE, Case, Flags, Flaw, Floats, Numbers, Verdict, flaws_of_rows, number
from datasets.prices.findings import Severity

FACTOR = 3.0
"""A close so many times another, or an open, high or low so many times its own close, is a slip or a change of unit."""
_HALF_WINDOW = 60
_NORMAL = 1.4826  # standard deviation over median absolute deviation (Hampel 1974)
_LEAST_SCALE = 0.002
_JUMP, _SPIKE, _WICK = 8.0, 5.5, 8.0
_BACK = 0.3
_HOLE_DAYS = 45


def factor(case: Case) -> Verdict:
    """Find prices that are more than three times, or less than a third of, their neighbours.

    A move across a hole of more than 45 days is none that a trade could see, and is left to the rule ``gap``.
    """
    move, table = _moves(case), case.table
    big = np.abs(move) > np.log(FACTOR)
    flaws = [_factor_flaw(case, move, row) for row in np.flatnonzero(big).tolist()]
    for name in ("open", "high", "low"):
        away = np.abs(_log(getattr(table, name) / table.close)) > np.log(FACTOR)
        flaws += flaws_of_rows(
            Severity.REFUSAL,
            away,
            lambda r, n=name: (
                f"{table.session[r]} {n} {number(float(getattr(table, n)[r]))} is "  # type: ignore[misc]
                f"{getattr(table, n)[r] / table.close[r]:.3g} times the close {number(float(table.close[r]))}"
            ),
        )
    return Verdict(tuple(flaws)) if flaws else FINE


def _factor_flaw(case: Case, move: Floats, row: int) -> Flaw:
    close, session = case.table.close, case.table.session
    times = float(np.exp(move[row]))
    back = row + 1 < len(move) and abs(move[row] + move[row + 1]) < _BACK * abs(move[row])
    what = "and the next row is back: a slip of one row" if back else "a change of unit, or another series"
    text = f"{session[row]} close {number(float(close[row]))} is {times:.4g} times the last one; {what}"
    return Flaw(Severity.REFUSAL, row, text)


def outlier(case: Case) -> Verdict:
    """Name moves far beyond those around them: spikes, which the next row takes back, and jumps, which stay."""
    move = _moves(case)
    scale = _scale(move)
    z, after = np.abs(move) / scale, np.append(move[1:], 0.0)
    back = (np.abs(move + after) < _BACK * np.abs(move)) & (np.abs(after) / scale > _SPIKE)
    spike = (z > _SPIKE) & back
    returned = np.append(False, spike[:-1])
    jump = (z > _JUMP) & ~spike & ~returned
    close, session = case.table.close, case.table.session

    def tell(row: int) -> str:
        to, by = number(float(close[row])), f"{np.expm1(move[row]):+.2%}"
        sort = "and the next row takes it back: a spike" if spike[row] else "a jump"
        return f"{session[row]} close {to} moves {by}, {z[row]:.0f} times what is usual then; {sort}"

    return Verdict(flaws_of_rows(Severity.WARNING, jump | spike, tell))


def wick(case: Case) -> Verdict:
    """Name opens, highs and lows far beyond the close before and the close of their bar."""
    table, scale = case.table, _scale(_moves(case))
    before = np.append(table.close[:1], table.close[:-1])
    top, bottom = np.fmax(table.close, before), np.fmin(table.close, before)
    flaws: list[Flaw] = []
    for name in ("open", "high", "low"):
        value = getattr(table, name)
        beyond = np.fmax(_log(value / top), _log(bottom / value))
        far: Flags = (beyond / scale > _WICK) & (beyond <= np.log(FACTOR))
        flaws += flaws_of_rows(
            Severity.WARNING,
            far,
            lambda r, v=value, n=name, b=beyond: (
                f"{table.session[r]} {n} {number(float(v[r]))} lies "  # type: ignore[misc]
                f"{np.expm1(b[r]):.2%} beyond the closes beside it"
            ),
        )
    return Verdict(tuple(flaws)) if flaws else FINE


def _moves(case: Case) -> Floats:
    """Return the log move of each close from the one before; 0 for the first and across a hole."""
    move = np.zeros(len(case))
    step: Numbers = np.diff(case.table.session).astype(np.int64)
    move[1:] = np.where(step <= _HOLE_DAYS, _log(case.table.close[1:] / case.table.close[:-1]), 0.0)
    return move


def _log(ratio: Floats) -> Floats:
    """Return the logarithm, 0 for a missing value."""
    return np.log(np.where(np.isfinite(ratio) & (ratio > 0), ratio, 1.0))


def _scale(move: Floats) -> Floats:
    """Return the local scale of moves: 1.4826 times their median absolute size within 60 rows on both sides."""
    padded = np.pad(np.abs(move), _HALF_WINDOW, mode="wrap" if len(move) <= _HALF_WINDOW else "reflect")
    middle: Floats = np.median(sliding_window_view(padded, 2 * _HALF_WINDOW + 1), axis=1)
    return np.maximum(_NORMAL * middle, _LEAST_SCALE)
