"""The accounts of many plans: fill after fill in time, all plans abreast.

Each trade has two steps, its opening and its closing. Where they fall hangs on prices alone, so the steps of a plan can
be put in order before any account is known: closings first, then openings, as in the replay. Between two steps an
account changes by interest alone. Idle cash grows at the same pace in all accounts; cash is therefore kept as what it
was worth on the first day (``worth``), and that changes at steps only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.prices.bars import Flags, Floats
from engine.account.bar_matrix import BarMatrix, CostModel, Numbers64
from engine.account.exits import HELD, Priced
from engine.account.sizing import SMALLEST_SCALE
from engine.account.trade_table import spans

_NEVER = np.iinfo(np.int64).max
_LOTS_SLACK = 1e-9  # engine.account.sizing.whole_lots


@dataclass(frozen=True, eq=False)
class Steps:
    """Two steps a trade, plan by plan and in order of time; those of plan p are ``start[p]`` up to ``start[p + 1]``.

    ``day`` is the first at whose mark a step is seen (the number of days: never closed). ``leads`` says of an opening
    that it is the first of its instant: all openings of an instant are sized on the equity there, and scaled together;
    ``wanted`` is what they want, with commission, as a share of equity.
    """

    start: Numbers64
    trade: Numbers64
    opens: Flags
    day: Numbers64
    leads: Flags
    wanted: Floats
    one_at_a_time: bool


def steps_of(priced: Priced, tape: BarMatrix, money: CostModel) -> Steps:
    """Return the steps of all plans of a table."""
    table, entries = priced.table, priced.table.entries
    entered = tape.order[entries.moment][table.entry]
    left = np.where(priced.reason == HELD, _NEVER, tape.order[priced.out])
    follows = np.ones(len(table), dtype=bool)
    follows[table.start[:-1][np.diff(table.start) > 0]] = False
    one_at_a_time = bool(np.all(left[:-1] <= entered[1:], where=follows[1:]))
    order = np.stack((entered, left), axis=1).ravel()
    step = np.arange(2 * len(table)) if one_at_a_time else _sorted(priced, order)
    trade, opens = step >> 1, step & 1 == 0
    moment = np.where(opens, entries.moment[table.entry[trade]], priced.out[trade])
    day = np.where(order[step] == _NEVER, tape.n_days, tape.day[moment])
    share = np.abs(entries.weight) * (1 + money.commission[entries.instrument])
    leads, wanted = opens, np.where(opens, share[table.entry[trade]], 0.0)
    if not one_at_a_time:
        leads, wanted = _together(table.start * 2, order[step], opens, wanted)
    return Steps(table.start * 2, trade, opens, day, leads, wanted, one_at_a_time)


def _sorted(priced: Priced, order: Numbers64) -> Numbers64:
    """Return the steps by plan, instant, closings before openings, place of the instrument, and place in the plan."""
    table = priced.table
    n = len(table)
    plan = np.repeat(np.arange(table.n_plans), np.diff(table.start))
    kind = np.tile([1, 0], n)
    place = table.entries.instrument[table.entry]
    by: Numbers64 = np.lexsort((np.repeat(place, 2), kind, order, np.repeat(plan, 2)))
    return by


def _together(start: Numbers64, order: Numbers64, opens: Flags, wanted: Floats) -> tuple[Flags, Floats]:
    """Return which openings are the first of their instant, and what those of each instant want together."""
    same = np.zeros(len(order), dtype=bool)
    same[1:] = opens[1:] & opens[:-1] & (order[1:] == order[:-1])
    same[start[:-1][start[:-1] < len(order)]] = False
    leads = opens & ~same
    together = np.bincount(np.cumsum(leads)[opens], weights=wanted[opens], minlength=int(leads.sum()) + 1)
    summed = np.zeros(len(order))
    summed[leads] = together[1:]
    return leads, summed


@dataclass(frozen=True, eq=False)
class Settled:
    """What became of each trade and step: the signed ``quantity`` of a trade (0: not traded), and cash after a step.

    ``worth`` is the cash after each step, as what it was worth on the first day: it is had at the mark of day d as
    ``worth * money.grown[d + 1]``.
    """

    steps: Steps
    quantity: Floats
    worth: Floats
    final: Floats


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Trades held while others are opened: the number of the leading step, of the trade, and its price then."""

    of_step: Numbers64
    trade: Numbers64
    price: Floats

    def at(self, steps: Numbers64) -> tuple[Numbers64, Numbers64]:
        """Return the pairs of several leading steps, and the place of each pair's step among them."""
        first = np.searchsorted(self.of_step, steps)
        counts = np.searchsorted(self.of_step, steps, side="right") - first
        return spans(first, counts), np.repeat(np.arange(len(steps)), counts)


