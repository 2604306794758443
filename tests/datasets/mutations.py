"""Ways in which a price file goes wrong, each done to a sound table, with what the gate must make of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import numpy as np
from hypothesis import strategies as st
from msgspec.structs import replace

from datasets.instants import to_datetime
from datasets.markets.sessions import calendar_sessions
from datasets.prices.bars import Bars
from datasets.prices.table import PriceTable

PRICES = ("open", "high", "low", "close")
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Fate(Enum):
    """What becomes of a corrupted table: nothing else is allowed, least of all silence."""

    RIGHT = "put right to exactly the sound rows"
    REFUSED = "refused, naming a row"
    NAMED = "taken, and a finding names the very rows"


@dataclass(frozen=True)
class Corrupted:
    """A corrupted table; ``lines`` are those that were touched, ``sound`` what putting it right must give."""

    table: PriceTable
    lines: frozenset[int]
    sound: PriceTable
    reference: Bars | None = None
    retrieved_at: datetime | None = None


@dataclass(frozen=True)
class World:
    """A sound table, its bars, and another instrument's prices on the same sessions."""

    table: PriceTable
    bars: Bars
    other: PriceTable


Mutator = Callable[[World, Draw], Corrupted]
KINDS: dict[str, tuple[Fate, Mutator]] = {}


def kind(fate: Fate) -> Callable[[Mutator], Mutator]:
    def register(mutator: Mutator) -> Mutator:
        KINDS[mutator.__name__] = (fate, mutator)
        return mutator

    return register


def table_of(bars: Bars, *, first_line: int = 2) -> PriceTable:
    """The table of a file that holds just these bars."""
    n = len(bars)
    columns = {c: np.array(getattr(bars, c)) for c in PRICES}
    return PriceTable(
        name=f"{bars.symbol}.csv",
        layout="plain",
        session=bars.session,
        **columns,  # type: ignore[arg-type]
        volume=np.full(n, np.nan),
        adjusted_close=np.full(n, np.nan),
        line=np.arange(first_line, first_line + n),
    )


def with_columns(table: PriceTable, **columns: Any) -> PriceTable:
    return replace(table, **columns)


def scaled(table: PriceTable, rows: Any, by: float, columns: Sequence[str] = PRICES) -> PriceTable:
    changed = {c: getattr(table, c).copy() for c in columns}
    for c in columns:
        changed[c][rows] *= by
    return with_columns(table, **changed)


def touched(table: PriceTable, rows: Any) -> frozenset[int]:
    return frozenset(table.line[rows].tolist())


def row(world: World, draw: Draw, margin: int = 80) -> int:
    return int(draw(st.integers(margin, len(world.table) - margin)))


def segment(world: World, draw: Draw, shortest: int, longest: int) -> slice:
    n = int(draw(st.integers(shortest, longest)))
    first = int(draw(st.integers(60, len(world.table) - n - 60)))
    return slice(first, first + n)


def on_rows(world: World, table: PriceTable, rows: Any, **more: Any) -> Corrupted:
    return Corrupted(table, touched(world.table, rows), world.table, **more)


def inserted(world: World, at: int, session: np.datetime64, **prices: float) -> Corrupted:
    """A row more, before row ``at``; later lines move down."""
    t = world.table
    columns = {c: np.insert(getattr(t, c), at, prices.get(c, np.nan)) for c in (*PRICES, "volume", "adjusted_close")}
    line = np.arange(2, len(t) + 3)
    table = with_columns(t, session=np.insert(t.session, at, session), line=line, **columns)
    return Corrupted(table, frozenset({int(line[at])}), t)


# the order of rows


@kind(Fate.RIGHT)
def newest_first(world: World, draw: Draw) -> Corrupted:
    t = world.table
    return Corrupted(with_columns(t.take(np.arange(len(t))[::-1]), line=t.line), touched(t, slice(None)), t)


@kind(Fate.RIGHT)
def rows_doubled(world: World, draw: Draw) -> Corrupted:
    times = np.ones(len(world.table), dtype=np.int64)
    times[draw(st.lists(st.integers(0, len(world.table) - 1), min_size=1, max_size=30))] = 2
    rows = np.repeat(np.arange(len(world.table)), times)
    return Corrupted(world.table.take(rows), touched(world.table, times == 2), world.table)


@kind(Fate.RIGHT)
def every_row_doubled_and_newest_first(world: World, draw: Draw) -> Corrupted:
    rows = np.repeat(np.arange(len(world.table)), 2)[::-1]
    return Corrupted(world.table.take(rows), touched(world.table, slice(None)), world.table)


