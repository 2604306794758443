"""Where trades leave: the one rule of stops and targets on arrays, for one trade or a million.

Levels: ``stop_loss`` and ``take_profit`` are fixed fractions of the price paid; ``trailing_stop`` follows the best
price since the entry, of the price paid and the highs of completed bars (short: the lows). The nearer stop counts. An
open beyond a level fills at the open. A level inside the bar fills at the level, and a stop comes before a target. A
level that a bar without an own open lies wholly beyond fills at the close.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import astuple, replace

from datasets.arrays import Flags, Floats
from datasets.prices.bars import Bars
from engine.account.bar_matrix import BarMatrix, CostModel
from engine.account.trade_table import TradeTable, spans
from engine.plan.plan import NO_TICK, Numbers64

PLANNED, STOPPED, TARGET, TRAILED, HELD, CALLED = range(6)
"""Why a trade leaves: as planned, at its stop, target or trailing stop, not at all, or by a margin call."""
_BLOCKS, _TOGETHER = (64, 8, 1), 1 << 17


class Hits(Struct, frozen=True, eq=False):
    """Of each trade the tick at which a level is reached first (NO_TICK: none is), the price there and the reason."""

    tick: Numbers64
    price: Floats
    reason: Numbers64

    def before(self, exit_: Numbers64, which: Any = slice(None)) -> Flags:
        """Return which of some come before planned exits. A planned open comes before what its bar touches later."""
        tick = self.tick[which]
        row, planned = tick >> 1, exit_ >> 1
        early = (row < planned) | ((row == planned) & (exit_ & 1 == 0)) | (exit_ == NO_TICK)
        return np.asarray((tick != NO_TICK) & early)


class Stops(Struct, frozen=True, eq=False):
    """The stops and targets of trades, and what they follow.

    ``paid`` is the price at the entry, ``sign`` 1 for long and -1 for short; ``fractions`` those of a ``TradeTable``.
    """

    paid: Floats
    sign: Floats
    fractions: Floats

    @property
    def fixed(self) -> Floats:
        """The level of the fixed stop, beyond every price where there is none."""
        return self._level(self.paid * (1 - self.sign * self.fractions[0]), -self.sign)

    @property
    def target(self) -> Floats:
        """The level of the target, beyond every price where there is none."""
        return self._level(self.paid * (1 + self.sign * self.fractions[1]), self.sign)

    def trailed(self, best: Floats) -> Floats:
        """Return the level of the trailing stop after a best price, beyond every price where there is none."""
        return self._level(best * (1 - self.sign * self.fractions[2]), -self.sign)

    def _level(self, level: Floats, beyond: Floats) -> Floats:
        return np.where(np.isnan(level), beyond * np.inf, level)

    def take(self, which: Numbers64) -> "Stops":
        """Return some of them."""
        return Stops(self.paid[which], self.sign[which], self.fractions[:, which])


def first_hits(prices: BarMatrix | Bars, entered: Numbers64, last_row: Numbers64, stops: Stops) -> Hits:
    """Return where the first level of each trade is reached.

    Args:
        prices: the bars of one instrument, or of several end to end.
        entered: the tick of each entry.
        last_row: the last row that is searched.
        stops: the levels.
    """
    first = (entered >> 1) + (entered & 1 == 0)
    row, best = _first_reached(prices, first, last_row, stops)
    at = np.maximum(row, 0)
    sign, fixed, trailed = stops.sign, stops.fixed, stops.trailed(best)
    trails = np.where(sign > 0, trailed > fixed, trailed < fixed)
    stop, target = np.where(trails, trailed, fixed), stops.target
    open_, high, low, close = (a[at] for a in (prices.open, prices.high, prices.low, prices.close))
    counts = prices.has_separate_open[at] & (at * 2 + 1 != entered)  # not the open of the entry
    stopped_at_open = sign * (open_ - stop) <= 0
    at_open = counts & (stopped_at_open | (sign * (open_ - target) >= 0))
    stopped = np.where(at_open, stopped_at_open, sign * (np.where(sign > 0, low, high) - stop) <= 0)
    level = np.where(stopped, stop, target)
    inside = np.where((low <= level) & (level <= high), level, close)
    return Hits(
        tick=np.where(row < 0, NO_TICK, at * 2 + at_open),
        price=np.where(at_open, open_, inside),
        reason=np.where(stopped, np.where(trails, TRAILED, STOPPED), TARGET),
    )


def _first_reached(
    prices: BarMatrix | Bars, first: Numbers64, last: Numbers64, stops: Stops
) -> tuple[Numbers64, Floats]:
    """Return the first row from ``first`` to ``last`` whose bar reaches a level (-1: none), and the best price before.

    Levels that trail are looked at bar by bar. Prices and levels of shorts change their sign: a stop lies below.
    """
    if np.isnan(stops.fractions[2]).all():
        return _first_beyond(prices, first, last, stops), stops.paid
    row, best, at = np.full(len(first), -1, dtype=np.int64), stops.paid.copy(), first.copy()
    left = np.flatnonzero(first <= last)
    while len(left):
        some, sign, here = stops.take(left), stops.sign[left], at[left]
        low, high = prices.low[here], prices.high[here]
        lowest, highest = np.where(sign > 0, (low, high), (-high, -low))
        stop = np.maximum(sign * some.fixed, sign * some.trailed(best[left]))
        reached = (lowest <= stop) | (highest >= sign * some.target)
        row[left[reached]] = here[reached]
        best[left] = np.where(reached, best[left], sign * np.maximum(sign * best[left], highest))
        at[left] += 1
        left = left[~reached & (at[left] <= last[left])]
    return row, best


def _first_beyond(prices: BarMatrix | Bars, first: Numbers64, last: Numbers64, stops: Stops) -> Numbers64:
    """Return the first row whose bar reaches a fixed level (-1: none): ever smaller blocks that do not are passed."""
    at, is_long, levels = first.copy(), stops.sign > 0, (stops.fixed, stops.target)
    below, above = np.where(is_long, *levels), np.where(is_long, *levels[::-1])
    for size in _BLOCKS:
        lowest, highest = _of_blocks(np.fmin, prices.low, size), _of_blocks(np.fmax, prices.high, size)
        left = np.flatnonzero(at <= last)
        while len(left):
            row = at[left]
            left = left[~((lowest[row] <= below[left]) | (highest[row] >= above[left]))]
            at[left] += size
            left = left[at[left] <= last[left]]
    return np.where(at <= last, at, -1)


def _of_blocks(extreme: np.ufunc, prices: Floats, size: int) -> Floats:
    """Return the extreme of so many prices (a power of two) from each row on; of fewer at the end."""
    found = prices.copy()
    for half in (1 << k for k in range(size.bit_length() - 1)):
        found[:-half] = extreme(found[:-half], found[half:])
    return found


class PricedTrades(Struct, frozen=True, eq=False):
    """The prices of a table's trades.

    One value an entry: ``paid`` at it, after slippage. One value a trade: the tick ``out`` (NO_TICK: held to the end),
    the price there before (``reference``) and after slippage (``sold``), what is left of it (``got``), and the reason.
    All but ``reference`` are in account currency. ``owed`` is the price of an entry in its quote currency where that
    was borrowed, ``rate_in`` the exchange rate then; None where nothing is financed.
    """

    table: TradeTable
    paid: Floats
    out: Numbers64
    reference: Floats
    got: Floats
    reason: Numbers64
    sold: Floats
    owed: Floats | None = None
    rate_in: Floats | None = None

    def less_owed(self, entry: Any, value: Floats, rate: Floats | None) -> Floats:
        """Return values of one unit less what the money borrowed at entries has risen to at exchange rates."""
        if self.owed is None or self.rate_in is None or rate is None:
            return value
        return np.asarray(value - self.owed[entry] * (rate - self.rate_in[entry]))

    def at_marks(self, matrix: BarMatrix, entry: Any, day: Any) -> Floats:
        """Return the value of one unit of entries at the marks of days, in account currency."""
        instrument = self.table.instrument[entry]
        rate = None if self.owed is None else matrix.rate_marks[instrument, day]
        return self.less_owed(entry, matrix.marks.take(instrument * matrix.n_days + day), rate)

    def charged(self, trade: Numbers64, quantity: Floats, costs: CostModel) -> list[tuple[Any, Floats]]:
        """Return the rows of ``CostModel.charges`` that trades of signed quantities pay, and how many units of each."""
        entry, n = self.table.entry[trade], len(costs.matrix.bars)
        instrument, short = self.table.instrument[entry], np.maximum(-quantity, 0.0)
        if costs.has_futures:  # of a long future's value, what it does not tie earns interest
            tied = costs.tied[instrument]
            short = np.where(quantity < 0, -quantity, -quantity * (1 - tied) / (1 + tied))
        rows = [(instrument, short)]
        if costs.has_pairs:
            rows.append((n + instrument, quantity))
        if self.owed is not None and self.rate_in is not None:
            owed = short * self.owed[entry]
            rows += [(2 * n + instrument, -owed), (3 * n + instrument, owed * self.rate_in[entry])]
        if costs.matrix.roll_days is not None:
            rows.append((len(costs.charges) - n + instrument, np.abs(quantity)))
        return rows

    def parts(self, first: Numbers64, counts: Numbers64) -> "PricedTrades":
        """Return the prices of some ranges of trades, each as a plan of its own."""
        table, trades = self.table, spans(first, counts)
        some = table.with_trades(counts, table.entry[trades], table.exit[trades], table.level[trades])
        own = {name: getattr(self, name)[trades] for name in ("out", "reference", "got", "reason", "sold")}
        return replace(self, table=some, **own)


def paid_at(table: TradeTable, costs: CostModel) -> Floats:
    """Return the price of each entry after slippage, in the instrument's currency."""
    moved = np.where(table.weight > 0, costs.buy[table.instrument], costs.sell[table.instrument])
    if costs.terms.event_slippage_bps:
        bought, sold = (costs.after_event(buy=buy)[table.instrument] for buy in (True, False))
        moved = np.where(table.after_event, np.where(table.weight > 0, bought, sold), moved)
    return np.asarray(costs.matrix.price[table.tick] * moved)


