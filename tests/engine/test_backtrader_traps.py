"""What plain backtrader 1.9.78.123 does wrong, shown red there, and what ours does instead.

A ``..._in_plain_backtrader`` test asserts the wrong outcome: when it fails, backtrader has been mended. Each has a
partner that holds ours to the right outcome, in the replay of a plan and, where a strategy sends its own orders,
in ``replay_custom``.

Rows of the study without a test here:

=============================  =======================================================================================
5c  zero volume fills in full  no volume is ever looked at: indices have none
7/19 SharpeRatio, Returns      no analyzer of backtrader is used: tests/engine/test_metrics.py holds our own numbers
13  dividends, splits          bars are taken as they are; the manifest names the total-return indices
14  RSI raises ZeroDivision    no indicator is used: rules read closes through MarketView
17  add_timer never fires      events carry their own instants, and plan.py resolves them
3b, 3c, 3d                     right in plain backtrader; held here by the rows about markets that are shut
4b  a gap makes 52.5 %         cannot be: quantity is resolved at the fill (row 4)
=============================  =======================================================================================
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.instants import to_datetime
from datasets.prices.bars import Bars, Source, make_bars
from engine.account.records import Account
from engine.account.replay_custom import replay_custom
from engine.plan.costs import Terms
from engine.run.backtest import backtest
from engine.strategy import After, Leg, Never, NextOpen, Phase
from tests.engine.markets import (
    LONDON,
    NEW_YORK,
    about,
    bars,
    bars_at,
    event,
    flat_day,
    instrument,
    market_of,
    ns,
    plan_and_replay,
    scripted,
    utc,
)

Script = Callable[[Any], None]


class Scripted(bt.Strategy):
    """Runs a function at every step, and keeps what was filled."""

    params = (("script", None), ("also_before", False))

    def __init__(self) -> None:
        self.filled: list[tuple[str, float, float]] = []
        self.statuses: list[int] = []

    def next(self) -> None:
        self.p.script(self)

    def prenext(self) -> None:
        if self.p.also_before:
            self.p.script(self)

    def notify_order(self, order: Any) -> None:
        self.statuses.append(order.status)
        if order.status == order.Completed:
            self.filled.append((order.data._name, order.executed.size, order.executed.price))


def plain(
    script: Script,
    *feeds: list[tuple[Any, ...]],
    cash: float = 10_000.0,
    prepare: Callable[[Any], None] = lambda cerebro: None,
    **given: Any,
) -> Any:
    """Return the strategy after plain backtrader has run it over (stamp, open, high, low, close) rows, feeds A, B..."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.set_cash(cash)
    for name, rows in zip("ABCD", feeds, strict=False):
        cerebro.adddata(bt.feeds.PandasData(dataname=frame(rows)), name=name)
    cerebro.addstrategy(Scripted, script=script, **given)
    prepare(cerebro)
    return cerebro.run()[0]


def frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Return rows as backtrader's pandas feed likes them."""
    index = pd.DatetimeIndex([pd.Timestamp(r[0]) for r in rows])
    out = pd.DataFrame([r[1:5] for r in rows], index=index, columns=["open", "high", "low", "close"])
    return out.assign(volume=0.0, openinterest=0.0)


def ours(
    script: Script, *markets: Bars, terms: Terms | None = None, events: tuple[PoliticalEvent, ...] = (), **given: Any
) -> Account:
    """Return the account after our broker has run the same script."""
    return replay_custom(
        Scripted, {"script": script, **given}, list(markets), EventCatalogue(events), terms or Terms(cash=10_000.0)
    )


def on(day: str, act: Script) -> Script:
    """Return a script that acts at the first step of the date of the first feed."""
    done: list[bool] = []

    def script(s: Any) -> None:
        if str(s.data.datetime.date(0)) == day and not done:
            done.append(True)
            act(s)

    return script


def fills(account: Account) -> list[tuple[str, str, str, float]]:
    """Return (instrument, side, session, reference price) of every fill."""
    return [(f.instrument, f.side, f.session, f.reference_price) for f in account.fills]


A, B = instrument("A"), instrument("B", mic="XNYS", currency="USD")
THREE = [
    ("2024-01-02", 100.0, 103.0, 99.0, 102.0),
    ("2024-01-03", 110.0, 112.0, 108.0, 111.0),
    ("2024-01-04", 111.0, 113.0, 109.0, 112.0),
]


# ---- 1: an order fills at the next open --------------------------------------------------------------------------------


def test_order_fills_at_the_next_open_in_plain_backtrader():
    s = plain(on("2024-01-02", lambda s: s.buy(size=1)), THREE)
    assert s.filled == [("A", 1, 110.0)]


def test_order_fills_at_the_next_open():
    account = ours(on("2024-01-02", lambda s: s.buy(size=1)), bars(A, THREE))
    assert fills(account) == [("A", "buy", "2024-01-03", 110.0)]


def test_gap_from_decision_to_fill_is_reported():
    leg = Leg("A", 0.5, NextOpen(), Never())
    _, planned = plan_and_replay([leg], [event("E", "2024-01-02T07:00")], bars(A, THREE))
    sent = ours(on("2024-01-02", lambda s: s.buy(size=1)), bars(A, THREE))
    for account in (planned, sent):
        (trade,) = account.trades
        assert (trade.decision_price, trade.entry_price) == (102.0, 110.0)
        assert trade.gap == pytest.approx(0.0784313725)  # 110 / 102 - 1


# ---- 1b: an order on the last bar ----------------------------------------------------------------------------------------


def test_order_on_the_last_bar_is_lost_without_a_word_in_plain_backtrader():
    s = plain(on("2024-01-04", lambda s: s.buy(size=1)), THREE)
    assert s.filled == []
    assert bt.Order.Rejected not in s.statuses
    assert bt.Order.Expired not in s.statuses


def test_order_on_the_last_bar_is_reported_as_unfilled():
    account = ours(on("2024-01-04", lambda s: s.buy(size=1)), bars(A, THREE))
    assert [s.reason for s in account.skipped] == ["order of 1 was never filled: no bar after it"]


def test_event_after_the_last_bar_is_reported_as_skipped():
    plan, _ = plan_and_replay([Leg("A", 1, NextOpen(), Never())], [event("E", "2024-01-04T07:00")], bars(A, THREE))
    assert [s.reason for s in plan.skipped] == ["no bar after 2024-01-04T07:00:00Z; bars end 2024-01-04"]


# ---- 2: cheating on close and open ---------------------------------------------------------------------------------------


def _buy_on_close(s: Any) -> None:
    s.broker.set_coc(True)
    s.buy(size=1)


def test_cheat_on_close_fills_at_the_signal_close_in_plain_backtrader():
    s = plain(on("2024-01-02", _buy_on_close), THREE)
    assert s.filled == [("A", 1, 102.0)]


def test_cheat_on_close_cannot_be_switched_on():
    try:
        account = ours(on("2024-01-02", _buy_on_close), bars(A, THREE))
    except UserError:
        return
    assert fills(account) == [("A", "buy", "2024-01-03", 110.0)]


