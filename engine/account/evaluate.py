"""Plan -> Account on arrays: the fills, trades and equity of the replay, to 1e-9, without walking the bars."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from datasets.arrays import Floats
from datasets.instants import to_ns
from datasets.prices.bars import Bars
from engine.account.accounts import Positions, positions_of
from engine.account.bar_matrix import bar_matrix, cost_model
from engine.account.exits import CALLED, HELD, STOPPED, TARGET, TRAILED, financing, level_hits, price_trades
from engine.account.records import Account, Fill, Trade
from engine.account.sizing import (
    MARGIN_CALL,
    STOP_LOSS,
    TAKE_PROFIT,
    TRAILING_STOP,
    fill_note,
    make_trade,
    size_opening,
)
from engine.account.trade_table import spans, table_of_plans
from engine.plan.costs import Terms
from engine.plan.decision import Skipped
from engine.plan.plan import NO_TICK, Numbers64, Plan

_REASONS = {STOPPED: STOP_LOSS, TARGET: TAKE_PROFIT, TRAILED: TRAILING_STOP, CALLED: MARGIN_CALL}


def evaluate(plan: Plan, bars: Sequence[Bars], terms: Terms, *, since: np.datetime64 | None = None) -> Account:
    """Return the account that ``engine.account.replay.replay`` returns for the same arguments.

    A margin call changes nothing before it. So the first is followed, and all is computed again, until there is none.
    """
    costs = cost_model(bar_matrix(bars, since), terms)
    table = table_of_plans([plan], costs.matrix)
    hits = level_hits(table, costs) if len(table.level_entry) else None
    called: dict[int, int] = {}
    while True:
        positions = positions_of(price_trades(table, costs, hits, called), costs)
        daily = _daily(positions)
        new = _first_call(positions, np.flatnonzero((daily.gross != 0) & (daily.equity < daily.needed)), called)
        if not new:
            break
        called |= new
    exposure = np.divide(daily.gross, daily.equity, out=np.zeros(len(daily.gross)), where=daily.gross != 0)
    ledger = _Ledger(plan, positions)
    return Account(
        costs.matrix.days, daily.equity, daily.cash, exposure, ledger.fills(), ledger.trades(), ledger.skipped()
    )


def _first_call(positions: Positions, days: Numbers64, called: Mapping[int, int]) -> dict[int, int]:
    """Return the trades that the first margin call closes which has not been followed, and the tick of each.

    Args:
        positions: the accounts so far.
        days: at whose marks equity is below the maintenance margin.
        called: what earlier calls close.
    """
    matrix, (first, last) = positions.costs.matrix, _held_days(positions)
    for day in days.tolist():
        held = np.flatnonzero((positions.quantity != 0) & (first <= day) & (day < last))
        ticks = {n: matrix.next_tick(int(positions.instrument[n]), int(matrix.days.marked_at[day])) for n in held}
        new = {int(n): tick for n, tick in ticks.items() if tick != NO_TICK and n not in called}
        if new:
            return new
    return {}


def _held_days(positions: Positions) -> tuple[Numbers64, Numbers64]:
    """Return of each trade the first day at whose mark it is held, and the first at whose mark it no longer is."""
    steps, n = positions.steps, len(positions.quantity)
    first, last = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    first[steps.trade[steps.opens]], last[steps.trade[~steps.opens]] = steps.day[steps.opens], steps.day[~steps.opens]
    return first, last


class _Daily(NamedTuple):
    """An account at the mark of each day; ``needed`` is what equity must be for there to be no margin call.

    ``cash`` is not reduced by the value of futures held: a future is not paid for.
    """

    equity: Floats
    cash: Floats
    gross: Floats
    needed: Floats


def _daily(positions: Positions) -> _Daily:
    """Return the account of the only plan of a table."""
    priced, costs, quantity = positions.priced, positions.costs, positions.quantity
    days, entry, instrument, paid = costs.matrix.n_days, priced.table.entry, positions.instrument, positions.paid
    first, last = _held_days(positions)
    left = priced.reason != HELD
    value = np.concatenate((quantity * paid, -(quantity * priced.got)[left]))
    traded = np.concatenate((quantity * paid, -(quantity * priced.sold)[left]))
    closing, opening = positions.commission
    flow = value + np.abs(traded) * np.concatenate((opening, closing[left]))
    day = np.concatenate((first, last[left]))
    inside = day < days
    changes = np.bincount(day[inside], (flow / costs.grown[np.minimum(day, days - 1) + 1])[inside], minlength=days)
    discounted = costs.terms.cash - np.cumsum(changes)
    held = spans(first, last - first)
    trade = np.repeat(np.arange(len(entry)), last - first)
    of_day, of = quantity[trade] * priced.at_marks(costs.matrix, entry[trade], held), instrument[trade]
    entered = (quantity * paid)[trade] * costs.is_future[of]
    net, gross, needed, unpaid = (
        np.bincount(held, v, minlength=days).astype(float)
        for v in (of_day, np.abs(of_day), np.abs(of_day) * costs.maintenance[of], entered)
    )
    if costs.pays_interest:
        trades = np.flatnonzero(quantity)
        for rows, units in priced.charged(trades, quantity[trades], costs):
            for n, row, held_units in zip(trades, rows, units, strict=True):
                charge, day = costs.charges[row], np.arange(first[n], days)
                discounted[first[n] :] -= held_units * (charge[np.minimum(day, last[n])] - charge[first[n]])
    cash = discounted * costs.grown[1:]
    return _Daily(cash + net, cash + unpaid, gross, needed)


class _Ledger:
    """The fills, trades and skipped openings of one plan as records."""

    def __init__(self, plan: Plan, positions: Positions) -> None:
        self._plan, self._positions = plan, positions
        self._priced, self._costs = positions.priced, positions.costs

    def fills(self) -> tuple[Fill, ...]:
        """Return every fill, in the order in which they were made."""
        steps, quantity = self._positions.steps, self._positions.quantity
        real = (quantity[steps.trade] != 0) & (steps.opens | (self._priced.reason[steps.trade] != HELD))
        return tuple(
            self._fill(n, opens=opens)
            for n, opens in zip(steps.trade[real].tolist(), steps.opens[real].tolist(), strict=True)
        )

    def trades(self) -> tuple[Trade, ...]:
        """Return every trade, by entry and then by place in the plan; those still held are marked at the last price."""
        found = []
        real = np.flatnonzero(self._positions.quantity)
        charged = np.stack(financing(self._priced, self._costs, real, self._positions.quantity[real]))
        for n, paid in zip(real.tolist(), charged.T.tolist(), strict=True):
            entry = self._fill(n, opens=True)
            exit_ = None if self._priced.reason[n] == HELD else self._fill(n, opens=False)
            quantity, scale = float(self._positions.quantity[n]), float(self._positions.scale[n])
            planned, bars = self._plan.trades[n], self._bars(n)
            charges = dict(zip(("borrow", "carry", "roll"), paid, strict=True))
            found.append(make_trade(planned, bars, entry, exit_, units=quantity, scale=scale, **charges))
        return tuple(sorted(found, key=lambda t: t.entry_at))

    def skipped(self) -> tuple[Skipped, ...]:
        """Return the openings that were not traded, in the order of their instants."""
        steps, positions = self._positions.steps, self._positions
        none = steps.trade[steps.opens & (positions.quantity[steps.trade] == 0)]
        sizes = (
            size_opening(
                self._plan.trades[n],
                self._costs.terms,
                equity=float(positions.sized_on[n]),
                scale=float(positions.scale[n]),
                paid=float(self._priced.paid[n]),
                of=self._bars(n).instrument,
            )
            for n in none.tolist()
        )
        return tuple(s for s in sizes if isinstance(s, Skipped))

    def _bars(self, n: int) -> Bars:
        return self._costs.matrix.bars[int(self._priced.table.instrument[n])]

    def _fill(self, n: int, *, opens: bool) -> Fill:
        planned, bars, matrix, priced = self._plan.trades[n], self._bars(n), self._costs.matrix, self._priced
        instrument = int(priced.table.instrument[n])
        tick = int(priced.table.tick[n] if opens else priced.out[n])
        paid, reference = (priced.paid[n], matrix.price[tick]) if opens else (priced.sold[n], priced.reference[n])
        rate = 1.0 if matrix.rate is None else float(matrix.rate[tick])
        quantity = float(self._positions.quantity[n]) * (1 if opens else -1)
        reason = "entry" if opens else _REASONS.get(int(priced.reason[n]), planned.exit_reason)
        return Fill(
            event_id=planned.event_id,
            instrument=bars.symbol,
            side="buy" if quantity > 0 else "sell",
            quantity=abs(quantity) / bars.instrument.unit,
            decided_at=to_ns(planned.decided_at),
            filled_at=int(matrix.order[tick]) >> 1,
            session=str(bars.session[(tick >> 1) - int(matrix.base[instrument])]),
            price=float(paid) / rate,
            reference_price=float(reference),
            commission=float(abs(quantity * paid) * self._positions.commission[opens][n]),
            slippage=float(abs(quantity) * abs(paid - reference * rate)),
            reason=reason,
            note=fill_note(planned, reason),
            rate=rate,
        )