def level_hits(table: TradeTable, costs: CostModel) -> Hits:
    """Return where the levels of a table are reached; ``_TOGETHER`` of them are searched at a time."""
    paid, sign, found = paid_at(table, costs), np.where(table.weight > 0, 1.0, -1.0), []
    for part in (slice(first, first + _TOGETHER) for first in range(0, max(1, len(table.level_entry)), _TOGETHER)):
        entry = table.level_entry[part]
        stops = Stops(paid[entry], sign[entry], table.fractions[:, part])
        found.append(astuple(first_hits(costs.matrix, table.tick[entry], table.last_row[part], stops)))
    return Hits(*map(np.concatenate, zip(*found, strict=True)))


def financing(priced: PricedTrades, costs: CostModel, trade: Numbers64, quantity: Floats) -> tuple[Floats, ...]:
    """Return borrow fee, carry and commissions of rolls of some trades, by their numbers and signed quantities."""
    matrix, entry, none = costs.matrix, priced.table.entry[trade], np.zeros(len(trade))
    if not costs.terms.borrow_rate and matrix.carry is None and matrix.roll_days is None:
        return none, none, none
    first = matrix.day[priced.table.tick[entry]]
    last = np.where(priced.reason[trade] == HELD, matrix.n_days, matrix.day[np.maximum(priced.out[trade], 0)])
    instrument = priced.table.instrument[entry]
    cumulated = (costs.borrow_fees, costs.carry_gains, costs.roll_costs)
    fees, gains, rolls = (v[instrument, last] - v[instrument, first] for v in cumulated)
    return np.maximum(-quantity, 0.0) * fees, quantity * gains, np.abs(quantity) * rolls


