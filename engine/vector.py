"""Plan -> account on arrays: the same fills, trades and equity as the replay to 1e-9, without walking the bars.

Where a trade leaves depends on prices alone, never on the account: each exit is found by one search of its holding
bars. The account is then reckoned from fill to fill, and the days between two fills at once. A margin call cannot be
had this way: it is refused, and the replay does it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np

from datasets.bars import Bars, Flags, Floats
from datasets.instants import Instants, to_ns
from engine.account import (
    STOP_LOSS,
    TAKE_PROFIT,
    Account,
    Held,
    fill_note,
    make_trade,
    opening_scale,
    size_opening,
)
from engine.costs import MAINTENANCE, Costs, Terms
from engine.daybook import AccountDays, account_days
from engine.plan import Moment, Plan, PlannedTrade, Skipped
from engine.run import Fill, Trade
from engine.strategy import Phase


class NotVectorisableError(Exception):
    """The account would meet a margin call: only the replay can follow it."""


def evaluate(plan: Plan, bars: list[Bars], terms: Terms, *, since: np.datetime64 | None = None) -> Account:
    """Return the account that ``engine.replay.replay`` returns for the same arguments.

    Raises:
        NotVectorisableError: equity falls below the maintenance margin.
    """
    ledger = _Ledger({b.symbol: b for b in bars}, terms, account_days(bars, since))
    for group in _groups(plan, ledger):
        ledger.settle(*group)
    ledger.write_days(None, Phase.CLOSE)
    return ledger.account(plan)


@dataclass(frozen=True)
class _Exit:
    """Where a trade leaves: the bar's price, before slippage, and why."""

    moment: Moment
    price: float
    reason: str


def _exit_of(trade: PlannedTrade, bars: Bars, paid: float) -> _Exit | None:
    """Return where a trade entered at ``paid`` leaves, or None if it is held to the end of the bars."""
    planned = None
    if trade.exit is not None:
        planned = _Exit(trade.exit, _price(bars, trade.exit), trade.exit_reason)
    stopped = _stop_of(trade, bars, paid) if trade.stop_loss or trade.take_profit else None
    return stopped or planned


def _price(bars: Bars, moment: Moment) -> float:
    return float((bars.open if moment.phase is Phase.OPEN else bars.close)[moment.bar])


def _stop_of(trade: PlannedTrade, bars: Bars, paid: float) -> _Exit | None:
    """Return the first stop or target reached before the planned exit, or None. Both in one bar: stopped."""
    sign = 1 if trade.weight > 0 else -1
    stop = paid * (1 - sign * trade.stop_loss) if trade.stop_loss is not None else -sign * np.inf
    target = paid * (1 + sign * trade.take_profit) if trade.take_profit is not None else sign * np.inf
    end, ends_at_open = len(bars), False
    if trade.exit is not None:
        end, ends_at_open = trade.exit.bar + 1, trade.exit.phase is Phase.OPEN
    first = trade.entry.bar + (trade.entry.phase is Phase.CLOSE)
    rows = slice(first, end)
    worst, best = (bars.low, bars.high) if sign > 0 else (bars.high, bars.low)
    in_bar = _reached(worst[rows], best[rows], stop, target, sign)
    at_open = _reached(bars.open[rows], bars.open[rows], stop, target, sign) & bars.opens_apart[rows]
    if trade.entry.phase is Phase.OPEN:
        at_open[:1] = False  # the open at which it was entered
    if ends_at_open:
        in_bar[-1:] = at_open[-1:] = False  # the planned exit comes first
    hit = np.flatnonzero(in_bar | at_open)
    if not len(hit):
        return None
    moment = Moment(first + int(hit[0]), Phase.OPEN if at_open[hit[0]] else Phase.CLOSE)
    return _level_hit(bars, moment, stop=stop, target=target, sign=sign)


def _reached(worst: Floats, best: Floats, stop: float, target: float, sign: int) -> Flags:
    reached: Flags = (sign * (worst - stop) <= 0) | (sign * (best - target) >= 0)
    return reached


def _level_hit(bars: Bars, moment: Moment, *, stop: float, target: float, sign: int) -> _Exit:
    price = _price(bars, moment)
    high, low = (price, price) if moment.phase is Phase.OPEN else (bars.high[moment.bar], bars.low[moment.bar])
    worst = low if sign > 0 else high
    level, reason = (stop, STOP_LOSS) if sign * (worst - stop) <= 0 else (target, TAKE_PROFIT)
    return _Exit(moment, float(level) if low <= level <= high else price, reason)


