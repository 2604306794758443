"""What must hold of every run: random calendars, prices, events and legs.

Each claim is checked against the bars and fills in plain Python; no number of the engine stands on both sides.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

import backtrader as bt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from datasets.events import EventCatalogue, PoliticalEvent
from datasets.instants import NS_PER_DAY, to_datetime, to_ns
from datasets.prices.bars import Bars
from engine.account.records import Account, Fill
from engine.account.replay import replay
from engine.account.replay_custom import replay_custom
from engine.plan.costs import Terms
from engine.plan.plan import Plan, make_plan
from engine.strategy import (
    After,
    AtNextEvent,
    BeforeVote,
    Entry,
    Exit,
    LastCloseBefore,
    Leg,
    Never,
    NextClose,
    NextOpen,
    Phase,
)
from engine.strategy.contract import LEVELS
from tests.engine.markets import LONDON, NEW_YORK, TOKYO, bars_at, instrument, market_of, scripted

AROUND_THE_CLOCK = "around the clock"
CENT = 0.01
START = datetime(2024, 5, 6, tzinfo=UTC)
"""A Monday, with no change of clocks and no year's end near."""


class World(Struct, frozen=True):
    """Markets, events, the legs of each event and the account's terms."""

    bars: tuple[Bars, ...]
    events: tuple[PoliticalEvent, ...]
    legs: dict[str, list[Leg]]
    terms: Terms
    decides: str = "known_at"

    def run(self) -> tuple[Plan, Account]:
        """Return the plan and the account it leaves."""
        rule = scripted(self.legs, markets=[b.symbol for b in self.bars], decides=self.decides)
        plan = make_plan(rule, EventCatalogue(self.events), market_of(*self.bars))
        return plan, replay(plan, list(self.bars), self.terms)

    def of(self, symbol: str) -> Bars:
        """Return the bars of a symbol."""
        return next(b for b in self.bars if b.symbol == symbol)


@cache
def _midnight(day: int) -> tuple[str, int]:
    """Return the date of a day after the start, and its first instant."""
    date = START + timedelta(days=day)
    return f"{date:%Y-%m-%d}", to_ns(date)


def _since_midnight(hour: str) -> int:
    return int(hour[:2]) * 3600_000_000_000 + int(hour[3:]) * 60_000_000_000


def _make_bars(symbol: str, hours: Any, rng: Random, *, n: int, lot: float) -> Bars:
    rows: list[tuple[Any, ...]] = []
    day, last, shut = rng.randrange(3), 100.0, None
    opens, closes = (0, _since_midnight("21:00")) if hours == AROUND_THE_CLOCK else map(_since_midnight, hours)
    for _ in range(n):
        date, midnight = _midnight(day)
        open_at, close_at = midnight + opens, midnight + closes
        if hours == AROUND_THE_CLOCK:
            open_at = close_at - NS_PER_DAY if shut is None else shut
            shut = close_at
        open_ = round(last * (1 + rng.gauss(0, 0.02)), 2)
        close = round(open_ * (1 + rng.gauss(0, 0.02)), 2)
        real = rng.random() > 0.15
        if not real:
            open_ = rng.choice([close, last])
        high = round(max(open_, close) * (1 + abs(rng.gauss(0, 0.01))), 2)
        low = round(min(open_, close) * (1 - abs(rng.gauss(0, 0.01))), 2)
        rows.append((date, open_at, close_at, open_, high, low, close, real))
        last = close
        day += rng.choice([1, 1, 1, 1, 3, 4, 7])  # never a gap of more than five weekdays: engine/strategy/gaps.py
    return bars_at(instrument(symbol, mic="FX", lot=lot), rows)


def _make_events(rng: Random, markets: Sequence[Bars], n: int) -> list[PoliticalEvent]:
    instants = [int(t) for b in markets for t in (*b.open_at, *b.close_at)]
    events = []
    for i in range(n):
        off = rng.choice([0, 0, -1_000_000_000, 1_000_000_000, rng.randrange(20 * 3600) * 1_000_000_000])
        known = to_datetime(rng.choice(instants) + off)
        announced = known - timedelta(days=rng.randrange(20))
        events.append(
            PoliticalEvent(
                event_id=f"E{i}",
                country="JP",
                kind=rng.choice(["general_election", "dissolution"]),
                title="",
                announced_at=announced,
                known_at=known,
                voted_on=known.date(),
            )
        )
    return events