def test_cheat_on_close_fills_at_a_stale_close_in_plain_backtrader():
    """Row 3e: market A is shut on 3 January; the order sent then fills at the close of the 2nd."""
    shut = [r for r in THREE if r[0] != "2024-01-03"]

    def script(s: Any) -> None:
        if str(s.datas[1].datetime.date(0)) == "2024-01-03":
            _buy_on_close(s)

    s = plain(script, shut, THREE)
    assert ("A", 1, 102.0) in s.filled


def test_market_order_for_a_shut_market_fills_at_its_next_open():
    shut = [r for r in THREE if r[0] != "2024-01-03"]

    def script(s: Any) -> None:
        if str(s.datas[1].datetime.date(0)) == "2024-01-03":
            s.buy(data=s.datas[0], size=1)

    account = ours(script, bars(A, shut), bars(B, THREE, hours=NEW_YORK))
    assert fills(account)[0] == ("A", "buy", "2024-01-04", 111.0)


def test_cheat_on_open_can_read_the_close_of_the_day_in_plain_backtrader():
    """Row 2b."""
    seen: list[tuple[str, float]] = []

    class Cheat(bt.Strategy):
        def next_open(self) -> None:
            seen.append((str(self.data.datetime.date(0)), self.data.close[0]))

    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame(THREE)))
    cerebro.addstrategy(Cheat)
    cerebro.run()
    assert ("2024-01-03", 111.0) in seen


class CheatsOnOpen(bt.Strategy):
    """Written for ``Cerebro(cheat_on_open=True)``."""

    def next_open(self) -> None:
        self.buy(size=1)


class CheatsOnOpenOrNot(CheatsOnOpen):
    """Written for both."""

    def next(self) -> None:
        pass


def test_a_strategy_of_which_only_cheat_on_open_would_call_anything_is_refused():
    with pytest.raises(UserError, match=r"nothing of CheatsOnOpen would ever be called: next_open\(\)"):
        replay_custom(CheatsOnOpen, {}, [bars(A, THREE)], EventCatalogue([]), Terms())


def test_cheat_on_open_is_never_called():
    assert fills(replay_custom(CheatsOnOpenOrNot, {}, [bars(A, THREE)], EventCatalogue([]), Terms())) == []


# ---- 2c: tomorrow's close ------------------------------------------------------------------------------------------------


def test_tomorrow_can_be_read_in_plain_backtrader():
    seen: list[float] = []
    plain(on("2024-01-02", lambda s: seen.append(s.data.close[1])), THREE)
    assert seen == [111.0]


def _peek(s: Any) -> float | None:
    try:
        return float(s.data.close[1])
    except IndexError:
        return None


def test_tomorrow_cannot_be_read():
    seen: list[float | None] = []
    ours(lambda s: seen.append(_peek(s)), bars(A, THREE))
    assert seen == [None, None, None]


def test_tomorrow_cannot_be_read_where_another_market_is_ahead():
    """backtrader fetches a row of every feed and takes back those that are too late: they must leave no trace."""
    seen: list[tuple[str, float | None]] = []
    ours(
        lambda s: seen.append((str(s.data.datetime.date(0)), _peek(s))), bars(A, THREE), bars(B, THREE, hours=NEW_YORK)
    )
    assert not {v for _, v in seen} & {110.0, 111.0, 112.0}


# ---- 3: a feed that starts later -----------------------------------------------------------------------------------------


def test_no_step_until_every_feed_has_begun_in_plain_backtrader():
    seen: list[str] = []
    plain(lambda s: seen.append(str(s.data.datetime.date(0))), THREE, THREE[2:])
    assert seen == ["2024-01-04"]


def test_plan_is_traded_before_the_other_feed_has_begun():
    leg = Leg("A", 0.5, NextOpen(), After(1))
    late = Leg("B", 0.5, NextOpen(), Never())
    given = {"E": [leg], "L": [late]}
    events = [event("E", "2024-01-01T07:00"), event("L", "2024-01-03T22:00")]
    _, account = plan_and_replay(given, events, bars(A, THREE), bars(B, THREE[2:], hours=NEW_YORK))
    assert fills(account) == [
        ("A", "buy", "2024-01-02", 100.0),
        ("A", "sell", "2024-01-03", 110.0),
        ("B", "buy", "2024-01-04", 111.0),
    ]


def test_order_sending_strategy_steps_before_the_other_feed_has_begun():
    seen: list[str] = []
    ours(lambda s: seen.append(str(s.data.datetime.date(0))), bars(A, THREE), bars(B, THREE[2:], hours=NEW_YORK))
    assert seen == ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-04"]


def test_position_of_a_feed_that_has_not_begun_is_zero():
    """A strategy that acts in prenext() may ask for the position of every feed."""
    sizes: list[float] = []

    def script(s: Any) -> None:
        sizes.extend(s.getposition(d).size for d in s.datas)
        if len(sizes) == 2:
            s.buy(data=s.datas[0], size=1)

    account = ours(script, bars(A, THREE), bars(B, THREE[2:], hours=NEW_YORK), also_before=True)
    assert fills(account) == [("A", "buy", "2024-01-03", 110.0)]


# ---- 11, 11c: orders waiting while their market is shut ------------------------------------------------------------------

# A trades on 1, 2 and 4 January, B every day. At the close of the 2nd A stands at 201; it opens at 250 on the 4th.
GAP_A = [
    ("2024-01-01", 200.0, 200.0, 200.0, 200.0),
    ("2024-01-02", 201.0, 206.0, 196.0, 201.0),
    ("2024-01-04", 250.0, 251.0, 249.0, 250.0),
]
DAILY_B = [flat_day(f"2024-01-0{d}", 50.0) for d in range(1, 5)]


def _limit(s: Any) -> None:
    s.buy(data=s.datas[0], size=1, exectype=bt.Order.Limit, price=210.0)


def _stop(s: Any) -> None:
    s.sell(data=s.datas[0], size=1, exectype=bt.Order.Stop, price=205.0)


@pytest.mark.parametrize("send", [_limit, _stop])
def test_waiting_order_fills_on_a_bar_already_seen_in_plain_backtrader(send):
    s = plain(on("2024-01-02", send), GAP_A, DAILY_B)
    assert [price for _, _, price in s.filled] == [201.0]


@pytest.mark.parametrize("send", [_limit, _stop])
def test_waiting_order_does_not_fill_while_its_market_is_shut(send):
    account = ours(on("2024-01-02", send), bars(A, GAP_A), bars(B, DAILY_B, hours=NEW_YORK))
    assert account.fills == ()
    assert len(account.skipped) == 1  # neither 210 nor 205 trades on the 4th: it stays unfilled, and is scripted


# ---- 3g-3j: stamps and time zones ----------------------------------------------------------------------------------------