@kind(Fate.REFUSED)
def rows_shuffled(world: World, draw: Draw) -> Corrupted:
    part, rows = segment(world, draw, 5, 60), np.arange(len(world.table))
    rows[part] = np.roll(rows[part][::-1], int(draw(st.integers(0, 3))))
    return on_rows(world, world.table.take(rows), part)


@kind(Fate.REFUSED)
def two_rows_changed_places(world: World, draw: Draw) -> Corrupted:
    at, rows = row(world, draw), np.arange(len(world.table))
    rows[[at, at + 1]] = rows[[at + 1, at]]
    return on_rows(world, world.table.take(rows), [at, at + 1])


@kind(Fate.REFUSED)
def a_part_pasted_again_at_the_end(world: World, draw: Draw) -> Corrupted:
    part, n = segment(world, draw, 5, 60), len(world.table)
    table = world.table.take(np.append(np.arange(n), np.arange(n)[part]))
    line = np.arange(2, len(table) + 2)
    return Corrupted(with_columns(table, line=line), frozenset(line[n:].tolist()), world.table)


@kind(Fate.REFUSED)
def a_date_twice_with_different_prices(world: World, draw: Draw) -> Corrupted:
    at = row(world, draw)
    prices = {c: float(getattr(world.table, c)[at]) * 1.004 for c in PRICES}
    return inserted(world, at + 1, world.table.session[at], **prices)


# the dates


@kind(Fate.NAMED)
def a_month_dropped(world: World, draw: Draw) -> Corrupted:
    part = segment(world, draw, 18, 25)
    return _dropped(world, part)


@kind(Fate.NAMED)
def a_session_dropped(world: World, draw: Draw) -> Corrupted:
    at = row(world, draw)
    return _dropped(world, slice(at, at + 1))


def _dropped(world: World, part: slice) -> Corrupted:
    keep = np.ones(len(world.table), dtype=bool)
    keep[part] = False
    table = with_columns(world.table.take(keep), line=np.arange(2, 2 + int(keep.sum())))
    return Corrupted(table, frozenset({2 + part.start}), world.table)  # the row after the hole


@kind(Fate.REFUSED)
def day_and_month_exchanged(world: World, draw: Draw) -> Corrupted:
    part, t = segment(world, draw, 30, 90), world.table
    session, rows = t.session.copy(), []
    for r in range(part.start, part.stop):
        date = session[r].astype(object)
        if date.day <= 12 and date.day != date.month:
            session[r] = np.datetime64(date.replace(month=date.day, day=date.month))
            rows.append(r)
    return on_rows(world, with_columns(t, session=session), rows)


@kind(Fate.REFUSED)
def all_dates_a_day_off(world: World, draw: Draw) -> Corrupted:
    session = world.table.session + int(draw(st.sampled_from([-1, 1])))
    return on_rows(world, with_columns(world.table, session=session), slice(None))


@kind(Fate.REFUSED)
def some_dates_a_day_off(world: World, draw: Draw) -> Corrupted:
    part, session = segment(world, draw, 20, 80), world.table.session.copy()
    session[part] += int(draw(st.sampled_from([-1, 1])))
    return on_rows(world, with_columns(world.table, session=session), slice(part.start - 1, part.stop + 1))


@kind(Fate.REFUSED)
def a_year_mistyped(world: World, draw: Draw) -> Corrupted:
    at, session = row(world, draw), world.table.session.copy()
    session[at] += 365 * int(draw(st.sampled_from([-100, -1, 1, 9])))
    return on_rows(world, with_columns(world.table, session=session), slice(at, len(session)))


@kind(Fate.REFUSED)
def rows_of_the_future(world: World, draw: Draw) -> Corrupted:
    at = int(draw(st.integers(5, 30)))
    made = to_datetime(int(world.bars.close_at[-at])) + timedelta(hours=1)
    return on_rows(world, world.table, slice(-at, None), retrieved_at=made)


@kind(Fate.RIGHT)
def a_last_day_that_is_not_over(world: World, draw: Draw) -> Corrupted:
    minutes = int(draw(st.integers(1, 200)))
    made = to_datetime(int(world.bars.close_at[-1])) - timedelta(minutes=minutes)
    table = scaled(world.table, slice(-1, None), 1.003)
    sound = world.table.take(np.arange(len(world.table) - 1))
    return Corrupted(table, touched(table, slice(-1, None)), sound, retrieved_at=made)


@kind(Fate.RIGHT)
def a_row_on_a_holiday_at_the_last_close(world: World, draw: Draw) -> Corrupted:
    at, day = _holiday(world, draw)
    return inserted(world, at, day, **dict.fromkeys(PRICES, float(world.table.close[at - 1])))


