"""Replays worked by hand: fills, stops, sizes, costs, interest and margin, to the cent."""

from typing import Any

import pytest

from datasets.events import PoliticalEvent
from datasets.prices.bars import Bars
from engine.account.records import Account
from engine.plan.costs import Terms
from engine.strategy import After, Leg, Never, NextClose, NextOpen, Phase
from tests.engine.markets import NEW_YORK, about, bars, bars_at, event, flat_day, instrument, ns, plan_and_replay

AAA, BBB = instrument("AAA"), instrument("BBB")
BEFORE = "2024-01-01T12:00"
"""Before the open of the first session, 2 January."""


def account_of(
    given: Any, *markets: Bars, events: list[PoliticalEvent] | None = None, terms: Terms | None = None
) -> Account:
    """Return the account after legs traded on one event before the first open, with 10,000 of cash."""
    return plan_and_replay(given, events or [event("E", BEFORE)], *markets, terms=terms or Terms(cash=10_000.0))[1]


def days_of(*prices: tuple[float, float, float, float], of: Any = AAA) -> Bars:
    """Return bars of (open, high, low, close) on 2, 3, 4, 5, 8, 9 January."""
    sessions = [f"2024-01-0{d}" for d in (2, 3, 4, 5, 8, 9)]
    return bars(of, [(s, *p) for s, p in zip(sessions, prices, strict=False)])


def last(account: Account) -> tuple[str, str, float]:
    """Return session, reason and reference price of the last fill."""
    fill = account.fills[-1]
    return fill.session, fill.reason, fill.reference_price


# ---- stops ---------------------------------------------------------------------------------------------------------------

LONG = Leg("AAA", 1.0, NextOpen(), After(3), stop_loss=0.05, take_profit=0.05)
SHORT = Leg("AAA", -1.0, NextOpen(), After(3), stop_loss=0.05, take_profit=0.05)
CALM = (100.0, 101.0, 99.0, 100.0)


@pytest.mark.parametrize(
    ("leg", "second", "expected"),
    [
        (LONG, (100.0, 101.0, 94.0, 96.0), ("2024-01-03", "stop_loss", 95.0)),
        (LONG, (90.0, 97.0, 88.0, 92.0), ("2024-01-03", "stop_loss", 90.0)),  # gap through: the open
        (LONG, (100.0, 106.0, 99.0, 104.0), ("2024-01-03", "take_profit", 105.0)),
        (LONG, (108.0, 109.0, 107.0, 108.0), ("2024-01-03", "take_profit", 108.0)),  # better than asked for
        (LONG, (100.0, 106.0, 94.0, 100.0), ("2024-01-03", "stop_loss", 95.0)),  # both: stopped
        (LONG, (100.0, 104.9, 95.1, 100.0), ("2024-01-05", "held 3 sessions", 100.0)),
        (LONG, (100.0, 101.0, 95.0, 100.0), ("2024-01-03", "stop_loss", 95.0)),  # touched is reached
        (SHORT, (100.0, 106.0, 99.0, 104.0), ("2024-01-03", "stop_loss", 105.0)),
        (SHORT, (110.0, 112.0, 103.0, 108.0), ("2024-01-03", "stop_loss", 110.0)),
        (SHORT, (100.0, 101.0, 94.0, 96.0), ("2024-01-03", "take_profit", 95.0)),
        (SHORT, (92.0, 93.0, 91.0, 92.0), ("2024-01-03", "take_profit", 92.0)),
        (SHORT, (100.0, 106.0, 94.0, 100.0), ("2024-01-03", "stop_loss", 105.0)),
    ],
)
def test_stops_and_targets(leg, second, expected):
    assert last(account_of([leg], days_of(CALM, second, CALM, CALM, CALM))) == expected


def test_stop_is_watched_from_the_bar_of_an_entry_at_its_open():
    account = account_of([LONG], days_of((100.0, 101.0, 94.0, 96.0), CALM, CALM, CALM))
    assert last(account) == ("2024-01-02", "stop_loss", 95.0)
    assert account.fills[-1].filled_at == ns("2024-01-02T06:00")


def test_stop_is_not_watched_on_the_bar_of_an_entry_at_its_close():
    leg = Leg("AAA", 1.0, NextClose(), After(2), stop_loss=0.05)
    account = account_of([leg], days_of((100.0, 101.0, 80.0, 100.0), CALM, CALM, CALM, CALM))
    assert last(account)[1] == "held 2 sessions"


