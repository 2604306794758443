"""Rules on whether a table is of the instrument it is said to be: against bars known to be, and by its own marks."""

from dataclasses import dataclass

import numpy as np

from datasets.markets.instruments import Instrument, bundled_instruments
from datasets.markets.sessions import utc_offsets
from datasets.prices.checks.case import FINE, Case, Flags, Flaw, Floats, Numbers, Verdict, flaws_of_rows, number, plural
from datasets.prices.findings import Severity

_OFF = 0.005
_OFF_SHARE = 0.05
_ALIKE = 0.9
_FEWEST_RETURNS = 20
_ROUND_ROWS = 10
_ROUND = (10.0, 5.0)


@dataclass(frozen=True, eq=False)
class _Common:
    """The sessions a table and its reference share: rows, both closes, and where they differ by more than 0.5 %."""

    row: Numbers
    close: Floats
    known: Floats
    off: Flags


def wrong_instrument(case: Case) -> Verdict:
    """Find a table whose closes are not those of the bars already known, or do not move as they do."""
    common = _common(case)
    if common is None:
        return FINE
    n, off, alike = len(common.row), int(common.off.sum()), _correlation(common)
    if not _is_another(common) and not alike < _ALIKE:
        return FINE
    if _is_another(common):
        why = f"{off} of {plural(n, 'close')} differ by more than 0.5 % from the bars at hand"
    else:
        why = f"its returns have a correlation of {alike:.2f} with those of the bars at hand, less than {_ALIKE}"
    first = int(np.flatnonzero(common.off)[0]) if off else 0
    text = f"{why}: {_told(case, common, first)}; is it another instrument?"
    return Verdict((Flaw(Severity.REFUSAL, int(common.row[first]), text, max(off, 1)),))


def differing_close(case: Case) -> Verdict:
    """Name single closes that differ by more than 0.5 % from the bars already known."""
    common = _common(case)
    if common is None or _is_another(common) or not common.off.any():
        return FINE
    place = {int(common.row[i]): i for i in np.flatnonzero(common.off).tolist()}
    marked = np.zeros(len(case), dtype=bool)
    marked[list(place)] = True
    return Verdict(flaws_of_rows(Severity.WARNING, marked, lambda r: _told(case, common, place[r])))


def _told(case: Case, common: _Common, at: int) -> str:
    session = case.table.session[common.row[at]]
    ours, theirs = number(float(common.close[at])), number(float(common.known[at]))
    return f"{session} close {ours} where the bars at hand have {theirs}"


def _is_another(common: _Common) -> bool:
    off = int(common.off.sum())
    return off == len(common.row) or off > max(2, _OFF_SHARE * len(common.row))


def _common(case: Case) -> _Common | None:
    """Return what the table shares with the reference, None where they share no session or one of them is intraday."""
    if case.reference is None or case.reference.intraday or case.table.at is not None:
        return None
    _, row, known = np.intersect1d(case.table.session, case.reference.session, return_indices=True)
    if not len(row):
        return None
    close, reference = case.table.close[row], case.reference.close[known]
    return _Common(row, close, reference, np.abs(close / reference - 1) > _OFF)


def _correlation(common: _Common) -> float:
    """Return the correlation of both returns over the common sessions; 1 where they are too few or do not move."""
    if len(common.row) <= _FEWEST_RETURNS:
        return 1.0
    ours, theirs = np.diff(np.log(common.close)), np.diff(np.log(common.known))
    if not (ours.std() > 0 and theirs.std() > 0):
        return 1.0 if np.allclose(ours, theirs) else 0.0
    return float(np.corrcoef(ours, theirs)[0, 1])


def other_ticker(case: Case) -> Verdict:
    """Find a file that itself says it is of another instrument."""
    ticker = case.table.ticker
    if ticker is None or ticker.casefold() in _names(case.instrument):
        return FINE
    other = next((i.symbol for i in bundled_instruments() if ticker.casefold() in _names(i)), None)
    if other is None:
        text = f"the file calls what it holds '{ticker}', which is no known name of {case.instrument.symbol}"
        return Verdict((Flaw(Severity.NOTE, None, text),))
    text = f"the file calls what it holds '{ticker}', which is {other} and not {case.instrument.symbol}"
    return Verdict((Flaw(Severity.REFUSAL, 0, text, len(case)),))


def _names(instrument: Instrument) -> set[str]:
    return {n.casefold() for n in (instrument.symbol, *instrument.aliases)}


def zone_offset(case: Case) -> Verdict:
    """Say that the stamps of daily rows carry another offset than the clocks of the exchange ever show."""
    offset, mic = case.table.utc_offset_hours, case.instrument.mic
    if offset is None or offset in utc_offsets(mic):
        return FINE
    text = f"the stamps are {offset:+g} hours from UTC, which {mic} never is: are the dates those of its sessions?"
    return Verdict((Flaw(Severity.WARNING, 0, text, len(case)),))


def round_prices(case: Case) -> Verdict:
    """Find an index all of whose closes are multiples of five or ten: nobody measured those."""
    close = case.table.close
    if case.instrument.lot or len(close) < _ROUND_ROWS:
        return FINE
    step = next((s for s in _ROUND if (close % s == 0).all()), None)
    if step is None:
        return FINE
    text = f"all {len(close)} closes are multiples of {step:g}, which those of an index are not: invented or rounded"
    return Verdict((Flaw(Severity.REFUSAL, 0, text, len(close)),))
