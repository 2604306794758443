"""Bars with their own instants: the election night of 2016 by hand, sessions of many bars, and random calendars."""

import csv
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import backtrader as bt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent, bundled_events
from datasets.instants import iso_z, to_ns
from datasets.markets.instruments import Instrument, bundled_instruments
from datasets.markets.sessions import session_of
from datasets.prices.bars import Bars, Source, make_intraday_bars
from datasets.prices.sources.files import DirectorySource
from datasets.prices.table import PriceTable, bars_of
from engine.account.evaluate import evaluate
from engine.account.records import Account
from engine.account.replay import replay
from engine.account.replay_custom import replay_custom
from engine.plan.costs import Terms
from engine.plan.plan import Plan, make_plan
from engine.run.backtest import on_sessions
from engine.strategy import After, BeforeVote, LastCloseBefore, Leg, Never, NextClose, NextOpen, Phase
from engine.strategy.contract import LEVELS
from engine.strategy.market import BarClock, MarketView
from tests.engine.markets import about, bars, event, flat_day, instrument, market_of, ns, scripted, utc
from tests.engine.test_evaluate import agree
from tests.engine.test_properties import (
    ALL_EXITS,
    ALL_HOURS,
    START,
    World,
    _after,
    _events_by,
    _make_bars,
    _make_events,
    _make_leg,
    _same,
)

MINUTE = 60_000_000_000


def intraday(of: Instrument, rows: list[tuple[Any, ...]]) -> Bars:
    """Return bars of (opens, closes, open, high, low, close), or of (stamp, price) for single prints."""
    whole = [(r[0], r[0], *[r[1]] * 4) if len(r) == 2 else r for r in rows]
    at = [np.array([ns(r[i]) if isinstance(r[i], str) else r[i] for r in whole], dtype=np.int64) for i in (0, 1)]
    price = [np.array([r[i] for r in whole], dtype=float) for i in range(2, 6)]
    return make_intraday_bars(
        of,
        Source("test", "literals in a test"),
        session=session_of(of.mic, at[1]),
        open_at=at[0],
        close_at=at[1],
        open_=price[0],
        high=price[1],
        low=price[2],
        close=price[3],
        volume=np.full(len(whole), np.nan),
        where=lambda row: f"row {row}",
    )


# ---- the election night of 2016 --------------------------------------------------------------------------------------
# The stamps bear no zone. They are UTC: the file of the S&P 500 begins each day at 13:39:59 before 6 November, when New
# York changed to winter time, and at 14:39:59 after it (9:30 there, and ten minutes), and ends at 20:00 and 21:00; the
# currencies pause on Friday at 21:00, 17:00 in New York; the yen falls from 02:20, as Florida was counted, which in any
# American zone would be the afternoon or the next day. They are not London time: the All-World index ends its week at
# 20:10 on 28 October and its days at 20:10 to 20:40 after 30 October, when London's clocks went back.

FX = Instrument("USDJPY", "yen", "FX", "JPY", 0.0, 0.0, 0.0)
ELECTION = "US-2016-11-08-PE"


def prints_of(folder: Path, name: str, of: Instrument) -> Bars:
    """Return the prints of one of the files; a print that stands twice with one price is one."""
    with (folder / "odds" / f"FT_INTRADAY_2016_{name}.csv").open(encoding="utf-8", newline="") as f:
        rows = {r["date"]: float(r["value"]) for r in csv.DictReader(f)}
    return intraday(replace(of, symbol=name), list(rows.items()))


def election() -> PoliticalEvent:
    found = bundled_events().get(ELECTION)
    assert (iso_z(found.signal_from or 0), iso_z(found.known_at or 0)) == (
        "2016-11-09T03:00:00Z",
        "2016-11-09T07:29:00Z",
    )
    return found


def both(plan: Plan, *markets: Bars) -> Account:
    """Return the account of a plan, replayed and evaluated to the same."""
    account = replay(plan, list(markets), Terms())
    agree(evaluate(plan, list(markets), Terms()), account, Terms().cash)
    return account


