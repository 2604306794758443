"""Any backtrader strategy: the fills of plain backtrader, no price from before an order, and refusals by name.

Where a test compares with plain backtrader, that is the outside reference: the same class, the same bars, stamped with
the same closes, in a ``bt.Cerebro`` of its own.
"""

import random
from datetime import date, datetime, time, timedelta
from typing import Any

import backtrader as bt
import pandas as pd
import pytest

from datasets.errors import UserError
from datasets.events import EventCatalogue
from datasets.prices.bars import Bars
from engine.account.records import Account
from engine.account.replay_custom import replay_custom
from engine.plan.costs import Terms
from tests.engine.markets import LONDON, NEW_YORK, bars, bars_at, flat_day, instrument

A, B = instrument("A"), instrument("B", mic="XNYS", currency="USD")
Rows = list[tuple[Any, ...]]
DAYS = [f"2024-01-{d:02}" for d in (2, 3, 4, 5, 8, 9, 10, 11, 12)]
RISING = [(d, 100.0 + n, 103.0 + n, 99.0 + n, 102.0 + n) for n, d in enumerate(DAYS)]
FALLING = [(d, 100.0 - n, 101.0 - n, 98.0 - n, 99.0 - n) for n, d in enumerate(DAYS)]


class Keeps(bt.Strategy):
    """Keeps what was filled, and the notifications of orders, in lists that the test gives."""

    params: Any = (("filled", None), ("notified", None), ("act", None))

    def next(self) -> None:
        if self.p.act:
            self.p.act(self)

    def notify_order(self, order: Any) -> None:
        self.p.notified.append((len(self), order.getordername(), order.getstatusname()))
        if order.status == order.Completed:
            last = order.executed.exbits[-1]
            self.p.filled.append((str(self.data.datetime.date(0)), last.size, round(last.price, 9)))


def ours(cls: type[bt.Strategy], *markets: Bars, **given: Any) -> Account:
    return replay_custom(cls, given, list(markets), EventCatalogue([]), Terms(cash=1e6))


def kept(cls: type[Keeps], rows: Rows, **given: Any) -> tuple[list[Any], list[Any]]:
    """Return what a strategy kept in our run."""
    filled: list[Any] = []
    notified: list[Any] = []
    ours(cls, bars(A, rows, hours=LONDON), filled=filled, notified=notified, **given)
    return filled, notified


def plainly(cls: type[Keeps], rows: Rows, **given: Any) -> tuple[list[Any], list[Any]]:
    """Return what it kept in plain backtrader."""
    filled: list[Any] = []
    notified: list[Any] = []
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.set_cash(1e6)
    index = pd.DatetimeIndex([pd.Timestamp(f"{r[0]} {LONDON[1]}") for r in rows])
    frame = pd.DataFrame([r[1:5] for r in rows], index=index, columns=["open", "high", "low", "close"])
    cerebro.adddata(bt.feeds.PandasData(dataname=frame.assign(volume=0.0, openinterest=0.0)), name="A")
    cerebro.addstrategy(cls, filled=filled, notified=notified, **given)
    cerebro.run()
    return filled, notified


def fills(account: Account) -> list[tuple[str, str, str, float]]:
    return [(f.instrument, f.side, f.session, f.reference_price) for f in account.fills]


# ---- the fills of plain backtrader ---------------------------------------------------------------------------------------