DISTANCES: dict[str, list[float | None]] = {
    "stop_loss": [None, 0.01, 0.03],
    "take_profit": [None, 0.01, 0.04],
    "trailing_stop": [None, None, 0.005, 0.02],
}
"""Of every level the values that random legs have."""


def _make_leg(
    rng: Random, symbols: list[str], event: PoliticalEvent, *, stops: bool, exits: Sequence[str], before_vote: bool
) -> Leg:
    entries: list[Entry] = [NextOpen(delay=rng.choice([0, 0, 1, 2])), NextClose(delay=rng.choice([0, 0, 1]))]
    entry = rng.choice(entries)
    if before_vote and event.announced_at != event.known_at and rng.random() < 0.3:
        entry = BeforeVote(sessions=rng.choice([1, 2, 5]))
    assert event.known_at is not None
    exits_of: dict[str, Exit] = {
        "after": After(rng.choice([1, 2, 3, 8]), at=rng.choice(list(Phase))),
        "before": LastCloseBefore(event.known_at + timedelta(hours=rng.randrange(1, 500))),
        "next": AtNextEvent(rng.choice(["general_election", "dissolution"])),  # type: ignore[arg-type]
        "never": Never(),
    }
    exit_ = exits_of[rng.choice(exits)]
    weight = rng.choice([-1, 1, 1]) * rng.choice([0.1, 0.3, 0.5, 0.95, 1.0, 1.5])
    levels = {name: rng.choice(DISTANCES[name]) if stops else None for name in LEVELS}
    return Leg(rng.choice(symbols), weight, entry, exit_, **levels)


ALL_HOURS = (TOKYO, LONDON, NEW_YORK, AROUND_THE_CLOCK)
ALL_EXITS = ("after", "after", "before", "next", "never")


@st.composite
def worlds(
    draw: Any,
    *,
    stops: bool = True,
    lots: bool = True,
    rates: bool = False,
    costs: bool = True,
    hours: Sequence[Any] = ALL_HOURS,
    exits: Sequence[str] = ALL_EXITS,
    max_gross: Sequence[float] = (1.0, 1.0, 0.5, 3.0),
    before_vote: bool = True,
    sizes: tuple[int, int] = (2, 25),
    most_events: int = 6,
    most_markets: int = 3,
) -> World:
    """Return a random world: the sizes are drawn, the rest follows from a drawn seed."""
    chosen = draw(st.lists(st.sampled_from(list(hours)), min_size=1, max_size=most_markets))
    n_bars = draw(st.integers(*sizes))
    n_events = draw(st.integers(0, most_events))
    rng = Random(draw(st.integers(0, 2**32)))
    markets = [
        _make_bars(
            f"M{i}", h, rng, n=n_bars + rng.randrange(4), lot=rng.choice([0.0, 0.0, 1.0, 100.0]) if lots else 0.0
        )
        for i, h in enumerate(chosen)
    ]
    events = _make_events(rng, markets, n_events)
    symbols = [b.symbol for b in markets]
    legs = {
        e.event_id: [
            _make_leg(rng, symbols, e, stops=stops, exits=exits, before_vote=before_vote)
            for _ in range(rng.choice([1, 1, 2, 3]))
        ]
        for e in events
    }
    terms = Terms(
        cash=rng.choice([10_000.0, 1_000_000.0]),
        cash_rate=rng.choice([0.0, 0.03, -0.005]) if rates else 0.0,
        borrow_rate=rng.choice([0.0, 0.02]) if rates else 0.0,
        max_gross=rng.choice(list(max_gross)),
        commission_bps=rng.choice([0.0, 1.0, 20.0]) if costs else 0.0,
        slippage_bps=rng.choice([0.0, 2.0, 30.0]) if costs else 0.0,
    )
    return World(tuple(markets), tuple(events), legs, terms, rng.choice(["known_at", "known_at", "announced_at"]))