@pytest.mark.parametrize("entry", [NextOpen(), NextClose()])
@pytest.mark.parametrize(
    ("name", "mic", "filled_at", "paid"),
    [
        ("USDJPY", "FX", "2016-11-09T03:09:59Z", 102.91),  # 03:00:00 is 102.47: made at the decision, not after it
        ("USDMXN", "FX", "2016-11-09T03:09:59Z", 20.1),
        ("FTSEAW", "XLON", "2016-11-09T03:09:59Z", 271.19),
    ],
)
def test_the_first_print_after_the_count_turned(shared_dir, name, mic, filled_at, paid, entry):
    """Decided at signal_from, 03:00 UTC; the last print there is is that of 04:20."""
    market = prints_of(shared_dir, name, replace(FX, mic=mic))
    plan = make_plan(
        scripted([Leg(name, 1, entry, Never())], markets=[name], decides="signal_from"), [election()], market_of(market)
    )
    (fill,) = both(plan, market).fills
    assert (iso_z(fill.filled_at), fill.reference_price, fill.note) == (filled_at, paid, "")


@pytest.mark.parametrize("name", ["USDJPY", "USDMXN", "FTSEAW", "SPXfut"])
def test_no_print_of_the_night_comes_after_the_call_at_0729(shared_dir, name):
    """The files end at 04:20 (the S&P 500 at 21:00 the evening before): who waits for the call finds no print."""
    market = prints_of(shared_dir, name, replace(FX, mic="XNYS" if name == "SPXfut" else "FX"))
    plan = make_plan(scripted([Leg(name, 1, NextOpen(), Never())], markets=[name]), [election()], market_of(market))
    assert plan.trades == ()
    ends = "2016-11-08" if name == "SPXfut" else "2016-11-09"
    assert plan.skipped[0].reason == f"no bar after 2016-11-09T07:29:00Z; bars end {ends}"


@pytest.mark.parametrize(
    ("known_at", "filled_at", "paid"),
    [
        ("2016-11-08T07:29:00", "2016-11-08T07:30:00Z", 104.37),
        ("2016-11-07T07:29:00", "2016-11-07T07:30:00Z", 104.47),
        ("2016-11-08T07:30:00", "2016-11-08T07:39:59Z", 104.39),
    ],
)
def test_known_at_0729_fills_at_the_first_print_after_it(shared_dir, known_at, filled_at, paid):
    """The same minute of the days before, which the files hold."""
    market = prints_of(shared_dir, "USDJPY", FX)
    plan = make_plan(scripted([Leg("USDJPY", -1, NextOpen(), Never())], markets=["USDJPY"]),
                     [event("E", known_at)], market_of(market))  # fmt: skip
    (fill,) = both(plan, market).fills
    assert (iso_z(fill.filled_at), fill.reference_price) == (filled_at, paid)


def test_held_for_a_session_leaves_at_the_first_print_of_the_next(shared_dir):
    """A currency's session ends at 17:00 in New York, 22:00 UTC, at which print it closes."""
    market = prints_of(shared_dir, "USDJPY", FX)
    legs = [
        Leg("USDJPY", 0.5, NextOpen(), After(1, at=Phase.CLOSE)),
        Leg("USDJPY", -0.4, NextOpen(), After(1, at=Phase.OPEN)),
    ]
    plan = make_plan(scripted(legs, markets=["USDJPY"]), [event("E", "2016-11-07T07:29")], market_of(market))
    closed, opened = both(plan, market).trades
    assert (iso_z(closed.exit_at), closed.exit_price, closed.exit_session) == (
        "2016-11-07T22:00:00Z",
        104.53,
        "2016-11-07",
    )
    assert (iso_z(opened.exit_at), opened.exit_price, opened.exit_session) == (
        "2016-11-07T22:09:59Z",
        104.41,
        "2016-11-08",
    )


