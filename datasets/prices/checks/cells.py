"""Rules on single values: cells that cannot be read, prices missing, zero or negative, values that are no prices."""

import numpy as np

from datasets.arrays import Flags, Floats
from datasets.prices.checks.case import (
    CLOSED,
    FINE,
    PRICES,
    Case,
    Flaw,
    Verdict,
    flaws_of_runs,
    number,
    plural,
    refusals,
    warnings,
    with_columns,
)
from datasets.prices.findings import Severity

_SIDES = 0.7
_NEGATIVE = 0.05
_ENOUGH = 30
_DIFFERENT = 1e-6
_PEG, _NEAR_ONE = 0.02, 0.02
_MOST_YIELD = 30.0
_NO_MATURITY = "a yield has its maturity in instruments.csv"


def reading(case: Case) -> Verdict:
    """Pass on what reading had to correct."""
    return Verdict(tuple(Flaw(Severity.NOTE, None, remark) for remark in case.table.remarks))


def unreadable(case: Case) -> Verdict:
    """Find cells that are neither a number nor a date."""
    cells = case.table.unreadable
    if not cells:
        return FINE
    rows = {int(line): row for row, line in enumerate(case.table.line)}
    flaws = []
    for cell in cells:
        row = rows.get(cell.line)
        place = f"line {cell.line}: " if row is None else ""  # a row without a date was left out
        text = f"{place}{cell.column} is '{cell.text}', which cannot be read"
        flaws.append(Flaw(Severity.REFUSAL, row, text))
    return Verdict(tuple(flaws), case.table, f"{plural(len(cells), 'cell')} that cannot be read taken as empty")


def yield_columns(case: Case) -> Verdict:
    """Take open, high and low out of a table of yields: the prices of its bond are made of closes.

    Intraday bars are stamped with their beginning: a close without them would count as made then.
    """
    if not case.is_yield or np.isnan(case.prices()[:-1]).all():
        return FINE
    if case.table.at is not None:
        text = "intraday yields have a close alone, at its instant; leave out open, high and low"
        return Verdict((Flaw(Severity.REFUSAL, 0, text, len(case)),))
    none = np.full(len(case), np.nan)
    flaw = Flaw(Severity.NOTE, None, "open, high and low of a yield are not used", len(case))
    return Verdict((flaw,), with_columns(case.table, {"open": none, "high": none, "low": none}))


def not_yields(case: Case) -> Verdict:
    """Find a table of prices that is given as one of yields in per cent."""
    middle = float(np.median(case.table.close)) if case.is_yield else 0.0
    if not middle > _MOST_YIELD:
        return FINE
    text = (
        f"the median close is {number(middle)}, and {case.instrument.symbol} is a yield in per cent (its maturity is "
        f"{case.instrument.maturity:g} years): these are prices; give yields, or an instrument without a maturity"
    )
    return Verdict((Flaw(Severity.REFUSAL, 0, text, len(case)),))


def return_like(case: Case) -> Verdict:
    """Find a table of returns: values that change sign, or jump from one side of their median to the other.

    A price stays on one side of its median for long; independent returns change sides every other row. So does a yield,
    which may be negative: without a maturity it is named.
    """
    close = case.table.close[np.isfinite(case.table.close)]
    if len(close) < _ENOUGH:
        return FINE
    above = close >= np.median(close)
    stays = float((above[1:] == above[:-1]).mean())
    negative = 0.0 if case.is_yield else float((close < 0).mean())
    if negative <= _NEGATIVE and (stays >= _SIDES or _is_pegged(close)):
        return FINE
    what = f"{negative:.0%} of the closes are negative" if negative > _NEGATIVE else "the closes are not correlated"
    sort = "yields or a spread" if stays >= _SIDES else "returns or changes"
    hint = f"; {_NO_MATURITY}" if stays >= _SIDES else ""
    text = f"{what}: these are {sort}, not prices (the first close is {number(close[0])}){hint}"
    none = case.table.take(np.zeros(len(case), dtype=bool)) if negative > _NEGATIVE else None
    return Verdict((Flaw(Severity.REFUSAL, 0, text, len(case)),), none)


def _is_pegged(close: Floats) -> bool:
    """Return whether values keep to a level that is none of returns: not about 0, 1 or 100, as gross returns are."""
    level = float(np.median(close))
    is_of_returns = any(abs(level / one - 1) < _NEAR_ONE for one in (1.0, 100.0))
    return level > 0 and not is_of_returns and float(np.abs(close / level - 1).max()) < _PEG


def empty_row(case: Case) -> Verdict:
    """Leave out rows without any price."""
    empty: Flags = np.all(np.isnan(case.prices()), axis=0)
    session, closed = case.session, case.calendar() == CLOSED
    flaws = flaws_of_runs(
        Severity.WARNING, empty & ~closed, lambda r, n: f"{session[r]} has no price at all; {plural(n, 'row')} left out"
    )
    flaws += flaws_of_runs(
        Severity.NOTE, empty & closed, lambda r, n: f"{session[r]} has no price and was no session; left out"
    )
    return case.without(empty, "without any price", flaws)


def not_positive(case: Case) -> Verdict:
    """Find prices that are zero, negative or infinite."""
    prices = case.prices()
    wrong = np.isinf(prices) if case.is_yield else (prices <= 0) | np.isinf(prices)
    if not wrong.any():
        return FINE
    hint = "" if case.is_yield else f" ({_NO_MATURITY})"

    def text(row: int) -> str:
        name = int(np.flatnonzero(wrong[:, row])[0])
        return f"{case.session[row]} {PRICES[name]} is {prices[name, row]:g}; a price must be finite and above 0{hint}"

    table = with_columns(case.table, dict(zip(PRICES, np.where(wrong, np.nan, prices), strict=True)))
    correction = f"{plural(int(wrong.sum()), 'price')} that cannot be one taken as missing"
    return Verdict(refusals(np.any(wrong, axis=0), text), table, correction)


def missing_close(case: Case) -> Verdict:
    """Find rows that have some price but no close."""
    missing = np.isnan(case.table.close)
    flaws = refusals(missing, lambda r: f"{case.session[r]} has no close, though it has other prices")
    return case.without(missing, "without a close", flaws)


def bad_volume(case: Case) -> Verdict:
    """Take negative or infinite volumes as unknown: no fill depends on them."""
    volume = case.table.volume
    wrong: Flags = (volume < 0) | np.isinf(volume)
    if not wrong.any():
        return FINE
    flaws = warnings(wrong, lambda r: f"{case.session[r]} volume is {volume[r]:g}; taken as unknown")
    table = with_columns(case.table, {"volume": np.where(wrong, np.nan, volume)})
    return Verdict(flaws, table, f"{plural(int(wrong.sum()), 'volume')} that cannot be one taken as unknown")


def adjusted_close(case: Case) -> Verdict:
    """Say that the table has a second, adjusted close, which is not used."""
    rows = np.flatnonzero(np.abs(case.table.adjusted_close / case.table.close - 1) > _DIFFERENT)
    if not len(rows):
        return FINE
    text = (
        f"the adjusted close differs from the close on {plural(len(rows), 'row')} from {case.session[rows[0]]} on; "
        "the close as traded is used (adjustment 'price')"
    )
    return Verdict((Flaw(Severity.NOTE, int(rows[0]), text, len(rows)),))