def _bar_of(fill: Fill, bars: Bars) -> int:
    return [str(s) for s in bars.session].index(fill.session)


# ---- time ----------------------------------------------------------------------------------------------------------------


@settings(max_examples=120)
@given(worlds())
def test_every_price_comes_into_being_after_the_decision_and_is_a_price_of_its_bar(world):
    _, account = world.run()
    for fill in account.fills:
        bars = world.of(fill.instrument)
        bar = _bar_of(fill, bars)
        assert fill.filled_at > fill.decided_at
        assert fill.filled_at in (bars.open_at[bar], bars.close_at[bar])
        if fill.filled_at == bars.open_at[bar]:
            assert bars.open_is_real[bar]
            assert fill.reference_price == bars.open[bar]
        elif fill.reason not in LEVELS:  # a level has the word of its reason for a name
            assert fill.reference_price == bars.close[bar]
        assert bars.low[bar] <= fill.reference_price <= bars.high[bar]


@settings(max_examples=120)
@given(worlds())
def test_every_entry_is_as_early_as_it_may_be(world):
    """The entry's bar found by walking through the instants, from the start, in plain Python."""
    plan, _ = world.run()
    legs = {(e.event_id, leg.instrument): leg for e in world.events for leg in world.legs[e.event_id]}
    for trade in plan.trades:
        leg = legs[trade.event_id, trade.instrument]
        bars, decided = world.of(trade.instrument), to_ns(trade.decided_at)
        same = [leg for leg in world.legs[trade.event_id] if leg.instrument == trade.instrument]
        if len(same) > 1 or isinstance(leg.entry, BeforeVote):
            continue
        instants = bars.open_at if isinstance(leg.entry, NextOpen) else bars.close_at
        first = next(i for i in range(len(bars)) if instants[i] > decided)
        assert trade.entry.bar == first + leg.entry.delay


def _after(bars: Bars, instant: int, rng: Random) -> Bars:
    """Return the bars with every price that comes into being after an instant replaced by another."""
    open_, high, low, close = (a.copy() for a in (bars.open, bars.high, bars.low, bars.close))
    for i in range(len(bars)):
        if bars.open_at[i] > instant:
            open_[i] = round(100 * rng.uniform(0.5, 2), 2)
        if bars.close_at[i] > instant:
            close[i] = round(100 * rng.uniform(0.5, 2), 2)
            high[i] = max(open_[i], close[i]) + 1
            low[i] = min(open_[i], close[i]) - 1
    return replace(bars, open=open_, high=high, low=low, close=close)


def _events_by(events: Sequence[PoliticalEvent], instant: int) -> tuple[PoliticalEvent, ...]:
    at = to_datetime(instant)
    return tuple(e.as_known(at) for e in events if e.announced_at is not None and e.announced_at <= at)


@settings(max_examples=120)
@given(worlds(rates=True), st.integers(0, 1000), st.integers(0, 10))
def test_a_changed_future_leaves_the_past(world, pick, seed):
    instants = sorted(int(t) for b in world.bars for t in (*b.open_at, *b.close_at))
    instant = instants[pick % len(instants)] + (pick % 3 - 1) * 1_000_000_000
    rng = Random(seed)
    other = replace(
        world, bars=tuple(_after(b, instant, rng) for b in world.bars), events=_events_by(world.events, instant)
    )
    (plan, account), (plan2, account2) = world.run(), other.run()

    def entered(p: Plan) -> list[Any]:
        return [
            (t.event_id, t.instrument, t.weight, t.entry.bar, t.entry.phase, t.decided_at)
            for t in p.trades
            if t.entry.at(world.of(t.instrument)) <= instant
        ]

    def filled(a: Account) -> list[Any]:
        return sorted(_bare(f) for f in a.fills if f.filled_at <= instant)

    assert sorted(entered(plan)) == sorted(entered(plan2))
    _same(filled(account), filled(account2))