def test_prints_and_daily_bars_in_one_account(shared_dir, market_dir):
    """The yen sold as the count turned, bought back never; the S&P 500 bought at the open of 9 November."""
    yen = prints_of(shared_dir, "USDJPY", FX)
    spx = (
        DirectorySource(market_dir).load(bundled_instruments().find("SPX")).sessions_until(np.datetime64("2016-11-11"))
    )
    later = spx.from_session(np.datetime64("2016-11-01"))
    early = election().model_copy(update={"event_id": "EARLY", "known_at": utc("2016-11-09T03:00")})
    legs = {
        "EARLY": [Leg("USDJPY", -0.5, NextOpen(), Never())],
        ELECTION: [Leg("SPX", 0.5, NextOpen(), After(1, at=Phase.CLOSE))],
    }
    rule = scripted(legs, markets=["USDJPY", "SPX"])
    plan = make_plan(rule, EventCatalogue([early, election()]), market_of(yen, later))
    account = both(plan, yen, later)
    assert [(f.instrument, iso_z(f.filled_at), f.reference_price) for f in account.fills] == [
        ("USDJPY", "2016-11-09T03:09:59Z", 102.91),
        ("SPX", "2016-11-09T14:30:00Z", about(later.open[6])),
        ("SPX", "2016-11-09T21:00:00Z", about(2163.26, abs=0.01)),
    ]
    assert [str(d) for d in account.days.sessions] == [
        *(f"2016-11-0{d}" for d in (1, 2, 3, 4, 7, 8, 9)),
        "2016-11-10",
        "2016-11-11",
    ]


# ---- sessions of many bars -------------------------------------------------------------------------------------------

TOKYO = instrument()
WEEK = [
    *(("2024-01-09T00:00", 100.0), ("2024-01-09T03:00", 101.0), ("2024-01-09T06:00", 102.0)),
    *(("2024-01-10T00:30", 103.0), ("2024-01-10T05:59", 104.0)),
    *(("2024-01-11T02:00", 105.0),),
    *(("2024-01-12T01:00", 106.0), ("2024-01-12T02:00", 107.0), ("2024-01-12T05:00", 108.0)),
]
"""Prints of four sessions of Tokyo, 00:00 to 06:00 UTC. Rows 0-2, 3-4, 5 and 6-8."""
PRINTS = intraday(TOKYO, WEEK)


def rows(leg: Leg, at: str, of: Bars = PRINTS, **other: Any) -> Any:
    """Return the rows of entry and exit, or why there is none."""
    made = event("E", at, **other)
    decides = "announced_at" if "announced_at" in other else "known_at"
    plan = make_plan(scripted([leg], decides=decides), [made], market_of(of))
    if not plan.trades:
        return plan.skipped[0].reason
    both(plan, of)
    trade = plan.trades[0]
    return trade.entry.bar, trade.exit and trade.exit.bar


@pytest.mark.parametrize(
    ("at", "exit_", "expected"),
    [
        ("2024-01-09T01:00", After(1, at=Phase.CLOSE), (1, 2)),
        ("2024-01-09T01:00", After(1), (1, 3)),
        ("2024-01-09T01:00", After(2, at=Phase.CLOSE), (1, 4)),
        ("2024-01-09T01:00", After(3), (1, 6)),
        ("2024-01-09T01:00", After(4), (1, None)),  # there is no fifth session
        ("2024-01-09T05:00", After(1, at=Phase.CLOSE), (2, 4)),  # entered as its session closed: the next is the first
        ("2024-01-09T05:00", After(1), (2, 5)),
        ("2024-01-10T12:00", After(1, at=Phase.CLOSE), (5, 8)),
    ],
)
def test_n_sessions_are_labels_not_bars(at, exit_, expected):
    assert rows(Leg("AAA", 1, NextOpen(), exit_), at) == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (NextOpen(), 1),
        (NextClose(), 1),
        (NextOpen(delay=1), 3),
        (NextClose(delay=1), 4),
        (NextOpen(delay=3), 6),
        (NextClose(delay=3), 8),
    ],
)
def test_delay_is_in_sessions(entry, expected):
    assert rows(Leg("AAA", 1, entry, Never()), "2024-01-09T00:00") == (expected, None)


def test_delay_beyond_the_last_session_is_skipped():
    assert rows(Leg("AAA", 1, NextOpen(delay=4), Never()), "2024-01-09T00:00") == (
        "no bar after 2024-01-09T00:00:00Z; bars end 2024-01-12"
    )


