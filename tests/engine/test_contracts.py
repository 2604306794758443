"""Contracts of prediction markets in both executors: settlement at 1 and 0, fees, and nothing known before it."""

from contextlib import nullcontext
from datetime import timedelta
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.events import EventCatalogue
from datasets.instants import iso_z, to_ns
from datasets.prices.bars import Bars
from engine.account.daily_ledger import account_start
from engine.account.evaluate import evaluate
from engine.account.records import Account, Trade
from engine.account.replay import replay
from engine.lookahead.report import Subject
from engine.lookahead.rules import lookahead
from engine.metrics.many_plans import evaluate_grid
from engine.plan.costs import Terms
from engine.plan.plan import Plan
from engine.plan.plan_grid import plan_grid
from engine.run.backtest import on_sessions
from engine.strategy import After, LastCloseBefore, Leg, Never, NextClose, NextOpen, Strategy, Symbol, strategy
from engine.strategy.market import MarketView
from engine.strategy.placeholders import grid_space
from strategies.buy_after_event import BuyAfterEvent
from tests.engine.contracts import contract
from tests.engine.markets import (
    NEW_YORK,
    TOKYO,
    about,
    bars,
    event,
    flat_day,
    instrument,
    market_of,
    plan_and_replay,
    utc,
)
from tests.engine.test_many_plans import check_both
from tests.engine.test_properties import START, World, _make_bars, _make_events, _make_leg

QUOTES = [
    (f"2024-05-{day:02}T12:00:00Z", price)
    for day, price in zip(range(1, 7), (0.4, 0.5, 0.6, 0.55, 0.7, 0.8), strict=True)
]
SETTLES = "2024-05-08T03:00:00Z"
CASH = 1_000.0


def settled(value: str, **more: str) -> Bars:
    return contract("WIN", QUOTES, SETTLES, value, **more)


def traded(of: Bars, leg: Leg, at: str = "2024-05-01T13:00", **terms: Any) -> tuple[Trade, Account]:
    """Return the one trade after an event, the same in the replay and in the arrays, and its account."""
    plan, account = plan_and_replay([leg], [event("E", at)], of, terms=Terms(cash=CASH, **terms))
    arrays = evaluate(plan, [of], Terms(cash=CASH, **terms))
    assert arrays.trades[0].pnl == pytest.approx(account.trades[0].pnl, abs=1e-9)
    assert arrays.trades[0].exit_reason == account.trades[0].exit_reason
    assert arrays.equity == pytest.approx(account.equity, abs=1e-9)
    (trade,) = account.trades
    return trade, account


def test_a_winning_contract_fills_at_the_first_quote_and_leaves_at_1_without_costs() -> None:
    trade, account = traded(
        settled("1"), Leg("WIN", 0.5, NextOpen(), Never()), commission_bps=100.0, slippage_bps=200.0
    )
    # 0.5 x 1.02 = 0.51 paid; 980 contracts of 1000 x 0.5 / 0.51 = 980.39; 1 % of 499.80 commission; nothing at the end
    assert (trade.entry_at, trade.exit_at) == (to_ns(utc("2024-05-02T12:00")), to_ns(utc("2024-05-08T03:00")))
    assert (trade.quantity, trade.entry_price, trade.exit_price, trade.exit_reason) == (980.0, 0.51, 1.0, "settled")
    assert trade.pnl == pytest.approx(980 * (1 - 0.51) - 4.998, abs=1e-9)
    assert [(f.commission, f.slippage) for f in account.fills[1:]] == [(0.0, 0.0)]
    assert account.equity[-1] == pytest.approx(CASH + 480.2 - 4.998, abs=1e-9)
    assert account.exposure[-1] == 0.0


@pytest.mark.parametrize("exit_", [Never(), After(99), After(6), LastCloseBefore(utc("2024-06-01"))])
def test_a_losing_contract_loses_all_of_the_position_whatever_exit_was_planned_later(exit_) -> None:
    trade, account = traded(settled("0", lot="0"), Leg("WIN", 1.0, NextOpen(), exit_))
    assert (trade.exit_price, trade.exit_reason, trade.return_) == (0.0, "settled", -1.0)
    assert account.equity.tolist()[-2:] == pytest.approx([CASH * 0.8 / 0.5, 0.0])
    assert account.returns(CASH)[-1] == -1.0


def test_a_short_contract_gains_what_the_buyer_loses() -> None:
    trade, _ = traded(settled("0"), Leg("WIN", -0.5, NextOpen(), Never()))
    assert (trade.quantity, trade.pnl) == (1000.0, about(500.0))


