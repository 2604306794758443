"""The rules of quality, one function each, in the order in which they are asked: each sees what those before put right.

A new rule is its function and its line here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from datasets.prices.checks import calendar, cells, dates, frequency, identity, outliers, published, ranges, stale
from datasets.prices.checks.case import Case, Verdict


@dataclass(frozen=True)
class Rule:
    """A rule by the name a user types; what its refusals become ``if_accepted``, None where they cannot be."""

    name: str
    check: Callable[[Case], Verdict]
    if_accepted: str | None = None
    intraday: bool = False


_AS_IT_IS = "the rows are taken as they are"

RULES = (
    Rule("reading", cells.reading, intraday=True),
    Rule("unreadable", cells.unreadable, "the cells count as empty", intraday=True),
    Rule("other-ticker", identity.other_ticker, _AS_IT_IS, intraday=True),
    Rule("zone-offset", identity.zone_offset),
    Rule("order", dates.order, intraday=True),
    Rule("day-month-swap", dates.day_month_swap, "day and month of the rows are exchanged"),
    Rule("jumbled", dates.jumbled, "the rows are sorted", intraday=True),
    Rule("empty-row", cells.empty_row, intraday=True),
    Rule("duplicate-row", dates.duplicate_rows, intraday=True),
    Rule("conflicting-rows", dates.conflicting_rows, "the last row of each date is kept", intraday=True),
    Rule("return-like", cells.return_like, intraday=True),
    Rule("not-positive", cells.not_positive, "the prices count as missing", intraday=True),
    Rule("missing-close", cells.missing_close, "the rows are left out", intraday=True),
    Rule("spliced-frequency", frequency.spliced_frequency, "rows before the splice are left out, later ones stay"),
    Rule("low-frequency", frequency.low_frequency),
    Rule("date-range", dates.date_range, "the rows are left out"),
    Rule("rotated-columns", ranges.rotated_columns),
    Rule("high-below-low", ranges.high_below_low, "open, high and low of the rows are taken out", intraday=True),
    Rule("outside-range", ranges.outside_range, "open, high and low of the rows are taken out", intraday=True),
    Rule("future-date", dates.future_date, "the rows are left out"),
    Rule("shifted-dates", calendar.shifted_dates, _AS_IT_IS),
    Rule("closed-day", calendar.closed_day),
    Rule("weekend-bar", calendar.weekend_bar),
    Rule("partial-day", calendar.partial_day),
    Rule("gap", calendar.gap),
    Rule("bad-volume", cells.bad_volume, intraday=True),
    Rule("factor", outliers.factor, _AS_IT_IS, intraday=True),
    Rule("outlier", outliers.outlier, intraday=True),
    Rule("wick", outliers.wick, intraday=True),
    Rule("stale-close", stale.stale_close),
    Rule("frozen-close", stale.frozen_close, _AS_IT_IS),
    Rule("flat-bars", stale.flat_bars),
    Rule("repeated-bar", stale.repeated_bar),
    Rule("stale-open", stale.stale_open),
    Rule("wrong-instrument", identity.wrong_instrument, _AS_IT_IS),
    Rule("differing-close", identity.differing_close),
    Rule("round-prices", identity.round_prices, _AS_IT_IS),
    Rule("adjusted-close", cells.adjusted_close, intraday=True),
    Rule("back-cast", calendar.back_cast),
    Rule("published-move", published.published_move),
)