def test_before_a_vote_two_sessions_are_held():
    leg = Leg("AAA", 1, BeforeVote(2), LastCloseBefore(utc("2024-01-12T00:00")))
    voted = date(2024, 1, 12)
    assert rows(leg, "2024-01-13T12:00", announced_at=utc("2024-01-09T01:00"), voted_on=voted) == (2, 5)
    assert rows(leg, "2024-01-13T12:00", announced_at=utc("2024-01-09T06:00"), voted_on=voted) == (
        "announced at 2024-01-09T06:00:00Z, less than 2 sessions before the vote"
    )


def test_last_print_before_an_instant_may_lie_within_a_session():
    leg = Leg("AAA", 1, NextOpen(), LastCloseBefore(utc("2024-01-12T05:00")))
    assert rows(leg, "2024-01-09T00:00") == (1, 7)


def test_minutes_that_follow_without_a_gap_close_before_the_next_opens():
    """At 00:01 the first bar's close is sold and the second's open bought, in that order and with that money."""
    minutes = [
        ("2024-01-09T00:00", "2024-01-09T00:01", 100.0, 101.0, 99.0, 100.0),
        ("2024-01-09T00:01", "2024-01-09T00:02", 110.0, 111.0, 99.0, 99.0),
        ("2024-01-09T00:02", "2024-01-09T00:05", 90.0, 95.0, 90.0, 95.0),
    ]
    market = intraday(TOKYO, minutes)
    legs = {
        "A": [Leg("AAA", 1, NextOpen(), LastCloseBefore(utc("2024-01-09T00:02")))],
        "B": [Leg("AAA", 1, NextOpen(), Never())],
    }
    plan = make_plan(
        scripted(legs), [event("A", "2024-01-08T23:00"), event("B", "2024-01-09T00:00")], market_of(market)
    )
    account = both(plan, market)
    assert [(iso_z(f.filled_at), f.side, f.reference_price) for f in account.fills] == [
        ("2024-01-09T00:00:00Z", "buy", 100.0),
        ("2024-01-09T00:01:00Z", "sell", 100.0),
        ("2024-01-09T00:01:00Z", "buy", 110.0),
    ]
    assert account.equity[-1] == pytest.approx(1_000_000 * 95 / 110)


def test_stop_is_hit_by_the_first_print_beyond_it_and_fills_there():
    leg = Leg("AAA", -1, NextOpen(), Never(), stop_loss=0.025)
    plan = make_plan(scripted([leg]), [event("E", "2024-01-09T00:00")], market_of(PRINTS))
    (trade,) = both(plan, PRINTS).trades
    assert (trade.entry_price, trade.exit_price, iso_z(trade.exit_at)) == (101.0, 104.0, "2024-01-10T05:59:00Z")


def test_an_account_has_a_line_a_session_marked_at_its_last_bar():
    plan = make_plan(
        scripted([Leg("AAA", 1, NextOpen(), Never())]), [event("E", "2024-01-08T12:00")], market_of(PRINTS)
    )
    account = both(plan, PRINTS)
    assert [str(s)[-2:] for s in account.days.sessions] == ["09", "10", "11", "12"]
    assert account.equity / 10_000 == pytest.approx([102.0, 104.0, 105.0, 108.0])


def test_benchmark_is_taken_at_the_last_bar_of_each_session():
    sessions = np.array(["2024-01-09", "2024-01-10", "2024-01-11", "2024-01-12"], dtype="datetime64[D]")
    assert on_sessions(PRINTS, sessions) == pytest.approx([0.0, 104 / 102 - 1, 105 / 104 - 1, 108 / 105 - 1])


def test_clock_tells_when_sessions_close():
    clock = BarClock(market_of(PRINTS))
    assert clock.close_after("AAA", utc("2024-01-09T01:00")) == utc("2024-01-09T06:00")
    assert clock.close_after("AAA", utc("2024-01-09T06:00")) == utc("2024-01-10T05:59")
    assert clock.close_after("AAA", utc("2024-01-09T01:00"), nth=3) == utc("2024-01-11T02:00")
    assert clock.close_after("AAA", utc("2024-01-09T01:00"), nth=5) is None


def test_view_sees_prints_and_counts_sessions():
    view = MarketView(market_of(PRINTS), utc("2024-01-10T00:30"))
    assert len(view.bars("AAA")) == 4
    assert view.close("AAA") == 103.0
    assert view.close("AAA", back=1) == 102.0
    assert view.move("AAA") == pytest.approx(103 / 102 - 1)