def test_an_exit_planned_before_the_settlement_is_kept_and_pays() -> None:
    trade, _ = traded(settled("1"), Leg("WIN", 0.5, NextOpen(), After(2)), commission_bps=100.0)
    # 2 May at 12:00 is the last print of its session: the sessions held are 3 and 4 May, and it leaves at that of the 5th
    assert (trade.exit_session, trade.exit_price, trade.exit_reason) == ("2024-05-05", 0.7, "held 2 sessions")
    assert trade.costs == pytest.approx(0.01 * 1000 * (0.5 + 0.7))


@pytest.mark.parametrize("value", ["0", "1"])
def test_a_stop_or_target_that_the_settlement_passes_is_a_settlement(value: str) -> None:
    leg = Leg("WIN", 0.5, NextOpen(), After(99), stop_loss=0.5, take_profit=0.9)
    trade, _ = traded(settled(value), leg, slippage_bps=50.0)
    assert (trade.exit_reason, trade.exit_price) == ("settled", float(value))


@pytest.mark.parametrize("entry", [NextOpen(), NextClose(), NextOpen(delay=1)])
@pytest.mark.parametrize("at", ["2024-05-06T12:00", "2024-05-09T00:00"])
def test_a_settled_contract_is_never_entered(entry, at: str) -> None:
    plan, _ = plan_and_replay([Leg("WIN", 0.5, entry, Never())], [event("E", at)], settled("1"))
    assert plan.trades == ()
    assert "settles at" in plan.skipped[0].reason or "no bar after" in plan.skipped[0].reason


def test_an_open_contract_is_marked_at_its_last_quote() -> None:
    trade, account = traded(contract("WIN", QUOTES), Leg("WIN", 0.5, NextOpen(), Never()))
    assert (trade.exit_reason, trade.exit_price, account.equity[-1]) == ("open_at_end", 0.8, CASH + 1000 * 0.3)
    assert account.exposure[-1] == pytest.approx(800 / 1300)


def test_a_contract_without_quotes_for_months_is_held_to_its_settlement() -> None:
    of = contract("WIN", QUOTES, "2024-12-16T17:00:00Z", "1")
    assert traded(of, Leg("WIN", 0.5, NextOpen(), Never()))[0].exit_session == "2024-12-16"


def test_the_fee_of_kalshi_is_7_per_cent_of_price_times_what_is_missing_to_1_on_each_trade_and_none_at_the_end() -> (
    None
):
    leg = Leg("WIN", 0.5, NextOpen(), After(2))
    trade, _ = traded(settled("1", fees="kalshi"), leg)
    assert trade.costs == pytest.approx(0.07 * 1000 * (0.5 * 0.5 + 0.7 * 0.3), abs=1e-9)  # 17.50 and 14.70
    held, _ = traded(settled("1", fees="kalshi"), Leg("WIN", 0.5, NextOpen(), Never()))
    assert (held.costs, held.pnl) == (about(17.5), about(482.5))


def test_a_fee_leaves_room_for_itself_under_the_exposure_limit() -> None:
    trade, _ = traded(settled("1", fees="kalshi", lot="0"), Leg("WIN", 1.0, NextOpen(), Never()))
    assert trade.quantity * 0.5 + trade.costs == pytest.approx(CASH)  # 0.5 + 0.0175 for each contract


def test_what_is_settled_gives_room_to_the_next_position() -> None:
    index = bars(instrument("AAA"), [flat_day(f"2024-05-{day:02}", 10.0) for day in range(1, 13)])
    legs = {"E": [Leg("WIN", 1.0, NextOpen(), Never())], "F": [Leg("AAA", 1.0, NextOpen(), Never())]}
    given = [event("E", "2024-05-01T13:00"), event("F", "2024-05-08T10:00")]
    plan, account = plan_and_replay(legs, given, settled("1"), index, terms=Terms(cash=CASH))
    assert [(t.instrument, t.quantity) for t in account.trades] == [("WIN", 2000.0), ("AAA", 200.0)]
    arrays = evaluate(plan, [settled("1"), index], Terms(cash=CASH))
    assert arrays.equity == pytest.approx(account.equity)


def test_a_benchmark_that_settles_at_0_has_lost_all_once() -> None:
    days = np.array(["2024-05-06", "2024-05-08", "2024-05-09"], dtype="datetime64[D]")
    assert on_sessions(settled("0"), days).tolist() == pytest.approx([0.8 / 0.7 - 1, -1.0, 0.0])


# ---- random worlds ---------------------------------------------------------------------------------------------------