_RANK = {Phase.CLOSE: 0, Phase.OPEN: 1}


def _groups(plan: Plan, ledger: "_Ledger") -> Iterator[tuple[int, Phase, list[PlannedTrade]]]:
    """Yield every instant at which something is due, with the openings due then; at one instant closes before opens."""
    due: dict[tuple[int, int], list[PlannedTrade]] = {}
    for trade in plan.trades:
        key = (trade.entry.at(ledger.bars[trade.instrument]), _RANK[trade.entry.phase])
        due.setdefault(key, []).append(trade)
    place = {symbol: n for n, symbol in enumerate(ledger.bars)}
    for key, trades in due.items():
        trades.sort(key=lambda t: place[t.instrument])
        heappush(ledger.agenda, key)
    while ledger.agenda:
        key = heappop(ledger.agenda)
        if ledger.agenda and ledger.agenda[0] == key:
            continue  # the same instant stands there again
        yield key[0], (Phase.CLOSE, Phase.OPEN)[key[1]], due.get(key, [])


@dataclass
class _Ledger:
    """The account from fill to fill."""

    bars: dict[str, Bars]
    terms: Terms
    days: AccountDays
    agenda: list[tuple[int, int]] = field(default_factory=list)
    held: list[tuple[Held, _Exit | None]] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    closed: list[tuple[PlannedTrade, Trade]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.costs: dict[str, Costs] = {s: self.terms.costs(b.instrument) for s, b in self.bars.items()}
        self.cash = self.terms.cash
        self._idle, self._short = self.terms.cash, 0.0
        self._written = 0
        n = len(self.days.sessions)
        self._equity, self._cash, self._exposure = np.empty(n), np.empty(n), np.zeros(n)
        gaps = np.diff(self.days.sessions).astype(np.int64) if n else np.zeros(0, dtype=np.int64)
        self._gaps = np.concatenate(([0], gaps))[:n]

    # ---- at each instant -------------------------------------------------------------------------------------------

    def settle(self, at: int, phase: Phase, openings: list[PlannedTrade]) -> None:
        """Do all that is due at an instant: write the days before it, close, then open."""
        self.write_days(at, phase)
        place = list(self.bars)
        due = [(h, e) for h, e in self.held if e is not None and self._is_due(h, e, at, phase)]
        for held, exit_ in sorted(due, key=lambda pair: place.index(pair[0].plan.instrument)):
            self._close(held, exit_)
        if openings:
            self._open_together(openings, at, phase)

    def _is_due(self, held: Held, exit_: _Exit, at: int, phase: Phase) -> bool:
        return exit_.moment.phase is phase and exit_.moment.at(self.bars[held.plan.instrument]) == at

    def _open_together(self, openings: list[PlannedTrade], at: int, phase: Phase) -> None:
        values = [h.quantity * _known_price(self.bars[h.plan.instrument], at, phase) for h, _ in self.held]
        equity, gross = self.cash + sum(values), sum(map(abs, values))
        scale = opening_scale(openings, self.costs, self.terms, equity=equity, gross=gross)
        for trade in openings:
            self._open(trade, equity=equity, scale=scale)

    def _open(self, trade: PlannedTrade, *, equity: float, scale: float) -> None:
        bars = self.bars[trade.instrument]
        price = _price(bars, trade.entry)
        paid = self.costs[bars.symbol].fill_price(price, buy=trade.weight > 0)
        lot = bars.instrument.lot
        size = size_opening(trade, self.terms, equity=equity, scale=scale, paid=paid, lot=lot)
        if isinstance(size, Skipped):
            self.skipped.append(size)
            return
        fill = self._fill(trade, size, trade.entry, price, "entry")
        exit_ = _exit_of(trade, bars, paid)
        self.held.append((Held(trade, size, fill, scale), exit_))
        if exit_ is not None:
            heappush(self.agenda, (exit_.moment.at(bars), _RANK[exit_.moment.phase]))

    def _close(self, held: Held, exit_: _Exit) -> None:
        fill = self._fill(held.plan, -held.quantity, exit_.moment, exit_.price, exit_.reason)
        self.held = [(h, e) for h, e in self.held if h is not held]
        self.closed.append((held.plan, make_trade(held, self.bars[held.plan.instrument], fill)))

    def _fill(self, trade: PlannedTrade, quantity: float, moment: Moment, price: float, reason: str) -> Fill:
        bars, costs = self.bars[trade.instrument], self.costs[trade.instrument]
        paid = costs.fill_price(price, buy=quantity > 0)
        commission = costs.commission(quantity * paid)
        self.cash -= quantity * paid + commission
        fill = Fill(
            event_id=trade.event_id,
            instrument=trade.instrument,
            side="buy" if quantity > 0 else "sell",
            quantity=abs(quantity),
            decided_at=to_ns(trade.decided_at),
            filled_at=moment.at(bars),
            session=str(bars.session[moment.bar]),
            price=paid,
            reference_price=price,
            commission=commission,
            slippage=abs(quantity) * abs(paid - price),
            reason=reason,
            note=fill_note(trade, reason),
        )
        self.fills.append(fill)
        return fill

    # ---- the days --------------------------------------------------------------------------------------------------

    def write_days(self, at: int | None, phase: Phase) -> None:
        """Write the days that close before an instant (by it, when what is due is an open); None writes all left."""
        before = None if at is None else at + (phase is Phase.OPEN)
        upto = len(self._equity) if before is None else int(np.searchsorted(self.days.marked_at, before))
        if upto <= self._written:
            return
        days = slice(self._written, upto)
        marks = self.days.marked_at[days]
        values = [h.quantity * _known_prices(self.bars[h.plan.instrument], marks) for h, _ in self.held]
        net = np.sum(values, axis=0) if values else np.zeros(len(marks))
        gross = np.sum(np.abs(values), axis=0) if values else net
        short = (gross - net) / 2
        self._cash[days] = self._cash_of_days(days, net=net, gross=gross, short=short)
        self._equity[days] = equity = self._cash[days] + net
        self._exposure[days] = np.divide(gross, equity, out=np.zeros(len(gross)), where=gross > 0)
        if np.any((gross > 0) & (equity < MAINTENANCE * gross)):
            raise NotVectorisableError("equity falls below the maintenance margin")
        self.cash = float(self._cash[upto - 1])
        self._idle, self._short = float(equity[-1] - gross[-1]), float(short[-1])
        self._written = upto

    def _cash_of_days(self, days: slice, *, net: Floats, gross: Floats, short: Floats) -> Floats:
        """Return the cash at each day's mark, interest reckoned on what was idle and short the day before."""
        cash = np.full(days.stop - days.start, self.cash)
        if self.terms.cash_rate == 0 and self.terms.borrow_rate == 0:
            return cash
        idle, lent, money = self._idle, self._short, self.cash
        for n, gap in enumerate(self._gaps[days].tolist()):
            money += self.terms.interest(idle, lent, gap)
            cash[n] = money
            idle, lent = money + net[n] - gross[n], short[n]
        return cash

    def account(self, plan: Plan) -> Account:
        """Return what is left at the end, with the trades still held marked at their last price."""
        order = {id(t): n for n, t in enumerate(plan.trades)}
        rest = [(h.plan, make_trade(h, self.bars[h.plan.instrument], None)) for h, _ in self.held]
        trades = sorted([*self.closed, *rest], key=lambda pair: (pair[1].entry_at, order[id(pair[0])]))
        return Account(
            self.days,
            self._equity,
            self._cash,
            self._exposure,
            tuple(self.fills),
            tuple(t for _, t in trades),
            tuple(self.skipped),
        )


def _known_price(bars: Bars, at: int, phase: Phase) -> float:
    """Return the last price that exists at an instant: opens made at it count only when opens are due."""
    instants = np.array([at], dtype=np.int64)
    return float(_known_prices(bars, instants, opens_count=phase is Phase.OPEN)[0])


def _known_prices(bars: Bars, instants: Instants, *, opens_count: bool = False) -> Floats:
    closed = np.searchsorted(bars.close_at, instants, side="right") - 1
    opened = np.searchsorted(bars.open_at, instants, side="right" if opens_count else "left") - 1
    from_open = (opened > closed) & bars.opens_apart[np.maximum(opened, 0)]
    prices: Floats = np.where(from_open, bars.open[np.maximum(opened, 0)], bars.close[np.maximum(closed, 0)])
    return prices