def test_backtrader_strategy_fills_at_the_print_after_its_order():
    class Buys(bt.Strategy):
        def next(self) -> None:
            if len(self) == 2:
                self.buy(size=10)

    account = replay_custom(Buys, {}, [PRINTS], EventCatalogue([]), Terms())
    (fill,) = account.fills
    assert (iso_z(fill.decided_at), iso_z(fill.filled_at), fill.price) == (
        "2024-01-09T03:00:00Z",
        "2024-01-09T06:00:00Z",
        102.0,
    )
    assert account.equity - 1_000_000 == pytest.approx([0.0, 20.0, 30.0, 60.0])


# ---- what is no series of bars ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([("2024-01-09T01:00", 1.0), ("2024-01-09T01:00", 2.0)], "row 1: the bar opens 2024-01-09T01:00:00Z, as or"),
        ([("2024-01-09T01:00", 1.0), ("2024-01-09T00:00", 2.0)], "row 1: the bar opens 2024-01-09T00:00:00Z, as or"),
        (
            [
                ("2024-01-09T01:00", "2024-01-09T01:05", 1, 1, 1, 1),
                ("2024-01-09T01:04", "2024-01-09T01:09", 1, 1, 1, 1),
            ],
            "row 1: the bar opens 2024-01-09T01:04:00Z, before the last one has closed",
        ),
        ([("2024-01-09T01:00", "2024-01-09T00:59", 1, 1, 1, 1)], "row 0: the bar opens 2024-01-09T01:00:00Z, after"),
        ([("2024-01-09T01:00", -1.0)], "row 0: open is -1; a price must be a finite number above 0"),
        ([("2024-01-09T01:00", "2024-01-09T01:01", 5, 4, 3, 3.5)], "row 0: open 5 > high 4"),
        ([(ns("2024-01-09T01:00") + 1, 1.0)], "row 0: 2024-01-09T01:00:00Z is no whole millisecond"),
        ([], "row 0: no rows"),
    ],
)
def test_bars_that_cannot_be_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        intraday(TOKYO, given)


def test_session_far_from_its_instant_is_refused():
    at = np.array([ns("2024-01-09T01:00")])
    price = np.array([1.0])
    with pytest.raises(UserError, match="session 2023-01-09 of 2024-01-09T01:00:00Z is not that of its instant"):
        make_intraday_bars(
            TOKYO, Source("test", ""), session=np.array(["2023-01-09"], dtype="datetime64[D]"), open_at=at, close_at=at,
            open_=price, high=price, low=price, close=price, volume=price, where=lambda r: f"row {r}",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("mic", "at", "session"),
    [
        ("FX", "2016-11-08T22:00", "2016-11-08"),  # 17:00 in New York: the last of the day
        ("FX", "2016-11-08T22:00:01", "2016-11-09"),
        ("FX", "2016-11-06T17:39:59", "2016-11-07"),  # a Sunday
        ("XNYS", "2016-11-08T21:00", "2016-11-08"),
        ("XNYS", "2016-11-08T21:30", "2016-11-09"),  # after hours
        ("XNYS", "2016-11-24T15:00", "2016-11-25"),  # Thanksgiving
        ("XTKS", "2016-11-08T22:00", "2016-11-09"),
        ("XTKS", "1990-01-06T01:00", "1990-01-08"),  # before the calendar begins: the weekday that follows
    ],
)
def test_a_price_belongs_to_the_session_that_closes_next(mic, at, session):
    assert session_of(mic, np.array([ns(at)])) == np.datetime64(session)


def test_table_of_stamps_becomes_prints_or_bars():
    at = np.array([ns(f"2024-01-09T{t}") for t in ("00:00", "00:05", "00:10", "00:12", "03:00")])
    blank, price = np.full(5, np.nan), np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    table = PriceTable("T.csv", "test", np.full(5, np.datetime64("2024-01-08")), blank, blank, blank, price, blank, blank,
                       np.arange(2, 7), at=at)  # fmt: skip
    prints = bars_of(table, TOKYO, Source("test", ""))
    assert prints.intraday
    assert (prints.open_at == prints.close_at).all()
    assert prints.open_is_real.all()
    assert prints.open.tolist() == prints.high.tolist() == price.tolist()
    assert {str(s) for s in prints.session} == {"2024-01-09"}
    lasting = bars_of(replace(table, open=price, high=price, low=price), TOKYO, Source("test", ""))
    assert [iso_z(int(t))[11:16] for t in lasting.close_at] == ["00:05", "00:10", "00:12", "00:17", "03:05"]


