"""The rules of quality, one function each, in the order in which they apply: each sees what those before corrected.

A new rule is its function and its line here.
"""

from collections.abc import Callable
from functools import partial

from msgspec import Struct

from datasets.prices.checks import calendar, cells, dates, identity, moves
from datasets.prices.checks.case import Case, Verdict


class QualityRule(Struct, frozen=True):
    """A rule by the name a user types; what its refusals become ``if_accepted``, None where they cannot be."""

    name: str
    check: Callable[[Case], Verdict]
    if_accepted: str | None = None
    intraday: bool = False


_AS_IT_IS = "the rows are taken as they are"

RULES = (
    QualityRule("reading", cells.reading, intraday=True),
    QualityRule("unreadable", cells.unreadable, "the cells count as empty", intraday=True),
    QualityRule("other-ticker", identity.other_ticker, _AS_IT_IS, intraday=True),
    QualityRule("zone-offset", identity.zone_offset),
    QualityRule("order", dates.order, intraday=True),
    QualityRule("day-month-swap", dates.day_month_swap, "day and month of the rows are exchanged"),
    QualityRule("jumbled", dates.jumbled, "the rows are sorted", intraday=True),
    QualityRule("empty-row", cells.empty_row, intraday=True),
    QualityRule("duplicate-row", dates.duplicate_rows, intraday=True),
    QualityRule("conflicting-rows", dates.conflicting_rows, "the last row of each date is kept", intraday=True),
    QualityRule("yield-columns", cells.yield_columns, intraday=True),
    QualityRule("return-like", cells.return_like, _AS_IT_IS, intraday=True),
    QualityRule("not-positive", cells.not_positive, "the prices count as missing", intraday=True),
    QualityRule("missing-close", cells.missing_close, "the rows are left out", intraday=True),
    QualityRule("not-yields", cells.not_yields, _AS_IT_IS, intraday=True),
    QualityRule("spliced-frequency", dates.spliced_frequency, "rows before the splice are left out, later ones stay"),
    QualityRule("low-frequency", dates.low_frequency),
    QualityRule("date-range", dates.date_range, "the rows are left out"),
    QualityRule("rotated-columns", cells.rotated_columns),
    QualityRule("high-below-low", cells.high_below_low, "open, high and low of the rows are taken out", intraday=True),
    QualityRule("outside-range", cells.outside_range, "open, high and low of the rows are taken out", intraday=True),
    QualityRule("future-date", dates.future_date, "the rows are left out"),
    QualityRule("early-dates", partial(calendar.shifted_dates, early=True)),
    QualityRule("shifted-dates", partial(calendar.shifted_dates, early=False), _AS_IT_IS),
    QualityRule("closed-day", calendar.closed_day),
    QualityRule("weekend-bar", calendar.weekend_bar),
    QualityRule("partial-day", calendar.partial_day),
    QualityRule("gap", calendar.gap),
    QualityRule("bad-volume", cells.bad_volume, intraday=True),
    QualityRule("factor", moves.factor, _AS_IT_IS, intraday=True),
    QualityRule("outlier", moves.outlier, intraday=True),
    QualityRule("wick", moves.wick, intraday=True),
    QualityRule("stale-close", partial(moves.unchanged_close, frozen=False)),
    QualityRule("frozen-close", partial(moves.unchanged_close, frozen=True), _AS_IT_IS),
    QualityRule("flat-bars", moves.flat_bars),
    QualityRule("repeated-bar", moves.repeated_bar),
    QualityRule("stale-open", moves.stale_open),
    QualityRule("level", identity.level, _AS_IT_IS, intraday=True),
    QualityRule("wrong-instrument", identity.wrong_instrument, _AS_IT_IS),
    QualityRule("differing-close", identity.differing_close),
    QualityRule("round-prices", identity.round_prices, _AS_IT_IS),
    QualityRule("adjusted-close", cells.adjusted_close, intraday=True),
    QualityRule("back-cast", calendar.back_cast),
    QualityRule("published-move", moves.published_move),
)