def test_one_step_sees_both_closes_of_a_date_in_plain_backtrader():
    """Row 3g: New York's close of the 2nd is read at a step of the 2nd, when Tokyo's is: 15 hours before it exists."""
    steps: list[tuple[float, float]] = []
    plain(lambda s: steps.append((s.datas[0].close[0], s.datas[1].close[0])), THREE, DAILY_B[1:])
    assert len(steps) == 3


def test_each_close_is_a_step_of_its_own():
    """Rows 3h, 3i: six closes, six instants, in the order of the instants."""
    steps: list[datetime] = []
    ours(
        lambda s: steps.append(to_datetime(s.broker.now)),
        bars(A, THREE),
        bars(B, THREE, hours=NEW_YORK),
        also_before=True,
    )
    assert steps == [utc(f"2024-01-0{d}T{h}") for d in (2, 3, 4) for h in ("06:00", "21:00")]


def test_tokyo_order_at_the_new_york_close_fills_at_the_next_tokyo_open():
    def script(s: Any) -> None:
        if to_datetime(s.broker.now) == utc("2024-01-02T21:00"):
            s.buy(data=s.datas[0], size=1)

    account = ours(script, bars(A, THREE), bars(B, THREE, hours=NEW_YORK))
    assert fills(account) == [("A", "buy", "2024-01-03", 110.0)]
    assert account.fills[0].filled_at == ns("2024-01-03T00:00")


def test_aware_stamps_move_to_the_day_before_in_plain_backtrader():
    """Row 3j: midnight of 4 January in Tokyo becomes 15:00 of the 3rd."""
    seen: list[datetime] = []
    rows = [(pd.Timestamp("2024-01-04", tz="Asia/Tokyo"), 1.0, 1.0, 1.0, 1.0)]
    plain(lambda s: seen.append(s.data.datetime.datetime(0)), rows)
    assert seen == [datetime(2024, 1, 3, 15, 0)]


def test_session_stays_the_exchange_local_date():
    tokyo = make_bars(
        instrument("A"),
        Source("test", "literals"),
        session=np.array(["2024-01-04", "2024-01-05"], dtype="datetime64[D]"),
        open_=np.array([1.0, 1.0]),
        high=np.array([1.0, 1.0]),
        low=np.array([1.0, 1.0]),
        close=np.array([1.0, 1.0]),
        volume=np.array([np.nan, np.nan]),
        where=lambda row: f"row {row}",
    )
    _, account = plan_and_replay([Leg("A", 0.5, NextOpen(), Never())], [event("E", "2024-01-04T05:00")], tokyo)
    assert account.fills[0].session == "2024-01-05"
    assert account.fills[0].filled_at == ns("2024-01-05T00:00")


# ---- 3k: overlapping sessions --------------------------------------------------------------------------------------------

LONDON_ROWS = [flat_day(f"2024-01-0{d}", 10.0) for d in (2, 3)]
NY_ROWS = [("2024-01-02", 100.0, 106.0, 99.0, 105.0), ("2024-01-03", 107.0, 108.0, 106.0, 107.0)]


def test_order_fills_two_hours_before_it_was_sent_in_plain_backtrader():
    """Sent at the London close of 16:30; New York's bar, stamped 21:00, opened at 14:30 at 100."""
    london = [(f"{r[0]} 16:30", *r[1:]) for r in LONDON_ROWS]
    new_york = [(f"{r[0]} 21:00", *r[1:]) for r in [flat_day("2024-01-01", 99.0), *NY_ROWS]]

    def send(s: Any) -> None:
        s.buy(data=s.datas[1], size=1)

    s = plain(on("2024-01-02", send), london, new_york)
    assert s.filled == [("B", 1, 100.0)]


def test_order_sent_while_a_market_is_open_fills_at_its_close():
    def script(s: Any) -> None:
        if to_datetime(s.broker.now) == utc("2024-01-02T16:30"):
            s.buy(data=s.datas[1], size=1)

    first = flat_day("2024-01-01", 99.0)
    account = ours(script, bars(A, LONDON_ROWS, hours=LONDON), bars(B, [first, *NY_ROWS], hours=NEW_YORK))
    assert fills(account) == [("B", "buy", "2024-01-02", 105.0)]
    assert account.fills[0].filled_at == ns("2024-01-02T21:00")


def test_event_known_while_a_market_is_open_enters_at_its_next_open():
    _, account = plan_and_replay(
        [Leg("B", 0.5, NextOpen(), Never())], [event("E", "2024-01-02T16:30")], bars(B, NY_ROWS, hours=NEW_YORK)
    )
    assert fills(account) == [("B", "buy", "2024-01-03", 107.0)]


def test_event_known_at_the_very_open_does_not_trade_it():
    _, account = plan_and_replay(
        [Leg("B", 0.5, NextOpen(), Never())], [event("E", "2024-01-02T14:30")], bars(B, NY_ROWS, hours=NEW_YORK)
    )
    assert fills(account) == [("B", "buy", "2024-01-03", 107.0)]


# ---- 4: gaps and margins -------------------------------------------------------------------------------------------------

FIVE_UP = [flat_day("2024-01-02", 100.0), flat_day("2024-01-03", 105.0), flat_day("2024-01-04", 105.0)]


def _all_in(s: Any) -> None:
    s.order_target_percent(target=1.0)


def test_gap_leaves_no_position_at_all_in_plain_backtrader():
    s = plain(on("2024-01-02", _all_in), FIVE_UP)
    assert s.filled == []
    assert bt.Order.Margin in s.statuses


def test_gap_cuts_an_order_to_what_fits_and_says_so():
    account = ours(on("2024-01-02", _all_in), bars(A, FIVE_UP))
    (fill,) = account.fills
    assert fill.quantity == pytest.approx(95.238095238)  # 10,000 / 105
    assert len(account.skipped) == 1
    assert "cut to 95.2381: gross exposure is limited to 1 times equity" in account.skipped[0].reason


def test_gap_does_not_change_the_share_of_equity_a_plan_puts_in():
    leg = Leg("A", 1.0, NextOpen(), Never())
    _, account = plan_and_replay([leg], [event("E", "2024-01-02T07:00")], bars(A, FIVE_UP), terms=Terms(cash=10_000.0))
    assert account.fills[0].quantity == pytest.approx(95.238095238)
    assert account.cash[-1] == pytest.approx(0.0, abs=1e-6)


# ---- 4c: two targets in one bar ------------------------------------------------------------------------------------------


def _two_targets(s: Any) -> None:
    s.order_target_percent(target=0.3)
    s.order_target_percent(target=0.3)


def test_two_targets_of_30_percent_make_60_in_plain_backtrader():
    s = plain(on("2024-01-03", _two_targets), FIVE_UP)
    assert s.getposition().size * 105 / 10_000 == pytest.approx(0.6, abs=0.02)


def test_two_targets_of_30_percent_make_30():
    account = ours(on("2024-01-03", _two_targets), bars(A, FIVE_UP))
    assert account.exposure[-1] == pytest.approx(0.3)


