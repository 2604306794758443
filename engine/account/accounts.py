"""The accounts of many plans: fill after fill in time, all plans in parallel.

Each trade has two steps, its opening and its closing. Where they are depends on prices alone, so the steps of a plan
are put in order before any account is known: closings first, then openings, as in the replay. Between two steps an
account changes by interest alone. Idle cash grows at the same rate in all accounts; cash is therefore kept discounted
to the first day, and changes at steps only, but for what is charged for holding.
"""

from typing import Any

import numpy as np
from msgspec import Struct

from datasets.arrays import Flags, Floats
from engine.account.bar_matrix import CostModel
from engine.account.exits import HELD, PricedTrades
from engine.account.sizing import LOT_TOLERANCE, SMALLEST_SCALE
from engine.account.trade_table import spans
from engine.plan.plan import Numbers64

_NEVER = np.iinfo(np.int64).max


class _Steps(Struct, frozen=True, eq=False):
    """Two steps a trade, plan by plan and in order of time; those of plan p are ``start[p]`` up to ``start[p + 1]``.

    ``day`` is the first at whose mark a step is included (the number of days: never closed). ``leads`` marks an
    opening that is the first of its instant: all openings of an instant are sized on the equity there, and scaled
    together; ``wanted`` is what they want of each of ``CostModel.limits``, with commission, as a share of equity.
    """

    start: Numbers64
    trade: Numbers64
    opens: Flags
    day: Numbers64
    leads: Flags
    wanted: Floats
    one_at_a_time: bool


def steps_of(priced: PricedTrades, costs: CostModel) -> _Steps:
    """Return the steps of all plans of a table."""
    matrix, table = costs.matrix, priced.table
    entered = matrix.order[table.tick][table.entry]
    left = np.where(priced.reason == HELD, _NEVER, matrix.order[priced.out])
    follows = np.ones(len(table), dtype=bool)
    follows[table.start[:-1][np.diff(table.start) > 0]] = False
    one_at_a_time = bool(np.all(left[:-1] <= entered[1:], where=follows[1:]))
    order = np.stack((entered, left), axis=1).ravel()
    step = np.arange(2 * len(table)) if one_at_a_time else _sorted(priced, order)
    trade, opens = step >> 1, step & 1 == 0
    tick = np.where(opens, table.tick[table.entry[trade]], priced.out[trade])
    day = np.where(order[step] == _NEVER, matrix.n_days, matrix.day[tick])
    share = np.abs(table.weight) * (1 + costs.commission_at(table.instrument, table.tick))
    uses = np.stack([share * used[table.instrument] for _, used in costs.limits])
    leads, wanted = opens, np.where(opens, uses[:, table.entry[trade]], 0.0)
    if not one_at_a_time:
        leads, wanted = _together(table.start * 2, order[step], opens, wanted)
    return _Steps(table.start * 2, trade, opens, day, leads, wanted, one_at_a_time)


def _sorted(priced: PricedTrades, order: Numbers64) -> Numbers64:
    """Return the steps by plan, instant, closings before openings, instrument, entry (closings), place in the plan."""
    table = priced.table
    plan = np.repeat(np.arange(table.n_plans), np.diff(table.start))
    opens = np.tile([1, 0], len(table))
    instrument = table.instrument[table.entry]
    entered = np.where(opens == 1, 0, np.repeat(order[::2], 2))
    return np.asarray(np.lexsort((entered, np.repeat(instrument, 2), opens, order, np.repeat(plan, 2))))


def _together(start: Numbers64, order: Numbers64, opens: Flags, wanted: Floats) -> tuple[Flags, Floats]:
    """Return which openings are the first of their instant, and what those of each instant want together."""
    same = np.zeros(len(order), dtype=bool)
    same[1:] = opens[1:] & opens[:-1] & (order[1:] == order[:-1])
    same[start[:-1][start[:-1] < len(order)]] = False
    leads = opens & ~same
    group, n = np.cumsum(leads)[opens], int(leads.sum()) + 1
    summed = np.zeros(wanted.shape)
    summed[:, leads] = [np.bincount(group, weights=own[opens], minlength=n)[1:] for own in wanted]
    return leads, summed