@kind(Fate.NAMED)
def a_row_on_a_holiday_that_moves(world: World, draw: Draw) -> Corrupted:
    at, day = _holiday(world, draw)
    return inserted(world, at, day, **dict.fromkeys(PRICES, float(world.table.close[at - 1]) * 1.002))


@kind(Fate.RIGHT)
def an_empty_row_on_a_holiday(world: World, draw: Draw) -> Corrupted:
    at, day = _holiday(world, draw)
    return inserted(world, at, day)


def _holiday(world: World, draw: Draw) -> tuple[int, np.datetime64]:
    session = world.table.session
    days = np.arange(session[80], session[-80])
    open_days = calendar_sessions(world.bars.instrument.mic, days[0].astype(object), days[-1].astype(object))
    closed = days[~np.isin(days, open_days) & np.is_busday(days)]
    day = draw(st.sampled_from(closed.tolist()))
    return int(np.searchsorted(session, np.datetime64(day, "D"))), np.datetime64(day, "D")


@kind(Fate.REFUSED)
def a_part_week_by_week(world: World, draw: Draw) -> Corrupted:
    part = segment(world, draw, 60, 110)
    return _thinned(world, part, 7)


@kind(Fate.REFUSED)
def a_head_of_monthly_averages(world: World, draw: Draw) -> Corrupted:
    t, stop = world.table, int(draw(st.integers(230, 270)))
    month = t.session.astype("datetime64[M]")
    firsts = [r for r in range(stop) if r == 0 or month[r] != month[r - 1]]
    table = t.take(np.append(firsts, np.arange(stop, len(t))))
    session, close = table.session.copy(), table.close.copy()
    for i, r in enumerate(firsts):
        session[i] = month[r].astype("datetime64[D]")
        close[i] = t.close[month == month[r]].mean()
    nan = np.where(np.arange(len(table)) < len(firsts), np.nan, 1.0)
    blank = {c: getattr(table, c) * nan for c in ("open", "high", "low")}
    table = with_columns(table, session=session, close=close, line=np.arange(2, len(table) + 2), **blank)
    return Corrupted(table, frozenset(range(2, 2 + len(firsts))), t)


def _thinned(world: World, part: slice, days: int) -> Corrupted:
    session = world.table.session
    at = np.arange(len(session))
    inside = (at >= part.start) & (at < part.stop)
    wednesday = (session.astype(np.int64) + 3) % days == 2
    keep = ~inside | wednesday
    table = with_columns(world.table.take(keep), line=np.arange(2, 2 + int(keep.sum())))
    lines = table.line[np.isin(table.session, session[inside])]
    return Corrupted(table, frozenset(range(int(lines[0]) - 1, int(lines[-1]) + 2)), world.table)


# single prices


@kind(Fate.REFUSED)
def a_close_with_a_slipped_point(world: World, draw: Draw) -> Corrupted:
    at = row(world, draw)
    return on_rows(world, scaled(world.table, at, _slip(draw), ("close",)), [at])


@kind(Fate.REFUSED)
def a_row_with_a_slipped_point(world: World, draw: Draw) -> Corrupted:
    at = row(world, draw)
    return on_rows(world, scaled(world.table, at, _slip(draw)), [at])


@kind(Fate.REFUSED)
def a_high_with_a_slipped_point(world: World, draw: Draw) -> Corrupted:
    at = row(world, draw)
    return on_rows(world, scaled(world.table, at, 10.0, ("high",)), [at])


@kind(Fate.REFUSED)
def a_low_with_a_slipped_point(world: World, draw: Draw) -> Corrupted:
    at = row(world, draw)
    return on_rows(world, scaled(world.table, at, 0.1, ("low",)), [at])


def _slip(draw: Draw) -> float:
    return float(draw(st.sampled_from([0.01, 0.1, 10.0, 100.0])))


@kind(Fate.REFUSED)
def a_sign_turned(world: World, draw: Draw) -> Corrupted:
    at, column = row(world, draw), draw(st.sampled_from(PRICES))
    return on_rows(world, scaled(world.table, at, -1.0, (column,)), [at])


@kind(Fate.REFUSED)
def a_price_of_zero(world: World, draw: Draw) -> Corrupted:
    at, column = row(world, draw), draw(st.sampled_from(PRICES))
    return on_rows(world, scaled(world.table, at, 0.0, (column,)), [at])


@kind(Fate.REFUSED)
def an_infinite_price(world: World, draw: Draw) -> Corrupted:
    at, column = row(world, draw), draw(st.sampled_from(PRICES))
    return on_rows(world, scaled(world.table, at, np.inf, (column,)), [at])


