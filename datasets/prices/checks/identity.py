"""Rules on whether a table is of its instrument: compared with bars known to be of it, and by its own marks."""

import numpy as np
from msgspec import Struct

from datasets.arrays import Flags, Floats, Integers
from datasets.markets.instruments import Instrument, bundled_instruments
from datasets.markets.sessions import utc_offsets
from datasets.prices.checks.case import FINE, Case, Flaw, Severity, Verdict, number, plural, warnings

_OFF = 0.005
_OFF_SHARE = 0.05
_ALIKE = 0.9
_FEWEST_RETURNS = 20
_ROUND_ROWS = 10
_ROUND = (10.0, 5.0)
_LEVELS_SINCE = np.datetime64("2000-01-01")
_LEVEL_ROWS = 20
_FAR = 30.0


class _Common(Struct, frozen=True, eq=False):
    """The sessions a table and its reference share: rows, both closes and levels, and where they are 0.5 % apart."""

    row: Integers
    close: Floats
    known: Floats
    levels: tuple[Floats, Floats]
    off: Flags

    def is_another(self) -> bool:
        off = int(self.off.sum())
        return off == len(self.row) or off > max(2, _OFF_SHARE * len(self.row))

    def correlation(self) -> float:
        """Return the correlation of both returns; 1 where they are too few or do not move."""
        if len(self.row) <= _FEWEST_RETURNS:
            return 1.0
        ours, theirs = (np.diff(np.log(level)) for level in self.levels)
        if not (ours.std() > 0 and theirs.std() > 0):
            return 1.0 if np.allclose(ours, theirs) else 0.0
        return float(np.corrcoef(ours, theirs)[0, 1])


def wrong_instrument(case: Case) -> Verdict:
    """Find a table whose closes are not those of the bars already known, or do not move as they do."""
    common = _common(case)
    if common is None:
        return FINE
    off, alike = np.flatnonzero(common.off), common.correlation()
    if common.is_another():
        why = f"{len(off)} of {plural(len(common.row), 'close')} differ by more than 0.5 % from the available bars"
    elif alike < _ALIKE:
        why = f"its returns have a correlation of {alike:.2f} with those of the available bars, less than {_ALIKE}"
    else:
        return FINE
    first = int(off[0]) if len(off) else 0
    text = f"{why}: {_both_closes(case, common, first)}; is it another instrument?"
    return Verdict((Flaw(Severity.REFUSAL, int(common.row[first]), text, max(len(off), 1)),))


def differing_close(case: Case) -> Verdict:
    """Name single closes that differ by more than 0.5 % from the bars already known."""
    common = _common(case)
    if common is None or common.is_another():
        return FINE
    place = {int(common.row[i]): i for i in np.flatnonzero(common.off).tolist()}
    marked = np.isin(np.arange(len(case)), list(place))
    return Verdict(warnings(marked, lambda r: _both_closes(case, common, place[r])))


def _both_closes(case: Case, common: _Common, at: int) -> str:
    session = case.session[common.row[at]]
    return f"{session} close {number(common.close[at])} where the available bars have {number(common.known[at])}"


def _common(case: Case) -> _Common | None:
    """Return what the table shares with the reference, None where they share no session or one of them is intraday."""
    if case.reference is None or case.reference.intraday or case.table.at is not None:
        return None
    _, row, known = np.intersect1d(case.session, case.reference.session, return_indices=True)
    if not len(row):
        return None
    quotes = case.reference.close if case.reference.yields is None else case.reference.yields
    close, reference = case.table.close[row], quotes[known]
    levels = case.levels(close), case.levels(reference)
    return _Common(row, close, reference, levels, np.abs(levels[0] / levels[1] - 1) > _OFF)


def level(case: Case) -> Verdict:
    """Find a table that is not of the order of magnitude at which its instrument has been since 2000."""
    usual = case.instrument.level
    close = case.table.close[case.session >= _LEVELS_SINCE]
    middle = float(np.median(close)) if len(close) >= _LEVEL_ROWS else usual
    if case.is_yield or not usual or usual / _FAR < middle < usual * _FAR:
        return FINE
    text = (
        f"the median close since 2000 is {number(middle)}, where {case.instrument.symbol} is near {usual:g}: "
        "is it another instrument, or in another unit?"
    )
    return Verdict((Flaw(Severity.REFUSAL, int(np.argmax(case.session >= _LEVELS_SINCE)), text, len(close)),))


def other_ticker(case: Case) -> Verdict:
    """Find a file that itself says it is of another instrument."""
    ticker, symbol = case.table.ticker, case.instrument.symbol
    if ticker is None or ticker.casefold() in _names(case.instrument):
        return FINE
    other = next((i.symbol for i in bundled_instruments() if ticker.casefold() in _names(i)), None)
    text = f"the file calls its instrument '{ticker}', which is"
    if other is None:
        return Verdict((Flaw(Severity.NOTE, None, f"{text} no known name of {symbol}"),))
    return Verdict((Flaw(Severity.REFUSAL, 0, f"{text} {other} and not {symbol}", len(case)),))


def _names(instrument: Instrument) -> set[str]:
    return {n.casefold() for n in (instrument.symbol, *instrument.aliases)}


def zone_offset(case: Case) -> Verdict:
    """Say that the stamps of daily rows have another offset than the clocks of the exchange ever show."""
    offset, mic = case.table.utc_offset_hours, case.instrument.mic
    if offset is None or offset in utc_offsets(mic):
        return FINE
    text = f"the stamps are {offset:+g} hours from UTC, which {mic} never is: are the dates those of its sessions?"
    return Verdict((Flaw(Severity.WARNING, 0, text, len(case)),))


def round_prices(case: Case) -> Verdict:
    """Find an index all of whose closes are multiples of five or ten: nobody measured those."""
    close = case.table.close
    if case.instrument.lot or case.instrument.pair or len(close) < _ROUND_ROWS:
        return FINE
    step = next((s for s in _ROUND if (close % s == 0).all()), None)
    if step is None:
        return FINE
    text = f"all {len(close)} closes are multiples of {step:g}, which those of an index are not: invented or rounded"
    return Verdict((Flaw(Severity.REFUSAL, 0, text, len(close)),))