class Random(Keeps):
    """Sends orders of every kind, at random."""

    params: Any = (("seed", 0),)

    def __init__(self) -> None:
        self.draw = random.Random(self.p.seed)
        self.sent: list[Any] = []

    def next(self) -> None:
        draw, close = self.draw, self.data.close[0]
        if draw.random() < 0.5:
            price = close * (1 + draw.gauss(0, 0.012))
            kinds = {
                bt.Order.Market: {},
                bt.Order.Close: {},
                bt.Order.Limit: {"price": price},
                bt.Order.Stop: {"price": price},
                bt.Order.StopLimit: {"price": price, "plimit": price * (1 + draw.gauss(0, 0.005))},
                bt.Order.StopTrail: {"trailpercent": 0.012},
                bt.Order.StopTrailLimit: {"price": close, "plimit": close * 1.002, "trailamount": close * 0.01},
            }
            kind = draw.choice(list(kinds))
            send = draw.choice([self.buy, self.sell])
            self.sent.append(send(size=draw.randint(1, 5), exectype=kind, valid=self.until(), **kinds[kind]))
        elif draw.random() < 0.2 and self.sent:
            self.cancel(draw.choice(self.sent))
        elif draw.random() < 0.1:
            self.close()

    def until(self) -> Any:
        later = timedelta(days=self.draw.randint(1, 4), hours=1)
        now = self.data.datetime.datetime(0)
        choices = [later, now + later, now.date() + later, self.data.datetime[0] + later.days, timedelta(), None, None]
        return self.draw.choice(choices)


def random_rows(seed: int, days: int = 60) -> Rows:
    draw, rows, last = random.Random(seed), [], 100.0
    for day in pd.bdate_range("2024-01-02", periods=days):
        first = last * (1 + draw.gauss(0, 0.01))
        last = first * (1 + draw.gauss(0, 0.01))
        high, low = max(first, last) * (1 + draw.random() * 0.01), min(first, last) * (1 - draw.random() * 0.01)
        rows.append((str(day.date()), first, high, low, last))
    return rows


@pytest.mark.parametrize("seed", range(12))
def test_random_orders_have_the_fills_of_plain_backtrader(seed):
    """Within one bar those at the open come first (CONVENTIONS.md), so that fills of one day are compared as a set."""
    rows = random_rows(seed)
    (filled, _), (plain, _) = kept(Random, rows, seed=seed), plainly(Random, rows, seed=seed)
    assert len(filled) > 5
    assert sorted(filled) == sorted(plain)


def test_an_order_tells_that_it_was_submitted_and_accepted_as_in_plain_backtrader():
    def act(s: Any) -> None:
        if len(s) == 1:
            s.buy(size=1)

    assert kept(Keeps, RISING, act=act)[1] == plainly(Keeps, RISING, act=act)[1]


# ---- how long an order is valid ------------------------------------------------------------------------------------------

UNTIL = {
    "a datetime": lambda s: s.data.datetime.datetime(0) + timedelta(days=2, hours=1),
    "a date": lambda s: s.data.datetime.date(0) + timedelta(days=3),
    "a timedelta": lambda s: timedelta(days=2, hours=1),
    "a day number": lambda s: s.data.datetime[0] + 2,
    "a day number long past": lambda s: 3,
    "an empty timedelta": lambda s: timedelta(),
    "nothing": lambda s: None,
}


@pytest.mark.parametrize("until", UNTIL)
def test_an_order_expires_when_it_does_in_plain_backtrader(until):
    def act(s: Any) -> None:
        if len(s) == 1:
            s.buy(size=1, exectype=bt.Order.Limit, price=50.0, valid=UNTIL[until](s))

    notified = kept(Keeps, RISING, act=act)[1]
    assert notified == plainly(Keeps, RISING, act=act)[1]
    assert notified[-1][2] == ("Accepted" if until == "nothing" else "Expired")


def test_an_order_valid_until_this_instant_of_another_day_can_be_filled_at_that_days_close():
    """The instant is read from the feed, to the microsecond; the stamp of the day is compared with it."""

    def act(s: Any) -> None:
        if len(s) == 1:
            s.buy(size=1, exectype=bt.Order.Limit, price=96.5, valid=s.data.datetime.datetime(0) + timedelta(days=2))

    assert kept(Keeps, FALLING, act=act)[0] == [("2024-01-04", 1, 96.5)]


