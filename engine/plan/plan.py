"""strategy x events x bars -> Plan: who trades what, from which bar to which, and what was skipped and why.

A plan fixes bars, not prices: only the replay looks at those. Rules of time (docs/design.md): an open may be used when
``open_at > decided_at``, a close when ``close_at > decided_at``.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import NamedTuple, assert_never

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from datasets.events import EventCatalogue, PoliticalEvent
from datasets.instants import NS_PER_DAY, iso_z, to_date, to_datetime, to_ns
from datasets.markets.sessions import first_sessions_after, stamp_prices
from datasets.prices.bars import Bars
from engine.plan.decision import Declined, Skipped, decide
from engine.strategy import (
    After,
    AtNextEvent,
    BeforeVote,
    Entry,
    Exit,
    LastCloseBefore,
    Leg,
    Never,
    NextOpen,
    Phase,
    Strategy,
)
from engine.strategy.contract import LEVELS
from engine.strategy.gaps import MAX_GAP_DAYS, cut_short, early, gap_between, late, wait_too_long
from engine.strategy.home import NoHomeMarketError, at_home
from engine.strategy.legs import checked_legs
from engine.strategy.market import Market
from engine.strategy.strategy_calls import call_strategy

Numbers64 = NDArray[np.int64]
NO_TICK = -1
"""The exit of a trade that has none, as a number."""


class BarPrice(Struct, frozen=True):
    """One price of one bar: its row among the instrument's bars, and whether it is the open or the close."""

    bar: int
    phase: Phase

    @property
    def tick(self) -> int:
        """The same as one number: twice the row, and one more for the open."""
        return 2 * self.bar + (self.phase is Phase.OPEN)

    def at(self, bars: Bars) -> int:
        """Return the instant (ns) at which that price is made."""
        return int((bars.open_at if self.phase is Phase.OPEN else bars.close_at)[self.bar])


class PlannedTrade(Struct, frozen=True):
    """One leg with its bars resolved. ``exit`` is None when it is still held at the end of the bars.

    ``after_event``: its entry is the first fill after the event; one before a vote is not.
    """

    event_id: str
    instrument: str
    decided_at: datetime
    weight: float
    entry: BarPrice
    exit: BarPrice | None
    exit_reason: str
    stop_loss: float | None = None
    take_profit: float | None = None
    trailing_stop: float | None = None
    notes: tuple[str, ...] = ()
    after_event: bool = True


class Wanted(NamedTuple):
    """A leg that a rule returned: its market, when it was decided, and by when it enters (ns) if there are bars."""

    symbol: str
    decided_at: int
    enters_by: int


class Plan(Struct, frozen=True):
    """What is to be traded. ``considered`` counts the events offered; those not wanted are in neither list.

    ``wanted`` are all legs that the rule returned, tradable or not.
    """

    trades: tuple[PlannedTrade, ...]
    skipped: tuple[Skipped, ...]
    instruments: tuple[str, ...]
    considered: int
    wanted: tuple[Wanted, ...] = ()


class Skip(Exception):
    """Ends the resolution of a leg with a reason."""


def make_plan(
    strategy: Strategy, events: Iterable[PoliticalEvent], market: Market, *, since: date | None = None
) -> Plan:
    """Return the plan of a strategy over events and bars.

    Args:
        strategy: the rule.
        events: every one of them is offered to the rule.
        market: where its bars come from; bars of the rule's instruments must be there.
        since: events decided before this date (UTC) are left out; the bars before it stay visible to the rule.

    Raises:
        UserError: an instrument is unknown or has no bars.
    """
    catalogue = EventCatalogue.of(events)
    listed = list(catalogue)
    start = None if since is None else datetime.combine(since, time(), UTC)
    names = call_strategy(strategy, lambda: list(strategy.instruments()))
    symbols = dict.fromkeys(map(market.symbol, names))
    for symbol in symbols:
        market.bars(symbol)
    trades: list[PlannedTrade] = []
    skipped: list[Skipped] = []
    wanted: list[Wanted] = []
    for event, timing in zip(listed, catalogue.timings, strict=True):
        decision = decide(strategy, event, timing, market, start)
        if isinstance(decision, Declined):
            skipped += decision.skipped
            continue
        for leg in checked_legs(decision.legs, strategy.name):
            outcome = plan_leg(leg, decision.event, decision.decided_at, market, listed)
            trades.append(outcome) if isinstance(outcome, PlannedTrade) else skipped.append(outcome)
            if outcome.instrument:
                symbols.setdefault(outcome.instrument)
                wanted.append(wanted_leg(outcome.instrument, leg, decision.event, decision.decided_at))
    end = max((int(market.bars(s).close_at[-1]) for s in symbols), default=0)
    trades = [close_with_bars(t, market.bars(t.instrument), end) for t in trades]
    trades.sort(key=lambda t: t.decided_at)
    return Plan(tuple(trades), tuple(skipped), tuple(symbols), len(listed), tuple(wanted))