def test_stop_on_the_day_of_an_exit_at_the_close_comes_first():
    leg = Leg("AAA", 1.0, NextOpen(), After(2, at=Phase.CLOSE), stop_loss=0.05)
    account = account_of([leg], days_of(CALM, (100.0, 101.0, 94.0, 99.0), CALM))
    assert last(account) == ("2024-01-03", "stop_loss", 95.0)


def test_exit_at_the_open_comes_before_the_stop_of_that_bar():
    leg = Leg("AAA", 1.0, NextOpen(), After(1), stop_loss=0.05)
    account = account_of([leg], days_of(CALM, (100.0, 101.0, 94.0, 99.0), CALM))
    assert last(account) == ("2024-01-03", "held 1 session", 100.0)


def test_stop_is_reckoned_from_the_price_paid():
    """Bought at 100 + 1 %: the stop of 5 % stands at 95.95 and is filled 1 % worse, at 94.9905."""
    account = account_of(
        [LONG], days_of(CALM, (100.0, 101.0, 95.5, 96.0), CALM, CALM), terms=Terms(cash=10_000.0, slippage_bps=100)
    )
    assert account.fills[-1].reference_price == pytest.approx(95.95)
    assert account.fills[-1].price == pytest.approx(94.9905)


# ---- opens that were not traded ------------------------------------------------------------------------------------------


def test_bar_without_a_real_open_fills_at_its_close_and_is_noted():
    rows = [("2024-01-02", 100.0, 104.0, 99.0, 103.0, False), ("2024-01-03", 103.0, 105.0, 102.0, 104.0, True)]
    account = account_of([Leg("AAA", 0.5, NextOpen(), Never())], bars(AAA, rows))
    (fill,) = account.fills
    assert (fill.reference_price, fill.filled_at) == (103.0, ns("2024-01-02T06:00"))
    assert fill.note == "entry at the close: the bar has no real open"
    assert account.trades[0].note == "entry at the close: the bar has no real open"


def test_exit_on_a_bar_without_a_real_open_is_noted():
    rows = [(*flat_day("2024-01-02", 100.0), True), ("2024-01-03", 100.0, 105.0, 99.0, 104.0, False)]
    account = account_of([Leg("AAA", 0.5, NextOpen(), After(1))], bars(AAA, rows))
    assert account.fills[-1].reference_price == 104.0
    assert account.fills[-1].note == "exit at the close: the bar has no real open"


# ---- several at one instant ----------------------------------------------------------------------------------------------


def test_openings_of_one_instant_are_scaled_together():
    """90 % and 60 % of 10,000 under a limit of 100 %: each by 1 / 1.5, so 6,000 and 4,000."""
    legs = [Leg("AAA", 0.9, NextOpen(), Never()), Leg("BBB", -0.6, NextOpen(), Never())]
    account = account_of(legs, days_of(CALM, CALM), days_of((50.0, 50.0, 50.0, 50.0), (50.0, 50.0, 50.0, 50.0), of=BBB))
    assert [(f.instrument, f.side, f.quantity) for f in account.fills] == [
        ("AAA", "buy", about(60.0)),
        ("BBB", "sell", about(80.0)),
    ]
    assert [t.note for t in account.trades] == ["scaled to 66.7% by the exposure limit"] * 2


def test_closings_come_before_openings_of_the_same_instant():
    """All is in AAA; at the open of the 3rd AAA is sold and BBB bought with all of it, though BBB comes first."""
    given = {"B": [Leg("BBB", 1.0, NextOpen(), Never())], "A": [Leg("AAA", 1.0, NextOpen(), After(1))]}
    events = [event("A", BEFORE), event("B", "2024-01-02T12:00")]
    account = account_of(
        given, days_of(CALM, (120.0,) * 4, CALM, of=BBB), days_of(CALM, (110.0,) * 4, CALM), events=events
    )
    assert [(f.instrument, f.side, f.quantity) for f in account.fills] == [
        ("AAA", "buy", 100.0),
        ("AAA", "sell", 100.0),
        ("BBB", "buy", pytest.approx(91.6666667)),  # 11,000 / 120
    ]


def _around(of: Any, *rows: tuple[float, float]) -> Bars:
    """Return bars (open, close) of a market that never shuts: 21:00 to 21:00, from Monday 1 January on."""
    return bars_at(
        of,
        [
            (f"2024-01-0{n + 2}", f"2024-01-0{n + 1}T21:00", f"2024-01-0{n + 2}T21:00", o, max(o, c), min(o, c), c)
            for n, (o, c) in enumerate(rows)
        ],
    )