def test_an_order_valid_for_0_is_valid_for_the_day_as_backtrader_documents_and_does_not():
    def act(s: Any) -> None:
        if len(s) == 1:
            s.buy(size=1, exectype=bt.Order.Limit, price=98.0, valid=0)

    assert kept(Keeps, FALLING, act=act)[0] == []
    assert plainly(Keeps, FALLING, act=act)[0] == [("2024-01-03", 1, 98.0)]


# ---- timers --------------------------------------------------------------------------------------------------------------


class Timed(bt.Strategy):
    """Has one timer, and keeps at which step it fired and for when."""

    params = (("timer", None), ("fired", None))

    def __init__(self) -> None:
        self.add_timer(**self.p.timer)

    def notify_timer(self, timer: Any, when: datetime, *args: Any, **kwargs: Any) -> None:
        self.p.fired.append((f"{bt.num2date(max(d.datetime[0] for d in self.datas)):%d %H}", f"{when:%d %H:%M}"))
        if not self.position:
            self.buy(size=1)


def fired(*markets: Bars, **timer: Any) -> tuple[list[tuple[str, str]], Account]:
    found: list[tuple[str, str]] = []
    return found, ours(Timed, *markets, timer=timer, fired=found)


THREE = RISING[:3]


def test_a_timer_at_the_end_of_the_session_fires_at_every_close_and_its_order_fills_at_the_next_open():
    found, account = fired(bars(A, THREE, hours=LONDON), when=bt.Timer.SESSION_END)
    assert [when for _, when in found] == ["02 16:30", "03 16:30", "04 16:30"]
    assert fills(account)[0] == ("A", "buy", "2024-01-03", 101.0)


@pytest.mark.parametrize(
    ("timer", "when"),
    [
        ({"when": bt.Timer.SESSION_START}, ["02 08:00", "03 08:00", "04 08:00"]),
        ({"when": bt.Timer.SESSION_START, "offset": timedelta(hours=1)}, ["02 09:00", "03 09:00", "04 09:00"]),
        ({"when": bt.Timer.SESSION_END, "offset": -timedelta(minutes=15)}, ["02 16:15", "03 16:15", "04 16:15"]),
        ({"when": bt.Timer.SESSION_END, "weekdays": [2, 4]}, ["02 16:30", "04 16:30"]),
        ({"when": bt.Timer.SESSION_START, "allow": lambda day: day.day == 3}, ["03 08:00"]),
        ({"when": time(12)}, ["02 12:00", "03 12:00", "04 12:00"]),
    ],
)
def test_timers_of_sessions_know_the_sessions(timer, when):
    assert [w for _, w in fired(bars(A, THREE, hours=LONDON), **timer)[0]] == when


def test_a_timer_of_a_session_fires_once_in_it_whatever_closes_after_it():
    """A quarter of an hour after London's end New York's close is the first step; Tokyo's next day is no second one."""
    markets = [bars(A, THREE, hours=LONDON), bars(B, THREE, hours=NEW_YORK), bars(instrument("C"), THREE)]
    found, _ = fired(*markets, when=bt.Timer.SESSION_END, offset=timedelta(minutes=15))
    assert [when for _, when in found] == ["02 16:45", "03 16:45", "04 16:45"]
    assert [step[:2] for step, _ in found] == ["02", "03", "04"]


def test_a_timer_at_a_start_on_the_day_before_fires_at_the_close():
    sydney = [
        (d, f"2024-01-{n:02}T23:00", f"{d}T05:00", 1.0, 1.0, 1.0, 1.0) for n, d in zip((1, 2), DAYS, strict=False)
    ]
    found, _ = fired(bars_at(A, sydney), when=bt.Timer.SESSION_START)
    assert [when for _, when in found] == ["01 23:00", "02 23:00"]


HOURS = [(h, f"2024-01-02T{h:02}:00", f"2024-01-02T{h + 1:02}:00") for h in range(9, 13)]
INTRADAY = [("2024-01-02", start, end, h, h + 1.5, h - 0.5, h + 1.0) for h, start, end in HOURS]
NEXT_DAY = [(r[0][:-1] + "3", r[1].replace("-02T", "-03T"), r[2].replace("-02T", "-03T"), *r[3:]) for r in INTRADAY]


