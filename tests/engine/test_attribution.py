"""Claims about where a trade's P&L comes from, worked by hand."""

import numpy as np
import pytest
from msgspec.structs import replace

from datasets.prices.bars import RateSource
from engine.account.replay import replay
from engine.plan.costs import Terms
from engine.run.attribution import attribution, by_market, exposures, in_cents, leave_one_out
from engine.strategy import After, Leg, NextOpen, Phase
from tests.engine.markets import bars, event, flat_day, instrument, plan_and_replay
from tests.reports.handmade import trade

ROWS = [
    ("2024-01-02", 100.0, 100.0, 100.0, 100.0),
    ("2024-01-03", 110.0, 112.0, 110.0, 112.0),
    ("2024-01-04", 120.0, 121.0, 120.0, 121.0),
]


def _trade(weight, **costs):
    leg = Leg("AAA", weight, entry=NextOpen(), exit=After(1))
    of = bars(instrument(lot=1.0, **costs), ROWS)
    _, account = plan_and_replay([leg], [event("E", "2024-01-02T12:00")], of, terms=Terms(cash=1_111.0))
    return account.trades[0]


def test_a_gap_up_is_lost_to_a_buyer():
    # decided at 100; 10 bought at 110 and sold at 120: the market gave 200, 100 of it before the fill
    parts = attribution(_trade(1.0))
    assert (parts.asset, parts.gap, parts.fx, parts.costs, parts.pnl) == pytest.approx((200, -100, 0, 0, 100))


def test_a_gap_up_is_won_by_a_seller():
    parts = attribution(_trade(-1.0))
    assert (parts.asset, parts.gap, parts.costs, parts.pnl) == pytest.approx((-200, 100, 0, -100))


def test_slippage_and_commission_are_costs_and_no_part_of_the_move():
    # 10 bps slippage, 20 bps commission: bought 10 at 110.11, sold at 119.88
    parts = attribution(_trade(1.0, slippage_bps=10.0, commission_bps=20.0))
    commission = 10 * (110.11 + 119.88) * 0.002
    assert parts.costs == pytest.approx(-(10 * 0.11 + 10 * 0.12 + commission))
    assert (parts.asset, parts.gap) == pytest.approx((200, -100))
    assert parts.pnl == pytest.approx(10 * (119.88 - 110.11) - commission)
    assert sum(parts.parts()) == pytest.approx(parts.pnl, abs=1e-9)


def test_without_a_close_before_the_decision_the_gap_is_not_known():
    parts = attribution(trade("2024-01-03", "2024-01-04", pnl=70.0, costs=30.0, decision_price=None, gap=None))
    assert (parts.gap, parts.asset, parts.costs) == (None, 100.0, -30.0)


def test_cents_shown_sum_to_the_cents_of_the_total():
    assert in_cents([10.004, -3.004, 0.0, -1.004], 5.996) == [10.0, -3.0, 0.0, -1.0]
    assert in_cents([0.005, 0.006], 0.011) == [0.0, 0.01]
    assert in_cents([0.0, 0.0], 0.0) == [0.0, 0.0]


def test_leaving_one_event_out_by_hand():
    trades = [
        trade("2024-01-03", "2024-01-04", return_=0.10, pnl=100.0),
        trade("2024-02-01", "2024-02-02", return_=-0.02, pnl=-20.0),
        trade("2024-02-01", "2024-02-05", return_=0.04, pnl=40.0, instrument="N225"),
        trade("2024-03-01", "2024-03-05", return_=0.50, pnl=500.0, exit_reason="open_at_end"),
    ]
    first, second, still_open = leave_one_out(trades)
    assert (first.event_id, first.n_trades, first.pnl) == ("JP-2024-01-02-GE", 3, 520.0)
    assert first.mean_trade == pytest.approx(0.52 / 3)
    assert first.change == pytest.approx(0.52 / 3 - 0.155)
    assert (second.n_trades, second.mean_trade, second.pnl) == (2, 0.30, 600.0)
    assert second.change == pytest.approx(0.145)
    assert (still_open.n_trades, still_open.mean_trade) == pytest.approx((3, 0.04))


def test_without_its_only_event_nothing_is_left():
    (only,) = leave_one_out([trade("2024-01-03", "2024-01-04")])
    assert (only.n_trades, only.mean_trade, only.change, only.pnl) == (0, None, None, 0)


def test_parts_of_an_unhedged_trade_by_hand():
    """Decided at 100, in at 110, out at 120; a yen is 0.01 dollar at the entry and 0.009 at the exit."""
    leg = Leg("AAA", 0.99, entry=NextOpen(), exit=After(1))
    of = bars(instrument(lot=1.0), ROWS)
    source = RateSource("JPY", "USD", "", "")
    rated = replace(of, open_rate=np.array([0.01, 0.01, 0.009]), close_rate=np.array([0.01, 0.01, 0.009]), rates=source)
    plan, _ = plan_and_replay([leg], [event("E", "2024-01-02T12:00")], of)
    account = replay(plan, [rated], Terms(cash=11.11))
    parts = attribution(account.trades[0])
    assert account.trades[0].quantity == 9.0  # 10.9989 dollars at 1.10 each, in whole shares
    assert (parts.asset, parts.gap, parts.fx) == pytest.approx((9 * 0.20, -9 * 0.10, 9 * 120 * -0.001))
    assert parts.pnl == pytest.approx(9 * (120 * 0.009 - 110 * 0.01))
    assert sum(parts.parts()) == pytest.approx(parts.pnl)


def test_results_by_market_sum_to_the_trades():
    one, two = trade("2024-01-03", "2024-01-04", pnl=70.0, costs=30.0), trade("2024-02-01", "2024-02-02", pnl=-20.0)
    found = by_market([one, two, replace(one, instrument="BBB", pnl=5.0)])
    assert [(m.instrument, m.trades, m.won, m.parts.pnl) for m in found] == [
        (one.instrument, 2, 1, 50.0),
        ("BBB", 1, 1, 5.0),
    ]


def test_a_pair_is_exposed_to_its_base_currency_and_short_of_its_quote_currency():
    pair = bars(
        instrument("USDJPY", mic="FX"), [flat_day(d, 100.0) for d in ("2024-01-02", "2024-01-03", "2024-01-04")]
    )
    held = Leg("USDJPY", -0.5, entry=NextOpen(), exit=After(2, at=Phase.CLOSE))
    _, account = plan_and_replay([held], [event("E", "2024-01-02T12:00")], pair)
    shown = {(e.kind, e.name): (e.mean, e.sessions) for e in exposures(account, [pair])}
    assert shown == {("market", "USDJPY"): (-0.5, 1), ("currency", "USD"): (-0.5, 1), ("currency", "JPY"): (0.5, 1)}
