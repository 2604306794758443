"""Rules on moves: too large, not as the catalogue published them, or none at all (stale prices)."""

from functools import partial

import numpy as np

from datasets.arrays import Floats
from datasets.events import bundled_events
from datasets.prices.bars import Source
from datasets.prices.checks.case import (
    FINE,
    Case,
    Flaw,
    Severity,
    Verdict,
    flaws_of_runs,
    log_ratio,
    number,
    previous,
    refusals,
    runs,
    warnings,
)
from datasets.prices.published_moves import published_moves
from datasets.prices.stale_opens import STALE_RUN, STALE_SHARE, STALE_YEAR, repeated_opens, yearly_share
from datasets.prices.table import SIMULATED, bars_of

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


def published_move(case: Case) -> Verdict:
    """Name published first-session moves that the bars do not show and no note of the catalogue explains."""
    events = [e for e in bundled_events() if e.main_index == case.instrument.symbol and e.reported_move is not None]
    if not events or case.table.at is not None or case.table.layout == SIMULATED:
        return FINE
    bars = bars_of(case.table, case.instrument, Source("file", case.table.name))
    flaws = []
    for move in (m for m in published_moves(events, lambda _: bars) if m.agrees is False and not m.note):
        row = int(np.searchsorted(case.table.session, np.datetime64(str(move.session), "D")))
        text = f"{move.session} moves {move.found:+.2f} %, where {move.published} % was published ({move.event_id})"
        flaws.append(Flaw(Severity.WARNING, row, text))
    return Verdict(tuple(flaws))


_LONG = 20


def unchanged_close(case: Case, *, frozen: bool) -> Verdict:
    """Find closes that stay the same for five sessions or more; ``frozen``: for twenty or more, by a feed that died."""
    close, session = case.table.close, case.session
    severity = Severity.REFUSAL if frozen else Severity.WARNING
    at_least, below = (_LONG, len(case) + 1) if frozen else (STALE_RUN, _LONG)
    flaws = []
    for first, n in runs(close == previous(close)):
        if at_least <= n + 1 < below:
            span = f"{session[first - 1]} to {session[first + n - 1]}"
            text = f"the close stays at {number(close[first])} for {n + 1} rows, {span}"
            flaws.append(Flaw(severity, first - 1, text, n + 1))
    return Verdict(tuple(flaws))


def flat_bars(case: Case) -> Verdict:
    """Name runs of five or more bars in which open, high, low and close are one price: no range was recorded."""
    session, flat = case.session, (case.prices() == case.table.close).all(axis=0)
    flaws = flaws_of_runs(
        Severity.WARNING,
        flat,
        lambda r, n: f"{n} bars of one price, {session[r]} to {session[r + n - 1]}: no open, high or low was recorded",
    )
    return Verdict(tuple(f for f in flaws if f.rows >= STALE_RUN))


def repeated_bar(case: Case) -> Verdict:
    """Name bars that repeat the one before: the same four prices, or one price at the last close."""
    prices = case.prices()
    again = (prices == previous(prices)).all(axis=0) | (prices == previous(case.table.close)).all(axis=0)
    return Verdict(
        flaws_of_runs(Severity.WARNING, again, lambda r, n: f"{case.session[r]} repeats the bar or the close before it")
    )


def stale_open(case: Case) -> Verdict:
    """Say for each year in which many opens repeat the close before them how many do, and which are not traded."""
    table = case.table
    repeats = repeated_opens(table.open, table.close, around_the_clock=case.is_round_the_clock)
    year, share = yearly_share(table.session, repeats)
    flaws = []
    for which in np.unique(year[share >= STALE_SHARE]).tolist():
        rows = np.flatnonzero(year == which)
        part = float(share[rows[0]])
        untraded = "no open of the year is traded" if part >= STALE_YEAR else "those opens are not traded"
        text = f"{which}: {part:.0%} of {len(rows)} opens equal the previous close; {untraded}"
        flaws.append(Flaw(Severity.WARNING, int(rows[0]), text, int(repeats[rows].sum())))
    return Verdict(tuple(flaws))
