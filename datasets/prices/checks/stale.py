"""Rules on prices that do not move: closes repeated, bars of one price, bars repeated, opens at the last close."""

import numpy as np

from datasets.prices.checks.case import FINE, PRICES, Case, Flags, Flaw, Verdict, flaws_of_runs, number, previous, runs
from datasets.prices.findings import Severity
from datasets.prices.stale_opens import STALE_RUN, STALE_SHARE, STALE_YEAR, repeated_opens, yearly_share

_LONG = 20


def stale_close(case: Case) -> Verdict:
    """Find closes that stay the same for five sessions or more."""
    return _stale(case, Severity.WARNING, STALE_RUN, _LONG)


def frozen_close(case: Case) -> Verdict:
    """Find closes that stay the same for twenty sessions or more: a feed that died."""
    return _stale(case, Severity.REFUSAL, _LONG, len(case) + 1)


def _stale(case: Case, severity: Severity, at_least: int, below: int) -> Verdict:
    close, session = case.table.close, case.table.session
    found = [
        Flaw(
            severity,
            first - 1,
            f"the close stays at {number(float(close[first]))} for {n + 1} rows, {session[first - 1]} to "
            f"{session[first + n - 1]}",
            n + 1,
        )
        for first, n in _runs_of_repeats(case)
        if at_least <= n + 1 < below
    ]
    return Verdict(tuple(found)) if found else FINE


def _runs_of_repeats(case: Case) -> list[tuple[int, int]]:
    return list(runs(case.table.close == previous(case.table.close)))


def flat_bars(case: Case) -> Verdict:
    """Name runs of five or more bars in which open, high, low and close are one price: no range was recorded."""
    table = case.table
    flat: Flags = (table.open == table.close) & (table.high == table.close) & (table.low == table.close)
    session = table.session
    found = tuple(
        f
        for f in flaws_of_runs(
            Severity.WARNING,
            flat,
            lambda r, n: (
                f"{n} bars of one price, {session[r]} to {session[r + n - 1]}: no open, high or low was recorded"
            ),
        )
        if f.rows >= STALE_RUN
    )
    return Verdict(found)


def repeated_bar(case: Case) -> Verdict:
    """Name bars that repeat the one before: the same four prices, or one price at the last close."""
    table, last = case.table, previous(case.table.close)
    again = np.all([getattr(table, c) == previous(getattr(table, c)) for c in PRICES], axis=0)
    at_last = np.all([getattr(table, c) == last for c in PRICES], axis=0)
    session = table.session
    return Verdict(
        flaws_of_runs(
            Severity.WARNING, again | at_last, lambda r, n: f"{session[r]} repeats the bar or the close before it"
        )
    )


def stale_open(case: Case) -> Verdict:
    """Say for each year in which many opens repeat the close before them how many do, and which are not traded."""
    table = case.table
    repeats = repeated_opens(table.open, table.close, around_the_clock=case.around_the_clock)
    year, share = yearly_share(table.session, repeats)
    found = []
    for which in np.unique(year[share >= STALE_SHARE]).tolist():
        rows = np.flatnonzero(year == which)
        first, part = int(rows[0]), float(share[rows[0]])
        untraded = "no open of the year is traded" if part >= STALE_YEAR else "those opens are not traded"
        text = f"{which}: {part:.0%} of {len(rows)} opens equal the previous close; {untraded}"
        found.append(Flaw(Severity.WARNING, first, text, int(repeats[rows].sum())))
    return Verdict(tuple(found)) if found else FINE