def test_timers_inside_a_session_of_hours_fire_at_the_first_bar_that_closes_after_them():
    hourly = bars_at(A, INTRADAY + NEXT_DAY)
    assert fired(hourly, when=bt.Timer.SESSION_END)[0] == [("02 13", "02 13:00"), ("03 13", "03 13:00")]
    half_past = timedelta(minutes=30)
    started = fired(hourly, when=bt.Timer.SESSION_START, offset=half_past, repeat=timedelta(hours=2))[0]
    assert [when for _, when in started] == ["02 09:30", "02 11:30", "03 09:30", "03 11:30"]


def test_a_timer_that_never_fires_is_shown():
    account = fired(bars(A, THREE, hours=LONDON), when=time(17))[1]
    assert [s.reason for s in account.skipped] == [
        "timer at 17:00:00 never fired: steps are closes, and times of day UTC"
    ]


def test_a_timer_before_the_broker_is_refused():
    with pytest.raises(
        UserError, match=r"add_timer\(cheat=True\) is not supported: an order would fill at a price from"
    ):
        fired(bars(A, THREE), when=bt.Timer.SESSION_START, cheat=True)


def test_an_order_sent_before_the_broker_is_asked_fills_after_what_was_read():
    """By a door that nobody is offered: the bar can be read, so the order is of its close."""

    class Burglar(Timed):
        def __init__(self) -> None:
            bt.Cerebro._add_timer(self.cerebro, self, bt.Timer.SESSION_START, cheat=True)

    account = ours(Burglar, bars(A, THREE, hours=LONDON), fired=[])
    assert fills(account) == [("A", "buy", "2024-01-03", 101.0), ("A", "buy", "2024-01-04", 102.0)]
    assert all(f.filled_at > f.decided_at for f in account.fills)


# ---- orders at the close -------------------------------------------------------------------------------------------------


def test_an_order_at_the_close_fills_at_the_close_of_its_session_of_hours():
    """Sent at 10:00: at 13:00, at 13. Plain backtrader fills it the next morning, at a close that had been read."""

    def act(s: Any) -> None:
        if len(s) == 1:
            s.order = s.buy(size=1, exectype=bt.Order.Close)
        if len(s) == 5:
            s.cancel(s.order)

    account = ours(Keeps, bars_at(A, INTRADAY + NEXT_DAY), act=act, filled=[], notified=[])
    (fill,) = account.fills
    assert (fill.session, fill.price, pd.Timestamp(fill.filled_at).hour) == ("2024-01-02", 13.0, 13)


def test_an_order_at_the_close_of_the_last_bar_is_shown():
    def act(s: Any) -> None:
        if len(s) == 3:
            s.buy(size=1, exectype=bt.Order.Close)

    account = ours(Keeps, bars(A, THREE), act=act, filled=[], notified=[])
    assert [s.reason for s in account.skipped] == ["order of 1 was never filled: no bar after it"]


# ---- brackets ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("third", "name", "price"),
    [
        ((100.0, 112.0, 88.0, 100.0), "Stop", 90.0),  # both inside the bar: the stop, as in plain backtrader
        ((111.0, 112.0, 88.0, 100.0), "Limit", 111.0),  # the open is beyond the target: there
        ((89.0, 112.0, 88.0, 100.0), "Stop", 89.0),
    ],
)
def test_of_a_bracket_touched_twice_in_a_bar_the_open_decides_and_then_the_stop(third, name, price):
    rows = [flat_day(DAYS[0], 100.0), flat_day(DAYS[1], 100.0), (DAYS[2], *third), flat_day(DAYS[3], 100.0)]

    def act(s: Any) -> None:
        if len(s) == 1:
            s.buy_bracket(size=1, exectype=bt.Order.Market, stopprice=90.0, limitprice=110.0)

    filled, notified = kept(Keeps, rows, act=act)
    assert filled == [(DAYS[1], 1, 100.0), (DAYS[2], -1, price)]
    assert (3, name, "Completed") in notified


