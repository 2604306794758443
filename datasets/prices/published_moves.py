"""Published first-session moves of the catalogue, compared with the bars."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.events.event import PoliticalEvent
from datasets.instants import NS_PER_DAY, to_date, to_ns
from datasets.prices.bars import Bars

_FLOAT_NOISE = 1e-9
_LONGEST_CLOSURE_DAYS = 45


class PublishedMove(Struct, frozen=True):
    """A published move and the one found in the bars, both in percent; ``agrees`` is None where nothing was found.

    ``why`` says why nothing was found; ``note`` is what the catalogue says of the figure.
    """

    event_id: str
    index: str
    published: Decimal
    session: date | None = None
    found: float | None = None
    agrees: bool | None = None
    note: str = ""
    why: str = ""


def published_moves(events: Iterable[PoliticalEvent], bars_of: Callable[[str], Bars | None]) -> list[PublishedMove]:
    """Return each event's published move with the move found: close to close of the first session whose close comes
    strictly after the outcome was known.

    Args:
        events: those without a published move, an index or ``known_at`` are left out.
        bars_of: gives the bars of an index, or None.
    """
    return [move for event in events for move in _move(event, bars_of)]


def within_rounding(published: Decimal, found: float) -> bool:
    """Return whether a figure, rounded to the decimals with which another was published, could be that other.

    >>> [within_rounding(Decimal(text), 2.27) for text in ("2.3", "2.30", "2")]
    [True, False, True]
    """
    exponent = published.as_tuple().exponent
    assert isinstance(exponent, int)
    return abs(float(published) - found) <= 0.5 * 10.0**exponent + _FLOAT_NOISE


def _move(event: PoliticalEvent, bars_of: Callable[[str], Bars | None]) -> Iterator[PublishedMove]:
    if event.reported_move is None or event.main_index is None or event.known_at is None:
        return
    bars = bars_of(event.main_index)
    blank = PublishedMove(event.event_id, event.main_index, event.reported_move, note=event.move_note or "")
    if bars is None:
        yield replace(blank, why=f"no bars of {event.main_index}")
    elif bars.source.simulated:
        yield replace(blank, why=f"the bars of {event.main_index} are simulated")
    else:
        yield _found(blank, bars, to_ns(event.known_at))


def first_session_move(bars: Bars, known: int) -> tuple[date, float] | None:
    """Return the first session whose close comes strictly after an instant (ns), and its move in percent.

    The move is close to close. None where the bars do not hold that session, or the exchange was shut for 45 days.
    """
    row = int(np.searchsorted(bars.close_at, known, side="right"))
    if not 0 < row < len(bars) or int(bars.close_at[row]) - known > _LONGEST_CLOSURE_DAYS * NS_PER_DAY:
        return None
    return to_date(bars.session[row]), 100 * (float(bars.close[row]) / float(bars.close[row - 1]) - 1)


def _found(blank: PublishedMove, bars: Bars, known: int) -> PublishedMove:
    first = first_session_move(bars, known)
    if first is None:
        return replace(blank, why=f"the bars of {blank.index} do not hold the session; they have {bars.span()}")
    session, found = first
    return replace(blank, session=session, found=found, agrees=within_rounding(blank.published, found))