def test_a_target_set_again_before_the_market_opens_is_not_doubled():
    """The order of the 2nd waits over the 3rd, when A is shut; the same target is asked for on the 3rd."""
    account = ours(
        lambda s: s.order_target_percent(data=s.datas[0], target=0.3),
        bars(A, [flat_day(d, 100.0) for d in ("2024-01-02", "2024-01-04")]),
        bars(B, DAILY_B[1:], hours=NEW_YORK),
    )
    assert [(f.session, f.quantity) for f in account.fills] == [("2024-01-04", about(30.0))]


# ---- 4d: sells first -----------------------------------------------------------------------------------------------------

TWO = [flat_day(f"2024-01-0{d}", 100.0) for d in (2, 3, 4, 5)]


def _rotate(s: Any) -> None:
    day = str(s.data.datetime.date(0))
    if day == "2024-01-02":
        s.buy(data=s.datas[0], size=100)
    if day == "2024-01-03":
        s.buy(data=s.datas[1], size=100)
        s.sell(data=s.datas[0], size=100)


def test_rotation_with_the_buy_sent_first_ends_in_nothing_in_plain_backtrader():
    s = plain(_rotate, TWO, TWO)
    assert [s.getposition(d).size for d in s.datas] == [0, 0]


def test_rotation_with_the_buy_sent_first_ends_in_the_new_market():
    account = ours(_rotate, bars(A, TWO), bars(instrument("B"), TWO))
    assert fills(account)[1:] == [("A", "sell", "2024-01-04", 100.0), ("B", "buy", "2024-01-04", 100.0)]


def test_plan_closes_before_it_opens_at_one_instant():
    given = {"B1": [Leg("B", 1.0, NextOpen(), After(1))], "A2": [Leg("A", 1.0, NextOpen(), After(1))]}
    events = [event("B1", "2024-01-01T12:00"), event("A2", "2024-01-02T12:00")]
    _, account = plan_and_replay(given, events, bars(A, TWO), bars(instrument("B"), TWO), terms=Terms(cash=10_000.0))
    assert [(f.instrument, f.side, f.session, f.quantity) for f in account.fills] == [
        ("B", "buy", "2024-01-02", 100.0),
        ("B", "sell", "2024-01-03", 100.0),
        ("A", "buy", "2024-01-03", 100.0),
        ("A", "sell", "2024-01-04", 100.0),
    ]


# ---- 4e: fractions -------------------------------------------------------------------------------------------------------

DEAR = [flat_day(f"2024-01-0{d}", 30_000.0) for d in (2, 3, 4)]


def _third(s: Any) -> None:
    s.order_target_percent(target=1 / 3)


def test_a_third_of_100000_at_30000_is_one_share_in_plain_backtrader():
    s = plain(on("2024-01-02", _third), DEAR, cash=100_000.0)
    assert s.getposition().size == 1


def test_a_third_of_100000_at_30000_is_a_fraction():
    account = ours(on("2024-01-02", _third), bars(A, DEAR), terms=Terms(cash=100_000.0))
    _, planned = plan_and_replay(
        [Leg("A", 1 / 3, NextOpen(), Never())],
        [event("E", "2024-01-02T12:00")],
        bars(A, DEAR),
        terms=Terms(cash=100_000.0),
    )
    assert account.fills[0].quantity == pytest.approx(1.1111111111)
    assert planned.fills[0].quantity == pytest.approx(1.1111111111)


# ---- 5: commission, slippage, NaN ----------------------------------------------------------------------------------------


def test_commission_of_5_is_500_percent_in_plain_backtrader():
    s = plain(on("2024-01-02", lambda s: s.buy(size=10)), TWO, prepare=lambda c: c.broker.setcommission(commission=5))
    assert s.broker.getvalue() == pytest.approx(10_000 - 5_000)


def test_commission_of_5_is_5_basis_points():
    terms = Terms(cash=10_000.0, commission_bps=5)
    account = ours(on("2024-01-02", lambda s: s.buy(size=10)), bars(A, TWO), terms=terms)
    assert account.fills[0].commission == pytest.approx(0.50)  # 5 bps of 1,000
    _, planned = plan_and_replay(
        [Leg("A", 0.1, NextOpen(), Never())], [event("E", "2024-01-02T12:00")], bars(A, TWO), terms=terms
    )
    assert planned.fills[0].commission == pytest.approx(0.50)


NARROW = [("2024-01-02", 100.0, 100.2, 99.8, 100.0), ("2024-01-03", 100.0, 100.2, 99.8, 100.0)]


def test_slippage_is_clipped_to_the_high_in_plain_backtrader():
    s = plain(on("2024-01-02", lambda s: s.buy(size=1)), NARROW, prepare=lambda c: c.broker.set_slippage_perc(0.01))
    assert s.filled == [("A", 1, 100.2)]


def test_slippage_is_not_clipped():
    terms = Terms(cash=10_000.0, slippage_bps=100)
    account = ours(on("2024-01-02", lambda s: s.buy(size=1)), bars(A, NARROW), terms=terms)
    assert account.fills[0].price == pytest.approx(101.0)
    _, planned = plan_and_replay(
        [Leg("A", -0.5, NextOpen(), Never())], [event("E", "2024-01-02T12:00")], bars(A, NARROW), terms=terms
    )
    assert planned.fills[0].price == pytest.approx(99.0)


NAN_OPEN = [flat_day("2024-01-02", 100.0), ("2024-01-03", np.nan, 101.0, 99.0, 100.0), flat_day("2024-01-04", 100.0)]


def test_nan_open_loses_the_account_in_plain_backtrader():
    s = plain(on("2024-01-02", lambda s: s.buy(size=1)), NAN_OPEN)
    assert np.isnan(s.broker.getvalue())


def _validated(rows: list[tuple[Any, ...]]) -> Bars:
    columns = list(zip(*rows, strict=True))
    open_, high, low, close = (np.array(c, dtype=float) for c in columns[1:5])
    return make_bars(
        instrument("A"),
        Source("test", "literals"),
        session=np.array(columns[0], dtype="datetime64[D]"),
        open_=open_,
        high=high,
        low=low,
        close=close,
        volume=np.full(len(rows), np.nan),
        where=lambda row: f"A.csv line {row + 2}",
    )


def test_missing_open_fills_at_the_close_and_is_noted():
    _, account = plan_and_replay(
        [Leg("A", 0.5, NextOpen(), Never())], [event("E", "2024-01-02T12:00")], _validated(NAN_OPEN)
    )
    assert fills(account) == [("A", "buy", "2024-01-03", 100.0)]
    assert account.fills[0].filled_at == ns("2024-01-03T06:00")
    assert account.fills[0].note == "entry at the close: the bar has no real open"


def test_order_on_a_bar_without_a_real_open_fills_at_its_close():
    """The open of the 3rd only repeats the close of the 2nd: nobody could trade at 100."""
    rows = [(*flat_day("2024-01-02", 100.0), True), ("2024-01-03", 100.0, 108.0, 99.0, 107.0, False)]
    account = ours(on("2024-01-02", lambda s: s.buy(size=1)), bars(A, rows))
    assert fills(account) == [("A", "buy", "2024-01-03", 107.0)]
    assert account.fills[0].filled_at == ns("2024-01-03T06:00")