@kind(Fate.REFUSED)
def a_close_missing(world: World, draw: Draw) -> Corrupted:
    at = row(world, draw)
    return on_rows(world, scaled(world.table, at, np.nan, ("close",)), [at])


@kind(Fate.NAMED)
def a_session_emptied(world: World, draw: Draw) -> Corrupted:
    at = row(world, draw)
    return on_rows(world, scaled(world.table, at, np.nan), [at])


@kind(Fate.REFUSED)
def high_and_low_exchanged(world: World, draw: Draw) -> Corrupted:
    rows = draw(st.lists(st.integers(0, len(world.table) - 1), min_size=1, max_size=8))
    high, low = world.table.high.copy(), world.table.low.copy()
    high[rows], low[rows] = world.table.low[rows], world.table.high[rows]
    return on_rows(world, with_columns(world.table, high=high, low=low), rows)


@kind(Fate.REFUSED)
def a_close_beyond_the_high(world: World, draw: Draw) -> Corrupted:
    at, close = row(world, draw), world.table.close.copy()
    close[at] = world.table.high[at] * float(draw(st.floats(1.0005, 1.05)))
    return on_rows(world, with_columns(world.table, close=close), [at])


@kind(Fate.REFUSED)
def an_open_below_the_low(world: World, draw: Draw) -> Corrupted:
    at, open_ = row(world, draw), world.table.open.copy()
    open_[at] = world.table.low[at] * float(draw(st.floats(0.95, 0.9995)))
    return on_rows(world, with_columns(world.table, open=open_), [at])


@kind(Fate.NAMED)
def a_row_far_off(world: World, draw: Draw) -> Corrupted:
    at = row(world, draw)
    return on_rows(world, scaled(world.table, at, float(draw(st.sampled_from([0.8, 0.85, 1.2, 1.3])))), [at])


@kind(Fate.NAMED)
def a_low_far_off(world: World, draw: Draw) -> Corrupted:
    at = row(world, draw)
    return on_rows(world, scaled(world.table, at, float(draw(st.sampled_from([0.5, 0.7, 0.75]))), ("low",)), [at])


@kind(Fate.NAMED)
def a_close_off_against_the_bars_at_hand(world: World, draw: Draw) -> Corrupted:
    at = row(world, draw)
    table = scaled(world.table, at, float(draw(st.sampled_from([0.98, 0.99, 1.01, 1.03]))))
    return on_rows(world, table, [at], reference=world.bars)


@kind(Fate.RIGHT)
def a_negative_volume(world: World, draw: Draw) -> Corrupted:
    at, volume = row(world, draw), world.table.volume.copy()
    volume[at] = -5.0
    return on_rows(world, with_columns(world.table, volume=volume), [at])


# stretches and whole files


@kind(Fate.REFUSED)
def a_part_in_another_unit(world: World, draw: Draw) -> Corrupted:
    part = segment(world, draw, 5, 100)
    by = float(draw(st.sampled_from([0.001, 0.01, 0.1, 110.0, 1000.0])))
    return _edges(world, scaled(world.table, part, by), part)


@kind(Fate.NAMED)
def a_part_in_another_currency(world: World, draw: Draw) -> Corrupted:
    part = segment(world, draw, 5, 100)
    return _edges(world, scaled(world.table, part, float(draw(st.sampled_from([0.65, 0.75, 1.3, 1.5])))), part)


@kind(Fate.REFUSED)
def another_instrument_pasted_in(world: World, draw: Draw) -> Corrupted:
    part = segment(world, draw, 5, 100)
    columns = {c: getattr(world.table, c).copy() for c in PRICES}
    for c in PRICES:
        columns[c][part] = getattr(world.other, c)[part]
    return _edges(world, with_columns(world.table, **columns), part)


def _edges(world: World, table: PriceTable, part: slice) -> Corrupted:
    """The first row of the part and the first after it are those at which the level jumps."""
    return on_rows(world, table, [part.start, part.stop])


@kind(Fate.REFUSED)
def another_instrument_of_the_same_level(world: World, draw: Draw) -> Corrupted:
    by = world.table.close[0] / world.other.close[0]
    table = scaled(world.other, slice(None), by)
    return on_rows(world, table, slice(None), reference=world.bars)


@kind(Fate.REFUSED)
def a_part_less_its_dividends(world: World, draw: Draw) -> Corrupted:
    part = slice(0, int(draw(st.integers(60, 300))))
    table = scaled(world.table, part, float(draw(st.floats(0.95, 0.99))))
    return on_rows(world, table, part, reference=world.bars)


