"""Plan -> Account on arrays: the fills, trades and equity of the replay, to 1e-9, without walking the bars."""

from collections.abc import Sequence

import numpy as np

from datasets.arrays import Floats
from datasets.instants import to_ns
from datasets.prices.bars import Bars
from engine.account.accounts import Positions, positions_of
from engine.account.bar_matrix import bar_matrix, cost_model
from engine.account.exits import HELD, STOPPED, TARGET, TRAILED, financing, price_trades
from engine.account.records import Account, Fill, Trade
from engine.account.sizing import (
    STOP_LOSS,
    TAKE_PROFIT,
    TRAILING_STOP,
    fill_note,
    make_trade,
    size_opening,
)
from engine.account.trade_table import spans, table_of_plans
from engine.plan.costs import MAINTENANCE, Terms
from engine.plan.plan import Plan, Skipped

_REASONS = {STOPPED: STOP_LOSS, TARGET: TAKE_PROFIT, TRAILED: TRAILING_STOP}


class MarginCallError(Exception):
    """The account meets a margin call: only the replay can follow it."""


def evaluate(plan: Plan, bars: Sequence[Bars], terms: Terms, *, since: np.datetime64 | None = None) -> Account:
    """Return the account that ``engine.account.replay.replay`` returns for the same arguments.

    Raises:
        MarginCallError: equity falls below the maintenance margin.
    """
    costs = cost_model(bar_matrix(bars, since), terms)
    priced = price_trades(table_of_plans([plan], costs.matrix), costs)
    positions = positions_of(priced, costs)
    cash, net, gross = _daily(positions)
    equity = cash + net
    if np.any((gross != 0) & (equity < MAINTENANCE * gross)):
        raise MarginCallError("equity falls below the maintenance margin")
    exposure = np.divide(gross, equity, out=np.zeros(len(gross)), where=gross != 0)
    ledger = _Ledger(plan, positions)
    return Account(costs.matrix.days, equity, cash, exposure, ledger.fills(), ledger.trades(), ledger.skipped())


def _daily(positions: Positions) -> tuple[Floats, Floats, Floats]:
    """Return cash, net and gross value of the only plan of a table, at the mark of each day."""
    priced, costs, quantity = positions.priced, positions.costs, positions.quantity
    days, entry, paid = costs.matrix.n_days, priced.table.entry, positions.paid
    first, last = np.empty(len(entry), dtype=np.int64), np.empty(len(entry), dtype=np.int64)
    steps = positions.steps
    first[steps.trade[steps.opens]], last[steps.trade[~steps.opens]] = steps.day[steps.opens], steps.day[~steps.opens]
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
    of_day = np.repeat(quantity, last - first) * priced.at_marks(
        costs.matrix, np.repeat(priced.table.entry, last - first), held
    )
    net, gross = (np.bincount(held, v, minlength=days).astype(float) for v in (of_day, np.abs(of_day)))
    if costs.pays_interest:
        trades = np.flatnonzero(quantity)
        for rows, units in priced.charged(trades, quantity[trades], costs):
            for n, row, held_units in zip(trades, rows, units, strict=True):
                charge, day = costs.charges[row], np.arange(first[n], days)
                discounted[first[n] :] -= held_units * (charge[np.minimum(day, last[n])] - charge[first[n]])
    return discounted * costs.grown[1:], net, gross


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
        borrow, carry = financing(self._priced, self._costs, real, self._positions.quantity[real])
        for n, *paid in zip(real.tolist(), borrow.tolist(), carry.tolist(), strict=True):
            entry = self._fill(n, opens=True)
            exit_ = None if self._priced.reason[n] == HELD else self._fill(n, opens=False)
            quantity, scale = float(self._positions.quantity[n]), float(self._positions.scale[n])
            planned, bars = self._plan.trades[n], self._bars(n)
            found.append(
                make_trade(planned, bars, entry, exit_, quantity=quantity, scale=scale, borrow=paid[0], carry=paid[1])
            )
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
                lot=self._bars(n).instrument.lot,
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
            quantity=abs(quantity),
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