def wanted_leg(symbol: str, leg: Leg, event: PoliticalEvent, decided_at: datetime) -> Wanted:
    """Return what a rule wants of an event on a market."""
    later = event.vote_begins_at if isinstance(leg.entry, BeforeVote) else leg.entry.after
    return Wanted(symbol, to_ns(decided_at), to_ns(max(decided_at, later or decided_at)))


def close_with_bars(trade: PlannedTrade, bars: Bars, end: int) -> PlannedTrade:
    """Return a trade closed at its instrument's last close when the bars of the others go on without it."""
    if trade.exit is not None or end - int(bars.close_at[-1]) <= MAX_GAP_DAYS * NS_PER_DAY:
        return trade
    last = BarPrice(len(bars) - 1, Phase.CLOSE)
    return trade if trade.entry == last else replace(trade, exit=last, exit_reason="bars_end")


def plan_leg(
    leg: Leg, event: PoliticalEvent, decided_at: datetime, market: Market, events: list[PoliticalEvent]
) -> PlannedTrade | Skipped:
    """Return the planned trade of a checked leg, or why it is skipped."""
    try:
        leg = at_home(leg, event, market)
    except NoHomeMarketError as e:
        return Skipped(event.event_id, "", str(e))
    bars = market.bars(leg.instrument)
    bars.instrument.check_tradable()
    try:
        entry, notes = entry_of(leg.entry, event, decided_at, bars)
        exit_, reason, more = _exit(leg.exit, entry, bars, events, decided_at)
        _refuse(gap_between(bars, entry.bar, len(bars) - 1 if exit_ is None else exit_.bar))
    except Skip as skip:
        return Skipped(event.event_id, bars.symbol, str(skip))
    return PlannedTrade(
        event_id=event.event_id,
        instrument=bars.symbol,
        decided_at=decided_at,
        weight=leg.weight,
        entry=entry,
        exit=exit_,
        exit_reason=reason,
        **{name: getattr(leg, name) for name in LEVELS},
        notes=(*notes, *more),
        after_event=not isinstance(leg.entry, BeforeVote),
    )


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise Skip(reason)


def entry_of(entry: Entry, event: PoliticalEvent, decided_at: datetime, bars: Bars) -> tuple[BarPrice, tuple[str, ...]]:
    """Return where an entry falls, and notes on it.

    Raises:
        Skip: it falls nowhere.
    """
    if isinstance(entry, BeforeVote):
        return _before_vote(entry, event, decided_at, bars)
    after = to_ns(decided_at if entry.after is None else max(decided_at, entry.after))
    phase = Phase.OPEN if isinstance(entry, NextOpen) else Phase.CLOSE
    instants = bars.open_at if phase is Phase.OPEN else bars.close_at
    first = int(instants.searchsorted(after, side="right"))
    at_once = entry.delay == 0 or first >= len(bars)
    meant = first if at_once else _row_of(bars, int(bars.days.of[first]) + entry.delay, phase)
    _refuse(wait_too_long(bars, first, after, upto=meant))
    _refuse(gap_between(bars, first, meant))
    price, notes = _tradable(_unsettled(BarPrice(meant, phase), bars), bars, "entry")
    return price, (*notes, *late(bars, "entry", first, after, upto=meant))


def _unsettled(price: BarPrice, bars: Bars) -> BarPrice:
    """Return the price of an entry: a contract is never entered at its settlement."""
    if bars.is_settled and price.bar == len(bars) - 1:
        raise Skip(f"{bars.symbol} has no quote before it settles at {iso_z(int(bars.open_at[-1]))}")
    return price


def _row_of(bars: Bars, day: int, phase: Phase) -> int:
    """Return the row of the open or the close of a session by its number; ``len(bars)`` where there is none."""
    if day >= len(bars.days):
        return len(bars)
    return int((bars.days.first if phase is Phase.OPEN else bars.days.last)[day])


def _before_vote(
    entry: BeforeVote, event: PoliticalEvent, decided_at: datetime, bars: Bars
) -> tuple[BarPrice, tuple[str, ...]]:
    if event.vote_begins_at is None:
        raise Skip("unknown: voted_on")
    vote = to_ns(event.vote_begins_at)
    last = int(bars.close_at.searchsorted(vote, side="left")) - 1
    if last == len(bars) - 1 and _another_close_before(event.vote_begins_at, bars):
        raise Skip(f"bars end {to_date(bars.session[-1])}, before the last close before the vote")
    day = int(bars.days.of[last]) - entry.sessions if last >= 0 else -1
    if day < 0:
        raise Skip(f"bars begin {to_date(bars.session[0])}, too late to enter before the vote")
    price = _unsettled(BarPrice(_row_of(bars, day, Phase.CLOSE), Phase.CLOSE), bars)
    if price.at(bars) <= to_ns(decided_at):
        raise Skip(f"announced at {iso_z(decided_at)}, less than {entry.sessions} sessions before the vote")
    _refuse(cut_short(bars, last, event.vote_begins_at))
    return price, early(bars, "entry", price.bar, event.vote_begins_at)