def test_nan_close_is_refused_when_bars_are_made():
    with pytest.raises(UserError, match=r"A\.csv line 3: close is nan; a price must be a finite number above 0"):
        _validated([flat_day("2024-01-02", 100.0), ("2024-01-03", 100.0, 100.0, 100.0, np.nan)])


# ---- 6: shorts -----------------------------------------------------------------------------------------------------------


def test_a_short_of_five_times_equity_is_taken_in_plain_backtrader():
    rows = [flat_day("2024-01-02", 100.0), flat_day("2024-01-03", 100.0), flat_day("2024-01-04", 200.0)]
    s = plain(on("2024-01-02", lambda s: s.sell(size=500)), rows)
    assert s.broker.getvalue() == pytest.approx(10_000 - 50_000)  # -400 %, without a call


def test_a_short_of_five_times_equity_is_cut_to_the_limit():
    rows = [flat_day("2024-01-02", 100.0), flat_day("2024-01-03", 100.0), flat_day("2024-01-04", 100.0)]
    account = ours(on("2024-01-02", lambda s: s.sell(size=500)), bars(A, rows))
    assert account.fills[0].quantity == pytest.approx(100.0)
    _, planned = plan_and_replay([Leg("A", -5.0, NextOpen(), Never())], [event("E", "2024-01-02T12:00")], bars(A, rows))
    assert planned.exposure[-1] == pytest.approx(1.0)
    assert planned.trades[0].note == "scaled to 20.0% by the exposure limit"


DOUBLES = [flat_day(f"2024-01-0{d}", p) for d, p in ((2, 100.0), (3, 100.0), (4, 170.0), (5, 190.0), (8, 190.0))]


def test_margin_call_closes_a_short_at_the_next_open():
    """Short 100 at 100 on 10,000; at 170 equity is 3,000, below a quarter of 17,000: closed at 190, 1,000 left."""
    account = ours(on("2024-01-02", lambda s: s.sell(size=100)), bars(A, DOUBLES))
    assert fills(account)[1:] == [("A", "buy", "2024-01-05", 190.0)]
    assert account.equity[-1] == pytest.approx(1_000.0)


def test_margin_call_in_a_shut_market_closes_the_position_once():
    """A is shut on the 5th and 6th while B goes on: the call stands for three days, the position is closed once."""
    shut = [flat_day("2024-01-02", 100.0), flat_day("2024-01-03", 100.0), flat_day("2024-01-04", 170.0),
            flat_day("2024-01-08", 150.0), flat_day("2024-01-09", 150.0)]  # fmt: skip
    other = [flat_day(f"2024-01-0{d}", 10.0) for d in range(2, 10)]
    account = ours(
        on("2024-01-02", lambda s: s.sell(data=s.datas[0], size=100)), bars(A, shut), bars(instrument("B"), other)
    )
    assert [(f.side, f.session, f.quantity) for f in account.fills] == [
        ("sell", "2024-01-03", 100.0),
        ("buy", "2024-01-08", 100.0),
    ]


def test_short_pays_for_what_it_borrows():
    rows = [flat_day(d, 100.0) for d in ("2024-01-02", "2024-01-03", "2024-01-13")]
    terms = Terms(cash=10_000.0, borrow_rate=0.0365)
    account = ours(on("2024-01-02", lambda s: s.sell(size=50)), bars(A, rows), terms=terms)
    assert account.equity[-1] == pytest.approx(10_000 - 5.0)  # 5,000 * 3.65 % * 10 / 365


# ---- leverage: what is left of backtrader's own margin rule --------------------------------------------------------------


def test_leveraged_order_is_refused_in_plain_backtrader():
    s = plain(on("2024-01-02", lambda s: s.buy(size=200)), TWO)
    assert s.filled == []


def test_a_second_leveraged_order_within_the_limit_is_filled():
    """Three times equity is held, cash is -20,000, and half more is bought: the limit of 5 allows it."""

    def script(s: Any) -> None:
        if str(s.data.datetime.date(0)) == "2024-01-02":
            s.buy(data=s.datas[0], size=300)
        if str(s.data.datetime.date(0)) == "2024-01-03":
            s.buy(data=s.datas[1], size=50)

    account = ours(script, bars(A, TWO), bars(instrument("B"), TWO), terms=Terms(cash=10_000.0, max_gross=5.0))
    assert [(f.instrument, f.quantity) for f in account.fills] == [("A", 300.0), ("B", 50.0)]


# ---- 7: returns ----------------------------------------------------------------------------------------------------------


def test_the_first_session_has_no_return_in_plain_backtrader():
    s = plain(
        lambda s: s.order_target_percent(target=0.5),
        THREE,
        prepare=lambda c: c.addanalyzer(bt.analyzers.TimeReturn, _name="r"),
    )
    returns = s.analyzers.r.get_analysis()
    assert next(d.date() for d in returns) == date(2024, 1, 2)
    assert next(iter(returns.values())) == 0.0


def test_returns_are_one_a_session_from_the_first_on():
    rows = [("2024-01-02", 100.0, 110.0, 100.0, 110.0), ("2024-01-04", 110.0, 121.0, 110.0, 121.0)]
    rule = scripted([Leg("A", 1.0, NextOpen(), Never())], markets=["A"])
    run = backtest(rule, EventCatalogue([event("E", "2024-01-01T12:00")]), market_of(bars(A, rows)))
    assert [str(d) for d in run.sessions] == ["2024-01-02", "2024-01-04"]
    assert run.returns == pytest.approx([0.10, 0.10])


# ---- 8, 9: bad feeds -----------------------------------------------------------------------------------------------------


def test_unsorted_and_doubled_dates_are_replayed_in_plain_backtrader():
    seen: list[str] = []
    rows = [flat_day(d, 1.0) for d in ("2024-01-03", "2024-01-02", "2024-01-02")]
    plain(lambda s: seen.append(str(s.data.datetime.date(0))), rows)
    assert seen == ["2024-01-03", "2024-01-02", "2024-01-02"]


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        (("2024-01-03", "2024-01-02"), "date 2024-01-02 comes after 2024-01-03; dates must ascend"),
        (("2024-01-02", "2024-01-02"), "date 2024-01-02 appears twice; dates must ascend"),
    ],
)
def test_unsorted_and_doubled_dates_are_refused(dates, message):
    with pytest.raises(UserError, match=f"line 3: {message}"):
        _validated([flat_day(d, 1.0) for d in dates])


def test_empty_feed_is_no_error_in_plain_backtrader():
    seen: list[int] = []
    cerebro = bt.Cerebro(stdstats=False)
    empty = frame(THREE).iloc[:0]
    cerebro.adddata(bt.feeds.PandasData(dataname=empty))
    cerebro.addstrategy(Scripted, script=lambda s: seen.append(1))
    cerebro.run()
    assert seen == []