def test_closings_come_before_openings_where_a_market_opens_as_it_closes():
    """AAA is sold at the open of the 3rd, 21:00 of the 2nd, when its bar of the 2nd closes; BBB is bought at that open."""
    given = {"A": [Leg("AAA", 1.0, NextOpen(), After(1))], "B": [Leg("BBB", 1.0, NextOpen(), Never())]}
    events = [event("A", "2024-01-01T12:00"), event("B", "2024-01-02T12:00")]
    one, other = _around(AAA, *[(100.0, 100.0)] * 4), _around(BBB, *[(50.0, 50.0)] * 4)
    account = account_of(given, one, other, events=events)
    assert [(f.instrument, f.side, f.session, f.quantity) for f in account.fills] == [
        ("AAA", "buy", "2024-01-02", 100.0),
        ("AAA", "sell", "2024-01-03", 100.0),
        ("BBB", "buy", "2024-01-03", 200.0),
    ]


def test_market_that_never_shuts_is_marked_at_its_close_and_not_at_the_open_that_follows():
    """Bought at 100; the session of the 2nd closes at 104, the next one opens at the same instant at 108."""
    account = account_of(
        [Leg("AAA", 1.0, NextOpen(), Never())],
        _around(AAA, (100.0, 104.0), (108.0, 110.0), (110.0, 110.0)),
        events=[event("E", "2024-01-01T12:00")],
    )
    assert account.equity.tolist() == pytest.approx([10_400.0, 11_000.0, 11_000.0])


def test_trade_that_opens_as_the_last_session_closes_is_of_the_next_session():
    """At 1 % slippage the trade costs 100 the moment it is made: on the 3rd, not on the 2nd."""
    account = account_of(
        [Leg("AAA", 0.5, NextOpen(), Never())],
        _around(AAA, *[(100.0, 100.0)] * 3),
        events=[event("E", "2024-01-02T12:00")],
        terms=Terms(cash=10_000.0, slippage_bps=100),
    )
    assert account.equity.tolist() == pytest.approx([10_000.0, 9_950.4950495, 9_950.4950495])  # 5,000 / 101


# ---- sizes ---------------------------------------------------------------------------------------------------------------


def test_quantity_is_rounded_down_to_the_lot():
    of = instrument(lot=10)
    account = account_of([Leg("AAA", 0.99, NextOpen(), Never())], days_of(CALM, CALM, of=of))
    assert account.fills[0].quantity == 90.0  # 99 fit
    assert account.cash[-1] == pytest.approx(1_000.0)


def test_less_than_a_lot_is_skipped():
    of = instrument(lot=100)
    account = account_of([Leg("AAA", 0.99, NextOpen(), Never())], days_of(CALM, CALM, of=of))
    assert account.fills == ()
    assert [s.reason for s in account.skipped] == ["0.99 of equity 10,000 buys less than one lot of 100 at 100"]


@pytest.mark.parametrize("summed", [10_000.499999999, 10_000.5, 10_000.500000001])
def test_equity_on_a_half_is_written_alike_however_it_was_summed(summed):
    leg, of = [Leg("AAA", 0.99, NextOpen(), Never())], instrument(lot=200)
    account = account_of(leg, days_of(CALM, CALM, of=of), terms=Terms(cash=summed))
    assert [s.reason for s in account.skipped] == ["0.99 of equity 10,000 buys less than one lot of 200 at 100"]


def test_no_room_is_skipped():
    """The first leg takes all there is, and rises; a day later nothing is left."""
    given = {"A": [Leg("AAA", 1.0, NextOpen(), Never())], "B": [Leg("BBB", 0.5, NextOpen(), Never())]}
    events = [event("A", BEFORE), event("B", "2024-01-02T12:00")]
    account = account_of(given, days_of(CALM, CALM), days_of(CALM, CALM, of=BBB), events=events)
    assert [(s.event_id, s.reason) for s in account.skipped] == [
        ("B", "no room: gross exposure is limited to 1 times equity")
    ]


def test_weight_is_of_equity_just_before_the_fill():
    """After the gap of AAA from 100 to 120 equity is 11,000: half of it is 5,500."""
    given = {"A": [Leg("AAA", 0.5, NextOpen(), Never())], "B": [Leg("BBB", 0.4, NextOpen(), Never())]}
    events = [event("A", BEFORE), event("B", "2024-01-02T12:00")]
    account = account_of(given, days_of(CALM, (120.0, 125.0, 119.0, 124.0)), days_of(CALM, CALM, of=BBB), events=events)
    assert account.fills[-1].quantity == pytest.approx(44.0)  # 0.4 * 11,000 / 100


