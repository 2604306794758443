"""What a trade would have returned at any other date is what a replay of it there leaves."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from engine.account.sizing import MARGIN_CALL
from engine.plan.costs import Costs
from engine.plan.plan import PlannedTrade
from engine.strategy import Phase
from engine.strategy.gaps import broken_before
from engine.study.returns import close_returns, window_sums
from engine.study.shapes import Shape, net_returns, shape_of
from tests.engine.futures import future_worlds
from tests.engine.markets import bars, instrument
from tests.engine.study.worlds import subject, walk
from tests.engine.test_properties import World, worlds


@settings(max_examples=300)
@given(worlds())
def test_net_return_of_a_shape_at_its_own_bar_is_that_of_the_replayed_trade(world: World) -> None:
    as_replayed(world)


@settings(max_examples=100)
@given(future_worlds(most_markets=1))
def test_net_return_of_a_future_is_that_of_the_replayed_trade_over_its_rolls(world: World) -> None:
    as_replayed(world)


def as_replayed(world: World) -> None:
    plan, account = world.run()
    for trade in account.trades:
        own = [t for t in plan.trades if _key(t, world) == (trade.event_id, trade.instrument, trade.entry_at)]
        if len(own) != 1 or own[0].exit is None or trade.exit_reason == MARGIN_CALL or not trade.is_closed:
            continue
        market = world.of(trade.instrument)
        found = net_returns(market, shape_of(own[0]), world.terms.costs(market.instrument))[own[0].entry.bar]
        assert found == pytest.approx(trade.return_, abs=1e-9)


def _key(planned: PlannedTrade, world: World) -> tuple[str, str, int]:
    return planned.event_id, planned.instrument, planned.entry.at(world.of(planned.instrument))


DAYS = bars(
    instrument(),
    [
        ("2024-01-01", 100.0, 104.0, 99.0, 102.0),
        ("2024-01-02", 103.0, 106.0, 101.0, 105.0),
        ("2024-01-03", 90.0, 95.0, 88.0, 92.0),
        ("2024-01-04", 92.0, 99.0, 91.0, 98.0),
    ],
)


def shape(**given: object) -> Shape:
    return Shape(**{"instrument": "AAA", "side": 1, "entry": Phase.OPEN, "exit": Phase.OPEN, "held": 1, **given})  # type: ignore[arg-type]


def test_open_to_open_by_hand() -> None:
    found = net_returns(DAYS, shape(), Costs(0.0, 0.0))
    assert found[:3] == pytest.approx([0.03, 90 / 103 - 1, 92 / 90 - 1])
    assert np.isnan(found[3])


def test_costs_are_taken_on_both_sides() -> None:
    # in at 100 x 1.001, out at 103 x 0.999, commission 5 bps of each value
    paid, got = 100.1, 102.897
    expected = (got - paid - 0.0005 * (got + paid)) / paid
    assert net_returns(DAYS, shape(), Costs(5.0, 10.0))[0] == pytest.approx(expected)


def test_short_side_gains_what_the_long_one_loses() -> None:
    assert net_returns(DAYS, shape(side=-1), Costs(0.0, 0.0))[:3] == pytest.approx([-0.03, 1 - 90 / 103, 1 - 92 / 90])


def test_stop_that_the_open_has_passed_fills_at_the_open() -> None:
    held = shape(held=3, stop_loss=0.05)
    assert net_returns(DAYS, held, Costs(0.0, 0.0))[0] == pytest.approx(-0.10)


def test_target_within_the_bar_fills_at_its_level() -> None:
    held = shape(held=3, take_profit=0.055)
    assert net_returns(DAYS, held, Costs(0.0, 0.0))[0] == pytest.approx(0.055)


TOUCHED = bars(
    instrument(),
    [
        ("2024-01-01", 100.0, 101.0, 99.0, 100.0),
        ("2024-01-02", 99.0, 125.0, 75.0, 98.0),
        ("2024-01-03", 99.0, 99.0, 99.0, 99.0),
    ],
)  # the low is exactly 25 % below the price paid, the high exactly 25 % above


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"stop_loss": 0.25}, -0.25),
        ({"side": -1, "stop_loss": 0.25}, -0.25),
        ({"take_profit": 0.25}, 0.25),
        ({"side": -1, "take_profit": 0.25}, 0.25),
        ({"stop_loss": 0.25, "take_profit": 0.25}, -0.25),  # both in one bar: stopped
        ({"stop_loss": 0.26}, -0.01),  # just not reached: the close of the third bar
    ],
)
def test_a_level_touched_exactly_counts_as_reached(given: dict[str, Any], expected: float) -> None:
    held = shape(held=2, exit=Phase.CLOSE, **given)
    assert net_returns(TOUCHED, held, Costs(0.0, 0.0))[0] == pytest.approx(expected, abs=1e-15)


def test_a_study_counts_a_stop_touched_exactly_as_stopped() -> None:
    market = walk(300)
    paid = float(market.open[200])
    touched = replace(market, low=np.where(np.arange(300) == 203, paid * (1 - 0.25), market.low))
    given = subject(touched, rows=[200], hold=10, stop_loss=0.25)
    assert given.run.trades[0].exit_reason == "stop_loss"
    model = given.return_model(None)
    assert model.by_bar(shape_of(given.plan.trades[0])).net[200] == pytest.approx(-0.25, abs=1e-15)


def test_nothing_is_returned_across_a_hole() -> None:
    holed = bars(
        instrument(),
        [("2024-01-01", 1.0, 1.0, 1.0, 1.0), ("2024-03-01", 2.0, 2.0, 2.0, 2.0), ("2024-03-04", 2.0, 2.0, 2.0, 2.0)],
    )
    found = net_returns(holed, shape(entry=Phase.CLOSE, exit=Phase.CLOSE), Costs(0.0, 0.0))
    assert np.isnan(found[0])
    assert found[1] == 0.0
    assert broken_before(holed).tolist() == [False, True, False]
    assert np.isnan(close_returns(holed)[1])


def test_window_sums_by_hand() -> None:
    returns = np.array([np.nan, 0.01, 0.02, -0.01, 0.04])
    found = window_sums(returns, -1, 1)
    assert np.isnan(found[[0, 1, 4]]).all()
    assert found[2:4] == pytest.approx([0.02, 0.05])


def test_sessions_a_shape_earns() -> None:
    both = [
        (shape(held=3), (0, 2)),
        (shape(held=3, exit=Phase.CLOSE), (0, 3)),
        (shape(held=3, entry=Phase.CLOSE), (1, 2)),
    ]
    assert all((s.first, s.last) == expected for s, expected in both)