def test_of_a_bracket_whose_parent_fills_below_an_open_beyond_the_target_the_stop_still_comes_first():
    """On the parent's bar the open is beyond the target, which is not sent yet: that changes nothing of the next bar."""
    rows = [flat_day(DAYS[0], 105.0), (DAYS[1], 112.0, 113.0, 99.0, 100.0), (DAYS[2], 100.0, 112.0, 88.0, 100.0)]

    def act(s: Any) -> None:
        if len(s) == 1:
            s.buy_bracket(size=1, price=100.0, stopprice=90.0, limitprice=110.0)

    filled = kept(Keeps, rows, act=act)[0]
    assert filled == [(DAYS[1], 1, 100.0), (DAYS[2], -1, 90.0)]
    assert filled == plainly(Keeps, rows, act=act)[0]


# ---- what is not supported -----------------------------------------------------------------------------------------------

REFUSED = [
    ("s.broker.set_cash(5)", r"broker\.set_cash\(\).*--cash"),
    ("s.broker.add_cash(5)", r"broker\.add_cash\(\).*--cash"),
    ("s.broker.setcommission(commission=0.001)", r"broker\.setcommission\(\).*--commission-bps"),
    (
        "s.broker.setcommission(commission=2.0, margin=2000.0, mult=10.0, name='A')",
        "leverage of a margin with --max-gross, and a multiplier",
    ),
    ("s.broker.addcommissioninfo(bt.CommissionInfo(commission=0.1))", "--commission-bps"),
    ("s.broker.set_slippage_perc(0.01)", "slip_perc.*--slippage-bps"),
    ("s.broker.set_slippage_fixed(0.01)", "slip_fixed.*--slippage-bps"),
    ("s.broker.set_filler(bt.broker.fillers.FixedSize(size=3))", "filler of the broker is not supported"),
    ("s.broker.set_coc(True)", "coc of the broker is not supported"),
    ("s.broker.set_coo(True)", "coo of the broker is not supported"),
    ("s.broker.set_checksubmit(True)", "checksubmit.*--max-gross"),
    ("s.broker.set_shortcash(False)", "shortcash"),
    ("s.broker.set_fundmode(True)", "fundmode.*--cash"),
    ("s.broker.set_eosbar(True)", "eosbar.*hustings data hours"),
    ("s.broker.set_int2pnl(False)", "int2pnl.*--borrow-rate"),
    ("s.broker.comminfo.update({None: bt.CommissionInfo(commission=0.1)})", "broker.comminfo.*--commission-bps"),
    ("s.broker.comminfo.__setitem__('A', bt.CommissionInfo(commission=0.1))", "broker.comminfo.*--commission-bps"),
    ("setattr(s.broker, 'comminfo', {})", "broker.comminfo.*--commission-bps"),
    ("setattr(s.broker.comminfo[None].p, 'commission', 0.1)", "commission of the commission scheme.*--commission-bps"),
    (
        "setattr(s.broker.getcommissioninfo(s.data).p, 'mult', 10.0)",
        "mult of the commission scheme.*size of the orders",
    ),
    ("setattr(s.broker.p, 'coc', True)", "coc of the broker is not supported"),
    ("setattr(s.cerebro.p, 'cheat_on_open', True)", "cheat_on_open of the cerebro is not supported"),
    ("setattr(s.cerebro.p, 'quicknotify', True)", "quicknotify"),
    ("setattr(s.cerebro, 'broker', bt.brokers.BackBroker())", r"cerebro\.setbroker\(\)"),
    ("s.cerebro.resampledata(s.data, timeframe=bt.TimeFrame.Weeks)", r"cerebro\.resampledata\(\).*one timeframe"),
    ("s.cerebro.replaydata(s.data, timeframe=bt.TimeFrame.Weeks)", r"cerebro\.replaydata\(\)"),
    ("s.cerebro.adddata(s.data)", r"cerebro\.adddata\(\).*--instrument"),
    ("s.cerebro.addobserver(bt.observers.DrawDown)", r"cerebro\.addobserver\(\)"),
    ("s.cerebro.addanalyzer(bt.analyzers.SharpeRatio)", r"cerebro\.addanalyzer\(\)"),
    ("s.cerebro.addwriter(bt.WriterFile)", r"cerebro\.addwriter\(\)"),
    ("s.cerebro.addsizer(bt.sizers.FixedSize)", r"cerebro\.addsizer\(\).*setsizer"),
    ("s.cerebro.add_signal(bt.SIGNAL_LONG, bt.ind.SMA)", r"cerebro\.add_signal\(\).*signal_add"),
    ("s.cerebro.add_order_history([])", r"cerebro\.add_order_history\(\)"),
    ("s.cerebro.run()", r"cerebro\.run\(\).*one strategy"),
    ("s.cerebro.plot()", r"cerebro\.plot\(\)"),
    ("s.data.addfilter(bt.filters.HeikinAshi)", r"data\.addfilter\(\)"),
    ("s.data.resample(timeframe=bt.TimeFrame.Weeks)", r"data\.resample\(\)"),
    ("s.data.compensate(s.data)", r"data\.compensate\(\)"),
    ("s.data.buflen()", r"data\.buflen\(\).*bars that are still to come"),
    ("s.data.close.buflen()", r"data\.buflen\(\)"),
    ("s.data1.close[0]", "data1 is not there: a run has one timeframe.*resampledata"),
    ("s.data1_close[0]", "data1_close is not there"),
    ("s.datas[1].close[0]", r"datas\[1\] is not there: a run has one timeframe"),
    ("s.getdatabyname('SPX')", "no feed 'SPX': a feed is an instrument"),
    ("s.stats.drawdown", "drawdown is not there: observers and analyzers of Cerebro"),
    ("s.analyzers.sharpe", "sharpe is not there: observers and analyzers of Cerebro"),
    ("s.data.bid[0]", "a feed has no line 'bid'"),
]


