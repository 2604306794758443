"""Where an account begins: not before its markets have bars, nor before the rule wants something."""

from collections.abc import Iterable
from datetime import date

import numpy as np

from datasets.errors import UserError
from datasets.instants import NS_PER_DAY, to_date
from datasets.prices.bars import Bars
from engine.account.daily_ledger import account_calendar
from engine.plan.plan import Wanted
from engine.strategy.gaps import MAX_GAP_DAYS


def account_start(bars: list[Bars], wanted: Iterable[Wanted], since: date | None = None) -> np.datetime64:
    """Return the first session of an account.

    That is the first session that all its markets have had, or that of ``since``, or without one the last session to
    close before the first event wanted: the later of the two. An event that can be traded earlier, on a market that
    begins before the others, brings it forward; one after the last bar of its market does not count.

    Raises:
        UserError: the bars end before ``since``.
    """
    days, by_symbol = account_calendar(bars), {b.symbol: b for b in bars}
    begins = 0 if since is None else int(np.searchsorted(days.sessions, np.datetime64(since, "D")))
    if begins == len(days.sessions):
        spans = "; ".join(f"{b.symbol} has {b.span()}" for b in bars)
        raise UserError(f"no bars from {since} on: {spans}")
    ends = [(w, by_symbol[w.symbol]) for w in wanted]
    legs = [(w.decided_at, b.open_at[0] - w.enters_by) for w, b in ends if w.decided_at < b.close_at[-1]]
    closed = [max(begins, int(np.searchsorted(days.marked_at, at)) - 1) for at, _ in legs]
    traded = [day for day, (_, wait) in zip(closed, legs, strict=True) if wait <= MAX_GAP_DAYS * NS_PER_DAY]
    first = begins if since is not None else min(closed, default=begins)
    at = max(first, int(np.searchsorted(days.sessions, _common(bars))))
    start: np.datetime64 = days.sessions[min([at, *traded])]
    return start


def start_text(bars: list[Bars], start: np.datetime64, since: date | None = None) -> str:
    """Return in words why an account begins where it does."""
    if start in (_common(bars), min(b.session[0] for b in bars)):
        return f"the account begins with the bars, {to_date(start)}"
    if since is not None:
        return f"the account begins on --from {since}"
    return f"the account begins at the close of {to_date(start)}, the last before the first event wanted"


def _common(bars: list[Bars]) -> np.datetime64:
    """Return the first session by which every market has bars."""
    return max(b.session[0].astype("datetime64[D]") for b in bars)