def _bare(fill: Fill) -> tuple[Any, ...]:
    """Return a fill without the words on it: why a trade ends may be known only later."""
    return (fill.filled_at, fill.event_id, fill.instrument, fill.side, fill.quantity, fill.price, fill.commission)


def _same(some: list[Any], others: list[Any]) -> None:
    """Hold fills to be the same; numbers to 1e-9, for sums of one instant may be taken in another order."""
    assert [f[:4] for f in some] == [f[:4] for f in others]
    for one, other in zip(some, others, strict=True):
        assert one[4:] == pytest.approx(other[4:], rel=1e-9)


@settings(max_examples=120)
@given(worlds(exits=("after", "next", "never"), lots=False, before_vote=False), st.integers(0, 1000))
def test_bars_cut_short_leave_the_past(world, pick):
    """As with --to: the bars end at an instant. Fills before the first price that is gone stay what they were.

    Without BeforeVote, which test_plan.py holds to this by a case of its own, and LastCloseBefore, whose last close
    is scripted from the calendar of the exchange, which these markets do not keep.
    """
    instants = sorted(int(t) for b in world.bars for t in b.close_at)
    instant = instants[pick % len(instants)]
    kept = tuple(b.until(instant) for b in world.bars)
    if not all(len(b) for b in kept):
        return
    other = replace(world, bars=kept, events=_events_by(world.events, instant))
    gone = [int(b.open_at[len(k)]) for b, k in zip(world.bars, kept, strict=True) if len(k) < len(b)]
    first_gone = min(gone, default=instant + 1)
    (_, account), (_, account2) = world.run(), other.run()
    _same(
        sorted(_bare(f) for f in account.fills if f.filled_at < first_gone),
        sorted(_bare(f) for f in account2.fills if f.filled_at < first_gone),
    )


def _shifted(world: World, by: timedelta) -> World:
    ns = int(by.total_seconds()) * 1_000_000_000
    days = np.timedelta64(by.days, "D")
    bars = tuple(
        replace(b, session=b.session + days, open_at=b.open_at + ns, close_at=b.close_at + ns) for b in world.bars
    )
    moved = ("announced_at", "known_at")
    events = tuple(
        e.model_copy(update={n: getattr(e, n) + by for n in moved} | {"voted_on": e.voted_on + by})
        for e in world.events
        if e.voted_on is not None
    )

    def leg(one: Leg) -> Leg:
        exit_ = one.exit
        return (
            dataclasses.replace(one, exit=LastCloseBefore(exit_.instant + by))
            if isinstance(exit_, LastCloseBefore)
            else one
        )

    legs = {k: [leg(one) for one in v] for k, v in world.legs.items()}
    return replace(world, bars=bars, events=events, legs=legs)


@settings(max_examples=60)
@given(worlds(rates=True))
def test_everything_a_week_later_changes_nothing_but_the_dates(world):
    week = 7 * NS_PER_DAY
    (_, account), (_, account2) = world.run(), _shifted(world, timedelta(days=7)).run()
    assert [(f.filled_at + week, f.price, f.quantity) for f in account.fills] == [
        (f.filled_at, f.price, f.quantity) for f in account2.fills
    ]
    assert account.equity.tolist() == account2.equity.tolist()
    assert (account.days.sessions + np.timedelta64(7, "D")).tolist() == account2.days.sessions.tolist()


# ---- money ---------------------------------------------------------------------------------------------------------------


@dataclass
class Ticks:
    """The prices of a market in the order in which they come into being: (instant, 0 close or 1 open, price)."""

    rows: list[tuple[int, int, float]]

    @classmethod
    def of(cls, bars: Bars) -> "Ticks":
        rows = []
        for i in range(len(bars)):
            if bars.open_is_real[i]:
                rows.append((int(bars.open_at[i]), 1, float(bars.open[i])))
            rows.append((int(bars.close_at[i]), 0, float(bars.close[i])))
        return cls(rows)

    def last(self, instant: int, *, opens: bool) -> float:
        """Return the last price by an instant. At that instant itself closes come first: ``opens`` lets opens in."""
        return [p for at, is_open, p in self.rows if (at, is_open) <= (instant, int(opens))][-1]