# ---- random calendars ------------------------------------------------------------------------------------------------


def _irregular(symbol: str, rng: Random, *, n: int) -> Bars:
    """Return random bars and prints around the clock, several a session or none for days."""
    of = instrument(symbol, mic="FX", lot=rng.choice([0.0, 0.0, 1.0]))
    at, last, given = to_ns(START) + rng.randrange(48) * 60 * MINUTE, 100.0, []
    for _ in range(n):
        lasts = rng.choice([0, 0, 1, 5, 60]) * MINUTE
        price = round(last * (1 + rng.gauss(0, 0.02)), 2)
        close = price if not lasts else round(price * (1 + rng.gauss(0, 0.02)), 2)
        high = max(price, close) + (rng.choice([0.0, 1.0]) if lasts else 0.0)
        given.append((at, at + lasts, price, high, min(price, close), close))
        last = close
        at += lasts + rng.choice(
            [0 if lasts else MINUTE, MINUTE, 7 * MINUTE, 240 * MINUTE, 1440 * MINUTE, 4320 * MINUTE]
        )
        if given[-1][0] >= at:
            at = given[-1][1] + MINUTE
    whole = [r for i, r in enumerate(given) if not i or (r[0] > given[i - 1][0] and r[1] > given[i - 1][1])]
    return intraday(of, whole)


@st.composite
def mixed_worlds(draw: Any) -> World:
    """Return a world with one or two irregular intraday markets and up to two daily ones."""
    rng = Random(draw(st.integers(0, 2**32)))
    n_irregular, n_daily = draw(st.integers(1, 2)), draw(st.integers(0, 2))
    markets = [_irregular(f"I{i}", rng, n=draw(st.integers(2, 40))) for i in range(n_irregular)]
    markets += [
        _make_bars(f"D{i}", rng.choice(ALL_HOURS), rng, n=rng.randrange(2, 12), lot=0.0) for i in range(n_daily)
    ]
    events = _make_events(rng, markets, draw(st.integers(0, 6)))
    symbols = [b.symbol for b in markets]
    legs = {
        e.event_id: [
            _make_leg(rng, symbols, e, stops=True, exits=ALL_EXITS, before_vote=True)
            for _ in range(rng.choice([1, 2, 3]))
        ]
        for e in events
    }
    terms = Terms(
        cash=10_000.0,
        cash_rate=rng.choice([0.0, 0.03]),
        borrow_rate=rng.choice([0.0, 0.02]),
        max_gross=rng.choice([1.0, 0.5, 3.0]),
        commission_bps=rng.choice([0.0, 20.0]),
        slippage_bps=rng.choice([0.0, 30.0]),
    )
    return World(tuple(markets), tuple(events), legs, terms, rng.choice(["known_at", "known_at", "announced_at"]))


@settings(max_examples=200)
@given(mixed_worlds())
def test_every_fill_is_a_price_made_strictly_after_its_decision(world):
    _, account = world.run()
    for fill in account.fills:
        bars = world.of(fill.instrument)
        assert fill.filled_at > fill.decided_at
        made = [
            (price, high, low)
            for at, price, high, low in [
                *zip(bars.open_at, bars.open, bars.open, bars.open, strict=True),
                *zip(bars.close_at, bars.close, bars.high, bars.low, strict=True),
            ]
            if at == fill.filled_at
        ]
        assert made
        if fill.reason in LEVELS:
            assert any(low <= fill.reference_price <= high for _, high, low in made)
        else:
            assert fill.reference_price in [price for price, _, _ in made]


