"""Accounts with futures: replay and arrays agree, and what the account says is what its trades made."""

from typing import Any

import backtrader as bt
import numpy as np
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.events import EventCatalogue
from datasets.markets.instruments import Instrument, bundled_instruments
from engine.account.evaluate import evaluate
from engine.account.records import OPEN_AT_END, Account
from engine.account.replay_custom import replay_custom
from engine.account.sizing import MARGIN_CALL
from engine.plan.costs import Terms
from engine.run.attribution import exposures
from engine.strategy import Leg, Never, NextOpen
from strategies.buy_after_event import BuyAfterEvent
from tests.engine.futures import future_worlds
from tests.engine.markets import bars, builtin_bars, event, flat_day, instrument, market_of, plan_and_replay
from tests.engine.test_currencies import _last
from tests.engine.test_evaluate import agree
from tests.engine.test_many_plans import LONG, check_both, check_grid, check_many
from tests.engine.test_properties import World, _passed, _session_ends


@settings(max_examples=150)
@given(future_worlds())
def test_replay_and_arrays_agree(world: World) -> None:
    check_both(world)


@settings(max_examples=20)
@given(future_worlds(**LONG))
def test_replay_and_many_plans_of_long_accounts_agree(world: World) -> None:
    check_many(world, *world.run())


@settings(max_examples=100)
@given(future_worlds())
def test_equity_is_cash_other_positions_and_what_futures_have_made_at_every_mark(world: World) -> None:
    """And in the end it is the start, the trades' P&L, and the interest on what is not tied."""
    _, account = world.run()
    days, interest = account.days.sessions.astype(int), 0.0
    for n, (_, at) in enumerate(_session_ends(world)):
        values, tied = 0.0, 0.0
        for t in account.trades:
            of, sign = world.of(t.instrument), 1 if t.side == "long" else -1
            left = t.is_closed and _passed(t.exit_session, t.exit_at, of, at)
            if not _passed(t.entry_session, t.entry_at, of, at) or left:
                continue
            price, rate, _ = _last(of, at)
            if not of.instrument.is_future:
                value = exposed = sign * t.quantity * price * rate
            else:
                value = sign * t.quantity * t.multiplier * (price - t.entry_price) * rate
                exposed = sign * t.quantity * t.multiplier * t.entry_price * t.entry_rate + value
            values, tied = values + value, tied + abs(exposed) * of.instrument.tied
        assert account.equity[n] == pytest.approx(account.cash[n] + values, abs=0.01)
        if n + 1 < len(days):
            growth = (1 + world.terms.cash_rate) ** ((days[n + 1] - days[n]) / 365) - 1
            interest += (float(account.equity[n]) - tied) * growth
    made = sum(t.pnl for t in account.trades)
    assert account.equity[-1] == pytest.approx(world.terms.cash + made + interest, abs=0.01)


@pytest.mark.parametrize("side", ["long", "short"])
def test_a_sweep_of_a_future_agrees_with_its_replays(side: str) -> None:
    nikkei = builtin_bars().load(bundled_instruments().find("N225"))
    contract = replace(future("NK"), currency="JPY")
    rolls = np.arange(len(nikkei)) % 60 == 7
    market = market_of(replace(nikkei, instrument=contract, rolls=rolls))
    axes: dict[str, list[Any]] = {"hold": [3, 20], "stop_loss": [None, 0.02], "weight": [0.5, 1.0]}
    terms = Terms(cash=1e9, cash_rate=0.01, borrow_rate=0.02, commission_bps=2.0)
    check_grid(BuyAfterEvent, {"instrument": "NK", "country": "JP", "side": side}, axes, market, terms)


# ---- by hand -----------------------------------------------------------------------------------------------------------

FLAT = [
    ("2024-01-02", 100.0),
    ("2024-01-03", 100.0),
    ("2024-01-04", 100.0),
    ("2024-01-05", 100.0),
    ("2024-01-08", 80.0),
]
BEFORE = [event("E", "2024-01-02T12:00")]