def _passed(session: str, filled_at: int, bars: Bars, instant: int) -> bool:
    """Return whether a fill was made when a session ended at an instant: before it, or then but at a close."""
    bar = [str(s) for s in bars.session].index(session)
    return filled_at < instant or (filled_at == instant == bars.close_at[bar])


def _session_ends(world: World) -> list[tuple[str, int]]:
    """Return each session of the account with the instant at which the last of its markets has closed."""
    ends: dict[str, int] = {}
    for b in world.bars:
        for s, at in zip(b.session, b.close_at, strict=True):
            ends[str(s)] = max(ends.get(str(s), 0), int(at))
    out: list[tuple[str, int]] = []
    for session in sorted(ends):
        out.append((session, max(ends[session], out[-1][1] if out else 0)))
    return out


def _check_equity(world: World, account: Account) -> None:
    ticks = {b.symbol: Ticks.of(b) for b in world.bars}
    ends = _session_ends(world)
    assert [str(s) for s in account.days.sessions] == [s for s, _ in ends]
    for n, (session, at) in enumerate(ends):
        cash, held = world.terms.cash, dict.fromkeys(ticks, 0.0)
        for f in account.fills:
            if _passed(f.session, f.filled_at, world.of(f.instrument), at):
                sign = 1 if f.side == "buy" else -1
                held[f.instrument] += sign * f.quantity
                cash -= sign * f.quantity * f.price + f.commission
        worth = sum(q * ticks[s].last(at, opens=False) for s, q in held.items() if abs(q) > 1e-9)
        assert account.cash[n] == pytest.approx(cash, abs=CENT), session
        assert account.equity[n] == pytest.approx(cash + worth, abs=CENT), session


@settings(max_examples=100)
@given(worlds(hours=(TOKYO, LONDON, NEW_YORK)))
def test_equity_is_cash_and_positions_at_every_close(world):
    _, account = world.run()
    _check_equity(world, account)


@settings(max_examples=100)
@given(worlds(hours=(AROUND_THE_CLOCK, AROUND_THE_CLOCK, TOKYO)))
def test_equity_is_cash_and_positions_at_every_close_of_a_market_that_never_shuts(world):
    _, account = world.run()
    _check_equity(world, account)


@settings(max_examples=100)
@given(worlds(rates=True))
def test_final_equity_is_the_start_and_what_trades_and_interest_brought(world):
    _, account = world.run()
    interest, sessions = 0.0, [datetime.fromisoformat(str(s)) for s in account.days.sessions]
    ends = _session_ends(world)
    ticks = {b.symbol: Ticks.of(b) for b in world.bars}
    for n in range(1, len(sessions)):
        _, at = ends[n - 1]
        gross = 0.0
        for t in account.trades:
            bars = world.of(t.instrument)
            left = t.is_closed and _passed(t.exit_session, t.exit_at, bars, at)
            if _passed(t.entry_session, t.entry_at, bars, at) and not left:
                gross += t.quantity * ticks[t.instrument].last(at, opens=False)
        days = (sessions[n] - sessions[n - 1]).days
        idle = float(account.equity[n - 1]) - gross
        interest += idle * ((1 + world.terms.cash_rate) ** (days / 365) - 1)
    expected = world.terms.cash + sum(t.pnl for t in account.trades) + interest
    assert account.equity[-1] == pytest.approx(expected, abs=CENT)


@settings(max_examples=100)
@given(worlds())
def test_a_short_pays_its_borrow_fee_in_its_own_pnl(world):
    """Of each day at whose mark it is held, on the value then, for the calendar days to the next."""
    world = replace(world, terms=replace(world.terms, borrow_rate=0.2, cash_rate=0.0))
    _, account = world.run()
    days, ends = [datetime.fromisoformat(str(s)) for s in account.days.sessions], _session_ends(world)
    for t in account.trades:
        bars, fee = world.of(t.instrument), 0.0
        ticks = Ticks.of(bars)
        for n, (_, at) in enumerate(ends[:-1]):
            left = t.is_closed and _passed(t.exit_session, t.exit_at, bars, at)
            if t.side == "short" and _passed(t.entry_session, t.entry_at, bars, at) and not left:
                fee += t.quantity * ticks.last(at, opens=False) * 0.2 * (days[n + 1] - days[n]).days / 365
        assert t.borrow == pytest.approx(fee, abs=1e-6 * world.terms.cash)
        assert t.costs >= t.borrow