@kind(Fate.REFUSED)
def every_close_a_session_late(world: World, draw: Draw) -> Corrupted:
    columns = {c: np.append(getattr(world.table, c)[:1], getattr(world.table, c)[:-1]) for c in PRICES}
    return on_rows(world, with_columns(world.table, **columns), slice(None), reference=world.bars)


@kind(Fate.REFUSED)
def prices_run_backwards(world: World, draw: Draw) -> Corrupted:
    columns = {c: getattr(world.table, c)[::-1] for c in PRICES}
    return on_rows(world, with_columns(world.table, **columns), slice(None), reference=world.bars)


@kind(Fate.REFUSED)
def returns_for_prices(world: World, draw: Draw) -> Corrupted:
    base = float(draw(st.sampled_from([0.0, 1.0, 100.0])))
    times = 100.0 if base == 100.0 else 1.0
    move = base + times * np.append(0.001, np.diff(world.table.close) / world.table.close[:-1])
    blank = np.full(len(move), np.nan)
    table = with_columns(world.table, close=move, open=blank, high=blank, low=blank)
    return on_rows(world, table, slice(None))


@kind(Fate.NAMED)
def closes_that_stay(world: World, draw: Draw) -> Corrupted:
    part = segment(world, draw, 5, 15)
    return on_rows(world, _held(world.table, part), slice(part.start - 1, part.stop))


@kind(Fate.REFUSED)
def a_feed_that_died(world: World, draw: Draw) -> Corrupted:
    n = int(draw(st.integers(20, 80)))
    part = slice(len(world.table) - n, len(world.table))
    return on_rows(world, _held(world.table, part), slice(part.start - 1, None))


@kind(Fate.NAMED)
def a_bar_repeated(world: World, draw: Draw) -> Corrupted:
    at = row(world, draw)
    columns = {c: getattr(world.table, c).copy() for c in PRICES}
    for c in PRICES:
        columns[c][at] = columns[c][at - 1]
    return on_rows(world, with_columns(world.table, **columns), [at])


@kind(Fate.REFUSED)
def a_constant(world: World, draw: Draw) -> Corrupted:
    return on_rows(world, _held(world.table, slice(1, None)), slice(None))


def _held(table: PriceTable, part: slice) -> PriceTable:
    columns = {c: getattr(table, c).copy() for c in PRICES}
    for c in PRICES:
        columns[c][part] = table.close[part.start - 1]
    return with_columns(table, **columns)


@kind(Fate.NAMED)
def opens_at_the_last_close(world: World, draw: Draw) -> Corrupted:
    year = world.table.session.astype("datetime64[Y]")
    rows = np.flatnonzero(year == year[len(year) // 2])[1:]
    rows = rows[:: int(draw(st.integers(1, 5)))]
    open_ = world.table.open.copy()
    open_[rows] = world.table.close[rows - 1]
    first = np.flatnonzero(year == year[len(year) // 2])[:1]
    high, low = np.fmax(world.table.high, open_), np.fmin(world.table.low, open_)
    return on_rows(world, with_columns(world.table, open=open_, high=high, low=low), first)


@kind(Fate.REFUSED)
def labels_rotated(world: World, draw: Draw) -> Corrupted:
    t, part = world.table, segment(world, draw, 40, 150)
    moved = {"open": t.close, "high": t.open, "low": t.high, "close": t.low}
    return on_rows(world, _relabelled(t, part, moved), part)


@kind(Fate.REFUSED)
def open_and_close_exchanged(world: World, draw: Draw) -> Corrupted:
    t, part = world.table, segment(world, draw, 80, 200)
    return on_rows(world, _relabelled(t, part, {"open": t.close, "close": t.open}), part)


@kind(Fate.REFUSED)
def high_and_close_exchanged(world: World, draw: Draw) -> Corrupted:
    t, part = world.table, segment(world, draw, 40, 200)
    return on_rows(world, _relabelled(t, part, {"high": t.close, "close": t.high}), part)


def _relabelled(table: PriceTable, part: slice, moved: dict[str, Any]) -> PriceTable:
    columns = {c: getattr(table, c).copy() for c in moved}
    for c, values in moved.items():
        columns[c][part] = values[part]
    return with_columns(table, **columns)


@kind(Fate.REFUSED)
def prices_rounded_to_tens(world: World, draw: Draw) -> Corrupted:
    step = float(draw(st.sampled_from([5.0, 10.0])))
    columns = {c: np.round(getattr(world.table, c) / step) * step for c in PRICES}
    return on_rows(world, with_columns(world.table, **columns), slice(None))
