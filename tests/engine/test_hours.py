"""What the hours of exchanges do to plans and runs: official closes, halts, special sessions, the horizon."""

from typing import Any

import numpy as np
import pytest

from datasets.events import EventCatalogue
from datasets.instants import iso_z, to_ns
from datasets.prices.bars import Bars, Source, make_bars
from engine.plan.plan import make_plan
from engine.run.backtest import backtest
from engine.strategy import After, Leg, NextClose, NextOpen, Phase
from tests.engine.markets import event, instrument, market_of, plan_and_replay, scripted, utc


def daily(mic: str, *sessions: str) -> Bars:
    """Return bars that trade at other prices every day, stamped with the hours of an exchange."""
    close = 100.0 + np.arange(len(sessions))
    prices: dict[str, Any] = {"open_": close - 0.5, "high": close, "low": close - 0.5, "close": close, "volume": close}
    days = np.array(sessions, dtype="datetime64[D]")
    return make_bars(instrument(mic=mic), Source("test", "literals in a test"), session=days, where=str, **prices)


def entry(mic: str, known_at: str, *sessions: str, at: Any) -> str:
    """Return when a trade decided at an instant is entered."""
    market = daily(mic, *sessions)
    leg = Leg("AAA", 1, at, After(1))
    (trade,) = make_plan(scripted([leg]), EventCatalogue([event("E", known_at)]), market_of(market)).trades
    return iso_z(trade.entry.at(market))


LONDON = ("2024-07-04", "2024-07-05", "2024-07-08", "2024-07-09")


@pytest.mark.parametrize(
    ("known_at", "filled_at"),
    [
        ("2024-07-05T15:30", "2024-07-05T15:35:00Z"),  # at the end of trading: the auction is still to come
        ("2024-07-05T15:34:59", "2024-07-05T15:35:00Z"),
        ("2024-07-05T15:35", "2024-07-08T15:35:00Z"),
    ],
)
def test_what_is_known_before_the_auction_ends_trades_at_that_close(known_at: str, filled_at: str) -> None:
    assert entry("XLON", known_at, *LONDON, at=NextClose()) == filled_at


def test_a_close_is_not_seen_before_its_auction() -> None:
    bars = daily("XLON", *LONDON)
    for known_at, seen in (("2024-07-05T15:34", "2024-07-04"), ("2024-07-05T15:35", "2024-07-05")):
        assert str(bars.until(to_ns(utc(known_at))).session[-1]) == seen


@pytest.mark.parametrize(
    ("mic", "known_at", "sessions", "opens", "closes"),
    [
        # Muhurat on a Friday evening, from 18:00 to 19:00 in Mumbai
        ("XBOM", "2024-11-01T12:00", ("2024-10-31", "2024-11-01", "2024-11-04", "2024-11-05"), "2024-11-01T12:30:00Z", "2024-11-01T13:30:00Z"),
        # halted for the day at 09:59 in Shanghai: nothing fills at a close of 15:00
        ("XSHG", "2016-01-07T02:00", ("2016-01-06", "2016-01-07", "2016-01-08", "2016-01-11"), "2016-01-08T01:30:00Z", "2016-01-08T07:00:00Z"),
        # 09:30 on the day of the college entrance exam in Seoul: open from 10:00 to 16:30
        ("XKRX", "2024-11-14T00:30", ("2024-11-13", "2024-11-14", "2024-11-15", "2024-11-18"), "2024-11-14T01:00:00Z", "2024-11-14T07:30:00Z"),
        # 13:00 on Christmas Eve in Singapore: shut since 12:00
        ("XSES", "2024-12-24T05:00", ("2024-12-23", "2024-12-24", "2024-12-26", "2024-12-27"), "2024-12-26T01:00:00Z", "2024-12-26T09:06:00Z"),
        # Xetra closed at 20:00 in 2001: a cut of the Fed at 19:20 there is before the close
        ("XETR", "2001-01-03T18:20", ("2001-01-02", "2001-01-03", "2001-01-04", "2001-01-05"), "2001-01-04T08:00:00Z", "2001-01-03T19:05:00Z"),
        # NSE opened at 9:55 in 2008
        ("XBOM", "2008-11-05T04:00", ("2008-11-04", "2008-11-05", "2008-11-06", "2008-11-07"), "2008-11-05T04:25:00Z", "2008-11-05T10:00:00Z"),
        # B3 closes at 17:00 while New York has daylight time
        ("BVMF", "2025-04-02T20:04", ("2025-04-01", "2025-04-02", "2025-04-03", "2025-04-04"), "2025-04-03T13:00:00Z", "2025-04-03T20:00:00Z"),
    ],
)  # fmt: skip
def test_first_fills_on_special_days(
    mic: str, known_at: str, sessions: tuple[str, ...], opens: str, closes: str
) -> None:
    assert entry(mic, known_at, *sessions, at=NextOpen()) == opens
    assert entry(mic, known_at, *sessions, at=NextClose()) == closes


def test_a_run_says_that_its_fills_lie_beyond_the_horizon() -> None:
    note = "hours of XNYS after 2027-12-31 are regular hours, special days unknown"
    days = ("2027-12-30", "2027-12-31", "2028-01-03", "2028-01-04")
    for known_at, warnings in (("2027-12-31T22:00", [note]), ("2027-12-30T12:00", [])):
        rule = scripted([Leg("AAA", 1, NextOpen(), After(1, Phase.CLOSE))])
        run = backtest(rule, EventCatalogue([event("E", known_at)]), market_of(daily("XNYS", *days)))
        assert run.fills
        assert run.warnings == warnings


def test_a_fill_at_an_official_close_is_dated_by_its_auction() -> None:
    legs = [Leg("AAA", 1, NextClose(), After(1))]
    _, account = plan_and_replay(legs, [event("E", "2024-07-05T15:31")], daily("XLON", *LONDON))
    assert iso_z(account.fills[0].filled_at) == "2024-07-05T15:35:00Z"