def _exit(
    exit_: Exit, entry: BarPrice, bars: Bars, events: list[PoliticalEvent], decided_at: datetime
) -> tuple[BarPrice | None, str, tuple[str, ...]]:
    known = 0
    match exit_:
        case After(sessions=n, at=at):
            price = BarPrice(_row_of(bars, _first_held(entry, bars) + (n if at is Phase.OPEN else n - 1), at), at)
            reason = f"held {n} session{'s' if n > 1 else ''}"
        case LastCloseBefore(instant=instant):
            last = int(bars.close_at.searchsorted(to_ns(instant), side="left")) - 1
            last = len(bars) if last == len(bars) - 1 and _another_close_before(instant, bars) else last
            price, reason = BarPrice(last, Phase.CLOSE), f"last close before {iso_z(instant)}"
        case AtNextEvent():
            price, reason, known = _next_event(exit_, entry, bars, events)
        case Never():
            price, reason = BarPrice(len(bars), Phase.OPEN), "open_at_end"
        case _:
            assert_never(exit_)
    if bars.is_settled and price.bar >= len(bars) - 1:
        return BarPrice(len(bars) - 1, Phase.OPEN), "settled", ()
    if price.bar >= len(bars):
        return None, "open_at_end", ()
    if price.bar < 0 or price.at(bars) <= entry.at(bars):
        raise Skip(f"the exit ({reason}) would not come after the entry")
    tradable, notes = _tradable(price, bars, "exit")
    return tradable, reason, (*notes, *_missing_at_exit(exit_, price, bars, known))


def _first_held(entry: BarPrice, bars: Bars) -> int:
    """Return the number of the first session held: that of the entry, if it closes strictly after it; else the next."""
    day = int(bars.days.of[entry.bar])
    return day if int(bars.close_at[bars.days.last[day]]) > entry.at(bars) else day + 1


def _missing_at_exit(exit_: Exit, price: BarPrice, bars: Bars, known: int) -> tuple[str, ...]:
    """Return a note if an exit tied to an instant falls on another bar because bars are missing."""
    if isinstance(exit_, LastCloseBefore):
        _refuse(cut_short(bars, price.bar, exit_.instant))
        return early(bars, "exit", price.bar, exit_.instant)
    return late(bars, "exit", price.bar, known, upto=price.bar) if isinstance(exit_, AtNextEvent) else ()


def _another_close_before(instant: datetime, bars: Bars) -> bool:
    """Return whether the exchange closes once more between the last bar and an instant: then it is still held.

    The last session there are intraday bars of is taken as whole.
    """
    _, closes = stamp_prices(bars.instrument.mic, bars.session[-1:])
    ended = max(int(bars.close_at[-1]), int(closes[0]) if bars.intraday else 0)
    following = first_sessions_after(bars.instrument.mic, to_datetime(ended))
    return following is not None and following.official_close_at < instant


def _next_event(
    exit_: AtNextEvent, entry: BarPrice, bars: Bars, events: list[PoliticalEvent]
) -> tuple[BarPrice, str, int]:
    """Return the first open after the next event of a kind, that event in words, and when it was known (ns)."""
    entered = to_datetime(entry.at(bars))
    for event in events:
        right_kind = event.kind == exit_.kind and exit_.country in (None, event.country)
        if right_kind and event.known_at is not None and event.known_at > entered:
            known = to_ns(event.known_at)
            bar = int(bars.open_at.searchsorted(known, side="right"))
            return BarPrice(bar, Phase.OPEN), f"event {event.event_id}", known
    return BarPrice(len(bars), Phase.OPEN), "open_at_end", 0


def _tradable(price: BarPrice, bars: Bars, what: str) -> tuple[BarPrice, tuple[str, ...]]:
    """Send a fill meant for an open that was not a traded price to the close of the same bar, and say so.

    A single print is one price, which goes by the name of its close.
    """
    if price.phase is Phase.CLOSE or bars.has_separate_open[price.bar]:
        return price, ()
    close = BarPrice(price.bar, Phase.CLOSE)
    return close, () if bars.open_is_real[price.bar] else (f"{what} at the close: the bar has no real open",)