@settings(max_examples=100)
@given(worlds())
def test_pnl_is_what_was_got_less_what_was_paid(world):
    _, account = world.run()
    for t in account.trades:
        sign = 1 if t.side == "long" else -1
        commission = world.terms.commission_bps * 1e-4 * t.quantity
        paid = commission * (t.entry_price + (t.exit_price if t.is_closed else 0.0))
        assert t.pnl == pytest.approx(sign * t.quantity * (t.exit_price - t.entry_price) - paid, abs=CENT)
        assert t.return_ == pytest.approx(t.pnl / (t.quantity * t.entry_price))


@settings(max_examples=100)
@given(worlds())
def test_every_planned_trade_is_traded_or_told_why_not(world):
    plan, account = world.run()
    assert len(plan.trades) == len(account.trades) + len(account.skipped)
    assert sum(f.reason == "entry" for f in account.fills) == len(account.trades)
    assert sum(f.reason != "entry" for f in account.fills) == sum(t.is_closed for t in account.trades)


@settings(max_examples=30)
@given(worlds())
def test_no_events_no_trades(world):
    plan, account = replace(world, events=(), legs={}).run()
    assert plan.trades == ()
    assert account.fills == ()
    assert set(account.equity.tolist()) == {world.terms.cash}
    assert set(account.exposure.tolist()) == {0.0}


@settings(max_examples=80)
@given(worlds(stops=False, max_gross=(1.0,)), st.sampled_from(["commission_bps", "slippage_bps"]))
def test_costs_never_help(world, which):
    """Without stops (a stop moves with the price paid) the same trades are made, each for less."""
    dearer = replace(world, terms=replace(world.terms, **{which: getattr(world.terms, which) + 25.0}))
    (_, account), (_, account2) = world.run(), dearer.run()

    def by_place(a: Account) -> dict[Any, list[float]]:
        out: dict[Any, list[float]] = {}
        for t in a.trades:
            out.setdefault((t.event_id, t.instrument, t.weight, t.entry_at, t.exit_at), []).append(t.return_)
        return out

    cheap = by_place(account)
    for place, returns in by_place(account2).items():
        for less, more in zip(returns, cheap.get(place, []), strict=False):
            assert less < more


@settings(max_examples=100)
@given(worlds())
def test_gross_exposure_after_an_opening_is_within_the_limit(world):
    _, account = world.run()
    ticks = {b.symbol: Ticks.of(b) for b in world.bars}
    limit = world.terms.max_gross
    costs = 1e-4 * (world.terms.commission_bps + world.terms.slippage_bps)
    for last in range(1, len(account.fills) + 1):
        so_far = account.fills[:last]
        now = so_far[-1]
        if now.reason != "entry" or (last < len(account.fills) and account.fills[last].filled_at == now.filled_at):
            continue
        bars = world.of(now.instrument)
        closing = now.filled_at == bars.close_at[_bar_of(now, bars)]
        cash, gross, net = world.terms.cash, 0.0, 0.0
        for f in so_far:
            sign = 1 if f.side == "buy" else -1
            cash -= sign * f.quantity * f.price + f.commission
            price = ticks[f.instrument].last(now.filled_at, opens=not closing)
            net += sign * f.quantity * price
            gross += f.quantity * price * (1 if f.reason == "entry" else -1)
        assert gross <= limit * (cash + net) * (1 + 4 * (1 + limit) * costs) + CENT


