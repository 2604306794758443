"""Rules on prices that do not move: closes repeated, bars of one price, bars repeated, opens at the last close."""

import numpy as np

from datasets.prices.checks.case import Case, Flaw, Verdict, flaws_of_runs, number, previous, runs
from datasets.prices.findings import Severity
from datasets.prices.stale_opens import STALE_RUN, STALE_SHARE, STALE_YEAR, repeated_opens, yearly_share

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