@pytest.mark.parametrize("when", ["__init__", "next"])
@pytest.mark.parametrize(("asked", "words"), REFUSED)
def test_what_a_run_does_not_support_is_refused_by_its_name(asked, words, when):
    def act(s: Any) -> None:
        eval(asked, {"s": s, "bt": bt, "setattr": setattr})

    class Asks(bt.Strategy):
        def next(self) -> None:
            self.buy()

    setattr(Asks, when, act)
    with pytest.raises(UserError, match=words) as refusal:
        ours(Asks, bars(A, THREE))
    assert "\n" not in str(refusal.value)


def test_an_indicator_that_only_draws_is_refused_by_its_name():
    class Draws(bt.Strategy):
        def __init__(self) -> None:
            bt.LinePlotterIndicator(self.data.high - self.data.low, name="range")

    with pytest.raises(UserError, match="LinePlotterIndicator is not supported: it is for plots"):
        ours(Draws, bars(A, THREE))


HARMLESS = [
    "s.broker.set_coc(False)", "s.broker.set_filler(None)", "s.broker.set_checksubmit(False)",
    "s.setsizer(bt.sizers.FixedSize(stake=1))", "hasattr(s, 'data1')", "getattr(s.stats, 'drawdown', None)",
    "bt.observers.DrawDown(s.data)", "s.set_tradehistory(True)",
]  # fmt: skip


@pytest.mark.parametrize("asked", HARMLESS)
def test_what_changes_nothing_is_not_refused(asked):
    class Asks(bt.Strategy):
        def __init__(self) -> None:
            eval(asked, {"s": self, "bt": bt})

        def next(self) -> None:
            self.buy()

    assert fills(ours(Asks, bars(A, THREE)))[0] == ("A", "buy", "2024-01-03", 101.0)