def test_long_and_short_of_one_market_are_two_trades():
    """50 long from the 2nd to the 5th, 30 short from the 3rd to the 4th: 0.3 of 10,000 at 100."""
    given = {"L": [Leg("AAA", 0.5, NextOpen(), After(3))], "S": [Leg("AAA", -0.3, NextOpen(), After(1))]}
    events = [event("L", BEFORE), event("S", "2024-01-02T12:00")]
    prices = [(100.0,) * 4, (100.0,) * 4, (110.0,) * 4, (120.0,) * 4]
    account = account_of(given, days_of(*prices), events=events)
    assert [(t.side, t.quantity, t.pnl) for t in account.trades] == [
        ("long", about(50.0), about(1_000.0)),
        ("short", about(30.0), about(-300.0)),
    ]
    assert account.equity.tolist() == pytest.approx([10_000.0, 10_000.0, 10_200.0, 10_700.0])


def test_fractions_that_do_not_cancel_in_binary_are_closed():
    """Three overlapping trades of one market, 0.1 + 0.2 held, closed one by one, then turned short."""
    given = {
        "A": [Leg("AAA", 0.001, NextOpen(), After(1))],
        "B": [Leg("AAA", 0.002, NextOpen(), After(2))],
        "C": [Leg("AAA", -0.003, NextOpen(), After(3))],
        "D": [Leg("AAA", 0.007, NextOpen(), After(1))],
    }
    events = [event(e, BEFORE) for e in "ABC"] + [event("D", "2024-01-02T12:00")]
    account = account_of(given, days_of(*[(100.0,) * 4] * 6), events=events, terms=Terms(cash=10_000.0, max_gross=3.0))
    assert len(account.trades) == 4
    assert all(t.is_closed for t in account.trades)
    assert account.equity.tolist() == pytest.approx([10_000.0] * 6)


# ---- costs ---------------------------------------------------------------------------------------------------------------


def test_costs_by_hand():
    """5,000 at 100 * 1.001 = 100.1 are 49.95005; sold at 110 * 0.999 = 109.89; 10 bps of each value in commission.

    In: 5,000 + 5.00; out: 49.95005 * 109.89 = 5,489.01 less 5.489011; pnl 478.5220. Slippage 4.995005 + 5.494505.
    """
    account = account_of(
        [Leg("AAA", 0.5, NextOpen(), After(1))],
        days_of((100.0,) * 4, (110.0,) * 4),
        terms=Terms(cash=10_000.0, commission_bps=10, slippage_bps=10),
    )
    (trade,) = account.trades
    assert (trade.entry_price, trade.exit_price) == (about(100.1), about(109.89))
    assert trade.quantity == pytest.approx(49.95005)
    assert trade.pnl == pytest.approx(478.5220, abs=1e-4)
    assert trade.costs == pytest.approx(5.0 + 5.489011 + 4.995005 + 5.494505, abs=1e-5)
    assert trade.return_ == pytest.approx(478.5220 / 5000, abs=1e-7)
    assert account.equity[-1] == pytest.approx(10_478.5220, abs=1e-4)


def test_costs_are_those_of_the_instrument_unless_the_terms_say_otherwise():
    of = instrument(commission_bps=20.0, slippage_bps=50.0)
    fill = account_of([Leg("AAA", 0.5, NextOpen(), Never())], days_of(CALM, of=of)).fills[0]
    assert (fill.price, fill.commission) == (about(100.5), about(10.0))
    zero = Terms(cash=10_000.0, commission_bps=0.0, slippage_bps=0.0)
    fill = account_of([Leg("AAA", 0.5, NextOpen(), Never())], days_of(CALM, of=of), terms=zero).fills[0]
    assert (fill.price, fill.commission) == (100.0, 0.0)


# ---- interest ------------------------------------------------------------------------------------------------------------


def test_idle_cash_earns_the_effective_rate_of_its_days():
    """10,000 at 5 % for 365 days in two steps of 90 and 275 days: 10,500."""
    market = bars(AAA, [flat_day(d, 100.0) for d in ("2023-01-02", "2023-04-02", "2024-01-02")])
    account = account_of([], market, terms=Terms(cash=10_000.0, cash_rate=0.05))
    assert account.equity[0] == 10_000.0
    assert account.equity[1] == pytest.approx(10_121.0311, abs=1e-3)  # 1.05^(90 / 365) = e^0.01203045 = 1.01210311
    assert account.equity[2] == pytest.approx(10_500.0)