def held_pairs(steps: _Steps, chosen: Flags) -> tuple[Numbers64, Numbers64]:
    """Return all pairs of a trade and a chosen step strictly between its opening and its closing: steps, trades."""
    n = len(steps.trade)
    opening, closing = (np.empty(n // 2, dtype=np.int64) for _ in range(2))
    opening[steps.trade[steps.opens]] = np.flatnonzero(steps.opens)
    closing[steps.trade[~steps.opens]] = np.flatnonzero(~steps.opens)
    numbers = np.flatnonzero(chosen)
    first = np.searchsorted(numbers, opening, side="right")
    counts = np.searchsorted(numbers, closing, side="left") - first
    return numbers[spans(first, counts)], np.repeat(np.arange(n // 2), counts)


def positions_of(priced: PricedTrades, costs: CostModel) -> "Positions":
    """Return the accounts of all plans of a table after all steps."""
    positions = Positions(priced, costs)
    start = positions.steps.start
    counts = np.diff(start)
    by = np.argsort(-counts, kind="stable")
    first, counts = start[:-1][by], counts[by]
    for k in range(int(counts.max(initial=0))):
        n = int(np.searchsorted(-counts, -k))
        positions.take(by[:n], first[:n] + k)
    positions.end()
    return positions


class Positions:
    """All accounts in parallel, from step to step, and what became of each trade and step.

    One value a trade: the signed ``quantity`` (0: not traded), the equity it was ``sized_on``, the ``scale`` that the
    exposure limit left it, and the rates of ``commission`` at its closing and its opening. ``cash`` is that after each
    step, discounted to the first day: at the mark of day d it is ``cash * costs.grown[d + 1]``. One value a plan: the
    ``final`` equity.

    Of the accounts on the way ``posted`` is the discounted cash that has earned interest by the mark of the day
    before, and ``pending`` what was paid and received since.
    """

    def __init__(self, priced: PricedTrades, costs: CostModel) -> None:
        self.priced, self.steps, self.costs = priced, steps_of(priced, costs), costs
        plans, n = len(self.steps.start) - 1, len(self.steps.trade)
        self.quantity, self.sized_on, self.scale = (np.zeros(n // 2) for _ in range(3))
        self.cash, self.final = np.empty(n), np.empty(plans)
        self.posted, self.pending = np.full(plans, costs.terms.cash), np.zeros(plans)
        self.day, self.equity_now, self.scale_now = np.zeros(plans, dtype=np.int64), np.zeros(plans), np.zeros(plans)
        table = priced.table
        self.weight, self.paid = table.weight[table.entry], priced.paid[table.entry]
        self.instrument = table.instrument[table.entry]
        self.lot, ticks = costs.lot[self.instrument], (priced.out, table.tick[table.entry])
        self.commission = tuple(costs.commission_at(self.instrument, tick) for tick in ticks)
        self.charges = _Charges(plans, costs) if costs.charges_for(self.weight) else None
        self._find_pairs()

    def _find_pairs(self) -> None:
        """Find the trades held while others are opened: the leading step, the trade, and its price then."""
        steps, table = self.steps, self.priced.table
        step, trade = (np.zeros(0, dtype=np.int64),) * 2 if steps.one_at_a_time else held_pairs(steps, steps.leads)
        by = np.argsort(step, kind="stable")
        self.pair_step, self.pair_trade = step[by], trade[by]
        matrix, entry = self.costs.matrix, table.entry[self.pair_trade]
        order = matrix.order[table.tick[table.entry[steps.trade[self.pair_step]]]]
        tick = matrix.last_ticks(table.instrument[entry], order)
        rate = None if matrix.rate is None else matrix.rate[tick]
        self.pair_price = self.priced.less_owed(entry, matrix.money[tick], rate)

    def take(self, plans: Numbers64, steps: Numbers64) -> None:
        """Take one step in each of several plans."""
        self._pass_days(plans, self.steps.day[steps])
        opens = self.steps.opens[steps]
        if opens.any():
            self._open(plans[opens], steps[opens])
        if not opens.all():
            ends = ~opens & (self.priced.reason[self.steps.trade[steps]] != HELD)
            trade = self.steps.trade[steps[ends]]
            quantity, priced = -self.quantity[trade], self.priced
            self._pay(plans[ends], trade, quantity * priced.got[trade], quantity * priced.sold[trade], opens=False)
        grown = self.costs.grown[np.minimum(self.day[plans] + 1, self.costs.matrix.n_days)]
        self.cash[steps] = self.posted[plans] + self.pending[plans] / grown
        if self.charges is not None:
            self.cash[steps] -= self.charges.due[plans]

    def _pass_days(self, plans: Numbers64, day: Numbers64) -> None:
        """Let what was paid and received on an earlier day earn interest from its mark on."""
        before = self.day[plans]
        passed = day > before
        later = plans[passed]
        self.posted[later] += self.pending[later] / self.costs.grown[before[passed] + 1]
        self.pending[later] = 0.0
        if self.charges is not None:
            self.posted[later] -= self.charges.charged(later, before[passed], day[passed])
        self.day[plans] = day

    def _open(self, plans: Numbers64, steps: Numbers64) -> None:
        leads = self.steps.leads[steps]
        self._size(plans[leads], steps[leads])
        trade = self.steps.trade[steps]
        scale, paid, lot = self.scale_now[plans], self.paid[trade], self.lot[trade]
        self.sized_on[trade], self.scale[trade] = self.equity_now[plans], scale
        quantity = np.abs(self.weight[trade]) * self.sized_on[trade] * scale / paid
        lots = np.floor(quantity / np.where(lot > 0, lot, 1.0) + LOT_TOLERANCE) * lot
        quantity = np.where(lot > 0, lots, quantity)
        quantity = np.where((scale >= SMALLEST_SCALE) & (quantity > 0), quantity, 0.0)
        self.quantity[trade] = quantity * np.sign(self.weight[trade])
        value = self.quantity[trade] * paid
        self._pay(plans, trade, value, value, opens=True)

    def _size(self, plans: Numbers64, steps: Numbers64) -> None:
        """Set the equity on which openings are sized, and the share of their size that the limits leave."""
        net, *uses = self._held(steps)
        equity = self.costs.grown[self.day[plans]] * self.posted[plans] + self.pending[plans] + net
        scale = np.where(self.steps.wanted[0][steps] * equity > 0, 1.0, 0.0)
        for (multiple, _), wants, used in zip(self.costs.limits, self.steps.wanted, uses, strict=True):
            wanted, room = wants[steps] * equity, multiple * equity - used
            scale = np.minimum(scale, np.divide(room, wanted, out=scale.copy(), where=wanted > 0))
        self.equity_now[plans], self.scale_now[plans] = equity, scale

    def _held(self, steps: Numbers64) -> list[Floats]:
        """Return the net value of what is held at several leading steps, and what it uses of each limit."""
        n, limits = len(steps), self.costs.limits
        if not len(self.pair_trade):
            return [np.zeros(n)] * (1 + len(limits))
        first = np.searchsorted(self.pair_step, steps)
        counts = np.searchsorted(self.pair_step, steps, side="right") - first
        pair, place = spans(first, counts), np.repeat(np.arange(n), counts)
        trade = self.pair_trade[pair]
        value = self.quantity[trade] * self.pair_price[pair]
        uses = [np.abs(value) * used[self.instrument[trade]] for _, used in limits]
        return [np.bincount(place, v, n).astype(float) for v in (value, *uses)]

    def _pay(self, plans: Numbers64, trade: Numbers64, value: Floats, traded: Floats, *, opens: bool) -> None:
        self.pending[plans] -= value + np.abs(traded) * self.commission[opens][trade]
        if self.charges is not None:
            for rows, units in self.priced.charged(trade, self.quantity[trade], self.costs):
                self.charges.add(plans, rows, units if opens else -units)

    def end(self) -> None:
        """Set the equity of each account at the mark of its last day."""
        days = self.costs.matrix.n_days
        self._pass_days(np.arange(len(self.day)), np.full(len(self.day), days))
        held = np.flatnonzero((self.priced.reason == HELD) & (self.quantity != 0))
        plan = np.searchsorted(self.priced.table.start, held, side="right") - 1
        entry = self.priced.table.entry[held]
        value = self.quantity[held] * self.priced.at_marks(self.costs.matrix, entry, days - 1) if days else np.zeros(0)
        net = np.bincount(plan, weights=value, minlength=len(self.day))
        self.final = self.posted * self.costs.grown[days] + net


class _Charges:
    """The units of each row of ``CostModel.charges`` that each plan holds, and what is charged for them.

    ``due`` is the charge at the mark of a plan's present day, which what is held since the day before has caused.
    """

    def __init__(self, plans: int, costs: CostModel) -> None:
        self.charge = costs.charges
        self.held, self.due = np.zeros((plans, len(self.charge))), np.zeros(plans)

    def add(self, plans: Numbers64, rows: Any, units: Floats) -> None:
        """Add to what plans hold."""
        self.held[plans, rows] += units

    def charged(self, plans: Numbers64, before: Numbers64, day: Numbers64) -> Floats:
        """Return the charges from the mark of one day of each plan to that before a later day."""
        held, own = self.held[plans], self.due[plans].copy()
        own += np.einsum("pi,ip->p", held, self.charge[:, day - 1] - self.charge[:, before])
        self.due[plans] = np.einsum("pi,ip->p", held, self.charge[:, day] - self.charge[:, day - 1])
        return own