def _random_contract(symbol: str, rng: Random) -> Bars:
    at, price, quotes = START - timedelta(days=2), rng.uniform(0.1, 0.9), []
    for _ in range(rng.randrange(3, 25)):
        quotes.append((iso_z(at), round(price, 3)))
        at += timedelta(hours=rng.choice([1, 6, 24, 24, 48]))
        price = min(0.99, max(0.01, price + rng.gauss(0, 0.08)))
    fees, lot = rng.choice(["none", "kalshi"]), rng.choice(["0.01", "1", "10"])
    settles = iso_z(at + timedelta(days=rng.choice([0, 1, 20])))
    return contract(symbol, quotes, *rng.choice([(settles, "0"), (settles, "1"), ("", "")]), fees=fees, lot=lot)


def _world(seed: int) -> World:
    rng = Random(seed)
    markets = [_random_contract(f"C{n}", rng) for n in range(rng.choice([1, 2]))]
    markets += [_make_bars("M0", rng.choice([TOKYO, NEW_YORK]), rng, n=12, lot=0.0)] * rng.choice([0, 1])
    events = _make_events(rng, markets, rng.randrange(1, 6))
    exits, symbols = ("after", "before", "next", "never"), [b.symbol for b in markets]
    legs = {
        e.event_id: [_make_leg(rng, symbols, e, stops=rng.random() < 0.5, exits=exits, before_vote=True)]
        for e in events
    }
    bps, rates = (rng.choice([0.0, 20.0]) for _ in range(2)), (rng.choice([0.0, 0.03]) for _ in range(2))
    costs: dict[str, Any] = dict(
        zip(("commission_bps", "slippage_bps", "cash_rate", "borrow_rate"), (*bps, *rates), strict=True)
    )
    return World(
        tuple(markets), tuple(events), legs, Terms(cash=10_000.0, max_gross=rng.choice([1.0, 1.0, 2.0]), **costs)
    )


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_arrays_and_replay_agree_over_random_contracts(seed: int) -> None:
    check_both(_world(seed))


def test_the_random_worlds_hold_contracts_settled_at_0_and_at_1() -> None:
    accounts = [_world(seed).run()[1] for seed in range(200)]
    ends = {(t.exit_reason, t.exit_price, t.side) for a in accounts for t in a.trades}
    assert ends >= {("settled", v, side) for v in (0.0, 1.0) for side in ("long", "short")}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("value", "weight"), [("0", 0.4), ("0", 1.0), ("1", 1.0), ("", 0.4)])
def test_a_sweep_settles_as_a_run_does(value: str, weight: float) -> None:
    of = contract("WIN", QUOTES, SETTLES if value else "", value)
    market, terms = market_of(of), Terms(cash=CASH)
    events = [event("E", "2024-05-01T13:00"), event("F", "2024-05-04T13:00"), event("G", "2024-05-06T12:00")]
    given = {"instrument": "WIN", "weight": weight}
    axes = {"hold": (1, 2, 5, 30), "delay": (0, 2), "stop_loss": (None, 0.2)}
    grid = plan_grid(grid_space(BuyAfterEvent, given, axes), events, market)
    found = evaluate_grid(grid, terms).final_equity
    for i in range(len(grid)):
        plan: Plan = grid.plan(i)
        since = account_start([of], plan.wanted, None)
        assert found[i] == pytest.approx(replay(plan, [of], terms, since=since).equity[-1], abs=1e-9)


# ---- nothing before it is known --------------------------------------------------------------------------------------


def test_no_view_before_the_settlement_shows_its_value_or_depends_on_it() -> None:
    for at in ("2024-05-06T12:00", "2024-05-08T02:59"):
        won, lost = (MarketView(market_of(settled(v)), utc(at)).bars("WIN") for v in ("1", "0"))
        assert won.sha256() == lost.sha256()
        assert (won.instrument, won.source) == (lost.instrument, lost.source)
        assert not won.is_settled
    assert MarketView(market_of(settled("0")), utc("2024-05-08T03:01")).close("WIN") == 0.0


@strategy
class ReadsTheSettlement(Strategy):
    """Buy the contract where it will be worth 1."""

    instrument: Symbol = "WIN"

    def wants(self, event) -> bool:
        return True

    def legs(self, event, market):
        return [Leg("WIN", 0.5, NextOpen(), Never())] if market._market.bars("WIN").close[-1] == 1 else []


@pytest.mark.parametrize(
    ("rule", "caught"), [(ReadsTheSettlement(), {"E", "F"}), (BuyAfterEvent(instrument="WIN"), set())]
)
def test_a_rule_that_reads_the_settlement_is_caught_and_an_honest_one_is_not(rule: Strategy, caught: set[str]) -> None:
    events = EventCatalogue([event("E", "2024-05-01T13:00"), event("F", "2024-05-04T13:00")])
    report = lookahead(Subject(lambda: nullcontext(rule), events, market_of(settled("1"))))
    assert {o.subject for o in report.offences} == caught