def test_empty_feed_is_refused_when_bars_are_made():
    nothing = np.array([], dtype=float)
    with pytest.raises(UserError, match=r"A\.csv: no rows; a price file needs at least one bar"):
        make_bars(
            A,
            Source("test", "literals"),
            session=np.array([], dtype="datetime64[D]"),
            open_=nothing,
            high=nothing,
            low=nothing,
            close=nothing,
            volume=nothing,
            where=lambda row: "A.csv",
        )


def test_order_sending_strategy_steps_though_a_feed_has_no_bars_in_the_window():
    """B ended before the window began: the strategy must still be called for A, or be scripted why not."""
    seen: list[str] = []
    old = bars(B, [flat_day("2023-01-03", 1.0)], hours=NEW_YORK)
    try:
        replay_custom(
            Scripted,
            {"script": lambda s: seen.append(str(s.data.datetime.date(0)))},
            [bars(A, THREE), old],
            EventCatalogue([]),
            Terms(),
            since=np.datetime64("2024-01-02"),
        )
    except UserError:
        return
    assert seen == ["2024-01-02", "2024-01-03", "2024-01-04"]


# ---- 12: currencies ------------------------------------------------------------------------------------------------------


def test_no_currency_is_known_in_plain_backtrader():
    params = bt.brokers.BackBroker.params._getkeys()
    assert not [p for p in params if "curr" in p or "fx" in p]


def test_each_leg_earns_the_return_of_its_own_currency_and_the_run_names_it():
    """Currency moves are held to be hedged: yen up 10 % at home adds 10 % of its weight, whatever the dollar did."""
    yen = bars(A, [flat_day("2024-01-02", 30_000.0), flat_day("2024-01-03", 33_000.0)])
    dollar = bars(B, [flat_day("2024-01-02", 100.0), flat_day("2024-01-03", 100.0)], hours=NEW_YORK)
    legs = [Leg(s, 0.5, NextOpen(), Never()) for s in ("A", "B")]
    rule = scripted(legs, markets=["A", "B"])
    run = backtest(rule, EventCatalogue([event("E", "2024-01-01T12:00")]), market_of(yen, dollar))
    assert run.final_equity == pytest.approx(1_050_000.0)
    assert run.manifest["currencies"] == {"A": "JPY", "B": "USD"}


# ---- 16: delisting -------------------------------------------------------------------------------------------------------

ENDS = [flat_day("2024-01-02", 100.0), flat_day("2024-01-03", 90.0)]
GOES_ON = [flat_day(f"2024-0{m}-0{d}", 50.0) for m in range(1, 7) for d in (2, 3, 4)]


def test_closing_order_of_a_delisted_market_waits_for_ever_in_plain_backtrader():
    def script(s: Any) -> None:
        if str(s.data.datetime.date(0)) == "2024-01-02" and not s.getposition().size:
            s.buy(data=s.datas[0], size=1)
        elif s.getposition().size and not s.broker.pending:
            s.close(data=s.datas[0])

    s = plain(script, ENDS, GOES_ON)
    assert s.getposition().size == 1


def test_trade_in_a_delisted_market_is_closed_at_its_last_close():
    given = {"E": [Leg("A", 0.5, NextOpen(), After(20))], "F": [Leg("B", 0.1, NextOpen(), After(1))]}
    events = [event("E", "2024-01-01T12:00"), event("F", "2024-05-01T12:00")]
    _, account = plan_and_replay(given, events, bars(A, ENDS), bars(B, GOES_ON, hours=NEW_YORK))
    trade = account.trades[0]
    assert (trade.exit_reason, trade.exit_session, trade.exit_price) == ("bars_end", "2024-01-03", 90.0)
    assert trade.exit_at == ns("2024-01-03T06:00")
    assert trade.is_closed


def test_trade_whose_bars_end_with_those_of_the_others_stays_open():
    _, account = plan_and_replay(
        [Leg("A", 0.5, NextOpen(), After(20))], [event("E", "2024-01-01T12:00")], bars(A, ENDS)
    )
    assert account.trades[0].exit_reason == "open_at_end"


# ---- events in an order-sending strategy ---------------------------------------------------------------------------------


def test_order_sending_strategy_sees_an_outcome_only_once_it_is_known():
    seen: list[tuple[str, str]] = []
    vote = event("E", "2024-01-03T12:00", announced_at=utc("2024-01-02T01:00"), winner="X", pro_growth="yes")

    def script(s: Any) -> None:
        for e in s.events:
            seen.append((str(s.data.datetime.date(0)), e.pro_growth))

    ours(script, bars(A, THREE), events=(vote,))
    assert seen == [("2024-01-02", "unknown"), ("2024-01-03", "unknown"), ("2024-01-04", "yes")]


# ---- fractional sizes through backtrader's arithmetic --------------------------------------------------------------------


def test_order_that_turns_a_fractional_position_round_is_filled_once():
    """0.001 long, then 0.009 sold: in binary 0.001 - 0.009 - 0.001 is not -0.009, and the rest must not stay pending."""
    rows = [flat_day(f"2024-01-0{d}", 100.0) for d in range(2, 9)]

    def script(s: Any) -> None:
        day = str(s.data.datetime.date(0))
        if day == "2024-01-02":
            s.buy(size=0.001)
        if day == "2024-01-04":
            s.sell(size=0.009)

    account = ours(script, bars(A, rows))
    assert [(f.side, f.session, f.quantity) for f in account.fills] == [
        ("buy", "2024-01-03", about(0.001)),
        ("sell", "2024-01-05", about(0.009)),
    ]
    assert account.skipped == ()


def test_close_stays_the_close_of_the_bar_with_intraday_instants():
    """Bars that carry their own instants need no calendar: two bars of one hour are two steps."""
    hourly = bars_at(
        A,
        [
            ("2024-01-02", "2024-01-02T00:00", "2024-01-02T01:00", 10.0, 11.0, 9.0, 10.5),
            ("2024-01-03", "2024-01-02T01:00", "2024-01-02T02:00", 10.6, 11.0, 9.0, 10.0),
        ],
    )
    _, account = plan_and_replay(
        [Leg("A", 0.5, NextOpen(), After(1, at=Phase.CLOSE))], [event("E", "2024-01-02T00:30")], hourly
    )
    assert fills(account) == [("A", "buy", "2024-01-03", 10.6), ("A", "sell", "2024-01-03", 10.0)]


# ---- what comes first ----------------------------------------------------------------------------------------------------


def at(instant: str, act: Script) -> Script:
    """Return a script that acts at the steps of one instant."""
    return lambda s: act(s) if to_datetime(s.broker.now) == utc(instant) else None


def both(*scripts: Script) -> Script:
    """Return a script that runs others."""

    def script(s: Any) -> None:
        for each in scripts:
            each(s)

    return script


def bought(account: Account) -> list[Any]:
    """Return (instrument, minute, quantity, price) of every fill."""
    return [
        (f.instrument, f"{to_datetime(f.filled_at):%d %H:%M}", pytest.approx(f.quantity), f.price)
        for f in account.fills
    ]