@settings(max_examples=80)
@given(worlds(lots=False, rates=True), st.sampled_from([0.5, 3.0, 1000.0]))
def test_pnl_grows_with_cash(world, factor):
    other = replace(world, terms=replace(world.terms, cash=world.terms.cash * factor))
    (_, account), (_, account2) = world.run(), other.run()
    assert [t.pnl * factor for t in account.trades] == pytest.approx([t.pnl for t in account2.trades], abs=CENT)
    assert (account.equity * factor).tolist() == pytest.approx(account2.equity.tolist())


# ---- strategies that send their own orders -------------------------------------------------------------------------------


class RandomTrader(bt.Strategy):
    """Sends orders of every sort at random, and cancels some."""

    params = (("seed", 0),)

    def __init__(self) -> None:
        self.rng = Random(self.p.seed)
        self.sent: list[Any] = []

    def next(self) -> None:
        rng, data = self.rng, self.rng.choice(self.datas)
        near = data.close[0] * rng.uniform(0.95, 1.05)
        send = rng.choice([self.buy, self.sell])
        size = rng.choice([0.1, 0.3, 7.0, 40.0])
        what = rng.randrange(9)
        if what in (0, 1):
            self.sent.append(send(data=data, size=size))
        elif what == 2:
            self.sent.append(send(data=data, size=size, exectype=bt.Order.Limit, price=near))
        elif what == 3:
            self.sent.append(send(data=data, size=size, exectype=bt.Order.Stop, price=near))
        elif what == 4:
            self.sent.append(send(data=data, size=size, exectype=bt.Order.StopLimit, price=near, plimit=near))
        elif what == 5:
            self.order_target_percent(data=data, target=rng.choice([-0.5, 0.0, 0.3, 1.0]))
        elif what == 6:
            self.close(data=data)
        elif what == 7 and self.sent:
            self.cancel(rng.choice(self.sent))


def _custom(world: World, seed: int) -> tuple[World, Account]:
    real = replace(world, bars=tuple(replace(b, open_is_real=np.ones(len(b), dtype=bool)) for b in world.bars))
    events = EventCatalogue(real.events)
    return real, replay_custom(RandomTrader, {"seed": seed}, list(real.bars), events, real.terms)


@settings(max_examples=80)
@given(worlds(), st.integers(0, 2**32))
def test_no_order_fills_at_a_price_of_before_it_was_sent(world, seed):
    world, account = _custom(world, seed)
    for fill in account.fills:
        bars = world.of(fill.instrument)
        bar = _bar_of(fill, bars)
        assert fill.filled_at > fill.decided_at
        assert bars.low[bar] <= fill.reference_price <= bars.high[bar]
        if fill.filled_at == bars.open_at[bar]:
            assert fill.reference_price == bars.open[bar]
        else:
            assert fill.filled_at == bars.close_at[bar]


@settings(max_examples=80)
@given(worlds(hours=(TOKYO, LONDON, NEW_YORK)), st.integers(0, 2**32))
def test_equity_of_sent_orders_is_cash_and_positions_at_every_close(world, seed):
    _check_equity(*_custom(world, seed))


@settings(max_examples=80)
@given(worlds(lots=False), st.integers(0, 2**32), st.sampled_from([0.0, 0.5]))
def test_final_equity_of_sent_orders_is_the_start_and_what_trades_brought(world, seed, borrow_rate):
    """The fee on shorts is in the trades that paid it."""
    world, account = _custom(replace(world, terms=replace(world.terms, borrow_rate=borrow_rate)), seed)
    expected = world.terms.cash + sum(t.pnl for t in account.trades)
    assert account.equity[-1] == pytest.approx(expected, abs=CENT)


@settings(max_examples=60)
@given(worlds(rates=True), st.integers(0, 2**32), st.integers(0, 1000))
def test_a_changed_future_leaves_the_past_of_sent_orders(world, seed, pick):
    instants = sorted(int(t) for b in world.bars for t in b.close_at)
    instant = instants[pick % len(instants)]
    other = replace(world, bars=tuple(_after(b, instant, Random(seed)) for b in world.bars))
    (_, account), (_, account2) = _custom(world, seed), _custom(other, seed)
    _same(
        [_bare(f) for f in account.fills if f.filled_at <= instant],
        [_bare(f) for f in account2.fills if f.filled_at <= instant],
    )
