"""Pairs the closes of a market with the odds of an outcome, by instant and never by date."""

from datetime import datetime

import numpy as np
from msgspec import Struct

from datasets.arrays import Floats, Instants, Sessions
from datasets.errors import UserError
from datasets.events.event import PoliticalEvent
from datasets.events.odds_book import OutcomeOdds
from datasets.instants import InstantWindow, iso_z, to_ns
from datasets.prices.bars import Bars
from engine.run.backtest import Window


class Pairs(Struct, frozen=True, eq=False):
    """Closes before the vote with the probability at each, arrays of one length; the last one is "now".

    ``quoted_at`` is the instant of the last quote at or before the close. ``returns`` (log, per cent) and ``changes``
    (of the probability) are of all but the first close; no change is NaN.
    """

    session: Sessions
    close_at: Instants
    close: Floats
    p: Floats
    quoted_at: Instants

    @property
    def returns(self) -> Floats:
        """The log return from the close before, per cent."""
        return np.diff(np.log(self.close)) * 100

    @property
    def changes(self) -> Floats:
        """The change of the probability from the close before."""
        return np.diff(self.p)


def counted_from(event: PoliticalEvent) -> datetime | None:
    """Return when the count begins: polls close, or else the first signal or the outcome; a close before knows none.

    On the day of a vote a market still trades on its odds, so that no day is left out as a prior of it would be.
    """
    instants = (event.polls_close_at or event.signal_from, event.known_at)
    return min((at for at in instants if at is not None), default=None)


def make_pairs(bars: Bars, odds: OutcomeOdds, event: PoliticalEvent, window: Window) -> Pairs:
    """Return the closes of a market within dates and strictly before the count, each with its probability.

    Raises:
        UserError: no two closes have quotes that differ.
    """
    last, ends_at = bars.days.last, counted_from(event)
    kept = np.ones(len(last), dtype=bool) if ends_at is None else bars.close_at[last] < to_ns(ends_at)
    for day, inside in ((window.since, np.greater_equal), (window.until, np.less_equal)):
        kept &= True if day is None else inside(bars.session[last], np.datetime64(day, "D"))
    rows = last[kept]
    p, quoted_at = odds.at(bars.close_at[rows])
    first = int(np.argmax(np.isfinite(p))) if np.isfinite(p).any() else len(p)
    own = [q for q in odds.quotes if q.outcome == odds.outcome]
    few, still = len(p) - first < 2, len(p) > first and np.nanmax(p) == np.nanmin(p)
    if few or (still and len({q.probability for q in own}) > 1):
        what = "a quote" if few else "different quotes"
        raise UserError(
            f"no two closes of {bars.symbol} within the dates and before the count have {what} of '{odds.outcome}': "
            f"its quotes are from {iso_z(own[0].observed_at)} to {iso_z(own[-1].observed_at)}, "
            f"{bars.symbol} has {bars.span()}"
        )
    if still:
        raise UserError(f"all quotes of '{odds.outcome}' are {p[first]:g}: the odds must change, give a longer history")
    rows, p, quoted_at = rows[first:], p[first:], quoted_at[first:]
    return Pairs(bars.session[rows], bars.close_at[rows], bars.close[rows], p, quoted_at)


def reaction(bars: Bars, event: PoliticalEvent) -> tuple[float, str, str] | str:
    """Return what came: the log return, per cent, from the last close before the vote to the first after its outcome.

    With the sessions of both; or why it is not known.
    """
    ends_at, known_at = counted_from(event), event.known_at
    if ends_at is None or known_at is None:
        return "the outcome is not known"
    last = bars.days.last
    eve = int(np.searchsorted(bars.close_at[last], to_ns(ends_at))) - 1
    after = int(np.searchsorted(bars.close_at[last], to_ns(known_at), side="right"))
    if eve < 0 or after >= len(last):
        return f"no close of {bars.symbol} {'before the vote' if eve < 0 else f'after {iso_z(known_at)}'}"
    one, two = last[eve], last[after]
    value = 100 * float(np.log(bars.close[two] / bars.close[one]))
    return value, str(bars.session[one]), str(bars.session[two])


def window_pairs(bars: Bars, odds: OutcomeOdds, window: InstantWindow) -> Pairs:
    """Return the last price and quote at or before the two ends of a window, such as a debate.

    Raises:
        UserError: the market has no two prices there, or the odds do not change.
    """
    ends = np.array([to_ns(window.begins_at), to_ns(window.ends_at)], dtype=np.int64)
    rows = np.searchsorted(bars.close_at, ends, side="right") - 1
    p, quoted_at = odds.at(ends)
    if rows[0] < 0 or rows[0] == rows[1] or not p[1] - p[0]:
        what = "the odds do not change" if rows[0] < rows[1] else f"{bars.symbol} has no two prices"
        raise UserError(f"{what} from {window.span}; give a longer window, or finer bars or odds")
    if not np.isfinite(p).all():
        raise UserError(f"no quote of '{odds.outcome}' before {iso_z(window.begins_at)}; give a later window")
    return Pairs(bars.session[rows], ends, bars.close[rows], p, quoted_at)