DIPS = [flat_day("2024-01-02", 100.0), ("2024-01-03", 100.0, 100.0, 80.0, 100.0)]
LIMIT = {"size": 60, "exectype": bt.Order.Limit, "price": 90.0}


def test_an_order_inside_a_bar_is_filled_before_one_at_its_open_in_plain_backtrader():
    """Sent first, it is matched first: of 10,000 it leaves 4,600, with which 60 at the open, at 100, are refused."""

    def send(s: Any) -> None:
        s.buy(**LIMIT)
        s.buy(size=60)

    assert plain(on("2024-01-02", send), DIPS).filled == [("A", 60, 90.0)]


def test_an_order_at_the_open_is_filled_before_one_inside_the_bar():
    """60 at 100 leave 4,000, an equity of 9,400 at 90, and so room for 104.44 units, 44.44 more."""

    def send(s: Any) -> None:
        s.buy(**LIMIT)
        s.buy(size=60)

    account = ours(on("2024-01-02", send), bars(A, DIPS))
    assert bought(account) == [("A", "03 00:00", 60.0, 100.0), ("A", "03 06:00", 4_000 / 90, 90.0)]


def test_an_order_at_an_open_is_filled_before_one_inside_the_bar_of_a_market_that_closes_later():
    """New York opens at 14:30, London closes at 16:30: 60 at 100 leave 4,000, which is 44.44 at 90."""

    def send(s: Any) -> None:
        s.buy(data=s.datas[0], **LIMIT)
        s.buy(data=s.datas[1], size=60)

    new_york = [flat_day(r[0], 100.0) for r in DIPS]
    script = at("2024-01-02T21:00", send)
    account = ours(script, bars(A, DIPS, hours=LONDON), bars(B, new_york, hours=NEW_YORK))
    assert bought(account) == [("B", "03 14:30", 60.0, 100.0), ("A", "03 16:30", 4_000 / 90, 90.0)]


RISEN = [flat_day("2024-01-02", 40.0), ("2024-01-03", 50.0, 60.0, 50.0, 60.0)]


def test_an_order_whose_market_has_opened_since_cannot_be_taken_back():
    """At London's close New York has been open for two hours: there 10 were bought at 50, and are worth that."""
    scripted: list[Any] = []

    def take_back(s: Any) -> None:
        scripted.extend([s.cancel(s.order), s.getposition(s.datas[1]).size, s.broker.getvalue(), s.broker.get_cash()])

    def send(s: Any) -> None:
        s.order = s.buy(data=s.datas[1], size=10)

    script = both(at("2024-01-02T21:00", send), at("2024-01-03T16:30", take_back))
    account = ours(script, bars(A, DIPS, hours=LONDON), bars(B, RISEN, hours=NEW_YORK))
    assert bought(account) == [("B", "03 14:30", 10.0, 50.0)]
    assert scripted[1:] == [10, 10_000.0, 9_500.0]
    assert account.equity[-1] == 10_100.0


def test_an_order_whose_market_opens_at_this_very_instant_cannot_be_taken_back():
    """What one market closed at is no reason that can reach the open of another at the same instant."""
    scripted: list[Any] = []

    def take_back(s: Any) -> None:
        scripted.extend([s.broker.cancel(s.order), s.broker.getvalue()])

    def send(s: Any) -> None:
        s.order = s.buy(data=s.datas[1], size=10)

    script = both(at("2024-01-02T16:00", send), at("2024-01-03T10:00", take_back))
    account = ours(script, bars(A, DIPS, hours=("04:00", "10:00")), bars(B, RISEN, hours=("10:00", "16:00")))
    assert scripted == [False, 10_000.0]
    assert bought(account) == [("B", "03 10:00", 10.0, 50.0)]


def test_an_order_whose_market_opens_later_can_be_taken_back():
    def send(s: Any) -> None:
        s.order = s.buy(data=s.datas[1], size=10)

    script = both(at("2024-01-02T21:00", send), at("2024-01-03T10:00", lambda s: s.cancel(s.order)))
    account = ours(script, bars(A, DIPS, hours=("04:00", "10:00")), bars(B, RISEN, hours=NEW_YORK))
    assert account.fills == ()


def test_the_stop_of_a_bracket_fills_from_the_session_after_its_parent_on():
    """Bought at Wednesday's open at 100; what Wednesday fell to is past when the stop is sent; Thursday falls to 90."""
    rows = [flat_day("2024-01-02", 100.0), ("2024-01-03", 100.0, 100.0, 80.0, 100.0)]
    rows += [("2024-01-04", 100.0, 100.0, 90.0, 100.0), flat_day("2024-01-05", 100.0)]

    def send(s: Any) -> None:
        s.buy_bracket(size=10, exectype=bt.Order.Market, stopprice=95.0, limitprice=200.0)

    account = ours(on("2024-01-02", send), bars(A, rows))
    assert bought(account) == [("A", "03 00:00", 10.0, 100.0), ("A", "04 06:00", 10.0, 95.0)]


TOUCHED = [flat_day("2024-01-02", 100.0), ("2024-01-03", 100.0, 112.0, 99.0, 110.0), flat_day("2024-01-04", 110.0)]
STOPS = [
    ("sell", {"exectype": bt.Order.StopTrail, "trailamount": 5.0}),
    ("sell", {"exectype": bt.Order.StopTrail, "trailpercent": 0.05}),
    ("buy", {"exectype": bt.Order.StopLimit, "price": 111.0, "plimit": 105.0}),
]


@pytest.mark.parametrize(("side", "order"), STOPS)
def test_a_bar_is_looked_at_once_whatever_closes_after_it(side, order):
    """A stop raised by a bar's close, or turned into a limit by it, finds nothing more in that bar at London's close."""

    def send(s: Any) -> None:
        getattr(s, side)(data=s.datas[0], size=10, **order)

    alone = ours(on("2024-01-02", send), bars(A, TOUCHED))
    beside = ours(on("2024-01-02", send), bars(A, TOUCHED), bars(B, TOUCHED, hours=LONDON), also_before=True)
    assert bought(beside) == bought(alone) == []


@pytest.mark.parametrize(
    ("send", "order"),
    [("buy", {"exectype": bt.Order.Limit, "price": 60.0}), ("sell", {"exectype": bt.Order.Stop, "price": 55.0})],
)
def test_a_limit_or_stop_beyond_which_its_market_opened_cannot_be_taken_back(send, order):
    """New York opens at 50: below a limit of 60, and through a stop at 55. At London's close that is past."""

    def act(s: Any) -> None:
        s.order = getattr(s, send)(data=s.datas[1], size=10, **order)

    script = both(at("2024-01-02T21:00", act), at("2024-01-03T16:30", lambda s: s.cancel(s.order)))
    account = ours(script, bars(A, DIPS, hours=LONDON), bars(B, RISEN, hours=NEW_YORK))
    assert bought(account) == [("B", "03 14:30", 10.0, 50.0)]


