"""Rules on single values: cells that cannot be read, prices missing, zero or negative, values that are no prices."""

from collections.abc import Mapping

import numpy as np

from datasets.prices.checks.case import (
    CLOSED,
    FINE,
    PRICES,
    Case,
    Flags,
    Flaw,
    Verdict,
    blanked,
    first_lines,
    flaws_of_rows,
    flaws_of_runs,
    number,
    plural,
    with_prices,
    without,
)
from datasets.prices.findings import Severity
from datasets.prices.table import Unreadable

_SIDES = 0.7
_NEGATIVE = 0.05
_ENOUGH = 30


def reading(case: Case) -> Verdict:
    """Hand on what reading had to put right."""
    return Verdict(tuple(Flaw(Severity.NOTE, None, remark) for remark in case.table.remarks))


def unreadable(case: Case) -> Verdict:
    """Find cells that are neither a number nor a date."""
    cells = case.table.unreadable
    if not cells:
        return FINE
    at = {int(line): row for row, line in enumerate(case.table.line)}
    flaws = tuple(
        Flaw(Severity.REFUSAL, at.get(c.line), f"{_place(c, at)}{c.column} is '{c.text}', which cannot be read")
        for c in cells
    )
    return Verdict(flaws, case.table, f"{plural(len(cells), 'cell')} that cannot be read taken as empty")


def _place(cell: Unreadable, at: Mapping[int, int]) -> str:
    """Return the line of a cell whose row was left out; that of another is told by its row."""
    return "" if cell.line in at else f"line {cell.line}: "


def return_like(case: Case) -> Verdict:
    """Find a table of returns: values that change sign, or jump from one side of their median to the other.

    A price stays on one side of its median for long; independent returns change sides every other row.
    """
    close = case.table.close[np.isfinite(case.table.close)]
    if len(close) < _ENOUGH:
        return FINE
    above = close >= np.median(close)
    stays = float((above[1:] == above[:-1]).mean())
    negative = float((close < 0).mean())
    if negative <= _NEGATIVE and stays >= _SIDES:
        return FINE
    what = f"{negative:.0%} of the closes are negative" if negative > _NEGATIVE else "the closes do not hang together"
    text = f"{what}: these are returns or changes, not prices (the first close is {number(float(close[0]))})"
    return Verdict((Flaw(Severity.REFUSAL, 0, text, len(case)),), case.table.take(np.zeros(len(case), dtype=bool)))


def empty_row(case: Case) -> Verdict:
    """Leave out rows without any price."""
    empty = np.all([np.isnan(getattr(case.table, c)) for c in PRICES], axis=0)
    if not empty.any():
        return FINE
    session, closed = case.table.session, case.calendar() == CLOSED
    flaws = flaws_of_runs(
        Severity.WARNING, empty & ~closed, lambda r, n: f"{session[r]} has no price at all; {plural(n, 'row')} left out"
    ) + flaws_of_runs(
        Severity.NOTE, empty & closed, lambda r, n: f"{session[r]} has no price and was no session; left out"
    )
    told = f"{plural(int(empty.sum()), 'row')} without any price left out ({first_lines(case.table, empty)})"
    return Verdict(flaws, without(case.table, empty), told)


def not_positive(case: Case) -> Verdict:
    """Find prices that are zero, negative or infinite."""
    wrong = {c: ~(_column(case, c) > 0) & ~np.isnan(_column(case, c)) | np.isinf(_column(case, c)) for c in PRICES}
    rows = np.any(list(wrong.values()), axis=0)
    if not rows.any():
        return FINE

    def tell(row: int) -> str:
        name = next(c for c in PRICES if wrong[c][row])
        return f"{case.table.session[row]} {name} is {_column(case, name)[row]:g}; a price must be finite and above 0"

    table = with_prices(case.table, {c: np.where(wrong[c], np.nan, _column(case, c)) for c in PRICES})
    told = f"{plural(int(sum(w.sum() for w in wrong.values())), 'price')} that cannot be one taken as missing"
    return Verdict(flaws_of_rows(Severity.REFUSAL, rows, tell), table, told)


def missing_close(case: Case) -> Verdict:
    """Find rows that have some price but no close."""
    missing = np.isnan(case.table.close)
    if not missing.any():
        return FINE
    session = case.table.session
    flaws = flaws_of_rows(Severity.REFUSAL, missing, lambda r: f"{session[r]} has no close, though it has other prices")
    told = f"{plural(int(missing.sum()), 'row')} without a close left out ({first_lines(case.table, missing)})"
    return Verdict(flaws, without(case.table, missing), told)


def bad_volume(case: Case) -> Verdict:
    """Take negative or infinite volumes as unknown: no fill depends on them."""
    volume = case.table.volume
    wrong: Flags = (volume < 0) | np.isinf(volume)
    if not wrong.any():
        return FINE
    flaws = flaws_of_rows(
        Severity.WARNING, wrong, lambda r: f"{case.table.session[r]} volume is {volume[r]:g}; taken as unknown"
    )
    told = f"{plural(int(wrong.sum()), 'volume')} that cannot be one taken as unknown"
    return Verdict(flaws, blanked(case.table, wrong, ("volume",)), told)


def adjusted_close(case: Case) -> Verdict:
    """Say that a second, adjusted close is there and not used."""
    other = np.abs(case.table.adjusted_close / case.table.close - 1) > 1e-6
    if not other.any():
        return FINE
    row = int(np.flatnonzero(other)[0])
    rows = plural(int(other.sum()), "row")
    text = (
        f"the adjusted close differs from the close on {rows} from {case.table.session[row]} on; "
        "the close as traded is used (adjustment 'price')"
    )
    return Verdict((Flaw(Severity.NOTE, row, text, int(other.sum())),))


def _column(case: Case, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values: np.ndarray[tuple[int], np.dtype[np.float64]] = getattr(case.table, name)
    return values