def future(symbol: str = "AAA", *, initial: float = 10.0, maintenance: float = 8.0, **given: Any) -> Instrument:
    margins: dict[str, Any] = {"initial_margin": initial, "maintenance_margin": maintenance}
    return instrument(symbol, multiplier=50.0, lot=1.0, **margins, **given)


def held(weight: float, terms: Terms, *, of: Instrument | None = None) -> Account:
    """Return the account that buys at the open of 3 January and holds on, the same by both ways."""
    market = bars(of or future(), [flat_day(*row) for row in FLAT])
    plan, account = plan_and_replay([Leg("AAA", weight, NextOpen(), Never())], BEFORE, market, terms=terms)
    agree(evaluate(plan, [market], terms), account, terms.cash)
    return account


def test_leverage_beyond_the_exposure_limit_is_cut_and_said() -> None:
    (trade,) = held(3.0, Terms(cash=1e6, max_gross=2.0)).trades
    assert (trade.quantity, trade.multiplier, trade.value) == (400.0, 50.0, 2e6)
    assert trade.note == "scaled to 66.7% by the exposure limit or the margin of futures"


def test_the_initial_margin_limits_size_below_the_exposure_limit() -> None:
    """A margin of 40 % lets 2.5 times the equity in, though 20 times were allowed."""
    (trade,) = held(8.0, Terms(cash=1e6, max_gross=20.0), of=future(initial=40.0)).trades
    assert trade.value == 2.5e6


def test_a_future_is_not_paid_for_and_its_margin_alone_earns_nothing() -> None:
    account = held(1.0, Terms(cash=1e6, cash_rate=0.0365))
    day = 900_000 * (1.0365 ** (1 / 365) - 1)  # of a value of 1,000,000 a margin of 100,000 is tied
    assert account.cash[2] - account.cash[1] == pytest.approx(day, abs=0.01)
    assert account.equity[1:4] == pytest.approx(account.cash[1:4])
    assert account.equity[-1] == pytest.approx(account.cash[-1] - 200_000)


def test_a_future_is_called_below_its_own_maintenance_margin() -> None:
    """Of 4 times the equity a fall of 20 % leaves 0.2, and 8 % of 3.2 is 0.256: called, but no price comes."""
    market = bars(future(), [flat_day(*row) for row in [*FLAT, ("2024-01-09", 81.0)]])
    for maintenance, reason in ((8.0, MARGIN_CALL), (6.0, OPEN_AT_END)):
        given = replace(market, instrument=future(maintenance=maintenance))
        plan, account = plan_and_replay(
            [Leg("AAA", 4.0, NextOpen(), Never())], BEFORE, given, terms=Terms(max_gross=5.0)
        )
        assert [t.exit_reason for t in account.trades] == [reason]
        agree(evaluate(plan, [given], Terms(max_gross=5.0)), account, 1e6)


def test_less_than_a_contract_is_skipped_with_its_value() -> None:
    (skipped,) = held(0.5, Terms(cash=9_000.0)).skipped
    assert skipped.reason == "0.5 of equity 9,000 buys less than one lot of 1 at 50 x 100"


def test_an_unhedged_future_is_exposed_with_its_result_and_to_no_currency() -> None:
    market = replace(
        bars(future(), [flat_day(*row) for row in FLAT]), open_rate=np.full(5, 0.01), close_rate=np.full(5, 0.01)
    )
    _, account = plan_and_replay([Leg("AAA", 0.5, NextOpen(), Never())], BEFORE, market)
    assert [(e.kind, e.name) for e in exposures(account, [market])] == [("market", "AAA")]
    assert account.trades[0].pnl == pytest.approx(-0.5e6 * 0.2)


def test_a_backtrader_strategy_is_refused_a_future_by_name() -> None:
    market = bars(future(), [flat_day(*row) for row in FLAT])
    with pytest.raises(UserError, match=r"^AAA: a backtrader.Strategy cannot trade futures"):
        replay_custom(bt.Strategy, {}, [market], EventCatalogue([]), Terms())