def test_a_limit_that_its_market_did_not_open_below_can_be_taken_back():
    def send(s: Any) -> None:
        s.order = s.buy(data=s.datas[1], size=10, exectype=bt.Order.Limit, price=49.0)

    rows = [RISEN[0], ("2024-01-03", 50.0, 60.0, 45.0, 60.0)]
    script = both(at("2024-01-02T21:00", send), at("2024-01-03T16:30", lambda s: s.cancel(s.order)))
    assert ours(script, bars(A, DIPS, hours=LONDON), bars(B, rows, hours=NEW_YORK)).fills == ()


def test_an_order_for_a_market_that_has_opened_for_the_first_time_cannot_be_taken_back():
    def send(s: Any) -> None:
        s.order = s.buy(data=s.datas[1], size=10)

    script = both(at("2024-01-02T16:30", send), at("2024-01-03T16:30", lambda s: s.cancel(s.order)))
    account = ours(script, bars(A, DIPS, hours=LONDON), bars(B, RISEN[1:], hours=NEW_YORK), also_before=True)
    assert bought(account) == [("B", "03 14:30", 10.0, 50.0)]


def test_the_time_for_which_an_order_is_valid_counts_from_when_it_was_sent():
    """Sent on Monday at 16:30 for two days: Friday's bar, the last there is of New York, has nothing to do with it."""
    rows = [flat_day("2024-01-05", 100.0), flat_day("2024-01-08", 100.0), ("2024-01-09", 100.0, 100.0, 80.0, 100.0)]

    def send(s: Any) -> None:
        s.buy(data=s.datas[1], size=10, exectype=bt.Order.Limit, price=90.0, valid=timedelta(days=2))

    account = ours(at("2024-01-08T16:30", send), bars(A, rows, hours=LONDON), bars(B, rows, hours=NEW_YORK))
    assert bought(account) == [("B", "09 21:00", 10.0, 90.0)]


def test_an_order_tells_the_instant_at_which_it_was_filled():
    scripted: list[Any] = []

    class Listens(Scripted):
        def notify_order(self, order: Any) -> None:
            if order.status == order.Completed:
                scripted.append(bt.num2date(order.executed.dt).replace(microsecond=0))

    def send(s: Any) -> None:
        s.buy(data=s.datas[1], size=10)

    script = at("2024-01-02T21:00", send)
    markets = [bars(A, DIPS, hours=LONDON), bars(B, RISEN, hours=NEW_YORK)]
    replay_custom(Listens, {"script": script}, markets, EventCatalogue([]), Terms(cash=10_000.0))
    assert [abs((t - datetime(2024, 1, 3, 14, 30)).total_seconds()) <= 1 for t in scripted] == [True]


def test_what_hangs_on_a_refused_order_is_taken_back_with_it():
    """A lot of 100 at 200 is more than 10,000: the parent is refused, and neither its stop nor its target waits for ever."""

    def send(s: Any) -> None:
        s.buy_bracket(size=100, exectype=bt.Order.Market, stopprice=95.0, limitprice=300.0)

    rows = [flat_day("2024-01-02", 200.0), flat_day("2024-01-03", 200.0), flat_day("2024-01-04", 90.0)]
    account = ours(on("2024-01-02", send), bars(instrument("A", lot=100), rows))
    assert [s.reason for s in account.skipped] == ["order of 100 refused: gross exposure is limited to 1 times equity"]


def test_a_limit_that_trails_does_not_slip():
    rows = [flat_day("2024-01-02", 100.0), ("2024-01-03", 100.0, 110.0, 100.0, 108.0), flat_day("2024-01-04", 103.0)]
    order = {"exectype": bt.Order.StopTrailLimit, "price": 100.0, "plimit": 103.5, "trailamount": 5.0}
    account = ours(
        on("2024-01-02", lambda s: s.buy(size=10, **order)),
        bars(A, rows),
        terms=Terms(cash=10_000.0, slippage_bps=100.0),
    )
    assert all(f.price == f.reference_price for f in account.fills)
    assert len(account.fills) == 1


def test_two_closes_before_the_market_opens_close_once():
    """Sent at Tokyo's and at London's close for Tokyo's next open: a position of 10 is closed, not turned round."""

    def act(s: Any) -> None:
        if len(s.datas[0]) == 1 and not s.getposition(s.datas[0]).size:
            s.buy(data=s.datas[0], size=10)
        elif s.getposition(s.datas[0]).size:
            s.close(data=s.datas[0])

    rows = [flat_day(f"2024-01-0{d}", 100.0) for d in (2, 3, 4, 5)]
    account = ours(act, bars(A, rows), bars(B, rows, hours=LONDON), also_before=True)
    sides = [(f.side, f.quantity, f.session) for f in account.fills]
    assert sides[0][0] == "buy"
    assert sum(q if side == "buy" else -q for side, q, _ in sides) == 0.0
    assert [side for side, _, _ in sides].count("sell") == 1


def test_an_order_of_no_kind_is_refused():
    with pytest.raises(UserError, match="of a kind 77 that there is not"):
        ours(on("2024-01-02", lambda s: s.buy(size=1, exectype=77)), bars(A, DIPS))


# ---- sizes of orders sent ------------------------------------------------------------------------------------------------


def test_order_is_cut_by_what_the_other_markets_were_worth_at_its_fill():
    """A (08:00 to 16:30) is bought at its open; B (04:00 to 10:00) doubles by its close, two hours after that open.

    6,000 of B are held of an equity of 10,000: a limit of 2 leaves 14,000 at 08:00, which is 140 at 100.
    """
    sessions = ["2024-01-02", "2024-01-03", "2024-01-04"]
    a = bars(A, [flat_day(s, 100.0) for s in sessions], hours=LONDON)
    rows = [flat_day(s, 100.0) for s in sessions[:2]] + [("2024-01-04", 100.0, 200.0, 100.0, 200.0)]
    b = bars(instrument("B"), rows, hours=("04:00", "10:00"))

    def script(s: Any) -> None:
        if to_datetime(s.broker.now) == utc("2024-01-02T16:30"):
            s.buy(data=s.datas[1], size=60)
        if to_datetime(s.broker.now) == utc("2024-01-03T16:30"):
            s.buy(data=s.datas[0], size=200)

    account = ours(script, a, b, terms=Terms(cash=10_000.0, max_gross=2.0))
    assert [(f.instrument, f.quantity) for f in account.fills] == [("B", 60.0), ("A", pytest.approx(140.0))]


def test_order_is_cut_to_whole_lots():
    account = ours(on("2024-01-02", lambda s: s.buy(size=57)), bars(instrument("A", lot=10), THREE))
    assert account.fills[0].quantity == 50.0


def test_order_cut_to_whole_lots_says_so():
    account = ours(on("2024-01-02", lambda s: s.buy(size=57)), bars(instrument("A", lot=10), THREE))
    assert "lot" in account.skipped[0].reason