def held_pairs(steps: Steps, chosen: Flags) -> tuple[Numbers64, Numbers64]:
    """Return all pairs of a trade and a chosen step strictly between its opening and its closing: steps, trades."""
    n = len(steps.trade)
    opening, closing = (np.empty(n // 2, dtype=np.int64) for _ in range(2))
    opening[steps.trade[steps.opens]] = np.flatnonzero(steps.opens)
    closing[steps.trade[~steps.opens]] = np.flatnonzero(~steps.opens)
    numbers = np.flatnonzero(chosen)
    first = np.searchsorted(numbers, opening, side="right")
    counts = np.searchsorted(numbers, closing, side="left") - first
    return numbers[spans(first, counts)], np.repeat(np.arange(n // 2), counts)


def _pairs(priced: Priced, steps: Steps, tape: BarMatrix) -> _Pairs:
    if steps.one_at_a_time:
        nothing = np.zeros(0, dtype=np.int64)
        return _Pairs(nothing, nothing, np.zeros(0))
    step, trade = held_pairs(steps, steps.leads)
    by = np.argsort(step, kind="stable")
    step, trade = step[by], trade[by]
    table, entries = priced.table, priced.table.entries
    order = tape.order[entries.moment[table.entry[steps.trade[step]]]]
    return _Pairs(step, trade, known_prices(tape, entries.instrument[table.entry[trade]], order))


def known_prices(tape: BarMatrix, instrument: NDArray[np.int32], order: Numbers64) -> Floats:
    """Return the last price of instruments at places in time."""
    found = np.empty(len(order))
    by = np.argsort(instrument, kind="stable")
    edges = np.searchsorted(instrument[by], np.arange(len(tape.bars) + 1))
    for n in np.flatnonzero(np.diff(edges)):
        mine = by[edges[n] : edges[n + 1]]
        found[mine] = tape.price[tape.known_rows(int(n), order[mine])]
    return found


def settled(priced: Priced, steps: Steps, tape: BarMatrix, money: CostModel) -> Settled:
    """Return the accounts after all steps. Shorts that pay interest are left to engine/account/grid.py."""
    walk = _Walk(priced, steps, tape, money)
    counts = np.diff(steps.start)
    by = np.argsort(-counts, kind="stable")
    first, counts = steps.start[:-1][by], counts[by]
    for k in range(int(counts.max(initial=0))):
        n = int(np.searchsorted(-counts, -k))
        walk.take(by[:n], first[:n] + k)
    return Settled(steps, walk.quantity, walk.worth, walk.final())


class _Walk:
    """All accounts abreast, from step to step."""

    def __init__(self, priced: Priced, steps: Steps, tape: BarMatrix, money: CostModel) -> None:
        self.priced, self.steps, self.tape, self.money = priced, steps, tape, money
        self.pairs = _pairs(priced, steps, tape)
        plans, n = len(steps.start) - 1, len(steps.trade)
        self.quantity, self.worth = np.zeros(n // 2), np.empty(n)
        self.posted, self.pending = np.full(plans, money.terms.cash), np.zeros(plans)
        self.day, self.equity, self.scale = np.zeros(plans, dtype=np.int64), np.zeros(plans), np.zeros(plans)
        entry, instrument = priced.table.entry, priced.table.entries.instrument
        self.weight, self.paid = priced.table.entries.weight[entry], priced.paid[entry]
        self.commission, self.lot = money.commission[instrument][entry], money.lot[instrument][entry]

    def take(self, plans: Numbers64, steps: Numbers64) -> None:
        """Take one step in each of several plans."""
        self._pass_days(plans, steps)
        opens = self.steps.opens[steps]
        if opens.any():
            self._open(plans[opens], steps[opens])
        if not opens.all():
            self._close(plans[~opens], steps[~opens])
        grown = self.money.grown[np.minimum(self.day[plans] + 1, self.tape.n_days)]
        self.worth[steps] = self.posted[plans] + self.pending[plans] / grown

    def _pass_days(self, plans: Numbers64, steps: Numbers64) -> None:
        """Let what was paid and got on an earlier day earn interest from its mark on."""
        day, before = self.steps.day[steps], self.day[plans]
        later = plans[day > before]
        self.posted[later] += self.pending[later] / self.money.grown[self.day[later] + 1]
        self.pending[later] = 0.0
        self.day[plans] = day

    def _open(self, plans: Numbers64, steps: Numbers64) -> None:
        leads = self.steps.leads[steps]
        self._size(plans[leads], steps[leads])
        trade = self.steps.trade[steps]
        scale, paid, lot = self.scale[plans], self.paid[trade], self.lot[trade]
        quantity = np.abs(self.weight[trade]) * self.equity[plans] * scale / paid
        lots = np.floor(quantity / np.where(lot > 0, lot, 1.0) + _LOTS_SLACK) * lot
        quantity = np.where(lot > 0, lots, quantity)
        quantity = np.where((scale >= SMALLEST_SCALE) & (quantity > 0), quantity, 0.0)
        self.quantity[trade] = quantity * np.sign(self.weight[trade])
        self._pay(plans, trade, self.quantity[trade] * paid)

    def _size(self, plans: Numbers64, steps: Numbers64) -> None:
        """Set the equity on which openings are sized, and the share of their size that the exposure limit leaves."""
        cash = self.money.grown[self.day[plans]] * self.posted[plans] + self.pending[plans]
        net, gross = self._held(steps)
        equity = cash + net
        wanted = self.steps.wanted[steps] * equity
        room = self.money.terms.max_gross * equity - gross
        fits = np.divide(room, wanted, out=np.zeros(len(plans)), where=wanted > 0)
        self.equity[plans], self.scale[plans] = equity, np.minimum(1.0, fits)

    def _held(self, steps: Numbers64) -> tuple[Floats, Floats]:
        """Return the net and gross value of what is held at several leading steps."""
        if not len(self.pairs.trade):
            return np.zeros(len(steps)), np.zeros(len(steps))
        pair, place = self.pairs.at(steps)
        value = self.quantity[self.pairs.trade[pair]] * self.pairs.price[pair]
        n = len(steps)
        return np.bincount(place, value, n).astype(float), np.bincount(place, np.abs(value), n).astype(float)

    def _close(self, plans: Numbers64, steps: Numbers64) -> None:
        ends = self.priced.reason[self.steps.trade[steps]] != HELD
        plans, trade = plans[ends], self.steps.trade[steps[ends]]
        self._pay(plans, trade, -self.quantity[trade] * self.priced.got[trade])

    def _pay(self, plans: Numbers64, trade: Numbers64, value: Floats) -> None:
        self.pending[plans] -= value + np.abs(value) * self.commission[trade]

    def final(self) -> Floats:
        """Return the equity of each account at the mark of its last day."""
        days = self.tape.n_days
        cash = self.posted * self.money.grown[days] + self.pending * _kept(self.money, self.day, days)
        held = np.flatnonzero((self.priced.reason == HELD) & (self.quantity != 0))
        plan = np.searchsorted(self.priced.table.start, held, side="right") - 1
        instrument = self.priced.table.entries.instrument[self.priced.table.entry[held]]
        value = self.quantity[held] * self.tape.marks[instrument, days - 1] if days else np.zeros(0)
        equity: Floats = cash + np.bincount(plan, weights=value, minlength=len(cash))
        return equity


def _kept(money: CostModel, day: Numbers64, days: int) -> Floats:
    """Return what 1 paid in before the mark of a day has become by the last mark; its own mark brings it nothing."""
    kept: Floats = money.grown[days] / money.grown[np.minimum(day + 1, days)]
    return kept