def price_trades(
    table: TradeTable, costs: CostModel, hits: Hits | None = None, called: Mapping[int, int] | None = None
) -> PricedTrades:
    """Return the prices of all trades of a table.

    Args:
        table: the trades.
        costs: what they cost.
        hits: where the levels of the table are reached, if that is known.
        called: of trades that a margin call closes, by their numbers, the tick at which it does.
    """
    matrix, out = costs.matrix, table.exit.copy()
    instrument = table.instrument[table.entry]
    reason = np.where(out == NO_TICK, HELD, PLANNED)
    reference = matrix.price[np.where(out == NO_TICK, matrix.last_row[instrument] * 2, out)]
    if len(table.level_entry):
        hits = level_hits(table, costs) if hits is None else hits
        own = np.flatnonzero(table.level >= 0)
        leaves = own[hits.before(table.exit[own], table.level[own])]
        level = table.level[leaves]
        out[leaves], reference[leaves], reason[leaves] = hits.tick[level], hits.price[level], hits.reason[level]
    for trade, tick in (called or {}).items():
        out[trade], reference[trade], reason[trade] = tick, matrix.price[tick], CALLED
    closes = np.where(table.weight[table.entry] > 0, costs.sell[instrument], costs.buy[instrument])
    if matrix.fee is not None:
        closes = np.where(np.isnan(matrix.fee[out >> 1]), 1.0, closes)  # a settlement costs nothing
    paid, sold = paid_at(table, costs), reference * closes
    if matrix.rate is None:
        return PricedTrades(table, paid, out, reference, sold, reason, sold)
    left = np.where(out == NO_TICK, matrix.last_row[instrument] * 2, out)
    matrix.check_rates(instrument, table.tick[table.entry], left)
    rate_in, rate_out = matrix.rate[table.tick], matrix.rate[left]
    owed = np.where(matrix.is_financed[table.instrument], paid, 0.0) if matrix.is_financed.any() else None
    priced = PricedTrades(table, paid * rate_in, out, reference, sold, reason, sold * rate_out, owed, rate_in)
    return replace(priced, got=priced.less_owed(table.entry, priced.sold, rate_out))