@settings(max_examples=200)
@given(mixed_worlds())
def test_every_entry_is_at_the_first_price_after_its_decision(world):
    """Found by walking through the instants in plain Python; with a delay, by the labels of the sessions."""
    plan, _ = world.run()
    legs = {(e.event_id, leg.instrument): leg for e in world.events for leg in world.legs[e.event_id]}
    for trade in plan.trades:
        several = [leg for leg in world.legs[trade.event_id] if leg.instrument == trade.instrument]
        leg = legs[trade.event_id, trade.instrument]
        if len(several) > 1 or isinstance(leg.entry, BeforeVote):
            continue
        bars, decided = world.of(trade.instrument), to_ns(trade.decided_at)
        at_open = isinstance(leg.entry, NextOpen)
        instants = bars.open_at if at_open else bars.close_at
        first = next(i for i in range(len(bars)) if instants[i] > decided)
        if leg.entry.delay:
            labels = sorted({str(s) for s in bars.session[first:]})
            same = [i for i in range(len(bars)) if str(bars.session[i]) == labels[leg.entry.delay]]
            first = same[0] if at_open else same[-1]
        assert trade.entry.bar == first


@settings(max_examples=300)
@given(mixed_worlds())
def test_evaluation_on_arrays_agrees_with_the_replay(world):
    plan, account = world.run()
    agree(evaluate(plan, list(world.bars), world.terms), account, world.terms.cash)


@settings(max_examples=150)
@given(mixed_worlds(), st.integers(0, 1000), st.integers(0, 10))
def test_a_changed_future_leaves_the_past(world, pick, seed):
    instants = sorted(int(t) for b in world.bars for t in (*b.open_at, *b.close_at))
    instant = instants[pick % len(instants)] + (pick % 3 - 1) * 1_000_000_000
    rng = Random(seed)
    changed = tuple(_prints_kept(_after(b, instant, rng)) for b in world.bars)
    other = replace(world, bars=changed, events=_events_by(world.events, instant))
    (_, account), (_, account2) = world.run(), other.run()

    def filled(a: Account) -> list[Any]:
        past = [f for f in a.fills if f.filled_at <= instant]
        return sorted((f.filled_at, f.event_id, f.instrument, f.side, f.quantity, f.price) for f in past)

    _same(filled(account), filled(account2))


def _prints_kept(bars: Bars) -> Bars:
    """Return bars whose single prints are one price again."""
    one = bars.open_at == bars.close_at
    open_, high, low = (np.where(one, bars.close, price) for price in (bars.open, bars.high, bars.low))
    return replace(bars, open=open_, high=high, low=low)


@settings(max_examples=150)
@given(mixed_worlds())
def test_equity_of_each_session_is_cash_and_positions_at_its_last_price(world):
    """From the fills alone: nothing of two ticks at one instant is counted twice."""
    world = replace(world, terms=replace(world.terms, cash_rate=0.0, borrow_rate=0.0))
    _, account = world.run()
    for day, marked_at in enumerate(account.days.marked_at):
        if any(f.filled_at == marked_at for f in account.fills):
            continue  # of two prices at the instant of the mark one is before it and one after
        past = [f for f in account.fills if f.filled_at < marked_at]
        worth = world.terms.cash
        for f in past:
            sign = 1 if f.side == "buy" else -1
            bars = world.of(f.instrument)
            prices = [*zip(bars.open_at, bars.open, bars.open_is_real, strict=True)]
            prices = [(at, 1, p) for at, p, real in prices if real and at < marked_at]
            prices += [(at, 0, p) for at, p in zip(bars.close_at, bars.close, strict=True) if at <= marked_at]
            worth += sign * f.quantity * (max(prices)[2] - f.price) - f.commission
        assert account.equity[day] == pytest.approx(worth, rel=1e-9)


def test_daily_bars_are_no_intraday_bars():
    daily = bars(TOKYO, [flat_day("2024-01-09", 1.0), flat_day("2024-01-10", 1.0)])
    assert not daily.intraday
    assert daily.days.first.tolist() == daily.days.last.tolist() == daily.days.of.tolist() == [0, 1]
    assert PRINTS.days.first.tolist() == [0, 3, 5, 6]
    assert PRINTS.days.last.tolist() == [2, 4, 5, 8]
    assert PRINTS.until(ns("2024-01-10T00:30")).days.last.tolist() == [2, 3]
