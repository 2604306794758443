"""Boundaries on which a one-off change of a condition would change a result: each is pinned from both sides."""

from datetime import datetime, timedelta
from typing import Any

import backtrader as bt
import numpy as np
import pytest

from datasets.events import Kind, PoliticalEvent
from engine.account.evaluate import evaluate
from engine.metrics.metrics import compute_metrics
from engine.plan.costs import Terms
from engine.plan.plan_grid import plan_grid
from engine.strategy import After, AtNextEvent, Leg, Never, NextClose, NextOpen, Sessions, Strategy, strategy
from engine.strategy.market import MarketView
from engine.strategy.placeholders import grid_space
from tests.engine.markets import about, bars, days, event, flat_day, instrument, market_of, ns, plan_and_replay
from tests.engine.test_backtrader_traps import on, ours

FLAT = [flat_day(day, 100.0) for day in days("2024-01-01", 12)]


# ---- orders of backtrader strategies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "filled"), [("2024-01-03", True), ("2024-01-04", False)])
def test_an_order_valid_until_a_day_number_lapses_then(day: str, filled: bool) -> None:
    """Sent at the close of 1 January and valid until two days later: a bar of the 3rd may fill it, the 4th not."""

    def send(s: Any) -> None:
        s.buy(size=1, exectype=bt.Order.Limit, price=90.0, valid=s.data.datetime[0] + 2)

    rows = [(d, 100.0, 100.0, 90.0 if d == day else 99.0, 100.0) for d in days("2024-01-01", 6)]
    account = ours(on("2024-01-01", send), bars(instrument(), rows))
    assert [f.session for f in account.fills] == ([day] if filled else [])


def test_an_order_valid_for_zero_days_lapses_with_its_day() -> None:
    rows = [(d, 100.0, 100.0, 90.0, 100.0) for d in days("2024-01-01", 4)]
    day_order = on("2024-01-01", lambda s: s.buy(size=1, exectype=bt.Order.Limit, price=95.0, valid=0))
    assert ours(day_order, bars(instrument(), rows)).fills == ()


def test_commission_of_an_order_is_inside_the_exposure_limit() -> None:
    """10,000 of cash at 1 % commission buys 10,000 / 101 units at 100: what is spent is all there was."""
    everything = on("2024-01-01", lambda s: s.order_target_percent(target=1.5))
    account = ours(everything, bars(instrument(), FLAT), terms=Terms(cash=10_000.0, commission_bps=100.0))
    (fill,) = account.fills
    assert fill.quantity == about(10_000 / 101)
    assert account.cash[-1] == about(0.0, abs=1e-9)


def test_dust_of_fractions_is_no_position() -> None:
    """0.1 + 0.2 is not 0.3: after the sale of 0.3 nothing is held, and the trade is closed."""
    held: list[float] = []

    def script(s: Any) -> None:
        day = str(s.data.datetime.date(0))
        sizes = {"2024-01-02": 0.1, "2024-01-03": 0.2, "2024-01-05": -0.3}
        if day in sizes:
            (s.buy if sizes[day] > 0 else s.sell)(size=abs(sizes[day]))
        held.append(s.position.size)

    account = ours(script, bars(instrument(), FLAT))
    assert held[-1] == 0
    assert [t.exit_reason for t in account.trades] == ["order"]
    assert account.exposure[-1] == 0


# ---- plans -------------------------------------------------------------------------------------------------------------


@strategy
class Both(Strategy):
    """Buy two markets after each event.

    Args:
        hold: sessions held
    """

    hold: Sessions = 20

    def instruments(self) -> tuple[str, ...]:
        return ("AAA", "BBB")

    def wants(self, event: PoliticalEvent) -> bool:
        return True

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        return [Leg(name, 0.5, NextOpen(), After(self.hold)) for name in self.instruments()]


@pytest.mark.parametrize(("gap", "reason"), [(45, "open_at_end"), (46, "bars_end")])
def test_bars_that_end_more_than_45_days_before_the_others_close_their_trade(gap: int, reason: str) -> None:
    first, n = "2024-01-01", 6
    longer = (datetime.fromisoformat(first) + timedelta(days=n - 1 + gap)).date()
    one = bars(instrument("AAA"), [flat_day(d, 100.0) for d in days(first, n)])
    two = bars(instrument("BBB"), [flat_day(d, 100.0) for d in days(first, n + gap)])
    assert str(two.session[-1]) == str(longer)
    legs = [Leg("AAA", 0.5, NextOpen(), Never()), Leg("BBB", 0.5, NextOpen(), After(1))]
    plan, account = plan_and_replay(legs, [event("E", f"{first}T12:00")], one, two)
    assert {t.instrument: t.exit_reason for t in account.trades}["AAA"] == reason
    assert evaluate(plan, [one, two], Terms()).trades == account.trades
    grid = plan_grid(grid_space(Both, {}, {"hold": [20, 30]}), [event("E", f"{first}T12:00")], market_of(one, two))
    for block, row in ((b, row) for b in grid.blocks for row in b.rows.tolist()):
        held = {t.instrument: t.exit for t in grid.plan(row).trades}
        assert {t.instrument: t.exit for t in grid.trades(block, row)} == held
        assert (held["AAA"] is None) == (reason == "open_at_end")


@pytest.mark.parametrize(("seconds", "session"), [(0, "2024-01-09"), (1, "2024-01-03")])
def test_an_event_known_at_the_very_entry_is_not_the_next_one(seconds: int, session: str) -> None:
    """Entered at the close of 2 January. What is known then is not waited for; a second later it is."""
    entry = datetime.fromisoformat("2024-01-02T06:00+00:00") + timedelta(seconds=seconds)
    assert ns("2024-01-02T06:00") == int((entry - timedelta(seconds=seconds)).timestamp()) * 10**9
    events = [
        event("E", "2024-01-01T12:00"),
        event("F", entry, kind=Kind.INAUGURATION),
        event("G", "2024-01-08T12:00", kind=Kind.INAUGURATION),
    ]
    legs = {"E": [Leg("AAA", 0.5, NextClose(), AtNextEvent(Kind.INAUGURATION))]}
    _, account = plan_and_replay(legs, events, bars(instrument(), FLAT))
    assert [t.exit_session for t in account.trades] == [session]


# ---- metrics -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("held", "given"), [(30, True), (29, False)])
def test_held_exactly_half_of_the_time_is_often_enough(held: int, given: bool) -> None:
    """60 sessions and one closed trade: yearly risk figures need 10 closed trades, or half of the sessions held."""
    sessions = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-03-01"))
    assert len(sessions) == 60
    one = bars(instrument(), [flat_day(str(d), 100.0 + n) for n, d in enumerate(sessions)])
    # entered at the open of the second session, left at the open of the last one held
    plan = [Leg("AAA", 0.5, NextOpen(), After(held - 1))]
    _, account = plan_and_replay(plan, [event("E", "2024-01-01T12:00")], one)
    returns = np.diff(account.equity, prepend=1_000_000.0) / np.concatenate(([1_000_000.0], account.equity[:-1]))
    metrics = compute_metrics(sessions, returns, account.trades)
    assert metrics.values["exposure"] == about(held / 60)
    assert (metrics.values["sharpe"] is not None) == given