def test_interest_is_earned_on_what_was_idle_the_session_before():
    """6,000 in a flat market, 4,000 idle over a weekend of 3 days: 4,000 * (1.1^(3 / 365) - 1) = 3.134712."""
    market = bars(AAA, [flat_day(d, 100.0) for d in ("2024-01-05", "2024-01-08")])
    account = account_of(
        [Leg("AAA", 0.6, NextOpen(), Never())],
        market,
        events=[event("E", "2024-01-04T12:00")],
        terms=Terms(cash=10_000.0, cash_rate=0.10),
    )
    assert account.equity.tolist() == pytest.approx([10_000.0, 10_003.134712], abs=1e-5)


def test_short_pays_the_borrow_rate_and_its_proceeds_are_not_idle():
    """Short 6,000 of 10,000 at 10 % cash and 7.3 % borrow for 10 days.

    Idle 10,000 - 6,000 = 4,000 earns 4,000 * (1.1^(10 / 365) - 1) = 10.458600; the loan costs
    6,000 * 0.073 * 10 / 365 = 12.
    """
    market = bars(AAA, [flat_day(d, 100.0) for d in ("2024-01-05", "2024-01-15")])
    account = account_of(
        [Leg("AAA", -0.6, NextOpen(), Never())],
        market,
        events=[event("E", "2024-01-04T12:00")],
        terms=Terms(cash=10_000.0, cash_rate=0.10, borrow_rate=0.073),
    )
    assert account.equity[-1] == pytest.approx(9_998.458600, abs=1e-5)


# ---- margin --------------------------------------------------------------------------------------------------------------


def test_margin_call_closes_at_the_next_price():
    """Short 100 at 100 on 10,000: at 160 equity 4,000 is a quarter of 16,000, at 161 it is less. Next open: 165."""
    prices = [(100.0,) * 4, (160.0,) * 4, (161.0,) * 4, (165.0, 170.0, 150.0, 150.0), (150.0,) * 4]
    account = account_of([Leg("AAA", -1.0, NextOpen(), Never())], days_of(*prices))
    assert last(account) == ("2024-01-05", "margin_call", 165.0)
    assert account.equity.tolist() == pytest.approx([10_000.0, 4_000.0, 3_900.0, 3_500.0, 3_500.0])


def test_leverage_beyond_the_cash_is_filled_trade_after_trade():
    """Three times equity, a day later half more: cash is -20,000 and then -25,000. The limit of 5 allows it."""
    given = {"A": [Leg("AAA", 3.0, NextOpen(), Never())], "B": [Leg("BBB", 0.5, NextOpen(), Never())]}
    events = [event("A", BEFORE), event("B", "2024-01-02T12:00")]
    account = account_of(
        given,
        days_of(CALM, CALM),
        days_of(CALM, CALM, of=BBB),
        events=events,
        terms=Terms(cash=10_000.0, max_gross=5.0),
    )
    assert [f.quantity for f in account.fills] == [pytest.approx(300.0), pytest.approx(50.0)]
    assert account.cash.tolist() == pytest.approx([-20_000.0, -25_000.0])


# ---- days ----------------------------------------------------------------------------------------------------------------


def test_session_is_marked_when_its_last_market_has_closed():
    """Tokyo closes at 110, New York 15 hours later at 130: one day, both in it.

    When New York opens AAA is worth 5,500 of an equity of 10,500; the limit leaves 5,000 for BBB, which earns 1,500.
    """
    tokyo, new_york = days_of((100.0, 110.0, 100.0, 110.0), of=AAA), bars(
        BBB, [("2024-01-02", 100.0, 130.0, 100.0, 130.0)], hours=NEW_YORK
    )  # fmt: skip
    legs = [Leg(s, 0.5, NextOpen(), Never()) for s in ("AAA", "BBB")]
    account = account_of(legs, tokyo, new_york)
    assert account.equity.tolist() == pytest.approx([10_000 + 500 + 1_500])


def test_market_that_is_shut_keeps_its_last_price():
    short_week = bars(AAA, [flat_day("2024-01-02", 100.0), flat_day("2024-01-04", 120.0)])
    account = account_of([Leg("AAA", 1.0, NextOpen(), Never())], short_week, days_of(CALM, CALM, CALM, of=BBB))
    assert account.equity.tolist() == pytest.approx([10_000.0, 10_000.0, 12_000.0])
    assert account.exposure.tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_trade_open_at_the_end_is_marked_at_the_last_close():
    account = account_of([Leg("AAA", 1.0, NextOpen(), Never())], days_of(CALM, (100.0, 108.0, 100.0, 107.0)))
    (trade,) = account.trades
    assert (trade.exit_reason, trade.exit_session, trade.exit_price) == ("open_at_end", "2024-01-03", 107.0)
    assert trade.pnl == pytest.approx(700.0)
    assert not trade.is_closed
    assert len(account.fills) == 1