# ---- of which nothing is called ------------------------------------------------------------------------------------------


class Nothing(bt.Strategy):
    """Has no method that is called at a step."""


class Waits(bt.Strategy):
    """Has an indicator for which there are too few bars."""

    def __init__(self) -> None:
        self.average = bt.ind.SMA(self.data, period=30)

    def next(self) -> None:
        self.buy()


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (Nothing, "nothing of Nothing was called: it has no next()"),
        (Waits, "next() of Waits was never called: its indicators need 30 bars"),
    ],
)
def test_a_strategy_of_which_nothing_is_called_says_so(cls, words):
    assert [s.reason for s in ours(cls, bars(A, THREE)).skipped] == [words]


def test_a_strategy_that_skips_itself_is_refused():
    class Skips(bt.Strategy):
        def __init__(self) -> None:
            raise bt.errors.StrategySkipError

    with pytest.raises(UserError, match="Skips raised StrategySkipError: there is no other strategy"):
        ours(Skips, bars(A, THREE))


def test_a_strategy_of_notifications_alone_is_called():
    class Told(bt.Strategy):
        def notify_cashvalue(self, cash: float, value: float) -> None:
            if not self.position:
                self.buy(size=1)

    account = ours(Told, bars(A, THREE))
    assert (fills(account)[0], account.skipped) == (("A", "buy", "2024-01-03", 101.0), ())


# ---- what a strategy defines itself ----------------------------------------------------------------------------------------


def test_what_a_strategy_defines_itself_comes_before_ours():
    class Own(bt.Strategy):
        _pending = _feed = None

        def events(self) -> int:
            return 3

        def close(self, *args: Any, **kwargs: Any) -> Any:
            self.closed = True
            return super().close(*args, **kwargs)

        def next(self) -> None:
            if len(self) == 1:
                self.buy(size=self.events())
            if len(self) == 2:
                self.close()

        def stop(self) -> None:
            assert self.closed

    account = ours(Own, bars(A, THREE))
    assert [(f.side, f.quantity) for f in account.fills] == [("buy", 3.0), ("sell", 3.0)]


def test_a_strategy_of_signals_has_the_fills_of_plain_backtrader():
    class Signals(bt.SignalStrategy):
        params = (("filled", None), ("notified", None))
        notify_order = Keeps.notify_order

        def __init__(self) -> None:
            self.signal_add(bt.SIGNAL_LONG, bt.ind.CrossOver(self.data, bt.ind.SMA(self.data, period=5)))

    rows = random_rows(7)
    filled = kept(Signals, rows)[0]
    assert len(filled) > 3
    assert filled == plainly(Signals, rows)[0]


def test_next_waits_for_an_indicator_on_a_market_that_begins_later_as_in_plain_backtrader():
    class Late(bt.Strategy):
        def __init__(self) -> None:
            self.average = bt.ind.SMA(self.data1, period=2)

        def next(self) -> None:
            if self.average[0] > 0 and not self.position:
                self.buy(size=1)

    account = ours(Late, bars(A, RISING, hours=LONDON), bars(B, RISING[3:], hours=LONDON))
    assert fills(account) == [("A", "buy", "2024-01-09", 105.0)]


def test_a_strategy_that_stops_the_run_is_marked_to_the_last_bar():
    class Stops(bt.Strategy):
        def next(self) -> None:
            if len(self) == 1:
                self.buy(size=10)
            if len(self) == 3:
                self.env.runstop()

    account = ours(Stops, bars(A, RISING))
    assert account.equity[-1] == pytest.approx(1e6 + 10 * (110.0 - 101.0))
    assert account.trades[0].pnl == pytest.approx(90.0)


def test_dates_of_a_feed_are_those_of_its_closes():
    def act(s: Any) -> None:
        seen.append(s.data.datetime.date(0))

    seen: list[date] = []
    kept(Keeps, THREE, act=act)
    assert seen == [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)]
