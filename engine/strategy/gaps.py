"""Gaps in the bars: what a trade may not wait for or be held across, and what is noted of smaller ones.

Two rules. Days: no period of more than ``MAX_GAP_DAYS`` without bars, whatever the exchange. Sessions: no more
than ``MAX_MISSING`` sessions of the exchange's calendar missing in one gap, wherever that calendar reaches. A currency
has no calendar of holidays: the rule holds for it, but a missing session of it is not noted.
"""

from datetime import datetime

import numpy as np

from datasets.arrays import Flags
from datasets.instants import NS_PER_DAY, iso_z, to_date, to_ns
from datasets.markets.sessions import FX
from datasets.prices.bars import Bars
from datasets.prices.periods import MissingSessions

MAX_GAP_DAYS = 45
"""No trade waits for, or is held across, a longer period without bars: it is a gap in the data, not a holiday."""
MAX_MISSING = 5
"""No trade waits for, or is held across, a gap of more sessions that are in the calendar and not in the bars."""
_SHOWN = 5


def gap_between(bars: Bars, first: int, last: int) -> str | None:
    """Return why no trade may be held from one bar to another, or None: a gap between two of its bars.

    There is none before the settlement of a contract: it comes whether or not there are quotes.
    """
    last = min(last, len(bars) - 1 - bars.is_settled)
    if first >= last:
        return None
    gaps = np.diff(bars.session[first : last + 1]).astype(np.int64)
    if gaps.max() > MAX_GAP_DAYS:
        return _gap(bars, first + int(gaps.argmax()) + 1, f"{gaps.max()} days")
    missing = bars.missing.take(first + 1, last)
    if len(missing) <= MAX_MISSING:
        return None
    before, sessions = np.unique(missing.bar, return_counts=True)
    worst = int(sessions.argmax())
    return _gap(bars, int(before[worst]), f"{sessions[worst]} sessions") if sessions[worst] > MAX_MISSING else None


def _gap(bars: Bars, row: int, size: str) -> str:
    first, last = to_date(bars.session[row - 1]), to_date(bars.session[row])
    return f"the bars have a gap of {size} from {first} to {last} on the way from the decision to the exit"


def wait_too_long(bars: Bars, row: int, after: int, *, upto: int) -> str | None:
    """Return why the first bar to follow an instant cannot be the reaction to it, or None.

    Args:
        bars: of one instrument.
        row: the first bar that follows; ``len(bars)`` where none does.
        after: the instant, in ns.
        upto: the bar meant in the end: ``row``, or a later one.
    """
    if max(row, upto) >= len(bars):
        return f"no bar after {iso_z(after)}; bars end {to_date(bars.session[-1])}"
    if row == 0 and after < int(bars.open_at[0]) - MAX_GAP_DAYS * NS_PER_DAY:
        return f"before the first bar; bars begin {to_date(bars.session[0])}"
    if int(bars.open_at[row]) - after > MAX_GAP_DAYS * NS_PER_DAY:
        return f"no bar within {MAX_GAP_DAYS} days after {iso_z(after)}; the next is of {to_date(bars.session[row])}"
    missed = missed_before(bars, row, after)
    if len(missed) > MAX_MISSING:
        return (
            f"the bars lack {len(missed)} sessions after {iso_z(after)}, {missed.session[0]} to "
            f"{missed.session[-1]}; the next is of {to_date(bars.session[row])}"
        )
    return None


def missed_before(bars: Bars, row: int, after: int) -> MissingSessions:
    """Return the sessions missing just before a bar that opened strictly after an instant (ns)."""
    missing = bars.missing.take(row, row)
    return missing.where(missing.open_at > after)


def late(bars: Bars, what: str, row: int, after: int, *, upto: int) -> tuple[str, ...]:
    """Return a note if sessions are missing from an instant (ns), which ``row`` follows, to the bar ``upto``."""
    missed = [*missed_before(bars, row, after).session, *bars.missing.take(row + 1, upto).session]
    return _note(bars, what, missed, "late")


def early(bars: Bars, what: str, row: int, before: datetime) -> tuple[str, ...]:
    """Return a note if sessions are missing from the close of a bar to the last close before an instant."""
    return _note(bars, what, list(_missing_until(bars, row, before).session), "early")


def cut_short(bars: Bars, row: int, before: datetime) -> str | None:
    """Return why the close of a bar cannot be used as the last one before an instant, or None."""
    missing = _missing_until(bars, row, before)
    if len(missing) <= MAX_MISSING:
        return None
    return (
        f"the bars lack {len(missing)} sessions before {iso_z(before)}, {missing.session[0]} to {missing.session[-1]}: "
        f"the last close there is is of {to_date(bars.session[row])}"
    )


def _missing_until(bars: Bars, row: int, before: datetime) -> MissingSessions:
    missing = bars.missing.take(row + 1, len(bars))
    return missing.where(missing.close_at < to_ns(before))


def _note(bars: Bars, what: str, missed: list[np.datetime64], how: str) -> tuple[str, ...]:
    if not missed or bars.instrument.mic == FX:
        return ()
    named = ", ".join(map(str, missed[:_SHOWN])) + (f" and {len(missed) - _SHOWN} more" if len(missed) > _SHOWN else "")
    return (f"{what} {len(missed)} session{'s' if len(missed) > 1 else ''} {how}: the bars lack {named}",)


def broken_before(bars: Bars) -> Flags:
    """Return for each bar whether a gap that no trade may cross lies just before it."""
    days = np.diff(bars.session, prepend=bars.session[:1]).astype(np.int64)
    missing = np.bincount(bars.missing.bar, minlength=len(bars))[: len(bars)]
    broken: Flags = (days > MAX_GAP_DAYS) | (missing > MAX_MISSING)
    broken[:1] = False  # no trade crosses the gap before the first bar
    broken[len(bars) - bars.is_settled :] = False
    return broken
